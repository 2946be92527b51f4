"""The estimate falls with queues and losses, rises with what was carried, and probes for more."""

import pytest

from media.core.bandwidth import (
    CARRIED_FACTOR,
    CARRIED_SLACK_BPS,
    DECREASE,
    FLOOR_BPS,
    LOSS_ALONE_FLOOR,
    PACKET_OVERHEAD,
    PROBE_OVER,
    PROBE_PAUSE_S,
    QUEUE_MAX_S,
    SAMPLES_MIN,
    SILENT_AFTER_S,
    START_BPS,
    Estimator,
)
from media.core.twcc import Fates
from tests.support.requirements import Figure

EVERY_S = 0.1


class Link:
    """A receiver that tells ten times a second what came."""

    def __init__(self) -> None:
        self.estimator = Estimator()
        self.now = 100.0

    def tell(
        self, seconds: float, *, bps: float = 800_000, loss: float = 0.0, queue_s: float = 0.0
    ) -> None:
        for _ in range(round(seconds / EVERY_S)):
            self.now += EVERY_S
            packets = max(2, round(bps * EVERY_S / 8 / 1_000))
            lost = round(packets * loss)
            fates = Fates(
                received=packets - lost,
                lost=lost,
                octets=round(bps * EVERY_S / 8 * (1 - loss)),
                least_delay_s=0.05 + queue_s if packets > lost else None,
            )
            self.estimator.on_fates(fates, now=self.now)

    @property
    def bps(self) -> float:
        return self.estimator.bps


@pytest.fixture
def link() -> Link:
    return Link()


def test_it_starts_where_a_call_can_begin(link: Link) -> None:
    assert link.bps == START_BPS


def test_a_clean_link_rises_fast_until_it_shows_a_limit_and_as_far_as_is_carried(
    link: Link,
) -> None:
    link.tell(1.0, bps=5_000_000)
    after_one = link.bps
    link.tell(1.0, bps=5_000_000)
    assert link.bps == pytest.approx(after_one * 1.48, rel=0.02)
    link.tell(4.0, bps=5_000_000)
    assert link.bps > 4_200_000  # three pictures and their voices

    link.tell(20.0, bps=5_000_000)
    carried = link.estimator.carried_bps(now=link.now)
    assert link.bps == pytest.approx(CARRIED_FACTOR * carried + CARRIED_SLACK_BPS, rel=0.05)


def test_after_a_limit_it_rises_eight_per_cent_a_second_as_far_as_is_carried(link: Link) -> None:
    link.tell(1.0)
    for step in range(1, 7):
        link.tell(0.1, bps=300_000, queue_s=0.1 * step)
    link.tell(2.0)
    before = link.bps
    link.tell(1.0)
    assert link.bps == pytest.approx(before * 1.083, rel=0.01)

    link.tell(30.0)
    carried = link.estimator.carried_bps(now=link.now)
    assert link.bps == pytest.approx(CARRIED_FACTOR * carried + CARRIED_SLACK_BPS, rel=0.05)


def test_a_few_packets_say_nothing(link: Link) -> None:
    few = Fates(received=1, lost=SAMPLES_MIN - 2, octets=9, least_delay_s=9.0)

    link.estimator.on_fates(few, now=100.0)

    assert link.bps == START_BPS


def test_a_growing_queue_lowers_it_below_what_is_carried(link: Link) -> None:
    link.tell(1.0)
    for step in range(1, 7):
        link.tell(0.1, bps=300_000, queue_s=0.1 * step)

    assert link.bps < 800_000 * DECREASE
    link.tell(1.0, bps=300_000, queue_s=0.7)
    assert link.bps < 330_000


def test_a_queue_that_drains_lowers_nothing_and_raises_nothing(link: Link) -> None:
    link.tell(1.0)
    link.tell(0.4, bps=300_000, queue_s=0.5)
    low = link.bps
    for step in range(20):
        link.tell(0.1, bps=300_000, queue_s=0.48 - 0.02 * step)
    assert link.bps == low
    link.tell(1.0, bps=300_000, queue_s=QUEUE_MAX_S / 2)
    assert link.bps > low


def test_a_queue_that_stands_is_lowered_again_once_a_second(link: Link) -> None:
    link.tell(1.0)
    link.tell(0.4, bps=300_000, queue_s=0.5)
    low = link.bps
    link.tell(2.2, bps=low * 2, queue_s=0.5)

    assert low * DECREASE**3 < link.bps <= low * DECREASE**2 * 1.01


def test_loss_alone_lowers_it_no_further_than_a_radio_link_needs(link: Link) -> None:
    link.tell(10.0, loss=0.2)

    assert link.bps == LOSS_ALONE_FLOOR
    assert link.estimator.loss == pytest.approx(0.2, abs=0.02)


def test_some_loss_holds_it(link: Link) -> None:
    link.tell(5.0, bps=4_000_000, loss=0.05)

    assert link.bps == START_BPS


def test_hopeless_loss_lowers_it_to_the_floor(link: Link) -> None:
    link.tell(20.0, bps=50_000, loss=0.6)

    assert link.bps == FLOOR_BPS


def test_nothing_received_at_all_is_hopeless_too(link: Link) -> None:
    link.tell(5.0, loss=1.0)

    assert link.bps == FLOOR_BPS
    assert link.estimator.queue_s == 0.0


@pytest.mark.requirement("REL-NET-04")
def test_from_the_floor_it_is_back_within_ten_seconds(link: Link, figure: Figure) -> None:
    """115 kbit/s and a fifth more: sound and a small picture of half the frames."""
    link.tell(5.0, loss=1.0)
    passed = 0.0
    while link.bps <= 1.2 * 130_000 and passed < 8.0:
        link.tell(EVERY_S, bps=100_000)
        passed += EVERY_S

    assert link.bps > 1.2 * 130_000
    figure(f"held clock: the estimate carries a picture {passed:.1f} s after the link is back")


def test_a_peer_that_stops_telling_is_sent_less(link: Link) -> None:
    link.estimator.on_silence(now=link.now)
    assert link.bps == START_BPS, "it has told nothing yet: it may never"
    link.tell(1.0)
    before = link.bps
    link.estimator.on_silence(now=link.now + SILENT_AFTER_S)
    assert link.bps == before
    link.estimator.on_silence(now=link.now + SILENT_AFTER_S + 0.1)
    assert link.bps == pytest.approx(before * DECREASE)


def test_a_receivers_own_estimate_is_a_ceiling_where_that_is_all(link: Link) -> None:
    link.estimator.on_remb(400_000, now=100.0)
    assert link.bps == 400_000
    link.estimator.on_remb(1_000, now=101.0)
    assert link.bps == FLOOR_BPS
    assert link.estimator.probe_bps(sent_bps=0.0, wanted_bps=9e9, now=102.0) == 0.0


def test_reported_loss_counts_for_a_peer_that_tells_nothing_better(link: Link) -> None:
    link.estimator.on_reported_loss(0.05, now=100.0)
    assert link.bps == START_BPS
    link.estimator.on_reported_loss(0.5, now=101.0)
    assert link.bps == START_BPS * DECREASE
    link.estimator.on_reported_loss(0.5, now=101.1)
    assert link.bps == START_BPS * DECREASE, "at most every 300 ms"


def test_probing_fills_up_to_a_tenth_over_the_estimate(link: Link) -> None:
    assert link.estimator.probe_bps(sent_bps=0.0, wanted_bps=2e6, now=100.0) == 0.0
    link.tell(1.0)

    extra = link.estimator.probe_bps(sent_bps=500_000, wanted_bps=2e6, now=link.now)
    assert extra == pytest.approx(PROBE_OVER * link.bps - 500_000)
    assert link.estimator.probe_bps(sent_bps=500_000, wanted_bps=0, now=link.now) == 0.0
    near = link.bps * 1.05
    assert link.estimator.probe_bps(
        sent_bps=500_000, wanted_bps=near, now=link.now
    ) == pytest.approx(near - 500_000)
    assert link.estimator.probe_bps(sent_bps=9e9, wanted_bps=2e6, now=link.now) == 0.0


def test_probing_that_hurt_pauses(link: Link) -> None:
    link.tell(1.0)
    assert link.estimator.probe_bps(sent_bps=0.0, wanted_bps=2e6, now=link.now) > 0
    link.tell(0.5, queue_s=0.5)
    assert link.estimator.probe_bps(sent_bps=0.0, wanted_bps=2e6, now=link.now) == 0.0
    link.tell(PROBE_PAUSE_S + 0.1)
    assert link.estimator.probe_bps(sent_bps=0.0, wanted_bps=2e6, now=link.now) > 0


def test_nothing_is_probed_while_packets_are_lost(link: Link) -> None:
    link.tell(2.0, bps=4_000_000, loss=0.05)

    assert link.estimator.probe_bps(sent_bps=0.0, wanted_bps=2e6, now=link.now) == 0.0


def test_the_base_of_the_delay_is_forgotten_after_ten_seconds(link: Link) -> None:
    """A route that became longer is no queue for ever."""
    link.tell(1.0)
    link.tell(12.0, queue_s=0.5)

    assert link.estimator.queue_s == pytest.approx(0.0, abs=0.001)


def test_what_was_carried_counts_the_headers_below() -> None:
    estimator = Estimator()
    estimator.on_fates(Fates(received=10, lost=0, octets=9_720, least_delay_s=0.0), now=100.0)

    assert estimator.carried_bps(now=100.0) == (9_720 + 10 * PACKET_OVERHEAD) * 8
