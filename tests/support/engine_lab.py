"""An engine between fake peers with fixed keys: no socket, no handshake, no clock.

`EngineLab` routes nothing by itself; a `FakePeer` protects what it sends with a real libsrtp
session and unprotects what the engine would have sent it.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import pylibsrtp

from media.core import rtcp
from media.core.allocator import FULL_RATE
from media.core.engine_face import (
    Addr,
    Codec,
    EngineEvent,
    Extensions,
    Kind,
    PeerKey,
    PublicationKey,
    ReceiveFacts,
    ReceiveSection,
    Route,
    RouteEdit,
    SendSpec,
    SlotKey,
    SrtpKeys,
    SrtpProfile,
)
from media.core.packets import extension_layout, payload_end, payload_offset
from media.shell.engine import PythonEngine
from media.shell.srtp import SrtpSession
from tests.support.rtp import one_byte, rtp

MIC, CAMERA = "0", "1"
MID_ID, LEVEL_ID, RID_ID, TWCC_ID, REPAIRED_ID = 1, 2, 3, 8, 9
OPUS, PCMU, VP8, RTX = 111, 0, 96, 97
SLOT_OPUS, SLOT_VP8, SLOT_RTX = 63, 120, 121
SLOT_MID_ID, SLOT_LEVEL_ID, SLOT_TWCC_ID = 4, 5, 6
QHF = ("q", "h", "f")
KEY_BYTES = {
    SrtpProfile.AES128_CM_SHA1_80: 30,
    SrtpProfile.AEAD_AES_128_GCM: 28,
    SrtpProfile.AEAD_AES_256_GCM: 44,
}
VIDEO_FEEDBACK = frozenset({"goog-remb", "nack", "nack pli"})


@dataclass(frozen=True)
class Heard:
    """One packet a peer got, readable."""

    ssrc: int
    payload_type: int
    sequence: int
    timestamp: int
    marker: bool
    extensions: dict[int, bytes]
    payload: bytes


@dataclass
class Publishing:
    """What a fake peer sends in."""

    mids: tuple[str, ...] = (MIC, CAMERA)
    is_declared: bool = True
    has_nack: bool = True
    rids: tuple[str, ...] = ()
    has_twcc: bool = False


@dataclass
class Receiving:
    """The slots of a fake peer."""

    audio: tuple[str, ...] = ("10", "11")
    video: tuple[str, ...] = ("20", "21")
    has_rtx: bool = True
    has_level: bool = True
    has_twcc: bool = False


@dataclass
class FakePeer:
    """One client, keyed."""

    name: str
    key: PeerKey
    addr: Addr
    keys: SrtpKeys
    base: int
    facts: ReceiveFacts
    heard: list[Heard] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    not_authentic: int = 0

    def __post_init__(self) -> None:
        self._tx = SrtpSession(self.keys.rx_key, self.keys.profile, is_outbound=True)
        self._rx = SrtpSession(self.keys.tx_key, self.keys.profile, is_outbound=False)

    @property
    def ssrcs(self) -> dict[str, int]:
        """SSRC of each section it sends in."""
        return {MIC: self.base + 1, CAMERA: self.base + 2}

    @property
    def rtx_ssrc(self) -> int:
        """SSRC of its retransmissions."""
        return self.base + 3

    def protect(self, packet: bytes) -> bytes:
        """Protect one RTP packet."""
        return bytes(self._tx.protect(packet))

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Protect one compound."""
        return bytes(self._tx.protect_rtcp(packet))

    def take(self, data: bytes) -> None:
        """Take a datagram as from the wire."""
        try:
            if 192 <= data[1] <= 223:
                self.rtcp.append(bytes(self._rx.unprotect_rtcp(data)))
            else:
                self.heard.append(read(bytes(self._rx.unprotect(data))))
        except pylibsrtp.Error:
            self.not_authentic += 1

    def slot_ssrc(self, mid: str) -> int:
        """SSRC of one of its slots."""
        return next(slot.ssrc for slot in self.facts.slots if slot.mid == mid)

    def heard_in(self, mid: str) -> list[Heard]:
        """What arrived in one slot, without retransmissions."""
        ssrc = self.slot_ssrc(mid)
        return [each for each in self.heard if each.ssrc == ssrc]

    def parts(self, kind: int, form: int | None = None) -> list[bytes]:
        """RTCP parts of one type it got."""
        found = []
        for compound in self.rtcp:
            at = 0
            while at < len(compound):
                end = at + 4 + 4 * int.from_bytes(compound[at + 2 : at + 4], "big")
                if compound[at + 1] == kind and form in {None, compound[at] & 0x1F}:
                    found.append(compound[at:end])
                at = end
        return found


class EngineLab:
    """An engine, its peers, and a hand on its clock."""

    def __init__(self, *, profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM) -> None:
        self.now = 100.0
        self.profile = profile
        self.peers: dict[Addr, FakePeer] = {}
        self.is_deaf = False
        self.sent = 0
        numbers = count(1)
        self.engine = PythonEngine(self._sendto, draw=lambda: next(numbers) * 7_919 % 2**32)
        self._bases = count(1_000_000, 1_000_000)

    def open(
        self,
        name: str,
        *,
        publishing: Publishing | None = None,
        receiving: Receiving | None = None,
        epoch: int = 1,
    ) -> FakePeer:
        """Open a peer, give it facts, keys and a path."""
        base = next(self._bases)
        key = PeerKey(f"room/{name}/{epoch}")
        keys = _keys(self.profile, base)
        facts = _facts(base, publishing or Publishing(), receiving or Receiving())
        peer = FakePeer(name, key, ("127.0.0.1", base // 100), keys, base, facts)
        self.engine.open_peer(key, now=self.now)
        self.engine.set_facts(key, facts)
        self.engine.set_keys(key, keys)
        self.engine.set_path(key, frozenset({peer.addr}), peer.addr)
        self.peers[peer.addr] = peer
        return peer

    def route(
        self, source: FakePeer, mid: str, sink: FakePeer, slot: str, *, is_attached: bool = True
    ) -> None:
        """Attach or detach one route."""
        edit = RouteEdit(
            route=Route(
                publication=PublicationKey(peer=source.key, mid=mid),
                slot=SlotKey(peer=sink.key, mid=slot),
            ),
            is_attached=is_attached,
        )
        self.engine.route([edit], now=self.now)

    def steer(self, sink: FakePeer, slot: str, rank: int, temporal: int = FULL_RATE) -> None:
        """Give a slot another layer."""
        self.engine.steer(SlotKey(peer=sink.key, mid=slot), rank=rank, temporal=temporal)

    def layer(self, peer: FakePeer, rid: str, sequence: int, payload: bytes, **more: int) -> None:
        """Let one packet of a simulcast encoding arrive."""
        self.arrive(peer, layer_packet(peer, rid, sequence, payload, **more))

    def mute(self, peer: FakePeer, mid: str, *, is_muted: bool) -> None:
        """Mute or unmute."""
        self.engine.set_muted(PublicationKey(peer=peer.key, mid=mid), is_muted=is_muted)

    def arrive(self, peer: FakePeer, packet: bytes) -> None:
        """Let one RTP packet of a peer arrive, protected on the way."""
        self.engine.on_srtp(peer.addr, peer.protect(packet), self.now)

    def arrive_rtcp(self, peer: FakePeer, packet: bytes) -> None:
        """Let one compound of a peer arrive."""
        self.engine.on_srtcp(peer.addr, peer.protect_rtcp(packet), self.now)

    def audio(self, peer: FakePeer, sequence: int, payload: bytes = b"voice") -> None:
        """Let one voice packet arrive."""
        self.arrive(peer, audio_packet(peer, sequence, payload))

    def video(self, peer: FakePeer, sequence: int, payload: bytes, *, ticks: int = 0) -> None:
        """Let one video packet arrive."""
        self.arrive(peer, video_packet(peer, sequence, payload, ticks=ticks))

    def nack(self, peer: FakePeer, slot: str, *numbers: int) -> None:
        """Let a peer ask again for numbers of one of its slots."""
        ssrc = peer.slot_ssrc(slot)
        self.arrive_rtcp(
            peer, rtcp.write_nack(sender_ssrc=1, media_ssrc=ssrc, numbers=list(numbers))
        )

    def pass_time(self, seconds: float) -> list[EngineEvent]:
        """Tick each 10 ms; what happened."""
        events: list[EngineEvent] = []
        for _ in range(max(1, round(seconds * 100))):
            self.now += 0.01
            self.engine.on_tick(now=self.now)
            events += self.engine.take_events()
        return events

    @contextmanager
    def counted(self, **expected: int) -> Iterator[None]:
        """Assert by how much each counter moves; those not named may move as they like."""
        before = self.engine.counters()
        yield
        after = self.engine.counters()
        assert {name: after[name] - before[name] for name in expected} == expected

    def _sendto(self, data: bytes, addr: Addr) -> None:
        if self.is_deaf:
            raise BlockingIOError
        self.sent += 1
        self.peers[addr].take(data)


def audio_packet(peer: FakePeer, sequence: int, payload: bytes = b"voice") -> bytes:
    """Write one voice packet with its mid and level."""
    return rtp(
        payload_type=OPUS,
        sequence=sequence,
        timestamp=sequence * 960,
        ssrc=peer.ssrcs[MIC],
        extension=one_byte({MID_ID: MIC.encode(), LEVEL_ID: b"\x21"}),
        payload=payload,
    )


def video_packet(
    peer: FakePeer, sequence: int, payload: bytes, *, ticks: int = 0, marker: bool = False
) -> bytes:
    """Write one video packet with its mid."""
    return rtp(
        payload_type=VP8,
        sequence=sequence,
        timestamp=ticks,
        ssrc=peer.ssrcs[CAMERA],
        marker=marker,
        extension=one_byte({MID_ID: CAMERA.encode()}),
        payload=payload,
    )


def layer_packet(
    peer: FakePeer, rid: str, sequence: int, payload: bytes, *, ticks: int = 0, marker: int = 1
) -> bytes:
    """Write one packet of a simulcast encoding with its mid and rid."""
    return rtp(
        payload_type=VP8,
        sequence=sequence,
        timestamp=ticks,
        ssrc=peer.base + 10 + QHF.index(rid),
        marker=bool(marker),
        extension=one_byte({MID_ID: CAMERA.encode(), RID_ID: rid.encode()}),
        payload=payload,
    )


def read(packet: bytes) -> Heard:
    """Read a plaintext packet."""
    _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", packet)
    at = payload_offset(packet)
    layout = extension_layout(packet)
    return Heard(
        ssrc=ssrc,
        payload_type=second & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        marker=bool(second & 0x80),
        extensions={each: packet[a : a + n] for each, (a, n) in layout.items()},
        payload=packet[at : payload_end(packet, at)],
    )


def sequences(heard: Iterable[Heard]) -> list[int]:
    """Return the numbers of packets, in order of arrival."""
    return [each.sequence for each in heard]


def _keys(profile: SrtpProfile, base: int) -> SrtpKeys:
    inward, outward = ((base + n).to_bytes(KEY_BYTES[profile], "big") for n in (1, 2))
    return SrtpKeys(profile=profile, rx_key=inward, tx_key=outward)


def _facts(base: int, publishing: Publishing, receiving: Receiving) -> ReceiveFacts:
    slots = [_audio_slot(base, mid, receiving) for mid in receiving.audio]
    slots += [_video_slot(base, mid, receiving) for mid in receiving.video]
    sections = tuple(_section(base, mid, publishing) for mid in publishing.mids)
    return ReceiveFacts(sections=sections, slots=tuple(slots))


def _section(base: int, mid: str, publishing: Publishing) -> ReceiveSection:
    if mid == MIC:
        audio = frozenset({"nack"}) if publishing.has_nack else frozenset[str]()
        return ReceiveSection(
            mid=mid,
            kind=Kind.AUDIO,
            codecs=(
                Codec(payload_type=OPUS, name="opus", clock_rate_hz=48_000, feedback=audio),
                Codec(payload_type=PCMU, name="pcmu", clock_rate_hz=8_000),
            ),
            extensions=Extensions(
                mid=MID_ID,
                audio_level=LEVEL_ID,
                transport_cc=TWCC_ID if publishing.has_twcc else None,
            ),
            ssrcs=(base + 1,) if publishing.is_declared else (),
        )
    return ReceiveSection(
        mid=mid,
        kind=Kind.VIDEO,
        codecs=(
            Codec(payload_type=VP8, name="vp8", clock_rate_hz=90_000, feedback=VIDEO_FEEDBACK),
            Codec(payload_type=RTX, name="rtx", clock_rate_hz=90_000, apt=VP8),
        ),
        extensions=Extensions(
            mid=MID_ID,
            rid=RID_ID if publishing.rids else None,
            repaired_rid=REPAIRED_ID if publishing.rids else None,
            transport_cc=TWCC_ID if publishing.has_twcc else None,
        ),
        ssrcs=(base + 2,) if publishing.is_declared else (),
        rtx_ssrcs=(base + 3,) if publishing.is_declared else (),
        rids=publishing.rids,
    )


def _audio_slot(base: int, mid: str, receiving: Receiving) -> SendSpec:
    codecs = (Codec(payload_type=SLOT_OPUS, name="opus", clock_rate_hz=48_000),)
    return _slot(base, mid, codecs, receiving, has_level=receiving.has_level)


def _video_slot(base: int, mid: str, receiving: Receiving) -> SendSpec:
    rtx = Codec(payload_type=SLOT_RTX, name="rtx", clock_rate_hz=90_000, apt=SLOT_VP8)
    main = Codec(payload_type=SLOT_VP8, name="vp8", clock_rate_hz=90_000, feedback=VIDEO_FEEDBACK)
    return _slot(base, mid, (main, rtx) if receiving.has_rtx else (main,), receiving)


def _slot(
    base: int, mid: str, codecs: tuple[Codec, ...], receiving: Receiving, *, has_level: bool = False
) -> SendSpec:
    return SendSpec(
        mid=mid,
        kind=Kind.AUDIO if codecs[0].name == "opus" else Kind.VIDEO,
        codecs=codecs,
        extensions=Extensions(
            mid=SLOT_MID_ID,
            audio_level=SLOT_LEVEL_ID if has_level else None,
            transport_cc=SLOT_TWCC_ID if receiving.has_twcc else None,
        ),
        ssrc=base + 100 + int(mid),
        rtx_ssrc=base + 200 + int(mid) if len(codecs) > 1 else None,
        cname="room",
    )
