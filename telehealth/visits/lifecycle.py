"""Where a visit stands and where it may go.  Pure; the table is the rule."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from telehealth.visits.errors import IllegalVisitStep


class VisitState(StrEnum):
    """Where a visit stands.  Stored: renaming one is a migration."""

    SCHEDULED = "scheduled"
    CHECKING_IN = "checking_in"
    WAITING = "waiting"
    CALLED = "called"
    IN_CALL = "in_call"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    LEFT = "left"


class VisitStep(StrEnum):
    """What moves a visit."""

    OPEN = "open"
    CHECK_IN = "check_in"
    CALL = "call"
    PUT_BACK = "put_back"
    CONNECT = "connect"
    PAUSE = "pause"
    TRANSFER = "transfer"
    FINISH = "finish"
    REJOIN = "rejoin"
    CLOSE = "close"
    REOPEN = "reopen"
    LEAVE = "leave"
    CANCEL = "cancel"
    MARK_NO_SHOW = "mark_no_show"
    UNDO_NO_SHOW = "undo_no_show"
    COME_BACK = "come_back"


class CancelReason(StrEnum):
    """Why a visit was cancelled.  Stored; a code, for free text may hold anything."""

    PATIENT_ASKED = "patient_asked"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    BOOKED_BY_MISTAKE = "booked_by_mistake"
    OTHER = "other"


_S, _T = VisitState, VisitStep

NEXT: Final[Mapping[tuple[VisitState, VisitStep], VisitState]] = MappingProxyType(
    {
        (_S.SCHEDULED, _T.OPEN): _S.CHECKING_IN,
        (_S.SCHEDULED, _T.CANCEL): _S.CANCELLED,
        (_S.SCHEDULED, _T.MARK_NO_SHOW): _S.NO_SHOW,
        (_S.CHECKING_IN, _T.CHECK_IN): _S.WAITING,
        (_S.CHECKING_IN, _T.LEAVE): _S.LEFT,
        (_S.CHECKING_IN, _T.CANCEL): _S.CANCELLED,
        (_S.CHECKING_IN, _T.MARK_NO_SHOW): _S.NO_SHOW,
        (_S.WAITING, _T.CALL): _S.CALLED,
        (_S.WAITING, _T.LEAVE): _S.LEFT,
        (_S.WAITING, _T.CANCEL): _S.CANCELLED,
        (_S.WAITING, _T.MARK_NO_SHOW): _S.NO_SHOW,
        # Nobody answered, or it was the wrong patient: the place and the wait clock are kept.
        (_S.CALLED, _T.PUT_BACK): _S.WAITING,
        (_S.CALLED, _T.CONNECT): _S.IN_CALL,
        (_S.CALLED, _T.LEAVE): _S.LEFT,
        (_S.CALLED, _T.CANCEL): _S.CANCELLED,
        (_S.IN_CALL, _T.PAUSE): _S.PAUSED,
        (_S.IN_CALL, _T.TRANSFER): _S.WAITING,
        # Leaving the call leads nowhere: only the provider's Finish visit does.
        (_S.IN_CALL, _T.FINISH): _S.WRAP_UP,
        (_S.PAUSED, _T.CALL): _S.CALLED,
        (_S.PAUSED, _T.LEAVE): _S.LEFT,
        (_S.PAUSED, _T.FINISH): _S.WRAP_UP,
        (_S.WRAP_UP, _T.REJOIN): _S.IN_CALL,
        (_S.WRAP_UP, _T.CLOSE): _S.COMPLETED,
        # For records only: a call after Done is a new visit.
        (_S.COMPLETED, _T.REOPEN): _S.WRAP_UP,
        # A late patient may still check in, and somebody who left comes as a new arrival.
        (_S.NO_SHOW, _T.OPEN): _S.CHECKING_IN,
        (_S.LEFT, _T.OPEN): _S.CHECKING_IN,
    }
)

BACK: Final[Mapping[tuple[VisitState, VisitStep], frozenset[VisitState]]] = MappingProxyType(
    {
        # For 60 minutes, to the state before.
        (_S.NO_SHOW, _T.UNDO_NO_SHOW): frozenset({_S.SCHEDULED, _S.CHECKING_IN, _S.WAITING}),
        # Within 30 minutes, to the state before; the place is kept.  Nobody is Called any more.
        (_S.LEFT, _T.COME_BACK): frozenset({_S.CHECKING_IN, _S.WAITING, _S.PAUSED}),
    }
)
"""Steps that lead back to where the visit stood before."""

WORD: Final[Mapping[VisitState, str]] = MappingProxyType(
    {
        _S.SCHEDULED: "Not arrived",
        _S.CHECKING_IN: "Checking in",
        _S.WAITING: "Waiting",
        _S.CALLED: "Called",
        _S.IN_CALL: "In call",
        _S.PAUSED: "Paused",
        _S.WRAP_UP: "Wrap-up",
        _S.COMPLETED: "Done",
        _S.NO_SHOW: "No-show",
        _S.CANCELLED: "Cancelled",
        _S.LEFT: "Left",
    }
)


def advance(state: VisitState, step: VisitStep, *, before: VisitState | None = None) -> VisitState:
    """Return the state after `step`, or raise `IllegalVisitStep` and change nothing.

    Args:
        state: Where the visit stands.
        step: What moves it.
        before: Where it stood before, for the two steps that lead back there.
    """
    if (state, step) in NEXT:
        return NEXT[state, step]
    if before is not None and before in BACK.get((state, step), frozenset()):
        return before
    raise IllegalVisitStep(state=state, step=step)


def before_leaving(state: VisitState) -> VisitState:
    """Return what to remember when a patient leaves: somebody called comes back as waiting."""
    return VisitState.WAITING if state is VisitState.CALLED else state


def word(state: VisitState) -> str:
    """Return the one word shown for a state, in English; catalogues hold the others."""
    return WORD[state]
