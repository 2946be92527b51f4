"""Documents made from the code: refusals, settings, audit events, visit states, protocol.

`python -m tests.support.generated_docs --write` makes them again; a test fails on a stale one.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic_settings import BaseSettings

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
_PACKAGES: Final = ("telehealth", "signaling", "media")
_HEAD: Final = "<!-- Made by `make docs`; edits here are lost. -->\n"


def _subclasses(root: type[Any]) -> Iterator[type[Any]]:
    """Yield ours; a test may have made others in this process."""
    for child in root.__subclasses__():
        if child.__module__.split(".")[0] in _PACKAGES:
            yield child
        yield from _subclasses(child)


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def errors_page() -> str:
    """List every refusal of the three packages with its code and public sentence."""
    for path in sorted(ROOT.glob("*/**/errors.py")):
        if path.parts[len(ROOT.parts)] in _PACKAGES:
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    # Refusals that stand beside their one raiser are found through the composition roots.
    import_module("telehealth.cli")
    status: Mapping[str, int] = import_module("telehealth.platform.problems").STATUS
    root = import_module("telehealth.platform.errors").TelehealthError
    rows = sorted(
        (str(kind.code), status[kind.code], _first_line(kind), str(kind.public_message))
        for kind in set(_subclasses(root))
        if "code" in vars(kind)
    )
    lines = [f"| `{c}` | {s} | {d} | {p} |" for c, s, d, p in rows]
    sockets = [
        _socket_table("Signaling: refusals", "signaling.contract.errors", "SignalingError"),
        _close_codes(),
        _media_refusals(),
    ]
    return "\n".join(
        [
            _HEAD,
            "# Refusals",
            "",
            "## Visit service (RFC 9457 problem bodies)",
            "",
            "| code | status | when | what people read |",
            "|---|---|---|---|",
            *lines,
            "",
            *sockets,
        ]
    )


def _socket_table(title: str, module: str, root_name: str) -> str:
    root = getattr(import_module(module), root_name)
    rows = sorted(
        {
            (str(kind.code), _first_line(kind))
            for kind in _subclasses(root)
            if isinstance(vars(kind).get("code"), str)
        }
    )
    body = "\n".join(f"| `{code}` | {when} |" for code, when in rows)
    return f"## {title}\n\n| code | when |\n|---|---|\n{body}\n"


def _close_codes() -> str:
    codes = import_module("signaling.contract.close_codes").CloseCode
    tree = ast.parse(Path(str(inspect.getsourcefile(codes))).read_text())
    said = _field_docstrings(tree, codes.__name__)
    body = "\n".join(f"| {c.value} | {c.name.lower()} | {said.get(c.name, '')} |" for c in codes)
    return f"## Signaling: close codes\n\n| code | name | meaning |\n|---|---|---|\n{body}\n"


def _media_refusals() -> str:
    codes = import_module("media.contract.control").RefusalCode
    body = "\n".join(f"| `{code.value}` |" for code in codes)
    return f"## Media: command refusals\n\n| code |\n|---|\n{body}\n"


def _field_docstrings(tree: ast.Module, class_name: str) -> dict[str, str]:
    """Return the text under each field of a class, on one line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            return dict(_documented(node))
    return {}


def _documented(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in zip(node.body, node.body[1:], strict=False):
        name = None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name = field.target.id
        if isinstance(field, ast.Assign) and isinstance(field.targets[0], ast.Name):
            name = field.targets[0].id
        if name and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield name, " ".join(str(text.value.value).split())


_SETTINGS: Final = (
    ("Visit service", "telehealth.platform.config", "VisitServiceSettings"),
    ("Worker", "telehealth.platform.config", "WorkerSettings"),
    ("`telehealth keys` on data", "telehealth.platform.config", "KeyCommandSettings"),
    ("Signaling", "signaling.config", "SignalingSettings"),
    ("Media", "media.config", "MediaSettings"),
    ("All on one machine", "telehealth.serve_all", "ServeAllSettings"),
    ("Demo", "telehealth.demo", "DemoSettings"),
)


def configuration_page() -> str:
    """List every setting of every process."""
    parts = [_HEAD, "# Configuration", "", "No secret and no network address has a default.", ""]
    for title, module, name in _SETTINGS:
        settings: type[BaseSettings] = getattr(import_module(module), name)
        said: dict[str, str] = {}
        for kind in reversed(settings.__mro__):
            if kind.__module__.split(".")[0] in _PACKAGES:
                tree = ast.parse(Path(str(inspect.getsourcefile(kind))).read_text())
                said |= _field_docstrings(tree, kind.__name__)
        prefix = str(settings.model_config.get("env_prefix") or "")
        parts += [f"## {title}", "", "| environment | default | meaning |", "|---|---|---|"]
        for field, info in settings.model_fields.items():
            alias = info.validation_alias
            variable = str(alias) if alias is not None else f"{prefix}{field}".upper()
            default = "required" if info.is_required() else f"`{info.default}`"
            parts.append(f"| `{variable}` | {default} | {said.get(field, '')} |")
        parts.append("")
    return "\n".join(parts)


def audit_events_page() -> str:
    """List what the audit trail may hold, and how each event is told to others."""
    events = import_module("telehealth.audit.events")
    profile_of = import_module("telehealth.audit.fhir").profile_of
    said = _field_docstrings(ast.parse(Path(str(events.__file__)).read_text()), "AuditEvent")
    rows = [
        f"| `{event.value}` | {said.get(event.name, '')} | {events.ACTION[event].value}"
        f" | {(profile_of(event, has_patient=False) or '').rpartition('.')[2] or 'base'} |"
        for event in events.AuditEvent
    ]
    return "\n".join(
        [
            _HEAD,
            "# Audit events",
            "",
            "*FHIR* is AuditEvent.action; *profile* the IHE BALP profile of an export",
            "(IHE.BasicAudit.…, its Patient variant when the entry names one).",
            "",
            "| event | when it is recorded | FHIR | profile |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def visit_states_page() -> str:
    """Draw the visit's table."""
    lifecycle = import_module("telehealth.visits.lifecycle")
    arrows = [
        f"    {state.value} --> {after.value}: {step.value}"
        for (state, step), after in lifecycle.NEXT.items()
    ]
    words = [f"| `{s.value}` | {lifecycle.word(s)} |" for s in lifecycle.VisitState]
    return "\n".join(
        [
            _HEAD,
            "# Where a visit may go",
            "",
            "| state | word on screens |",
            "|---|---|",
            *words,
            "",
            "```mermaid",
            "stateDiagram-v2",
            *arrows,
            "```",
            "",
        ]
    )


def protocol_page() -> str:
    """Describe the browser's socket from its message definitions."""
    page: str = import_module("signaling.contract.schema").protocol_page()
    return _HEAD + page


def phi_inventory_page() -> str:
    """List every column: what it holds, where it may appear, how long, sealed or not."""
    inventory = import_module("telehealth.privacy.inventory")
    retention = import_module("telehealth.privacy.retention")
    metadata = import_module("telehealth.migrations.metadata").METADATA
    kept: dict[str, list[str]] = {}
    for rule in retention.RULES:
        kept.setdefault(rule.table, []).append(rule.data_class.value)
    policy = [
        f"| `{kind.value}` | {_span(keep.keep_for)} | {keep.counted_from} | {keep.law} |"
        for kind, keep in retention.POLICY.items()
    ]
    places = [f"| {kind.value} | {where} |" for kind, where in inventory.PLACES.items()]
    rows = [
        f"| `{name}.{column.name}` | {inventory.COLUMNS[name][column.name].value}"
        f" | {_is_sealed(column, inventory.COLUMNS[name][column.name])}"
        f" | {', '.join(dict.fromkeys(kept[name]))} |"
        for name, table in sorted(metadata.tables.items())
        for column in table.columns
    ]
    return "\n".join(
        [
            _HEAD,
            "# What is stored about persons",
            "",
            "Classes: `telehealth/privacy/inventory.py`.  How long: `retention.py` beside it.",
            "How both are held: `privacy.md`.",
            "",
            "| class | may appear outside the database |",
            "|---|---|",
            *places,
            "",
            "| kept as | for | counted from | by whose law |",
            "|---|---|---|---|",
            *policy,
            "",
            "| column | class | sealed | kept as |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _span(keep_for: timedelta | None) -> str:
    return "no limit" if keep_for is None else f"{keep_for.total_seconds() / 86400:g} days"


def _is_sealed(column: Any, kind: str) -> str:
    if column.info.get("sealed"):
        return "sealed"
    return "readable" if kind in {"identifier", "clinical"} else "-"


def access_matrix() -> str:
    """Say who may do what."""
    page: str = import_module("tests.support.access_matrix").access_matrix_page()
    return _HEAD + page


def http_api() -> str:
    """Describe the REST routes."""
    page: str = import_module("tests.support.http_api").http_api_page()
    return page


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "errors.md": errors_page,
    "configuration.md": configuration_page,
    "audit-events.md": audit_events_page,
    "visit-states.md": visit_states_page,
    "protocol.md": protocol_page,
    "security/phi-inventory.md": phi_inventory_page,
    "security/access-matrix.md": access_matrix,
    "http-api.json": http_api,
}


def main() -> None:
    """Write every page (with `--write`) or name the stale ones."""
    for name, page in PAGES.items():
        path = DOCS / name
        if "--write" in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(page())
        elif not path.exists() or path.read_text() != page():
            print(f"stale: docs/{name}")


if __name__ == "__main__":
    main()
