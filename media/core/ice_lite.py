"""The ICE-lite machine of one peer: which addresses are heard, which one is sent to.

Here: credential generations and their restart, the validated tuples and the choice among them,
rebinding, consent, liveness and the connect limit.  Only an authenticated check moves the path;
media never does.  Not here: the STUN bytes (`stun`), sockets, who owns a ufrag (`udp_mux`).

Time is monotonic seconds and never falls.  After each verb the caller drains `take_effects`.

Source:
    RFC 8445 section 2.5 and 7.3 (lite agents answer checks and send none), RFC 7675 (consent);
    the limits in seconds are ours.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from media.contract.errors import CloseReason
from media.core.engine_face import Addr
from media.core.stun import BindingRequest, write_success

TUPLES_MAX: Final = 8
TRANSACTIONS_KEPT: Final = 64
FAILED_CHECKS_PER_S: Final = 20
CONNECT_LIMIT_S: Final = 15.0
CONSENT_QUIET_S: Final = 5.0
CONSENT_CHECK_S: Final = 30.0
REBIND_QUIET_S: Final = 2.0
RETIRED_TUPLE_S: Final = 5.0
SUSPECT_AFTER_S: Final = 2.0
LOST_AFTER_S: Final = 3.0
IDLE_FACTOR: Final = 3.0
"""A peer that carries no media speaks only by checks, 2.5 s apart in Chromium: its limits for
suspect and lost are this many times longer, or it would be suspected at every second check."""
REMOVED_AFTER_LOST_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Our half of a generation, drawn by the shell from a CSPRNG."""

    ufrag: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendTo:
    """Send these bytes to this address by the shared socket."""

    addr: Addr
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PathChanged:
    """The addresses heard from, and the one sent to; None stops sending."""

    valid: frozenset[Addr]
    selected: Addr | None


@dataclass(frozen=True, slots=True)
class Suspect:
    """Nothing authenticated for a while."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing authenticated for so long that the client should restart ICE."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A lost peer is heard again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The machine is over; the peer must be closed."""

    reason: CloseReason


IceEffect: TypeAlias = SendTo | PathChanged | Suspect | Lost | Recovered | Ended


class Verdict(StrEnum):
    """What became of a check; one counter each."""

    ACCEPTED = "accepted"
    USERNAME = "username"
    MUTED = "muted"
    INTEGRITY = "integrity"
    ROLE = "role"
    REPLAYED = "replayed"


class Liveness(StrEnum):
    """How long ago the peer was last heard."""

    NEW = "new"
    LIVE = "live"
    SUSPECT = "suspect"
    LOST = "lost"
    ENDED = "ended"


@dataclass(slots=True)
class _Generation:
    ours: Credentials
    theirs_ufrag: str


@dataclass(slots=True)
class _Tuple:
    """An address that passed an authenticated check."""

    generation: _Generation
    checked_at: float
    heard_at: float
    retired_at: float | None = None

    def may_be_sent_to(self, now: float) -> bool:
        return now < self.heard_at + CONSENT_QUIET_S and now < self.checked_at + CONSENT_CHECK_S

    def is_over(self, now: float) -> bool:
        if self.retired_at is not None and now >= self.retired_at:
            return True
        return now >= self.checked_at + CONSENT_CHECK_S


class IceLite:
    """One peer's path.  Verbs take `now`; at `deadline` the caller owes `on_deadline`."""

    def __init__(self, *, ours: Credentials, theirs_ufrag: str, now: float) -> None:
        self._generations = [_Generation(ours, theirs_ufrag)]
        self._tuples: dict[Addr, _Tuple] = {}
        self._selected: Addr | None = None
        self._told = PathChanged(frozenset(), None)
        self._seen: OrderedDict[bytes, Addr] = OrderedDict()
        self._failures = (now, 0)
        self._connect_by = now + CONNECT_LIMIT_S
        self._heard_at = now
        self._media_at = now - CONNECT_LIMIT_S
        self._effects: list[IceEffect] = []
        self.liveness = Liveness.NEW
        self.deadline = self._connect_by

    @property
    def ours(self) -> Credentials:
        """Our newest credentials: those of the latest answer."""
        return self._generations[-1].ours

    @property
    def theirs_ufrag(self) -> str:
        """The client's newest ufrag."""
        return self._generations[-1].theirs_ufrag

    @property
    def ufrags(self) -> frozenset[str]:
        """Our ufrags that a check may name now."""
        return frozenset(generation.ours.ufrag for generation in self._generations)

    def take_effects(self) -> list[IceEffect]:
        """Hand over what must be done before the next input is fed."""
        effects, self._effects = self._effects, []
        return effects

    def was_heard_within(self, span_s: float, *, now: float) -> bool:
        """Say whether the peer holds its addresses against other claimants."""
        return self.liveness is not Liveness.NEW and now < self._heard_at + span_s

    def restart(self, ours: Credentials, theirs_ufrag: str, *, now: float) -> None:
        """Open a new generation; the one before it lives until the new one is first checked."""
        self._generations = [self._generations[-1], _Generation(ours, theirs_ufrag)]
        self._drop_tuples_of_dead_generations(now)
        self._settle(now)

    def on_check(self, check: BindingRequest, addr: Addr, *, now: float) -> Verdict:
        """Take a well-formed check; only an accepted one changes anything but a counter."""
        generation = self._generation_of(check)
        if generation is None or self.liveness is Liveness.ENDED:
            return Verdict.USERNAME
        if addr not in self._tuples and self._has_failed_too_often(now):
            return Verdict.MUTED
        if not check.is_authentic(generation.ours.password):
            self._count_failure(now)
            return Verdict.INTEGRITY
        if check.is_controlled:  # a lite agent is always the controlled side
            return Verdict.ROLE
        if self._seen.get(check.transaction_id, addr) != addr:
            return Verdict.REPLAYED
        self._accept(check, generation, addr, now)
        return Verdict.ACCEPTED

    def on_media(self, *, now: float) -> None:
        """Note that SRTP or SRTCP of this peer passed authentication.

        May be told a little late: what was heard since, by a check, stands.
        """
        was_idle = self._is_idle
        self._media_at = now
        if self._selected is not None:
            current = self._tuples[self._selected]
            current.heard_at = max(current.heard_at, now)
        self._hear(now)
        if was_idle and not self._is_idle:  # silence is noticed sooner from here on
            self._settle(now)

    def forget(self, addr: Addr, *, now: float) -> None:
        """Give an address up that another peer has proven to hold."""
        self._tuples.pop(addr, None)
        self._settle(now)

    def on_deadline(self, *, now: float) -> None:
        """Do what is due: end tuples, stop sending, suspect, lose, end."""
        for addr in [addr for addr, found in self._tuples.items() if found.is_over(now)]:
            del self._tuples[addr]
        self._judge_liveness(now)
        self._settle(now)

    def _generation_of(self, check: BindingRequest) -> _Generation | None:
        """Both halves of USERNAME must fit one live generation."""
        for generation in self._generations:
            if (generation.ours.ufrag, generation.theirs_ufrag) == (
                check.local_ufrag,
                check.remote_ufrag,
            ):
                return generation
        return None

    def _has_failed_too_often(self, now: float) -> bool:
        since, count = self._failures
        return count >= FAILED_CHECKS_PER_S and now < since + 1.0

    def _count_failure(self, now: float) -> None:
        since, count = self._failures
        self._failures = (since, count + 1) if now < since + 1.0 else (now, 1)

    def _accept(
        self, check: BindingRequest, generation: _Generation, addr: Addr, now: float
    ) -> None:
        self._seen[check.transaction_id] = addr
        if len(self._seen) > TRANSACTIONS_KEPT:
            self._seen.popitem(last=False)
        password = generation.ours.password
        self._effects.append(SendTo(addr, write_success(check.transaction_id, addr, password)))
        self._retire_before(generation, now)
        self._tuples.pop(addr, None)  # the dict keeps tuples in the order of their last check
        self._tuples[addr] = _Tuple(generation, checked_at=now, heard_at=now)
        self._select(addr, generation, is_nominated=check.is_nominating, now=now)
        self._evict()
        self._hear(now)
        self._settle(now)

    def _retire_before(self, generation: _Generation, now: float) -> None:
        """End the old generation at the first valid check of the new one."""
        if generation is self._generations[-1] and len(self._generations) > 1:
            self._generations = [generation]
            self._drop_tuples_of_dead_generations(now)

    def _drop_tuples_of_dead_generations(self, now: float) -> None:
        for found in self._tuples.values():
            if found.generation not in self._generations and found.retired_at is None:
                found.retired_at = now + RETIRED_TUPLE_S

    def _select(
        self, addr: Addr, generation: _Generation, *, is_nominated: bool, now: float
    ) -> None:
        current = self._tuples.get(self._selected) if self._selected is not None else None
        if (
            current is None
            or is_nominated
            or current.generation not in self._generations
            or (generation is current.generation and now >= current.heard_at + REBIND_QUIET_S)
        ):
            self._selected = addr

    def _evict(self) -> None:
        """Keep the eight most recently checked, and the selected one always."""
        excess = max(0, len(self._tuples) - TUPLES_MAX)
        for addr in [each for each in self._tuples if each != self._selected][:excess]:
            del self._tuples[addr]

    @property
    def _is_idle(self) -> bool:
        """Say whether checks alone have come for a while."""
        return self._heard_at - self._media_at > SUSPECT_AFTER_S

    def _hear(self, now: float) -> None:
        self._heard_at = max(self._heard_at, now)
        if self.liveness is Liveness.LOST:
            self._effects.append(Recovered())
        if self.liveness is not Liveness.ENDED:
            self.liveness = Liveness.LIVE
        if self._told.selected is None:
            self._settle(now)

    def _limits(self) -> tuple[float, float]:
        """Seconds until suspect and until lost, longer where no media is expected."""
        factor = IDLE_FACTOR if self._is_idle else 1.0
        return SUSPECT_AFTER_S * factor, LOST_AFTER_S * factor

    def _judge_liveness(self, now: float) -> None:
        suspect_after_s, lost_after_s = self._limits()
        lost_at = self._heard_at + lost_after_s
        if self.liveness is Liveness.NEW and now >= self._connect_by:
            self._end(CloseReason.CONNECT_TIMEOUT)
        if self.liveness is Liveness.LIVE and now >= self._heard_at + suspect_after_s:
            self.liveness = Liveness.SUSPECT
            self._effects.append(Suspect())
        if self.liveness is Liveness.SUSPECT and now >= lost_at:
            self.liveness = Liveness.LOST
            self._effects.append(Lost())
        if self.liveness is Liveness.LOST and now >= lost_at + REMOVED_AFTER_LOST_S:
            self._end(CloseReason.PATH_LOST)

    def _end(self, reason: CloseReason) -> None:
        self.liveness = Liveness.ENDED
        self._tuples.clear()
        self._effects.append(Ended(reason))

    def _settle(self, now: float) -> None:
        """Tell a changed path once, and reckon when to look again."""
        if self._selected not in self._tuples:
            self._selected = None
        selected = self._selected
        if selected is not None and not self._tuples[selected].may_be_sent_to(now):
            selected = None
        path = PathChanged(frozenset(self._tuples), selected)
        if path != self._told:
            self._told = path
            self._effects.append(path)
        self.deadline = self._next_deadline(now)

    def _next_deadline(self, now: float) -> float:
        suspect_after_s, lost_after_s = self._limits()
        instants = [self._connect_by] if self.liveness is Liveness.NEW else []
        instants += [
            self._heard_at + suspect_after_s,
            self._heard_at + lost_after_s,
            self._heard_at + lost_after_s + REMOVED_AFTER_LOST_S,
        ]
        for found in self._tuples.values():
            instants += [
                found.heard_at + CONSENT_QUIET_S,
                found.checked_at + CONSENT_CHECK_S,
                *([] if found.retired_at is None else [found.retired_at]),
            ]
        return min((instant for instant in instants if instant > now), default=float("inf"))
