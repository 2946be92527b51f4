"""Routes of one's own sign-in: factors, a fresh proof, the password, the login sessions.

They ask for the holder of the session, not for an actor: who has still to enrol may come here.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telehealth.identity import own_factors, own_sign_in, own_view
from telehealth.identity.devices import device_of
from telehealth.identity.door import SignedIn
from telehealth.identity.entrance import holder_of
from telehealth.identity.factors.errors import FactorRefused
from telehealth.identity.http import let_in
from telehealth.identity.own_view import SignInView
from telehealth.identity.second_http import Body, PasskeyAnswer, asked, site_of
from telehealth.identity.sso_http import providers_of
from telehealth.identity.step_up import FactorPolicy, Proof
from telehealth.platform.errors import TelehealthError
from telehealth.platform.http import Services, answer, body_of, nothing, services_of

NIL: Final = UUID(int=0)


class Code(Body):
    """POST /v1/own/app/confirm."""

    code: Annotated[str, Field(min_length=1, max_length=40, repr=False)]


class ProofShown(Body):
    """POST /v1/own/step-up."""

    kind: Literal["app", "recovery_code", "password"]
    shown: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]


class NewPassword(Body):
    """POST /v1/own/password."""

    current: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]
    new: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]


async def view(request: Request) -> Response:
    """Show somebody their own sign-in."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        found = await own_view.view(uow, holder=holder, now=services.clock.now())
    linked = found.sign_on
    return answer(
        {
            **_told(found),
            "policy": services.staff_second_factor,
            "may_only_enrol": holder.may_only_enrol,
            "sign_on": {
                "is_offered": holder.actor.clinic_id in providers_of(request),
                "linked_at": None if linked is None else _instant(linked.linked_at),
                "issuer": None if linked is None else linked.issuer,
            },
        }
    )


async def step_up(request: Request) -> Response:
    """Take a code or a password as fresh proof."""
    services, holder = services_of(request), holder_of(request)
    body = await body_of(request, ProofShown)
    kind = Proof(body.kind)
    if kind is Proof.PASSWORD:
        async with services.database.unit_of_work() as uow:
            facts = await own_sign_in.own_hash(uow, holder=holder)
        verdict = await services.password_hasher.check(body.shown, facts.stored_hash)
        async with services.database.unit_of_work() as uow:
            outcome = await own_sign_in.step_up_by_password(
                uow, holder=holder, verdict=verdict, now=services.clock.now()
            )
    else:
        async with services.database.unit_of_work() as uow:
            outcome = await own_sign_in.step_up_by_code(
                uow, holder=holder, kind=kind, code=body.shown, now=services.clock.now()
            )
    return _done(services, outcome)


async def ask_own_passkey(request: Request) -> Response:
    """Ask for one of one's own passkeys."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        found = await own_sign_in.ask_for_passkey(
            uow, holder=holder, site=site_of(services), now=services.clock.now()
        )
    return asked(found)


async def step_up_by_passkey(request: Request) -> Response:
    """Take one of one's own passkeys as fresh proof."""
    services, holder = services_of(request), holder_of(request)
    body = await body_of(request, PasskeyAnswer)
    async with services.database.unit_of_work() as uow:
        outcome = await own_sign_in.step_up_by_passkey(
            uow,
            holder=holder,
            site=site_of(services),
            challenge_id=body.challenge_id,
            credential=body.credential,
            now=services.clock.now(),
        )
    return _done(services, outcome)


async def offer_app(request: Request) -> Response:
    """Show an authenticator app what to scan, for this once."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        offer = await own_factors.offer_app(uow, holder=holder, now=services.clock.now())
    return answer({"secret": offer.secret, "picture": offer.picture})


async def confirm_app(request: Request) -> Response:
    """Take the first code of a new authenticator app."""
    services, holder = services_of(request), holder_of(request)
    body = await body_of(request, Code)
    async with services.database.unit_of_work() as uow:
        outcome = await own_factors.confirm_app(
            uow, holder=holder, code=body.code, now=services.clock.now()
        )
    return _done(services, outcome)


async def remove_app(request: Request) -> Response:
    """Remove one's authenticator app."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        await own_factors.remove_app(
            uow, holder=holder, policy=_policy(services), now=services.clock.now()
        )
    return nothing()


async def offer_passkey(request: Request) -> Response:
    """Ask one's device to make a passkey."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        found = await own_factors.offer_passkey(
            uow, holder=holder, site=site_of(services), now=services.clock.now()
        )
    return asked(found)


async def add_passkey(request: Request) -> Response:
    """Keep the passkey a device has made."""
    services, holder = services_of(request), holder_of(request)
    body = await body_of(request, PasskeyAnswer)
    async with services.database.unit_of_work() as uow:
        outcome = await own_factors.add_passkey(
            uow,
            holder=holder,
            site=site_of(services),
            challenge_id=body.challenge_id,
            credential=body.credential,
            device=device_of(request.headers.get("user-agent", "")),
            now=services.clock.now(),
        )
    return _done(services, outcome)


async def remove_passkey(request: Request) -> Response:
    """Remove one of one's passkeys."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        await own_factors.remove_passkey(
            uow,
            holder=holder,
            passkey_id=_id(request, "passkey_id"),
            policy=_policy(services),
            now=services.clock.now(),
        )
    return nothing()


async def make_recovery_codes(request: Request) -> Response:
    """Draw ten recovery codes, shown this once."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        drawn = await own_factors.make_recovery_codes(uow, holder=holder, now=services.clock.now())
    return answer({"codes": list(drawn)})


async def change_password(request: Request) -> Response:
    """Change one's password."""
    services, holder = services_of(request), holder_of(request)
    body = await body_of(request, NewPassword)
    async with services.database.unit_of_work() as uow:
        facts = await own_sign_in.own_hash(uow, holder=holder)
    own_sign_in.require_new(facts, current=body.current, new=body.new)
    # Nothing is open in the database while the threads hash.
    verdict = await services.password_hasher.check(body.current, facts.stored_hash)
    hashed = await services.password_hasher.hash(body.new)
    async with services.database.unit_of_work() as uow:
        outcome = await own_sign_in.change_password(
            uow,
            holder=holder,
            verdict=verdict,
            facts=facts,
            new_hash=hashed,
            now=services.clock.now(),
        )
    return _done(services, outcome)


async def end_session(request: Request) -> Response:
    """End one of one's own login sessions."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        await own_sign_in.end_session(
            uow,
            holder=holder,
            session_id=_id(request, "session_id"),
            now=services.clock.now(),
        )
    return nothing()


async def end_other_sessions(request: Request) -> Response:
    """End every login session of one's own but this one."""
    services, holder = services_of(request), holder_of(request)
    async with services.database.unit_of_work() as uow:
        ended = await own_sign_in.end_other_sessions(uow, holder=holder, now=services.clock.now())
    return answer({"ended": ended})


def _done(services: Services, outcome: SignedIn | FactorRefused | None) -> Response:
    if isinstance(outcome, TelehealthError):
        raise outcome
    return nothing() if outcome is None else let_in(services, outcome)


def _id(request: Request, name: str) -> UUID:
    """Return what a path names; what is no id names nothing there is."""
    try:
        return UUID(request.path_params[name])
    except ValueError:
        return NIL


def _policy(services: Services) -> FactorPolicy:
    return FactorPolicy(services.staff_second_factor)


def _told(found: SignInView) -> Mapping[str, Any]:
    return {
        "email": found.email,
        "password_set_at": _instant(found.password_set_at),
        "factors": [
            {
                "factor_id": str(each.factor_id),
                "kind": each.kind,
                "device": each.device,
                "added_at": _instant(each.added_at),
                "last_used_at": _instant(each.last_used_at),
            }
            for each in found.factors
        ],
        "recovery_codes_left": found.recovery_codes_left,
        "sessions": [
            {
                "session_id": str(each.session_id),
                "device": each.device,
                "started_at": _instant(each.started_at),
                "last_used_at": _instant(each.last_used_at),
                "is_this": each.is_this,
            }
            for each in found.sessions
        ],
        "changes": [{"event": event, "at": _instant(at)} for event, at in found.changes],
        "can_show": list(found.can_show),
        "is_fresh": found.is_fresh,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


routes: list[Route] = [
    Route("/v1/own/sign-in", view, methods=["GET"]),
    Route("/v1/own/step-up", step_up, methods=["POST"]),
    Route("/v1/own/step-up/passkey/options", ask_own_passkey, methods=["POST"]),
    Route("/v1/own/step-up/passkey", step_up_by_passkey, methods=["POST"]),
    Route("/v1/own/app", offer_app, methods=["POST"]),
    Route("/v1/own/app/confirm", confirm_app, methods=["POST"]),
    Route("/v1/own/app/remove", remove_app, methods=["POST"]),
    Route("/v1/own/passkeys/options", offer_passkey, methods=["POST"]),
    Route("/v1/own/passkeys", add_passkey, methods=["POST"]),
    Route("/v1/own/passkeys/{passkey_id}/remove", remove_passkey, methods=["POST"]),
    Route("/v1/own/recovery-codes", make_recovery_codes, methods=["POST"]),
    Route("/v1/own/password", change_password, methods=["POST"]),
    Route("/v1/own/sessions/end-others", end_other_sessions, methods=["POST"]),
    Route("/v1/own/sessions/{session_id}/end", end_session, methods=["POST"]),
]
