"""What happened in a visit, in order, as its provider reads it.  Pure.

Made from what the visit itself stores; the audit trail is no source for a page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from telehealth.audit.events import AuditEvent
from telehealth.contract import AttendanceKind
from telehealth.visits.cards import StayCard, VisitCard
from telehealth.visits.lifecycle import VisitState

_ENDINGS: Final = {
    VisitState.CANCELLED: AuditEvent.VISIT_CANCELLED,
    VisitState.NO_SHOW: AuditEvent.VISIT_MARKED_NO_SHOW,
    VisitState.LEFT: AuditEvent.VISIT_LEFT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened; `kind` says to whom, where several attend."""

    at: datetime
    event: AuditEvent
    kind: AttendanceKind | None = None


def timeline_of(
    card: VisitCard,
    *,
    consented_at: datetime | None,
    checked_at: datetime | None,
    called_at: datetime | None,
    signed_at: datetime | None,
    stays: Sequence[StayCard],
    withdrawn_at: datetime | None = None,
) -> list[Moment]:
    """Return what happened, earliest first; what has not happened is left out."""
    dated = [
        (AuditEvent.VISIT_CONSENT_GIVEN, consented_at),
        (AuditEvent.VISIT_CONSENT_WITHDRAWN, withdrawn_at),
        (AuditEvent.VISIT_DEVICE_CHECKED, checked_at),
        (AuditEvent.VISIT_CALLED, called_at),
        (AuditEvent.VISIT_CONNECTED, card.started_at),
        (AuditEvent.VISIT_FINISHED, card.ended_at),
        (AuditEvent.NOTE_SIGNED, signed_at),
        (AuditEvent.VISIT_CLOSED, card.closed_at),
    ]
    if card.state in _ENDINGS:
        dated.append((_ENDINGS[card.state], card.state_since))
    own = [Moment(at=at, event=event) for event, at in dated if at is not None]
    # Stable: things of one instant keep the order in which a visit runs.
    return sorted([*own, *_comings(stays)], key=lambda moment: moment.at)


def _comings(stays: Sequence[StayCard]) -> Iterable[Moment]:
    for stay in stays:
        yield Moment(at=stay.joined_at, event=AuditEvent.VISIT_JOINED, kind=stay.kind)
        if stay.left_at is not None:
            yield Moment(at=stay.left_at, event=AuditEvent.VISIT_ATTENDANCE_ENDED, kind=stay.kind)
