"""`telehealth retention`: what is kept how long, what is due, and legal holds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.contract import ClinicId
from telehealth.platform.clock import SystemClock
from telehealth.platform.config import DatabaseSettings
from telehealth.platform.db import Database, UnitOfWork
from telehealth.platform.errors import TelehealthError
from telehealth.privacy import retention
from telehealth.privacy.actions import holds, sweep
from telehealth.privacy.keeper import RetentionKeeper
from telehealth.privacy.retention import HoldReason

app = typer.Typer(no_args_is_help=True, help="How long data is kept.")
Result = TypeVar("Result")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count what is due, remove nothing.")]


@app.command()
def show() -> None:
    """Print the policy: kind of data, how long, counted from when, by whose law."""
    for kind, keep in retention.POLICY.items():
        days = None if keep.keep_for is None else keep.keep_for.total_seconds() / 86400
        span = "no limit" if days is None else f"{days:g} d"
        typer.echo(f"{kind.value:<18} {span:<10} from {keep.counted_from}; {keep.law}")


@app.command()
def run(dry_run: DryRun = False) -> None:  # noqa: FBT002  (an option of the command line)
    """Remove what is due now, in every clinic; the worker does it once a day by itself."""
    counts = asyncio.run(_with_database(_count if dry_run else _remove))
    for (clinic_id, kind), rows in counts.items():
        typer.echo(f"clinic {clinic_id}: {kind} {rows} {'due' if dry_run else 'removed'}")
    if not counts:
        typer.echo("Nothing is due.")


@app.command()
def hold(clinic_id: UUID, patient_id: UUID, reason: HoldReason) -> None:
    """Keep everything of one patient until the hold is lifted."""

    async def place(uow: UnitOfWork) -> None:
        by = Actor.of_job(Job.SETUP, ClinicId(clinic_id))
        now = SystemClock().now()
        await holds.place(uow, by=by, now=now, patient_id=patient_id, reason=reason)

    _do(place, "On hold.")


@app.command()
def lift(clinic_id: UUID, patient_id: UUID) -> None:
    """End a hold: what is due goes with the next run."""

    async def end(uow: UnitOfWork) -> None:
        by = Actor.of_job(Job.SETUP, ClinicId(clinic_id))
        await holds.lift(uow, by=by, now=SystemClock().now(), patient_id=patient_id)

    _do(end, "The hold is lifted.")


def _do(act: Callable[[UnitOfWork], Awaitable[None]], done: str) -> None:
    async def within(database: Database) -> None:
        async with database.unit_of_work() as uow:
            await act(uow)

    try:
        asyncio.run(_with_database(within))
    except TelehealthError as refused:
        typer.echo(refused.public_message, err=True)
        raise typer.Exit(code=2) from None
    typer.echo(done)


async def _with_database(act: Callable[[Database], Awaitable[Result]]) -> Result:
    database = Database(DatabaseSettings().database_url.get_secret_value())
    try:
        return await act(database)
    finally:
        await database.close()


async def _clinics(database: Database) -> list[ClinicId]:
    async with database.reading() as session:
        return await audit.unscoped_clinics(session)


async def _count(database: Database) -> Mapping[tuple[UUID, str], int]:
    found: dict[tuple[UUID, str], int] = {}
    for clinic_id in await _clinics(database):
        by = Actor.of_job(Job.SWEEP, clinic_id)
        async with database.unit_of_work() as uow:
            for each in await sweep.due(uow, by=by, now=SystemClock().now()):
                if each.rows:
                    found[clinic_id, f"{each.data_class.value} ({each.table})"] = each.rows
    return found


async def _remove(database: Database) -> Mapping[tuple[UUID, str], int]:
    keeper = RetentionKeeper(database, clock=SystemClock())
    return {
        (clinic_id, kind.value): rows
        for clinic_id in await _clinics(database)
        for kind, rows in (await keeper.remove(clinic_id)).items()
    }
