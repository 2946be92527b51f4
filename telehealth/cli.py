"""Operator commands: parse, one action, print, exit code.

Exit codes: 0 done, 1 cannot start, 2 bad usage or settings, 3 the audit trail was altered,
4 its heads prove nothing.
"""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import typer

from telehealth import keys_cli, sealing_commands
from telehealth.app import AddressTaken
from telehealth.app import serve as serve_until_stopped
from telehealth.audit.operator import (
    Finding,
    HeadsPlace,
    check_by_time,
    check_with_heads,
    export_as_fhir,
    told,
)
from telehealth.audit.verdict import Standing
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
from telehealth.platform.core_dumps import refuse_core_dumps
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


@app.callback()
def begin() -> None:
    """Whatever a process of ours is started for, its memory stays its own."""
    refuse_core_dumps()


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
def verify(
    since: Day = None,
    until: Day = None,
    heads: Annotated[Path | None, typer.Option(help="Folder of signed heads.")] = None,
    key: Annotated[Path | None, typer.Option(help="Public keys of the heads.")] = None,
    since_newest_head: Annotated[  # noqa: FBT002  (a flag of the command line)
        bool, typer.Option("--since-newest-head", help="Take the newest head's word.")
    ] = False,
) -> None:
    """Recompute every clinic's chain, or the part made between two days (UTC).

    With --heads and --key, also compare the chain with heads kept elsewhere; only they show that
    its end was cut off, or that all of it was written anew.

    Exit codes: 0 whole, 2 bad usage, 3 altered (where is printed), 4 whole, but the heads prove
    nothing: there is none with a good signature, or something else lies among them.
    """
    url = settings_or_exit(DatabaseSettings).database_url.get_secret_value()
    if (heads is None) != (key is None) or (heads is not None and (since or until)):
        typer.echo("--heads and --key belong together, without --since and --until", err=True)
        raise typer.Exit(code=2)
    place = None
    if heads is not None and key is not None:
        place = HeadsPlace(folder=heads, public_keys=key, only_since_newest=since_newest_head)
    try:
        found = asyncio.run(_verify(url, _utc(since), _utc(until), place))
    except (KeyFileUnsafe, OSError, ValueError) as reason:
        typer.echo(str(reason), err=True)
        raise typer.Exit(code=2) from None
    for clinic_id, finding in found.items():
        is_fine = finding.verdict.standing is Standing.WHOLE and not finding.lacks_heads
        for line in told(clinic_id, finding):
            typer.echo(line, err=not is_fine)
    if any(finding.verdict.standing is not Standing.WHOLE for finding in found.values()):
        raise typer.Exit(code=3)
    if any(finding.lacks_heads for finding in found.values()):
        raise typer.Exit(code=4)


@audit.command()
def export(
    clinic: UUID,
    deployment: Annotated[str, typer.Option(help="Name of this installation.")],
    origin: Annotated[str, typer.Option(help="Public origin of the visit service.")],
    since: Day = None,
    until: Day = None,
) -> None:
    """Print one CLINIC's entries as FHIR AuditEvents (IHE BALP), one a line, oldest first.

    The export is recorded in the trail before the first line.
    """
    url = settings_or_exit(DatabaseSettings).database_url.get_secret_value()

    async def print_all() -> None:
        database = Database(url)
        lines = export_as_fhir(
            database,
            clock=SystemClock(),
            clinic_id=ClinicId(clinic),
            deployment=deployment,
            origin=origin,
            since=_utc(since),
            until=_utc(until),
        )
        try:
            async for line in lines:
                typer.echo(line)
        finally:
            await database.close()

    asyncio.run(print_all())


async def _verify(
    url: str, since: datetime | None, until: datetime | None, place: HeadsPlace | None
) -> Mapping[ClinicId, Finding]:
    database, clock = Database(url), SystemClock()
    try:
        if place is not None:
            return await check_with_heads(database, clock=clock, place=place)
        return await check_by_time(database, clock=clock, since=since, until=until)
    finally:
        await database.close()


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _cannot_start(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(code=1)


if __name__ == "__main__":
    sys.exit(app())
