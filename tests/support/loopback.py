"""Plain UDP sockets on loopback: of a stranger, and under the headless peers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable


class LoopbackPort:
    """One UDP port; sends any datagram, an empty one too, and hands over what arrives."""

    def __init__(self, server: tuple[str, int], take: Callable[[bytes], None]) -> None:
        self.server = server
        self._take = take
        is_v6 = ":" in server[0]
        family = socket.AF_INET6 if is_v6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("::1" if is_v6 else "127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    @property
    def address(self) -> tuple[str, int]:
        """Where it sends from."""
        host, port, *_ = self._socket.getsockname()
        return str(host), int(port)

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        with contextlib.suppress(BlockingIOError):
            self._socket.sendto(data, self.server)

    def close(self) -> None:
        """Stop reading and close; a second call does nothing."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._take(self._socket.recv(65_535))


class Stranger(LoopbackPort):
    """An address without a valid check; `answers` should stay empty."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.answers: list[bytes] = []
        super().__init__(server, self.answers.append)


@contextlib.asynccontextmanager
async def stranger(server: tuple[str, int]) -> AsyncIterator[Stranger]:
    """Open a fresh address for the length of a `with` block."""
    made = Stranger(server)
    try:
        yield made
    finally:
        made.close()
