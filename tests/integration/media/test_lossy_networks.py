"""Calls over bad networks: how much is seen and heard at each loss, and what repairs it.

A short seeded form here; `make test-media-full` gives each row of the fault matrix its ten seeds
and longer calls.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.loss_figures import LinkedCall, Seen, linked_call
from tests.support.media_lab import MediaLab, media_lab, until
from tests.support.requirements import Figure
from tests.support.weather import CLEAR, Weather

IS_FULL = os.environ.get("MEDIA_NETWORKS") == "full"
SEEDS = 10 if IS_FULL else 2
AT_ONCE = 2
CALL_S = 20.0 if IS_FULL else 3.5
SLACK = 0.0 if IS_FULL else 0.05
"""Few packets are drawn in a short call; the bound is the matrix's own in a long one."""


@dataclass(frozen=True)
class Bound:
    """What the fault matrix asks for at a loss."""

    loss: float
    pictures: float
    concealed: float
    freeze_s: float


BOUNDS = [
    Bound(0.05, 0.90, 0.03, 1.0),
    Bound(0.10, 0.75, 0.06, 1.5),
    Bound(0.20, 0.50, 0.12, 2.0),
    Bound(0.30, 0.00, 0.20, CALL_S),
]


@pytest.fixture
async def lab() -> AsyncIterator[MediaLab]:
    async with media_lab() as made:
        yield made


async def behind(lab: MediaLab, weather: Weather, seed: int) -> list[Seen]:
    """Talk for a while with the patient behind this weather, both ways; what each side had."""
    room_id = f"room-{seed}"
    async with linked_call(lab, seed=seed, room_id=room_id) as linked:
        linked.link.set_weather(up=weather, down=weather)
        await linked.talk(CALL_S)
        return both(linked, room_id)


def both(linked: LinkedCall, room_id: str) -> list[Seen]:
    patient, provider = f"patient-{room_id}", f"provider-{room_id}"
    return [linked.seen(patient, provider), linked.seen(provider, patient)]


async def many(lab: MediaLab, weather: Weather, seed: int) -> list[Seen]:
    """The same weather under several seeds, a few calls at a time on the one node."""
    found: list[Seen] = []
    for first in range(0, SEEDS, AT_ONCE):
        seeds = [seed + first + each for each in range(min(AT_ONCE, SEEDS - first))]
        for seen in await asyncio.gather(*(behind(lab, weather, each) for each in seeds)):
            found += seen
    return found


def told(seen: list[Seen]) -> str:
    """The worst of each, which is what the bounds are held to, and how much was repaired."""
    missed, filled = sum(each.missed for each in seen), sum(each.filled for each in seen)
    return (
        f"pictures {min(each.pictures for each in seen):.0%}–"
        f"{max(each.pictures for each in seen):.0%}, "
        f"freeze ≤ {max(each.longest_freeze_s for each in seen):.2f} s, "
        f"{filled / max(missed, 1):.0%} of {missed} lost picture packets repaired, "
        f"voice concealed ≤ {max(each.concealed for each in seen):.1%}"
    )


@pytest.mark.requirement("REL-NET-01")
@pytest.mark.timeout(600 if IS_FULL else 120)
@pytest.mark.parametrize("bound", BOUNDS, ids=lambda each: f"{each.loss:.0%}")
async def test_loss_is_repaired(lab: MediaLab, bound: Bound, seed: int, figure: Figure) -> None:
    seen = await many(lab, Weather(loss=bound.loss, delay_s=0.01), seed)

    figure(f"{bound.loss:.0%} loss: {told(seen)}")
    assert min(each.pictures for each in seen) >= bound.pictures - SLACK
    assert max(each.longest_freeze_s for each in seen) < bound.freeze_s + SLACK
    assert max(each.concealed for each in seen) < bound.concealed + SLACK
    assert sum(each.filled for each in seen) > 0.5 * sum(each.missed for each in seen)


@pytest.mark.requirement("REL-NET-02")
@pytest.mark.timeout(600 if IS_FULL else 120)
@pytest.mark.parametrize("burst", [5.0, 10.0])
@pytest.mark.parametrize("loss", [0.05, 0.10, 0.20, 0.30] if IS_FULL else [0.10])
async def test_loss_in_bursts_is_repaired(
    lab: MediaLab, loss: float, burst: float, seed: int, figure: Figure
) -> None:
    """Pictures are repaired as well as single losses; voice is not, Opus mends no run of losses."""
    seen = await many(lab, Weather(loss=loss, burst=burst, delay_s=0.01), seed)

    figure(f"{loss:.0%} in bursts of {burst:.0f}: {told(seen)}")
    bound = next(each for each in BOUNDS if each.loss == loss)
    mean = sum(each.pictures for each in seen) / len(seen)
    assert mean >= bound.pictures - SLACK
    assert max(each.concealed for each in seen) < 2 * loss + SLACK


@pytest.mark.requirement("REL-NET-03")
@pytest.mark.parametrize("jitter_s", [0.03, 0.1, 0.2] if IS_FULL else [0.2])
@pytest.mark.parametrize("overtaken", [0.05, 0.2] if IS_FULL else [0.2])
async def test_jitter_reordering_and_doubles_do_no_harm(
    lab: MediaLab, jitter_s: float, overtaken: float, seed: int, figure: Figure
) -> None:
    weather = Weather(delay_s=0.02, jitter_s=jitter_s, overtaken=overtaken, doubled=0.1)
    async with linked_call(lab, seed=seed, room_id="room") as linked:
        before = lab.engine.counters()["not_authentic"]
        linked.link.set_weather(up=weather, down=weather)
        await linked.talk(CALL_S)
        doubled = linked.link.up.told()["doubled"]
        linked.link.set_weather(up=CLEAR, down=CLEAR)
        await asyncio.sleep(0.5)
        seen = both(linked, "room")
        replayed = lab.engine.counters()["not_authentic"] - before

    figure(
        f"jitter {jitter_s * 1e3:.0f} ms, {overtaken:.0%} overtaken, 10% doubled: "
        f"pictures {min(each.pictures for each in seen):.0%}, voice "
        f"{min(each.heard_voice / each.sent_voice for each in seen):.0%} heard, "
        f"voice gap p95 {max(each.voice_gap_p95_s for each in seen) * 1e3:.0f} ms, "
        f"{replayed} replays refused of {doubled} doubled datagrams"
    )
    assert 0 < replayed <= doubled, "only what came twice is refused"
    assert max(each.voice_gap_p95_s for each in seen) < 0.2
    assert all(each.heard_voice == each.sent_voice for each in seen)
    assert min(each.pictures for each in seen) >= 0.95


@pytest.mark.requirement("REL-NET-06")
async def test_a_narrow_path_carries_handshake_and_call(
    lab: MediaLab, seed: int, figure: Figure
) -> None:
    """A tunnel of 1,280 bytes that drops what does not fit, from the first datagram on."""
    narrow = Weather(mtu_bytes=1_280, loss=0.05)
    async with linked_call(lab, seed=seed, room_id="room", weather=narrow) as linked:
        await linked.talk(1.0)
        seen = both(linked, "room")
        dropped = [road.told().get("too large", 0) for road in (linked.link.up, linked.link.down)]

    figure(
        f"path of 1,280 bytes: connected, {sum(dropped)} datagrams too large, "
        f"{seen[0].pictures:.0%} of pictures"
    )
    assert dropped == [0, 0]
    assert min(each.pictures for each in seen) > 0.5


@pytest.mark.requirement("REL-NET-05")
@pytest.mark.parametrize("turn", range(20 if IS_FULL else 2))
async def test_a_rebound_router_costs_no_visit(
    lab: MediaLab, turn: int, seed: int, figure: Figure
) -> None:
    """Media from the new port is nobody's until a check from there has been authenticated."""
    async with linked_call(lab, seed=seed + turn, room_id="room") as linked:
        patient, provider = linked.peer("patient-room"), linked.peer("provider-room")
        await patient.fall_silent()
        await linked.talk(0.1)
        heard = len(linked.call.heard(provider.name, patient.name))
        strangers = lab.mux.counters()["no_peer"]

        linked.link.rebind()
        await linked.talk(0.4)
        await asyncio.sleep(0.05)
        assert len(linked.call.heard(provider.name, patient.name)) <= heard + 5
        assert lab.mux.counters()["no_peer"] > strangers
        peers = [patient.answered_since_restart, patient.keys is not None]

        began = asyncio.get_running_loop().time()
        patient.speak_again()
        heard = len(linked.call.heard(provider.name, patient.name))
        told_to = len(linked.call.heard(patient.name, provider.name))
        talking = asyncio.create_task(linked.talk(6.0))
        await until(
            lambda: (
                len(linked.call.heard(provider.name, patient.name)) > heard
                and len(linked.call.heard(patient.name, provider.name)) > told_to
            ),
            within_s=8.0,
        )
        took_s = asyncio.get_running_loop().time() - began
        talking.cancel()
        await asyncio.wait([talking])

    assert peers == [True, True]
    figure(f"port rebound: both heard {took_s:.2f} s after the next check")
    assert took_s < 8.0
    assert "rebound" in [what for _, what in linked.link.done]


@pytest.mark.requirement("REL-NET-05")
@pytest.mark.parametrize("off_s", [3.0, 10.0] if IS_FULL else [3.0])
async def test_a_network_that_was_gone_comes_back_by_itself(
    lab: MediaLab, off_s: float, seed: int, figure: Figure
) -> None:
    async with linked_call(lab, seed=seed, room_id="room") as linked:
        patient, provider = "patient-room", "provider-room"
        linked.link.play([(0.2, linked.link.block), (0.2 + off_s, linked.link.clear)])
        await linked.talk(0.5)
        heard = len(linked.call.heard(patient, provider))
        talking = asyncio.create_task(linked.talk(off_s + 8.0))
        await asyncio.sleep(off_s - 0.5)
        assert len(linked.call.heard(patient, provider)) == heard

        slot = linked.peer(patient).slots[linked.call.mids[patient][f"{provider}.camera"]]
        await until(lambda: linked.link.down.weather == CLEAR, within_s=2.0)
        began, shown = asyncio.get_running_loop().time(), len(slot.shown)
        await until(lambda: len(linked.call.heard(patient, provider)) > heard, within_s=8.0)
        voice_s = asyncio.get_running_loop().time() - began
        await until(lambda: len(slot.shown) > shown, within_s=8.0)
        picture_s = asyncio.get_running_loop().time() - began
        talking.cancel()
        await asyncio.wait([talking])

    figure(f"{off_s:.0f} s of nothing: voice {voice_s:.2f} s, picture {picture_s:.2f} s after it")
    assert picture_s < 8.0
