"""Who stands behind a request: put there by identity's middleware, asked for by every route."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from telehealth.access.actor import Actor
from telehealth.access.errors import NotSignedIn

_KEY: Final = "telehealth.actor"


def put_actor(scope: Scope, actor: Actor) -> None:
    """Say on whose behalf this request runs."""
    scope[_KEY] = actor


def actor_of(request: HTTPConnection) -> Actor:
    """Return on whose behalf `request` runs.

    Raises:
        NotSignedIn: On nobody's.
    """
    actor = request.scope.get(_KEY)
    if not isinstance(actor, Actor):
        raise NotSignedIn
    return actor
