"""One word for a connection: quick to fall, slow to rise."""

import pytest

from media.contract.stats import Link
from media.core.quality import DOWN_AFTER, READINGS_KEPT, UP_AFTER_S, LinkWatch, grade


@pytest.mark.parametrize(
    ("share", "loss", "word"),
    [
        (1.0, 0.0, Link.GOOD),
        (0.5, 0.059, Link.GOOD),
        (0.49, 0.0, Link.FAIR),
        (1.0, 0.06, Link.FAIR),
        (0.3, 0.08, Link.FAIR),
        (0.29, 0.0, Link.POOR),
        (1.0, 0.081, Link.POOR),
    ],
)
def test_the_borders(share: float, loss: float, word: Link) -> None:
    assert grade(share=share, loss=loss) is word


def read(watch: LinkWatch, now: float, *, share: float = 1.0, loss: float = 0.0) -> Link:
    return watch.read(share_up=1.0, loss_up=loss, share_down=share, loss_down=0.0, now=now)


def test_the_worse_way_counts_and_falls_after_two_readings() -> None:
    watch = LinkWatch()
    words = [read(watch, 100.0 + second, loss=0.3) for second in range(DOWN_AFTER)]

    assert words == [Link.GOOD, Link.POOR]


def test_it_rises_after_ten_seconds_of_better_and_not_before() -> None:
    watch = LinkWatch()
    for second in range(3):
        read(watch, 100.0 + second, share=0.1)
    words = {
        second: read(watch, 103.0 + second) for second in range(READINGS_KEPT + int(UP_AFTER_S) + 2)
    }

    risen = [second for second, word in words.items() if word is not Link.POOR]
    assert UP_AFTER_S <= risen[0] <= UP_AFTER_S + READINGS_KEPT
    assert words[max(words)] is not Link.POOR


def test_a_better_word_that_does_not_last_raises_nothing() -> None:
    watch = LinkWatch()
    for turn in range(40):
        read(watch, 100.0 + turn, share=0.1 if turn % 6 < 3 else 1.0)

    assert watch.link is not Link.GOOD


def test_lost_is_said_at_once_and_so_is_found() -> None:
    watch = LinkWatch()
    assert watch.find() is Link.GOOD
    assert watch.lose() is Link.LOST
    assert watch.find() is Link.POOR
