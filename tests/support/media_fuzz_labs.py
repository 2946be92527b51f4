"""Under the fuzz targets: inputs that have to fit a lab, and the labs they are played into."""

import random
from collections.abc import Callable
from itertools import count

import pylibsrtp

from media.core import rtcp
from media.core.engine_face import Addr
from media.core.ice_lite import IceLite, Verdict
from media.core.stun import (
    BINDING_REQUEST,
    BINDING_SUCCESS,
    HEADER_BYTES,
    BindingRequest,
    _sealed,
    write_request,
    write_success,
)
from media.shell.counts import Count
from media.shell.udp_mux import UdpMux
from tests.support.engine_lab import CAMERA, MIC, EngineLab, audio_packet, video_packet
from tests.support.ice_checks import OURS, THEIRS
from tests.support.mutator import mutated
from tests.support.rtp import vp8

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


def protected(protect: Callable[[bytes], bytes], packet: bytes) -> bytes:
    """Protect, or leave it bare where libsrtp itself sees the lie."""
    try:
        return protect(packet)
    except pylibsrtp.Error:
        return packet


def stun_input(source: random.Random) -> bytes:
    """A message changed on the way, or one whose sender lies and signs it."""
    sample = source.choice(CHECKS + ANSWERS)
    if source.randrange(2):
        return mutated(source, sample)
    # Before the signature (24 bytes) and the fingerprint (8).
    body = mutated(source, sample[HEADER_BYTES:-32])
    kind = BINDING_REQUEST if sample in CHECKS else BINDING_SUCCESS
    padding = bytes(-len(body) % 4)
    return _sealed(kind, source.randbytes(12), body + padding, OURS.password)


class NamedPeer:
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


class BusyLab:
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
        named = NamedPeer()
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
                return stun_input(source)
            case 3:
                return mutated(source, HELLO)
            case 4:
                data = protected(self.eve.protect, self._sample(source))
            case _:
                data = protected(self.eve.protect_rtcp, source.choice(COMPOUNDS))
        return mutated(source, data) if source.randrange(2) else data
