"""What somebody types as their number or address."""

import pytest

from telehealth.identity.contacts import typed_contact
from telehealth.identity.errors import ContactUnreadable
from telehealth.platform.sealing.blind import Normal, blind_index


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("(312) 555-0101", "13125550101"),
        ("+1 312.555.0101", "13125550101"),
        ("+44 20 7946 0018", "442079460018"),
        ("555-0101", "5550101"),
        (" Ada@Home.Example ", "ada@home.example"),
    ],
)
def test_a_contact_has_one_form(typed: str, value: str) -> None:
    assert typed_contact(typed).value == value


@pytest.mark.parametrize("typed", ["", "12345", "1" * 16, "ada", "a@", "a b@c.de", "٥٥٥٠١٠١٢"])
def test_what_is_neither_is_refused(typed: str) -> None:
    with pytest.raises(ContactUnreadable):
        typed_contact(typed)


@pytest.mark.parametrize("kept", ["312-555-0101", "+1 (312) 555 01.01", "13125550101"])
def test_a_record_may_hold_a_number_with_or_without_its_country(kept: str) -> None:
    def index(number: str) -> bytes:
        return blind_index(number, key=b"k" * 32, normal=Normal.PHONE)

    assert index(kept) == index(typed_contact("312 555-0101").value)
    assert index(kept) != index(typed_contact("+442079460018").value)


def test_a_mark_counts_and_finds_nobody() -> None:
    one, same = typed_contact("312-555-0101"), typed_contact("+1 312 555 0101")

    assert one.mark(b"k" * 32) == same.mark(b"k" * 32)
    assert one.mark(b"k" * 32) != one.mark(b"l" * 32)
    assert "312" not in repr(one)
