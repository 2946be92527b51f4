"""One body that a model takes, made from its JSON Schema; for tests that ask every route."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

# What a pattern or a rule beyond the schema asks for, by the name of the field.
_NAMED: Final[Mapping[str, Any]] = {
    "place_state": "IL",
    "call_back_number": "(312) 555-0101",
    "consent_text_id": "video-visit",
    "language": "en",
    "email": "nobody@nowhere.example",
    "starts_at": "2026-03-02T18:00:00Z",
    "ends_at": "2026-03-02T18:30:00Z",
    "secret": "x" * 22,
    "code": "000000",
    "npi": "1234567893",
}
# Of a list, the member that a rule beyond the schema takes: no patient is invited, none is staff.
_TAKEN: Final = frozenset({"interpreter", "scheduler"})
_FORMATS: Final[Mapping[str, str]] = {
    "uuid": "0195a5c4-7c00-7000-8000-00000000abcd",
    "date": "1984-02-29",
    "date-time": "2026-03-02T18:00:00Z",
    "binary": "",
}


def example_of(model: type[BaseModel], **known: Any) -> dict[str, Any]:
    """Return a body for `model`; `known` values are used where the model has such a field."""
    schema = model.model_json_schema()
    values: dict[str, Any] = {
        name: known[name] if name in known else _value(name, field, schema.get("$defs", {}))
        for name, field in schema.get("properties", {}).items()
    }
    return values


def _value(name: str, field: Mapping[str, Any], named: Mapping[str, Any]) -> Any:
    if name in _NAMED:
        return _NAMED[name]
    if "$ref" in field:
        return _value("", named[str(field["$ref"]).rsplit("/", 1)[-1]], named)
    if "anyOf" in field:
        return _value("", field["anyOf"][0], named)
    for wanted in _TAKEN & set(field.get("enum", ())):
        return wanted
    if "enum" in field or "const" in field:
        return field["const"] if "const" in field else field["enum"][0]
    return _plain(field, named)


def _plain(field: Mapping[str, Any], named: Mapping[str, Any]) -> Any:
    match field.get("type"):
        case "string":
            text = _FORMATS.get(str(field.get("format")), "x")
            return text.ljust(int(field.get("minLength", 0)), "x")
        case "integer" | "number":
            return field.get("minimum", 0)
        case "boolean":
            return False
        case "array":
            return [_value("", field["items"], named)] * int(field.get("minItems", 0))
        case _:
            inner = field.get("properties", {})
            return {name: _value(name, each, named) for name, each in inner.items()}
