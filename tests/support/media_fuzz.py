"""What of the forwarding unit is fuzzed: parsers, the shared port, and the engine behind its keys.

Each maker returns a fresh target.  Invariants are asserted where the input is fed; the words that
`feed` returns are what became of it, so that a run shows how deep its inputs went.
"""

import random
from collections.abc import Callable, Mapping
from itertools import count
from types import MappingProxyType

import pylibsrtp

from media.contract.errors import PeerViolation
from media.core import rtcp
from media.core.engine_face import Addr
from media.core.ice_lite import TUPLES_MAX, Credentials, IceLite, Verdict
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
    BINDING_REQUEST,
    BINDING_SUCCESS,
    BindingRequest,
    NotAStunCheck,
    _sealed,
    read_request,
    read_success,
    write_request,
    write_success,
)
from media.core.stun import (
    HEADER_BYTES as STUN_HEADER_BYTES,
)
from media.core.vp8 import parse, renumbered
from media.shell.counts import Count
from media.shell.udp_mux import Guard, UdpMux
from tests.support.engine_lab import CAMERA, MIC, EngineLab, audio_packet, video_packet
from tests.support.fuzzing import Target
from tests.support.ice_checks import OURS, THEIRS
from tests.support.mutator import mutated, token_swapped
from tests.support.rtp import one_byte, rtp, two_byte, vp8
from tests.support.webrtc_offers import Numbering, OfferPlan, offer_text

STRANGER: Addr = ("198.51.100.9", 9)
RENEWED_AFTER = 100
"""Turns of `between` after which a lab is made anew: a peer may show 64 SSRCs in its life."""

CHECKS = [
    write_request(
        bytes(12),
        username=f"{OURS.ufrag}:{THEIRS}",
        password=OURS.password,
        priority=1,
        tie_breaker=2,
        is_nominating=is_nominating,
    )
    for is_nominating in (False, True)
]
ANSWERS = [
    write_success(bytes(12), (host, 9), OURS.password) for host in ("192.0.2.1", "2001:db8::1")
]
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
COMPOUNDS = [
    rtcp.write_sender_report(ssrc=1, ntp=2, rtp_ts=3, packets=4, payload_bytes=5)
    + rtcp.write_cname(ssrc=1, cname="room"),
    rtcp.write_receiver_report(
        ssrc=1,
        blocks=[
            rtcp.ReceptionBlock(
                ssrc=2,
                fraction_lost=3,
                total_lost=4,
                highest=5,
                jitter_ticks=6,
                last_sr=7,
                delay_since_sr=8,
            )
        ],
    )
    + rtcp.write_nack(sender_ssrc=1, media_ssrc=2, numbers=[1, 3, 500])
    + rtcp.write_pli(sender_ssrc=1, media_ssrc=2),
    rtcp.write_remb(sender_ssrc=1, bits_per_s=2_500_000, ssrcs=[2, 3]) + rtcp.write_bye(ssrcs=[2]),
]
HELLO = b"\x16\xfe\xfd" + bytes(8) + b"\x00\x3a\x01" + bytes(58)
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
    machine_of = _NamedPeer()
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

    return Target(draw=_stun_input, feed=feed, between=machine_of.renew, every=5_000)


def demultiplexer() -> Target:
    """Anything at all into the shared port, from a stranger and from a validated address."""
    lab = _BusyLab()
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
    lab = _BusyLab()

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
    lab = _BusyLab()

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


def protected(protect: Callable[[bytes], bytes], packet: bytes) -> bytes:
    """Protect, or leave it bare where libsrtp itself sees the lie."""
    try:
        return protect(packet)
    except pylibsrtp.Error:
        return packet


def _stun_input(source: random.Random) -> bytes:
    """A message changed on the way, or one whose sender lies and signs it."""
    sample = source.choice(CHECKS + ANSWERS)
    if source.randrange(2):
        return mutated(source, sample)
    # Before the signature (24 bytes) and the fingerprint (8).
    body = mutated(source, sample[STUN_HEADER_BYTES:-32])
    kind = BINDING_REQUEST if sample in CHECKS else BINDING_SUCCESS
    padding = bytes(-len(body) % 4)
    return _sealed(kind, source.randbytes(12), body + padding, OURS.password)


def _offer_input(source: random.Random) -> bytes:
    text = source.choice(OFFERS)
    if source.randrange(20):
        text = token_swapped(source, text)
    data = text.encode()
    return mutated(source, data) if source.randrange(4) == 0 else data


class _NamedPeer:
    """A peer of the mux with a real ICE machine and nothing behind it."""

    def __init__(self) -> None:
        self.renew()
        self.verdict: Verdict | None = None

    def renew(self) -> None:
        """Begin anew, as machines end after a while without a connection."""
        self.machine = IceLite(ours=OURS, theirs_ufrag=THEIRS, now=0.0)

    def on_check(self, check: BindingRequest, addr: Addr, *, now: float) -> Verdict:
        """Hand it to the machine, as a peer does."""
        self.verdict = self.machine.on_check(check, addr, now=now)
        assert (self.verdict is Verdict.ACCEPTED) <= check.is_authentic(OURS.password)
        self.machine.take_effects()
        return self.verdict

    def on_dtls(self, data: bytes, addr: Addr, *, now: float) -> bool:
        """Drop it."""
        del data, addr, now
        return False

    def holds_its_addresses(self, *, now: float) -> bool:
        """Hold nothing."""
        del now
        return False

    def forget(self, addr: Addr, *, now: float) -> None:
        """Give the address up."""
        self.machine.forget(addr, now=now)


class _BusyLab:
    """A keyed engine behind a mux: eve attacks, ann must go on being heard by bob."""

    def __init__(self) -> None:
        self._turns = 0
        self._renew()

    def _renew(self) -> None:
        self.lab = EngineLab()
        self.eve, self.ann, self.bob = (self.lab.open(each) for each in ("eve", "ann", "bob"))
        for publisher, row in ((self.eve, "1"), (self.ann, "0")):
            self.lab.route(publisher, MIC, self.bob, f"1{row}")
            self.lab.route(publisher, CAMERA, self.bob, f"2{row}")
        self.mux = UdpMux([])
        self.mux._engine = self.lab.engine
        named = _NamedPeer()
        self.mux.set_ufrags(named, frozenset({OURS.ufrag}))
        self.mux.set_addresses(named, frozenset({self.eve.addr}), now=0.0)
        self._numbers = count(1)
        self._spoken = 0
        self._speak()

    def counted(self, count: Count) -> int:
        """What the engine has counted, read without making a table of everything."""
        return self.lab.engine._counts[count]

    def between(self) -> None:
        """A quarter of a second passes; ann is heard."""
        self._turns += 1
        if self._turns % RENEWED_AFTER == 0:
            self._renew()
        self.lab.pass_time(0.25)
        self._speak()
        assert self.bob.not_authentic == 0
        self.bob.heard.clear()
        self.bob.rtcp.clear()

    def _speak(self) -> None:
        self._spoken += 1
        body = b"voice %d" % self._spoken
        self.lab.audio(self.ann, self._spoken, body)
        assert self.bob.heard_in("10")[-1].payload == body

    def rtp_input(self, source: random.Random) -> bytes:
        """A packet of eve's, changed before it is protected."""
        return mutated(source, self._sample(source))

    def _sample(self, source: random.Random) -> bytes:
        """The next packet eve would send, so that what is changed is news and not a repeat."""
        number = next(self._numbers)
        if source.randrange(2):
            return audio_packet(self.eve, number)
        is_key, is_short = source.randrange(4) == 0, source.randrange(8) == 0
        body = vp8(is_key=is_key, is_short=is_short, picture_id=number % 128, tl0=1)
        return video_packet(self.eve, number, body)

    def anything(self, source: random.Random) -> bytes:
        """A datagram of any class, right, changed on the way, or noise."""
        match source.randrange(6):
            case 0:
                return source.randbytes(source.randrange(1_600))
            case 1:
                return bytes([source.randrange(256)]) + source.randbytes(source.randrange(64))
            case 2:
                return _stun_input(source)
            case 3:
                return mutated(source, HELLO)
            case 4:
                data = protected(self.eve.protect, self._sample(source))
            case _:
                data = protected(self.eve.protect_rtcp, source.choice(COMPOUNDS))
        return mutated(source, data) if source.randrange(2) else data
