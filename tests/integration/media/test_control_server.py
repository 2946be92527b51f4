import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from media.contract.control import (
    CommandRefused,
    ControlCommand,
    ControlWelcome,
    Done,
    RefusalCode,
)
from media.shell.control_server import ControlServer, TokenCheck, key_from_text
from media.shell.metrics import rendered
from tests.support.control_client import ControlClient, a_key, control_client, control_token
from tests.support.media_commands import attach, open_room
from tests.support.media_lab import MediaLab, media_lab

KEY = a_key()


class Served:
    """A control port over a lab's node."""

    def __init__(self, lab: MediaLab) -> None:
        self.lab = lab
        self.is_ready = True
        self.server = ControlServer(
            node=lab.node,
            check_token=TokenCheck(key=key_from_text(KEY), node_id="node-1"),
            welcome=ControlWelcome(node_id="node-1", boot_id="b", seats_max=12),
            is_ready=lambda: self.is_ready,
            metrics=lambda: rendered(lab.mux.counters(), lab.node.gauges()),
        )

    async def page(self, path: str) -> tuple[int, str]:
        """Ask by plain HTTP; status and body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        whole = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        head, _, body = whole.partition("\r\n\r\n")
        return int(head.split()[1]), body


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with media_lab() as lab:
        made = Served(lab)
        await made.server.start("127.0.0.1", 0)
        yield made
        await made.server.stop()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[ControlClient]:
    async with control_client(served.server.port) as made:
        welcome = await made.hello(control_token(KEY, "node-1"))
        assert welcome == ControlWelcome(node_id="node-1", boot_id="b", seats_max=12)
        yield made


async def test_a_command_is_done_and_its_repeat_over_another_channel_too(
    served: Served, client: ControlClient
) -> None:
    command = open_room()

    assert await client.say(command) == Done(request_id=command.request_id)
    async with control_client(served.server.port) as other:
        await other.hello(control_token(KEY, "node-1"))
        assert await other.say(command) == Done(request_id=command.request_id)
    assert served.lab.node.rooms == 1


async def test_rooms_outlive_the_channel_that_opened_them(served: Served) -> None:
    async with control_client(served.server.port) as first:
        await first.hello(control_token(KEY, "node-1"))
        await first.say(open_room())
        await first.say(attach("ann"))

    await asyncio.sleep(0.05)

    assert (served.lab.node.rooms, served.lab.node.peers) == (1, 1)


def seconds_from_now(passing: int) -> int:
    return int(time.time()) + passing


# Made when shown: one drawn at import would be refused for its age, whatever else is wrong with it.
BAD_TOKENS: dict[str, Callable[[], str]] = {
    "other key": lambda: control_token(a_key(), "node-1"),
    "other node": lambda: control_token(KEY, "node-2"),
    "other type": lambda: control_token(KEY, "node-1", typ="service+jwt"),
    "no type": lambda: control_token(KEY, "node-1", typ=""),
    "other algorithm": lambda: control_token(KEY, "node-1", algorithm="HS512"),
    "too long a life": lambda: changed_token(exp=seconds_from_now(300)),
    "expired": lambda: changed_token(iat=seconds_from_now(-120), exp=seconds_from_now(-60)),
    "from the future": lambda: changed_token(iat=seconds_from_now(90), exp=seconds_from_now(120)),
    "no expiry": lambda: changed_token(exp=None),
    "no issue": lambda: changed_token(iat=None),
    "no audience": lambda: changed_token(aud=None),
    "no issuer": lambda: changed_token(iss=None),
    "an audience of several": lambda: changed_token(aud=["x", "y"]),
    "life as text": lambda: changed_token(exp="soon"),
    "unsigned": lambda: "eyJhbGciOiJub25lIn0.e30.",
    "no token": lambda: "x",
}


def changed_token(**changed: object) -> str:
    """Sign a token that is right but for these claims; None leaves one out."""
    return control_token(KEY, "node-1", changed=changed)


@pytest.mark.parametrize("case", BAD_TOKENS)
async def test_a_wrong_token_closes_the_channel(served: Served, case: str) -> None:
    async with control_client(served.server.port) as made:
        with pytest.raises(ConnectionClosed) as closed:
            await made.hello(BAD_TOKENS[case]())

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "not_authenticated")


@pytest.mark.parametrize("first", ['{"type":"open-room"}', "nonsense", "[]", b"\x00"], ids=str)
async def test_a_first_frame_that_is_no_hello_closes_the_channel(
    served: Served, first: str | bytes
) -> None:
    async with control_client(served.server.port) as made:
        await made.socket.send(first)
        with pytest.raises(ConnectionClosed):
            await made.read()


async def test_a_command_before_the_hello_closes_the_channel(served: Served) -> None:
    async with control_client(served.server.port) as made:
        with pytest.raises(ConnectionClosed):
            await made.say(open_room())
    assert served.lab.node.rooms == 0


async def test_a_channel_that_says_nothing_is_closed_after_three_seconds(served: Served) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with control_client(served.server.port) as made:
        with pytest.raises(ConnectionClosed):
            await made.read()

    assert 2.5 < loop.time() - began < 4.5


async def test_a_channel_that_answers_no_ping_is_closed(served: Served) -> None:
    """Its process may be stopped; the rooms go on without it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    writer.write(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: telehealth.media.v1\r\n"
        + f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    frame = json.dumps({"type": "hello", "token": control_token(KEY, "node-1")}).encode()
    writer.write(bytes([0x81, 0xFE]) + len(frame).to_bytes(2, "big") + bytes(4) + frame)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async with asyncio.timeout(6.0):
        whole = await reader.read()

    assert b"welcome" in whole
    assert 2.5 < loop.time() - began < 5.0
    writer.close()


async def test_a_token_is_renewed_on_the_open_channel(client: ControlClient) -> None:
    again = await client.hello(control_token(KEY, "node-1"))
    refused = await client.hello(control_token(a_key(), "node-1"))

    assert isinstance(again, ControlWelcome)
    assert refused == CommandRefused(request_id=None, code=RefusalCode.NOT_AUTHENTICATED)


@pytest.mark.parametrize(
    ("frame", "request_id", "code"),
    [
        ('{"type":"fly","request_id":"q"}', "q", RefusalCode.UNSUPPORTED_COMMAND),
        ('{"request_id":"q"}', "q", RefusalCode.UNSUPPORTED_COMMAND),
        ('{"type":"open-room","request_id":"q"}', "q", RefusalCode.BAD_COMMAND),
        ('{"type":"open-room","request_id":7}', None, RefusalCode.BAD_COMMAND),
        ("nonsense", None, RefusalCode.BAD_COMMAND),
        (b'{"type":"open-room"}', None, RefusalCode.BAD_COMMAND),
    ],
    ids=str,
)
async def test_a_frame_that_cannot_be_obeyed_is_refused_by_name(
    client: ControlClient, frame: str | bytes, request_id: str | None, code: RefusalCode
) -> None:
    await client.socket.send(frame)

    answer = await client.read()

    if isinstance(frame, bytes):
        assert isinstance(answer, CommandRefused)
    else:
        assert answer == CommandRefused(request_id=request_id, code=code)


async def test_a_channel_that_keeps_breaking_the_protocol_is_closed(client: ControlClient) -> None:
    for _ in range(9):
        await client.socket.send("nonsense")
        await client.read()
    await client.socket.send("nonsense")

    with pytest.raises(ConnectionClosed):
        await client.read()


async def test_a_frame_over_the_cap_closes_the_channel(client: ControlClient) -> None:
    await client.socket.send("x" * 200_000)

    with pytest.raises(ConnectionClosed) as closed:
        await client.read()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_fault_of_ours_ends_a_command_and_not_the_node(
    served: Served, client: ControlClient
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("injected")

    command: ControlCommand = open_room()
    served.lab.node.execute = failing  # type: ignore[assignment,method-assign]

    assert await client.say(command) == CommandRefused(
        request_id=command.request_id, code=RefusalCode.INTERNAL
    )


async def test_a_handshake_without_our_subprotocol_is_refused(served: Served) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://127.0.0.1:{served.server.port}/", proxy=None):
            pass


async def test_health_asks_nobody_and_readiness_asks_the_registry(served: Served) -> None:
    assert await served.page("/healthz") == (200, "ok\n")
    assert await served.page("/readyz") == (200, "ok\n")
    served.is_ready = False
    assert await served.page("/readyz") == (503, "not yet\n")
    assert await served.page("/healthz") == (200, "ok\n")


async def test_the_metrics_name_no_person_room_or_address(
    served: Served, client: ControlClient
) -> None:
    await client.say(open_room("visit-canary"))
    await client.say(attach("person-canary", room_id="visit-canary"))

    status, body = await served.page("/metrics")

    assert status == 200
    assert "media_rooms 1" in body
    assert "media_bad_datagram_total 0" in body
    assert "canary" not in body
    assert "127.0.0.1" not in body


@pytest.mark.parametrize("text", ["", "short", "é" * 43, "A" * 42, "A" * 60], ids=repr)
def test_a_key_that_is_not_thirty_two_bytes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="control key"):
        key_from_text(text)
