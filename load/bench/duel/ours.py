"""Our media node as the duel's server, and how participants join it: one connection each."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from load.bench.duel.connection import CERTIFICATE, Connection, Numbers, Remote, Stream
from load.bench.duel.hosts import SERVER_ADDRESS, Hosts
from media.contract.control import SUBPROTOCOL, Source
from tests.support.control_client import ControlClient, a_key, control_token
from tests.support.media_commands import ack, attach, offer, open_room, publish, wants
from tests.support.redis import RedisServer
from tests.support.webrtc_offers import Numbering, OfferPlan, offer_text, read_answer

_NODE: Final = "duel"
_CONTROL_PORT: Final = 7_431
_NUMBERING: Final = Numbering()
_TWCC_ID: Final = 3  # as webrtc_offers numbers it


@asynccontextmanager
async def running(hosts: Hosts, folder: Path) -> AsyncIterator[tuple[int, ControlClient]]:
    """Run a node on the server's host; its process id, and a control channel to it."""
    key = a_key()
    redis = RedisServer(folder / "redis")
    redis.start()
    environment = {
        **os.environ,
        "MEDIA_NODE_ID": _NODE,
        "MEDIA_LISTEN_ADDRESS": SERVER_ADDRESS,
        "MEDIA_PORT": "40000",
        "MEDIA_PUBLIC_ADDRESS": SERVER_ADDRESS,
        "MEDIA_CONTROL_LISTEN": f"{SERVER_ADDRESS}:{_CONTROL_PORT}",
        "MEDIA_CONTROL_URL": f"ws://{SERVER_ADDRESS}:{_CONTROL_PORT}/",
        "MEDIA_CONTROL_KEY": key,
        "MEDIA_REDIS_URL": redis.url,
        "MEDIA_ROOMS_MAX": "2000",
        "MEDIA_PEERS_MAX": "2000",
        "MEDIA_DRAIN_LIMIT_S": "0",
        "MEDIA_LOAD_MAX": "0",  # how much it carries is what is measured here
    }
    serve = [sys.executable, "-c", "from media.cli import app; app()", "serve"]
    process = await asyncio.create_subprocess_exec(*hosts.on_server(serve), env=environment)
    try:
        url = f"ws://{SERVER_ADDRESS}:{_CONTROL_PORT}/"
        socket = await _connected(url)
        try:
            client = ControlClient(socket)
            await client.hello(control_token(key, _NODE))
            yield process.pid, client
        finally:
            await socket.close()
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        redis.stop()


async def join_room(
    client: ControlClient, room_id: str, size: int, profile: bytes, first_ssrc: int
) -> tuple[list[Connection], list[str]]:
    """Fill one room with participants who publish and see all others.

    Returns:
        The connections, and the generator's line of each.
    """
    names = [f"{room_id}-{number}" for number in range(size)]
    await client.done(open_room(room_id))
    connections, streams = [], []
    for index, name in enumerate(names):
        made = Connection(profile)
        ssrc = first_ssrc + 4 * index
        plan = OfferPlan(
            ufrag=made.ufrag,
            password=made.password,
            fingerprint=CERTIFICATE.fingerprint(),
            ssrcs={"0": ssrc, "1": ssrc + 1},
            audio_slots=max(3, size - 1),
            video_slots=max(4, size),
        )
        await client.done(attach(name, room_id=room_id))
        answered = await client.done(offer(name, offer_text(plan), room_id=room_id))
        answer = read_answer(answered.sdp or "")
        await made.establish(
            Remote(ufrag=answer.ufrag, password=answer.password, address=answer.candidates[0])
        )
        for source in (Source.MIC, Source.CAMERA):
            await client.done(publish(name, source, room_id=room_id))
        connections.append(made)
        streams.append(
            (
                Stream(ssrc=ssrc, payload_type=_NUMBERING.opus, mid="0"),
                Stream(ssrc=ssrc + 1, payload_type=_NUMBERING.vp8, mid="1"),
            )
        )
    for name in names:
        wished = [
            f"{other}.{kind}" for other in names if other != name for kind in ("mic", "camera")
        ]
        await client.done(wants(name, *wished, room_id=room_id))
        told = await client.map_of(name)
        await client.done(ack(name, told.map_id, room_id=room_id))
    numbers = Numbers(
        mid_id=_NUMBERING.mid, level_id=_NUMBERING.level, twcc_id=_TWCC_ID,
        audio_in=_NUMBERING.opus, video_in=_NUMBERING.vp8, twcc_in=_TWCC_ID,
    )  # fmt: skip
    return connections, [
        made.line(sends, numbers) for made, sends in zip(connections, streams, strict=True)
    ]


async def _connected(url: str) -> ClientConnection:
    for _ in range(100):
        try:
            return await connect(
                url, subprotocols=[Subprotocol(SUBPROTOCOL)], proxy=None, open_timeout=2
            )
        except OSError:
            await asyncio.sleep(0.1)
    raise TimeoutError("the node did not start")
