"""Loss on the way to us: ask a little later, a few times, and never for what is here."""

from media.core.nack import ASK_AFTER_S, GAP_MAX, GIVE_UP_S, PENDING_MAX, LossWatch

RTT_S = 0.02


def watch(*, tries_max: int = 10) -> LossWatch:
    return LossWatch(tries_max=tries_max)


def test_a_gap_is_asked_for_after_a_moment_not_at_once() -> None:
    """Packets that only overtook each other arrive by then."""
    loss = watch()
    loss.on_gap(5, 8, now=1.0)

    assert loss.due(now=1.0 + ASK_AFTER_S / 2, rtt_s=RTT_S) == []
    assert loss.due(now=1.0 + ASK_AFTER_S, rtt_s=RTT_S) == [5, 6, 7]


def test_what_arrived_is_not_asked_for() -> None:
    loss = watch()
    loss.on_gap(5, 8, now=1.0)

    loss.on_arrival(6)
    loss.on_arrival(99)

    assert loss.due(now=1.02, rtt_s=RTT_S) == [5, 7]


def test_a_request_is_repeated_no_sooner_than_its_answer_can_be_here() -> None:
    loss = watch()
    loss.on_gap(5, 6, now=1.0)
    loss.due(now=1.02, rtt_s=0.2)

    assert loss.due(now=1.1, rtt_s=0.2) == []
    assert loss.due(now=1.23, rtt_s=0.2) == [5]


def test_after_its_tries_a_packet_is_given_up() -> None:
    loss = watch(tries_max=2)
    loss.on_gap(5, 6, now=1.0)

    asked = [loss.due(now=1.02 + 0.05 * turn, rtt_s=0.0) for turn in range(4)]

    assert asked == [[5], [5], [], []]
    assert not loss.missing


def test_after_half_a_second_a_packet_is_given_up() -> None:
    loss = watch()
    loss.on_gap(5, 6, now=1.0)

    assert loss.due(now=1.01 + GIVE_UP_S, rtt_s=RTT_S) == []
    assert not loss.missing


def test_nothing_before_a_key_frame_is_asked_for() -> None:
    loss = watch()
    loss.on_gap(5, 9, now=1.0)

    loss.on_key_frame(7)

    assert loss.due(now=1.02, rtt_s=RTT_S) == [7, 8]


def test_a_jump_is_a_new_start_of_the_sender_not_loss() -> None:
    loss = watch()
    loss.on_gap(5, 6, now=1.0)

    loss.on_gap(10, 11 + GAP_MAX, now=1.0)

    assert not loss.missing


def test_what_is_pending_is_bounded_and_the_oldest_goes_first() -> None:
    loss = watch()

    for turn in range(5):
        loss.on_gap(turn * 1_000, turn * 1_000 + GAP_MAX, now=1.0)

    due = loss.due(now=1.02, rtt_s=RTT_S)
    assert len(due) == PENDING_MAX
    assert due[-1] == 4_000 + GAP_MAX - 1


def test_everything_can_be_forgotten() -> None:
    loss = watch()
    loss.on_gap(5, 9, now=1.0)

    loss.forget()

    assert not loss.missing
