"""May a patient come now, and may somebody enter the call?  Pure; no client computes it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from telehealth.contract import AttendanceKind, Entry
from telehealth.visits.lifecycle import VisitState

OPENS_BEFORE: Final = timedelta(minutes=60)
CLOSES_AFTER: Final = timedelta(hours=4)
MOST_PEOPLE: Final = 6
"""In one visit, the patient and the provider among them."""
GUEST_KINDS: Final = frozenset(
    {AttendanceKind.INTERPRETER, AttendanceKind.FAMILY, AttendanceKind.OBSERVER}
)
LINK_LIVES_AFTER: Final = timedelta(days=7)

_S = VisitState
_OVER: Final = {
    _S.COMPLETED: "done",
    _S.WRAP_UP: "done",
    _S.CANCELLED: "cancelled",
}
_UNDER_WAY: Final = frozenset({_S.CALLED, _S.IN_CALL, _S.PAUSED, _S.WAITING})


class GuestPhase(StrEnum):
    """All that a guest learns of where a visit stands."""

    EARLY = "early"
    LOBBY = "lobby"
    OVER = "over"


def is_over(state: VisitState) -> bool:
    """Say whether nobody joins the call of a visit any more."""
    return state in _OVER


def guest_phase(state: VisitState) -> GuestPhase:
    """Say whether a guest may take a seat: while the patient waits or is in the call."""
    if is_over(state):
        return GuestPhase.OVER
    return GuestPhase.LOBBY if state in _UNDER_WAY else GuestPhase.EARLY


class ComeCode(StrEnum):
    """Why somebody may come, or not."""

    OPEN = "open"
    EARLY = "early"
    LATE = "late"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComeAnswer:
    """One answer for every button of the patient's client."""

    is_allowed: bool
    code: ComeCode
    opens_at: datetime


def may_come(
    state: VisitState, *, starts_at: datetime, ends_at: datetime, now: datetime
) -> ComeAnswer:
    """Say whether the patient may check in or come back now.

    From 60 minutes before the start to four hours after the end; a visit under way stays open.
    """
    opens_at = starts_at - OPENS_BEFORE
    if state in _OVER:
        code = ComeCode(_OVER[state])
    elif state in _UNDER_WAY:
        code = ComeCode.OPEN
    elif now < opens_at:
        code = ComeCode.EARLY
    elif now > ends_at + CLOSES_AFTER:
        code = ComeCode.LATE
    else:
        code = ComeCode.OPEN
    return ComeAnswer(is_allowed=code is ComeCode.OPEN, code=code, opens_at=opens_at)


def entry_of(kind: AttendanceKind, state: VisitState, *, is_admitted: bool) -> Entry | None:
    """Say where a ticket lets its holder sit first; None: no ticket in this state.

    A patient waits in the lobby until called in; somebody the provider has admitted goes straight
    in again.  The provider enters once the patient is called.
    """
    if kind is AttendanceKind.PROVIDER:
        return Entry.DIRECT if state in {_S.CALLED, _S.IN_CALL} else None
    if state not in _UNDER_WAY:
        return None
    if kind is AttendanceKind.PATIENT:
        return Entry.DIRECT if state in {_S.CALLED, _S.IN_CALL} else Entry.LOBBY
    return Entry.DIRECT if is_admitted and state is _S.IN_CALL else Entry.LOBBY
