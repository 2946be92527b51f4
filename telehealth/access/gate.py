"""ASGI middleware: no request reaches a handler but by a row of the route table.

Counts first, then asks the table.  Decisions read `scope["path"]` only.
"""

from collections.abc import Callable, Sequence

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from telehealth.access.actor import Actor
from telehealth.access.errors import NotPermitted, NotSignedIn
from telehealth.access.http import actor_in, holder_in, put_row
from telehealth.access.routes import RouteRow, Verdict, Who, methods_at, rows_for
from telehealth.platform.errors import TelehealthError
from telehealth.platform.guards import UnknownAddress, WrongMethod
from telehealth.platform.problems import problem_of
from telehealth.platform.rates import Rates, address_of

_log = structlog.get_logger(__name__)


class RouteGate:
    """Refuses what has no row, whoever its row does not admit, and whoever comes too often.

    Args:
        app: What is served.
        table: Every route of this application.
        rates: Asked for at each request; None: nothing is counted here (the internal port, whose
            callers were let in by their token already).
    """

    def __init__(
        self, app: ASGIApp, *, table: Sequence[RouteRow], rates: Callable[[], Rates] | None
    ) -> None:
        self._app = app
        self._table = table
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            try:
                await self._admit(scope)
            except TelehealthError as refusal:
                _log.info("request.refused", code=refusal.code, method=scope["method"])
                answer = problem_of(refusal)
                if isinstance(refusal, WrongMethod):
                    answer.headers["Allow"] = ", ".join(
                        sorted(methods_at(self._table, scope["path"]))
                    )
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        rows = rows_for(self._table, method=scope["method"], path=scope["path"])
        if not rows:
            raise WrongMethod if methods_at(self._table, scope["path"]) else UnknownAddress
        for row in rows:
            actor = (holder_in if row.who is Who.HOLDER else actor_in)(scope)
            await self._count(row, actor, scope)
            if self._rates is None:
                _refuse_outsiders(row)
            else:
                _refuse(row.verdict(actor))
            put_row(scope, row)

    async def _count(self, row: RouteRow, actor: Actor | None, scope: Scope) -> None:
        if self._rates is None:
            return
        known = None if actor is None or row.who is Who.PUBLIC else actor.person_id
        await self._rates().take(row.pace, str(known or address_of(scope)))


def _refuse(verdict: Verdict) -> None:
    if verdict is Verdict.NOT_SIGNED_IN:
        raise NotSignedIn
    if verdict is not Verdict.PASS:
        raise NotPermitted


def _refuse_outsiders(row: RouteRow) -> None:
    """Hold the internal port to rows of its own kind; the token was asked for before."""
    if row.who not in {Who.SERVICE, Who.PUBLIC}:
        raise NotPermitted
