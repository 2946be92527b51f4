"""The patient's phone is the weakest encoder in the room; it must not pay thrice."""

from media.core.keyframes import QUIET_PERIOD_S, RETRY_MAX_S, RETRY_MIN_S, TRIES_MAX, KeyframeGate


def test_three_viewers_losing_one_picture_cost_the_sender_one_key_frame() -> None:
    gate = KeyframeGate(quiet_period_s=0.5)

    asked = [gate.ask(now=instant) for instant in (10.0, 10.1, 10.2)]

    assert asked == [True, False, False]


def test_a_request_inside_the_quiet_period_is_kept_until_it_ends() -> None:
    gate = KeyframeGate()
    gate.ask(now=10.0)
    gate.on_key_frame()

    assert not gate.ask(now=10.1)

    assert gate.deadline == 10.0 + QUIET_PERIOD_S
    assert not gate.on_deadline(now=10.2, rtt_s=0.0)
    assert gate.on_deadline(now=10.5, rtt_s=0.0)


def test_an_unanswered_request_is_repeated() -> None:
    gate = KeyframeGate()
    gate.ask(now=10.0)

    assert gate.on_deadline(now=10.0 + RETRY_MIN_S, rtt_s=0.3)
    assert gate.deadline == 10.0 + RETRY_MIN_S + 0.6
    assert gate.on_deadline(now=11.0, rtt_s=9.0)
    assert gate.deadline == 11.0 + RETRY_MAX_S


def test_asking_while_one_is_unanswered_begins_no_new_count() -> None:
    gate = KeyframeGate()
    gate.ask(now=10.0)

    assert gate.ask(now=11.0)
    assert gate._tries == 2


def test_the_frame_ends_the_asking() -> None:
    gate = KeyframeGate()
    gate.ask(now=10.0)

    gate.on_key_frame()

    assert gate.deadline is None
    assert not gate.on_deadline(now=20.0, rtt_s=0.0)


def test_a_sender_that_never_answers_is_a_stall_until_somebody_asks_anew() -> None:
    gate = KeyframeGate()
    gate.ask(now=10.0)
    now = 10.0
    sent = 1
    while gate.deadline is not None:
        now = gate.deadline
        sent += gate.on_deadline(now=now, rtt_s=0.0)

    assert sent == TRIES_MAX
    assert gate.is_stalled
    assert gate.ask(now=now + 1.0)
    assert not gate.is_stalled


def test_a_viewers_loss_waits_for_the_next_tick() -> None:
    """Those of the next few milliseconds join it."""
    gate = KeyframeGate()

    gate.keep(now=10.0)
    gate.keep(now=10.005)

    assert gate.deadline == 10.0
    assert gate.on_deadline(now=10.01, rtt_s=0.0)


def test_a_kept_request_honours_the_quiet_period_too() -> None:
    gate = KeyframeGate()
    gate.ask(now=10.0)
    gate.on_key_frame()

    gate.keep(now=10.1)

    assert gate.deadline == 10.0 + QUIET_PERIOD_S
