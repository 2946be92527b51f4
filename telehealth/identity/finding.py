"""Finding people: for the audit trail, and for a record that is opened in an emergency."""

from datetime import date, datetime
from typing import Final

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import repository
from telehealth.identity.actions import PersonCard, card_of
from telehealth.identity.errors import PersonUnknown
from telehealth.platform.db import UnitOfWork

_MOST_FOUND: Final = 20


async def find_people(uow: UnitOfWork, *, by: Actor, now: datetime, words: str) -> list[PersonCard]:
    """Return up to twenty people whose name or record number holds all of `words`.

    For whoever reads the audit trail by person; each patient shown is recorded as viewed.

    Raises:
        NotPermitted: The actor may not read the audit trail.
    """
    by.require(Permission.READ_AUDIT)
    wanted = words.casefold().split()
    if not wanted:
        return []
    # Names are sealed: every card of the clinic is opened, and compared here.
    cards = [card_of(person) for person in await repository.everybody(uow.session, actor=by)]
    holding = [card for card in cards if all(word in _searched(card) for word in wanted)]
    found = sorted(holding, key=lambda card: (card.family, card.given))[:_MOST_FOUND]
    for card in found:
        if card.medical_record_number is not None:
            await audit.record(
                uow, by=by, now=now, event=AuditEvent.PERSON_VIEWED, patient_id=card.person_id
            )
    return found


def _searched(card: PersonCard) -> str:
    return f"{card.given} {card.family} {card.medical_record_number or ''}".casefold()


async def patient_by_number(
    uow: UnitOfWork, *, by: Actor, medical_record_number: str, birth_on: date
) -> PersonId:
    """Return the patient of the actor's clinic with this number and birth date.

    Raises:
        PersonUnknown: There is none; which of the two was wrong is not told.
    """
    person = await repository.patient_by_number(
        uow.session, medical_record_number=medical_record_number, birth_on=birth_on, actor=by
    )
    if person is None:
        raise PersonUnknown
    return PersonId(person.id)


async def told_of_break_glass(uow: UnitOfWork, *, clinic_id: ClinicId) -> list[PersonId]:
    """Return the Auditors of a clinic who are told when a record is opened in an emergency."""
    return [PersonId(each) for each in await repository.unscoped_told(uow.session, clinic_id)]
