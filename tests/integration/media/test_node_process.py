"""A whole media node: as an application in this loop, and as the process an operator runs."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from redis.asyncio import Redis

from media import app
from media.app import Application, running
from media.config import MediaSettings
from media.contract.control import ControlWelcome, NodeDraining, RoomLost
from tests.support.control_client import a_key, control_client, control_token
from tests.support.headless_peer import HeadlessPeer
from tests.support.media_commands import attach, close_room, offer, open_room
from tests.support.media_lab import until
from tests.support.redis import RedisServer

KEY = a_key()
SERVE = [sys.executable, "-c", "from media.cli import app; app()", "serve"]


def environment(redis_url: str, **changed: str) -> dict[str, str]:
    facts = {
        "MEDIA_NODE_ID": "node-1",
        "MEDIA_LISTEN_ADDRESS": "127.0.0.1",
        "MEDIA_PORT": "0",
        "MEDIA_PUBLIC_ADDRESS": "127.0.0.1",
        "MEDIA_CONTROL_LISTEN": "127.0.0.1:0",
        "MEDIA_CONTROL_URL": "ws://127.0.0.1:1/",
        "MEDIA_CONTROL_KEY": KEY,
        "MEDIA_REDIS_URL": redis_url,
        "MEDIA_DRAIN_LIMIT_S": "0.3",
    }
    return facts | changed


def settings(redis_url: str, **changed: str) -> MediaSettings:
    named = environment(redis_url, **changed)
    return MediaSettings.model_validate(
        {name.removeprefix("MEDIA_").lower(): value for name, value in named.items()}
    )


async def status_of(application: Application, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", application.control.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    status = int((await reader.read()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


async def test_a_node_is_found_joined_and_gone_again(shared_redis: RedisServer) -> None:
    redis = Redis.from_url(shared_redis.url)
    async with running(settings(shared_redis.url)) as application:
        await until(lambda: application._registry.is_fresh)
        beat = json.loads(await redis.get("sig:media:node:node-1") or "")
        life_ms = await redis.pttl("sig:media:node:node-1")
        listed = await redis.zrange("sig:media:nodes", 0, -1)
        async with control_client(application.control.port) as signaling:
            welcome = await signaling.hello(control_token(KEY, "node-1"))
            await signaling.say(open_room())
            await signaling.say(attach("ann"))
            peer = HeadlessPeer("ann")
            answered = await signaling.done(offer("ann", peer.offer()))
            await peer.connect(answered.sdp or "")
            await peer.close()
            assert await status_of(application, "/readyz") == 200

    assert (beat["boot_id"], beat["is_draining"], beat["rooms"]) == (application.boot_id, False, 0)
    assert set(beat) == {
        "node_id",
        "boot_id",
        "control_url",
        "load",
        "rooms",
        "seats_max",
        "is_draining",
    }
    assert 0 < life_ms <= 3_000
    assert b"node-1" in listed
    assert isinstance(welcome, ControlWelcome)
    assert welcome.boot_id == application.boot_id
    assert await redis.get("sig:media:node:node-1") is None
    await redis.aclose()
    assert gc.isenabled()


async def test_a_silent_redis_ends_no_room_and_readiness_only(redis_server: RedisServer) -> None:
    async with running(settings(redis_server.url)) as application:
        await until(lambda: application._registry.is_fresh)
        async with control_client(application.control.port) as signaling:
            await signaling.hello(control_token(KEY, "node-1"))
            await signaling.say(open_room())
            redis_server.stop()
            await until(lambda: not application._registry.is_fresh, within_s=6.0)

            assert await status_of(application, "/readyz") == 503
            assert await status_of(application, "/healthz") == 200
            assert application.node.rooms == 1

            redis_server.start()
            await until(lambda: application._registry.is_fresh, within_s=6.0)
            assert await status_of(application, "/readyz") == 200


async def test_a_draining_node_waits_for_its_rooms_but_not_for_ever(
    shared_redis: RedisServer,
) -> None:
    async with (
        running(settings(shared_redis.url)) as application,
        control_client(application.control.port) as signaling,
    ):
        await signaling.hello(control_token(KEY, "node-1"))
        await signaling.say(open_room())
        draining = asyncio.create_task(application.drain())
        told = await signaling.read()
        refused = await signaling.say(open_room("room-2"))
        assert await status_of(application, "/readyz") == 503
        await signaling.say(close_room())
        async with asyncio.timeout(0.2):
            await draining

    assert isinstance(told, NodeDraining)
    assert told.ends_in_ms == 300
    assert getattr(refused, "code", None) == "draining"


async def test_a_certificate_about_to_run_out_makes_the_node_unready(
    shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever watches readiness starts it again in time: a new boot has a new certificate."""
    async with running(settings(shared_redis.url)) as application:
        await until(lambda: application._registry.is_fresh)
        before = await status_of(application, "/readyz")
        page = application._metrics()
        monkeypatch.setattr(app, "CERTIFICATE_MARGIN", timedelta(days=31))

        assert (before, await status_of(application, "/readyz")) == (200, 503)
        assert await status_of(application, "/healthz") == 200
        for name in ("certificate_left_seconds", "gc_pause_ms", "loop_lag_p99_seconds"):
            assert f"\nmedia_{name} " in page


async def test_rooms_of_a_stopping_node_are_said_to_be_lost(shared_redis: RedisServer) -> None:
    application = Application(settings(shared_redis.url))
    await application.start()
    async with control_client(application.control.port) as signaling:
        await signaling.hello(control_token(KEY, "node-1"))
        await signaling.say(open_room())
        stopping = asyncio.create_task(application.stop())

        draining, lost = await signaling.read(), await signaling.read()

        await stopping
    assert isinstance(draining, NodeDraining)
    assert isinstance(lost, RoomLost)
    assert lost.cause == "drained"


async def test_a_fault_in_a_task_of_the_node_is_noted_and_ends_nothing(
    shared_redis: RedisServer,
) -> None:
    async def failing() -> None:
        raise RuntimeError("injected")

    async with running(settings(shared_redis.url)) as application:
        application._spawn(failing())
        await asyncio.sleep(0.05)

        assert application._tasks == set()
        assert await status_of(application, "/healthz") == 200


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def run(facts: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    whole = {"PATH": os.environ["PATH"], **facts}
    return subprocess.run(SERVE, env=whole, capture_output=True, text=True, timeout=30, check=False)


def test_the_process_serves_until_told_and_logs_no_address(shared_redis: RedisServer) -> None:
    whole = {"PATH": os.environ["PATH"], **environment(shared_redis.url)}
    process = subprocess.Popen(
        SERVE, env=whole, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    started = process.stderr.readline()
    limits = Path(f"/proc/{process.pid}/limits").read_text()

    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=10)[1]

    assert process.returncode == 0
    assert json.loads(started)["event"] == "node.started"
    events = [json.loads(line)["event"] for line in rest.splitlines()]
    assert events[-1] == "node.stopped"
    assert "127.0.0.1" not in started + rest
    assert KEY not in started + rest
    (core_line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core_line.split()[4:6] == ["0", "0"]


def test_settings_that_are_missing_are_named_and_values_never() -> None:
    facts = environment("redis://127.0.0.1:1/0", MEDIA_PORT="canary-port")
    del facts["MEDIA_CONTROL_KEY"]

    ended = run(facts)

    assert ended.returncode == 2
    assert "MEDIA_CONTROL_KEY" in ended.stderr
    assert "MEDIA_PORT" in ended.stderr
    assert "canary-port" not in ended.stderr


def test_a_key_of_the_wrong_size_is_bad_usage() -> None:
    ended = run(environment("redis://127.0.0.1:1/0", MEDIA_CONTROL_KEY="c2hvcnQ"))

    assert ended.returncode == 2
    assert "MEDIA_CONTROL_KEY" in ended.stderr
    assert "c2hvcnQ" not in ended.stderr


def test_a_taken_port_is_said_plainly(taken_port: int) -> None:
    ended = run(
        environment("redis://127.0.0.1:1/0", MEDIA_CONTROL_LISTEN=f"127.0.0.1:{taken_port}")
    )

    assert ended.returncode == 3
    assert "cannot listen" in ended.stderr


def test_an_address_that_is_not_ours_is_said_plainly() -> None:
    ended = run(environment("redis://127.0.0.1:1/0", MEDIA_LISTEN_ADDRESS="192.0.2.77"))

    assert ended.returncode == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"MEDIA_LISTEN_ADDRESS": "0.0.0.0"},  # noqa: S104  (it must be refused)
        {"MEDIA_LISTEN_ADDRESS_V6": "::", "MEDIA_PUBLIC_ADDRESS_V6": "2001:db8::1"},
        {"MEDIA_LISTEN_ADDRESS_V6": "::1"},
        {"MEDIA_NODE_ID": "a/b"},
        {"MEDIA_CONTROL_LISTEN": "127.0.0.1"},
        {"MEDIA_CONTROL_URL": "http://127.0.0.1"},
    ],
    ids=str,
)
def test_a_setting_that_would_break_calls_quietly_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings("redis://127.0.0.1:1/0", **changed)


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    assert KEY not in repr(settings("redis://:canary@127.0.0.1:1/0"))
    assert "canary" not in repr(settings("redis://:canary@127.0.0.1:1/0"))
