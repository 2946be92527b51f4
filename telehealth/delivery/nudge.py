"""Wakes the worker after a commit: one byte on a Unix datagram socket.

A lost byte costs the worker's one-second poll, nothing else, so a sender never waits, never
fails and never retries.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_ENOUGH_BYTES = 64


def nudger(path: Path | None) -> Callable[[], None]:
    """Make what `Database(wake_worker=…)` is given; without a path it does nothing."""
    if path is None:
        return _nobody_to_wake

    def wake() -> None:
        # No worker yet, a full buffer, a stale file: the poll comes within a second.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(b"\0", str(path))

    return wake


def _nobody_to_wake() -> None:
    return


@contextmanager
def listening(path: Path | None, *, on_nudge: Callable[[], None]) -> Iterator[None]:
    """Call `on_nudge` in the running loop for each nudge, until the block ends."""
    if path is None:
        yield
        return
    path.unlink(missing_ok=True)
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.setblocking(False)
    receiver.bind(str(path))
    path.chmod(0o600)
    loop = asyncio.get_running_loop()

    def drain() -> None:
        with contextlib.suppress(OSError):
            while receiver.recv(_ENOUGH_BYTES):
                pass
        on_nudge()

    loop.add_reader(receiver, drain)
    try:
        yield
    finally:
        loop.remove_reader(receiver)
        receiver.close()
        path.unlink(missing_ok=True)
