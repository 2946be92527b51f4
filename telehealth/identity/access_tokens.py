"""The pass a browser carries for five minutes, and how long a login session may live.

What is renewed, and when that is refused, is decided here; `actions.py` conducts.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from telehealth.access.actor import Actor
from telehealth.access.roles import Role
from telehealth.contract import VISIT_SERVICE_AUDIENCE, ClinicId, PersonId, VisitId
from telehealth.identity.errors import SessionEnded
from telehealth.platform.signing import TokenRefused, TokenSigner

ACCESS_TYP: Final = "access+jwt"
ACCESS_LIFE: Final = timedelta(minutes=5)
SESSION_LIFE: Final = timedelta(hours=12)
"""Source: NIST SP 800-63B-4, AAL2, the stricter reading of the overall limit."""
IDLE_LIFE: Final = timedelta(minutes=30)
PROVIDER_IDLE_LIFE: Final = timedelta(minutes=15)
JUST_RENEWED: Final = timedelta(seconds=10)
"""Two pages of one browser may renew at once; the later is told to look at its cookies again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What an access token says."""

    session_id: UUID
    actor: Actor


def idle_life(role: Role) -> timedelta:
    """Return how long a session of this role stays alive without being renewed."""
    return PROVIDER_IDLE_LIFE if role is Role.PROVIDER else IDLE_LIFE


def is_over(
    *, role: Role, now: datetime, renewed_at: datetime, expires_at: datetime, ended: bool
) -> bool:
    """Say whether a login session is over at `now`."""
    return ended or now >= expires_at or now >= renewed_at + idle_life(role)


def sign_pass(signer: TokenSigner, given: Pass, *, now: datetime) -> str:
    """Sign the access token of a person; jobs have none."""
    actor = given.actor
    if actor.person_id is None or actor.role is None:
        raise ValueError("a pass is for a person")
    claims: dict[str, object] = {
        "aud": VISIT_SERVICE_AUDIENCE,
        "sub": str(actor.person_id),
        "sid": str(given.session_id),
        "clinic": str(actor.clinic_id),
        "role": actor.role.value,
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_LIFE).timestamp()),
        "jti": secrets.token_urlsafe(16),
    }
    if actor.visit_id is not None:
        claims["visit"] = str(actor.visit_id)
    return signer.sign(claims, typ=ACCESS_TYP)


def read_pass(signer: TokenSigner, token: str) -> Pass:
    """Return what an access token says.

    Raises:
        SessionEnded: It is not an access token of ours that is valid now.
    """
    try:
        claims = signer.verify(token, typ=ACCESS_TYP, audience=VISIT_SERVICE_AUDIENCE)
        return Pass(session_id=UUID(str(claims["sid"])), actor=_actor(claims))
    except (TokenRefused, KeyError, ValueError):
        raise SessionEnded from None


def new_refresh_secret() -> str:
    """Draw a refresh secret: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> bytes:
    """Return the only form in which a link or refresh secret is stored.

    A plain hash suffices: the secrets are random, so there is nothing to guess.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _actor(claims: Mapping[str, Any]) -> Actor:
    visit = claims.get("visit")
    return Actor(
        clinic_id=ClinicId(UUID(str(claims["clinic"]))),
        role=Role(claims["role"]),
        person_id=PersonId(UUID(str(claims["sub"]))),
        visit_id=None if visit is None else VisitId(UUID(str(visit))),
    )
