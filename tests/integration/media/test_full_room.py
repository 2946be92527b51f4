"""Ten people in one room: everybody hears everybody, and pictures share what sound leaves."""

from dataclasses import replace

from media.contract.control import LayersWanted, QualityTold
from media.core.allocator import AUDIO_BPS
from media.core.bandwidth import START_BPS
from media.core.layers import SINGLE_LEAST_BPS
from tests.support.headless_peer import HeadlessPeer
from tests.support.media_lab import established_call, media_lab

PEOPLE = 10


def guest(number: int) -> HeadlessPeer:
    """A client with slots for everybody else."""
    peer = HeadlessPeer(f"guest-{number}")
    peer.plan = replace(peer.plan, audio_slots=PEOPLE - 1, video_slots=PEOPLE)
    return peer


async def test_ten_people_hear_each_other_and_see_as_many_as_their_links_carry() -> None:
    guests = [guest(number) for number in range(PEOPLE)]
    async with media_lab() as lab, established_call(lab, *guests) as call:
        await call.talk(1.6, fps=5)
        await call.nothing_was_lost()

        left = START_BPS - AUDIO_BPS * (PEOPLE - 1)
        for name in call.peers:
            others = [other for other in call.peers if other != name]
            seen = [other for other in others if call.seen(name, other)]
            assert len(seen) >= left // SINGLE_LEAST_BPS
        for room in lab.node._rooms.values():
            for viewer in room.room._adaptation._balance.viewers.values():
                assert viewer.allocation.spent_bps <= START_BPS
        told = {each.participant_id for each in lab.channel.of(QualityTold)}
        assert told == set(call.peers)
        assert lab.channel.of(LayersWanted) == [], "a single encoding is never told to rest"
