"""Nothing is moved on less than proof: every row is one thing two witnesses may have seen."""

from dataclasses import replace
from typing import Any

import pytest

from signaling.core.node_death import NO_BEAT_S, SILENT_S, Witnesses, is_over

ALIVE = Witnesses(
    boot_id="one",
    channel_boot_id="one",
    is_channel_up=True,
    was_refused=False,
    unanswered_s=0.0,
    beat_boot_id="one",
    beat_age_s=0.2,
)
CUT = replace(ALIVE, is_channel_up=False)
NO_BEAT: dict[str, Any] = {"beat_boot_id": None, "beat_age_s": 0.0}
STALE: dict[str, Any] = {"beat_age_s": NO_BEAT_S}


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(ALIVE, id="it lives"),
        pytest.param(replace(ALIVE, **NO_BEAT), id="it answers but cannot reach Redis"),
        pytest.param(replace(CUT, unanswered_s=600.0), id="cut off from us alone"),
        pytest.param(replace(CUT, was_refused=True), id="refused, and yet beating"),
        pytest.param(replace(CUT, channel_boot_id="two"), id="another answers, and yet beating"),
        pytest.param(replace(CUT, **STALE, unanswered_s=1.0), id="silent, not for long"),
        pytest.param(replace(CUT, **NO_BEAT, unanswered_s=SILENT_S - 0.1), id="not yet 3 s here"),
        pytest.param(replace(CUT, **STALE, unanswered_s=600.0), id="not yet 3 s by Redis time"),
    ],
)
def test_without_proof_a_node_counts_as_alive(seen: Witnesses) -> None:
    assert not is_over(seen)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(replace(CUT, was_refused=True, **STALE), id="refused, no newer heartbeat"),
        pytest.param(replace(CUT, was_refused=True, **NO_BEAT), id="refused, heartbeat run out"),
        pytest.param(replace(CUT, channel_boot_id="two", **STALE), id="another life answers"),
        pytest.param(
            replace(ALIVE, channel_boot_id="two", beat_boot_id="two"), id="another life altogether"
        ),
        pytest.param(replace(CUT, beat_boot_id="two"), id="another life beats"),
        pytest.param(replace(CUT, **NO_BEAT, unanswered_s=SILENT_S), id="two silent witnesses"),
        pytest.param(
            replace(CUT, beat_age_s=SILENT_S, unanswered_s=SILENT_S), id="stale by Redis time"
        ),
    ],
)
def test_with_proof_it_is_over(seen: Witnesses) -> None:
    assert is_over(seen)
