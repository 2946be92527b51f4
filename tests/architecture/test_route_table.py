"""Router, route table and OpenAPI document name the same routes; drift is a route nobody judged."""

import json
from pathlib import Path

import pytest
from starlette.routing import Route

from telehealth.access.route_table import INTERNAL_ROUTES, PUBLIC_ROUTES
from telehealth.access.routes import RouteRow, Who
from telehealth.app import PUBLIC_ROUTER, create_app
from tests.support.app_client import settings_for_tests
from tests.support.generated_docs import DOCS
from tests.support.http_api import API, body_model, handlers_of, public_routes
from tests.support.requirements import Figure


def listed(rows: tuple[RouteRow, ...]) -> set[tuple[str, str]]:
    return {(row.method, row.path) for row in rows}


@pytest.mark.requirement("SEC-ACL-01")
def test_every_route_has_a_row_and_every_row_a_route(figure: Figure) -> None:
    assert set(handlers_of(public_routes())) == listed(PUBLIC_ROUTES)
    assert len(listed(PUBLIC_ROUTES)) == len(PUBLIC_ROUTES)
    figure(f"{len(PUBLIC_ROUTES)} routes = rows, 0 drift")


def test_nothing_is_served_but_plain_routes() -> None:
    """A mounted application would have routes that no row judges."""
    assert all(isinstance(route, Route) and route.methods for route in PUBLIC_ROUTER)


async def test_the_internal_port_serves_what_its_rows_say(tmp_path: Path) -> None:
    made = create_app(settings_for_tests("sqlite+aiosqlite://", tmp_path))
    routes = [route for route in made.internal.routes if isinstance(route, Route)]
    await made.close()

    assert set(handlers_of(routes)) == listed(INTERNAL_ROUTES)
    assert len(routes) == len(made.internal.routes)


def test_the_openapi_document_names_every_rest_route_and_no_other() -> None:
    document = json.loads((DOCS / "http-api.json").read_text())
    named = {
        (method.upper(), path) for path, taken in document["paths"].items() for method in taken
    }

    assert named == {pair for pair in listed(PUBLIC_ROUTES) if pair[1].startswith(API)}


def test_only_services_come_through_the_internal_port_and_none_through_the_public() -> None:
    assert {row.who for row in INTERNAL_ROUTES} == {Who.PUBLIC, Who.SERVICE}
    assert Who.SERVICE not in {row.who for row in PUBLIC_ROUTES}


# Steps that need no more than to be asked for.
BODYLESS = {
    ("POST", "/v1/sign-out"),
    ("POST", "/v1/session/refresh"),
    ("POST", "/v1/visits/{visit_id}/join-tickets"),
    ("POST", "/v1/visits/{visit_id}/links"),
    ("POST", "/v1/needs-attention/{entry_id}/check-again"),
    ("POST", "/v1/break-glass/{access_id}/end"),
    ("POST", "/v1/audit/verify"),
    ("POST", "/v1/audit/day-reports/{report_id}/review"),
    ("POST", "/v1/sign-in/passkey/options"),
    ("POST", "/v1/own/step-up/passkey/options"),
    ("POST", "/v1/own/app"),
    ("POST", "/v1/own/app/remove"),
    ("POST", "/v1/own/passkeys/options"),
    ("POST", "/v1/own/passkeys/{passkey_id}/remove"),
    ("POST", "/v1/own/recovery-codes"),
    ("POST", "/v1/own/sessions/end-others"),
    ("POST", "/v1/own/sessions/{session_id}/end"),
    ("POST", "/v1/own/sign-on/link"),
    ("POST", "/v1/own/sign-on/unlink"),
    ("POST", "/v1/staff/{person_id}/password-link"),
    ("POST", "/v1/staff/{person_id}/unlock"),
    ("POST", "/v1/staff/{person_id}/reset-factors"),
    ("POST", "/v1/staff/{person_id}/enable"),
    ("POST", "/v1/staff/{person_id}/unlink-sign-on"),
    ("POST", "/v1/visits/{visit_id}/guests/{participant_id}/revoke"),
}


def test_the_body_of_every_unsafe_route_is_known() -> None:
    """The document reads it off the handler's own call of `body_of`."""
    handlers = handlers_of(public_routes())
    without = {
        (row.method, row.path)
        for row in PUBLIC_ROUTES
        if row.is_unsafe and body_model(handlers[row.method, row.path]) is None
    }

    assert without == BODYLESS


def test_every_body_refuses_what_it_does_not_know() -> None:
    """Otherwise a read-only field could be written by naming it."""
    models = {body_model(handler) for handler in handlers_of(public_routes()).values()} - {None}
    open_ones = [model for model in models if model and model.model_config.get("extra") != "forbid"]

    assert len(models) > 5
    assert open_ones == []
