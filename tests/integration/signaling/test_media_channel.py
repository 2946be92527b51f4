"""The channel to a media node breaks and comes back: nothing moves, everything is restated."""

import asyncio

from media.contract.control import Pause, Sync
from signaling.contract.messages import MediaRebuild, ParticipantChanged, Publish, Source
from tests.support.signaling_lab import SignalingLab, until


def synced(lab: SignalingLab) -> list[Sync]:
    return [each for each in lab.media.node._results._kept if isinstance(each, Sync)]


def cut_channels(lab: SignalingLab) -> None:
    assert lab.media.control._server is not None
    for socket in lab.media.control._server.connections:
        socket.transport.abort()


async def test_a_cut_channel_moves_nothing_and_the_wish_is_restated(lab: SignalingLab) -> None:
    async with lab.provider() as provider:
        epoch = (await provider.admitted()).room_epoch
        async with provider.call() as peer:
            await provider.client.ask(Publish(id=1, source=Source.MIC, mid="0"))
            cut_channels(lab)

            await until(lambda: synced(lab))
            await asyncio.sleep(2.5)  # longer than proof of death would take

            (sync,) = synced(lab)
            (seat,) = sync.seats
            assert (sync.room_epoch, seat.participant_id) == (epoch, provider.participant_id)
            assert [each.source for each in seat.publications] == ["mic"]
            assert not [each for each in provider.client.told if isinstance(each, MediaRebuild)]
            assert peer.checks_answered > 0


async def test_a_peer_found_missing_is_built_anew(lab: SignalingLab) -> None:
    async with lab.provider() as provider:
        await provider.admitted()
        (hosted,) = lab.media.node._rooms.values()
        cut_channels(lab)
        hosted.room._end(hosted.room.seats[provider.participant_id], 0.0)

        rebuild = await provider.client.heard(MediaRebuild)

        assert rebuild.room_epoch == hosted.room.epoch
        assert provider.participant_id in hosted.room.seats


async def test_whoever_stays_away_is_marked_and_held_until_they_are_back(
    lab: SignalingLab,
) -> None:
    async with lab.provider() as provider:
        async with lab.seated() as patient:
            who = patient.participant_id
            await patient.admitted()
        changed = await provider.client.heard(
            ParticipantChanged, where=lambda told: told.participant.participant_id == who
        )

        assert changed.participant.is_reconnecting
        paused = [each for each in lab.media.node._results._kept if isinstance(each, Pause)]
        assert [(each.participant_id, each.is_paused) for each in paused] == [(who, True)]
