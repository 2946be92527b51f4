"""Finding people: for the audit trail, and for a record that is opened in an emergency."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId
from telehealth.identity import repository
from telehealth.identity.actions import PersonCard, card_of
from telehealth.identity.errors import PersonUnknown, SeveralPatients
from telehealth.platform.db import UnitOfWork
from telehealth.platform.sealing.blind import plain_name

_MOST_FOUND: Final = 20
_MOST_OPENED: Final = 500
_MOST_WORDS: Final = 8


async def find_people(uow: UnitOfWork, *, by: Actor, now: datetime, words: str) -> list[PersonCard]:
    """Return up to twenty people whose name or record number holds all of `words`.

    One of the names, or the number, must be among them whole; accents and hyphens do not count.
    For whoever reads the audit trail by person; each patient shown is recorded as viewed.

    Raises:
        NotPermitted: The actor may not read the audit trail.
    """
    by.require(Permission.READ_AUDIT)
    wanted = plain_name(words).split()
    if not wanted or len(wanted) > _MOST_WORDS:
        return []
    # Names are sealed: a whole one is found by its index, and few cards are opened.
    found_some = await repository.called(
        uow.session, {*_runs(wanted), *words.split()}, actor=by, most=_MOST_OPENED
    )
    cards = [card_of(person) for person in found_some]
    holding = [card for card in cards if all(word in _searched(card) for word in wanted)]
    found = sorted(holding, key=lambda card: (card.family, card.given))[:_MOST_FOUND]
    for card in found:
        if card.medical_record_number is not None:
            await audit.record(
                uow, by=by, now=now, event=AuditEvent.PERSON_VIEWED, patient_id=card.person_id
            )
    return found


def _searched(card: PersonCard) -> str:
    return plain_name(f"{card.given} {card.family} {card.medical_record_number or ''}")


def _runs(words: Sequence[str]) -> set[str]:
    """Return every name that could be meant: a family name may have several words."""
    return {
        " ".join(words[first:last])
        for first in range(len(words))
        for last in range(first + 1, len(words) + 1)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtPatient:
    """One patient, named so exactly that nobody is offered a choice."""

    birth_on: date = field(repr=False)
    medical_record_number: str | None = field(default=None, repr=False)
    given: str = field(default="", repr=False)
    family: str = field(default="", repr=False)


async def patient_sought(uow: UnitOfWork, *, by: Actor, sought: SoughtPatient) -> PersonId:
    """Return the one patient of the actor's clinic who is meant.

    Raises:
        PersonUnknown: Nobody is; which part was wrong is not told.
        SeveralPatients: Two have this name and birth date: the record number decides.
    """
    if sought.medical_record_number is not None:
        return await patient_by_number(
            uow,
            by=by,
            medical_record_number=sought.medical_record_number,
            birth_on=sought.birth_on,
        )
    found = await repository.patients_named(
        uow.session,
        given=sought.given,
        family=sought.family,
        birth_on=sought.birth_on,
        actor=by,
    )
    if not found:
        raise PersonUnknown
    if len(found) > 1:
        raise SeveralPatients
    return PersonId(found[0].id)


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


async def told_auditors(uow: UnitOfWork, *, clinic_id: ClinicId) -> list[PersonId]:
    """Return the Auditors of a clinic who are told: of emergencies, of reports to read."""
    return [PersonId(each) for each in await repository.unscoped_told(uow.session, clinic_id)]
