"""Operator commands: parse, one action, print, exit code.

Exit codes: 0 done, 1 cannot start, 2 bad usage or settings, 3 the audit trail is broken.
"""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer

from telehealth import keys_cli, sealing_commands
from telehealth.access.actor import Actor, Job
from telehealth.app import AddressTaken
from telehealth.app import serve as serve_until_stopped
from telehealth.audit import actions as audit_actions
from telehealth.audit.chain import ChainReport
from telehealth.command_settings import settings_or_exit
from telehealth.contract import ClinicId
from telehealth.demo import DemoRefused, DemoSettings
from telehealth.demo import run as run_demo
from telehealth.identity import staff as staff_actions
from telehealth.identity.staff_http import PASSWORD_PAGE
from telehealth.migrations.run import upgrade
from telehealth.platform.clock import SystemClock
from telehealth.platform.config import (
    DatabaseSettings,
    KeyCommandSettings,
    VisitServiceSettings,
    WorkerSettings,
)
from telehealth.platform.db import Database
from telehealth.platform.logging import set_up_logging
from telehealth.platform.sealing.errors import ProviderUnsafe
from telehealth.platform.signing import KeyFileUnsafe
from telehealth.retention_commands import app as retention
from telehealth.sealing_commands import sealed_database
from telehealth.serve_all import CannotServe, ServeAllSettings
from telehealth.serve_all import run as run_all
from telehealth.worker import KeyFileMissing, deliver_until_told

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The visit service.")
audit = typer.Typer(no_args_is_help=True, help="The audit trail.")
staff = typer.Typer(no_args_is_help=True, help="Accounts of staff.")
app.add_typer(audit, name="audit")
app.add_typer(staff, name="staff")
keys_cli.app.add_typer(sealing_commands.app)
app.add_typer(keys_cli.app, name="keys")
app.add_typer(retention, name="retention")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command()
def serve() -> None:
    """Serve pages, REST and the internal port until SIGTERM."""
    set_up_logging()
    settings = settings_or_exit(VisitServiceSettings)
    try:
        asyncio.run(serve_until_stopped(settings))
    except (AddressTaken, KeyFileUnsafe, ProviderUnsafe, FileNotFoundError) as reason:
        _cannot_start(str(reason))


@app.command()
def work() -> None:
    """Deliver what is owed to charts and rooms until SIGTERM."""
    set_up_logging()
    settings = settings_or_exit(WorkerSettings)
    try:
        asyncio.run(deliver_until_told(settings))
    except (ProviderUnsafe, FileNotFoundError) as reason:
        _cannot_start(str(reason))
    except KeyFileMissing:
        _cannot_start("TELEHEALTH_EHR_KEY_FILE: an EHR that is not on this machine needs one")


@app.command("serve-all")
def serve_all() -> None:
    """Run every process on this machine, supervised, until Ctrl-C."""
    try:
        run_all(settings_or_exit(ServeAllSettings))
    except CannotServe as reason:
        _cannot_start(str(reason))


@app.command()
def demo() -> None:
    """Run the product with invented people and a simulated chart, until Ctrl-C."""
    try:
        run_demo(settings_or_exit(DemoSettings))
    except DemoRefused as reason:
        _cannot_start(str(reason))


@app.command()
def migrate() -> None:
    """Bring the database to the newest form; does nothing when it is there."""
    upgrade(settings_or_exit(DatabaseSettings).database_url.get_secret_value())
    typer.echo("The database has the newest form.")


@staff.command("password-link")
def password_link(email: str, origin: str = "") -> None:
    """Make a link with which the owner of EMAIL chooses a password, once, within 72 hours.

    For the first administrator, and for one who is locked out with nobody left to help.  Second
    factors stay.  ORIGIN, such as https://clinic.example.org, is put before the link's path.
    """
    secret = asyncio.run(_password_link(settings_or_exit(KeyCommandSettings), email))
    if secret is None:
        typer.echo("There is no such account.", err=True)
        raise typer.Exit(code=2)
    typer.echo(f"{origin}{PASSWORD_PAGE}{secret}")


async def _password_link(settings: KeyCommandSettings, email: str) -> str | None:
    async with sealed_database(settings) as (database, _), database.unit_of_work() as uow:
        return await staff_actions.make_link_for_operator(uow, email=email, now=SystemClock().now())


@audit.command()
def verify(since: Day = None, until: Day = None) -> None:
    """Recompute every clinic's chain, or the part made between two days (UTC).

    Exit codes: 0 whole, 2 bad usage, 3 broken (the first broken entry is printed).
    """
    url = settings_or_exit(DatabaseSettings).database_url.get_secret_value()
    reports = asyncio.run(_verify(url, _utc(since), _utc(until)))
    for clinic_id, report in reports.items():
        if report.first_broken is not None:
            typer.echo(f"clinic {clinic_id}: broken at entry {report.first_broken}", err=True)
        else:
            typer.echo(f"clinic {clinic_id}: whole, {report.entries} entries")
    if any(report.first_broken is not None for report in reports.values()):
        raise typer.Exit(code=3)


async def _verify(
    url: str, since: datetime | None, until: datetime | None
) -> dict[ClinicId, ChainReport]:
    database = Database(url)
    try:
        async with database.reading() as session:
            reports = {
                clinic_id: await audit_actions.unscoped_report(
                    session, clinic_id=clinic_id, since=since, until=until
                )
                for clinic_id in await audit_actions.unscoped_clinics(session)
            }
        async with database.unit_of_work() as uow:
            for clinic_id, report in reports.items():
                await audit_actions.record_check(
                    uow,
                    by=Actor.of_job(Job.SETUP, clinic_id),
                    now=SystemClock().now(),
                    report=report,
                )
    finally:
        await database.close()
    return reports


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _cannot_start(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(code=1)


if __name__ == "__main__":
    sys.exit(app())
