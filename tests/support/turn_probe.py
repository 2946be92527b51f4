"""What a client tries through the relay, run on the relay's own host; prints JSON.

`reach`: ask for every forbidden address in every way, with a listener behind each of them.
`quota`: one holder takes what it can, another one comes then.
`expired`: credentials that have run out, and wrong ones.
"""

import json
import select
import socket
import sys
import time
from contextlib import suppress

from signaling.shell.ice_servers import OwnRelay
from tests.support.turn_client import TCP, Credentials, TurnClient
from tests.support.turn_lab import FORBIDDEN, MEDIA_NODE, MULTICAST, PORT, RELAY, SECRET

CANARY_PORT = 7_777
SERVER = (RELAY, PORT)
MARK = b"canary:"


def credentials(subject: str, *, wall: float | None = None) -> Credentials:
    """Credentials as signaling makes them."""
    relay = OwnRelay(urls=("turn:relay.clinic.example",), secret=SECRET.encode())
    made = relay.credentials(subject, wall=time.time() if wall is None else wall)
    assert made.username is not None
    assert made.credential is not None
    return Credentials(username=made.username, password=made.credential)


def reach() -> dict[str, object]:
    """Try everything; say what was answered and what arrived where."""
    canaries = [_canary(socket.AF_INET, ""), _canary(socket.AF_INET6, "::")]
    codes: dict[str, list[int]] = {}
    for index, (label, address) in enumerate({**FORBIDDEN, **MULTICAST}.items()):
        client = TurnClient(SERVER, credentials(f"reach-{index}"))
        allocated = client.allocate(is_v6=":" in address)
        code = client.permit(address)
        mark = MARK + label.encode()
        client.send(address, CANARY_PORT, mark)
        bound = client.bind(address, CANARY_PORT, 0x4000)
        client.socket.send(bytes([0x40, 0, 0, len(mark)]) + mark + bytes(-len(mark) % 4))
        tcp = TurnClient(SERVER, credentials(f"tcp-{index}"))
        tcp_allocated = tcp.allocate(transport=TCP)
        with suppress(TimeoutError):
            tcp.connect(address, CANARY_PORT)
        codes[label] = [allocated, code, bound, tcp_allocated]
        client.close()
        tcp.close()
    allowed = TurnClient(SERVER, credentials("allowed"))
    allowed.allocate()
    let = allowed.permit(MEDIA_NODE)
    allowed.send(MEDIA_NODE, CANARY_PORT, MARK + b"media node")
    return {"codes": codes, "media_node": let, "hits": _heard(canaries)}


def quota() -> dict[str, object]:
    """Take 500 allocations under one name, then one under another."""
    holder = credentials("greedy")
    clients = [TurnClient(SERVER, holder) for _ in range(500)]
    codes = [client.allocate() for client in clients]
    started = time.monotonic()
    other = TurnClient(SERVER, credentials("other"))
    other_code = other.allocate()
    took_s = time.monotonic() - started
    return {"given": codes.count(0), "refused": codes.count(486), "other": other_code, "s": took_s}


def expired() -> dict[str, object]:
    """Come with credentials that ran out, were altered, or were made from another secret."""
    late = credentials("late", wall=time.time() - 3_600)
    good = credentials("good")
    longer = Credentials(username=f"{int(time.time()) + 99_999}:good", password=good.password)
    return {
        "good": TurnClient(SERVER, good).allocate(),
        "late": TurnClient(SERVER, late).allocate(),
        "longer": TurnClient(SERVER, longer).allocate(),
    }


def _canary(family: socket.AddressFamily, host: str) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.bind((host, CANARY_PORT))
    return opened


def _heard(canaries: list[socket.socket]) -> list[str]:
    heard: set[str] = set()
    while True:
        ready, _, _ = select.select(canaries, [], [], 0.5)
        if not ready:
            return sorted(heard)
        for each in ready:
            heard.add(each.recv(2_048).removeprefix(MARK).decode())


if __name__ == "__main__":
    print(json.dumps({"reach": reach, "quota": quota, "expired": expired}[sys.argv[1]]()))
