"""How a row of the route table is written down, by whom it answers.  Pure."""

from telehealth.access.roles import Permission
from telehealth.access.routes import SAFE_METHODS, RouteRow, Scope, Who
from telehealth.platform.paces import Pace


def public(
    method: str, path: str, does: str, because: str, *, pace: Pace, status: int = 200
) -> RouteRow:
    """Make a row that anybody may call, and say why."""
    return RouteRow(
        method=method,
        path=path,
        who=Who.PUBLIC,
        does=does,
        because=because,
        pace=pace,
        status=status,
    )


def page_row(path: str, does: str, because: str) -> RouteRow:
    """Make the row of a page that holds nothing of anybody."""
    return public("GET", path, does, because, pace=Pace.READ)


def signed_in(method: str, path: str, does: str, *, pace: Pace | None = None) -> RouteRow:
    """Make a row for whoever is signed in."""
    return RouteRow(
        method=method, path=path, who=Who.SIGNED_IN, does=does, pace=pace or pace_of(method)
    )


def permitted(
    permissions: Permission | tuple[Permission, ...],
    method: str,
    path: str,
    scope: Scope,
    does: str,
    *,
    query: tuple[str, ...] = (),
    status: int = 200,
    pace: Pace | None = None,
) -> RouteRow:
    """Make a row for whoever holds one of `permissions`."""
    return RouteRow(
        method=method,
        path=path,
        who=Who.PERMITTED,
        scope=scope,
        permissions=frozenset(permissions if isinstance(permissions, tuple) else (permissions,)),
        does=does,
        query=query,
        status=status,
        pace=pace or pace_of(method),
    )


def holder(method: str, path: str, does: str, *, pace: Pace | None = None) -> RouteRow:
    """Make a row of one's own sign-in."""
    return RouteRow(
        method=method,
        path=f"/v1/own/{path}",
        who=Who.HOLDER,
        scope=Scope.OWN,
        does=does,
        pace=pace or pace_of(method),
    )


def staff(
    method: str, path: str, does: str, *, status: int = 200, pace: Pace | None = None
) -> RouteRow:
    """Make a row for whoever looks after the accounts of the staff."""
    return permitted(
        Permission.MANAGE_PEOPLE,
        method,
        f"/v1/staff{path}",
        Scope.CLINIC,
        does,
        status=status,
        pace=pace,
    )


def service(method: str, path: str, does: str, *, status: int = 204) -> RouteRow:
    """Make a row for a service of ours."""
    return RouteRow(
        method=method, path=path, who=Who.SERVICE, does=does, pace=Pace.UNCOUNTED, status=status
    )


def pace_of(method: str) -> Pace:
    """Return the pace of a row that names none."""
    return Pace.READ if method in SAFE_METHODS else Pace.UNSAFE
