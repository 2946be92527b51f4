"""The demo: the whole product on this machine, with invented people and a simulated chart.

Everything is made through the ordinary actions, so a demo visit is a visit.  A second start
finds the data of the first; a new day gets new appointments.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from telehealth.demo_people import DemoDay, book_day, seed_clinic
from telehealth.identity.passwords import Pepper
from telehealth.migrations.run import upgrade
from telehealth.platform.child_process import ChildNeverReady, ChildPlan, Supervisor
from telehealth.platform.clock import SystemClock
from telehealth.platform.db import Database
from telehealth.platform.readiness import is_healthy
from telehealth.platform.sealing.providers import Mode
from telehealth.platform.sealing.settings import SealingSettings, keyring_from
from telehealth.platform.signing import make_partner_key_file
from telehealth.serve_all import (
    LOOPBACK,
    Place,
    PortTaken,
    child_plans,
    default_database_url,
    free_ports,
    refuse_taken_port,
    run_until_told,
    sealing_environment,
    secrets_of,
)

_SINK_ACCOUNT = "AC" + 32 * "0"
_PEOPLE = Path(__file__).parent / "sandbox" / "people.json"


class DemoSettings(BaseSettings):
    """What a person may choose when starting the demo."""

    port: int = Field(default=8000, ge=1, le=65535, validation_alias="PORT")
    """The one fixed port: pages and REST."""

    data: Path = Field(default=Path(".demo"), validation_alias="DATA")
    """Where database, keys, secrets and logs lie; mode 0700."""

    media_address: str | None = Field(default=None, validation_alias="MEDIA_ADDRESS")
    """Address browsers reach the media node by.  Without one: the default route's interface."""

    media_workers: int = Field(default=2, ge=1, le=64, validation_alias="MEDIA_WORKERS")
    """Media workers, each a process with one UDP port."""

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """Another database than the file in the data directory."""

    ehr_base_url: str | None = Field(default=None, validation_alias="EHR_BASE_URL")
    """Another chart than the simulated one; on loopback only."""


class DemoRefused(Exception):
    """The demo cannot start; the message says what to do."""


def run(settings: DemoSettings) -> None:
    """Run the demo until Ctrl-C.

    Raises:
        DemoRefused: With a sentence for the person at the terminal.
    """
    data = settings.data.resolve()
    try:
        refuse_taken_port(settings.port)
    except PortTaken:
        raise DemoRefused(
            f"Port {settings.port} is taken. Choose another one: PORT={settings.port + 1} make demo"
        ) from None
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_demo_of(data):
        asyncio.run(_run(settings, data))


async def _run(settings: DemoSettings, data: Path) -> None:
    database_url = settings.database_url or default_database_url(data)
    ehr_port = _free_port()
    key_file = None if settings.ehr_base_url else data / "ehr_client.json"
    if key_file is not None and not key_file.exists():
        make_partner_key_file(key_file)
    sink_port = _free_port()
    sink_token = _sink_token(data)
    place = Place(
        messages=_messages(sink_port, sink_token.read_text()),
        data=data,
        port=settings.port,
        media_address=settings.media_address or address_of_default_route(),
        database_url=database_url,
        ehr_base_url=settings.ehr_base_url or f"http://{LOOPBACK}:{ehr_port}/fhir",
        ehr_key_file=key_file,
        mode=Mode.DEMO,
        media_workers=settings.media_workers,
        # Invented people on one machine: a password is enough to look around.
        staff_second_factor="offered",
    )
    secrets_of(data)
    await asyncio.to_thread(upgrade, database_url)
    day = await _people_and_day(data, database_url)
    plans = child_plans(place, free_ports(place.media_workers))
    if key_file is not None:
        plans = [_sandbox_ehr(data, ehr_port, key_file), *plans]
    plans = [_sandbox_messages(sink_port, sink_token), *plans]
    log_path = data / "demo.log"
    print(f"Starting. Logs: {log_path}", flush=True)  # noqa: T201  (a person reads this)
    try:
        await run_until_told(plans, log_path, partial(_announce, place, day))
    except ChildNeverReady as never:
        raise DemoRefused(f"{never}. Its last words are in {log_path}") from None


def _sandbox_ehr(data: Path, port: int, key_file: Path) -> ChildPlan:
    command = [
        *(sys.executable, "-m", "telehealth.sandbox", "ehr"),
        *("--listen", f"{LOOPBACK}:{port}"),
        *("--data", str(data / "sandbox_ehr.json")),
        *("--client-key", str(key_file)),
    ]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"}
    return ChildPlan(
        name="sandbox-ehr",
        command=command,
        environment=environment,
        is_ready=partial(is_healthy, port, "/fhir/metadata"),
    )


def _sandbox_messages(port: int, token_file: Path) -> ChildPlan:
    command = [
        *(sys.executable, "-m", "telehealth.sandbox", "message-sink"),
        *("--listen", f"{LOOPBACK}:{port}"),
        *("--account", _SINK_ACCOUNT),
        *("--token-file", str(token_file)),
    ]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"}
    return ChildPlan(
        name="sandbox-messages",
        command=command,
        environment=environment,
        is_ready=partial(is_healthy, port, "/ledger"),
    )


def _sink_token(data: Path) -> Path:
    path = data / "message_sink_token"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(32))
    return path


def _messages(port: int, token: str) -> Mapping[str, str]:
    """Point texts and e-mails at the simulator; a demo reaches no real phone."""
    return {
        "TELEHEALTH_TEXTS_BASE_URL": f"http://{LOOPBACK}:{port}",
        "TELEHEALTH_TEXTS_ACCOUNT": _SINK_ACCOUNT,
        "TELEHEALTH_TEXTS_TOKEN": token,
        "TELEHEALTH_TEXTS_SENDER": "+13125550100",
        "TELEHEALTH_MAIL_BASE_URL": f"http://{LOOPBACK}:{port}/mail",
        "TELEHEALTH_MAIL_TOKEN": token,
        "TELEHEALTH_MAIL_SENDER": "visits@willow-street.example",
    }


async def _people_and_day(data: Path, database_url: str) -> DemoDay:
    """Find the demo's people and a day of appointments, or make them."""
    remembered = data / "demo.json"
    now = SystemClock().now()
    people = json.loads(_PEOPLE.read_text())
    sealing = demo_sealing(data)
    keyring = keyring_from(sealing, data_url=database_url, clock=SystemClock())
    database = Database(database_url, keyring=keyring)
    try:
        pepper = Pepper(*await keyring.password_pepper())
        async with database.unit_of_work() as unit:
            if remembered.exists():
                day = DemoDay.from_json(remembered.read_text())
            else:
                password = f"demo-{secrets.token_hex(5)}"
                day = await seed_clinic(
                    unit, people=people, password=password, pepper=pepper, now=now
                )
            if day.is_over(now):
                day = await book_day(unit, day=day, now=now)
    finally:
        await database.close()
        await keyring.close()
    _write_private(remembered, day.to_json())
    return day


def demo_sealing(data: Path) -> SealingSettings:
    """Return the demo's sealing settings: those its children are started with."""
    told = sealing_environment(data, Mode.DEMO)
    prefix = "TELEHEALTH_"
    return SealingSettings.model_validate(
        {name.removeprefix(prefix).lower(): value for name, value in told.items()}
    )


async def _announce(place: Place, day: DemoDay, supervisor: Supervisor) -> None:
    del supervisor
    _write_private(place.data / "links.txt", "\n".join(_link_lines(place, day)) + "\n")
    print("\n".join(_welcome(place, day)), flush=True)  # noqa: T201  (a person reads this)


def _welcome(place: Place, day: DemoDay) -> Sequence[str]:
    first = day.next_visit(SystemClock().now())
    origin = place.public_origin
    chart = place.ehr_base_url.removesuffix("/fhir")
    return [
        "",
        "The product is running. Every person here is invented; the chart is a simulator.",
        "",
        f"  Patient    {origin}/v/{first.secret}",
        f"             {first.patient_name}, birth date {first.birth_on}",
        f"  Provider   {origin}/sign-in   {first.provider_email}   {day.password}",
        f"  Scheduler  {origin}/sign-in   {day.scheduler_email}   {day.password}",
        f"  Administrator  {day.administrator_email}, at the same page with the same password",
        "",
        f"  More patients   {place.data / 'links.txt'}",
        f"  Simulated chart {chart}/",
        f"  Texts, e-mails  {place.messages['TELEHEALTH_TEXTS_BASE_URL']}/",
        f"  Data and logs   {place.data}",
        "",
        "Open the patient link and the provider sign-in in two browser profiles (or one private",
        "window). Ctrl-C stops everything; the data stays.",
    ]


def _link_lines(place: Place, day: DemoDay) -> Iterator[str]:
    for visit in day.visits:
        when = visit.starts_at.strftime("%H:%M UTC")
        yield (
            f"{when}  {visit.patient_name}, born {visit.birth_on}, with {visit.provider_email}: "
            f"{place.public_origin}/v/{visit.secret}"
        )


def address_of_default_route() -> str:
    """Return the address of the interface that leads outside; loopback when there is none.

    A browser without special flags offers no loopback candidates, so the media node of a demo
    must be reachable by another address.  No packet is sent: connecting a UDP socket only asks
    the kernel for a route.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return LOOPBACK
        return str(probe.getsockname()[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


@contextlib.contextmanager
def _only_demo_of(data: Path) -> Iterator[None]:
    """Hold the data directory: two demos in one would ruin each other's sockets."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoRefused(
                f"Another demo runs in {data}. Choose another place: DATA=… make demo"
            ) from None
        yield
