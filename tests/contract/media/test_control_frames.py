"""The control channel's wire: one accepted and one refused frame of every type."""

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from media.contract.control import FromMedia, ToMedia

GOLDEN = Path(__file__).parents[1] / "golden" / "media"
TYPES: dict[str, Any] = {
    each.__struct_config__.tag: union for union in (ToMedia, FromMedia) for each in get_args(union)
}


def golden(tag: str, kind: str) -> bytes:
    document = json.loads((GOLDEN / f"{tag}.json").read_text())
    return json.dumps(document[kind]).encode()


def test_every_frame_has_its_golden_file_and_no_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(TYPES)


@pytest.mark.parametrize("tag", TYPES)
def test_a_golden_frame_is_read_and_written_back_the_same(tag: str) -> None:
    wire = golden(tag, "accepted")

    frame = msgspec.json.decode(wire, type=TYPES[tag])

    assert json.loads(msgspec.json.encode(frame)) == json.loads(wire)


@pytest.mark.parametrize("tag", TYPES)
def test_a_frame_out_of_bounds_is_refused(tag: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(golden(tag, "refused"), type=TYPES[tag])


@pytest.mark.parametrize("tag", TYPES)
def test_a_field_of_tomorrow_is_skipped(tag: str) -> None:
    """Both sides may be updated in either order."""
    document = json.loads(golden(tag, "accepted")) | {"of_tomorrow": 1}

    msgspec.json.decode(json.dumps(document).encode(), type=TYPES[tag])


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"type":"fly"}', type=ToMedia)
