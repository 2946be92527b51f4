"""The unions as JSON Schema 2020-12, and as the page `docs/protocol.md`."""

import inspect
import json
from typing import Any, Final, get_args

import msgspec

from signaling.contract.close_codes import WHO_MAY_RETRY, CloseCode
from signaling.contract.messages import SUBPROTOCOL, FromClient, FromServer, Message

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return one schema document: what clients send, what servers send, every part of both."""
    (from_client, from_server), parts = msgspec.json.schema_components(
        [FromClient, FromServer], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": _DIALECT,
        "title": SUBPROTOCOL,
        "$defs": {
            **dict(sorted(parts.items())),
            "FromClient": from_client,
            "FromServer": from_server,
        },
    }


def schema_text() -> str:
    """Return the schema document as text."""
    return json.dumps(json_schema(), indent=1, sort_keys=True) + "\n"


def protocol_page() -> str:
    """Return the page that describes this subprotocol, made from its definitions."""
    return "\n".join(
        [
            f"# The subprotocol `{SUBPROTOCOL}`",
            "",
            "One JSON object per text frame; `type` names the message.  Both sides ignore unknown",
            "fields; a client ignores unknown server types.  `signaling schema` prints the JSON",
            "Schema.",
            "",
            "## From the client",
            "",
            *_sections(FromClient),
            "## From the server",
            "",
            *_sections(FromServer),
            "## Who may come back after a close",
            "",
            "| code | who |",
            "|---|---|",
            *(f"| {code.value} | {WHO_MAY_RETRY[code].name.lower()} |" for code in CloseCode),
            "",
        ]
    )


def _sections(union: object) -> list[str]:
    return [line for kind in get_args(union) for line in _section(kind)]


def _section(kind: type[Message]) -> list[str]:
    said = (inspect.getdoc(kind) or "").split("\n")
    fields = [
        f"- `{field.encode_name}`{'' if field.required else ' (optional)'}: "
        f"{_type_name(msgspec.json.schema(field.type))}"
        for field in msgspec.structs.fields(kind)
    ]
    return [
        f"### `{kind.__struct_config__.tag}`",
        "",
        *said,
        "",
        *fields,
        *([""] if fields else []),
    ]


def _type_name(schema: dict[str, Any]) -> str:
    """Say a field's type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        part = schema.get("$defs", {}).get(name, {})
        return " or ".join(map(json.dumps, part["enum"])) if "enum" in part else name
    if "anyOf" in schema:
        inner = [{**each, "$defs": schema.get("$defs", {})} for each in schema["anyOf"]]
        return " or ".join(_type_name(each) for each in inner)
    if schema.get("items"):
        return f"array of {_type_name({**schema['items'], '$defs': schema.get('$defs', {})})}"
    return f"{schema.get('type', 'any')}{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    names = ("minimum", "maximum", "minLength", "maxLength")
    known = [f"{name} {schema[name]}" for name in names if name in schema]
    return f" ({', '.join(known)})" if known else ""
