import pytest

from media.core.admission import (
    COST_IN_S,
    COST_OUT_S,
    EASE_AFTER_S,
    LAG_P99_MAX_S,
    OVERLOAD_AFTER_S,
    RECALIBRATE_EVERY_S,
    RIPE_AFTER_S,
    SCALE_MOST,
    Admission,
)


class Clockwork:
    """Feeds an admission whole seconds of a steady load."""

    def __init__(self, **changed: float) -> None:
        self.admission = Admission(now=0.0, **changed)
        self.now = 0.0
        self.cpu_s = 0.0
        self.packets = 0
        self._tell()

    def run(self, seconds: int, *, cpu: float, packets_a_second: int = 0) -> None:
        for _ in range(seconds):
            self.now += 1.0
            self.cpu_s += cpu
            self.packets += packets_a_second
            self._tell()

    def _tell(self) -> None:
        self.admission.on_second(
            now=self.now, cpu_s=self.cpu_s, packets_in=self.packets, packets_out=self.packets
        )


def test_an_idle_node_takes_rooms_and_joins() -> None:
    clock = Clockwork()
    clock.run(5, cpu=0.01)

    assert clock.admission.load == pytest.approx(0.01)
    assert clock.admission.refuse_room(now=clock.now) is None
    assert clock.admission.refuse_join(now=clock.now) is None


def test_nothing_is_known_before_the_first_second() -> None:
    assert Admission(now=0.0).load == 0.0


@pytest.mark.parametrize(
    ("cpu", "room", "join"), [(0.60, True, True), (0.75, False, True), (0.90, False, False)]
)
def test_a_busy_node_takes_joins_longer_than_rooms(cpu: float, *, room: bool, join: bool) -> None:
    """A join refused hurts a visit that runs; a room refused starts elsewhere."""
    clock = Clockwork()
    clock.run(6, cpu=cpu)

    assert (clock.admission.refuse_room(now=clock.now) is None) is room
    assert (clock.admission.refuse_join(now=clock.now) is None) is join


def test_rooms_let_in_at_once_count_before_they_flow() -> None:
    clock = Clockwork()
    clock.run(6, cpu=0.65)

    taken = 0
    while (retry_after_ms := clock.admission.refuse_room(now=clock.now)) is None:
        taken += 1

    assert 1 <= taken <= int(0.05 / (2 * 200 * (COST_IN_S + COST_OUT_S))) + 1
    assert retry_after_ms == int(RIPE_AFTER_S * 1_000)
    clock.run(int(RIPE_AFTER_S) + 1, cpu=0.65)
    assert clock.admission.refuse_room(now=clock.now) is None


def test_lateness_refuses_rooms_of_a_node_that_works() -> None:
    clock = Clockwork()
    for _ in range(100):
        clock.admission.on_tick(2 * LAG_P99_MAX_S)
    clock.run(6, cpu=0.3)

    assert clock.admission.lag_p99_s == pytest.approx(2 * LAG_P99_MAX_S)
    assert clock.admission.refuse_room(now=clock.now) is not None
    assert clock.admission.refuse_join(now=clock.now) is None


def test_lateness_of_an_idle_node_is_anothers_doing() -> None:
    clock = Clockwork()
    for late_s in (-0.001, 1.0, 1.0):
        clock.admission.on_tick(late_s)
    clock.run(6, cpu=0.05)

    assert clock.admission.refuse_room(now=clock.now) is None


def test_the_model_learns_what_a_packet_costs_here() -> None:
    clock = Clockwork()

    clock.run(int(RECALIBRATE_EVERY_S), cpu=0.28, packets_a_second=10_000)

    assert clock.admission.scale == pytest.approx(0.28 / (10_000 * (COST_IN_S + COST_OUT_S)))


def test_a_quiet_node_keeps_its_model_and_an_odd_one_stays_in_bounds() -> None:
    quiet, odd = Clockwork(), Clockwork()

    quiet.run(25, cpu=0.5, packets_a_second=10)
    odd.run(25, cpu=1.0, packets_a_second=3_000)

    assert quiet.admission.scale == 1.0
    assert odd.admission.scale == SCALE_MOST


def test_the_model_counts_where_it_says_more_than_was_measured() -> None:
    clock = Clockwork()
    clock.run(5, cpu=0.1, packets_a_second=20_000)

    assert clock.admission.load == pytest.approx(20_000 * (COST_IN_S + COST_OUT_S))


def test_without_a_limit_load_refuses_nobody() -> None:
    clock = Clockwork(room_load_max=0.0)
    clock.run(6, cpu=1.0)

    assert clock.admission.refuse_room(now=clock.now) is None
    assert clock.admission.refuse_join(now=clock.now) is None


def test_overload_rises_by_steps_and_falls_when_it_has_eased() -> None:
    clock = Clockwork()
    clock.run(5 + int(OVERLOAD_AFTER_S), cpu=0.95)
    first = clock.admission.level
    clock.run(20, cpu=0.95)
    most = clock.admission.level
    clock.run(8 + int(EASE_AFTER_S), cpu=0.2)
    eased = clock.admission.level
    clock.run(40, cpu=0.2)

    assert (first, most, eased, clock.admission.level) == (1, 2, 1, 0)


def test_a_second_told_twice_changes_nothing() -> None:
    clock = Clockwork()
    clock.run(2, cpu=0.5)
    before = clock.admission.load

    clock.admission.on_second(now=clock.now, cpu_s=99.0, packets_in=0, packets_out=0)

    assert clock.admission.load == before
