"""Invariant: nothing that arrives at a media node makes an exception escape, or takes long.

A short seeded run of each target; `make fuzz-media` runs each for FUZZ_S seconds and writes
build/fuzz/media.json.  An input that escapes is kept in build/fuzz/.
"""

import os
from collections.abc import Iterator

import pytest

from tests.support.fuzzing import Outcome, fuzzed, write_outcomes
from tests.support.media_fuzz import TARGETS
from tests.support.requirements import Figure

SECONDS = float(os.environ.get("FUZZ_S", "0"))
ROUNDS = 2_000
MOST_US = 1_000
"""Processor time that 99.9 % of the inputs stay below."""
SDP_MOST_US = 50_000
"""A whole offer, read and answered; it comes by the control channel, once a connection."""

IDS = {
    "stun": ["FUZ-STUN-01"],
    "demultiplexer": ["FUZ-MUX-01"],
    "rtp-headers": ["FUZ-RTP-01"],
    "rtp-of-a-peer": ["FUZ-RTP-01"],
    "rtcp-parts": ["FUZ-RTCP-01"],
    "rtcp-of-a-peer": ["FUZ-RTCP-02"],
    "sdp": ["FUZ-SDP-01"],
}


@pytest.fixture(scope="module")
def outcomes() -> Iterator[list[Outcome]]:
    seen: list[Outcome] = []
    yield seen
    if SECONDS:
        write_outcomes(seen, seconds=SECONDS)


@pytest.mark.timeout(2 * SECONDS + 120)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.requirement(each) for each in ids])
        for name, ids in IDS.items()
    ],
)
def test_nothing_escapes(name: str, seed: int, outcomes: list[Outcome], figure: Figure) -> None:
    outcome = fuzzed(name, TARGETS[name](), seed=seed, rounds=ROUNDS, seconds=SECONDS)

    outcomes.append(outcome)
    figure(str(outcome))
    assert outcome.most_us < (SDP_MOST_US if name == "sdp" else MOST_US)


def test_every_target_names_what_it_shows() -> None:
    assert set(IDS) == set(TARGETS)
