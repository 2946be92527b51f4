"""A partner that does not answer is probed, not hammered."""

from telehealth.delivery.breaker import Breaker


def opened(*, now: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(10):
        breaker.fail(now=now)
    return breaker


def test_a_partner_that_answers_gets_everything() -> None:
    assert Breaker().allowance(10, now=0.0) == 10


def test_nine_failures_are_bad_luck_and_ten_are_an_outage() -> None:
    breaker = Breaker()
    for _ in range(9):
        breaker.fail(now=100.0)
    was_open = breaker.is_open

    breaker.fail(now=100.0)

    assert not was_open
    assert breaker.is_open
    assert breaker.allowance(10, now=100.0) == 0


def test_after_half_a_minute_one_call_may_probe() -> None:
    breaker = opened(now=100.0)

    allowed = [breaker.allowance(10, now=instant) for instant in (129.9, 130.0)]

    assert allowed == [0, 1]


def test_a_probe_that_was_used_costs_another_half_minute() -> None:
    breaker = opened(now=100.0)

    breaker.begin(1, now=130.0)

    assert breaker.allowance(10, now=159.9) == 0
    assert breaker.allowance(10, now=160.0) == 1


def test_a_probe_that_found_nothing_to_do_stays_available() -> None:
    breaker = opened(now=100.0)

    breaker.begin(0, now=130.0)

    assert breaker.allowance(10, now=130.0) == 1


def test_calls_of_a_closed_breaker_cost_nothing() -> None:
    breaker = Breaker()

    breaker.begin(10, now=0.0)

    assert breaker.allowance(10, now=0.0) == 10


def test_one_answer_closes_it() -> None:
    breaker = opened(now=100.0)

    breaker.succeed()
    breaker.fail(now=101.0)

    assert not breaker.is_open


def test_further_failures_do_not_push_the_probe_away() -> None:
    breaker = opened(now=100.0)

    breaker.fail(now=125.0)

    assert breaker.allowance(10, now=130.0) == 1


def test_a_refused_sign_in_opens_it_at_once() -> None:
    breaker = Breaker()

    breaker.trip(now=100.0)

    assert breaker.allowance(10, now=129.0) == 0
    assert breaker.allowance(10, now=130.0) == 1
