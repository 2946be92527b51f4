"""What of the forwarding unit is fuzzed: parsers, the shared port, and the engine behind its keys.

Each maker returns a fresh target.  Invariants are asserted where the input is fed; the words that
`feed` returns are what became of it, so that a run shows how deep its inputs went.
"""

import random
from collections.abc import Callable, Mapping
from itertools import count
from types import MappingProxyType

from media.contract.errors import PeerViolation
from media.core import rtcp
from media.core.engine_face import Addr
from media.core.ice_lite import TUPLES_MAX, Credentials, Verdict
from media.core.negotiate import Agreement, Ours, agree
from media.core.offer_rules import examine
from media.core.packets import (
    HEADER_BYTES,
    extension_layout,
    level_position,
    payload_end,
    payload_offset,
    unwrapped_rtx,
)
from media.core.stun import (
    NotAStunCheck,
    read_request,
    read_success,
)
from media.core.vp8 import parse, renumbered
from media.shell.counts import Count
from media.shell.udp_mux import Guard, UdpMux
from tests.support.fuzzing import Target
from tests.support.ice_checks import OURS
from tests.support.media_fuzz_labs import COMPOUNDS, BusyLab, NamedPeer, protected, stun_input
from tests.support.mutator import mutated, token_swapped
from tests.support.rtp import one_byte, rtp, two_byte, vp8
from tests.support.webrtc_offers import Numbering, OfferPlan, offer_text

STRANGER: Addr = ("198.51.100.9", 9)
PACKETS = [
    rtp(payload=b"voice"),
    rtp(csrcs=3, extension=one_byte({1: b"0", 2: b"\x10"}), payload=b"voice"),
    rtp(extension=two_byte({1: b"0", 200: b"x" * 20}), payload=b"voice" + b"\x00\x02"),
    rtp(payload_type=96, extension=one_byte({1: b"1"}), payload=vp8(is_key=True, picture_id=9)),
    bytes([0xB0]) + rtp(extension=one_byte({1: b"0"}), payload=b"voice\x00\x00\x03")[1:],
]
DESCRIPTORS = [
    vp8(is_key=True),
    vp8(picture_id=5, is_short=True, tl0=1),
    vp8(picture_id=500, tl0=1, temporal_id=2, key_index=3),
]
OFFERS = [
    offer_text(OfferPlan(ufrag="abcd", password="w" * 24, fingerprint="AA:BB", ssrcs=ssrcs, **more))
    for ssrcs, more in (
        ({"0": 1, "1": 5}, {}),
        ({}, {"numbering": Numbering(opus=109, vp8=120, rtx=124, mid=7, level=5)}),
        ({"0": 1}, {"audio_slots": 11, "video_slots": 12}),
    )
]


def stun() -> Target:
    """Checks and answers, half of them signed again after the change, before one ICE machine."""
    machine_of = NamedPeer()
    mux = UdpMux([])
    mux.set_ufrags(machine_of, frozenset({OURS.ufrag}))
    numbers = count(1)

    def feed(data: bytes) -> str:
        for read in (read_request, read_success):
            try:
                found = read(data)
            except NotAStunCheck:
                continue
            found.is_authentic(OURS.password)
        number = next(numbers)
        guard = mux._on_stun(data, (f"203.0.113.{number % 250}", 5_000), number / 1_000)
        assert (guard is Guard.STUN_ACCEPTED) <= (machine_of.verdict is Verdict.ACCEPTED)
        assert len(machine_of.machine._tuples) <= TUPLES_MAX
        return guard.name.lower()

    return Target(draw=stun_input, feed=feed, between=machine_of.renew, every=5_000)


def demultiplexer() -> Target:
    """Anything at all into the shared port, from a stranger and from a validated address."""
    lab = BusyLab()
    numbers = count()

    def feed(data: bytes) -> str:
        addr = lab.eve.addr if next(numbers) % 2 else STRANGER
        before = list(lab.mux.counts)
        waiting = [(data, addr)]

        def recvfrom(size: int) -> tuple[bytes, Addr]:
            if not waiting:
                raise BlockingIOError
            found, sender = waiting.pop()
            return found[:size], sender

        lab.mux.drain(recvfrom)
        moved = [guard for guard in Guard if lab.mux.counts[guard] != before[guard]]
        assert Guard.HANDLER_ERROR not in moved
        assert len(moved) <= 1
        return moved[0].name.lower() if moved else "to the engine"

    return Target(draw=lab.anything, feed=feed, between=lab.between)


def rtp_headers() -> Target:
    """RTP headers, header extensions, retransmissions and VP8 descriptors: nothing is raised."""

    def feed(data: bytes) -> str:
        packet = data + bytes(max(0, HEADER_BYTES - len(data)))
        offset = payload_offset(packet)
        assert offset == -1 or HEADER_BYTES <= offset <= len(packet)
        if offset < 0:
            return "bad header"
        end = payload_end(packet, offset)
        assert end == -1 or offset <= end <= len(packet)
        for at, length in extension_layout(packet).values():
            assert HEADER_BYTES < at <= at + length <= offset
        assert level_position(packet, 2) < offset
        original = unwrapped_rtx(packet, {packet[1] & 0x7F: 96}, 7)
        assert original is None or len(original) <= len(packet) - 2
        descriptor = parse(packet, offset, max(end, offset))
        if descriptor is None:
            return "no descriptor"
        assert offset + descriptor[0] < end
        renumbered(packet, offset, descriptor, descriptor[1], (9, 9, 9))
        return "read"

    def draw(source: random.Random) -> bytes:
        if source.randrange(3):
            return mutated(source, source.choice(PACKETS))
        return rtp(payload=mutated(source, source.choice(DESCRIPTORS)))

    return Target(draw=draw, feed=feed)


def rtcp_parts() -> Target:
    """RTCP compounds: read, or `BadRtcp`; never more than 256 numbers asked for."""

    def feed(data: bytes) -> str:
        try:
            items = rtcp.read(data)
        except rtcp.BadRtcp:
            return "refused"
        asked = sum(len(item.numbers) for item in items if isinstance(item, rtcp.Nack))
        assert asked <= rtcp.NACK_NUMBERS_MAX
        return "read"

    return Target(draw=lambda source: mutated(source, source.choice(COMPOUNDS)), feed=feed)


def rtp_of_a_peer() -> Target:
    """An authenticated attacker's RTP: counted or forwarded, and others go on."""
    lab = BusyLab()

    def feed(packet: bytes) -> str:
        if len(packet) < HEADER_BYTES:
            return "too short to protect"
        before = lab.counted(Count.PACKETS_OUT)
        lab.lab.engine.on_srtp(lab.eve.addr, protected(lab.eve.protect, packet), lab.lab.now)
        went = lab.counted(Count.PACKETS_OUT) - before
        return "forwarded" if went else "dropped"

    return Target(draw=lab.rtp_input, feed=feed, between=lab.between)


def rtcp_of_a_peer() -> Target:
    """An authenticated attacker's RTCP: obeyed within limits or counted, and others go on."""
    lab = BusyLab()

    def feed(compound: bytes) -> str:
        before = lab.counted(Count.RTCP_BAD)
        data = protected(lab.eve.protect_rtcp, compound)
        lab.lab.engine.on_srtcp(lab.eve.addr, data, lab.lab.now)
        return "refused" if lab.counted(Count.RTCP_BAD) > before else "read"

    return Target(
        draw=lambda source: mutated(source, source.choice(COMPOUNDS)),
        feed=feed,
        between=lab.between,
        every=20,  # four times a second at most 100 are let in
    )


def sdp() -> Target:
    """Offers and re-offers: answered, or one of the documented refusals."""
    agreed: list[Agreement | None] = [None]
    ours = Ours(
        credentials=Credentials(ufrag="serverAB", password="s" * 24),
        fingerprint="CC",
        candidates=(("192.0.2.9", 3_000),),
        session_id=1,
        cname="room",
        may_publish=frozenset(),
        draw_ssrc=count(1).__next__,
    )

    def feed(data: bytes) -> str:
        previous = agreed[0]
        try:
            if previous is None:
                examined = examine(data.decode(errors="replace"))
            else:
                examined = examine(
                    data.decode(errors="replace"), layout=previous.layout, known=previous.remote
                )
            made = agree(examined, previous, ours)
        except PeerViolation as refusal:
            agreed[0] = None
            return f"refused: {refusal.code}"
        assert made.answer.startswith("v=0\r\n")
        assert made.answer.count("\nm=") == len(examined.offer.sections)
        agreed[0] = made
        return "answered"

    return Target(draw=_offer_input, feed=feed)


TARGETS: Mapping[str, Callable[[], Target]] = MappingProxyType(
    {
        "stun": stun,
        "demultiplexer": demultiplexer,
        "rtp-headers": rtp_headers,
        "rtp-of-a-peer": rtp_of_a_peer,
        "rtcp-parts": rtcp_parts,
        "rtcp-of-a-peer": rtcp_of_a_peer,
        "sdp": sdp,
    }
)


def _offer_input(source: random.Random) -> bytes:
    text = source.choice(OFFERS)
    if source.randrange(20):
        text = token_swapped(source, text)
    data = text.encode()
    return mutated(source, data) if source.randrange(4) == 0 else data
