"""What the media node says of layers, speakers and connections reaches who it concerns."""

from typing import Any

from media.contract import control
from media.contract.stats import Link as MediaLink
from media.contract.stats import PeerStats, RungCause
from media.contract.stats import Rung as MediaRung
from signaling.contract.ids import RoomId
from signaling.contract.messages import LayersWanted, Link, Quality, Rung, Speakers
from signaling.shell import media_events
from signaling.shell.hosted_room import HostedRoom
from tests.support.signaling_lab import Guest, SignalingLab

STATS = PeerStats(
    loss_up_percent=0.0,
    loss_down_percent=9.0,
    jitter_ms=1.0,
    rtt_ms=40.0,
    queue_ms=0.0,
    bits_in_per_s=0,
    bits_out_per_s=0,
    estimate_bits_per_s=64_000,
    asked_again=0,
    sent_again=0,
    key_frames_asked=0,
    waiting_for_key_frame=0,
    slots=(),
)


def room_of(lab: SignalingLab) -> HostedRoom:
    return lab.node.rooms._rooms[RoomId(lab.room)]


def told_of(lab: SignalingLab, guest: Guest) -> dict[str, Any]:
    """The envelope of an event about somebody."""
    return {
        "number": 1,
        "room_id": lab.room,
        "room_epoch": room_of(lab).media.room_epoch,
        "participant_id": guest.participant_id,
        "attach_epoch": guest.welcome.attach_epoch,
    }


async def test_a_publisher_alone_is_told_which_encodings_to_send(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.seated() as patient:
        await provider.admitted()
        wanted = (
            control.EncodingWanted(rid="q", is_wanted=False),
            control.EncodingWanted(rid="h", is_wanted=True),
        )
        event = control.LayersWanted(
            **told_of(lab, provider), publication_id="p.camera", encodings=wanted
        )

        await media_events.take(room_of(lab), event)

        heard = await provider.client.heard(LayersWanted)
        assert heard.publication_id == "p.camera"
        assert [(each.rid, each.is_wanted) for each in heard.encodings] == [
            ("q", False),
            ("h", True),
        ]
        assert not any(isinstance(each, LayersWanted) for each in patient.client.told)


async def test_a_connections_word_is_told_to_all_and_its_rung_to_its_owner(
    lab: SignalingLab,
) -> None:
    async with lab.provider() as provider, lab.seated() as patient:
        await provider.admitted()
        event = control.QualityTold(
            **told_of(lab, patient),
            link=MediaLink.POOR,
            rung=MediaRung.AUDIO_ONLY,
            cause=RungCause.OWN_CONNECTION,
            stats=STATS,
        )
        for _ in range(2):
            await media_events.take(room_of(lab), event)

        own = await patient.client.heard(Quality, where=lambda it: it.link is Link.POOR)
        assert own.rung is Rung.AUDIO_ONLY
        other = await provider.client.heard(Quality, where=lambda it: it.link is Link.POOR)
        assert (other.participant_id, other.rung, other.cause) == (
            patient.participant_id,
            None,
            None,
        )
        poor = [
            each
            for each in patient.client.told
            if isinstance(each, Quality) and each.link is Link.POOR
        ]
        assert len(poor) == 1, "told on change"


async def test_who_connects_later_learns_how_the_others_fare(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.seated() as patient:
        await provider.admitted()
        await patient.admitted()
        event = control.QualityTold(
            **told_of(lab, patient),
            link=MediaLink.FAIR,
            rung=MediaRung.VIDEO,
            cause=RungCause.NONE,
            stats=STATS,
        )
        await media_events.take(room_of(lab), event)
        await provider.client.heard(Quality, where=lambda it: it.link is Link.FAIR)
        provider.client.told.clear()
        connected = control.PeerConnected(**told_of(lab, provider), srtp_profile="GCM")

        await media_events.take(room_of(lab), connected)

        again = await provider.client.heard(Quality, where=lambda it: it.link is Link.FAIR)
        assert again.rung is None


async def test_speakers_are_told_to_everybody_in_the_room_and_nobody_in_the_lobby(
    lab: SignalingLab,
) -> None:
    async with lab.provider() as provider, lab.waiting(device_id="a-third-device") as waiting:
        await provider.admitted()
        event = control.SpeakersTold(
            number=1,
            room_id=lab.room,
            room_epoch=room_of(lab).media.room_epoch,
            participant_ids=(provider.participant_id,),
        )

        await media_events.take(room_of(lab), event)

        heard = await provider.client.heard(Speakers)
        assert heard.participant_ids == (provider.participant_id,)
        assert not any(isinstance(each, Speakers) for each in waiting.client.told)
