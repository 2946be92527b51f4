"""Who is pinged, away, or cut, judged from ages and sizes alone."""

import pytest

from signaling.core.watchdog import (
    ABORT_AFTER_S,
    AWAY_AFTER_S,
    PING_EVERY_S,
    UNSENT_MAX_S,
    WRITE_BUFFER_MAX_BYTES,
    WRITE_BUFFER_MAX_S,
    Verdict,
    Vitals,
    Watchdog,
)

FULL = WRITE_BUFFER_MAX_BYTES + 1


def vitals(
    *,
    heard_s: float = 0.0,
    pinged_s: float = 0.0,
    unsent_s: float = 0.0,
    write_buffer_bytes: int = 0,
) -> Vitals:
    return Vitals(
        heard_s=heard_s,
        pinged_s=pinged_s,
        unsent_s=unsent_s,
        write_buffer_bytes=write_buffer_bytes,
    )


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (vitals(), Verdict.FINE),
        (vitals(heard_s=AWAY_AFTER_S - 0.1), Verdict.FINE),
        (vitals(heard_s=AWAY_AFTER_S), Verdict.AWAY),
        (vitals(heard_s=ABORT_AFTER_S - 0.1), Verdict.AWAY),
        (vitals(heard_s=ABORT_AFTER_S), Verdict.CUT_SILENT),
        (vitals(pinged_s=PING_EVERY_S - 0.1), Verdict.FINE),
        (vitals(pinged_s=PING_EVERY_S), Verdict.PING),
        # Somebody silent is pinged first and judged away at the next tick.
        (vitals(heard_s=AWAY_AFTER_S, pinged_s=PING_EVERY_S), Verdict.PING),
        (vitals(heard_s=ABORT_AFTER_S, pinged_s=PING_EVERY_S), Verdict.CUT_SILENT),
        (vitals(unsent_s=UNSENT_MAX_S), Verdict.FINE),
        (vitals(unsent_s=UNSENT_MAX_S + 0.1), Verdict.CUT_SLOW),
        (vitals(unsent_s=UNSENT_MAX_S + 0.1, heard_s=ABORT_AFTER_S), Verdict.CUT_SLOW),
        (vitals(write_buffer_bytes=FULL), Verdict.FINE),
        (vitals(write_buffer_bytes=WRITE_BUFFER_MAX_BYTES, pinged_s=PING_EVERY_S), Verdict.PING),
        # It would wait behind the buffer, and prove nothing.
        (vitals(write_buffer_bytes=FULL, pinged_s=PING_EVERY_S), Verdict.FINE),
        (vitals(write_buffer_bytes=FULL, heard_s=AWAY_AFTER_S), Verdict.AWAY),
    ],
)
def test_a_peer_is_judged_at_its_first_tick(known: Vitals, verdict: Verdict) -> None:
    assert Watchdog().judge(known, now=100.0) is verdict


def test_a_buffer_full_for_long_is_a_peer_that_does_not_read() -> None:
    watchdog = Watchdog()
    full = vitals(write_buffer_bytes=FULL)

    verdicts = [
        watchdog.judge(full, now=now) for now in (0.0, WRITE_BUFFER_MAX_S - 0.1, WRITE_BUFFER_MAX_S)
    ]

    assert verdicts == [Verdict.FINE, Verdict.FINE, Verdict.CUT_SLOW]


def test_a_buffer_that_empties_in_between_is_counted_anew() -> None:
    watchdog = Watchdog()
    watchdog.judge(vitals(write_buffer_bytes=FULL), now=0.0)
    watchdog.judge(vitals(), now=3.0)
    watchdog.judge(vitals(write_buffer_bytes=FULL), now=4.0)

    assert watchdog.judge(vitals(write_buffer_bytes=FULL), now=8.9) is Verdict.FINE
    assert watchdog.judge(vitals(write_buffer_bytes=FULL), now=9.0) is Verdict.CUT_SLOW


def test_the_bounds_are_those_promised() -> None:
    assert (PING_EVERY_S, AWAY_AFTER_S, ABORT_AFTER_S) == (10.0, 15.0, 30.0)
    assert (UNSENT_MAX_S, WRITE_BUFFER_MAX_S, WRITE_BUFFER_MAX_BYTES) == (5.0, 5.0, 65_536)
