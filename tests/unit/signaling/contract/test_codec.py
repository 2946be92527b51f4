"""A frame is accepted whole, or refused with a documented error; nothing else comes out."""

import json
from typing import Any

import pytest

from signaling.contract.codec import (
    ARRAY_ITEMS_MAX,
    DEPTH_MAX,
    FIRST_FRAME_BYTES_MAX,
    FRAME_BYTES_MAX,
    REQUEST_ID_MAX,
    decode,
    decode_from_server,
    encode,
    size_of,
)
from signaling.contract.errors import BadMessage, UnsupportedMessage
from signaling.contract.messages import Hello, Offer, Ok, Ping, Publish, Source
from tests.support.signaling_peers import REQUESTS, frame, hello


def nested(levels: int) -> Any:
    """Return arrays within arrays; one level is an empty one."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def padded(size_bytes: int, filler: str = "x") -> str:
    """Return a proper ping of exactly so many bytes."""
    bare = len(frame("ping", 1, note="").encode())
    text = filler * ((size_bytes - bare) // len(filler.encode()))
    text += "x" * (size_bytes - bare - len(text.encode()))
    return json.dumps({"type": "ping", "id": 1, "note": text}, ensure_ascii=False)


@pytest.mark.parametrize("tag", REQUESTS)
def test_every_request_is_read(tag: str) -> None:
    request = decode(frame(tag, 3, **REQUESTS[tag]))

    assert request.__struct_config__.tag == tag
    assert request.id == 3


@pytest.mark.parametrize("tag", REQUESTS)
def test_what_is_written_reads_the_same(tag: str) -> None:
    request = decode(frame(tag, 3, **REQUESTS[tag]))

    assert decode(encode(request)) == request


def test_fields_become_the_types_of_the_protocol() -> None:
    request = decode(frame("publish", 4, source="camera", mid="1"))

    assert request == Publish(id=4, source=Source.CAMERA, mid="1", is_muted=False)


def test_a_field_of_tomorrow_is_skipped() -> None:
    """Either side may be the newer one."""
    assert decode(frame("ping", 1, of_tomorrow={"deep": [1]})) == Ping(id=1)


@pytest.mark.parametrize("limit_bytes", [FIRST_FRAME_BYTES_MAX, FRAME_BYTES_MAX])
def test_a_frame_may_be_as_long_as_the_limit_and_no_longer(limit_bytes: int) -> None:
    assert decode(padded(limit_bytes), limit_bytes=limit_bytes) == Ping(id=1)

    with pytest.raises(BadMessage):
        decode(padded(limit_bytes + 1), limit_bytes=limit_bytes)


def test_length_is_counted_in_bytes_not_in_letters() -> None:
    """Four bytes a letter would otherwise let a frame of four times the limit in."""
    text = padded(FRAME_BYTES_MAX + 4, filler="\N{STETHOSCOPE}")

    assert len(text) < FRAME_BYTES_MAX
    with pytest.raises(BadMessage):
        decode(text)


def test_the_standard_limit_is_the_one_of_a_seat() -> None:
    assert decode(padded(FRAME_BYTES_MAX)) == Ping(id=1)


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("abc", 3), ("é", 2), ("\N{STETHOSCOPE}", 4), ("\ud800", 1)]
)
def test_a_size_is_that_of_utf_8(text: str, size: int) -> None:
    assert size_of(text) == size


def test_parts_may_lie_as_deep_as_the_limit_and_no_deeper() -> None:
    """The frame itself is the first level."""
    assert decode(frame("ping", 1, deep=nested(DEPTH_MAX - 1))) == Ping(id=1)

    with pytest.raises(BadMessage) as refused:
        decode(frame("ping", 1, deep=nested(DEPTH_MAX)))
    assert refused.value.re == 1


def test_objects_count_as_levels_like_arrays() -> None:
    deep: dict[str, Any] = {}
    for _ in range(DEPTH_MAX - 2):
        deep = {"a": deep}

    assert decode(frame("ping", 1, deep=deep)) == Ping(id=1)
    with pytest.raises(BadMessage):
        decode(frame("ping", 1, deep={"a": deep}))


@pytest.mark.parametrize("levels", [1_000, 20_000])
def test_a_frame_that_is_all_brackets_is_refused_before_it_costs_a_stack(levels: int) -> None:
    with pytest.raises(BadMessage):
        decode("[" * levels + "]" * levels)


def test_an_array_may_hold_as_many_items_as_the_limit_and_no_more() -> None:
    assert decode(frame("ping", 1, items=[0] * ARRAY_ITEMS_MAX)) == Ping(id=1)

    with pytest.raises(BadMessage) as refused:
        decode(frame("ping", 1, items=[0] * (ARRAY_ITEMS_MAX + 1)))
    assert refused.value.re == 1


def test_an_array_inside_an_array_is_counted_too() -> None:
    with pytest.raises(BadMessage):
        decode(frame("ping", 1, items=[[0] * (ARRAY_ITEMS_MAX + 1)]))


def test_a_wish_for_more_than_a_room_can_hold_is_refused() -> None:
    wants = [{"publication_id": f"p{number}.mic"} for number in range(ARRAY_ITEMS_MAX + 1)]

    with pytest.raises(BadMessage):
        decode(frame("subscribe", 1, wants=wants))


def test_an_unknown_type_is_not_a_violation() -> None:
    """A newer page may meet an older server."""
    with pytest.raises(UnsupportedMessage) as refused:
        decode(frame("wave", 9))

    assert refused.value.re == 9


@pytest.mark.parametrize("tag", ["welcome", "answer", "ok", "Hello", "HELLO", ""])
def test_a_message_of_the_server_is_unknown_from_a_client(tag: str) -> None:
    with pytest.raises(UnsupportedMessage):
        decode(frame(tag, 1))


@pytest.mark.parametrize("value", [None, 1, True, ["ping"], {"ping": 1}])
def test_a_type_that_is_no_text_is_malformed(value: object) -> None:
    with pytest.raises(BadMessage) as refused:
        decode(json.dumps({"type": value, "id": 5}))

    assert refused.value.re == 5


def test_a_frame_without_a_type_is_malformed() -> None:
    with pytest.raises(BadMessage) as refused:
        decode('{"id":6}')

    assert refused.value.re == 6


@pytest.mark.parametrize("text", ["", " ", "null", "1", '"ping"', "[]", "true", "[{}]"])
def test_what_is_no_object_is_malformed(text: str) -> None:
    with pytest.raises(BadMessage) as refused:
        decode(text)

    assert refused.value.re is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"type":"ping","id":1',
        '{"type":"ping","id":1}}',
        "{'type':'ping','id':1}",
        '{"type":"ping","id":1,}',
        '{"type":"ping","id":NaN}',
        '{"type":"ping","id":1,"x":1e999}',
        '{"type":"ping","id":1,"x":"\\ud800"}',
        '{"type":"ping","id":1,"x":"\ud800"}',
        '\ufeff{"type":"ping","id":1}',
        '{"type":"ping","id":' + "9" * 5_000 + "}",
        "\x00",
    ],
)
def test_what_is_no_json_is_malformed(text: str) -> None:
    with pytest.raises(BadMessage) as refused:
        decode(text)

    assert refused.value.re is None


@pytest.mark.parametrize("number", [None, "1", 1.5, True, False, 0, -1, REQUEST_ID_MAX + 1, [1]])
def test_a_request_without_a_proper_number_is_refused_under_none(number: object) -> None:
    with pytest.raises(BadMessage) as refused:
        decode(json.dumps({"type": "ping", "id": number}))

    assert refused.value.re is None


@pytest.mark.parametrize("number", [1, REQUEST_ID_MAX])
def test_a_refusal_names_the_request(number: int) -> None:
    with pytest.raises(BadMessage) as refused:
        decode(frame("publish", number, source="fax", mid="0"))

    assert refused.value.re == number


@pytest.mark.parametrize("number", [1, REQUEST_ID_MAX])
def test_numbers_reach_as_far_as_a_browser_counts_exactly(number: int) -> None:
    assert decode(frame("ping", number)) == Ping(id=number)


@pytest.mark.parametrize(
    "fields",
    [
        {"offer_id": 2**53, "room_epoch": 1, "sdp": "v=0"},
        {"offer_id": 1, "room_epoch": 2**53, "sdp": "v=0"},
        {"offer_id": 2**70, "room_epoch": 1, "sdp": "v=0"},
    ],
)
def test_numbers_no_other_side_could_hold_are_refused(fields: dict[str, object]) -> None:
    """An offer's number travels on to the media node and back to the browser."""
    with pytest.raises(BadMessage):
        decode(frame("offer", 1, **fields))


def test_an_sdp_may_be_as_long_as_the_limit_and_no_longer() -> None:
    longest = frame("offer", 1, offer_id=1, room_epoch=0, sdp="v" * 49_152)
    longer = frame("offer", 1, offer_id=1, room_epoch=0, sdp="v" * 49_153)

    assert isinstance(decode(longest), Offer)
    with pytest.raises(BadMessage):
        decode(longer)


@pytest.mark.parametrize(
    "fields",
    [
        {"ticket": ""},
        {"ticket": "t" * 4_097},
        {"device_id": "short"},
        {"device_id": "d" * 65},
        {"client": {"name": "test"}},
        {"client": {"name": "n" * 65, "version": "1"}},
        {"features": ["f"] * 17},
        {"features": "all"},
    ],
)
def test_a_hello_out_of_bounds_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BadMessage):
        decode(hello(1, **fields))


def test_of_a_field_told_twice_the_last_counts() -> None:
    """RFC 8259 section 4 leaves it open; what is checked must be what is used."""
    assert decode('{"type":"ping","id":1,"id":2}') == Ping(id=2)


def test_a_refusal_holds_nothing_of_the_frame() -> None:
    """A ticket in a malformed hello must not ride into a log line."""
    with pytest.raises(BadMessage) as refused:
        decode(frame("hello", 1, ticket="canary-ticket", device_id="no"))

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "canary" not in repr(refused.value)


def test_a_hello_without_features_wishes_none() -> None:
    request = decode(hello())

    assert isinstance(request, Hello)
    assert request.features == ()


def test_a_message_of_the_server_is_read_back() -> None:
    assert decode_from_server(encode(Ok(re=4))) == Ok(re=4)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"type":"wave"}', '{"type":"ok"}', '{"re":1}', "[" * 20_000, "\ud800"]
)
def test_what_no_server_says_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        decode_from_server(text)


def test_the_bounds_are_those_promised() -> None:
    assert (FRAME_BYTES_MAX, FIRST_FRAME_BYTES_MAX) == (65_536, 8_192)
    assert (DEPTH_MAX, ARRAY_ITEMS_MAX) == (8, 64)
    assert REQUEST_ID_MAX == 9_007_199_254_740_991
