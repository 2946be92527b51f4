"""`telehealth serve`, `migrate`, `keys make` and `audit verify` as an operator runs them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from sqlalchemy import text

from tests.support.app_client import SERVICE_KEY
from tests.support.clinic import invent_clinic
from tests.support.clock import MORNING
from tests.support.sealing import open_database, sealing_environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(sqlite_url: str, tmp_path: Path) -> Mapping[str, str]:
    public = free_port()
    return {
        "PATH": os.environ["PATH"],
        "TELEHEALTH_DATABASE_URL": sqlite_url,
        **sealing_environment(sqlite_url),
        "TELEHEALTH_LISTEN": f"127.0.0.1:{public}",
        "TELEHEALTH_INTERNAL_LISTEN": f"127.0.0.1:{free_port()}",
        "TELEHEALTH_PUBLIC_ORIGIN": f"http://localhost:{public}",
        "TELEHEALTH_ALLOWED_ORIGINS": f'["http://localhost:{public}"]',
        "TELEHEALTH_SIGNALING_SOCKET_URL": "ws://localhost:1/v1/socket",
        "TELEHEALTH_KEYS_FILE": str(tmp_path / "keys.json"),
        "TELEHEALTH_SERVICE_KEY": SERVICE_KEY,
        "TELEHEALTH_REDIS_URL": "unix:///nowhere/redis.sock",
    }


def command(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "telehealth.cli", *words],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "telehealth.cli", "serve"],
        env=dict(environment),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ready = f"http://{environment['TELEHEALTH_INTERNAL_LISTEN']}/readyz"
        give_up_at = monotonic() + 60
        while True:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert monotonic() < give_up_at
            try:
                if httpx.get(ready, trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                sleep(0.1)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_serves_both_ports_and_ends_in_time(environment: Mapping[str, str]) -> None:
    assert command(environment, "keys", "make", environment["TELEHEALTH_KEYS_FILE"]).returncode == 0
    with serving(environment) as process:
        address = environment["TELEHEALTH_LISTEN"]
        host = environment["TELEHEALTH_PUBLIC_ORIGIN"].removeprefix("http://")
        known = httpx.get(f"http://{address}/v1/me", headers={"host": host}, trust_env=False)
        other = httpx.get(f"http://{address}/v1/me?birth=1984", trust_env=False)

        started = monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=15)

    assert (known.status_code, known.json()["code"]) == (401, "access.not_signed_in")
    assert "strict-transport-security" not in known.headers
    assert "server" not in known.headers
    assert (other.status_code, other.json()["code"]) == (421, "request.wrong_host")
    assert monotonic() - started < 10
    assert process.returncode == 0
    assert "127.0.0.1" not in said
    assert "1984" not in said


def test_a_taken_port_is_told(environment: Mapping[str, str]) -> None:
    command(environment, "keys", "make", environment["TELEHEALTH_KEYS_FILE"])
    host, _, port = environment["TELEHEALTH_LISTEN"].partition(":")
    with socket.create_server((host, int(port))):
        ended = command(environment, "serve")

    assert ended.returncode == 1
    assert environment["TELEHEALTH_LISTEN"] in ended.stderr


def test_settings_that_are_missing_are_named_and_none_is_shown(
    environment: Mapping[str, str],
) -> None:
    broken = {**environment, "TELEHEALTH_PUBLIC_ORIGIN": "http://secret.example.org"}
    del broken["TELEHEALTH_KEYS_FILE"]

    ended = command(broken, "serve")

    assert ended.returncode == 2
    assert "TELEHEALTH_KEYS_FILE: Field required" in ended.stderr
    assert "TELEHEALTH_PUBLIC_ORIGIN" in ended.stderr
    assert "secret.example" not in ended.stderr
    assert SERVICE_KEY not in ended.stderr


def test_without_keys_it_does_not_start(environment: Mapping[str, str]) -> None:
    ended = command(environment, "serve")

    assert ended.returncode == 1
    assert "keys.json" in ended.stderr


async def test_the_audit_trail_is_checked_from_the_command_line(
    environment: Mapping[str, str],
) -> None:
    database = open_database(environment["TELEHEALTH_DATABASE_URL"])
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=MORNING)
    whole = command(environment, "audit", "verify")
    async with database.unit_of_work() as uow:
        await uow.session.execute(text("DROP TRIGGER audit_entries_stay_unchanged"))
        await uow.session.execute(text("UPDATE audit_entries SET event = 'x' WHERE seq = 3"))
    broken = command(environment, "audit", "verify")
    after = command(environment, "audit", "verify", "--since", "2031-01-01")
    misused = command(environment, "audit", "verify", "--since", "yesterday")
    async with database.reading() as session:
        events = list(await session.scalars(text("SELECT event FROM audit_entries ORDER BY seq")))
    await database.close()

    assert whole.returncode == 0
    assert f"clinic {clinic.clinic_id}: whole, 6 entries" in whole.stdout
    assert broken.returncode == 3
    assert f"clinic {clinic.clinic_id}: broken at entry 3" in broken.stderr
    assert after.returncode == 0
    assert misused.returncode == 2
    assert events[-3:] == ["audit.verified"] * 3


def test_keys_are_made_once(environment: Mapping[str, str]) -> None:
    file = environment["TELEHEALTH_KEYS_FILE"]

    assert command(environment, "keys", "make", file).returncode == 0
    before = Path(file).read_text()
    assert command(environment, "keys", "make", file).returncode == 2
    assert Path(file).read_text() == before


async def test_keys_are_rotated_and_a_patient_erased_from_the_command_line(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    database = open_database(environment["TELEHEALTH_DATABASE_URL"])
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=MORNING)
    whom = (str(clinic.clinic_id), str(clinic.patient_id))

    rotated = command(environment, "keys", "rotate-data")
    erased = command(environment, "keys", "erase-patient", *whom)
    unknown = command(environment, "keys", "erase-patient", whom[0], whom[0])
    made = command(environment, "keys", "make-root", str(tmp_path / "root.json"))
    again = command(environment, "keys", "make-root", str(tmp_path / "root.json"))
    unsafe = command({**environment, "TELEHEALTH_MODE": "production"}, "keys", "rotate-data")

    assert (rotated.returncode, erased.returncode, unknown.returncode) == (0, 0, 2)
    assert "values sealed again" in rotated.stdout
    assert (made.returncode, again.returncode, unsafe.returncode) == (0, 2, 2)
    assert "refused in production" in unsafe.stderr
    await database.close()
