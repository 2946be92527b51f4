"""What the route table says of a caller; a row that lists nobody answers nobody."""

import re
from uuid import UUID

import pytest

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import HELD_BY, Permission, Role
from telehealth.access.route_table import INTERNAL_ROUTES, PUBLIC_ROUTES
from telehealth.access.routes import RouteRow, Verdict, Who, methods_at, rows_for
from telehealth.contract import ClinicId, PersonId
from telehealth.platform.paces import Pace

CLINIC, PERSON = ClinicId(UUID(int=1)), PersonId(UUID(int=2))
ROWS = (*PUBLIC_ROUTES, *INTERNAL_ROUTES)


def somebody(role: Role) -> Actor:
    return Actor(clinic_id=CLINIC, role=role, person_id=PERSON)


def row(who: Who, *permissions: Permission) -> RouteRow:
    return RouteRow(
        method="POST",
        path="/v1/x/{x_id}",
        who=who,
        permissions=frozenset(permissions),
        does="Does.",
        pace=Pace.UNSAFE,
    )


@pytest.mark.requirement("SEC-ACL-07")
@pytest.mark.parametrize("role", Role)
def test_an_empty_list_of_permissions_lets_nobody_in(role: Role) -> None:
    assert row(Who.PERMITTED).verdict(somebody(role)) is Verdict.NOT_PERMITTED


@pytest.mark.requirement("SEC-ACL-07")
@pytest.mark.parametrize("role", Role)
def test_a_role_that_lost_its_row_may_do_nothing(
    role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emptied cache of permissions must mean no, not everything."""
    monkeypatch.setattr("telehealth.access.roles.HELD_BY", {})

    for each in PUBLIC_ROUTES:
        if each.who is Who.PERMITTED:
            assert each.verdict(somebody(role)) is Verdict.NOT_PERMITTED


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_permission_opens_its_rows_to_whoever_holds_it(
    role: Role, permission: Permission
) -> None:
    expected = Verdict.PASS if permission in HELD_BY[role] else Verdict.NOT_PERMITTED

    assert row(Who.PERMITTED, permission).verdict(somebody(role)) is expected


@pytest.mark.parametrize("who", set(Who) - {Who.PUBLIC})
def test_nobody_and_no_job_comes_through_a_door_for_people(who: Who) -> None:
    assert row(who, *Permission).verdict(None) is Verdict.NOT_SIGNED_IN
    job = Actor.of_job(Job.SWEEP, CLINIC)
    assert row(who, *Permission).verdict(job) is Verdict.NOT_SIGNED_IN


@pytest.mark.parametrize("role", Role)
def test_no_person_comes_through_a_door_for_services(role: Role) -> None:
    assert row(Who.SERVICE, *Permission).verdict(somebody(role)) is Verdict.NOT_PERMITTED


@pytest.mark.parametrize("role", Role)
def test_some_doors_ask_only_that_somebody_is_signed_in(role: Role) -> None:
    assert row(Who.SIGNED_IN).verdict(somebody(role)) is Verdict.PASS
    assert row(Who.PUBLIC).verdict(None) is Verdict.PASS


def test_a_path_is_matched_whole_and_one_part_at_a_time() -> None:
    table = [row(Who.SIGNED_IN)]

    assert rows_for(table, method="POST", path="/v1/x/1") == table
    for path in ("/v1/x/1/", "/v1/x/1/2", "/v1/x/", "/v1/x", "//v1/x/1", "/v1/x/1\n/2", "/V1/x/1"):
        assert rows_for(table, method="POST", path=path) == []
    assert rows_for(table, method="GET", path="/v1/x/1") == []
    assert methods_at(table, "/v1/x/1") == {"POST"}


def test_a_head_is_asked_like_a_get() -> None:
    got = rows_for(PUBLIC_ROUTES, method="HEAD", path="/v1/me")

    assert [each.method for each in got] == ["GET"]


def test_no_two_rows_are_about_one_request() -> None:
    for table in (PUBLIC_ROUTES, INTERNAL_ROUTES):
        for each in table:
            path = re.sub(r"\{\w+(:path)?\}", "0123", each.path)
            assert rows_for(table, method=each.method, path=path) == [each]


def test_every_row_says_what_it_does_and_why_anybody_may() -> None:
    assert all(each.does.endswith(".") for each in ROWS)
    assert all(each.because.endswith(".") for each in ROWS if each.who is Who.PUBLIC)
    assert all(bool(each.permissions) == (each.who is Who.PERMITTED) for each in ROWS)


def test_every_permission_of_a_person_opens_something_or_is_the_operators() -> None:
    """What nothing asks for is a word without a meaning."""
    opened = frozenset().union(*(each.permissions for each in PUBLIC_ROUTES))

    assert set(Permission) - opened <= {Permission.HOLD_RECORD}
