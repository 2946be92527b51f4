"""Faults of a simulator are planned, seeded and repeatable."""

import pytest

from telehealth.sandbox.faults import OUTAGE_REQUESTS, Fault, Faults, Plan, PlanUnreadable


def drawn(text: str, requests: int) -> list[Fault | None]:
    faults = Faults(Plan.parse(text))
    return [faults.next(is_write=True) for _ in range(requests)]


def test_without_a_plan_nothing_goes_wrong() -> None:
    faults = Faults(None)

    assert [faults.next(is_write=True) for _ in range(100)] == [None] * 100


def test_the_same_seed_gives_the_same_faults() -> None:
    assert drawn("7:lost=0.2,slow=0.1", 200) == drawn("7:lost=0.2,slow=0.1", 200)
    assert drawn("7:lost=0.2,slow=0.1", 200) != drawn("8:lost=0.2,slow=0.1", 200)


def test_a_chance_is_about_as_frequent_as_it_says() -> None:
    faults = drawn("7:lost=0.2,wrong=0.1", 2000)

    assert 300 < faults.count(Fault.LOST) < 500
    assert 130 < faults.count(Fault.WRONG) < 270


def test_a_numbered_fault_hits_that_write_alone() -> None:
    assert drawn("1:lost@2", 4) == [None, Fault.LOST, None, None]


def test_reads_are_not_counted_as_writes() -> None:
    faults = Faults(Plan.parse("1:lost@1"))

    assert faults.next(is_write=False) is None
    assert faults.next(is_write=True) is Fault.LOST


def test_an_outage_lasts_a_while() -> None:
    faults = drawn("1:outage@2", OUTAGE_REQUESTS + 2)

    assert faults == [None, *[Fault.OUTAGE] * OUTAGE_REQUESTS, None]


@pytest.mark.parametrize(
    "text", ["", "7", "7:", "x:lost=0.1", "7:lost", "7:lost=2", "7:fire=0.1", "7:lost@0", "lost=1"]
)
def test_an_unreadable_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanUnreadable):
        Plan.parse(text)
