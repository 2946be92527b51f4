"""Operator commands: parse, one action, print, exit code.

Exit codes: 0 done, 1 cannot start, 2 bad usage or settings, 3 the audit trail is broken.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from telehealth.access.actor import Actor, Job
from telehealth.app import AddressTaken
from telehealth.app import serve as serve_until_stopped
from telehealth.audit import actions as audit_actions
from telehealth.audit.chain import ChainReport
from telehealth.contract import ClinicId, PersonId
from telehealth.demo import DemoRefused, DemoSettings
from telehealth.demo import run as run_demo
from telehealth.identity.erasure import give_up_person
from telehealth.identity.errors import PersonUnknown
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
from telehealth.platform.sealing.keyring import Keyring
from telehealth.platform.sealing.providers import make_root_key_file
from telehealth.platform.sealing.rotation import RotationReport, erase_person, rotate
from telehealth.platform.sealing.settings import keyring_from
from telehealth.platform.signing import KeyFileUnsafe, make_key_file
from telehealth.retention_commands import app as retention
from telehealth.serve_all import CannotServe, ServeAllSettings
from telehealth.serve_all import run as run_all
from telehealth.worker import KeyFileMissing, deliver_until_told

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The visit service.")
audit = typer.Typer(no_args_is_help=True, help="The audit trail.")
keys = typer.Typer(no_args_is_help=True, help="Token-signing keys, and keys of sealed columns.")
app.add_typer(audit, name="audit")
app.add_typer(keys, name="keys")
app.add_typer(retention, name="retention")

Settings = TypeVar("Settings", bound=BaseSettings)
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command()
def serve() -> None:
    """Serve pages, REST and the internal port until SIGTERM."""
    set_up_logging()
    settings = _settings(VisitServiceSettings)
    try:
        asyncio.run(serve_until_stopped(settings))
    except (AddressTaken, KeyFileUnsafe, ProviderUnsafe, FileNotFoundError) as reason:
        _cannot_start(str(reason))


@app.command()
def work() -> None:
    """Deliver what is owed to charts and rooms until SIGTERM."""
    set_up_logging()
    settings = _settings(WorkerSettings)
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
        run_all(_settings(ServeAllSettings))
    except CannotServe as reason:
        _cannot_start(str(reason))


@app.command()
def demo() -> None:
    """Run the product with invented people and a simulated chart, until Ctrl-C."""
    try:
        run_demo(_settings(DemoSettings))
    except DemoRefused as reason:
        _cannot_start(str(reason))


@app.command()
def migrate() -> None:
    """Bring the database to the newest form; does nothing when it is there."""
    upgrade(_settings(DatabaseSettings).database_url.get_secret_value())
    typer.echo("The database has the newest form.")


@keys.command("make")
def make(file: Path) -> None:
    """Draw a signing key into a new FILE that only its owner may read."""
    try:
        make_key_file(file)
    except FileExistsError:
        typer.echo(f"{file} is there already; keys are never overwritten", err=True)
        raise typer.Exit(code=2) from None
    typer.echo(f"Made {file}.")


@keys.command("make-root")
def make_root(file: Path) -> None:
    """Draw the root key of sealed columns into a new FILE; refused in production."""
    try:
        make_root_key_file(file)
    except FileExistsError:
        typer.echo(f"{file} is there already; keys are never overwritten", err=True)
        raise typer.Exit(code=2) from None
    typer.echo(f"Made {file}.")


@keys.command("rotate-data")
def rotate_data() -> None:
    """Seal everything with new keys while the service runs; go on with a run that was killed.

    Old keys nothing refers to are destroyed a quarter of an hour later, by the next run.
    Exit codes: 0 done, 3 something does not open (its row and its key stay as they are).
    """
    report = asyncio.run(_rotate(_settings(KeyCommandSettings)))
    typer.echo(
        f"{report.begun} keys retiring anew, {report.resealed} values sealed again,"
        f" {report.retired} old keys destroyed, {report.still_retiring} still kept"
    )
    if report.unreadable:
        typer.echo(f"{report.unreadable} values do not open", err=True)
        raise typer.Exit(code=3)


@keys.command("erase-patient")
def erase_patient(clinic: UUID, person: UUID) -> None:
    """Destroy the keys of one PERSON of a CLINIC: what was sealed for them is gone for good."""
    try:
        destroyed = asyncio.run(
            _erase(_settings(KeyCommandSettings), ClinicId(clinic), PersonId(person))
        )
    except PersonUnknown:
        typer.echo("There is no such person in this clinic.", err=True)
        raise typer.Exit(code=2) from None
    typer.echo(f"{destroyed} keys destroyed.")


async def _rotate(settings: KeyCommandSettings) -> RotationReport:
    clock = SystemClock()
    async with _sealed_database(settings) as (database, keyring):
        return await rotate(database, keyring, clock=clock)


async def _erase(settings: KeyCommandSettings, clinic_id: ClinicId, person_id: PersonId) -> int:
    now = SystemClock().now()
    async with _sealed_database(settings) as (database, keyring):
        async with database.unit_of_work() as uow:
            by = Actor.of_job(Job.SETUP, clinic_id)
            await give_up_person(uow, by=by, now=now, person_id=person_id)
        return await erase_person(keyring, clinic_id=clinic_id, person_id=person_id, now=now)


@asynccontextmanager
async def _sealed_database(
    settings: KeyCommandSettings,
) -> AsyncIterator[tuple[Database, Keyring]]:
    url = settings.database_url.get_secret_value()
    keyring = keyring_from(settings, data_url=url, clock=SystemClock())
    database = Database(url, keyring=keyring)
    try:
        yield database, keyring
    finally:
        await database.close()
        await keyring.close()


@audit.command()
def verify(since: Day = None, until: Day = None) -> None:
    """Recompute every clinic's chain, or the part made between two days (UTC).

    Exit codes: 0 whole, 2 bad usage, 3 broken (the first broken entry is printed).
    """
    url = _settings(DatabaseSettings).database_url.get_secret_value()
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


def _settings(kind: type[Settings]) -> Settings:
    """Read the environment; name what is missing or wrong, never its value."""
    try:
        return kind()
    except ValidationError as invalid:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for fault in invalid.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in fault["loc"][:1])
            typer.echo(f"{prefix}{name.upper()}: {fault['msg']}", err=True)
        raise typer.Exit(code=2) from None


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _cannot_start(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(code=1)


if __name__ == "__main__":
    sys.exit(app())
