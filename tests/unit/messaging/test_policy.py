"""By which channel a notice may reach a person."""

import pytest

from telehealth.messaging.policy import Address, Channel, address_for, international


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("+1 312-555-0101", "+13125550101"),
        ("(312) 555-0101", "+13125550101"),
        ("312.555.0101", "+13125550101"),
        ("+44 20 7946 0018", "+442079460018"),
        ("555-0101", None),
        ("", None),
        ("+0123456789", None),
        ("+1312555010112345", None),
        ("312 555 0101 ext 4", None),
        ("٣١٢٥٥٥٠١٠١", None),
    ],
)
def test_a_number_is_made_international_or_is_none(typed: str, number: str | None) -> None:
    assert international(typed) == number


def test_a_text_comes_before_an_e_mail() -> None:
    assert address_for(phone="312-555-0101", email="a@b.example") == Address(
        channel=Channel.TEXT, value="+13125550101"
    )


def test_without_a_usable_number_an_e_mail_goes() -> None:
    assert address_for(phone="555-0101", email=" a@b.example ") == Address(
        channel=Channel.EMAIL, value="a@b.example"
    )


@pytest.mark.parametrize("email", [None, "", "a", "a@", "a b@c.example", "a@b.example\nBcc: c@d.e"])
def test_without_either_nobody_is_written_to(email: str | None) -> None:
    assert address_for(phone=None, email=email) is None
