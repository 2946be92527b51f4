"""A signaling node's end of the control channel, for tests."""

import base64
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping

import jwt
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from media.contract.control import (
    CONTROL_TOKEN_TYP,
    SUBPROTOCOL,
    ControlCommand,
    ControlHello,
    Done,
    FromMedia,
    SlotAssignment,
    SlotMap,
)

_FROM_MEDIA = msgspec.json.Decoder(FromMedia)


def a_key() -> str:
    """Draw a control key as text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def control_token(
    key: str,
    node_id: str,
    *,
    typ: str = CONTROL_TOKEN_TYP,
    algorithm: str = "HS256",
    changed: Mapping[str, object] | None = None,
) -> str:
    """Sign a token, right unless told otherwise; a claim changed to None is left out."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "signaling",
        "aud": node_id,
        "iat": now,
        "exp": now + 60,
        **(changed or {}),
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    secret = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    if algorithm != "HS256":
        secret *= 2  # a stronger algorithm wants a longer key
    return jwt.encode(kept, secret, algorithm=algorithm, headers={"typ": typ})


class ControlClient:
    """Sends frames, reads frames."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.maps: dict[str, SlotMap] = {}
        """The newest slot map told for each participant, by `done` and `map_of`."""

    async def hello(self, token: str) -> FromMedia:
        """Greet; the first answer."""
        return await self.say(ControlHello(token=token))

    async def say(self, frame: ControlHello | ControlCommand) -> FromMedia:
        """Send a frame and read the next one."""
        await self.socket.send(msgspec.json.encode(frame), text=True)
        return await self.read()

    async def done(self, command: ControlCommand) -> Done:
        """Send a command that must be done, past the events that come before its answer."""
        answer = await self.say(command)
        while getattr(answer, "request_id", None) != command.request_id:
            self._keep(answer)
            answer = await self.read()
        assert isinstance(answer, Done), answer
        return answer

    async def map_of(self, participant_id: str) -> SlotMap:
        """Wait for a map that names somebody to a participant."""
        while not any(slot.publication_id for slot in self._slots_of(participant_id)):
            self._keep(await self.read())
        return self.maps[participant_id]

    def _slots_of(self, participant_id: str) -> tuple[SlotAssignment, ...]:
        told = self.maps.get(participant_id)
        return () if told is None else told.slots

    def _keep(self, event: FromMedia) -> None:
        if isinstance(event, SlotMap):
            self.maps[event.participant_id] = event

    async def read(self) -> FromMedia:
        """Read one frame."""
        frame: FromMedia = _FROM_MEDIA.decode(await self.socket.recv())
        return frame


@contextlib.asynccontextmanager
async def control_client(
    port: int, *, ping_interval: float | None = 20.0
) -> AsyncIterator[ControlClient]:
    """Connect for the length of a `with` block."""
    url = f"ws://127.0.0.1:{port}/"
    subprotocols = [Subprotocol(SUBPROTOCOL)]
    async with connect(
        url, subprotocols=subprotocols, ping_interval=ping_interval, proxy=None
    ) as socket:
        yield ControlClient(socket)
