"""The worker as a process: both lanes, nudged, stopped by SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve

from telehealth.contract import ControlDone, RoomCommand
from telehealth.delivery.lifecycle import EntryState
from telehealth.delivery.nudge import nudger
from telehealth.platform.clock import SystemClock
from telehealth.platform.config import WorkerSettings
from telehealth.platform.db import Database
from telehealth.platform.sealing.providers import Mode
from telehealth.platform.sealing.settings import ProviderKind
from telehealth.platform.signing import make_partner_key_file
from telehealth.worker import KeyFileMissing, deliver_until_told
from tests.support.ledger import entries, owe_chart, owe_room
from tests.support.sandbox_ehr import running_sandbox_ehr
from tests.support.sealing import (
    keys_database_url,
    open_database,
    root_key_file,
    sealing_environment,
)

KEY: Final = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
RUN: Final = "from telehealth.worker import work; work()"


async def speak(socket: ServerConnection) -> None:
    """Be a signaling node that acknowledges everything."""
    await socket.recv()
    await socket.send(ControlDone(command_id=None).model_dump_json())
    async for frame in socket:
        command = RoomCommand.model_validate_json(frame)
        await socket.send(ControlDone(command_id=command.command_id).model_dump_json())


@asynccontextmanager
async def running_worker(**environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN),
        env={
            "PATH": os.environ.get("PATH", ""),
            "TELEHEALTH_EHR_CLIENT_ID": "telehealth",
            "TELEHEALTH_EHR_PATIENT_SYSTEM": "urn:demo:medical-record-number",
            "TELEHEALTH_DEPLOYMENT": "demo",
            "TELEHEALTH_SIGNALING_KEY": KEY,
            **environment,
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_confirmed(database: Database, number: int) -> None:
    async with asyncio.timeout(30):
        while await confirmed(database) < number:  # noqa: ASYNC110  (the worker is a process)
            await asyncio.sleep(0.02)


async def confirmed(database: Database) -> int:
    return sum(entry.state is EntryState.CONFIRMED for entry in await entries(database))


async def test_the_worker_delivers_on_both_lanes_and_stops_when_told(
    database_url: str, tmp_path: Path
) -> None:
    key_file, nudge = tmp_path / "ehr_client.json", tmp_path / "worker.sock"
    make_partner_key_file(key_file)
    database = open_database(database_url, wake_worker=nudger(nudge))
    clock, visit = SystemClock(), uuid4()
    server = await serve(speak, "127.0.0.1", 0)
    [listener] = server.sockets
    with running_sandbox_ehr("--client-key", str(key_file)) as ehr:
        async with running_worker(
            TELEHEALTH_DATABASE_URL=database_url,
            **sealing_environment(database_url),
            TELEHEALTH_NUDGE_SOCKET=str(nudge),
            TELEHEALTH_SIGNALING_CONTROL_URLS=(
                f'["ws://127.0.0.1:{listener.getsockname()[1]}/control/visit"]'
            ),
            TELEHEALTH_EHR_BASE_URL=ehr.base_url,
            TELEHEALTH_EHR_KEY_FILE=str(key_file),
        ) as worker:
            await owe_chart(database, clock, visit)
            await until_confirmed(database, 2)
            began = asyncio.get_running_loop().time()
            await owe_room(database, clock, visit)
            await until_confirmed(database, 3)
            took_s = asyncio.get_running_loop().time() - began
            worker.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                code = await worker.wait()
        made = ehr.created()
    print(f"a room command took {took_s * 1000:.0f} ms from its record to its confirmation")

    assert made == ["Encounter", "DocumentReference"]
    assert code == 0
    assert not nudge.exists()
    server.close()
    await server.wait_closed()
    await database.close()


async def test_an_ehr_elsewhere_without_a_key_is_refused(sqlite_url: str) -> None:
    """Patients' data would travel unauthenticated."""
    settings = WorkerSettings(
        database_url=SecretStr(sqlite_url),
        mode=Mode.DEVELOPMENT,
        keys_database_url=SecretStr(keys_database_url(sqlite_url)),
        key_provider=ProviderKind.LOCAL_FILE,
        root_key_file=root_key_file(sqlite_url),
        signaling_control_urls=["ws://127.0.0.1:9/control/visit"],
        signaling_key=SecretStr(KEY),
        ehr_base_url="https://ehr.example/fhir",
        ehr_client_id="telehealth",
        ehr_patient_system="urn:demo:medical-record-number",
        deployment="demo",
    )

    with pytest.raises(KeyFileMissing):
        await deliver_until_told(settings)
