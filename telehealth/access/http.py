"""Who stands behind a request: put there by identity's middleware, asked for by every route."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from telehealth.access.actor import Actor
from telehealth.access.errors import NotSignedIn
from telehealth.access.routes import RouteRow

_KEY: Final = "telehealth.actor"
_HOLDER: Final = "telehealth.holder"
_ROW: Final = "telehealth.route"


def put_actor(scope: Scope, actor: Actor) -> None:
    """Say on whose behalf this request runs."""
    scope[_KEY] = actor


def actor_of(request: HTTPConnection) -> Actor:
    """Return on whose behalf `request` runs.

    Raises:
        NotSignedIn: On nobody's.
    """
    actor = actor_in(request.scope)
    if actor is None:
        raise NotSignedIn
    return actor


def actor_in(scope: Scope) -> Actor | None:
    """Return on whose behalf a request runs, if on anybody's."""
    actor = scope.get(_KEY)
    return actor if isinstance(actor, Actor) else None


def put_holder(scope: Scope, holder: Actor) -> None:
    """Say whose login session this request came with, even one that may do no act yet."""
    scope[_HOLDER] = holder


def holder_in(scope: Scope) -> Actor | None:
    """Return whose login session a request came with, for the routes of one's own sign-in."""
    holder = scope.get(_HOLDER)
    return holder if isinstance(holder, Actor) else None


def put_row(scope: Scope, row: RouteRow) -> None:
    """Say which row of the route table let this request in."""
    scope[_ROW] = row


def row_in(scope: Scope) -> RouteRow | None:
    """Return the row of the route table that let this request in."""
    row = scope.get(_ROW)
    return row if isinstance(row, RouteRow) else None
