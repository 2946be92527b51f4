"""The patient consents, and may take it back; no consent, no start.

What a visit needs is `consent.py`.  Where the patient is, is what they said when they consented:
saying another place at check-in is consenting anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Permission, Role, is_permitted
from telehealth.audit.events import AuditEvent
from telehealth.contract import AttendanceKind
from telehealth.delivery.lanes import OwedEvent
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.platform.ids import new_uuid
from telehealth.visits import consent as rules
from telehealth.visits import repository
from telehealth.visits.actions.sight import cards
from telehealth.visits.actions.steps import locked, move, noted, owe_room
from telehealth.visits.cards import VisitCard
from telehealth.visits.consent import Circumstances, Given, Modality, TextVersion
from telehealth.visits.consent_texts import ConsentText, wording
from telehealth.visits.errors import ConsentMissing, ConsentWithdrawn, NothingToWithdraw
from telehealth.visits.lifecycle import VisitState, VisitStep
from telehealth.visits.tables import Consent, Visit

_STEPS_OUT = {
    VisitState.CHECKING_IN: VisitStep.LEAVE,
    VisitState.WAITING: VisitStep.LEAVE,
    VisitState.CALLED: VisitStep.LEAVE,
    VisitState.PAUSED: VisitStep.LEAVE,
    # Wrap-up, not Done: the provider still writes down what was talked about.
    VisitState.IN_CALL: VisitStep.FINISH,
}
"""Where a visit goes when its consent is taken back; in other states it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStanding:
    """What a visit needs at this moment, and how the patient stands to it."""

    needed: Sequence[TextVersion]
    missing: Sequence[TextVersion]
    given_at: datetime | None
    """When the last needed text was accepted; None while one is missing."""
    withdrawn_at: datetime | None
    """When the patient took it back; None if a needed text has been accepted since."""

    @property
    def is_given(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentCard:
    """One consent on record."""

    consent_id: UUID
    visit_id: UUID
    text: TextVersion
    language: str
    digest: str
    modality: Modality
    jurisdiction: str
    given_at: datetime
    withdrawn_at: datetime | None


async def standing(
    uow: UnitOfWork, *, by: Actor, now: datetime, card: VisitCard, modality: Modality | None = None
) -> ConsentStanding:
    """Say how the patient of a visit the caller may see stands to its consents today."""
    found = await repository.unscoped_consents(uow.session, [card.visit_id])
    visit = await _circumstances(uow, by, now, card, found, modality or Modality.VIDEO)
    needed = rules.needed(visit)
    missing = rules.missing(visit, [_given(each) for each in found])
    of_needed = [each for each in found if _text(each) in needed]
    live = [each.given_at for each in of_needed if each.withdrawn_at is None]
    ended = [each.withdrawn_at for each in of_needed if each.withdrawn_at is not None]
    return ConsentStanding(
        needed=needed,
        missing=missing,
        given_at=max(live) if live and not missing else None,
        withdrawn_at=max(ended) if ended and missing and not live else None,
    )


async def require(uow: UnitOfWork, *, by: Actor, now: datetime, card: VisitCard) -> None:
    """Refuse unless the patient's consent stands; asked before anything starts (INV-11).

    Raises:
        ConsentWithdrawn: It was taken back.
        ConsentMissing: A needed text was not accepted, or in an older version.
    """
    found = await standing(uow, by=by, now=now, card=card)
    if found.is_given:
        return
    if found.withdrawn_at is not None:
        raise ConsentWithdrawn(found.missing)
    raise ConsentMissing(found.missing)


async def texts_for(
    uow: UnitOfWork, *, by: Actor, now: datetime, card: VisitCard, language: str
) -> dict[str, Sequence[ConsentText]]:
    """Return what is to be read, by jurisdiction: everywhere, and where more is asked.

    The patient's page shows the row of the place just said, and sends which texts were accepted;
    the place is checked again when they are taken.
    """
    found: dict[str, Sequence[ConsentText]] = {}
    for place in [rules.EVERYWHERE, *rules.jurisdictions_with_rules()]:
        visit = await _circumstances(uow, by, now, card, [], Modality.VIDEO, place)
        found[place] = [wording(each, language) for each in rules.needed(visit)]
    return found


async def give(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    card: VisitCard,
    accepted: Collection[TextVersion],
    language: str,
    place_state: str | None = None,
    modality: Modality = Modality.VIDEO,
) -> None:
    """Record what the patient accepted: exactly the texts a visit needs today, all of them.

    Args:
        uow: The transaction; the visit is locked in it.
        by: The patient.
        now: Aware instant.
        card: Their visit.
        accepted: Texts and versions that were shown and agreed to.
        language: In which they were read; there is no consent to a text one could not read.
        place_state: Where the patient says to be; None: as said before.
        modality: How they will meet.

    Raises:
        ConsentMissing: Something needed is not among them, or not in this language; or a version
            that is no longer in force is.
    """
    known = await repository.unscoped_consents(uow.session, [card.visit_id])
    place = None if place_state is None else rules.jurisdiction_of(place_state)
    visit = await _circumstances(uow, by, now, card, known, modality, place)
    needed = rules.needed(visit)
    texts = [wording(each, language) for each in needed]
    if set(needed) != set(accepted) or any(text.language != language for text in texts):
        raise ConsentMissing(needed)
    for text in texts:
        uow.session.add(
            Consent(
                id=new_uuid(),
                visit_id=card.visit_id,
                person_id=card.patient_id,
                text_id=text.text_id,
                version=text.version,
                language=language,
                digest=text.digest,
                modality=modality.value,
                jurisdiction=visit.jurisdiction,
                given_at=now,
            )
        )
    await uow.session.flush()
    await noted(uow, by, now, AuditEvent.VISIT_CONSENT_GIVEN, card, texts=len(texts))


async def accept(
    uow: UnitOfWork,
    *,
    by: Actor,
    now: datetime,
    visit_id: UUID,
    accepted: Collection[TextVersion],
    language: str,
) -> VisitCard:
    """Accept what is asked after check-in: a new version, an observer, or again after a no.

    Raises:
        NotPermitted, VisitUnknown: Not the patient of this visit.
        ConsentMissing: As `give`.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    visit = await locked(uow, by, visit_id)
    card = (await cards(uow, [visit]))[0]
    await give(uow, by=by, now=now, card=card, accepted=accepted, language=language)
    return card


async def withdraw(uow: UnitOfWork, *, by: Actor, now: datetime, visit_id: UUID) -> VisitCard:
    """Take the consent to a visit back: nothing starts any more, and a running call ends.

    By the patient, or by staff on the patient's word; the entry says which.

    Raises:
        NotPermitted: Neither the patient nor staff who may record it.
        VisitUnknown: Not a visit the actor may see.
        NothingToWithdraw: No consent stands.

    Source:
        45 CFR 164.508(b)(5) for the right to revoke; the two seconds are ours (INV-11, INV-16).
    """
    _require_word_of_patient(by)
    visit = await locked(uow, by, visit_id)
    stands = [
        each
        for each in await repository.unscoped_consents(uow.session, [visit_id])
        if each.withdrawn_at is None
    ]
    if not stands:
        raise NothingToWithdraw(visit_id=visit_id)
    for each in stands:
        each.withdrawn_at, each.withdrawn_by = now, by.person_id
    step = _STEPS_OUT.get(visit.state)
    if step is not None:
        _step_out(visit, step, now)
    card = (await cards(uow, [visit]))[0]
    is_own = by.role is Role.PATIENT
    await noted(uow, by, now, AuditEvent.VISIT_CONSENT_WITHDRAWN, card, by_patient=int(is_own))
    if step is not None:
        patient = card.attendance_as(AttendanceKind.PATIENT)
        seat = None if patient is None else patient.participant_id
        # Back to the lobby, where nothing is forwarded: the same seat may come in again, once
        # consent is given again.
        await owe_room(uow, now, card, OwedEvent.VISIT_RETURNED, seat)
    return card


async def consents_of(uow: UnitOfWork, *, visit_ids: Collection[UUID]) -> Sequence[ConsentCard]:
    """Return every consent to visits the caller may see, oldest first."""
    return [
        ConsentCard(
            consent_id=each.id,
            visit_id=each.visit_id,
            text=_text(each),
            language=each.language,
            digest=each.digest,
            modality=Modality(each.modality),
            jurisdiction=each.jurisdiction,
            given_at=each.given_at,
            withdrawn_at=each.withdrawn_at,
        )
        for each in await repository.unscoped_consents(uow.session, visit_ids)
    ]


def _step_out(visit: Visit, step: VisitStep, now: datetime) -> None:
    was_in_call = visit.state is VisitState.IN_CALL
    move(visit, step, now=now)
    if was_in_call:
        visit.ended_at = visit.finished_at = now


def _require_word_of_patient(by: Actor) -> None:
    may = {Permission.ATTEND_OWN_VISIT, Permission.WITHDRAW_CONSENT}
    if by.role is None or not any(is_permitted(by.role, each) for each in may):
        raise NotPermitted(permission=Permission.WITHDRAW_CONSENT, role=by.role)


async def _circumstances(
    uow: UnitOfWork,
    by: Actor,
    now: datetime,
    card: VisitCard,
    known: Sequence[Consent],
    modality: Modality,
    jurisdiction: str | None = None,
) -> Circumstances:
    people = await identity.person_cards(uow, by=by, person_ids=[card.patient_id])
    patient = people.get(card.patient_id)
    said = known[-1].jurisdiction if known else rules.EVERYWHERE
    return Circumstances(
        modality=modality,
        jurisdiction=jurisdiction or said,
        on=now.date(),
        born_on=None if patient is None else patient.birth_on,
        is_observed=any(
            each.kind is AttendanceKind.OBSERVER and not each.is_removed
            for each in card.attendances
        ),
    )


def _given(row: Consent) -> Given:
    return Given(
        text=_text(row),
        modality=Modality(row.modality),
        jurisdiction=row.jurisdiction,
        withdrawn_at=row.withdrawn_at,
    )


def _text(row: Consent) -> TextVersion:
    return TextVersion(row.text_id, row.version)
