"""A publisher's packets, protected once under fixed keys, and an engine with fixed peers for them.

One simulated second holds 50 audio and 150 video packets, as a 1 Mbit/s camera sends them; the
keys are public, so nothing here may ever meet a network.  Every packet carries a transport-wide
number both ways, as browsers' do.
"""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from media.core.engine_face import (
    Addr,
    Codec,
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
from media.shell.engine import PythonEngine
from media.shell.srtp import SrtpSession

PUBLISHER: Final = PeerKey("bench/publisher/1")
PUBLISHER_ADDR: Final = ("127.0.0.1", 1)
AUDIO_SSRC, VIDEO_SSRC = 0x1111_0001, 0x2222_0002
MID_ID, LEVEL_ID, TWCC_ID = 1, 2, 3
OPUS, VP8, RTX = 111, 96, 97
PACKETS_A_FRAME: Final = 5
FRAMES_A_SECOND: Final = 30
AUDIO_A_SECOND: Final = 50

_KEY: Final = bytes(range(28))
_NUMBER_SPACE: Final = bytes([TWCC_ID << 4 | 1]) + bytes(2)
_EXTENSIONS: Final = Extensions(mid=MID_ID, audio_level=LEVEL_ID, transport_cc=TWCC_ID)
_AUDIO_CODECS: Final = (Codec(payload_type=OPUS, name="opus", clock_rate_hz=48_000),)
_VIDEO_CODECS: Final = (
    Codec(
        payload_type=VP8,
        name="vp8",
        clock_rate_hz=90_000,
        feedback=frozenset({"transport-cc", "nack", "nack pli"}),
    ),
    Codec(payload_type=RTX, name="rtx", clock_rate_hz=90_000, apt=VP8),
)


@dataclass(frozen=True, slots=True)
class Timed:
    """One protected datagram and when it arrives."""

    at: float
    data: bytes


def keys() -> SrtpKeys:
    """Return the fixed keys of every peer."""
    return SrtpKeys(profile=SrtpProfile.AEAD_AES_128_GCM, rx_key=_KEY, tx_key=_KEY)


def publisher_trace(seconds: int, *, seed: int) -> list[Timed]:
    """Make what one publisher sends in this many seconds, in order of arrival."""
    source = random.Random(seed)
    plain = sorted([*_audio(seconds, source), *_video(seconds, source)], key=lambda timed: timed.at)
    protect = SrtpSession(_KEY, SrtpProfile.AEAD_AES_128_GCM, is_outbound=True).protect
    return [
        Timed(timed.at, protect(_numbered(timed.data, number)))
        for number, timed in enumerate(plain)
    ]


def engine_with_fan_out(
    fan_out: int,
    sendto: Callable[[bytes, Addr], object],
    sinks: list[Addr],
    publisher_addr: Addr = PUBLISHER_ADDR,
) -> PythonEngine:
    """Open one publisher and `fan_out` subscribers, routed and keyed."""
    engine = PythonEngine(sendto, draw=partial(random.Random(fan_out).getrandbits, 32))
    engine.open_peer(PUBLISHER, now=0.0)
    engine.set_facts(PUBLISHER, ReceiveFacts(sections=_sections(), slots=()))
    engine.set_keys(PUBLISHER, keys())
    engine.set_path(PUBLISHER, frozenset({publisher_addr}), publisher_addr)
    for number in range(fan_out):
        _open_subscriber(engine, number, sinks[number])
    return engine


def _open_subscriber(engine: PythonEngine, number: int, addr: Addr) -> None:
    peer = PeerKey(f"bench/subscriber-{number}/1")
    engine.open_peer(peer, now=0.0)
    engine.set_facts(peer, ReceiveFacts(sections=(), slots=_slots(number)))
    engine.set_keys(peer, keys())
    engine.set_path(peer, frozenset({addr}), addr)
    edits = [
        RouteEdit(
            route=Route(
                publication=PublicationKey(peer=PUBLISHER, mid=mid),
                slot=SlotKey(peer=peer, mid=mid),
            ),
            is_attached=True,
        )
        for mid in ("0", "1")
    ]
    engine.route(edits, now=0.0)


def _sections() -> tuple[ReceiveSection, ...]:
    return (
        ReceiveSection(
            mid="0",
            kind=Kind.AUDIO,
            codecs=_AUDIO_CODECS,
            extensions=_EXTENSIONS,
            ssrcs=(AUDIO_SSRC,),
        ),
        ReceiveSection(
            mid="1",
            kind=Kind.VIDEO,
            codecs=_VIDEO_CODECS,
            extensions=_EXTENSIONS,
            ssrcs=(VIDEO_SSRC,),
        ),
    )


def _slots(number: int) -> tuple[SendSpec, ...]:
    audio = SendSpec(
        mid="0",
        kind=Kind.AUDIO,
        codecs=_AUDIO_CODECS,
        extensions=_EXTENSIONS,
        ssrc=0x3000_0000 + number,
        rtx_ssrc=None,
        cname="bench",
    )
    video = SendSpec(
        mid="1",
        kind=Kind.VIDEO,
        codecs=_VIDEO_CODECS,
        extensions=_EXTENSIONS,
        ssrc=0x4000_0000 + number,
        rtx_ssrc=0x5000_0000 + number,
        cname="bench",
    )
    return (audio, video)


def _audio(seconds: int, source: random.Random) -> list[Timed]:
    packets = []
    for index in range(seconds * AUDIO_A_SECOND):
        level = bytes([LEVEL_ID << 4, 40])
        extension = _NUMBER_SPACE + bytes([MID_ID << 4]) + b"0" + level + bytes(1)
        packet = _packet(OPUS, index, index * 960, AUDIO_SSRC, extension, source.randbytes(80))
        packets.append(Timed(index / AUDIO_A_SECOND, packet))
    return packets


def _video(seconds: int, source: random.Random) -> list[Timed]:
    packets = []
    extension = _NUMBER_SPACE + bytes([MID_ID << 4]) + b"1" + bytes(3)
    for frame in range(seconds * FRAMES_A_SECOND):
        for index in range(PACKETS_A_FRAME):
            is_first, is_last = index == 0, index == PACKETS_A_FRAME - 1
            descriptor = struct.pack(
                "!BBHBB", 0x90 if is_first else 0x80, 0xE0, 0x8000 | frame, frame & 0xFF, 0x00
            )
            head = b"\x10" if is_first and frame == 0 else b"\x11"
            packet = _packet(
                VP8 | (0x80 if is_last else 0),
                frame * PACKETS_A_FRAME + index,
                frame * 3_000,
                VIDEO_SSRC,
                extension,
                descriptor + head + source.randbytes(1_050),
            )
            packets.append(Timed(frame / FRAMES_A_SECOND + index * 0.0005, packet))
    return packets


def _numbered(packet: bytes, number: int) -> bytes:
    """Fill in the transport-wide number, in the order of sending."""
    return packet[:17] + (number & 0xFFFF).to_bytes(2, "big") + packet[19:]


def _packet(
    second: int, sequence: int, timestamp: int, ssrc: int, extension: bytes, body: bytes
) -> bytes:
    head = struct.pack("!BBHII", 0x90, second, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc)
    return head + struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension + body
