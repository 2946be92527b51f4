"""How a supervised process is asked whether it is ready."""

import asyncio
from pathlib import Path

LOOPBACK = "127.0.0.1"


async def at_once() -> bool:
    """Answer for a process that listens on nothing."""
    return True


async def accepts_unix(path: Path) -> bool:
    """Ask whether somebody takes connections at a Unix socket."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True


async def is_healthy(port: int, path: str = "/readyz") -> bool:
    """Ask a child on loopback whether it is ready to work."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            host = f"{LOOPBACK}:{port}"
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
