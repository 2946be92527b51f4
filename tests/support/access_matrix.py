"""The access matrix as a page: roles, permissions, routes, and reads that start elsewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from telehealth.access.roles import HELD_BY, SENTENCE, Permission, Role
from telehealth.access.route_table import INTERNAL_ROUTES, PUBLIC_ROUTES
from telehealth.access.routes import RouteRow, Who

ROOT: Final = Path(__file__).parents[2]


def access_matrix_page() -> str:
    """Say who may do what, through which routes, and which reads ask nobody."""
    return "\n".join(
        [
            "# Who may do what",
            "",
            "Roles and permissions: `telehealth/access/roles.py`; routes:",
            "`telehealth/access/route_table.py`. A request without a row is refused before any",
            "handler runs. A clinic is a wall: a permission counts in the clinic one is signed in",
            "at; another clinic's things look as if they did not exist.",
            "",
            *_permissions(),
            "",
            *_routes("Public port", PUBLIC_ROUTES),
            "",
            *_routes("Internal port", INTERNAL_ROUTES),
            "",
            *_unscoped(),
            "",
        ]
    )


def _permissions() -> Iterator[str]:
    roles = " | ".join(role.value.capitalize() for role in Role)
    yield "## Permissions"
    yield ""
    yield f"| permission | allows | {roles} |"
    yield "|---|---|" + "---|" * len(Role)
    for permission in Permission:
        held = " | ".join("yes" if permission in HELD_BY[role] else "" for role in Role)
        yield f"| `{permission.value}` | {SENTENCE[permission]} | {held} |"


def _routes(title: str, rows: tuple[RouteRow, ...]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| route | what it does | who | whose things | pace |"
    yield "|---|---|---|---|---|"
    for row in rows:
        path = row.path.replace("|", "\\|")
        yield (
            f"| `{row.method} {path}` | {row.does} | {_who(row)} | {row.scope.value} "
            f"| {row.pace.value} |"
        )


def _who(row: RouteRow) -> str:
    match row.who:
        case Who.PUBLIC:
            return f"anybody: {row.because}"
        case Who.SIGNED_IN:
            return "whoever is signed in"
        case Who.HOLDER:
            return "staff with a login session, even one that may only add a factor"
        case Who.SERVICE:
            return "signaling, by its token"
        case Who.PERMITTED:
            return ", ".join(f"`{each.value}`" for each in sorted(row.permissions))


def _unscoped() -> Iterator[str]:
    yield "## Reads that do not start at what the actor may see"
    yield ""
    yield "Each says `unscoped_` in its name, and why in its docstring; these are its callers."
    yield ""
    yield "| read | called by |"
    yield "|---|---|"
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "telehealth").rglob("*.py")):
        module = path.relative_to(ROOT / "telehealth").with_suffix("").as_posix().replace("/", ".")
        for read, caller in _calls(ast.parse(path.read_text())):
            found.setdefault(read, set()).add(f"`{module}.{caller}`")
    for read, callers in sorted(found.items()):
        yield f"| `{read}` | {', '.join(sorted(callers))} |"


def _calls(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and (name := _callee(node)).startswith("unscoped_"):
                yield name, function.name


def _callee(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
