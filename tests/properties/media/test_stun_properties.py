"""Whatever is written is read back; whatever is changed on the way is noticed."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from media.core.stun import (
    NotAStunCheck,
    read_request,
    read_success,
    write_request,
    write_success,
)

UFRAGS = st.text("abcdefghijkLMNOP0123456789+/", min_size=4, max_size=32)
PASSWORDS = st.text("abcdefghijkLMNOP0123456789+/", min_size=22, max_size=64)
TRANSACTIONS = st.binary(min_size=12, max_size=12)
ADDRESSES = st.tuples(st.ip_addresses().map(str), st.integers(0, 65_535))


@given(TRANSACTIONS, UFRAGS, UFRAGS, PASSWORDS, st.integers(0, 2**32 - 1), st.booleans())
def test_a_check_says_what_was_written(
    transaction: bytes,
    ours: str,
    theirs: str,
    password: str,
    priority: int,
    nominating: bool,  # noqa: FBT001  (drawn)
) -> None:
    check = read_request(
        write_request(
            transaction,
            username=f"{ours}:{theirs}",
            password=password,
            priority=priority,
            tie_breaker=1,
            is_nominating=nominating,
        )
    )

    assert (check.transaction_id, check.local_ufrag, check.remote_ufrag) == (
        transaction,
        ours,
        theirs,
    )
    assert (check.priority, check.is_nominating) == (priority, nominating)
    assert check.is_authentic(password)
    assert not check.is_authentic(password + "x")


@given(TRANSACTIONS, ADDRESSES, PASSWORDS)
def test_an_answer_tells_any_address(
    transaction: bytes, address: tuple[str, int], password: str
) -> None:
    success = read_success(write_success(transaction, address, password))

    assert success.mapped is not None
    assert ipaddress.ip_address(success.mapped[0]) == ipaddress.ip_address(address[0])
    assert success.mapped[1] == address[1]
    assert success.is_authentic(password)


@given(st.integers(0, 95), st.integers(1, 255), PASSWORDS)
def test_a_changed_byte_never_leaves_an_authentic_check(
    position: int, change: int, password: str
) -> None:
    written = bytearray(
        write_request(
            bytes(12), username="ours:theirs", password=password, priority=1, tie_breaker=1
        )
    )
    written[position % len(written)] ^= change

    try:
        check = read_request(bytes(written))
    except NotAStunCheck:
        return
    assert not check.is_authentic(password)
