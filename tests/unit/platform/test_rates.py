import pytest
from starlette.requests import Request

from telehealth.platform import rates
from telehealth.platform.rates import AddressRate, TooMany, address_of


def test_an_address_gets_its_burst_and_then_waits() -> None:
    rate = AddressRate(burst=3, per_minute=60)
    for _ in range(3):
        rate.take("192.0.2.1", now=100.0)

    with pytest.raises(TooMany):
        rate.take("192.0.2.1", now=100.5)
    rate.take("192.0.2.1", now=101.0)


def test_one_address_does_not_spend_for_another() -> None:
    rate = AddressRate(burst=1, per_minute=1)
    rate.take("192.0.2.1", now=0.0)

    rate.take("192.0.2.2", now=0.0)


def test_a_rest_fills_no_more_than_the_burst() -> None:
    rate = AddressRate(burst=2, per_minute=60)
    rate.take("192.0.2.1", now=0.0)
    for _ in range(2):
        rate.take("192.0.2.1", now=1e6)

    with pytest.raises(TooMany):
        rate.take("192.0.2.1", now=1e6)


def test_what_is_remembered_is_bounded_and_names_no_address() -> None:
    rate = AddressRate(burst=1, per_minute=0.001)
    for number in range(rates._MOST_ADDRESSES + 5):
        rate.take(str(number), now=0.0)

    assert len(rate._buckets) == rates._MOST_ADDRESSES
    assert {len(name) for name in rate._buckets} == {32}
    rate.take("0", now=0.0)  # forgotten first


def test_the_address_is_that_of_the_connection() -> None:
    scope = {"type": "http", "headers": [(b"x-forwarded-for", b"203.0.113.9")]}

    assert address_of(Request({**scope, "client": ("192.0.2.1", 5)})) == "192.0.2.1"
    assert address_of(Request(scope)) == ""
