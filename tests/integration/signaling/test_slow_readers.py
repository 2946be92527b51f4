"""A peer that does not read costs bounded memory, harms nobody, and is cut."""

import asyncio
import socket

from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from signaling.contract.codec import encode
from signaling.contract.ids import RoomId
from signaling.contract.messages import SUBPROTOCOL, Client, Hello, Ping, Pong, Welcome
from signaling.core.outbox import BYTES_MAX
from signaling.shell.metrics import Count
from tests.support.signaling_lab import ORIGIN, SignalingLab, until

MOST_MESSAGES = 20_000


def narrow_socket(port: int) -> socket.socket:
    """Connect with a receive buffer of 4 KiB."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", port))
    narrow.setblocking(False)
    return narrow


async def test_a_peer_that_never_reads_is_cut_and_nobody_else_notices(lab: SignalingLab) -> None:
    hello = Hello(
        id=1, ticket=lab.ticket(), device_id="stuck-device", client=Client(name="x", version="1")
    )
    async with lab.provider() as provider:
        stuck = await connect(
            lab.url,
            sock=narrow_socket(lab.node.port),
            origin=Origin(ORIGIN),
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            proxy=None,
            max_queue=1,
        )
        await stuck.send(encode(hello), text=True)
        welcome: Welcome = replace(provider.welcome, features=("x" * 4096,))
        room = lab.node.rooms.open(RoomId(lab.room))
        await until(lambda: sum(each.is_seated for each in lab.node.rooms.peers) == 2)
        peer = next(
            each for each in lab.node.rooms.peers if each.participant_id != provider.participant_id
        )
        assert room.peer_of(peer.participant_id) is peer
        most = 0
        for _ in range(MOST_MESSAGES):
            peer.tell(welcome)
            most = max(most, peer.outbox_bytes)
            if lab.node.metrics.of(Count.ABORTS, "overflow"):
                break
            await asyncio.sleep(0)

        assert lab.node.metrics.of(Count.ABORTS, "overflow") == 1
        assert most <= BYTES_MAX + 64 * 1024
        assert isinstance(await provider.client.ask(Ping(id=1)), Pong)
        stuck.transport.abort()
