"""Reception on this hop, the sender's clock, round trips."""

from media.core.reports import (
    NTP_SECOND,
    REPORTS_REMEMBERED,
    Reception,
    RoundTrips,
    aligned,
    middle,
)
from media.core.rtcp import SenderReport
from media.core.sequence import SEQ_MOD

FIRST = SEQ_MOD + 100


def reception() -> Reception:
    return Reception(ssrc=7, clock_rate_hz=90_000)


def test_the_fraction_lost_is_of_the_time_since_the_last_report() -> None:
    received = reception()
    for number in (0, 1, 3):
        received.on_packet(FIRST + number, number * 3_000, now=number / 30)

    first = received.block(now=1.0)
    for number in (4, 5):
        received.on_packet(FIRST + number, number * 3_000, now=number / 30)
    second = received.block(now=2.0)

    assert (first.fraction_lost, first.total_lost, first.highest) == (64, 1, 103)
    assert (second.fraction_lost, second.total_lost, second.highest) == (0, 1, 105)


def test_a_second_without_packets_reports_no_loss() -> None:
    received = reception()
    received.on_packet(FIRST, 0, now=0.0)
    received.block(now=1.0)

    assert received.block(now=2.0).fraction_lost == 0


def test_total_loss_of_a_second_is_the_largest_fraction_there_is() -> None:
    received = reception()
    received.on_packet(FIRST, 0, now=0.0)
    received.block(now=1.0)
    received.on_repair(FIRST + 9)

    assert received.block(now=2.0).fraction_lost == 255


def test_what_came_again_at_our_request_was_lost_on_this_hop() -> None:
    received = reception()
    received.on_packet(FIRST, 0, now=0.0)
    received.on_packet(FIRST + 2, 0, now=0.0)

    received.on_repair(FIRST + 1)

    assert received.block(now=1.0).total_lost == 1


def test_a_stream_that_begins_with_a_repair_begins_there() -> None:
    received = reception()

    received.on_repair(FIRST)
    received.on_packet(FIRST + 1, 0, now=0.0)

    assert received.block(now=1.0).total_lost == 1


def test_even_pacing_is_no_jitter_and_uneven_pacing_is() -> None:
    even, uneven = reception(), reception()

    for number in range(50):
        even.on_packet(FIRST + number, number * 4_500, now=number / 20)
        late_s = 0.01 if number % 2 else 0.0
        uneven.on_packet(FIRST + number, number * 4_500, now=number / 20 + late_s)

    assert even.block(now=9.0).jitter_ticks <= 1
    assert 700 < uneven.block(now=9.0).jitter_ticks <= 900


def test_a_report_block_echoes_the_senders_report() -> None:
    received = reception()
    received.on_packet(FIRST, 0, now=0.0)
    assert received.block(now=0.5).last_sr == 0

    received.on_sender_report(SenderReport(ssrc=7, ntp=0x1234_5678_9ABC_DEF0, rtp_ts=0), now=1.0)

    block = received.block(now=1.25)
    assert (block.last_sr, block.delay_since_sr) == (0x5678_9ABC, 16_384)


def test_the_senders_clock_goes_on_between_its_reports() -> None:
    received = reception()
    assert received.clock_at(now=1.0) is None
    received.on_sender_report(SenderReport(ssrc=7, ntp=5 * NTP_SECOND, rtp_ts=1_000), now=1.0)

    assert received.clock_at(now=1.5) == (5 * NTP_SECOND + NTP_SECOND // 2, 46_000)


def test_a_round_trip_is_what_is_left_after_the_receivers_delay() -> None:
    trips = RoundTrips()
    ntp = 9 * NTP_SECOND
    trips.on_report_sent(ntp, now=1.0)

    trips.on_block(middle(ntp), 65_536 // 4, now=1.3)

    assert abs(trips.rtt_s - 0.05) < 1e-9


def test_a_block_that_answers_nothing_we_know_changes_nothing() -> None:
    trips = RoundTrips()
    before = trips.rtt_s

    trips.on_block(0, 0, now=1.0)

    assert trips.rtt_s == before


def test_a_lying_delay_is_no_negative_round_trip() -> None:
    trips = RoundTrips()
    trips.on_report_sent(9 * NTP_SECOND, now=1.0)

    trips.on_block(middle(9 * NTP_SECOND), 0xFFFF_FFFF, now=1.1)

    assert trips.rtt_s == 0.0


def test_only_the_last_reports_are_remembered() -> None:
    trips = RoundTrips()

    for second in range(100):
        trips.on_report_sent(second * NTP_SECOND, now=float(second))

    assert len(trips._sent) == REPORTS_REMEMBERED


def test_what_was_expected_and_the_jitter_are_told() -> None:
    received = reception()
    assert received.expected == 0
    received.on_packet(FIRST, 0, now=0.0)
    received.on_packet(FIRST + 3, 0, now=0.16)

    assert received.expected == 4
    assert received.jitter_s == 0.01


def test_two_streams_of_one_sender_share_a_clock_once_both_have_told_it() -> None:
    before, after = reception(), reception()
    assert aligned(before, after, 5_000) is None
    before.on_sender_report(SenderReport(ssrc=7, ntp=10 * NTP_SECOND, rtp_ts=1_000), now=0.0)
    assert aligned(before, after, 5_000) is None
    after.on_sender_report(SenderReport(ssrc=8, ntp=11 * NTP_SECOND, rtp_ts=2**32 - 1), now=1.0)

    assert aligned(before, after, 2_999) == 1_000 + 90_000 + 3_000
    assert aligned(before, after, 2**32 - 91_001) == 0
