"""RTCP, read with bounds and written by the book."""

import struct

import pytest

from media.core import rtcp
from media.core.twcc import TransportFeedback

PLI = rtcp.write_pli(sender_ssrc=1, media_ssrc=2)


def test_a_sender_report_and_its_blocks_are_read() -> None:
    report = rtcp.write_sender_report(ssrc=5, ntp=1 << 63 | 7, rtp_ts=9, packets=1, payload_bytes=2)
    block = struct.pack("!IIIIII", 6, 25 << 24 | 100, 0, 0, 77, 88)
    with_block = bytes([0x81, 200, 0, 12]) + report[4:] + block

    items = rtcp.read(with_block)

    assert items == [
        rtcp.SenderReport(ssrc=5, ntp=1 << 63 | 7, rtp_ts=9),
        rtcp.ReportBlock(ssrc=6, fraction_lost=25, last_sr=77, delay_since_sr=88),
    ]


def test_a_receiver_report_is_read_as_it_was_written() -> None:
    block = rtcp.ReceptionBlock(
        ssrc=6,
        fraction_lost=25,
        total_lost=-3,
        highest=1 << 33 | 5,
        jitter_ticks=1 << 40,
        last_sr=77,
        delay_since_sr=1 << 35 | 8,
    )

    written = rtcp.write_receiver_report(ssrc=5, blocks=[block])

    assert rtcp.read(written) == [
        rtcp.ReportBlock(ssrc=6, fraction_lost=25, last_sr=77, delay_since_sr=8)
    ]
    assert struct.unpack_from("!I", written, 12) == (25 << 24,), "a loss is never negative"


def test_feedback_behind_a_report_is_read() -> None:
    compound = (
        rtcp.write_receiver_report(ssrc=1, blocks=[])
        + rtcp.write_cname(ssrc=1, cname="room")
        + PLI
        + rtcp.write_bye(ssrcs=[5, 6])
    )

    assert rtcp.read(compound) == [rtcp.KeyframeAsked(ssrc=2), rtcp.Bye(ssrcs=(5, 6))]


def test_a_full_intra_request_asks_for_each_stream_it_names() -> None:
    entries = struct.pack("!IBxxxIBxxx", 8, 1, 9, 1)
    fir = bytes([0x84, 206, 0, 6]) + struct.pack("!II", 1, 0) + entries

    assert rtcp.read(fir) == [rtcp.KeyframeAsked(ssrc=8), rtcp.KeyframeAsked(ssrc=9)]


@pytest.mark.parametrize(
    "numbers",
    [[1], [1, 2, 17], [1, 18], [65_535, 0, 3], [5, 4], [5, 5]],
)
def test_what_is_missing_is_read_as_it_was_written(numbers: list[int]) -> None:
    written = rtcp.write_nack(sender_ssrc=1, media_ssrc=2, numbers=numbers)

    assert rtcp.read(written) == [rtcp.Nack(ssrc=2, numbers=tuple(numbers))]


def test_neighbours_share_an_entry() -> None:
    written = rtcp.write_nack(sender_ssrc=1, media_ssrc=2, numbers=list(range(17)))

    assert len(written) == 16


def test_a_compound_asks_for_no_more_than_its_limit() -> None:
    """1,500 bytes can expand to six thousand numbers."""
    greedy = rtcp.write_nack(sender_ssrc=1, media_ssrc=2, numbers=list(range(200)))

    items = rtcp.read(greedy + greedy + greedy + PLI)

    sizes = [len(item.numbers) for item in items if isinstance(item, rtcp.Nack)]
    assert sizes == [200, 56, 0]
    assert items[-1] == rtcp.KeyframeAsked(ssrc=2)


def test_one_packet_that_asks_for_too_much_is_cut() -> None:
    greedy = rtcp.write_nack(sender_ssrc=1, media_ssrc=2, numbers=list(range(3_000)))

    (item,) = rtcp.read(greedy)

    assert isinstance(item, rtcp.Nack)
    assert item.numbers == tuple(range(rtcp.NACK_NUMBERS_MAX))


def test_transport_feedback_is_not_read_as_losses() -> None:
    """Its format is another one of the same type."""
    feedback = bytes([0x8F, 205, 0, 5]) + struct.pack("!IIHHIHH", 1, 2, 7, 2, 3 << 8, 2, 0)

    assert rtcp.read(feedback) == [TransportFeedback(first=7, statuses=(None, None))]


def test_transport_feedback_cut_short_spoils_its_compound() -> None:
    feedback = bytes([0x8F, 205, 0, 4]) + struct.pack("!IIII", 1, 2, 3, 4)

    with pytest.raises(rtcp.BadRtcp):
        rtcp.read(PLI + feedback)


def test_an_estimate_is_read_back_as_it_was_written() -> None:
    told = rtcp.write_remb(sender_ssrc=1, bits_per_s=2_500_000, ssrcs=[7])

    (estimate,) = rtcp.read(told)

    assert isinstance(estimate, rtcp.EstimateTold)
    assert 2_499_000 <= estimate.bits_per_s <= 2_500_000


def test_another_application_layer_feedback_is_passed_over() -> None:
    assert rtcp.read(bytes([0x8F, 206, 0, 4]) + bytes(8) + b"ELSE" + bytes(4)) == []


@pytest.mark.parametrize("kind", [192, 202, 204, 207, 208, 223])
def test_what_we_have_no_use_for_is_passed_over(kind: int) -> None:
    other = bytes([0x81, kind, 0, 1]) + bytes(4)

    assert rtcp.read(other + PLI) == [rtcp.KeyframeAsked(ssrc=2)]


def test_a_goodbye_of_nobody_is_nothing() -> None:
    assert rtcp.read(bytes([0x80, 203, 0, 1]) + bytes(4)) == []


def test_padding_at_the_end_is_no_content() -> None:
    padded = bytes([0xA1, 206, 0, 3]) + PLI[4:] + bytes([0, 0, 0, 4])

    assert rtcp.read(padded) == [rtcp.KeyframeAsked(ssrc=2)]


@pytest.mark.parametrize(
    "data",
    [
        PLI[:7],
        PLI + b"\x80",
        b"\x40" + PLI[1:],
        bytes([0x81, 206, 0, 3]) + PLI[4:],
        bytes([0x81, 206, 0, 1]) + PLI[4:8],
        bytes([0xA1, 206, 0, 2]) + PLI[4:-1] + b"\x00",
        bytes([0xA1, 206, 0, 2]) + PLI[4:-1] + b"\x0c",
        bytes([0x80, 200, 0, 5]) + bytes(20),
        bytes([0x82, 201, 0, 7]) + bytes(28),
        bytes([0x82, 203, 0, 1]) + bytes(4),
        bytes([0x81, 205, 0, 1]) + bytes(4),
        PLI * (rtcp.SUB_PACKETS_MAX + 1),
    ],
    ids=[
        "half a head",
        "a byte behind",
        "another version",
        "longer than it is",
        "no media SSRC",
        "no padding where it says so",
        "more padding than content",
        "half a sender report",
        "half a block",
        "half a goodbye",
        "no media SSRC of losses",
        "eleven parts",
    ],
)
def test_a_lie_refuses_the_whole_datagram(data: bytes) -> None:
    with pytest.raises(rtcp.BadRtcp):
        rtcp.read(data)


def test_as_many_parts_as_allowed_are_read() -> None:
    assert len(rtcp.read(PLI * rtcp.SUB_PACKETS_MAX)) == rtcp.SUB_PACKETS_MAX


@pytest.mark.parametrize("cname", ["", "a", "abc", "abcde", "x" * 255])
def test_a_name_fills_whole_words(cname: str) -> None:
    written = rtcp.write_cname(ssrc=9, cname=cname)

    assert len(written) % 4 == 0
    assert written[8:10] == bytes([1, len(cname)])
    assert written[10 + len(cname)] == 0
    assert rtcp.read(written) == []


@pytest.mark.parametrize("bits_per_s", [0, 64_000, 262_143, 262_144, 2_500_000, 10**9])
def test_an_estimate_is_written_as_mantissa_and_exponent(bits_per_s: int) -> None:
    written = rtcp.write_remb(sender_ssrc=1, bits_per_s=bits_per_s, ssrcs=[7, 8])

    count, exponent, mantissa = written[16], written[17] >> 2, 0
    mantissa = (written[17] & 3) << 16 | written[18] << 8 | written[19]
    assert written[12:16] == b"REMB"
    assert count == 2
    assert 0 <= bits_per_s - (mantissa << exponent) < 1 << exponent
    assert written[20:] == struct.pack("!II", 7, 8)


def test_a_part_of_another_format_of_feedback_is_passed_over() -> None:
    assert rtcp.read(bytes([0x83, 205, 0, 2]) + bytes(8)) == []
