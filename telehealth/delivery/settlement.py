"""What an answer, or its absence, makes of an entry.  Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from telehealth.delivery.lanes import Policy, WhenUnknown
from telehealth.delivery.lifecycle import (
    SETTLED,
    WAIT_WHEN_LIMITED,
    EntryState,
    EntryStep,
    advance,
    back_off,
    counts_as_not_found,
    is_time_over,
)
from telehealth.delivery.ports import (
    DeliverOutcome,
    Done,
    FindOutcome,
    Found,
    NotFound,
    OutcomeCode,
    Refused,
    Rejected,
    TryLater,
)


class Health(StrEnum):
    """What an outcome says of the partner as a whole."""

    ANSWERS = "answers"
    FAILS = "fails"
    SHUT = "shut"
    """No entry can succeed now: a refused sign-in, a missing right."""
    SAYS_NOTHING = "says_nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What of an entry decides its next step."""

    state: EntryState
    attempts: int
    give_up_at: datetime
    quiet_until: datetime | None
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Where an entry stands afterwards, to be stored under the lease's epoch."""

    state: EntryState
    code: OutcomeCode
    next_at: datetime
    confirm_by: datetime | None = None
    partner_ref: str | None = None
    http_status: int | None = None
    counts: bool = True
    health: Health = Health.ANSWERS

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is owed."""
        return self.state in SETTLED


def after_call(
    outcome: DeliverOutcome, standing: Standing, *, now: datetime, draw: float
) -> Settlement:
    """Say what the outcome of a call makes of a leased entry."""
    match outcome:
        case Done():
            return _arrived(outcome, standing, now=now, code=OutcomeCode.DELIVERED)
        case Refused(code=code, http_status=status):
            state = advance(standing.state, EntryStep.REJECT)
            return Settlement(state=state, code=code, next_at=now, http_status=status)
        case TryLater():
            return _put_off(outcome, standing, now=now, draw=draw)
    # What remains is an unknown outcome.
    state, next_at = lost(standing, EntryStep.LOSE_ANSWER, now=now, draw=draw)
    return Settlement(
        state=state,
        code=outcome.code,
        next_at=max(next_at, outcome.not_before or now),
        http_status=outcome.http_status,
        health=Health.FAILS,
    )


def after_query(
    outcome: FindOutcome, standing: Standing, *, now: datetime, draw: float
) -> Settlement:
    """Say what the answer to a question makes of an unknown entry."""
    match outcome:
        case Found():
            return _arrived(outcome, standing, now=now, code=OutcomeCode.FOUND)
        case Rejected(code=code, http_status=status):
            state = advance(standing.state, EntryStep.REJECT)
            return Settlement(state=state, code=code, next_at=now, http_status=status)
        case NotFound(http_status=status):
            return _not_found(standing, now=now, http_status=status)
    # What remains is no answer.
    return Settlement(
        state=_unless_over(EntryStep.STILL_UNKNOWN, standing, now=now),
        code=outcome.code,
        next_at=max(now + back_off(standing.attempts, draw=draw), outcome.not_before or now),
        http_status=outcome.http_status,
        health=Health.FAILS,
    )


def lost(
    standing: Standing, step: EntryStep, *, now: datetime, draw: float
) -> tuple[EntryState, datetime]:
    """Say where an entry goes whose call may or may not have arrived, and when to act on it.

    Unknown, and the partner is asked at once; but where it drops repeats, the same bytes go again
    after a wait.
    """
    state = advance(standing.state, step)
    if standing.policy.when_unknown is WhenUnknown.ASK:
        return state, now
    state = advance(state, EntryStep.REPEAT)
    if is_time_over(give_up_at=standing.give_up_at, now=now):
        state = advance(state, EntryStep.TIME_OVER)
    return state, now + back_off(standing.attempts, draw=draw)


def _arrived(
    outcome: Done | Found, standing: Standing, *, now: datetime, code: OutcomeCode
) -> Settlement:
    step = EntryStep.CONFIRM if outcome.is_final else EntryStep.TAKE
    word_within = standing.policy.confirm_within or standing.policy.try_for
    return Settlement(
        state=advance(standing.state, step),
        code=code,
        next_at=now,
        confirm_by=None if outcome.is_final else now + word_within,
        partner_ref=outcome.partner_ref,
        http_status=outcome.http_status,
    )


def _put_off(outcome: TryLater, standing: Standing, *, now: datetime, draw: float) -> Settlement:
    if outcome.pauses_partner:
        health = Health.SHUT
    else:
        health = Health.FAILS if outcome.counts else Health.SAYS_NOTHING
    next_at = outcome.not_before or now + back_off(standing.attempts, draw=draw)
    if not outcome.counts:
        next_at = max(next_at, now + WAIT_WHEN_LIMITED)
    return Settlement(
        state=_unless_over(EntryStep.PUT_OFF, standing, now=now),
        code=outcome.code,
        next_at=next_at,
        http_status=outcome.http_status,
        counts=outcome.counts,
        health=health,
    )


def _not_found(standing: Standing, *, now: datetime, http_status: int | None) -> Settlement:
    if counts_as_not_found(quiet_until=standing.quiet_until, now=now):
        step, next_at = EntryStep.NOT_FOUND, now
    else:
        step, next_at = EntryStep.STILL_UNKNOWN, standing.quiet_until or now
    return Settlement(
        state=_unless_over(step, standing, now=now),
        code=OutcomeCode.NOT_FOUND,
        next_at=next_at,
        http_status=http_status,
    )


def _unless_over(step: EntryStep, standing: Standing, *, now: datetime) -> EntryState:
    """Take `step`, and park when the kind's time for trying has passed.

    Only after a try: an installation that was down for a day first tries, then complains.
    """
    state = advance(standing.state, step)
    if is_time_over(give_up_at=standing.give_up_at, now=now):
        return advance(state, EntryStep.TIME_OVER)
    return state
