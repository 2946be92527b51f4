"""The VP8 descriptor: what it says, and how it goes out under a slot's own counters."""

import pytest

from media.core.vp8 import (
    NO_SHIFT,
    NOTHING_SENT,
    Counters,
    dropped_before,
    has_key_index,
    has_short_id,
    may_enter,
    parse,
    renumbered,
    shift_onto,
    shifted,
    widened,
)
from tests.support.rtp import vp8

SHAPES = [
    vp8(is_key=True),
    vp8(is_key=True, picture_id=5),
    vp8(is_key=True, picture_id=5, is_short=True),
    vp8(is_key=True, picture_id=0x7FFF, tl0=255),
    vp8(is_key=True, picture_id=5, temporal_id=2),
    vp8(is_key=True, picture_id=5, tl0=9, temporal_id=2, key_index=31),
    vp8(is_key=True, tl0=9),
    vp8(is_key=True, temporal_id=1),
]


@pytest.mark.parametrize("payload", SHAPES, ids=bytes.hex)
def test_every_shape_is_read_up_to_its_first_payload_byte(payload: bytes) -> None:
    descriptor = parse(b"head" + payload, 4, 4 + len(payload))

    assert descriptor is not None
    length, *_, is_key = descriptor
    assert payload[length] == 0x10
    assert is_key


@pytest.mark.parametrize("payload", SHAPES, ids=bytes.hex)
def test_a_descriptor_cut_short_is_refused(payload: bytes) -> None:
    whole = parse(payload, 0, len(payload))
    assert whole is not None

    for end in range(whole[0] + 1):
        assert parse(payload[:end], 0, end) is None
        assert parse(payload, 0, end) is None
    assert parse(payload, 0, whole[0] + 1) == whole


def test_every_field_is_told_where_it_is_there() -> None:
    full = vp8(picture_id=300, tl0=9, temporal_id=1, key_index=7)

    assert parse(full, 0, len(full)) == (6, 300, 9, 1 << 6 | 7, False)
    assert has_key_index(full, 0)
    assert not has_short_id(full, 0)


def test_absent_fields_are_told_as_absent() -> None:
    bare, short = vp8(), vp8(picture_id=5, is_short=True, temporal_id=0)

    assert parse(bare, 0, len(bare)) == (1, -1, -1, -1, False)
    assert not has_key_index(bare, 0)
    assert not has_key_index(short, 0)
    assert has_short_id(short, 0)


@pytest.mark.parametrize(
    "payload",
    [vp8(is_start=False, is_key=True), b"\x11\x10more", vp8(is_key=False)],
    ids=["middle of a frame", "second partition", "inter frame"],
)
def test_only_the_first_packet_of_a_key_frame_starts_one(payload: bytes) -> None:
    descriptor = parse(payload, 0, len(payload))

    assert descriptor is not None
    assert not descriptor[-1]


@pytest.mark.parametrize(
    ("short", "newest", "later", "earlier"),
    [
        (5, -1, 5, 5),
        (6, 5, 6, 0x7F86),
        (5, 5, 5, 5),
        (0, 127, 128, 0),
        (127, 128, 255, 127),
        (1, 255, 257, 129),
        (0, 0x7FFF, 0, 0x7F80),
        (127, 0, 127, 0x7FFF),
        (70, 128 + 3, 128 + 70, 70),
    ],
)
def test_a_short_picture_id_is_counted_on_or_back_past_its_wrap(
    short: int, newest: int, later: int, earlier: int
) -> None:
    assert widened(short, newest, is_later=True) == later
    assert widened(short, newest, is_later=False) == earlier


@pytest.mark.parametrize(
    ("payload", "out"),
    [
        (vp8(), vp8()),
        (vp8(tl0=9), vp8(tl0=9)),
        (vp8(picture_id=5), vp8(picture_id=15)),
        (vp8(picture_id=5, is_short=True), vp8(picture_id=15)),
        (vp8(picture_id=0x7FFF), vp8(picture_id=9)),
        (vp8(picture_id=5, tl0=250), vp8(picture_id=15, tl0=14)),
        (vp8(picture_id=5, temporal_id=2), vp8(picture_id=15, temporal_id=2)),
        (vp8(picture_id=5, key_index=1), vp8(picture_id=15, key_index=31)),
        (
            vp8(picture_id=5, tl0=1, temporal_id=3, key_index=4),
            vp8(picture_id=15, tl0=21, temporal_id=3, key_index=2),
        ),
        (vp8(picture_id=5, tl0=1, temporal_id=3), vp8(picture_id=15, tl0=21, temporal_id=3)),
    ],
)
def test_counters_go_out_shifted_and_the_picture_id_wide(payload: bytes, out: bytes) -> None:
    descriptor = parse(payload, 0, len(payload))
    assert descriptor is not None

    written = renumbered(payload, 0, descriptor, descriptor[1], (10, 20, 30))

    assert written + payload[descriptor[0] :] == out


def test_the_first_source_of_a_slot_keeps_its_counters() -> None:
    assert shift_onto(NOTHING_SENT, (500, 7, 3)) == NO_SHIFT


@pytest.mark.parametrize(
    ("last", "first"),
    [((100, 7, 3), (5_000, 0, 0)), ((0x7FFF, 255, 31), (3, 9, 30)), ((0, 0, 0), (0, 0, 0))],
)
def test_the_next_source_goes_on_by_one_in_each_counter(last: Counters, first: Counters) -> None:
    shift = shift_onto(last, first)

    out = shifted(first, shift, last)

    assert out == ((last[0] + 1) % 32_768, (last[1] + 1) % 256, (last[2] + 1) % 32)


def test_a_counter_that_a_source_lacks_stays_for_the_one_after_it() -> None:
    last, lacking = (100, 7, 3), (4, -1, -1)
    shift = shift_onto(last, lacking)

    assert shift[1:] == (0, 0)
    assert shifted(lacking, shift, last) == (101, 7, 3)
    assert shifted(NOTHING_SENT, NO_SHIFT, last) == last


def test_a_layer_is_entered_at_the_start_of_a_frame_that_leans_on_the_base_alone() -> None:
    start, rest = vp8(temporal_id=1), vp8(temporal_id=1, is_start=False)

    assert may_enter(start, 0, 0x60)
    assert not may_enter(start, 0, 0x40)
    assert not may_enter(rest, 0, 0x60)


def test_frames_left_out_before_a_frame_are_counted_across_the_wrap() -> None:
    assert dropped_before([32_766, 0, 2], 1) == 2
    assert dropped_before([32_766, 0, 2], 3) == 3
    assert dropped_before([32_766, 0, 2], 32_766) == 0
