"""Our REST interface as OpenAPI 3.1: made from the route table and from what handlers read.

Which body a route takes is read off its handler's call of `body_of`, so the document cannot name
another one.  Served nowhere; `docs/http-api.json` is a copy.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from telehealth.access.route_table import PUBLIC_ROUTES
from telehealth.access.routes import RouteRow, Who

API: Final = "/v1/"
_ABOUT: Final = (
    "Refusals are problem documents (RFC 9457). Unsafe requests come from our own pages: Origin, "
    "and the CSRF cookie repeated in X-CSRF-Token; they may carry an Idempotency-Key."
)
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:telehealth:problem:"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
_REFUSED: Final = {
    "description": "Refused, and why.",
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
}
_REFUSALS: Final = (400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 503)


def http_api_page() -> str:
    """Return the document as text."""
    return json.dumps(http_api(), indent=1, sort_keys=True) + "\n"


def http_api() -> dict[str, Any]:
    """Return the document of every REST route of the public port."""
    handlers = handlers_of(public_routes())
    rows = [row for row in PUBLIC_ROUTES if row.path.startswith(API)]
    bodies = {row: body_model(handlers[row.method, row.path]) for row in rows}
    models = sorted({model for model in bodies.values() if model}, key=_name)
    references, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF
    )
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(
            row, references.get((body, "validation")) if (body := bodies[row]) else None
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Telehealth visit service",
            "version": "1",
            "description": _ABOUT,
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM},
            "responses": {"Refused": _REFUSED},
            "securitySchemes": {
                "pass": {"type": "apiKey", "in": "cookie", "name": "__Host-access"}
            },
        },
    }


def public_routes() -> list[Route]:
    """Return the router of the public application, without making its services."""
    from telehealth.app import PUBLIC_ROUTER  # noqa: PLC0415  (the composition root, asked late)

    return [route for route in PUBLIC_ROUTER if isinstance(route, Route)]


def handlers_of(routes: list[Route]) -> Mapping[tuple[str, str], Callable[..., Any]]:
    """Return the handler of each method and path; HEAD goes with its GET."""
    return {
        (method, route.path): route.endpoint
        for route in routes
        for method in (route.methods or set()) - {"HEAD"}
    }


def routes_of(app: Starlette) -> list[BaseRoute]:
    """Return what an application serves."""
    return list(app.routes)


def body_model(handler: Callable[..., Any]) -> type[BaseModel] | None:
    """Return the model that a handler reads its body into, if it reads one."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(handler)))
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="body_of"), args=[_, ast.Name(id=name)]):
                model = inspect.unwrap(handler).__globals__[name]
                if not issubclass(model, BaseModel):
                    raise TypeError(f"{name} is no body")
                return model  # type: ignore[no-any-return]  # just asked
            case _:
                continue
    return None


def _operation(row: RouteRow, body: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(row),
        "summary": row.does,
        "parameters": list(_parameters(row)),
        "responses": _responses(row),
        "x-who": row.who.value,
        "x-permissions": sorted(row.permissions),
        "x-scope": row.scope.value,
    }
    if row.who is not Who.PUBLIC:
        operation["security"] = [{"pass": []}]
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _parameters(row: RouteRow) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)(?::path)?\}", row.path):
        kind = {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": kind}
    for name in row.query:
        yield {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
    if row.is_repeatable:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
        }


def _responses(row: RouteRow) -> dict[str, Any]:
    kind = "object" if row.media == "application/json" else "string"
    content = {row.media: {"schema": {"type": kind}}}
    done = {"description": "Done."}
    said = {
        str(row.status): done
        if row.status == HTTPStatus.NO_CONTENT
        else {**done, "content": content}
    }
    refused = {"$ref": "#/components/responses/Refused"}
    return {**said, **{str(status): refused for status in _REFUSALS}}


def _operation_id(row: RouteRow) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", row.path.removeprefix(API)).strip("_")
    return f"{row.method.lower()}_{words}"


def _name(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"
