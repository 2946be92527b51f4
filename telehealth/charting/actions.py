"""Read, save and sign the note of one's own visit; close the visit with it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.charting import repository
from telehealth.charting.notes import check_save, check_sign
from telehealth.charting.tables import NoteSignature, NoteVersion
from telehealth.delivery.lanes import JsonValue
from telehealth.platform.db import UnitOfWork
from telehealth.visits.actions import conduct, sight, steps
from telehealth.visits.cards import VisitCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The latest version of a note; version 0 is a note nobody has begun."""

    version: int
    text: str
    saved_at: datetime | None
    signed_at: datetime | None


async def read(uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID) -> Note:
    """Return the note of one's own visit.

    Raises:
        NotPermitted: The actor writes no notes.
        VisitUnknown: Not the actor's visit.
    """
    by.require(Permission.WRITE_NOTE)
    card = await sight.see(uow, by=by, visit_id=visit_id)
    note = await state_of(uow, visit_id=visit_id)
    await _audit(uow, by, now, AuditEvent.NOTE_VIEWED, card, note.version)
    return note


async def state_of(uow: UnitOfWork, *, visit_id: UUID) -> Note:
    """Return the note of a visit the caller may see; the caller records what is shown of it."""
    latest = await repository.unscoped_latest(uow.session, visit_id)
    signature = await repository.unscoped_signature(uow.session, visit_id)
    return Note(
        version=0 if latest is None else latest.version,
        text="" if latest is None else latest.text,
        saved_at=None if latest is None else latest.saved_at,
        signed_at=None if signature is None else signature.signed_at,
    )


async def signed_notes(uow: UnitOfWork, *, visit_ids: Collection[UUID]) -> dict[UUID, Note]:
    """Return the signed notes of visits the caller may see; the caller records what is shown."""
    return {
        version.visit_id: Note(
            version=version.version,
            text=version.text,
            saved_at=version.saved_at,
            signed_at=signature.signed_at,
        )
        for version, signature in await repository.unscoped_signed(uow.session, visit_ids)
    }


async def save(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, text: str, based_on: int
) -> Note:
    """Add a version to the note.

    Raises:
        NotPermitted, VisitUnknown: As `read`.
        NoteMoved: Somebody saved in between; the current version is told.
        NoteAlreadySigned: Signed text never changes.
    """
    by.require(Permission.WRITE_NOTE)
    card = await steps.lock(uow, by=by, visit_id=visit_id)
    note = await state_of(uow, visit_id=visit_id)
    version = check_save(
        current=note.version, based_on=based_on, is_signed=note.signed_at is not None
    )
    uow.session.add(
        NoteVersion(
            visit_id=visit_id,
            version=version,
            clinic_id=card.clinic_id,
            patient_id=card.patient_id,
            author_id=by.person_id,
            text=text,
            saved_at=now,
        )
    )
    await uow.session.flush()
    await _audit(uow, by, now, AuditEvent.NOTE_SAVED, card, version)
    return Note(version=version, text=text, saved_at=now, signed_at=None)


async def sign(uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int) -> Note:
    """Sign the note; from now on it stands, and no longer keeps the visit open.

    Raises:
        NotPermitted, VisitUnknown, NoteMoved, NoteAlreadySigned: As `save`.
        NoteEmpty: There is nothing to sign.
    """
    by.require(Permission.WRITE_NOTE)
    card = await steps.lock(uow, by=by, visit_id=visit_id)
    note = await state_of(uow, visit_id=visit_id)
    check_sign(
        current=note.version,
        seen=version,
        text=note.text,
        is_signed=note.signed_at is not None,
    )
    uow.session.add(
        NoteSignature(visit_id=visit_id, version=version, signed_by=by.person_id, signed_at=now)
    )
    await conduct.settle_item(uow, visit_id=visit_id, code=conduct.NOTE_UNSIGNED, now=now)
    await _audit(uow, by, now, AuditEvent.NOTE_SIGNED, card, version)
    return Note(version=version, text=note.text, saved_at=note.saved_at, signed_at=now)


async def close_visit(
    uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID, version: int
) -> VisitCard:
    """Close one's visit and hand its signed note to the chart; refusals as `conduct.close`."""
    by.require(Permission.CONDUCT_VISIT)
    card = await steps.lock(uow, by=by, visit_id=visit_id)
    note = await state_of(uow, visit_id=card.visit_id)
    signed: dict[str, JsonValue] | None = None
    if note.signed_at is not None:
        signed = {
            "version": note.version,
            "text": note.text,
            "signed_at": note.signed_at.isoformat(),
        }
    return await conduct.close(uow, by=by, now=now, visit_id=visit_id, version=version, note=signed)


async def _audit(
    uow: UnitOfWork,
    by: Actor,
    now: datetime,
    event: AuditEvent,
    card: VisitCard,
    version: int,
) -> None:
    await audit.record(
        uow,
        by=by,
        now=now,
        event=event,
        visit_id=card.visit_id,
        patient_id=card.patient_id,
        facts={"version": version},
    )
