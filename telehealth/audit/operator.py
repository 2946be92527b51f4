"""What the operator does with the audit trail at the machine itself; behind `telehealth audit`."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions
from telehealth.audit.chain import ChainReport
from telehealth.audit.checks import TrustedHeads, trusted, unscoped_verdict, unscoped_verdict_since
from telehealth.audit.events import AuditEvent
from telehealth.audit.fhir import audit_event
from telehealth.audit.head_directory import clinics_in, read_folder
from telehealth.audit.head_keys import read_public_keys
from telehealth.audit.many_hands import many_hands
from telehealth.audit.readings import unscoped_exported
from telehealth.audit.verdict import Standing, Verdict
from telehealth.contract import ClinicId
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsPlace:
    """Heads to compare with, and whom to believe."""

    folder: Path
    public_keys: Path
    only_since_newest: bool = False
    """Take the newest head's word for all before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one clinic's chain."""

    verdict: Verdict
    heads: int | None = None
    """Heads with a good signature; None: none were asked for."""
    refused: int = 0
    """Heads with a signature that is not good, and lines that are no head."""

    @property
    def lacks_heads(self) -> bool:
        """Whether heads were asked for and prove nothing, or something in their place is odd."""
        return self.heads == 0 or self.refused > 0


async def check_by_time(
    database: Database, *, clock: Clock, since: datetime | None, until: datetime | None
) -> Mapping[ClinicId, Finding]:
    """Check every chain in itself, or the part made in [since, until), and record that."""
    async with database.reading() as session, many_hands(database) as hands:
        reports = {
            clinic_id: await actions.unscoped_report(
                session, clinic_id=clinic_id, since=since, until=until, follow=hands.follow
            )
            for clinic_id in await actions.unscoped_clinics(session)
        }
    found = {
        clinic_id: Finding(
            verdict=Verdict(
                standing=Standing.WHOLE if report.first_broken is None else Standing.BROKEN,
                entries=report.entries,
                first_bad=report.first_broken,
            )
        )
        for clinic_id, report in reports.items()
    }
    await _record(database, found, clock=clock)
    return found


async def check_with_heads(
    database: Database, *, clock: Clock, place: HeadsPlace
) -> Mapping[ClinicId, Finding]:
    """Check every chain that there is, or that a head says there was, and record that.

    Raises:
        KeyFileUnsafe: The public keys cannot be used.
        OSError: A file or folder is missing or may not be read; a process of the check ended.
    """
    found: dict[ClinicId, Finding] = {}
    named = [ClinicId(UUID(name)) for name in clinics_in(place.folder)]
    async with database.reading() as session, many_hands(database) as hands:
        known = await actions.unscoped_clinics(session)
        for clinic_id in dict.fromkeys([*known, *named]):
            good = heads_of(place, clinic_id)
            newest = max(good.heads, key=lambda head: head.size, default=None)
            if place.only_since_newest and newest is not None:
                verdict = await unscoped_verdict_since(
                    session, clinic_id=clinic_id, head=newest, follow=hands.follow
                )
            else:
                verdict = await unscoped_verdict(
                    session, clinic_id=clinic_id, heads=good.heads, follow=hands.follow
                )
            found[clinic_id] = Finding(
                verdict=verdict,
                heads=len(good.heads),
                refused=good.refused,
            )
    await _record(database, found, clock=clock)
    return found


def heads_of(place: HeadsPlace, clinic_id: ClinicId) -> TrustedHeads:
    """Read the heads of one chain; what cannot be believed is counted.

    Raises:
        KeyFileUnsafe: The public keys cannot be used.
        OSError: A file is missing or may not be read.
    """
    kept = read_folder(place.folder / str(clinic_id))
    good = trusted(kept.heads, clinic_id=clinic_id, keys=read_public_keys(place.public_keys))
    return TrustedHeads(heads=good.heads, refused=good.refused + kept.unreadable_lines)


def told(clinic_id: ClinicId, finding: Finding) -> Sequence[str]:
    """Say in plain sentences what was found of one chain."""
    verdict = finding.verdict
    said = {
        Standing.WHOLE: f"whole, {verdict.entries} entries",
        Standing.BROKEN: f"broken at entry {verdict.first_bad}",
        Standing.TRUNCATED: (
            f"truncated: {verdict.entries} entries, and a head says there were {verdict.upto}"
        ),
        Standing.REWRITTEN: (
            f"rewritten: an entry from {verdict.first_bad} to {verdict.upto} is not the one"
            " that a head was made of"
        ),
    }[verdict.standing]
    lines = [f"clinic {clinic_id}: {said}"]
    if finding.heads == 0:
        lines.append(f"clinic {clinic_id}: no head with a good signature; nothing shows its length")
    elif finding.heads is not None:
        newest = verdict.newest_agreed
        reach = (
            "" if newest is None else f", the newest of {newest.at.isoformat()} at {newest.size}"
        )
        lines.append(
            f"clinic {clinic_id}: {verdict.heads_agreed} of {finding.heads} heads agree{reach}"
        )
    if finding.refused:
        lines.append(f"clinic {clinic_id}: {finding.refused} heads or lines cannot be believed")
    return lines


async def export_as_fhir(
    database: Database,
    *,
    clock: Clock,
    clinic_id: ClinicId,
    deployment: str,
    origin: str,
    since: datetime | None,
    until: datetime | None,
) -> AsyncIterator[str]:
    """Yield one clinic's entries made in [since, until) as FHIR AuditEvents, a line each.

    Recorded before the first line.
    """
    async with database.unit_of_work() as uow:
        await actions.record(
            uow,
            by=Actor.of_job(Job.SETUP, clinic_id),
            now=clock.now(),
            event=AuditEvent.AUDIT_EXPORTED,
        )
    pages = unscoped_exported(database, clinic_id=clinic_id, since=since, until=until)
    async for page in pages:
        for entry in page:
            resource = audit_event(entry, deployment=deployment, origin=origin)
            yield json.dumps(resource, separators=(",", ":"))


async def _record(database: Database, found: Mapping[ClinicId, Finding], *, clock: Clock) -> None:
    async with database.unit_of_work() as uow:
        for clinic_id, finding in found.items():
            verdict = finding.verdict
            await actions.record_check(
                uow,
                by=Actor.of_job(Job.SETUP, clinic_id),
                now=clock.now(),
                report=ChainReport(entries=verdict.entries, first_broken=verdict.first_bad),
            )
