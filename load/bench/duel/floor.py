"""The floor: a loop that decrypts, encrypts and sends, and does nothing else for it.

No forwarding unit in Python with this binding of libsrtp can cost less.  Its keys are fixed and
given by the driver: no ICE, no DTLS, no history, no reports, no rewriting.
"""

import asyncio
import base64
import json
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from load.bench.duel.connection import Connection, Numbers, Stream
from load.bench.duel.hosts import SERVER_ADDRESS, Hosts
from media.core.engine_face import SrtpProfile
from media.shell.srtp import SrtpSession
from tests.support.dtls_client import GCM_128, KEY_AND_SALT_BYTES, ClientKeys

_PORT: Final = 40_000
_OPUS, _VP8 = 111, 96


@asynccontextmanager
async def running(
    hosts: Hosts, rooms: int, size: int, profile: bytes
) -> AsyncIterator[tuple[int, list[tuple[list[Connection], list[str]]]]]:
    """Run the loop on the server's host with all its peers known; its process id, and the rooms."""
    filled: list[tuple[list[Connection], list[str]]] = []
    peers: list[dict[str, Any]] = []
    for room in range(rooms):
        connections, lines = [], []
        first = len(peers)
        for index in range(size):
            made = Connection(profile)
            made.socket.connect((SERVER_ADDRESS, _PORT))
            made.keys = _fixed_keys(profile)
            ssrc = 1_000 + room * 100 + 4 * index
            sends = (
                Stream(ssrc=ssrc, payload_type=_OPUS, mid="0"),
                Stream(ssrc=ssrc + 1, payload_type=_VP8, mid="1"),
            )
            numbers = Numbers(
                mid_id=4, level_id=1, twcc_id=3, audio_in=_OPUS, video_in=_VP8, twcc_in=0
            )
            connections.append(made)
            lines.append(made.line(sends, numbers))
            peers.append(
                {
                    "address": made.socket.getsockname(),
                    "rx": _text(made.keys.tx),
                    "tx": _text(made.keys.rx),
                    "sinks": [first + other for other in range(size) if other != index],
                }
            )
        filled.append((connections, lines))
    process = await asyncio.create_subprocess_exec(
        *hosts.on_server([sys.executable, "-m", "load.bench.duel.floor"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked = {"profile": "gcm" if profile == GCM_128 else "cm", "peers": peers}
    process.stdin.write(json.dumps(asked).encode() + b"\n")
    await process.stdin.drain()
    await process.stdout.readline()
    try:
        yield process.pid, filled
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def forward(asked: dict[str, Any]) -> None:
    """Forward until ended."""
    number = (
        SrtpProfile.AEAD_AES_128_GCM if asked["profile"] == "gcm" else SrtpProfile.AES128_CM_SHA1_80
    )
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    opened.bind((SERVER_ADDRESS, _PORT))
    ends = [
        (
            (peer["address"][0], peer["address"][1]),
            SrtpSession(_bytes(peer["rx"]), number, is_outbound=False).unprotect,
            SrtpSession(_bytes(peer["tx"]), number, is_outbound=True).protect,
        )
        for peer in asked["peers"]
    ]
    table = {
        address: (unprotect, [(ends[sink][2], ends[sink][0]) for sink in peer["sinks"]])
        for peer, (address, unprotect, _) in zip(asked["peers"], ends, strict=True)
    }
    print("ready", flush=True)
    recvfrom, sendto = opened.recvfrom, opened.sendto
    while True:
        data, addr = recvfrom(2_048)
        if 192 <= data[1] <= 223:
            continue
        unprotect, sinks = table[addr]
        plain = unprotect(data)
        for protect, sink in sinks:
            sendto(protect(plain), sink)


def _fixed_keys(profile: bytes) -> ClientKeys:
    length = sum(KEY_AND_SALT_BYTES[profile])
    return ClientKeys(
        profile=profile, tx=secrets.token_bytes(length), rx=secrets.token_bytes(length)
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


if __name__ == "__main__":
    forward(json.loads(sys.stdin.readline()))
