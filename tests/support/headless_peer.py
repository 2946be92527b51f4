"""A WebRTC client without a browser: controlling ICE, DTLS, SRTP, synthetic Opus and VP8.

Use: give `offer()` to a media node, `await connect(answer)`, then `send_audio`, `send_video`;
what arrives is kept by mid in `received`.  It shares the STUN writer with the node and nothing
else; everything it sends leaves one loopback socket.
"""

import asyncio
import contextlib
import secrets
import struct
from collections import defaultdict
from dataclasses import dataclass, replace
from time import monotonic

import pylibsrtp

from media.core.stun import NotAStunCheck, read_success, write_request
from tests.support.dtls_client import (
    CM_SHA1_80,
    GCM_128,
    GCM_256,
    ClientCertificate,
    ClientKeys,
    DtlsClient,
)
from tests.support.loopback import LoopbackPort
from tests.support.webrtc_offers import AnswerFacts, Numbering, OfferPlan, offer_text, read_answer

CHECK_EVERY_S = 0.05
CONSENT_EVERY_S = 0.5
AUDIO_TICKS, VIDEO_TICKS = 960, 3_000
_POLICY = {
    GCM_128: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    GCM_256: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    CM_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


@dataclass(frozen=True)
class Received:
    """One packet that passed authentication."""

    ssrc: int
    payload_type: int
    sequence: int
    timestamp: int
    marker: bool
    mid: str | None
    payload: bytes
    at: float
    """Monotonic instant of its arrival."""


@dataclass
class Stream:
    """Counters of one outgoing stream."""

    mid: str
    ssrc: int
    payload_type: int
    sequence: int = 1_000
    timestamp: int = 90_000
    picture_id: int = 0
    frames: int = 0


class HeadlessPeer:
    """One client; `name` only tells peers apart in failures."""

    def __init__(
        self,
        name: str,
        *,
        numbering: Numbering | None = None,
        profiles: tuple[bytes, ...] = (GCM_128, GCM_256, CM_SHA1_80),
        ciphers: bytes | None = None,
        is_v6: bool = False,
    ) -> None:
        self.name = name
        self._is_v6 = is_v6
        self.numbering = numbering or Numbering()
        self.certificate = ClientCertificate()
        self.plan = OfferPlan(
            ufrag=secrets.token_hex(4),
            password=secrets.token_hex(12),
            fingerprint=self.certificate.fingerprint(),
            ssrcs={"0": 1 + secrets.randbelow(2**30), "1": 2**30 + secrets.randbelow(2**30)},
            numbering=self.numbering,
        )
        self.audio = Stream("0", self.plan.ssrcs["0"], self.numbering.opus)
        self.video = Stream("1", self.plan.ssrcs["1"], self.numbering.vp8)
        self.received: dict[str | None, list[Received]] = defaultdict(list)
        self.rtcp_types: list[tuple[int, int]] = []
        self.key_frames_asked = 0
        self.undecipherable = 0
        self.checks_answered = 0
        self.is_nominating = True
        self.answer: AnswerFacts | None = None
        self.dtls: DtlsClient | None = None
        self.keys: ClientKeys | None = None
        self._profiles, self._ciphers = profiles, ciphers
        self._answered = asyncio.Event()
        self._checking: asyncio.Task[None] | None = None
        self.port: LoopbackPort | None = None
        self._rx: pylibsrtp.Session | None = None
        self._tx: pylibsrtp.Session | None = None
        self._tie_breaker = secrets.randbits(64)
        self.server: tuple[str, int] = ("127.0.0.1", 0)

    def offer(self) -> str:
        """Text of this client's offer."""
        return offer_text(self.plan)

    def open(self, answer: str) -> None:
        """Read the answer, open the socket and begin to send checks."""
        self.answer = read_answer(answer)
        self.server = next(
            each for each in self.answer.candidates if (":" in each[0]) is self._is_v6
        )
        self.port = LoopbackPort(self.server, self._on_datagram)
        self._checking = asyncio.get_running_loop().create_task(self._check())

    async def connect(self, answer: str, *, within_s: float = 5.0) -> None:
        """Open, be answered, shake hands, make the SRTP sessions."""
        self.open(answer)
        async with asyncio.timeout(within_s):
            await self._answered.wait()
            await self.shake_hands()

    async def shake_hands(self) -> None:
        """Run the DTLS handshake as the active side."""
        self.dtls = DtlsClient(
            self.send_raw, self.certificate, profiles=self._profiles, ciphers=self._ciphers
        )
        self.keys = await self.dtls.establish()
        profile = _POLICY[self.keys.profile]
        self._rx = _session(self.keys.rx, pylibsrtp.Policy.SSRC_ANY_INBOUND, profile)
        self._tx = _session(self.keys.tx, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, profile)

    @property
    def answered_since_restart(self) -> bool:
        """Say whether the newest credentials have been answered."""
        return self._answered.is_set()

    def restart(self, ufrag: str, answer: str) -> None:
        """Check with new credentials of both sides from now on."""
        self.plan = replace(self.plan, ufrag=ufrag)
        self.answer = read_answer(answer)
        self._answered.clear()

    async def fall_silent(self) -> None:
        """Send no more checks, as a phone that lost its network."""
        if self._checking is not None:
            self._checking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._checking

    def speak_again(self) -> None:
        """Send checks again."""
        self._checking = asyncio.get_running_loop().create_task(self._check())

    def move(self) -> None:
        """Go on from a new port, as behind a rebinding NAT."""
        old, self.port = self.port, LoopbackPort(self.server, self._on_datagram)
        if old is not None:
            old.close()

    async def close(self, *, is_polite: bool = True) -> None:
        """Say close_notify, unless impolite, and stop."""
        await self.fall_silent()
        if is_polite and self.dtls is not None and self.keys is not None:
            self.dtls.close()
        if self.port is not None:
            self.port.close()

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, from the address the node has validated."""
        assert self.port is not None
        self.port.send(data)

    def check(self, *, password: str | None = None, username: str | None = None) -> bytes:
        """Write a check of this client, right unless told otherwise."""
        assert self.answer is not None
        return write_request(
            secrets.token_bytes(12),
            username=username or f"{self.answer.ufrag}:{self.plan.ufrag}",
            password=password or self.answer.password,
            priority=1_853_824_767,
            tie_breaker=self._tie_breaker,
            is_nominating=self.is_nominating,
        )

    def send_audio(self, payload: bytes | None = None) -> bytes:
        """Send one Opus packet of 20 ms; its payload is returned and unique."""
        body = payload or b"\xfc" + secrets.token_bytes(60)
        self._send_rtp(self.audio, body, is_last=self.audio.frames == 0)
        self.audio.timestamp += AUDIO_TICKS
        self.audio.frames += 1
        return body

    def send_video(self, *, is_key: bool = False, packets: int = 1) -> None:
        """Send one VP8 frame; the first one, and every asked one, should be a key frame."""
        stream = self.video
        for index in range(packets):
            descriptor = struct.pack(
                "!BBH", 0x90 if index == 0 else 0x80, 0x80, 0x8000 | stream.picture_id
            )
            head = b"\x10\x02\x00\x9d\x01\x2a" if is_key else b"\x11\x02\x00"
            body = descriptor + (head if index == 0 else b"") + secrets.token_bytes(600)
            self._send_rtp(stream, body, is_last=index == packets - 1)
        stream.timestamp += VIDEO_TICKS
        stream.picture_id = (stream.picture_id + 1) & 0x7FFF
        stream.frames += 1

    def protect(self, stream: Stream, body: bytes, *, is_last: bool = False) -> bytes:
        """Write and protect the next packet of a stream without sending it."""
        assert self._tx is not None
        mid = stream.mid.encode()
        element = bytes([self.numbering.mid << 4 | len(mid) - 1]) + mid
        element += bytes(-len(element) % 4)
        packet = struct.pack(
            "!BBHIIHH",
            0x90,
            stream.payload_type | (0x80 if is_last else 0),
            stream.sequence,
            stream.timestamp & 0xFFFFFFFF,
            stream.ssrc,
            0xBEDE,
            len(element) // 4,
        )
        stream.sequence = (stream.sequence + 1) & 0xFFFF
        return bytes(self._tx.protect(packet + element + body))

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one compound."""
        assert self._tx is not None
        self.send_raw(bytes(self._tx.protect_rtcp(packet)))

    def _on_datagram(self, data: bytes) -> None:
        """Sort by first byte."""
        if data[0] < 4:
            self._on_stun(data)
        elif 19 < data[0] < 64 and self.dtls is not None:
            self.dtls.feed(data)
        elif data[0] > 127 and self._rx is not None:
            self._on_srtp(data)

    def _send_rtp(self, stream: Stream, body: bytes, *, is_last: bool) -> None:
        self.send_raw(self.protect(stream, body, is_last=is_last))

    def _on_stun(self, data: bytes) -> None:
        assert self.answer is not None
        try:
            success = read_success(data)
        except NotAStunCheck:
            return
        if success.is_authentic(self.answer.password):
            self.checks_answered += 1
            self._answered.set()

    def _on_srtp(self, data: bytes) -> None:
        assert self._rx is not None
        try:
            if 192 <= data[1] <= 223:
                self._on_rtcp(self._rx.unprotect_rtcp(data))
            else:
                self._take(_read_rtp(self._rx.unprotect(data), self.numbering.mid))
        except pylibsrtp.Error:
            self.undecipherable += 1

    def _take(self, packet: Received) -> None:
        self.received[packet.mid].append(packet)

    def _on_rtcp(self, compound: bytes) -> None:
        at = 0
        while at + 4 <= len(compound):
            first, kind, words = struct.unpack_from("!BBH", compound, at)
            self.rtcp_types.append((kind, first & 0x1F))
            if (kind, first & 0x1F) == (206, 1):
                self.key_frames_asked += 1
            at += 4 + 4 * words

    async def _check(self) -> None:
        while True:
            self.send_raw(self.check())
            await asyncio.sleep(CONSENT_EVERY_S if self._answered.is_set() else CHECK_EVERY_S)


def _session(key: bytes, direction: int, profile: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.allow_repeat_tx = True
    policy.window_size = 1_024
    return pylibsrtp.Session(policy)


def _read_rtp(data: bytes, mid_id: int) -> Received:
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    at = 12 + 4 * (first & 0x0F)
    mid = None
    if first & 0x10:
        _, words = struct.unpack_from("!HH", data, at)
        mid = _mid_of(data[at + 4 : at + 4 + 4 * words], mid_id)
        at += 4 + 4 * words
    return Received(
        ssrc, second & 0x7F, sequence, timestamp, bool(second & 0x80), mid, data[at:], monotonic()
    )


def _mid_of(elements: bytes, mid_id: int) -> str | None:
    at = 0
    while at < len(elements):
        number, length = elements[at] >> 4, (elements[at] & 0x0F) + 1
        if number == mid_id:
            return elements[at + 1 : at + 1 + length].decode()
        at += 1 if elements[at] == 0 else 1 + length
    return None
