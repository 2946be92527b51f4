"""The browser's socket: one accepted and one refused frame of every message."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from signaling.contract.codec import decode, decode_from_server, encode
from signaling.contract.errors import BadMessage
from signaling.contract.messages import FromClient, FromServer

GOLDEN = Path(__file__).parents[1] / "golden" / "signaling"
FROM_CLIENT = [str(each.__struct_config__.tag) for each in get_args(FromClient)]
FROM_SERVER = [str(each.__struct_config__.tag) for each in get_args(FromServer)]
READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(FROM_CLIENT, decode),
    **dict.fromkeys(FROM_SERVER, decode_from_server),
}


def golden(tag: str, kind: str) -> dict[str, Any]:
    document = json.loads((GOLDEN / f"{tag}.json").read_text())
    frame: dict[str, Any] = document[kind]
    return frame


def test_every_message_has_its_golden_file_and_no_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(READ)
    assert len(READ) == len(FROM_CLIENT) + len(FROM_SERVER)


@pytest.mark.parametrize("tag", READ)
def test_both_frames_of_a_file_are_of_its_type(tag: str) -> None:
    assert golden(tag, "accepted")["type"] == golden(tag, "refused")["type"] == tag


@pytest.mark.parametrize("tag", READ)
def test_an_accepted_frame_is_read_and_written_back_the_same(tag: str) -> None:
    wire = golden(tag, "accepted")

    message = READ[tag](json.dumps(wire))

    assert message.__struct_config__.tag == tag
    assert json.loads(encode(message)) == wire


@pytest.mark.parametrize("tag", READ)
def test_a_frame_out_of_bounds_is_refused(tag: str) -> None:
    with pytest.raises(BadMessage):
        READ[tag](json.dumps(golden(tag, "refused")))


@pytest.mark.parametrize("tag", FROM_CLIENT)
def test_a_refusal_names_the_request_where_it_has_a_number(tag: str) -> None:
    wire = golden(tag, "refused")

    with pytest.raises(BadMessage) as refused:
        decode(json.dumps(wire))

    assert refused.value.re == (wire.get("id") or None)


@pytest.mark.parametrize("tag", READ)
def test_a_field_of_tomorrow_is_skipped(tag: str) -> None:
    """Both sides may be updated in either order."""
    wire = golden(tag, "accepted")

    assert READ[tag](json.dumps(wire | {"of_tomorrow": 1})) == READ[tag](json.dumps(wire))


@pytest.mark.parametrize("tag", READ)
def test_no_field_can_be_left_out_but_those_with_a_default(tag: str) -> None:
    """A field that silently reads as nothing is how two sides drift apart."""
    wire = golden(tag, "accepted")
    message = READ[tag](json.dumps(wire))
    required = {each.encode_name for each in msgspec.structs.fields(message) if each.required}

    for name in required:
        with pytest.raises(BadMessage):
            READ[tag](json.dumps({key: value for key, value in wire.items() if key != name}))
