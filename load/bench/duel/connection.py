"""One participant's connection: a socket, connectivity checks, a DTLS handshake, its SRTP keys.

Everything a browser does before its first packet, so that both servers are met by the same client.
"""

import asyncio
import secrets
import socket
from dataclasses import dataclass
from typing import Final

from load.bench.duel.hosts import CLIENT_ADDRESS
from media.core.stun import (
    NotAStunCheck,
    read_request,
    read_success,
    write_request,
    write_success,
)
from tests.support.dtls_client import ClientCertificate, ClientKeys, DtlsClient

CERTIFICATE: Final = ClientCertificate()
"""One for all participants: making them is no part of what is measured."""

_CHECK_EVERY_S: Final = 0.05
_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """What a server's description says of its end."""

    ufrag: str
    password: str
    address: tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is sent or received in one section."""

    ssrc: int
    payload_type: int
    mid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Extension ids and payload types of one connection; 0: not agreed."""

    mid_id: int
    level_id: int
    twcc_id: int
    audio_in: int
    video_in: int
    twcc_in: int


class Connection:
    """One peer connection of one participant; the load generator inherits its socket."""

    def __init__(self, profile: bytes) -> None:
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(12)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((CLIENT_ADDRESS, 0))
        self.keys: ClientKeys | None = None
        self._profile = profile
        self._remote: Remote | None = None
        self._answered = asyncio.Event()
        self._dtls: DtlsClient | None = None

    async def establish(self, remote: Remote) -> None:
        """Check until answered, then shake hands as the active side, checking on.

        Raises:
            TimeoutError: The server did not answer in time.
        """
        self._remote = remote
        self.socket.connect(remote.address)
        loop = asyncio.get_running_loop()
        loop.add_reader(self.socket, self._read)
        # A server that has not seen our candidate yet answers a check and forgets it.
        checking = loop.create_task(self._check_on())
        try:
            async with asyncio.timeout(_WITHIN_S):
                await self._answered.wait()
                self._dtls = DtlsClient(self._send, CERTIFICATE, profiles=(self._profile,))
                self.keys = await self._dtls.establish()
        finally:
            checking.cancel()
            loop.remove_reader(self.socket)

    def check(self) -> bytes:
        """Write a valid check that nominates its path."""
        assert self._remote is not None
        return write_request(
            secrets.token_bytes(12),
            username=f"{self._remote.ufrag}:{self.ufrag}",
            password=self._remote.password,
            priority=1_853_824_767,
            tie_breaker=secrets.randbits(64),
            is_nominating=True,
        )

    def line(self, sends: tuple[Stream, Stream] | None, numbers: Numbers) -> str:
        """Write the generator's line: audio and video sent, or only received."""
        assert self.keys is not None
        audio, video = sends or (Stream(ssrc=0, payload_type=0, mid="-"),) * 2
        check = "-" if self._remote is None else self.check().hex()
        return " ".join(
            str(each)
            for each in (
                "conn", self.socket.fileno(), "gcm" if b"GCM" in self._profile else "cm",
                self.keys.tx.hex(), self.keys.rx.hex(), check, int(sends is not None),
                audio.ssrc, audio.payload_type, audio.mid,
                video.ssrc, video.payload_type, video.mid,
                numbers.mid_id, numbers.level_id, numbers.twcc_id,
                numbers.audio_in, numbers.video_in, numbers.twcc_in,
            )
        )  # fmt: skip

    def _send(self, data: bytes) -> None:
        self.socket.send(data)

    async def _check_on(self) -> None:
        while True:
            self.socket.send(self.check())
            await asyncio.sleep(_CHECK_EVERY_S)

    def _read(self) -> None:
        while True:
            try:
                data = self.socket.recv(4_096)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if data and data[0] < 4:
                self._on_stun(data)
            elif data and self._dtls is not None and 19 < data[0] < 64:
                self._dtls.feed(data)

    def _on_stun(self, data: bytes) -> None:
        assert self._remote is not None
        try:
            if read_success(data).is_authentic(self._remote.password):
                self._answered.set()
        except NotAStunCheck:
            self._answer(data)

    def _answer(self, data: bytes) -> None:
        """Answer a check of a server that is no lite agent."""
        assert self._remote is not None
        try:
            check = read_request(data)
        except NotAStunCheck:
            return
        answer = write_success(check.transaction_id, self._remote.address, self.password)
        self.socket.send(answer)
