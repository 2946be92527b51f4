"""The public port: who may open a socket at all, and one driver for each.

Checked before the upgrade: path, Origin, subprotocol, how many sockets there are, how fast one
address comes.  No token stands in a URL, a cookie or a header; the ticket is the first frame.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol

from signaling.contract.codec import FRAME_BYTES_MAX
from signaling.contract.messages import SUBPROTOCOL
from signaling.core.limits import TokenBucket
from signaling.shell.metrics import Count, Metrics
from signaling.shell.peer import Peer
from signaling.shell.rooms import Rooms

PATH: Final = "/v1/socket"
CHECK_PATH: Final = "/v1/socket-check"
UPGRADES_PER_S: Final = 10
UPGRADES_BURST: Final = 40
ADDRESSES_REMEMBERED: Final = 10_000
FRAMES_QUEUED: Final = 8
WRITE_LIMIT_BYTES: Final = 64 * 1024
OPEN_LIMIT_S: Final = 5.0
CLOSE_LIMIT_S: Final = 2.0

_log = structlog.get_logger()


class Door:
    """Decides whether one more socket may open.

    Args:
        sockets_max: Sockets of this node.
        waiting_max: Those among them without a seat.
        now: Monotonic clock in seconds.
    """

    def __init__(self, *, sockets_max: int, waiting_max: int, now: Callable[[], float]) -> None:
        self._sockets_max = sockets_max
        self._waiting_max = waiting_max
        self._now = now
        self._salt = secrets.token_bytes(16)
        self._buckets: OrderedDict[bytes, TokenBucket] = OrderedDict()

    def refuses(self, address: str, *, sockets: int, waiting: int) -> str | None:
        """Return why not, or None.

        Args:
            address: Where the upgrade comes from; kept as a keyed hash only.
            sockets: Sockets open now.
            waiting: Those without a seat.
        """
        if sockets >= self._sockets_max or waiting >= self._waiting_max:
            return "full"
        key = hashlib.blake2b(address.encode(), key=self._salt, digest_size=12).digest()
        bucket = self._buckets.pop(key, None) or TokenBucket(
            burst=UPGRADES_BURST, per_s=UPGRADES_PER_S, now=self._now()
        )
        self._buckets[key] = bucket
        if len(self._buckets) > ADDRESSES_REMEMBERED:
            self._buckets.popitem(last=False)
        return "too_fast" if bucket.take(now=self._now()) else None


class PublicPort:
    """Serves `/v1/socket`."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        door: Door,
        origins: Sequence[str],
        proxy_depth: int,
        metrics: Metrics,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._rooms = rooms
        self._door = door
        self._origins = origins
        self._proxy_depth = proxy_depth
        self._metrics = metrics
        self._now = now
        self._wall = wall
        self._server: Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port.

        Raises:
            OSError: The address is not ours, or taken.
        """
        self._server = await serve(
            self._serve,
            host,
            port,
            origins=[Origin(each) for each in self._origins],
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            process_request=self._check,
            process_response=self._count_refusal,
            compression=None,
            max_size=FRAME_BYTES_MAX,
            max_queue=FRAMES_QUEUED,
            write_limit=WRITE_LIMIT_BYTES,
            open_timeout=OPEN_LIMIT_S,
            close_timeout=CLOSE_LIMIT_S,
            # Ours instead: the library's pings wait behind the buffer of a peer that never reads.
            ping_interval=None,
            server_header=None,
            backlog=1024,
        )
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Accept nobody else; open sockets stay."""
        if self._server is not None:
            self._server.close(close_connections=False)

    async def stop(self) -> None:
        """Close every socket."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(
            socket,
            reception=self._rooms,
            metrics=self._metrics,
            now=self._now,
            wall=self._wall,
        )
        self._rooms.welcome(peer)
        try:
            await peer.run()
        finally:
            self._rooms.forget(peer)

    def _check(self, socket: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == CHECK_PATH:
            # Pages cannot read the status of a failed upgrade; this tells them what they face.
            return socket.respond(HTTPStatus.OK, "open\n")
        if path != PATH:
            return socket.respond(HTTPStatus.NOT_FOUND, "no such path\n")
        address = self._address_of(socket, request)
        peers = self._rooms.peers
        waiting = sum(not peer.is_seated for peer in peers)
        cause = self._door.refuses(address, sockets=len(peers), waiting=waiting)
        if cause is None:
            return None
        self._metrics.count(Count.UPGRADES_REFUSED, cause)
        if cause == "too_fast":
            return socket.respond(HTTPStatus.TOO_MANY_REQUESTS, "too fast\n")
        return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full\n")

    def _address_of(self, socket: ServerConnection, request: Request) -> str:
        """Return where an upgrade comes from: what our outermost proxy saw, or the peer itself."""
        seen = ",".join(request.headers.get_all("X-Forwarded-For")).split(",")
        if 0 < self._proxy_depth <= len(seen):
            return seen[-self._proxy_depth].strip()
        return str((socket.remote_address or ("",))[0])

    def _count_refusal(
        self, socket: ServerConnection, request: Request, response: Response
    ) -> Response | None:
        """Count upgrades the library refused: Origin, subprotocol, malformed requests."""
        del socket, request
        if response.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST}:
            cause = "origin" if response.status_code == HTTPStatus.FORBIDDEN else "handshake"
            self._metrics.count(Count.UPGRADES_REFUSED, cause)
        return None
