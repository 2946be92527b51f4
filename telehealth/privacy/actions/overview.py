"""What a patient's page says of their data: what they agreed to, who looked, what they asked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import VisitId
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from telehealth.privacy.actions import correcting
from telehealth.visits.actions import consenting, sight
from telehealth.visits.errors import VisitUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How often somebody in a role looked at a patient's data on one day."""

    day: date
    role: Role
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One patient's data about their data."""

    visit_id: VisitId
    time_zone: str
    consents: Sequence[consenting.ConsentCard]
    corrections: Sequence[correcting.CorrectionCard]
    looks: Sequence[Looks]


async def own_overview(uow: UnitOfWork, *, by: Actor, now: datetime) -> Overview:
    """Return what stands about the patient who asks; that they asked is recorded too.

    Raises:
        NotPermitted: Not a patient.
        VisitUnknown: The patient came for no visit.
    """
    by.require(Permission.ATTEND_OWN_VISIT)
    if by.visit_id is None or by.person_id is None:
        raise VisitUnknown
    card = await sight.see(uow, by=by, visit_id=by.visit_id)
    clinic = await identity.clinic_card(uow, clinic_id=by.clinic_id)
    consents = await consenting.consents_of(uow, visit_ids=[card.visit_id])
    corrections = await correcting.own(uow, by=by)
    looks = await audit.looks_at_own(uow, by=by)
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.PRIVACY_VIEWED,
        visit_id=card.visit_id,
        patient_id=by.person_id,
    )
    return Overview(
        visit_id=card.visit_id,
        time_zone=clinic.time_zone,
        consents=consents,
        corrections=corrections,
        looks=_by_day(looks, zone=clinic.time_zone),
    )


def _by_day(looks: Sequence[audit.Look], *, zone: str) -> Sequence[Looks]:
    local = ZoneInfo(zone)
    counted = Counter((each.at.astimezone(local).date(), each.role) for each in looks)
    return [
        Looks(day=day, role=role, times=times)
        for (day, role), times in sorted(counted.items(), reverse=True)
    ]
