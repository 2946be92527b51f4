"""Who may call which route, on whose things, and what it does: one literal table.  Pure.

The router, this table and `docs/http-api.json` agree or a test fails.  A request that no row
matches is refused before any handler runs (`gate.py`); the test of the access matrix is made from
the rows.  Adding a route: `docs/changing.md`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from telehealth.access.actor import Actor
from telehealth.access.roles import Permission, is_permitted
from telehealth.platform.paces import Pace

_PARAMETER: Final = {"path}": ".*"}
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Who(StrEnum):
    """Whom a route answers."""

    PUBLIC = "public"
    """Anybody; the row says why."""
    SIGNED_IN = "signed-in"
    HOLDER = "holder"
    """Whoever has a login session, even one with which nothing may be done but add a factor."""
    PERMITTED = "permitted"
    """Whoever holds one of the row's permissions; a row without any answers nobody."""
    SERVICE = "service"
    """A service of ours, on the internal port only, by its token."""


class Scope(StrEnum):
    """Whose things a permitted caller reaches."""

    OWN = "own"
    """Of one's own: the provider's visits, the patient's visit."""
    OWN_OR_BOARD = "own, or on the board"
    """Of one's own; a Scheduler's board is the clinic's."""
    CLINIC = "clinic"
    """Of the clinic one is signed in at."""
    NONE = "none"
    """Nobody's in particular."""


class Verdict(StrEnum):
    """What the table says of a caller."""

    PASS = "pass"  # noqa: S105  (a word, not a secret)
    NOT_SIGNED_IN = "not-signed-in"
    NOT_PERMITTED = "not-permitted"


@dataclass(frozen=True, kw_only=True)
class RouteRow:
    """One route.

    `does` says in a plain sentence what is read or changed; `because` why anybody may.
    """

    method: str
    path: str
    who: Who
    scope: Scope = Scope.NONE
    permissions: frozenset[Permission] = frozenset()
    does: str
    because: str = ""
    pace: Pace
    query: Sequence[str] = ()
    """Names of what may stand behind the question mark."""
    status: int = 200
    """Of the answer when all went well."""
    media: str = "application/json"
    """Media type of that answer."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The whole of a path that this row is about, as the router reads it."""
        parts = (
            _PARAMETER.get(part.partition(":")[2], "[^/]+") if part[:1] == "{" else re.escape(part)
            for part in re.split(r"(\{\w+(?::\w+)?\})", self.path)
        )
        return re.compile("".join(parts), re.DOTALL)

    @property
    def is_unsafe(self) -> bool:
        """Whether the method may change something."""
        return self.method not in SAFE_METHODS

    @property
    def is_repeatable(self) -> bool:
        """Whether a repeat with the same Idempotency-Key is answered as the first was.

        Of people who are known only: an answer belongs to whoever asked.
        """
        return self.is_unsafe and self.who in {Who.SIGNED_IN, Who.PERMITTED}

    def verdict(self, actor: Actor | None) -> Verdict:
        """Say whether `actor` may call this route; whose things it reaches is decided by reads.

        Args:
            actor: Whoever acts; of a `HOLDER` row whoever has the login session.
        """
        if self.who is Who.PUBLIC:
            return Verdict.PASS
        if actor is None or actor.role is None:
            return Verdict.NOT_SIGNED_IN
        if self.who is Who.HOLDER:
            return Verdict.PASS if actor.visit_id is None else Verdict.NOT_PERMITTED
        if self.who is Who.SIGNED_IN:
            return Verdict.PASS
        role = actor.role
        if self.who is Who.PERMITTED and any(is_permitted(role, one) for one in self.permissions):
            return Verdict.PASS
        return Verdict.NOT_PERMITTED


def rows_for(table: Sequence[RouteRow], *, method: str, path: str) -> Sequence[RouteRow]:
    """Return every row of `table` about this request; HEAD is asked like GET.

    Should two rows ever match, both must let the caller in.

    Args:
        table: Of one application.
        method: Upper case.
        path: `scope["path"]`, never a path out of a URL rebuilt from the Host header.
    """
    asked = "GET" if method == "HEAD" else method
    return [row for row in table if row.method == asked and row.pattern.fullmatch(path)]


def methods_at(table: Sequence[RouteRow], path: str) -> frozenset[str]:
    """Return the methods that some row takes at `path`."""
    return frozenset(row.method for row in table if row.pattern.fullmatch(path))
