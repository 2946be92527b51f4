"""What an operator sees and does at a running node, and what a recording of it holds."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from media.app import Application, running
from media.cli import app
from media.config import MediaSettings
from media.contract.control import NodeDraining
from tests.integration.media.test_node_process import KEY, settings
from tests.support.control_client import ControlClient, control_client, control_token
from tests.support.headless_peer import HeadlessPeer
from tests.support.media_commands import ROOM, ack, attach, offer, open_room, publish, wants
from tests.support.media_lab import until
from tests.support.redis import RedisServer


@pytest.fixture
async def node(shared_redis: RedisServer, tmp_path: Path) -> AsyncIterator[Application]:
    folder = tmp_path / "recordings"
    folder.mkdir()
    chosen = settings(
        shared_redis.url,
        MEDIA_OPERATOR_SOCKET=str(tmp_path / "door"),
        MEDIA_RECORD_FOLDER=str(folder),
        MEDIA_LOAD_MAX="0",
    )
    async with running(chosen) as application:
        yield application


@pytest.fixture
async def signaling(node: Application) -> AsyncIterator[ControlClient]:
    async with control_client(node.control.port) as made:
        await made.hello(control_token(KEY, "node-1"))
        yield made


async def media(*words: str, door: Path) -> tuple[int, str]:
    """Give an operator's command; its exit code and what it said."""
    ran = await asyncio.to_thread(
        CliRunner().invoke, app, words, env={"MEDIA_OPERATOR_SOCKET": str(door)}
    )
    # The node runs in this process too, and logs to the same place.
    own = [line for line in ran.output.splitlines() if "[info " not in line]
    return ran.exit_code, "\n".join(own)


async def a_call(signaling: ControlClient) -> tuple[HeadlessPeer, HeadlessPeer]:
    patient, provider = HeadlessPeer("patient"), HeadlessPeer("provider")
    await signaling.done(open_room())
    for peer in (patient, provider):
        await signaling.done(attach(peer.name))
        answered = await signaling.done(offer(peer.name, peer.offer()))
        await peer.connect(answered.sdp or "")
    await signaling.done(publish("patient"))
    await signaling.done(wants("provider", "patient.mic"))
    told = await signaling.map_of("provider")
    await signaling.done(ack("provider", told.map_id))
    return patient, provider


async def test_a_room_is_shown_with_everything_but_addresses(
    node: Application, signaling: ControlClient, tmp_path: Path
) -> None:
    patient, provider = await a_call(signaling)
    for _ in range(5):
        patient.send_audio()
    await until(lambda: node.engine.counters()["packets_out"] >= 5)

    code, told = await media("inspect-room", ROOM, door=tmp_path / "door")

    shown = json.loads(told)
    assert code == 0
    assert (shown["room_id"], shown["room_epoch"], shown["is_confirmed"]) == (ROOM, 1, True)
    seats = {each["seat"]["participant_id"]: each for each in shown["seats"]}
    assert seats["patient"]["seat"]["publications"] == ["patient.mic"]
    assert seats["provider"]["seat"]["path"] == "live"
    filled = [each for each in seats["provider"]["slots"] if each["publication_id"]]
    assert [(each["publication_id"], each["is_routed"]) for each in filled] == [
        ("patient.mic", True)
    ]
    assert shown["counters"]["packets_out"] >= 5
    assert "127.0.0.1" not in told
    for peer in (patient, provider):
        assert peer.plan.ufrag not in told
        await peer.close()


async def test_the_door_is_the_owners_alone_and_gone_afterwards(
    shared_redis: RedisServer, tmp_path: Path
) -> None:
    door = tmp_path / "door"
    door.write_text("left by a process that was killed")
    chosen: MediaSettings = settings(shared_redis.url, MEDIA_OPERATOR_SOCKET=str(door))

    async with running(chosen):
        mode = door.stat().st_mode
        unknown = await media("inspect-room", "nobody", door=door)
        cannot = await media("record", door=door)

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert (unknown[0], "unknown_room" in unknown[1]) == (1, True)
    assert (cannot[0], "no_record_folder" in cannot[1]) == (1, True)
    assert not door.exists()
    assert (await media("drain", door=door))[0] == 3


async def test_a_folder_that_is_not_there_is_no_place_to_record(
    shared_redis: RedisServer, tmp_path: Path
) -> None:
    door = tmp_path / "door"
    chosen = settings(
        shared_redis.url,
        MEDIA_OPERATOR_SOCKET=str(door),
        MEDIA_RECORD_FOLDER=str(tmp_path / "nowhere"),
    )
    async with running(chosen):
        assert (await media("record", door=door))[0] == 1


async def test_what_is_no_question_is_answered_so(node: Application, tmp_path: Path) -> None:
    del node
    reader, writer = await asyncio.open_unix_connection(tmp_path / "door")
    writer.write(b'{"ask":"fly"}\n')

    assert json.loads(await reader.read())["code"] == "bad_question"
    writer.close()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "door")
    writer.write(b"x" * 10_000)
    assert await reader.read() == b""
    writer.close()


async def test_an_operator_drains_a_node_and_signaling_hears_it(
    node: Application, signaling: ControlClient, tmp_path: Path
) -> None:
    code, told = await media("drain", door=tmp_path / "door")

    assert (code, json.loads(told)["is_draining"]) == (0, True)
    assert isinstance(await signaling.read(), NodeDraining)
    assert node.node.is_draining


async def test_a_recorded_call_replays_to_the_same_effects_and_names_nobody(
    node: Application, signaling: ControlClient, tmp_path: Path
) -> None:
    door = tmp_path / "door"
    await media("record", "--on", door=door)
    patient, provider = await a_call(signaling)
    patient.send_audio()
    await asyncio.sleep(0.3)
    restarted = patient.offer().replace(patient.plan.ufrag, "restarted")
    answered = await signaling.done(offer("patient", restarted, offer_id=2))
    patient.restart("restarted", answered.sdp or "")
    await until(lambda: patient.answered_since_restart)
    for peer in (patient, provider):
        await peer.close()
    code, told = await media("record", "--off", door=door)
    (recording,) = (tmp_path / "recordings").iterdir()

    replayed = await media("replay", str(recording), door=door)
    text = recording.read_text()
    quiet = await media("replay", "--quiet", str(recording), door=door)

    assert (code, json.loads(told)["is_recording"]) == (0, False)
    assert replayed[0] == 0, replayed[1]
    assert "RouteChanged" in replayed[1]
    assert quiet[1].strip().endswith("0 with other effects than recorded")
    assert stat.S_IMODE(recording.stat().st_mode) == 0o600
    for secret in ("127.0.0.1", patient.plan.ufrag, patient.plan.password, "restarted"):
        assert secret not in text
    del node


def test_a_file_that_is_no_recording_is_said_plainly(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("nothing of ours\n")

    ended = CliRunner().invoke(app, ["replay", str(file)])

    assert ended.exit_code == 2
    assert "not a recording" in ended.output
