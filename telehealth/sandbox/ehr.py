"""A simulated EHR: a subset of FHIR R4 with versions, conditional create and search.

Source: FHIR R4 http.html (create, conditional create, update, version-aware updates, search).
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from telehealth.sandbox.ehr_page import LABEL, STYLE, page
from telehealth.sandbox.ehr_rules import ELEMENTS, faults_of
from telehealth.sandbox.ehr_sign_in import SignIn, SignInRefused
from telehealth.sandbox.ehr_store import Resource, Store, VersionStale, digest
from telehealth.sandbox.faults import Fault, Faults

FHIR_JSON: Final = "application/fhir+json"
SLOW_S: Final = 2.0
_LARGEST_BODY_BYTES: Final = 8 * 1024 * 1024
_SEARCHABLE: Final = frozenset({"identifier", "_id", "patient", "subject", "encounter", "_count"})


class Unanswered(Response):
    """Begins an answer and breaks the connection: the client cannot know what was done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a head without its body."""
        del scope, receive
        headers = [(b"content-length", b"65536"), (b"x-simulator", LABEL.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class Problem(Exception):
    """An answer that is an OperationOutcome."""

    def __init__(self, status: int, code: str, expression: str | None = None) -> None:
        super().__init__(status, code)
        self.status, self.code, self.expression = status, code, expression


class SimulatedEhr:
    """The routes of one simulated EHR."""

    def __init__(
        self, store: Store, *, origin: str, sign_in: SignIn | None, faults: Faults
    ) -> None:
        self._store = store
        self._base = f"{origin}/fhir"
        self._sign_in = sign_in
        self._faults = faults

    async def serve_fhir(self, request: Request) -> Response:
        """Answer one FHIR request, note it, and let go wrong what the plan says."""
        is_write = request.method in {"POST", "PUT"}
        body = await request.body()
        fault = self._faults.next(is_write=is_write)
        if fault is Fault.OUTAGE:
            self._note(request, body, 503, "none", fault)
            return _outcome(503, "transient", headers={"Retry-After": "1"})
        if fault is Fault.SLOW:
            await asyncio.sleep(SLOW_S)
        try:
            response, effect = self._answer(request, body)
        except Problem as problem:
            response, effect = _outcome(problem.status, problem.code, problem.expression), "none"
        self._note(request, body, response.status_code, effect, fault)
        if fault is Fault.LOST:
            return Unanswered()
        if fault is Fault.WRONG:
            return _outcome(500, "exception")
        return response

    async def serve_metadata(self, request: Request) -> Response:
        """GET /fhir/metadata."""
        del request
        return _fhir(
            {
                "resourceType": "CapabilityStatement",
                "status": "active",
                "date": "2026-01-01",
                "kind": "instance",
                "fhirVersion": "4.0.1",
                "format": [FHIR_JSON],
                "software": {"name": f"{LABEL}: EHR"},
                "implementation": {"description": f"{LABEL}", "url": self._base},
                "rest": [
                    {
                        "mode": "server",
                        "resource": [
                            {
                                "type": kind,
                                "conditionalCreate": True,
                                "versioning": "versioned-update",
                                "interaction": [
                                    {"code": code}
                                    for code in ("read", "vread", "create", "update", "search-type")
                                ],
                            }
                            for kind in ELEMENTS
                        ],
                    }
                ],
            }
        )

    async def serve_configuration(self, request: Request) -> Response:
        """GET /fhir/.well-known/smart-configuration."""
        del request
        if self._sign_in is None:
            return _outcome(404, "not-found")
        return JSONResponse(self._sign_in.configuration())

    async def serve_token(self, request: Request) -> Response:
        """POST /token."""
        if self._sign_in is None:
            return _outcome(404, "not-found")
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        try:
            granted = self._sign_in.grant(form)
        except SignInRefused as refused:
            status = 401 if refused.code == "invalid_client" else 400
            return JSONResponse({"error": refused.code}, status)
        return JSONResponse(granted, headers={"Cache-Control": "no-store"})

    async def serve_ledger(self, request: Request) -> Response:
        """GET /ledger: everything received, in order."""
        del request
        return JSONResponse({"simulator": True, "received": self._store.ledger})

    async def serve_page(self, request: Request) -> Response:
        """GET /: the chart as a page."""
        del request
        policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        return HTMLResponse(
            page(self._store.everything), headers={"Content-Security-Policy": policy}
        )

    async def serve_style(self, request: Request) -> Response:
        """GET /style.css."""
        del request
        return Response(STYLE, media_type="text/css")

    def _answer(self, request: Request, body: bytes) -> tuple[Response, str]:
        if self._sign_in is not None:
            authorization = request.headers.get("authorization", "")
            if not self._sign_in.is_living(authorization):
                raise Problem(401, "login")
        kind, _, resource_id = request.path_params["path"].partition("/")
        if kind not in ELEMENTS:
            raise Problem(404, "not-supported")
        match request.method, bool(resource_id):
            case "POST", False:
                return self._create(request, kind, body)
            case "PUT", True:
                return self._update(request, kind, resource_id, body)
            case "GET", True:
                return self._read(kind, resource_id), "read"
            case "GET", False:
                return self._search(request, kind), "searched"
            case _:
                raise Problem(405, "not-supported")

    def _create(self, request: Request, kind: str, body: bytes) -> tuple[Response, str]:
        resource = _resource(kind, body)
        condition = request.headers.get("if-none-exist")
        if condition is not None:
            there = self._matching(kind, dict(parse_qsl(condition)))
            if len(there) > 1:
                raise Problem(412, "multiple-matches")
            if there:
                return self._stored(there[0], 200), "found"
        self._refuse_unknown_subject(resource)
        return self._stored(self._store.create(resource), 201), "created"

    def _update(
        self, request: Request, kind: str, resource_id: str, body: bytes
    ) -> tuple[Response, str]:
        resource = _resource(kind, body)
        if resource.get("id") != resource_id:
            raise Problem(400, "invalid", f"{kind}.id")
        if_match = request.headers.get("if-match")
        try:
            stored = self._store.update(resource, resource_id=resource_id, if_match=if_match)
        except KeyError:
            raise Problem(404, "not-found") from None
        except VersionStale:
            raise Problem(412, "conflict") from None
        return self._stored(stored, 200), "updated"

    def _read(self, kind: str, rest: str) -> Response:
        resource_id, _, version = rest.partition("/_history/")
        found = (
            self._store.version(kind, resource_id, version)
            if version
            else self._store.read(kind, resource_id)
        )
        if found is None:
            raise Problem(404, "not-found")
        return self._stored(found, 200)

    def _search(self, request: Request, kind: str) -> Response:
        there = self._matching(kind, dict(request.query_params))
        entries = [
            {
                "fullUrl": f"{self._base}/{kind}/{found['id']}",
                "resource": found,
                "search": {"mode": "match"},
            }
            for found in there
        ]
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(there)}
        return _fhir({**bundle, "entry": entries} if entries else bundle)

    def _matching(self, kind: str, query: Mapping[str, str]) -> list[Resource]:
        if not query or query.keys() - _SEARCHABLE:
            raise Problem(400, "not-supported")
        return [
            resource
            for resource in self._store.everything(kind)
            if all(_fits(resource, name, value) for name, value in query.items())
        ]

    def _refuse_unknown_subject(self, resource: Resource) -> None:
        reference = resource.get("subject", {}).get("reference", "")
        kind, _, resource_id = str(reference).partition("/")
        if kind == "Patient" and self._store.read("Patient", resource_id) is None:
            raise Problem(400, "not-found", f"{resource['resourceType']}.subject")

    def _stored(self, resource: Resource, status: int) -> Response:
        version = resource["meta"]["versionId"]
        place = f"{self._base}/{resource['resourceType']}/{resource['id']}/_history/{version}"
        headers = {"ETag": f'W/"{version}"', "Content-Location": place}
        if status == HTTPStatus.CREATED:
            headers["Location"] = place
        return _fhir(resource, status, headers)

    def _note(
        self, request: Request, body: bytes, status: int, effect: str, fault: Fault | None
    ) -> None:
        self._store.note(
            {
                "method": request.method,
                "path": request.path_params["path"],
                "if_none_exist": request.headers.get("if-none-exist"),
                "body_sha256": digest(body) if body else None,
                "status": status,
                "effect": effect,
                "fault": None if fault is None else fault.value,
            }
        )


def make_app(store: Store, *, origin: str, sign_in: SignIn | None, faults: Faults) -> Starlette:
    """Make the application; every reply says that it is a simulator's."""
    ehr = SimulatedEhr(store, origin=origin, sign_in=sign_in, faults=faults)
    app = Starlette(
        routes=[
            Route("/", ehr.serve_page),
            Route("/style.css", ehr.serve_style),
            Route("/ledger", ehr.serve_ledger),
            Route("/token", ehr.serve_token, methods=["POST"]),
            Route("/fhir/metadata", ehr.serve_metadata),
            Route("/fhir/.well-known/smart-configuration", ehr.serve_configuration),
            Route("/fhir/{path:path}", ehr.serve_fhir, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )
    app.add_middleware(_Labelled)
    return app


class _Labelled:
    """Puts `X-Simulator` on every reply."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401  (any ASGI application)
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def labelled(message: Any) -> None:  # noqa: ANN401  (an ASGI message)
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-simulator", LABEL.encode())]
            await send(message)

        await self._app(scope, receive, labelled)


def _resource(kind: str, body: bytes) -> Resource:
    if len(body) > _LARGEST_BODY_BYTES:
        raise Problem(413, "too-long")
    try:
        resource = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "structure") from None
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        raise Problem(400, "invalid", f"{kind}.resourceType")
    for code, expression in faults_of(resource):
        raise Problem(400, code, expression)
    return resource


def _fits(resource: Resource, name: str, value: str) -> bool:
    match name:
        case "_count":
            return True
        case "_id":
            return bool(resource["id"] == value)
        case "identifier":
            system, bar, number = value.rpartition("|")
            return any(
                known.get("value") == number and (not bar or known.get("system", "") == system)
                for known in resource.get("identifier", [])
            )
        case "encounter":
            listed = resource.get("context", {}).get("encounter", [])
            return any(link.get("reference") == value for link in listed)
        case _:
            reference = resource.get("subject", {}).get("reference")
            return reference in {value, f"Patient/{value}"}


def _outcome(
    status: int,
    code: str,
    expression: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    issue: dict[str, Any] = {"severity": "error", "code": code}
    if expression is not None:
        issue["expression"] = [expression]
    return _fhir({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers)


def _fhir(
    resource: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse(resource, status, headers, media_type=FHIR_JSON)
