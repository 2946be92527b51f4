"""Rooms hear their commands over control sockets to every signaling node."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from telehealth.contract import (
    SIGNALING_AUDIENCE,
    VISIT_SERVICE_AUDIENCE,
    ClinicId,
    ControlDone,
    ControlHello,
    RoomCommand,
    RoomCommandKind,
)
from telehealth.delivery.lanes import EntryKind
from telehealth.delivery.ports import Done, NotFound, OutcomeCode, OwedEntry, Refused, TryLater
from telehealth.delivery.ports import Unknown as UnknownOutcome
from telehealth.delivery.room_link import RoomLink
from telehealth.platform.clock import SystemClock
from telehealth.platform.signing import verify_service_token

KEY = bytes(range(32))
VISIT, SEAT = uuid4(), uuid4()


class FakeSignalingNode:
    """Speaks the server's side of `/control/visit`; keeps what it heard."""

    def __init__(self, *, is_mute: bool = False) -> None:
        self.is_mute = is_mute
        self.heard: list[RoomCommand] = []
        self.hellos = 0
        self.connected = asyncio.Event()
        self._server: Server | None = None

    async def speak(self, socket: ServerConnection) -> None:
        hello = ControlHello.model_validate_json(await socket.recv())
        verify_service_token(
            hello.token,
            key=KEY,
            issuer=VISIT_SERVICE_AUDIENCE,
            audience=SIGNALING_AUDIENCE,
            now=SystemClock().now(),
        )
        self.hellos += 1
        await socket.send(ControlDone(command_id=None).model_dump_json())
        self.connected.set()
        async for frame in socket:
            command = RoomCommand.model_validate_json(frame)
            self.heard.append(command)
            if self.is_mute:
                await socket.close()
                return
            await socket.send(ControlDone(command_id=command.command_id).model_dump_json())


@asynccontextmanager
async def linked(*nodes: FakeSignalingNode, also: Sequence[str] = ()) -> AsyncIterator[RoomLink]:
    """Run the nodes and a link to them (and to addresses where nobody listens)."""
    servers = [await serve(node.speak, "127.0.0.1", 0) for node in nodes]
    urls = [f"ws://127.0.0.1:{port_of(server)}/control/visit" for server in servers]
    link = RoomLink([*urls, *also], key=KEY, clock=SystemClock())
    running = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        for server in servers:
            server.close()
            await server.wait_closed()


def port_of(server: Server) -> int:
    [socket] = server.sockets
    return int(socket.getsockname()[1])


def an_entry(
    kind: EntryKind = EntryKind.ROOM_CALLED_IN,
    *,
    participant: str | None = str(SEAT),
    send_before_s: float = float("inf"),
) -> OwedEntry:
    return OwedEntry(
        entry_id=uuid4(),
        clinic_id=ClinicId(UUID(int=1)),
        subject_id=VISIT,
        kind=kind,
        key="k",
        message_id=uuid4(),
        payload={"visit_id": str(VISIT), "participant_id": participant, "version": "7"},
        send_before_s=send_before_s,
    )


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (EntryKind.ROOM_CALLED_IN, RoomCommandKind.CALLED_IN),
        (EntryKind.ROOM_RETURNED, RoomCommandKind.RETURNED),
        (EntryKind.ROOM_VISIT_CHANGED, RoomCommandKind.VISIT_CHANGED),
        (EntryKind.ROOM_REVOKED, RoomCommandKind.REVOKED),
        (EntryKind.ROOM_ENDED, RoomCommandKind.ENDED),
    ],
)
async def test_a_command_reaches_the_node_and_is_done(
    kind: EntryKind, command: RoomCommandKind
) -> None:
    node, entry = FakeSignalingNode(), an_entry(kind)

    async with linked(node) as link:
        outcome = await link.deliver(entry)

    assert outcome == Done()
    assert node.heard == [
        RoomCommand(
            command_id=entry.message_id,
            kind=command,
            visit_id=VISIT,
            participant_id=SEAT,
            version=7,
        )
    ]


async def test_every_node_hears_it() -> None:
    nodes = FakeSignalingNode(), FakeSignalingNode()

    async with linked(*nodes) as link:
        outcome = await link.deliver(an_entry())

    assert outcome == Done()
    assert [len(node.heard) for node in nodes] == [1, 1]


async def test_a_node_that_is_away_keeps_it_from_being_done_and_not_from_the_others() -> None:
    node = FakeSignalingNode()

    async with linked(node, also=["ws://127.0.0.1:9/control/visit"]) as link:
        outcome = await link.deliver(an_entry())

    assert outcome == UnknownOutcome(code=OutcomeCode.NOT_ACKNOWLEDGED)
    assert len(node.heard) == 1


async def test_with_no_node_at_all_nothing_was_sent() -> None:
    async with linked(also=["ws://127.0.0.1:9/control/visit"]) as link:
        outcome = await link.deliver(an_entry())

    assert outcome == TryLater(code=OutcomeCode.UNREACHABLE)


async def test_a_socket_that_breaks_before_the_answer_leaves_it_unacknowledged() -> None:
    async with linked(FakeSignalingNode(is_mute=True)) as link:
        outcome = await link.deliver(an_entry())

    assert outcome == UnknownOutcome(code=OutcomeCode.NOT_ACKNOWLEDGED)


async def test_a_lost_socket_is_made_again() -> None:
    node = FakeSignalingNode(is_mute=True)

    async with linked(node) as link:
        await link.deliver(an_entry())
        node.is_mute = False
        outcome = await link.deliver(an_entry())

    assert outcome == Done()
    assert node.hellos == 2


async def test_a_late_first_byte_does_not_leave() -> None:
    node = FakeSignalingNode()

    async with linked(node) as link:
        await node.connected.wait()
        outcome = await link.deliver(an_entry(send_before_s=0.0))

    assert outcome == TryLater(code=OutcomeCode.LEASE_SHORT)
    assert node.heard == []


async def test_a_command_for_everybody_names_no_seat() -> None:
    node = FakeSignalingNode()

    async with linked(node) as link:
        await link.deliver(an_entry(EntryKind.ROOM_ENDED, participant=None))

    assert node.heard[0].participant_id is None


async def test_a_payload_that_names_no_seat_properly_is_refused() -> None:
    async with linked(FakeSignalingNode()) as link:
        outcome = await link.deliver(an_entry(participant="nobody"))

    assert outcome == Refused(code=OutcomeCode.CONTENT_UNREADABLE)


async def test_a_repeat_is_harmless_so_nothing_needs_to_be_known() -> None:
    async with linked(FakeSignalingNode()) as link:
        assert await link.find(an_entry()) == NotFound()
        await link.close()


def test_a_link_to_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        RoomLink([], key=KEY, clock=SystemClock())
