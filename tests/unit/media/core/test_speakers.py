"""Speakers are told on change, seldom, and only after two windows."""

from media.core.speakers import LOUD_SHARE, PACKETS_A_WINDOW, TOLD_EVERY_S, Speakers

LOUD = int(PACKETS_A_WINDOW * LOUD_SHARE)


def play(speakers: Speakers, windows: list[dict[str, int]], start: float = 100.0) -> None:
    for place, window in enumerate(windows):
        speakers.on_window(window, now=start + place * 0.4)


def test_one_loud_window_is_a_cough_and_two_are_speech() -> None:
    speakers = Speakers()
    play(speakers, [{"ann": LOUD, "bob": 0}])
    assert list(speakers.active) == []

    play(speakers, [{"ann": LOUD, "bob": 0}], 100.4)
    assert list(speakers.active) == ["ann"]

    play(speakers, [{"ann": 0, "bob": 0}], 100.8)
    assert list(speakers.active) == ["ann"], "a breath"
    play(speakers, [{"ann": 0, "bob": 0}], 101.2)
    assert list(speakers.active) == []


def test_the_loudest_comes_first_and_three_are_enough() -> None:
    speakers = Speakers()
    play(speakers, [{"ann": 9, "bob": 20, "eve": 12, "joe": 8}] * 3)

    assert list(speakers.active) == ["bob", "eve", "ann"]


def test_who_spoke_last_is_remembered_and_who_left_is_forgotten() -> None:
    speakers = Speakers()
    play(speakers, [{"ann": 20, "bob": 0}] * 2)
    play(speakers, [{"ann": 0, "bob": 20}] * 3, 101.0)
    assert list(speakers.recent) == ["bob", "ann"]

    play(speakers, [{"ann": 0}], 103.0)
    assert list(speakers.recent) == ["ann"]


def test_news_is_told_on_change_alone_and_at_most_twice_a_second() -> None:
    speakers = Speakers()
    assert speakers.news(now=100.0) is None
    play(speakers, [{"ann": 20, "bob": 0}] * 2)

    assert speakers.news(now=101.0) == ("ann",)
    assert speakers.news(now=109.0) is None
    play(speakers, [{"ann": 0, "bob": 20}] * 3, 110.0)
    assert speakers.news(now=112.0) == ("bob",)
    play(speakers, [{"ann": 0, "bob": 0}] * 2, 112.0)
    assert speakers.news(now=112.0 + TOLD_EVERY_S / 2) is None
    assert speakers.news(now=112.0 + TOLD_EVERY_S) == ()
