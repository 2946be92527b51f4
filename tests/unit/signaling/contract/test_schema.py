"""The schema and the page are made from the messages, so neither can be stale."""

import json
from typing import Any, get_args

import pytest

from signaling.contract.close_codes import CloseCode
from signaling.contract.messages import SUBPROTOCOL, FromClient, FromServer
from signaling.contract.schema import json_schema, protocol_page, schema_text
from tests.support.generated_docs import PAGES

MESSAGES: list[Any] = [*get_args(FromClient), *get_args(FromServer)]


def definition(kind: Any) -> dict[str, Any]:
    found: dict[str, Any] = json_schema()["$defs"][kind.__name__]
    return found


def section_of(tag: str) -> list[str]:
    lines = protocol_page().split("\n")
    begin = lines.index(f"### `{tag}`")
    end = next(
        (at for at in range(begin + 1, len(lines)) if lines[at].startswith("##")), len(lines)
    )
    return lines[begin + 1 : end]


def test_the_schema_names_its_dialect_and_the_subprotocol() -> None:
    schema = json_schema()

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == SUBPROTOCOL


@pytest.mark.parametrize(
    ("name", "union"), [("FromClient", FromClient), ("FromServer", FromServer)]
)
def test_a_union_lists_each_of_its_messages(name: str, union: object) -> None:
    listed = {each["$ref"].rpartition("/")[2] for each in json_schema()["$defs"][name]["anyOf"]}

    assert listed == {kind.__name__ for kind in get_args(union)}


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_is_told_apart_by_its_type(kind: Any) -> None:
    tag = kind.__struct_config__.tag

    assert definition(kind)["properties"]["type"] == {"enum": [tag]}
    assert "type" in definition(kind)["required"]


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_has_all_its_fields_in_the_schema(kind: Any) -> None:
    assert set(definition(kind)["properties"]) == {"type", *kind.__struct_encode_fields__}


def test_every_reference_leads_somewhere() -> None:
    schema = json_schema()
    text = json.dumps(schema)

    for part in text.split('"$ref": "#/$defs/')[1:]:
        assert part.partition('"')[0] in schema["$defs"]


def test_unknown_fields_are_not_forbidden() -> None:
    assert "additionalProperties" not in schema_text()


def test_the_text_is_the_schema_in_a_stable_order() -> None:
    assert json.loads(schema_text()) == json.loads(json.dumps(json_schema()))
    assert schema_text() == schema_text()
    assert schema_text().endswith("}\n")


@pytest.mark.parametrize("kind", MESSAGES)
def test_the_page_describes_every_message_and_field(kind: Any) -> None:
    lines = section_of(kind.__struct_config__.tag)

    for name in kind.__struct_encode_fields__:
        assert any(line.startswith(f"- `{name}`") for line in lines)


def test_the_page_says_what_a_field_may_be() -> None:
    assert {
        "- `id`: integer (minimum 1, maximum 9007199254740991)",
        '- `source`: "camera" or "mic" or "screen"',
        "- `mid`: string (minLength 1, maxLength 16)",
        "- `is_muted` (optional): boolean",
    } <= set(section_of("publish"))
    assert "- `client`: Client" in section_of("hello")
    assert "- `features` (optional): array of string (maxLength 64)" in section_of("hello")
    assert "- `wants`: array of Want" in section_of("subscribe")
    assert "- `candidate`: string (maxLength 512) or null" in section_of("candidate")


def test_a_message_without_fields_of_its_own_still_has_its_sentence() -> None:
    assert "Ask for a `pong`; a page cannot see protocol pings." in section_of("ping")


def test_the_page_says_who_may_come_back_after_each_close() -> None:
    lines = protocol_page().split("\n")

    assert {f"| {code.value} |" for code in CloseCode} <= {line[:8] for line in lines}
    assert "| 4409 | person |" in lines


def test_the_page_in_the_documents_is_this_one() -> None:
    assert PAGES["protocol.md"]().endswith(protocol_page())
