"""Supervisor: the whole product on one machine, each process a child of ours.

For the demo and for trying things out; elsewhere the platform supervises, and every process is
started with an environment of its own.  Secrets are drawn once into the data directory (mode
0600) and handed to the children; ports, but for the public one, are asked of the system anew at
each start.
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from telehealth.audit.head_keys import public_key_set
from telehealth.migrations.run import upgrade
from telehealth.platform.child_process import ChildNeverReady, ChildPlan, Supervisor, pinned_cores
from telehealth.platform.private_redis import PrivateRedis
from telehealth.platform.readiness import accepts_unix, at_once, is_healthy
from telehealth.platform.sealing.providers import Mode, make_root_key_file
from telehealth.platform.sealing.settings import ProviderKind
from telehealth.platform.signing import make_key_file

LOOPBACK = "127.0.0.1"
_RELAY_SETTINGS = ("SIGNALING_TURN_", "SIGNALING_TWILIO_")
_SECRET_NAMES = ("service_key", "signaling_key", "media_control_key")


class ServeAllSettings(BaseSettings):
    """What a person chooses when running the whole product on one machine."""

    port: int = Field(default=8000, ge=1, le=65535, validation_alias="PORT")
    """The one fixed port: pages and REST."""

    data: Path = Field(validation_alias="DATA")
    """Where database, keys, secrets and logs lie; mode 0700."""

    media_address: str = Field(validation_alias="MEDIA_ADDRESS")
    """Address browsers reach the media node by."""

    media_workers: int = Field(default=2, ge=1, le=64, validation_alias="MEDIA_WORKERS")
    """Media workers, each a process with one UDP port, kept on a core of its own where there are
    cores enough.  With two or more, a call outlives the death of one."""

    ehr_base_url: str = Field(validation_alias="EHR_BASE_URL")
    """Base URL of the EHR's FHIR R4 interface."""

    ehr_key_file: Path | None = Field(default=None, validation_alias="EHR_KEY_FILE")
    """Private JSON Web Key registered with the EHR; only one on loopback may do without."""

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """Another database than the file in the data directory."""

    mode: Mode = Field(validation_alias="TELEHEALTH_MODE")
    """`production` also needs the settings of a key provider, which reach every process."""


class CannotServe(Exception):
    """The product cannot start; the message says what to do."""


class PortTaken(Exception):
    """Another program listens on the public port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken")
        self.port = port


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one installation keeps its data and on what it listens."""

    data: Path
    port: int
    media_address: str
    """Address in the media node's candidate; browsers must be able to reach it."""
    database_url: str
    ehr_base_url: str
    ehr_key_file: Path | None = None
    mode: Mode
    messages: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment of the worker's message channels; none by default."""
    media_workers: int = 2
    staff_second_factor: str = "required"

    @property
    def public_origin(self) -> str:
        """What people type into the browser."""
        return f"http://localhost:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Inner ports of one start."""

    internal: int
    signaling: int
    signaling_internal: int
    media: tuple["WorkerPorts", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPorts:
    """Ports of one media worker."""

    media: int
    """UDP."""
    control: int


def run(settings: ServeAllSettings) -> None:
    """Migrate, then run every process until Ctrl-C.

    Raises:
        CannotServe: With a sentence for the person at the terminal.
    """
    data = settings.data.resolve()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = Place(
        data=data,
        port=settings.port,
        media_address=settings.media_address,
        database_url=settings.database_url or default_database_url(data),
        ehr_base_url=settings.ehr_base_url,
        ehr_key_file=settings.ehr_key_file,
        mode=settings.mode,
        media_workers=settings.media_workers,
    )
    try:
        refuse_taken_port(place.port)
        upgrade(place.database_url)
        asyncio.run(
            run_until_told(
                child_plans(place, free_ports(place.media_workers)),
                data / "serve.log",
                _nobody_waits,
            )
        )
    except PortTaken:
        raise CannotServe(f"Port {place.port} is taken. Choose another one: PORT=…") from None
    except ChildNeverReady as never:
        raise CannotServe(f"{never}. Its last words are in {data / 'serve.log'}") from None


async def _nobody_waits(supervisor: Supervisor) -> None:
    del supervisor


def default_database_url(data: Path) -> str:
    """Return the URL of the database file inside the data directory."""
    return f"sqlite+aiosqlite:///{data / 'telehealth.sqlite3'}"


def free_ports(media_workers: int) -> Ports:
    """Ask the system for free ports, all held until the last is known."""
    with contextlib.ExitStack() as held:

        def ask(kind: socket.SocketKind, address: str) -> int:
            taken = held.enter_context(socket.socket(socket.AF_INET, kind))
            taken.bind((address, 0))
            return int(taken.getsockname()[1])

        return Ports(
            internal=ask(socket.SOCK_STREAM, LOOPBACK),
            signaling=ask(socket.SOCK_STREAM, LOOPBACK),
            signaling_internal=ask(socket.SOCK_STREAM, LOOPBACK),
            media=tuple(
                WorkerPorts(
                    media=ask(socket.SOCK_DGRAM, "0.0.0.0"),  # noqa: S104  (asked for, closed at once)
                    control=ask(socket.SOCK_STREAM, LOOPBACK),
                )
                for _ in range(media_workers)
            ),
        )


def refuse_taken_port(port: int) -> None:
    """Refuse to start when the public port is not ours to take.

    Raises:
        PortTaken: Something listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            raise PortTaken(port) from None


def secrets_of(data: Path) -> Mapping[str, str]:
    """Read the installation's secrets; draw what is missing, once, into a file of mode 0600."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in _SECRET_NAMES if name not in known]
    for name in missing:
        known[name] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    if missing:
        path.touch(mode=0o600)
        path.write_text(json.dumps(known))
    if not (data / "keys.json").exists():
        make_key_file(data / "keys.json")
    if not (data / "audit_key.json").exists():
        make_key_file(data / "audit_key.json")
    (data / "audit_public_keys.json").write_text(public_key_set(data / "audit_key.json"))
    return known


def sealing_environment(data: Path, mode: Mode) -> Mapping[str, str]:
    """Say where the keys of sealed columns are; a root key is drawn once, but never in production.

    In production the operator's own `TELEHEALTH_KEY…`, `…KMS…` and `…VAULT…` settings are handed
    on, and a process that misses one does not start.
    """
    if mode is Mode.PRODUCTION:
        named = re.compile(r"TELEHEALTH_(KEY_PROVIDER|KEYS_DATABASE_URL|KMS_\w+|VAULT_\w+)")
        given = {name: told for name, told in os.environ.items() if named.fullmatch(name)}
        return {"TELEHEALTH_MODE": mode.value, **given}
    root_key = data / "root_key.json"
    if not root_key.exists():
        make_root_key_file(root_key)
    return {
        "TELEHEALTH_MODE": mode.value,
        "TELEHEALTH_KEY_PROVIDER": ProviderKind.LOCAL_FILE.value,
        "TELEHEALTH_KEYS_DATABASE_URL": f"sqlite+aiosqlite:///{data / 'sealing_keys.sqlite3'}",
        "TELEHEALTH_ROOT_KEY_FILE": str(root_key),
    }


def child_plans(place: Place, ports: Ports) -> Sequence[ChildPlan]:
    """Say which processes run, with what environment, in the order they start."""
    redis = PrivateRedis(directory=place.data / "redis")
    environment = _environment(place, ports, secrets_of(place.data), redis)
    python = [sys.executable, "-m"]

    def plan(name: str, *command: str, ready: Callable[[], Awaitable[bool]]) -> ChildPlan:
        return ChildPlan(
            name=name, command=[*python, *command], environment=environment, is_ready=ready
        )

    redis.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [
        ChildPlan(
            name="redis",
            command=redis.command(),
            environment=environment,
            is_ready=partial(accepts_unix, redis.socket),
        ),
        *_media_plans(place, ports, environment),
        plan("visit-service", "telehealth.cli", "serve", ready=partial(is_healthy, ports.internal)),
        plan(
            "signaling",
            "signaling.cli",
            "serve",
            ready=partial(is_healthy, ports.signaling_internal),
        ),
        plan("worker", "telehealth.cli", "work", ready=at_once),
    ]


def _media_plans(place: Place, ports: Ports, environment: Mapping[str, str]) -> Iterator[ChildPlan]:
    """One worker, one node of the registry: its own name, UDP port, control port and door."""
    cores = pinned_cores(len(ports.media))
    for number, (mine, core) in enumerate(zip(ports.media, cores, strict=True), start=1):
        control = f"{LOOPBACK}:{mine.control}"
        yield ChildPlan(
            name=f"media-{number}",
            command=[sys.executable, "-m", "media.cli", "serve"],
            environment={
                **environment,
                "MEDIA_NODE_ID": f"media-{number}",
                "MEDIA_PORT": str(mine.media),
                "MEDIA_CONTROL_LISTEN": control,
                "MEDIA_CONTROL_URL": f"ws://{control}",
                "MEDIA_OPERATOR_SOCKET": str(place.data / f"media-{number}.sock"),
            },
            is_ready=partial(is_healthy, mine.control),
            core=core,
        )


def _environment(
    place: Place, ports: Ports, drawn: Mapping[str, str], redis: PrivateRedis
) -> Mapping[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        # A relay is of the installation's network, so it is told by whoever starts it.
        if name in {"PATH", "HOME", "LANG"} or name.startswith(_RELAY_SETTINGS)
    }
    socket_url = f"ws://localhost:{ports.signaling}/v1/socket"
    internal = f"{LOOPBACK}:{ports.internal}"
    signaling_internal = f"{LOOPBACK}:{ports.signaling_internal}"
    origins = json.dumps([place.public_origin])
    chart_key = {"TELEHEALTH_EHR_KEY_FILE": str(place.ehr_key_file)} if place.ehr_key_file else {}
    return {
        **inherited,
        **chart_key,
        **sealing_environment(place.data, place.mode),
        **place.messages,
        "PYTHONUNBUFFERED": "1",
        "TELEHEALTH_DATABASE_URL": place.database_url,
        "TELEHEALTH_LISTEN": f"{LOOPBACK}:{place.port}",
        "TELEHEALTH_INTERNAL_LISTEN": internal,
        "TELEHEALTH_PUBLIC_ORIGIN": place.public_origin,
        "TELEHEALTH_ALLOWED_ORIGINS": origins,
        "TELEHEALTH_SIGNALING_SOCKET_URL": socket_url,
        "TELEHEALTH_KEYS_FILE": str(place.data / "keys.json"),
        "TELEHEALTH_SERVICE_KEY": drawn["service_key"],
        "TELEHEALTH_REDIS_URL": redis.url,
        "TELEHEALTH_STAFF_SECOND_FACTOR": place.staff_second_factor,
        "TELEHEALTH_NUDGE_SOCKET": str(place.data / "worker.sock"),
        "TELEHEALTH_SIGNALING_CONTROL_URLS": json.dumps(
            [f"ws://{signaling_internal}/control/visit"]
        ),
        "TELEHEALTH_SIGNALING_KEY": drawn["signaling_key"],
        "TELEHEALTH_EHR_BASE_URL": place.ehr_base_url,
        "TELEHEALTH_EHR_CLIENT_ID": "telehealth",
        "TELEHEALTH_EHR_PATIENT_SYSTEM": "urn:demo:medical-record-number",
        "TELEHEALTH_DEPLOYMENT": "demo",
        "TELEHEALTH_AUDIT_KEY_FILE": str(place.data / "audit_key.json"),
        "TELEHEALTH_AUDIT_PUBLIC_KEYS": str(place.data / "audit_public_keys.json"),
        "TELEHEALTH_AUDIT_HEADS_FOLDER": str(place.data / "audit_heads"),
        "SIGNALING_LISTEN": f"{LOOPBACK}:{ports.signaling}",
        "SIGNALING_INTERNAL_LISTEN": signaling_internal,
        "SIGNALING_REDIS_URL": redis.url,
        "SIGNALING_ALLOWED_ORIGINS": origins,
        "SIGNALING_VISIT_SERVICE_URL": f"http://{internal}",
        "SIGNALING_VISIT_SERVICE_KEY": drawn["service_key"],
        "SIGNALING_KEY": drawn["signaling_key"],
        "SIGNALING_MEDIA_CONTROL_KEY": drawn["media_control_key"],
        "SIGNALING_NODE": "signaling-1",
        "SIGNALING_SPOOL": str(place.data / "spool"),
        "MEDIA_LISTEN_ADDRESS": place.media_address,
        "MEDIA_PUBLIC_ADDRESS": place.media_address,
        "MEDIA_CONTROL_KEY": drawn["media_control_key"],
        "MEDIA_REDIS_URL": redis.url,
    }


async def run_until_told(
    plans: Sequence[ChildPlan], log_path: Path, announce: Callable[[Supervisor], Awaitable[None]]
) -> None:
    """Run every child until SIGINT or SIGTERM, then stop them in reverse order.

    Args:
        plans: In the order to start them.
        log_path: Where their output goes.
        announce: Awaited once all are ready.

    Raises:
        ChildNeverReady: One of them could not start; the others were stopped again.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    with log_path.open("a") as log:
        supervisor = Supervisor(plans, log=log)
        starting = asyncio.create_task(supervisor.start())
        waiting = asyncio.create_task(told.wait())
        try:
            await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await announce(supervisor)
            await waiting
        finally:
            starting.cancel()
            waiting.cancel()
            await asyncio.gather(starting, waiting, return_exceptions=True)
            await supervisor.stop()
