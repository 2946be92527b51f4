"""A peer that does not read costs bounded memory, then its socket."""

import pytest

from signaling.core.outbox import BYTES_MAX, MESSAGES_MAX, Outbox


def drained(outbox: Outbox) -> list[str]:
    texts = []
    while (text := outbox.take()) is not None:
        texts.append(text)
    return texts


def test_texts_leave_in_the_order_they_came() -> None:
    outbox = Outbox()
    for text in ("a", "b", "c"):
        assert outbox.put(text, now=0.0)

    assert drained(outbox) == ["a", "b", "c"]


def test_an_empty_outbox_gives_nothing() -> None:
    outbox = Outbox()

    assert outbox.take() is None
    assert (len(outbox), outbox.bytes, outbox.age_s(now=9.0)) == (0, 0, 0.0)


def test_equal_texts_without_a_key_are_both_sent() -> None:
    outbox = Outbox()
    outbox.put("a", now=0.0)
    outbox.put("a", now=0.0)

    assert drained(outbox) == ["a", "a"]


def test_the_newest_of_a_key_takes_the_place_of_the_one_waiting_at_the_end() -> None:
    outbox = Outbox()
    outbox.put("old map", now=0.0, key="slots-mapped")
    outbox.put("joined", now=1.0)
    outbox.put("map", now=2.0, key="slots-mapped")

    assert outbox.bytes == len("joined") + len("map")
    assert drained(outbox) == ["joined", "map"]
    assert outbox.bytes == 0


def test_keys_do_not_replace_each_other() -> None:
    outbox = Outbox()
    outbox.put("a", now=0.0, key="quality")
    outbox.put("b", now=0.0, key="speakers")

    assert drained(outbox) == ["a", "b"]


def test_bytes_are_those_of_utf_8() -> None:
    outbox = Outbox()
    outbox.put("é", now=0.0)

    assert outbox.bytes == 2


def test_as_many_texts_wait_as_the_bound_and_no_more() -> None:
    outbox = Outbox()
    assert all(outbox.put("a", now=0.0) for _ in range(MESSAGES_MAX))

    assert not outbox.put("a", now=0.0)

    assert outbox.has_overflowed
    assert len(outbox) == MESSAGES_MAX


def test_as_many_bytes_wait_as_the_bound_and_no_more() -> None:
    outbox = Outbox()
    assert outbox.put("a" * BYTES_MAX, now=0.0)

    assert not outbox.put("a", now=0.0)

    assert outbox.has_overflowed
    assert outbox.bytes == BYTES_MAX


def test_a_full_outbox_still_takes_what_replaces() -> None:
    outbox = Outbox(messages_max=1, bytes_max=4)
    outbox.put("old", now=0.0, key="quality")

    assert outbox.put("new!", now=0.0, key="quality")
    assert drained(outbox) == ["new!"]


def test_a_replacement_too_long_overflows_and_is_not_kept() -> None:
    outbox = Outbox(messages_max=1, bytes_max=4)
    outbox.put("old", now=0.0, key="quality")

    assert not outbox.put("newer", now=0.0, key="quality")
    assert outbox.bytes == 0


def test_once_overflowed_nothing_is_taken_in_ever_again() -> None:
    """A hole in what the peer is told would be worse than a new start."""
    outbox = Outbox(messages_max=1)
    outbox.put("a", now=0.0)
    outbox.put("b", now=0.0)
    assert drained(outbox) == ["a"]

    assert not outbox.put("c", now=1.0)
    assert outbox.take() is None


@pytest.mark.parametrize("key", [None, "quality"])
def test_the_age_is_that_of_the_oldest_text(key: str | None) -> None:
    outbox = Outbox()
    outbox.put("a", now=1.0, key=key)
    outbox.put("b", now=3.0)

    assert outbox.age_s(now=4.0) == 3.0
    outbox.take()
    assert outbox.age_s(now=4.0) == 1.0


def test_the_bounds_are_those_promised() -> None:
    assert (MESSAGES_MAX, BYTES_MAX) == (128, 262_144)
