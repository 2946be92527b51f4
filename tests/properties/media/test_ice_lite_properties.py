"""Over any history of checks, media, restarts and time, the path stays what checks made it."""

from hypothesis import given
from hypothesis import strategies as st

from media.core.engine_face import Addr
from media.core.ice_lite import (
    CONSENT_CHECK_S,
    CONSENT_QUIET_S,
    RETIRED_TUPLE_S,
    TUPLES_MAX,
    Credentials,
    Ended,
    IceLite,
    Liveness,
    PathChanged,
    SendTo,
    Verdict,
)
from tests.support.ice_checks import OURS, THEIRS, Checks, a_machine, addr

Step = tuple[str, int, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["check", "check", "nominate", "wrong", "old", "replay", "media", "restart", "wait"]
        ),
        st.integers(0, 11),
        st.floats(0.0, 4.0, allow_nan=False),
    ),
    max_size=60,
)


class History:
    """Plays steps into a machine and keeps the truth beside it."""

    def __init__(self) -> None:
        self.machine: IceLite = a_machine()
        self.checks = Checks()
        self.now = 0.0
        self.generations = [(OURS, THEIRS)]
        self.checked_at: dict[Addr, float] = {}
        self.transaction_of: dict[int, Addr] = {}
        self.path = PathChanged(frozenset(), None)
        self.answered: list[Addr] = []
        self.ended = 0

    def play(self, step: Step) -> None:
        """Let time pass, do what is due, then the step."""
        kind, number, wait_s = step
        self.now += wait_s
        while self.machine.deadline <= self.now:
            before = self.machine.deadline
            self.machine.on_deadline(now=before)
            self.drain()
            assert self.machine.deadline > before, "a deadline must move on"
        if kind in {"check", "nominate", "wrong", "old"}:
            self.check(kind, addr(number))
        elif kind == "replay":
            self.replay(number)
        elif kind == "media":
            self.machine.on_media(now=self.now)
        elif kind == "restart":
            self.restart()
        self.drain()

    def check(self, kind: str, where: Addr) -> None:
        """A check of the newest generation, or of the first for `old`."""
        ours, theirs = self.generations[0 if kind == "old" else -1]
        check = self.checks.make(
            ours=ours,
            theirs=theirs,
            password="x" * 24 if kind == "wrong" else None,
            is_nominating=kind == "nominate",
        )
        verdict = self.machine.on_check(check, where, now=self.now)
        if verdict is Verdict.ACCEPTED:
            assert kind != "wrong"
            self.checked_at[where] = self.now

    def replay(self, number: int) -> None:
        """A check captured at one address, played from another."""
        ours, theirs = self.generations[-1]
        first, second = addr(number), addr(number + 100)
        captured = self.checks.make(ours=ours, theirs=theirs)
        if self.machine.on_check(captured, first, now=self.now) is Verdict.ACCEPTED:
            self.checked_at[first] = self.now
            assert self.machine.on_check(captured, second, now=self.now) in {
                Verdict.REPLAYED,
                Verdict.MUTED,
            }

    def restart(self) -> None:
        """A new generation on both sides."""
        count = len(self.generations)
        ours = Credentials(ufrag=f"gen{count:05d}", password="r" * 24)
        self.generations.append((ours, f"their{count:03d}"))
        self.machine.restart(ours, f"their{count:03d}", now=self.now)

    def drain(self) -> None:
        """Do the effects."""
        for effect in self.machine.take_effects():
            match effect:
                case PathChanged():
                    assert effect != self.path, "a path is told once"
                    self.path = effect
                case SendTo(addr=where):
                    self.answered.append(where)
                case Ended():
                    self.ended += 1
                case _:
                    pass


@given(STEPS)
def test_only_addresses_with_a_recent_valid_check_are_in_the_path(steps: list[Step]) -> None:
    history = History()

    for step in steps:
        history.play(step)
        path = history.path
        assert len(path.valid) <= TUPLES_MAX
        assert path.selected is None or path.selected in path.valid
        for where in path.valid:
            assert history.now < history.checked_at[where] + CONSENT_CHECK_S


@given(STEPS)
def test_only_valid_checks_are_answered_and_each_where_it_came_from(steps: list[Step]) -> None:
    history = History()

    for step in steps:
        before = len(history.answered)
        history.play(step)
        assert set(history.answered[before:]) <= set(history.checked_at)


@given(STEPS)
def test_an_ended_peer_stays_ended_and_says_so_once(steps: list[Step]) -> None:
    history = History()

    for step in steps:
        history.play(step)
        if history.ended:
            assert history.ended == 1
            assert history.machine.liveness is Liveness.ENDED
            assert history.path == PathChanged(frozenset(), None)


@given(STEPS)
def test_silence_of_everything_ends_sending_then_the_peer(steps: list[Step]) -> None:
    history = History()
    for step in steps:
        history.play(step)

    history.play(("wait", 0, CONSENT_QUIET_S))
    assert history.path.selected is None
    history.play(("wait", 0, 100.0))

    assert history.ended == 1


@given(STEPS)
def test_two_generations_are_never_both_selected(steps: list[Step]) -> None:
    """Five seconds after the new one is first checked, no address of the old one is left."""
    history = History()
    for step in steps:
        history.play(step)
    history.restart()
    history.check("check", addr(200))
    history.drain()

    if history.machine.liveness is not Liveness.ENDED:
        assert history.path.selected == addr(200)
        history.play(("media", 0, RETIRED_TUPLE_S - 1.0))
        history.play(("media", 0, 1.0))
        assert history.path == PathChanged(frozenset({addr(200)}), addr(200))
