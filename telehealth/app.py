"""Composition root of the visit service: settings, then services, then two applications.

The public one serves pages and REST to browsers; the internal one serves signaling, and probes.
"""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, NamedTuple

import uvicorn
from limits.aio.storage import MemoryStorage, RedisStorage
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Scope

from telehealth.access.gate import RouteGate
from telehealth.access.http import actor_in, row_in
from telehealth.access.route_table import INTERNAL_ROUTES, PUBLIC_ROUTES
from telehealth.access.routes import Who
from telehealth.audit import http as audit
from telehealth.break_glass import http as break_glass
from telehealth.charting import http as charting
from telehealth.contract import VISIT_SERVICE_AUDIENCE, ClinicId
from telehealth.delivery import http as delivery
from telehealth.delivery.nudge import nudger
from telehealth.identity import codes_http, key_set, own_http, second_http, sso_http, staff_http
from telehealth.identity import http as identity
from telehealth.identity.entrance import Entrance
from telehealth.identity.oidc_client import OidcClient, Provider
from telehealth.identity.oidc_rules import SecondFactor
from telehealth.identity.passwords import PasswordDesk
from telehealth.platform.clock import Clock, SystemClock
from telehealth.platform.config import VisitServiceSettings, host_and_port
from telehealth.platform.db import Database
from telehealth.platform.errors import TelehealthError
from telehealth.platform.guards import (
    KnownHost,
    LastResort,
    OwnPagesOnly,
    SecurityHeaders,
    ServiceCallersOnly,
    SmallBodies,
)
from telehealth.platform.http import Services
from telehealth.platform.idempotency.once import Asker, OnceOnly
from telehealth.platform.key_files import WatchedKeyFile
from telehealth.platform.paces import Allowance, Pace
from telehealth.platform.problems import on_http_exception, on_refusal
from telehealth.platform.rates import Rates, redis_pool, redis_storage
from telehealth.platform.sealing.settings import keyring_from
from telehealth.platform.signing import (
    TokenRefused,
    TokenSigner,
    secret_bytes,
    verify_service_token,
)
from telehealth.privacy import http as privacy
from telehealth.visits import consent_http, guests_http, internal
from telehealth.visits import http as visits
from telehealth.visits import staff_http as turning_away
from telehealth.waiting_room import http as waiting_room
from telehealth.web import (
    assets,
    auditor,
    back_office,
    day_reports,
    patient,
    provider,
    scheduler,
    sign_in,
)
from telehealth.web import privacy as privacy_pages

_CALLER: Final = "signaling"
_PROBES: Final = frozenset(row.path for row in INTERNAL_ROUTES if row.who is Who.PUBLIC)

PUBLIC_ROUTER: Final[Sequence[BaseRoute]] = (
    *identity.routes,
    *second_http.routes,
    *own_http.routes,
    *staff_http.routes,
    *codes_http.routes,
    *sso_http.routes,
    *key_set.routes,
    *visits.routes,
    *turning_away.routes,
    *guests_http.routes,
    *consent_http.routes,
    *waiting_room.routes,
    *charting.routes,
    *break_glass.routes,
    *delivery.routes,
    *audit.routes,
    *privacy.routes,
    *assets.routes,
    *patient.routes,
    *privacy_pages.routes,
    *sign_in.routes,
    *provider.routes,
    *scheduler.routes,
    *back_office.routes,
    *auditor.routes,
    *day_reports.routes,
)
"""Every route of the public port; its rows stand in `access/route_table.py`."""


class VisitService(NamedTuple):
    """What `create_app` made."""

    public: Starlette
    internal: Starlette
    close: Callable[[], Awaitable[None]]
    """Closes what was opened; the applications answer nothing after it."""


class AddressTaken(Exception):
    """Something else listens where we are told to listen."""

    def __init__(self, listen: str) -> None:
        super().__init__(f"{listen} is taken or not ours")
        self.listen = listen


def create_app(
    settings: VisitServiceSettings,
    *,
    clock: Clock | None = None,
    counts: RedisStorage | MemoryStorage | None = None,
) -> VisitService:
    """Make both applications.

    Args:
        settings: Read once; narrow values are passed on.
        clock: Another clock than the machine's, for tests.
        counts: Where requests are counted, if not at the Redis of the settings; for tests.

    Raises:
        KeyFileUnsafe: The signing keys or the shared secret cannot be used.
        ProviderUnsafe: The key provider of sealed columns may not be used here.
    """
    clock = clock or SystemClock()
    service_key = secret_bytes(settings.service_key.get_secret_value())
    pool = redis_pool(settings.redis_url.get_secret_value())
    sign_ins = Allowance(settings.sign_in_per_minute)
    watched = WatchedKeyFile(settings.keys_file, now=time.monotonic)
    data_url = settings.database_url.get_secret_value()
    keyring = keyring_from(settings, data_url=data_url, clock=clock)
    desk = PasswordDesk(keyring)
    services = Services(
        database=Database(data_url, wake_worker=nudger(settings.nudge_socket), keyring=keyring),
        clock=clock,
        signer=TokenSigner(watched.keys, clock=clock, changed=watched.changed),
        password_hasher=desk,
        rates=Rates(
            counts or redis_storage(pool),
            key=service_key,
            allowances=dict.fromkeys((Pace.SIGN_IN, Pace.LINK), sign_ins),
        ),
        staff_second_factor=settings.staff_second_factor,
        refusal_after_s=settings.refusal_after_s,
        public_origin=settings.public_origin,
        socket_url=settings.signaling_socket_url,
        allowed_origins=frozenset(settings.allowed_origins),
        service_key=service_key,
        deployment=settings.deployment,
        audit_heads_folder=settings.audit_heads_folder,
        audit_public_keys=settings.audit_public_keys,
    )

    sso = _sso(settings, clock)

    async def close() -> None:
        desk.close()
        await pool.disconnect()
        for client in sso.values():
            await client.close()
        await services.database.close()
        await keyring.close()

    public = _public_app(services)
    public.state.sso = sso
    return VisitService(public, _internal_app(services), close)


async def serve(settings: VisitServiceSettings) -> None:
    """Serve both applications until SIGINT or SIGTERM, then finish what runs.

    Raises:
        AddressTaken: One of the two addresses cannot be listened on.
    """
    made = create_app(settings)
    try:
        servers = [
            _server(made.public, settings, settings.listen),
            _server(made.internal, settings, settings.internal_listen),
        ]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, servers)
        await asyncio.gather(*(server.serve() for server in servers))
    finally:
        await made.close()


def _sso(settings: VisitServiceSettings, clock: Clock) -> dict[ClinicId, OidcClient]:
    """Make the client of each clinic's OpenID provider."""
    return {
        ClinicId(each.clinic_id): OidcClient(
            Provider(
                clinic_id=ClinicId(each.clinic_id),
                issuer=each.issuer,
                client_id=each.client_id,
                client_secret=each.client_secret.get_secret_value(),
                algorithm=each.algorithm,
                redirect_uri=f"{settings.public_origin}{sso_http.CALLBACK}",
                links_by_email=each.links_by_email,
                second_factor=SecondFactor(acr=each.second_factor_acr, amr=each.second_factor_amr),
            ),
            clock=clock,
            now=time.monotonic,
        )
        for each in settings.sso
    }


def _public_app(services: Services) -> Starlette:
    around = [
        Middleware(
            SecurityHeaders,
            public_origin=services.public_origin,
            socket_url=services.socket_url,
        ),
        Middleware(LastResort),
        Middleware(KnownHost, public_origin=services.public_origin),
        Middleware(SmallBodies),
        Middleware(OwnPagesOnly, allowed_origins=services.allowed_origins),
        Middleware(Entrance, services=lambda: services),
        Middleware(RouteGate, table=PUBLIC_ROUTES, rates=lambda: services.rates),
        Middleware(OnceOnly, services=lambda: services, asker_of=_asker_of),
    ]
    return _application(services, PUBLIC_ROUTER, around)


def _asker_of(scope: Scope) -> Asker | None:
    """Say whose keys count: those of a known person, where the route table takes repeats."""
    row, actor = row_in(scope), actor_in(scope)
    if row is None or not row.is_repeatable or actor is None or actor.person_id is None:
        return None
    return Asker(person_id=actor.person_id, clinic_id=actor.clinic_id)


def _internal_app(services: Services) -> Starlette:
    def is_ours(token: str) -> bool:
        try:
            verify_service_token(
                token,
                key=services.service_key,
                issuer=_CALLER,
                audience=VISIT_SERVICE_AUDIENCE,
                now=services.clock.now(),
            )
        except TokenRefused:
            return False
        return True

    async def ready(request: Request) -> Response:
        del request
        is_ready = await services.database.answers()
        return JSONResponse({"is_ready": is_ready}, 200 if is_ready else 503)

    routes: list[BaseRoute] = [
        Route("/healthz", _healthy),
        Route("/readyz", ready),
        *internal.routes,
    ]
    around = [
        Middleware(LastResort),
        Middleware(SmallBodies),
        Middleware(ServiceCallersOnly, is_ours=is_ours, open_paths=_PROBES),
        Middleware(RouteGate, table=INTERNAL_ROUTES, rates=None),
    ]
    return _application(services, routes, around)


def _application(
    services: Services, routes: Sequence[BaseRoute], around: Sequence[Middleware]
) -> Starlette:
    made = Starlette(
        routes=routes,
        middleware=around,
        exception_handlers={TelehealthError: on_refusal, HTTPException: on_http_exception},
    )
    # A redirect to the slash-less form would be built from the Host header.
    made.router.redirect_slashes = False
    made.state.services = services
    return made


async def _healthy(request: Request) -> Response:
    """Answer that the process lives; asks nobody, so that an outage elsewhere restarts nothing."""
    del request
    return JSONResponse({"is_healthy": True})


class _Server(uvicorn.Server):
    """One of two servers in this process; signals are ours to handle."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._listening = listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets or [self._listening])


def _server(app: ASGIApp, settings: VisitServiceSettings, listen: str) -> _Server:
    host, port = host_and_port(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=512)
    except OSError:
        raise AddressTaken(listen) from None
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        # Access lines would hold addresses and link secrets.
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=int(settings.stop_within_s),
    )
    return _Server(config, listening)


def _stop(servers: Sequence[uvicorn.Server]) -> None:
    for server in servers:
        server.should_exit = True
