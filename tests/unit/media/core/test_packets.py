"""RTP headers by offset: what lies is found out before anything is read past the end."""

import pytest

from media.core.packets import (
    HeaderTemplate,
    extension_layout,
    level_position,
    number_position,
    payload_end,
    payload_offset,
    unwrapped_rtx,
)
from tests.support.rtp import one_byte, rtp, two_byte

LEVEL, MID = 2, 1


@pytest.mark.parametrize(
    ("packet", "offset"),
    [
        (rtp(payload=b"abc"), 12),
        (rtp(payload=b""), 12),
        (rtp(csrcs=2, payload=b"abc"), 20),
        (rtp(extension=one_byte({MID: b"0"}), payload=b"abc"), 20),
        (rtp(csrcs=1, extension=one_byte({MID: b"0"}), payload=b""), 24),
        (b"\x00" + rtp()[1:], -1),
        (b"\x82" + rtp(payload=b"1234567")[1:], -1),
        (b"\x90" + rtp(payload=b"123")[1:], -1),
        (b"\x90" + rtp(payload=b"\xbe\xde\x00\x02ABCD")[1:], -1),
    ],
)
def test_the_payload_begins_where_the_header_ends(packet: bytes, offset: int) -> None:
    assert payload_offset(packet) == offset


@pytest.mark.parametrize(
    ("padding", "end"),
    [(b"\x00\x00\x03", 14), (b"\x01", 14), (b"\x00" * 4 + b"\x07", 12)],
)
def test_padding_is_no_payload(padding: bytes, end: int) -> None:
    packet = bytes([0xA0]) + rtp(payload=b"ab" + padding)[1:]

    assert payload_end(packet, 12) == end


def test_a_packet_without_padding_ends_where_it_ends() -> None:
    assert payload_end(rtp(payload=b"abc"), 12) == 15


@pytest.mark.parametrize("count", [0, 4, 255])
def test_padding_that_lies_is_refused(count: int) -> None:
    packet = bytes([0xA0]) + rtp(payload=bytes([9, 9, count]))[1:]

    assert payload_end(packet, 12) == -1


def test_one_byte_elements_are_found_between_their_padding() -> None:
    packet = rtp(extension=b"\xbe\xde\x00\x02" + b"\x00\x10A\x00" + b"\x21BC\x00")

    assert extension_layout(packet) == {1: (18, 1), 2: (21, 2)}


def test_two_byte_elements_are_found_too() -> None:
    packet = rtp(extension=two_byte({1: b"ab", 200: b""}))

    assert extension_layout(packet) == {1: (18, 2), 200: (22, 0)}


def test_no_extension_and_an_unknown_profile_hold_nothing() -> None:
    assert extension_layout(rtp()) == {}
    assert extension_layout(rtp(extension=b"\xab\xac\x00\x01" + b"\x10A\x00\x00")) == {}


@pytest.mark.parametrize(
    "elements",
    [
        b"\x10A\xf0\x00",  # identifier 15 ends the scan
        b"\x10A\x2f\x00",  # sixteen bytes where one is left
    ],
)
def test_what_stood_before_a_bad_element_is_kept(elements: bytes) -> None:
    packet = rtp(extension=b"\xbe\xde\x00\x01" + elements)

    assert extension_layout(packet) == {1: (17, 1)}


@pytest.mark.parametrize("elements", [b"\x01\x01A\x02", b"\x01\x01A\x02\x09\x00\x00\x00"])
def test_a_two_byte_element_that_runs_over_ends_the_scan(elements: bytes) -> None:
    packet = rtp(extension=b"\x10\x00" + bytes([0, len(elements) // 4]) + elements)

    assert extension_layout(packet) == {1: (18, 1)}


def test_padding_between_two_byte_elements_is_stepped_over() -> None:
    packet = rtp(extension=b"\x10\x00\x00\x01" + b"\x00\x01\x01A")

    assert extension_layout(packet) == {1: (19, 1)}


def test_a_level_is_found_once_and_its_place_told() -> None:
    packet = rtp(extension=one_byte({MID: b"0", LEVEL: b"\x28"}))

    at = level_position(packet, LEVEL)

    assert packet[at : at + 2] == bytes([LEVEL << 4, 0x28])


@pytest.mark.parametrize(
    "packet",
    [
        rtp(),
        rtp(extension=one_byte({MID: b"0"})),
        rtp(csrcs=1, extension=one_byte({LEVEL: b"\x28"})),
        rtp(extension=one_byte({LEVEL: b"\x28\x00"})),
        rtp(extension=two_byte({LEVEL: b"\x28"})),
    ],
)
def test_a_level_in_another_shape_is_not_looked_for(packet: bytes) -> None:
    assert level_position(packet, LEVEL) == 0


def test_a_header_of_a_slot_names_its_section() -> None:
    template = HeaderTemplate(mid_id=3, mid="12", level_id=None)

    packet = template.pack(template.first, 96, 7, 8, 9, template.before)

    assert payload_offset(packet) == len(packet) == 20
    assert extension_layout(packet) == {3: (17, 2)}
    assert not template.has_level


def test_a_header_of_an_audio_slot_tells_the_level_too() -> None:
    template = HeaderTemplate(mid_id=3, mid="1", level_id=5)

    packet = template.pack(template.first, 111, 7, 8, 9, template.before, 0x1C, template.after)

    assert payload_offset(packet) == len(packet)
    assert extension_layout(packet) == {3: (17, 1), 5: (19, 1)}
    assert packet[19] == 0x1C


def test_a_level_alone_is_an_extension_too() -> None:
    template = HeaderTemplate(mid_id=None, mid="1", level_id=5)

    packet = template.pack(template.first, 111, 7, 8, 9, template.before, 0x1C, template.after)

    assert extension_layout(packet) == {5: (17, 1)}


def test_a_slot_without_extensions_has_a_bare_header() -> None:
    template = HeaderTemplate(mid_id=None, mid="1", level_id=None)

    packet = template.pack(template.first, 96, 7, 8, 9, template.before)

    assert packet == rtp(payload_type=96, sequence=7, timestamp=8, ssrc=9)


def test_a_retransmission_holds_the_original() -> None:
    extension = one_byte({MID: b"1"})
    original = rtp(payload_type=96, sequence=513, ssrc=7, extension=extension, payload=b"picture")
    repeated = rtp(
        payload_type=97,
        sequence=9,
        ssrc=8,
        extension=extension,
        payload=(513).to_bytes(2, "big") + b"picture",
    )

    assert unwrapped_rtx(repeated, {97: 96}, 7) == original


@pytest.mark.parametrize(
    "packet",
    [
        rtp(payload_type=97, payload=b"\x02\x01"),
        rtp(payload_type=97, payload=b""),
        rtp(payload_type=98, payload=b"\x02\x01picture"),
        b"\x00" + rtp(payload_type=97, payload=b"\x02\x01picture")[1:],
        bytes([0xA0]) + rtp(payload_type=97, payload=b"\x02\x01" + b"\x00\x02")[1:],
    ],
)
def test_probing_without_content_holds_nothing(packet: bytes) -> None:
    assert unwrapped_rtx(packet, {97: 96}, 7) is None


def test_a_transport_wide_number_stands_between_mid_and_level() -> None:
    template = HeaderTemplate(mid_id=3, mid="12", level_id=5, twcc_id=6)

    packet = template.head(second=111, seq=7, timestamp=8, ssrc=9, number=0x1234, level=0x1C)

    layout = extension_layout(packet)
    assert payload_offset(packet) == len(packet)
    assert {each: packet[at : at + n] for each, (at, n) in layout.items()} == {
        3: b"12",
        6: b"\x12\x34",
        5: b"\x1c",
    }
    hot = template.pack(
        template.first,
        111,
        7,
        8,
        9,
        template.before,
        0x1234,
        template.middle,
        0x1C,
        template.after,
    )
    assert hot == packet


@pytest.mark.parametrize("mid", ["1", "12", "123", "1234"])
@pytest.mark.parametrize("level_id", [None, 5])
@pytest.mark.parametrize("twcc_id", [None, 6])
def test_every_header_of_a_slot_is_whole_words(
    mid: str, level_id: int | None, twcc_id: int | None
) -> None:
    template = HeaderTemplate(mid_id=3, mid=mid, level_id=level_id, twcc_id=twcc_id)

    packet = template.head(second=96, seq=7, timestamp=2**32 + 8, ssrc=9, number=1, level=2)

    assert payload_offset(packet) == len(packet)
    ids = {each for each in (3, level_id, twcc_id) if each is not None}
    assert set(extension_layout(packet)) == ids


def test_a_transport_wide_number_is_found_in_the_common_shape_alone() -> None:
    number = b"\x12\x34"
    found = rtp(extension=one_byte({MID: b"0", 6: number}))

    assert found[number_position(found, 6) + 1 :][:2] == number
    assert number_position(rtp(extension=two_byte({6: number})), 6) == 0
    assert number_position(rtp(extension=one_byte({6: b"\x01"})), 6) == 0
    assert number_position(rtp(csrcs=1, extension=one_byte({6: number})), 6) == 0
