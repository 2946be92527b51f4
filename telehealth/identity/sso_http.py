"""Routes of single sign-on: to the provider, and back from it; and linking one's own account.

The way back is opened by the browser as a page, so that a refusal leads to a page of ours, with a
code and never with a token in the address.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from telehealth.access.errors import NotSignedIn
from telehealth.contract import ClinicId
from telehealth.identity import sso, sso_links
from telehealth.identity.devices import device_of
from telehealth.identity.door import SignedIn
from telehealth.identity.entrance import give_cookies, holder_of
from telehealth.identity.errors import (
    SsoNotOffered,
    SsoRefused,
    SsoTaken,
    SsoUnknown,
    SsoUnreachable,
)
from telehealth.identity.factors.proving import SecondStep
from telehealth.identity.http import staff_home_of
from telehealth.identity.oidc_client import OidcClient
from telehealth.identity.oidc_rules import Handshake, linking_secret, new_handshake_secret
from telehealth.identity.proofs import Holder
from telehealth.identity.step_up import FactorPolicy, Proof
from telehealth.platform.errors import TelehealthError
from telehealth.platform.guards import cookies_of
from telehealth.platform.http import answer, services_of

LINK_COOKIE: Final = "__Host-sso-link"
OWN_PAGE: Final = "/your-sign-in"
SSO_COOKIE: Final = "__Host-sso"
STEP_COOKIE: Final = "__Host-second-step"
CALLBACK: Final = "/sso/callback"
_AWAY_FOR_S: Final = 600
_LONGEST: Final = 2048
_log = structlog.get_logger(__name__)


def providers_of(request: Request) -> Mapping[ClinicId, OidcClient]:
    """Return the provider of each clinic that has one."""
    application = request.scope.get("app")
    state = None if application is None else application.state
    found: Mapping[ClinicId, OidcClient] = getattr(state, "sso", {})
    return found


async def start(request: Request) -> Response:
    """GET /sso/{clinic_id}/start: send the browser to its clinic's provider."""
    client = _client(request, request.path_params["clinic_id"])
    if client is None:
        return _refused(SsoUnknown())
    secret = new_handshake_secret()
    try:
        url = await client.authorization_url(secret)
    except (SsoRefused, SsoUnreachable) as failure:
        return _refused(failure)
    response = RedirectResponse(url, 303)
    _remember(response, SSO_COOKIE, f"{client.provider.clinic_id}.{secret}", _AWAY_FOR_S)
    return response


async def callback(request: Request) -> Response:
    """GET /sso/callback: take the provider's answer, once, from the browser that asked."""
    services = services_of(request)
    if (own := _linking(request)) is not None:
        return await _link(request, *own)
    clinic, _, secret = cookies_of(request.scope).get(SSO_COOKIE, "").partition(".")
    client = _client(request, clinic)
    if client is None or not secret:
        return _refused(SsoRefused())
    try:
        subject = await client.redeem(
            secret,
            code=_one(request, "code"),
            state=_one(request, "state"),
            issuer=_one(request, "iss"),
        )
        async with services.database.unit_of_work() as uow:
            outcome = await sso.sign_in(
                uow,
                now=services.clock.now(),
                clinic_id=client.provider.clinic_id,
                subject=subject,
                links_by_email=client.provider.links_by_email,
                policy=FactorPolicy(services.staff_second_factor),
                device=device_of(request.headers.get("user-agent", "")),
            )
    except (SsoRefused, SsoTaken, SsoUnreachable) as failure:
        return _refused(failure)
    if isinstance(outcome, SecondStep):
        return _on_to_the_second_step(outcome)
    if not isinstance(outcome, SignedIn):
        return _refused(outcome)
    response = RedirectResponse(staff_home_of(outcome), 303)
    give_cookies(response.headers, services, outcome)
    _remember(response, SSO_COOKIE, "", 0)
    return response


async def begin_link(request: Request) -> Response:
    """Tell one's own page where to send the browser, to link one's account."""
    services, holder = services_of(request), holder_of(request)
    client = providers_of(request).get(holder.actor.clinic_id)
    if client is None:
        raise SsoNotOffered
    async with services.database.unit_of_work() as uow:
        await sso_links.require_linkable(uow, holder=holder, now=services.clock.now())
    secret = new_handshake_secret()
    url = await client.authorization_url(linking_secret(secret, holder.session_id), anew=True)
    response = answer({"url": url})
    _remember(response, LINK_COOKIE, secret, _AWAY_FOR_S)
    return response


async def unlink_own(request: Request) -> Response:
    """Take one's own account off the clinic's sign-on."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        await sso_links.unlink_own(uow, holder=holder, now=services.clock.now())
    return answer({"is_linked": False})


def _linking(request: Request) -> tuple[Holder, OidcClient, str] | None:
    """Return what an answer belongs to that links an account; None: a sign-in's, or nobody's.

    Its state says which: made of the browser's secret and of the login session it began in.
    """
    secret = cookies_of(request.scope).get(LINK_COOKIE, "")
    try:
        holder = holder_of(request)
    except NotSignedIn:
        return None
    client = providers_of(request).get(holder.actor.clinic_id)
    if not secret or client is None:
        return None
    bound = linking_secret(secret, holder.session_id)
    state = _one(request, "state") or ""
    is_ours = hmac.compare_digest(state.encode(), Handshake.of(bound).state.encode())
    return (holder, client, bound) if is_ours else None


async def _link(request: Request, holder: Holder, client: OidcClient, bound: str) -> Response:
    services = services_of(request)
    went = f"{OWN_PAGE}?linked=1"
    try:
        subject = await client.redeem(
            bound,
            code=_one(request, "code"),
            state=_one(request, "state"),
            issuer=_one(request, "iss"),
        )
        async with services.database.unit_of_work() as uow:
            await sso_links.link_own(uow, holder=holder, subject=subject, now=services.clock.now())
    except TelehealthError as failure:
        _log.info("sso.link_refused", code=failure.code)
        went = f"{OWN_PAGE}?trouble={failure.code}"
    response = RedirectResponse(went, 303)
    _remember(response, LINK_COOKIE, "", 0)
    return response


def step_owed(request: Request) -> tuple[str, Sequence[Proof]] | None:
    """Return the second step a browser came back from its provider for, if it did so just now."""
    secret, _, kinds = cookies_of(request.scope).get(STEP_COOKIE, "").partition(".")
    try:
        shown = [Proof(each) for each in kinds.split(".") if each]
    except ValueError:
        return None
    return (secret, shown) if secret and shown else None


def forget_step(response: Response) -> None:
    """Take what `step_owed` read from the browser: it stands in the page now."""
    _remember(response, STEP_COOKIE, "", 0)


def _on_to_the_second_step(step: SecondStep) -> Response:
    # In a cookie that no script reads, and never in an address, which is kept and passed on.
    response = RedirectResponse("/sign-in", 303)
    value = ".".join([step.secret, *step.kinds])
    _remember(response, STEP_COOKIE, value, int(step.lasts.total_seconds()))
    _remember(response, SSO_COOKIE, "", 0)
    return response


def _client(request: Request, clinic: str) -> OidcClient | None:
    try:
        return providers_of(request).get(ClinicId(UUID(clinic)))
    except ValueError:
        return None


def _one(request: Request, name: str) -> str | None:
    """Return a parameter that is there once and not too long; twice is never meant well."""
    values = request.query_params.getlist(name)
    if len(values) > 1 or any(len(value) > _LONGEST for value in values):
        raise SsoRefused
    return values[0] if values else None


def _refused(failure: TelehealthError) -> Response:
    _log.info("sso.refused", code=failure.code)
    response = RedirectResponse(f"/sign-in?trouble={failure.code}", 303)
    _remember(response, SSO_COOKIE, "", 0)
    return response


def _remember(response: Response, name: str, value: str, life_s: int) -> None:
    # Lax: the way back from the provider is a navigation from another site.
    response.headers.append(
        "Set-Cookie",
        f"{name}={value}; Max-Age={life_s}; Path=/; Secure; HttpOnly; SameSite=Lax",
    )


routes: list[Route] = [
    Route("/sso/{clinic_id}/start", start, methods=["GET"]),
    Route(CALLBACK, callback, methods=["GET"]),
    Route("/v1/own/sign-on/link", begin_link, methods=["POST"]),
    Route("/v1/own/sign-on/unlink", unlink_own, methods=["POST"]),
]
