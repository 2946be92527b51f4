"""A signaling node with a real Redis-protocol server and a real media node, in this process."""

import asyncio
import base64
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect

from media.app import Application as MediaNode
from media.app import running as running_media
from media.config import MediaSettings
from signaling.app import Application, running
from signaling.client import SignalingClient
from signaling.config import SignalingSettings
from signaling.contract.messages import Admitted, Offer, Welcome
from telehealth.contract import ControlDone, ControlHello, RoomCommand, RoomCommandKind
from tests.support.fake_visit_service import FakeVisitService
from tests.support.free_ports import free_port
from tests.support.headless_peer import HeadlessPeer
from tests.support.redis import RedisServer

ORIGIN = "http://localhost:8000"
LOOPBACK = "127.0.0.1"


def secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


@dataclass
class SignalingLab:
    """What a test talks to."""

    node: Application
    media: MediaNode
    visits: FakeVisitService
    redis: RedisServer
    settings: SignalingSettings
    key: str
    media_metrics_url: str
    room: str = field(default_factory=lambda: str(uuid4()))

    @property
    def url(self) -> str:
        """Where the socket is."""
        return f"ws://{LOOPBACK}:{self.node.port}/v1/socket"

    @property
    def internal_url(self) -> str:
        """Where the internal port is."""
        return f"http://{LOOPBACK}:{self.node.internal_port}"

    def ticket(self, **changes: object) -> str:
        """Make a ticket to this lab's room."""
        return self.visits.ticket(**{"room": self.room, **changes})

    def open(self, *, device_id: str = "device-of-python") -> Any:
        """Open a socket that has said nothing."""
        return SignalingClient.open(self.url, origin=ORIGIN, device_id=device_id)

    @contextlib.asynccontextmanager
    async def seated(
        self, *, device_id: str = "device-of-python", **changes: object
    ) -> AsyncIterator["Guest"]:
        """Open a socket and take a seat."""
        async with SignalingClient.open(self.url, origin=ORIGIN, device_id=device_id) as client:
            welcome = await client.hello(self.ticket(**changes))
            assert isinstance(welcome, Welcome), welcome
            yield Guest(client=client, welcome=welcome)

    def provider(self, **changes: object) -> Any:
        """Take a provider's seat."""
        return self.seated(
            **{"role": "provider", "kind": "provider", "may_admit": True, **changes}  # type: ignore[arg-type]
        )

    def waiting(self, **changes: object) -> Any:
        """Take a patient's seat in the lobby."""
        return self.seated(**{"entry": "lobby", **changes})  # type: ignore[arg-type]

    @contextlib.asynccontextmanager
    async def control(self) -> AsyncIterator[ClientConnection]:
        """Open the visit service's control socket, greeted."""
        url = f"ws://{LOOPBACK}:{self.node.internal_port}/control/visit"
        async with connect(url, proxy=None, close_timeout=1.0) as socket:
            await socket.send(ControlHello(token=self.service_token()).model_dump_json())
            done = ControlDone.model_validate_json(await socket.recv())
            assert done.command_id is None
            yield socket

    def service_token(self, **changes: object) -> str:
        """Make a service token as the visit service would; any claim may be changed."""
        now = int(time.time())
        typ = str(changes.pop("typ", "service+jwt"))
        key = base64.urlsafe_b64decode(str(changes.pop("key", self.key)) + "=")
        claims: dict[str, object] = {
            "iss": "visit-service",
            "aud": "signaling",
            "iat": now,
            "exp": now + 60,
        }
        claims.update(changes)
        return jwt.encode(claims, key, "HS256", {"typ": typ})

    async def command(
        self, kind: RoomCommandKind, participant_id: str | None = None, version: int = 1
    ) -> None:
        """Have the visit service decide something, and wait until it is done."""
        command = RoomCommand(
            command_id=uuid4(),
            kind=kind,
            visit_id=UUID(self.room),
            participant_id=None if participant_id is None else UUID(participant_id),
            version=version,
        )
        async with self.control() as socket:
            await socket.send(command.model_dump_json())
            done = ControlDone.model_validate_json(await socket.recv())
        assert done.command_id == command.command_id


@dataclass
class Guest:
    """Somebody with a seat."""

    client: SignalingClient
    welcome: Welcome

    @property
    def participant_id(self) -> str:
        """Which seat."""
        return self.welcome.participant_id

    async def admitted(self) -> Admitted:
        """Wait until the seat is active and media is open."""
        return await self.client.heard(Admitted)

    @contextlib.asynccontextmanager
    async def call(
        self, *, offer_id: int = 1, room_epoch: int | None = None
    ) -> AsyncIterator[HeadlessPeer]:
        """Offer, connect, and stay connected."""
        if room_epoch is None:
            room_epoch = (await self.admitted()).room_epoch
        peer = HeadlessPeer(self.participant_id[:8])
        try:
            answer = await self.client.ask(
                Offer(id=1, offer_id=offer_id, room_epoch=room_epoch, sdp=peer.offer())
            )
            await peer.connect(str(getattr(answer, "sdp", "")))
            yield peer
        finally:
            await peer.close()


async def until(holds: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: It did not.
    """
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  (what is waited for lies in another process or thread)
            await asyncio.sleep(0.02)


def media_settings(redis_url: str, key: str, *, node_id: str = "media-1") -> MediaSettings:
    """Settings of a media node on loopback."""
    port = free_port()
    return MediaSettings(
        node_id=node_id,
        listen_address=LOOPBACK,
        port=0,
        public_address=LOOPBACK,
        control_listen=f"{LOOPBACK}:{port}",
        control_url=f"ws://{LOOPBACK}:{port}",
        control_key=SecretStr(key),
        redis_url=SecretStr(redis_url),
        drain_limit_s=0.0,
        load_max=0.0,  # the process is the test's own, and busy
    )


@contextlib.asynccontextmanager
async def signaling_lab(
    redis: RedisServer, spool: Path, **changes: Any
) -> AsyncIterator[SignalingLab]:
    """Start everything for the length of a `with` block; settings may be changed."""
    key, media_key = secret(), secret()
    of_media = media_settings(redis.url, media_key)
    async with (
        FakeVisitService().running() as visits,
        running_media(of_media) as media,
    ):
        values = {
            "node": "signaling-1",
            "listen": f"{LOOPBACK}:0",
            "internal_listen": f"{LOOPBACK}:0",
            "allowed_origins": [ORIGIN],
            "redis_url": SecretStr(redis.url),
            "visit_service_url": visits.url,
            "visit_service_key": SecretStr(visits.key),
            "key": SecretStr(key),
            "media_control_key": SecretStr(media_key),
            "spool": spool,
            "drain_limit_s": 1.0,
            **changes,
        }
        settings = SignalingSettings(**values)
        async with running(settings) as node:
            yield SignalingLab(
                node=node,
                media=media,
                visits=visits,
                redis=redis,
                settings=settings,
                key=key,
                media_metrics_url=f"http://{of_media.control_listen}/metrics",
            )
