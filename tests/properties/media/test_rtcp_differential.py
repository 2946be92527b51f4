"""Our RTCP, RTX and header code says what aiortc's says of the same bytes, both ways."""

import pytest
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
    unpack_remb_fci,
    unwrap_rtx,
    wrap_rtx,
)
from hypothesis import given
from hypothesis import strategies as st

from media.core import rtcp
from media.core.packets import extension_layout, payload_end, payload_offset, unwrapped_rtx
from tests.support.rtp import one_byte, rtp

SSRCS = st.integers(0, 2**32 - 1)
WORDS = st.integers(0, 2**32 - 1)
BYTES = st.integers(0, 255)
SEQS = st.integers(0, 65_535)
BLOCKS = st.lists(
    st.builds(
        rtcp.ReceptionBlock,
        ssrc=SSRCS,
        fraction_lost=BYTES,
        total_lost=st.integers(0, 0x7FFFFF),
        highest=WORDS,
        jitter_ticks=WORDS,
        last_sr=WORDS,
        delay_since_sr=WORDS,
    ),
    max_size=31,
)


def theirs(data: bytes) -> object:
    """Return the one packet aiortc reads."""
    (packet,) = RtcpPacket.parse(data)
    return packet


@given(SSRCS, st.integers(0, 2**64 - 1), WORDS, WORDS, WORDS)
def test_a_sender_report(ssrc: int, ntp: int, rtp_ts: int, packets: int, octets: int) -> None:
    info = RtcpSenderInfo(
        ntp_timestamp=ntp, rtp_timestamp=rtp_ts, packet_count=packets, octet_count=octets
    )
    written = rtcp.write_sender_report(
        ssrc=ssrc, ntp=ntp, rtp_ts=rtp_ts, packets=packets, payload_bytes=octets
    )

    assert theirs(written) == RtcpSrPacket(ssrc=ssrc, sender_info=info)
    assert written == bytes(RtcpSrPacket(ssrc=ssrc, sender_info=info))
    assert rtcp.read(written) == [rtcp.SenderReport(ssrc=ssrc, ntp=ntp, rtp_ts=rtp_ts)]


@given(SSRCS, BLOCKS)
def test_a_receiver_report(ssrc: int, blocks: list[rtcp.ReceptionBlock]) -> None:
    expected = RtcpRrPacket(
        ssrc=ssrc,
        reports=[
            RtcpReceiverInfo(
                ssrc=block.ssrc,
                fraction_lost=block.fraction_lost,
                packets_lost=block.total_lost,
                highest_sequence=block.highest,
                jitter=block.jitter_ticks,
                lsr=block.last_sr,
                dlsr=block.delay_since_sr,
            )
            for block in blocks
        ],
    )

    written = rtcp.write_receiver_report(ssrc=ssrc, blocks=blocks)

    assert theirs(written) == expected
    assert rtcp.read(bytes(expected)) == [
        rtcp.ReportBlock(
            ssrc=block.ssrc,
            fraction_lost=block.fraction_lost,
            last_sr=block.last_sr,
            delay_since_sr=block.delay_since_sr,
        )
        for block in blocks
    ]


@given(SSRCS, SSRCS, st.lists(SEQS, min_size=1, max_size=200, unique=True))
def test_losses(sender: int, media: int, numbers: list[int]) -> None:
    numbers.sort()
    written = rtcp.write_nack(sender_ssrc=sender, media_ssrc=media, numbers=numbers)

    read = theirs(written)

    assert isinstance(read, RtcpRtpfbPacket)
    assert (read.fmt, read.ssrc, read.media_ssrc) == (1, sender, media)
    assert sorted(read.lost) == numbers
    (ours,) = rtcp.read(bytes(read))
    assert isinstance(ours, rtcp.Nack)
    assert sorted(ours.numbers) == numbers


@given(SSRCS, SSRCS)
def test_a_picture_loss(sender: int, media: int) -> None:
    expected = RtcpPsfbPacket(fmt=1, ssrc=sender, media_ssrc=media)

    assert rtcp.write_pli(sender_ssrc=sender, media_ssrc=media) == bytes(expected)
    assert rtcp.read(bytes(expected)) == [rtcp.KeyframeAsked(ssrc=media)]


@given(SSRCS, st.integers(0, 10**10), st.lists(SSRCS, max_size=24))
def test_an_estimate(sender: int, bits_per_s: int, ssrcs: list[int]) -> None:
    read = theirs(rtcp.write_remb(sender_ssrc=sender, bits_per_s=bits_per_s, ssrcs=ssrcs))

    assert isinstance(read, RtcpPsfbPacket)
    told, streams = unpack_remb_fci(read.fci)
    assert streams == ssrcs
    assert bits_per_s * (1 - 2**-17) - 1 <= told <= bits_per_s


@given(SSRCS, st.text("abcdef0123456789-", max_size=60))
def test_a_name(ssrc: int, cname: str) -> None:
    expected = RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=ssrc, items=[(1, cname.encode())])])

    assert theirs(rtcp.write_cname(ssrc=ssrc, cname=cname)) == expected


@given(st.lists(SSRCS, min_size=1, max_size=31))
def test_a_goodbye(ssrcs: list[int]) -> None:
    assert rtcp.write_bye(ssrcs=ssrcs) == bytes(RtcpByePacket(sources=ssrcs))
    assert rtcp.read(bytes(RtcpByePacket(sources=ssrcs))) == [rtcp.Bye(ssrcs=tuple(ssrcs))]


@given(st.binary(min_size=1, max_size=200), SEQS, WORDS, st.booleans())
def test_a_retransmission(
    payload: bytes,
    sequence: int,
    timestamp: int,
    has_marker: bool,  # noqa: FBT001  (drawn)
) -> None:
    original = RtpPacket.parse(
        rtp(
            payload_type=96,
            sequence=sequence,
            timestamp=timestamp,
            ssrc=5,
            marker=has_marker,
            payload=payload,
        )
    )
    wrapped = wrap_rtx(original, payload_type=97, sequence_number=9, ssrc=6)

    ours = unwrapped_rtx(wrapped.serialize(), {97: 96}, 5)

    assert ours == unwrap_rtx(wrapped, payload_type=96, ssrc=5).serialize()
    assert ours == original.serialize()


@pytest.mark.parametrize("csrcs", [0, 2])
@given(st.binary(max_size=100), st.integers(0, 20))
def test_where_a_payload_begins_and_ends(csrcs: int, payload: bytes, padding: int) -> None:
    packet = RtpPacket.parse(
        rtp(csrcs=csrcs, extension=one_byte({1: b"ab", 2: b"c"}), payload=payload)
    )
    packet.padding_size = padding
    data = packet.serialize()

    offset = payload_offset(data)

    assert data[offset : payload_end(data, offset)] == packet.payload == payload
    assert not extension_layout(data), "aiortc drops what it was not told the names of"
