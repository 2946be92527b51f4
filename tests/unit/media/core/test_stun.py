import random
import struct
import zlib

import pytest

from media.core import stun
from media.core.engine_face import Addr
from media.core.stun import NotAStunCheck, read_request, read_success, write_request, write_success

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"  # of the vectors of RFC 5769
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# RFC 5769 section 2.1, a sample request with SOFTWARE before the rest.
RFC_5769_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e2074657374"
    "20636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576"
    "746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
# RFC 5769 section 2.2, its answer: 192.0.2.1 port 32853.
RFC_5769_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)


def a_check(*, is_nominating: bool = False) -> bytes:
    return write_request(
        TRANSACTION,
        username="ours:theirs",
        password=PASSWORD,
        priority=7,
        tie_breaker=9,
        is_nominating=is_nominating,
    )


def with_fingerprint(kind: int, body: bytes) -> bytes:
    length = len(body) + 8
    head = struct.pack("!HHI12s", kind, length, stun.COOKIE, TRANSACTION) + body
    return head + stun._attribute(
        stun.FINGERPRINT, struct.pack("!I", zlib.crc32(head) ^ 0x5354554E)
    )


def attribute(kind: int, value: bytes) -> bytes:
    return stun._attribute(kind, value)


INTEGRITY = attribute(stun.MESSAGE_INTEGRITY, bytes(20))
USERNAME = attribute(stun.USERNAME, b"ours:theirs")


def test_the_sample_request_of_the_standard_is_read_and_authentic() -> None:
    """Its password is given in RFC 5769; the vector has ICE-CONTROLLED."""
    check = read_request(RFC_5769_REQUEST)

    assert (check.local_ufrag, check.remote_ufrag) == ("evtj", "h6vY")
    assert check.priority == 0x6E0001FF
    assert check.is_controlled
    assert check.is_authentic(PASSWORD)
    assert not check.is_authentic(PASSWORD + "x")


def test_the_sample_answer_of_the_standard_is_read_and_authentic() -> None:
    success = read_success(RFC_5769_RESPONSE)

    assert success.mapped == ("192.0.2.1", 32853)
    assert success.is_authentic(PASSWORD)


def test_a_check_we_write_says_what_was_asked() -> None:
    check = read_request(a_check(is_nominating=True))

    assert (check.local_ufrag, check.remote_ufrag) == ("ours", "theirs")
    assert (check.priority, check.is_nominating, check.is_controlled) == (7, True, False)
    assert check.transaction_id == TRANSACTION
    assert check.is_authentic(PASSWORD)
    assert not read_request(a_check()).is_nominating


@pytest.mark.parametrize(
    "addr", [("192.0.2.7", 1), ("2001:db8::5", 65_535), ("fe80::1", 9, 0, 2)], ids=str
)
def test_an_answer_tells_the_address_the_check_came_from(addr: Addr) -> None:
    success = read_success(write_success(TRANSACTION, addr, PASSWORD))

    assert success.mapped == addr[:2]
    assert success.transaction_id == TRANSACTION
    assert success.is_authentic(PASSWORD)


def test_an_answer_is_never_larger_than_a_check() -> None:
    """A forged source address gains nothing by having us answer it."""
    longest = write_success(TRANSACTION, ("2001:db8::5", 1), PASSWORD)
    shortest = write_request(
        TRANSACTION, username="12345678:1234", password=PASSWORD, priority=1, tie_breaker=1
    )

    assert len(write_success(TRANSACTION, ("192.0.2.7", 1), PASSWORD)) == 64
    assert len(longest) == 76 <= len(shortest)


def test_one_changed_bit_anywhere_is_noticed() -> None:
    check = a_check()

    for position in range(len(check) * 8):
        changed = bytearray(check)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(NotAStunCheck):
            read_request(bytes(changed))


def test_an_attribute_after_the_integrity_is_not_read() -> None:
    body = USERNAME + INTEGRITY + attribute(stun.USE_CANDIDATE, b"")

    assert not read_request(with_fingerprint(stun.BINDING_REQUEST, body)).is_nominating


def test_of_a_repeated_attribute_the_first_counts() -> None:
    body = USERNAME + attribute(stun.USERNAME, b"other:names") + INTEGRITY

    assert read_request(with_fingerprint(stun.BINDING_REQUEST, body)).local_ufrag == "ours"


def test_an_unknown_optional_attribute_is_skipped() -> None:
    body = USERNAME + attribute(0xC057, b"\x00\x01\x02\x03") + INTEGRITY

    check = read_request(with_fingerprint(stun.BINDING_REQUEST, body))

    assert check.priority is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(INTEGRITY, id="no username"),
        pytest.param(USERNAME, id="no integrity"),
        pytest.param(b"", id="empty"),
        pytest.param(USERNAME + attribute(0x0033, b"") + INTEGRITY, id="must be understood"),
        pytest.param(attribute(stun.USERNAME, b"ours") + INTEGRITY, id="no colon"),
        pytest.param(attribute(stun.USERNAME, b":theirs") + INTEGRITY, id="no left half"),
        pytest.param(attribute(stun.USERNAME, b"ours:") + INTEGRITY, id="no right half"),
        pytest.param(attribute(stun.USERNAME, "é:x".encode()) + INTEGRITY, id="not ASCII"),
        pytest.param(attribute(stun.USERNAME, b"a:" + b"b" * 512) + INTEGRITY, id="too long"),
        pytest.param(USERNAME + attribute(stun.PRIORITY, b"12") + INTEGRITY, id="short priority"),
        pytest.param(USERNAME + attribute(stun.MESSAGE_INTEGRITY, bytes(16)), id="short integrity"),
        pytest.param(USERNAME + struct.pack("!HH", 0x8000, 400), id="attribute beyond the end"),
    ],
)
def test_a_badly_made_check_is_not_one(body: bytes) -> None:
    with pytest.raises(NotAStunCheck):
        read_request(with_fingerprint(stun.BINDING_REQUEST, body))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(a_check()[:19], id="shorter than a header"),
        pytest.param(a_check() + b"\x00", id="not a multiple of four"),
        pytest.param(a_check() + bytes(4), id="length lies"),
        pytest.param(write_success(TRANSACTION, ("192.0.2.7", 1), PASSWORD), id="an answer"),
        pytest.param(struct.pack("!HHI12s", 1, 0, stun.COOKIE, TRANSACTION), id="header alone"),
        pytest.param(
            struct.pack("!HHI12s", 1, 8, stun.COOKIE, TRANSACTION) + bytes(8),
            id="no fingerprint",
        ),
    ],
)
def test_what_is_no_check_is_refused(data: bytes) -> None:
    with pytest.raises(NotAStunCheck):
        read_request(data)


def test_an_answer_without_an_address_says_so() -> None:
    assert read_success(with_fingerprint(stun.BINDING_SUCCESS, INTEGRITY)).mapped is None


@pytest.mark.parametrize("value", [b"", b"\x00\x03" + bytes(6), b"\x00\x02" + bytes(6)])
def test_an_answer_with_an_unreadable_address_is_refused(value: bytes) -> None:
    body = attribute(stun.XOR_MAPPED_ADDRESS, value) + INTEGRITY

    with pytest.raises(NotAStunCheck):
        read_success(with_fingerprint(stun.BINDING_SUCCESS, body))


def test_any_transaction_survives_the_way_there_and_back(seed: int) -> None:
    source = random.Random(seed)

    for _ in range(200):
        transaction = source.randbytes(12)
        addr = (f"10.0.{source.randrange(256)}.{source.randrange(256)}", source.randrange(65_536))
        success = read_success(write_success(transaction, addr, PASSWORD))
        assert (success.transaction_id, success.mapped) == (transaction, addr)
