"""A copy of one's own record: a link that works once, for a day, with the birth date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Permission, Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.charting import actions as charting
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import actions as identity
from telehealth.identity.errors import PersonUnknown
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.privacy import repository
from telehealth.privacy.bundle import (
    ConsentFacts,
    NoteFacts,
    PersonFacts,
    RecordFacts,
    VisitFacts,
)
from telehealth.privacy.errors import BirthDateRefused, ExportLinkRefused
from telehealth.privacy.tables import RecordExport
from telehealth.scheduling import actions as scheduling
from telehealth.visits.actions import consenting, sight
from telehealth.visits.cards import VisitCard
from telehealth.visits.consent_texts import wording_of_digest
from telehealth.visits.lifecycle import VisitState
from telehealth.waiting_room import actions as waiting_room

LINK_LIVES: Final = timedelta(hours=24)
TRIES: Final = 5
"""Wrong birth dates until a link is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLink:
    """What the signed link is to say."""

    export_id: UUID
    patient_id: UUID
    expires_at: datetime


async def make_link(
    uow: UnitOfWork, *, by: Actor, now: datetime, patient_id: UUID | None = None
) -> ExportLink:
    """Make a link to a patient's own record.

    Nothing leaves here: whoever opens the link says the birth date, once more.

    Args:
        uow: The transaction.
        by: The patient, or an administrator.
        now: Aware instant.
        patient_id: Whose, when an administrator makes it.

    Raises:
        NotPermitted: The actor is another.
        PersonUnknown: Not a person the actor may see.
    """
    whose = by.person_id if by.role is Role.PATIENT else patient_id
    if by.role is not Role.PATIENT:
        by.require(Permission.MAKE_EXPORT_LINK)
    people = {} if whose is None else await _cards(uow, by, [whose])
    if by.person_id is None or by.role is None or whose is None or whose not in people:
        raise PersonUnknown
    link = RecordExport(
        id=new_uuid(),
        clinic_id=by.clinic_id,
        patient_id=whose,
        asked_by=by.person_id,
        asked_role=by.role,
        asked_at=now,
        expires_at=now + LINK_LIVES,
        wrong_tries=0,
    )
    uow.session.add(link)
    await uow.session.flush()
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.EXPORT_LINK_MADE,
        patient_id=whose,
        subject_id=link.id,
    )
    return ExportLink(export_id=link.id, patient_id=whose, expires_at=link.expires_at)


async def open_link(
    uow: UnitOfWork, *, now: datetime, export_id: UUID, birth_on: date
) -> RecordFacts | BirthDateRefused:
    """Hand the record to whoever holds the link and knows the birth date; uses the link up.

    Returns:
        The record, or the refusal that counts a wrong try (raising would roll the count back).

    Raises:
        ExportLinkRefused: Used, over, guessed at too often, or not there.
    """
    link = await repository.unscoped_lock_export(uow.session, export_id)
    if link is None or link.used_at is not None or now >= link.expires_at:
        raise ExportLinkRefused
    if link.wrong_tries >= TRIES:
        raise ExportLinkRefused
    # Not the actor of a visit link: the record is the whole of it, not one visit.
    patient = Actor(
        clinic_id=ClinicId(link.clinic_id),
        role=Role.PATIENT,
        person_id=PersonId(link.patient_id),
    )
    card = (await _cards(uow, patient, [link.patient_id])).get(link.patient_id)
    if card is None or card.birth_on is None or card.birth_on != birth_on:
        link.wrong_tries += 1
        await _record_refusal(uow, link, now)
        return BirthDateRefused(tries_left=max(0, TRIES - link.wrong_tries))
    link.used_at = now
    record = await _gather(uow, patient, card, now)
    await audit.record(
        uow,
        by=patient,
        now=now,
        event=AuditEvent.RECORD_EXPORTED,
        patient_id=link.patient_id,
        subject_id=link.id,
        facts={"visits": len(record.visits)},
    )
    return record


async def _gather(
    uow: UnitOfWork, patient: Actor, card: identity.PersonCard, now: datetime
) -> RecordFacts:
    """Read the whole record in a few queries, however many visits there are."""
    cards = await sight.see_in_states(uow, by=patient, states=list(VisitState))
    ids = [each.visit_id for each in cards]
    clinic = await identity.clinic_card(uow, clinic_id=patient.clinic_id)
    people = await _cards(uow, patient, list({each.provider_id for each in cards}))
    times = await scheduling.times(
        uow, by=patient, appointment_ids=[each.appointment_id for each in cards]
    )
    notes = await charting.signed_notes(uow, visit_ids=ids)
    places = await waiting_room.stated_places(uow, visit_ids=ids)
    consents: dict[UUID, list[ConsentFacts]] = {}
    for each in await consenting.consents_of(uow, visit_ids=ids):
        consents.setdefault(each.visit_id, []).append(_consent(each))
    visits = [
        _visit(
            each,
            times[each.appointment_id],
            people,
            places.get(each.visit_id),
            notes.get(each.visit_id),
            consents.get(each.visit_id, []),
        )
        for each in cards
        if each.appointment_id in times
    ]
    visits.sort(key=lambda visit: (visit.starts_at, visit.visit_id))
    return RecordFacts(
        clinic_name=clinic.name,
        time_zone=clinic.time_zone,
        patient=_person(card),
        visits=visits,
        made_at=now,
    )


def _visit(
    card: VisitCard,
    times: scheduling.Times,
    people: Mapping[UUID, identity.PersonCard],
    place: str | None,
    note: charting.Note | None,
    consents: Sequence[ConsentFacts],
) -> VisitFacts:
    provider = people.get(card.provider_id)
    return VisitFacts(
        visit_id=card.visit_id,
        appointment_id=card.appointment_id,
        state=card.state,
        starts_at=times.starts_at,
        ends_at=times.ends_at,
        started_at=card.started_at,
        ended_at=card.ended_at,
        provider=PersonFacts(person_id=card.provider_id, given="", family="–")
        if provider is None
        else _person(provider),
        place=place,
        note=None
        if note is None or note.signed_at is None
        else NoteFacts(version=note.version, text=note.text, signed_at=note.signed_at),
        consents=consents,
    )


def _consent(card: consenting.ConsentCard) -> ConsentFacts:
    text = wording_of_digest(card.digest)
    return ConsentFacts(
        consent_id=card.consent_id,
        text_id=card.text.text_id,
        version=card.text.version,
        language=card.language,
        jurisdiction=card.jurisdiction,
        digest=card.digest,
        wording=None if text is None else text.text,
        given_at=card.given_at,
        withdrawn_at=card.withdrawn_at,
    )


def _person(card: identity.PersonCard) -> PersonFacts:
    return PersonFacts(
        person_id=card.person_id,
        given=card.given,
        family=card.family,
        birth_on=card.birth_on,
        phone=card.phone,
        medical_record_number=card.medical_record_number,
        npi=card.npi,
    )


async def _cards(
    uow: UnitOfWork, by: Actor, person_ids: Sequence[UUID]
) -> dict[UUID, identity.PersonCard]:
    found = await identity.person_cards(
        uow, by=by, person_ids=[PersonId(each) for each in person_ids]
    )
    return {card.person_id: card for card in found.values()}


async def _record_refusal(uow: UnitOfWork, link: RecordExport, now: datetime) -> None:
    await audit.record(
        uow,
        by=Actor.of_job(Job.SIGN_IN, ClinicId(link.clinic_id)),
        now=now,
        event=AuditEvent.EXPORT_REFUSED,
        patient_id=link.patient_id,
        subject_id=link.id,
        facts={"wrong_tries": link.wrong_tries},
    )
