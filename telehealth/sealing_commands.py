"""`telehealth keys`: keys of sealed columns, drawn, changed while all runs, destroyed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import typer

from telehealth.access.actor import Actor, Job
from telehealth.command_settings import settings_or_exit
from telehealth.contract import ClinicId, PersonId
from telehealth.identity.erasure import give_up_person
from telehealth.identity.errors import PersonUnknown
from telehealth.identity.peppers import peppers_in_use
from telehealth.platform.clock import SystemClock
from telehealth.platform.config import KeyCommandSettings
from telehealth.platform.db import Database
from telehealth.platform.sealing.keyring import Keyring
from telehealth.platform.sealing.peppers import PepperReport, rotate_pepper
from telehealth.platform.sealing.providers import make_root_key_file
from telehealth.platform.sealing.rotation import RotationReport, erase_person, rotate
from telehealth.platform.sealing.settings import keyring_from

app = typer.Typer(no_args_is_help=True)


@app.command("make-root")
def make_root(file: Path) -> None:
    """Draw the root key of sealed columns into a new FILE; refused in production."""
    try:
        make_root_key_file(file)
    except FileExistsError:
        typer.echo(f"{file} is there already; keys are never overwritten", err=True)
        raise typer.Exit(code=2) from None
    typer.echo(f"Made {file}.")


@app.command("rotate-data")
def rotate_data() -> None:
    """Seal everything with new keys while the service runs; go on with a run that was killed.

    Old keys nothing refers to are destroyed a quarter of an hour later, by the next run.
    Exit codes: 0 done, 3 something does not open (its row and its key stay as they are).
    """
    report = asyncio.run(_rotate(settings_or_exit(KeyCommandSettings)))
    typer.echo(
        f"{report.begun} keys retiring anew, {report.resealed} values sealed again,"
        f" {report.retired} old keys destroyed, {report.still_retiring} still kept"
    )
    if report.unreadable:
        typer.echo(f"{report.unreadable} values do not open", err=True)
        raise typer.Exit(code=3)


@app.command("rotate-pepper")
def rotate_password_pepper(*, only_tidy: bool = False) -> None:
    """Draw a new password pepper; each hash is made anew at its owner's next sign-in.

    Older peppers no hash names are destroyed; with --only-tidy that alone is done.
    """
    report = asyncio.run(_rotate_pepper(settings_or_exit(KeyCommandSettings), draws=not only_tidy))
    typer.echo(
        f"pepper {report.active} in force, {report.kept} older ones kept,"
        f" {report.destroyed} destroyed"
    )


@app.command("erase-patient")
def erase_patient(clinic: UUID, person: UUID) -> None:
    """Destroy the keys of one PERSON of a CLINIC: what was sealed for them is gone for good."""
    try:
        destroyed = asyncio.run(
            _erase(settings_or_exit(KeyCommandSettings), ClinicId(clinic), PersonId(person))
        )
    except PersonUnknown:
        typer.echo("There is no such person in this clinic.", err=True)
        raise typer.Exit(code=2) from None
    typer.echo(f"{destroyed} keys destroyed.")


async def _rotate(settings: KeyCommandSettings) -> RotationReport:
    clock = SystemClock()
    async with sealed_database(settings) as (database, keyring):
        return await rotate(database, keyring, clock=clock)


async def _rotate_pepper(settings: KeyCommandSettings, *, draws: bool) -> PepperReport:
    async with sealed_database(settings) as (database, keyring):
        async with database.reading() as session:
            named = await peppers_in_use(session)
        now = SystemClock().now()
        return await rotate_pepper(keyring, in_use=named, draws=draws, now=now)


async def _erase(settings: KeyCommandSettings, clinic_id: ClinicId, person_id: PersonId) -> int:
    now = SystemClock().now()
    async with sealed_database(settings) as (database, keyring):
        async with database.unit_of_work() as uow:
            by = Actor.of_job(Job.SETUP, clinic_id)
            await give_up_person(uow, by=by, now=now, person_id=person_id)
        return await erase_person(keyring, clinic_id=clinic_id, person_id=person_id, now=now)


@asynccontextmanager
async def sealed_database(
    settings: KeyCommandSettings,
) -> AsyncIterator[tuple[Database, Keyring]]:
    """Open the database with the keys of its sealed columns for the length of a `with` block."""
    url = settings.database_url.get_secret_value()
    keyring = keyring_from(settings, data_url=url, clock=SystemClock())
    database = Database(url, keyring=keyring)
    try:
        yield database, keyring
    finally:
        await database.close()
        await keyring.close()
