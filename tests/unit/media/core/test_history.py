"""What may be asked for again, and for how long it is kept."""

from media.core.history import RESENDS_REMEMBERED, PacketRing, SentRing


def test_a_packet_is_held_until_one_a_ring_newer_takes_its_place() -> None:
    ring = PacketRing(8)
    ring.put(65_536, b"old")
    assert ring.find(65_536) == b"old"

    ring.put(65_544, b"new")

    assert ring.find(65_536) is None
    assert ring.find(65_544) == b"new"
    assert ring.find(1) is None


def test_a_packet_is_held_for_one_to_two_seconds_and_known_for_longer() -> None:
    ring = PacketRing(8)
    held = []
    for second in range(
        4
    ):  # an even number comes right after a second began, an odd one at its end
        ring.put(2 * second, b"early")
        ring.put(2 * second + 1, b"late")
        ring.new_second(2 * second + 1)
        held.append([each for each in range(8) if ring.find(each) is not None])

    assert held == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert list(ring.numbers) == list(range(8))
    assert sum(map(bool, ring.packets)) == 2


def test_a_ring_that_was_overrun_within_a_second_loses_nothing_new() -> None:
    ring = PacketRing(8)
    for number in range(8):
        ring.put(number, b"x")
    ring.new_second(7)
    for number in range(8, 28):
        ring.put(number, b"y")
    ring.new_second(27)

    assert [each for each in range(28) if ring.find(each)] == list(range(20, 28))


def test_a_ring_never_grows() -> None:
    ring, sent = PacketRing(8), SentRing(8)

    for number in range(1_000):
        ring.put(number, bytes(1))
        sent.put(number, number, 1)

    assert len(ring.packets) == len(ring.numbers) == 8
    assert len(sent.numbers) == len(sent.sources) == len(sent.eras) == 8


def test_what_went_out_is_found_by_its_number() -> None:
    sent = SentRing(8)
    sent.put(65_535, 70_000, 3)
    assert sent.find(65_535) == (70_000, 3)

    sent.put(7, 70_008, 3)

    assert sent.find(65_535) is None
    assert sent.find(7) == (70_008, 3)


def test_a_packet_goes_out_again_thrice_with_a_pause_between() -> None:
    """A receiver repeats its NACK until the packet is there; most repeats cross it on the way."""
    sent = SentRing(8)
    answers = []

    for instant in (1.0, 1.01, 1.05, 1.1, 1.2):
        may = sent.may_resend(70_000, 1, pause_s=0.02, now=instant)
        answers.append(may)
        if may:
            sent.note_resend(70_000, 1, now=instant)

    assert answers == [True, False, True, True, False]
    assert sent.may_resend(70_000, 2, pause_s=0.02, now=2.0), "another source's packet"


def test_the_memory_of_resends_is_bounded() -> None:
    sent = SentRing(8)

    for number in range(RESENDS_REMEMBERED + 5):
        sent.note_resend(number, 1, now=1.0)

    assert len(sent._resends) == RESENDS_REMEMBERED
    assert sent.may_resend(0, 1, pause_s=9.0, now=1.0)
    assert not sent.may_resend(RESENDS_REMEMBERED, 1, pause_s=9.0, now=1.0)
