"""A visit through the socket: wait, be called in, see each other, leave."""

from uuid import uuid4

import pytest

from signaling.client import RequestRefused
from signaling.contract.ids import PublicationId
from signaling.contract.messages import (
    AckSlots,
    AdmitParticipant,
    Leave,
    Mute,
    Ok,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantWaiting,
    PublicationAdded,
    PublicationChanged,
    Publish,
    RoomEnded,
    SlotsMapped,
    Source,
    Subscribe,
    VisitChanged,
    Want,
)
from telehealth.contract import RoomCommandKind
from tests.support.signaling_lab import Guest, SignalingLab, until


async def publish(guest: Guest, source: Source, mid: str) -> PublicationId:
    answer = await guest.client.ask(Publish(id=1, source=source, mid=mid))
    assert isinstance(answer, Ok)
    assert answer.publication_id is not None
    return answer.publication_id


async def test_a_patient_waits_alone_until_the_provider_admits(lab: SignalingLab) -> None:
    async with lab.waiting() as patient, lab.provider() as provider:
        assert patient.welcome.state.value == "lobby"
        seen = [each.participant_id for each in patient.welcome.room.participants]
        assert seen == [patient.participant_id]
        states = {e.participant_id: e.state.value for e in provider.welcome.room.participants}
        assert states[patient.participant_id] == "lobby"

        await provider.client.ask(
            AdmitParticipant(id=1, participant_id=patient.welcome.participant_id)
        )

        assert (await patient.admitted()).room_epoch > 0
        await provider.client.heard(ParticipantAdmitted)
        joined = await patient.client.heard(ParticipantJoined)
        assert joined.participant.participant_id == provider.participant_id
        [admission] = lab.visits.admissions
        assert str(admission.participant_id) == patient.participant_id
        assert str(admission.by_participant_id) == provider.participant_id


async def test_called_in_by_the_visit_service_turns_the_lobby_seat_active(
    lab: SignalingLab,
) -> None:
    async with lab.waiting() as patient:
        await lab.command(RoomCommandKind.CALLED_IN, patient.participant_id, version=4)

        await patient.admitted()
        assert (await patient.client.heard(VisitChanged)).version == 4
        await until(lambda: "joined" in lab.visits.kinds(patient.participant_id))
    assert lab.visits.admissions == []


async def test_two_people_see_and_hear_each_other_through_the_media_node(
    lab: SignalingLab,
) -> None:
    async with (
        lab.provider() as provider,
        lab.seated() as patient,
        provider.call() as speaker,
        patient.call() as hearer,
    ):
        mic = await publish(provider, Source.MIC, "0")
        camera = await publish(provider, Source.CAMERA, "1")
        await patient.client.heard(
            PublicationAdded, where=lambda told: told.publication.publication_id == camera
        )
        wants = tuple(Want(publication_id=each) for each in (mic, camera))
        await patient.client.tell(Subscribe(id=1, wants=wants))
        mapped = await patient.client.heard(
            SlotsMapped,
            where=lambda told: sum(s.publication_id is not None for s in told.slots) == 2,
        )
        mids = {slot.publication_id: slot.mid for slot in mapped.slots}
        await patient.client.tell(AckSlots(id=1, map_id=mapped.map_id))

        def heard_both() -> bool:
            speaker.send_audio()
            speaker.send_video(is_key=True)
            return bool(hearer.received[mids[mic]] and hearer.received[mids[camera]])

        await until(heard_both)
        await until(lambda: "media_connected" in lab.visits.kinds(patient.participant_id))


async def test_a_muted_publication_is_told_to_all_and_dropped(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.seated() as patient, provider.call():
        mic = await publish(provider, Source.MIC, "0")

        await provider.client.ask(Mute(id=1, publication_id=mic, is_muted=True))

        changed = await patient.client.heard(PublicationChanged)
        assert changed.publication.is_muted


async def test_leaving_is_told_once_and_the_room_goes_on(lab: SignalingLab) -> None:
    async with lab.provider() as provider:
        async with lab.seated() as patient:
            await patient.client.tell(Leave(id=1))
            assert await patient.client.closed() == 1000

        left = await provider.client.heard(ParticipantLeft)
        assert (left.participant_id, left.cause.value) == (patient.participant_id, "left")
        await until(lambda: lab.visits.kinds(patient.participant_id)[-1] == "left")
        assert lab.visits.kinds(patient.participant_id).count("left") == 1
        assert sum(isinstance(each, ParticipantLeft) for each in provider.client.told) == 1


async def test_the_end_of_the_visit_closes_every_socket_and_the_door(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.waiting() as patient:
        await lab.command(RoomCommandKind.ENDED)

        await provider.client.heard(RoomEnded)
        assert await provider.client.closed() == 4410
        assert await patient.client.closed() == 4410


async def test_a_revoked_participant_is_cut_off(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.seated() as patient:
        await lab.command(RoomCommandKind.REVOKED, patient.participant_id)

        assert await patient.client.closed() == 4403
        assert (await provider.client.heard(ParticipantLeft)).cause.value == "removed"


@pytest.mark.requirement("INV-16")
async def test_a_ticket_from_before_a_revocation_opens_nothing(lab: SignalingLab) -> None:
    """Somebody disabled may have fetched a ticket and not used it yet; it would live a minute."""
    seat = str(uuid4())
    early = lab.ticket(participant=seat)
    await lab.command(RoomCommandKind.REVOKED, seat)

    async with lab.open() as client:
        with pytest.raises(RequestRefused) as refused:
            await client.hello(early)
    async with lab.seated() as another:
        assert another.welcome.state.value == "active"
    assert refused.value.code == "ticket_invalid"


async def test_hosts_hear_of_somebody_waiting(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.waiting() as patient:
        waiting = await provider.client.heard(ParticipantWaiting)

        assert waiting.participant.participant_id == patient.participant_id
        await until(lambda: lab.visits.kinds(patient.participant_id) == ["entered_lobby"])


async def test_a_command_seen_before_is_acknowledged_and_does_nothing(lab: SignalingLab) -> None:
    async with lab.waiting() as patient:
        await lab.command(RoomCommandKind.CALLED_IN, patient.participant_id)
        await patient.admitted()
        await lab.command(RoomCommandKind.RETURNED, patient.participant_id)
        await lab.command(RoomCommandKind.CALLED_IN, str(patient.participant_id))

        assert lab.node.rooms.count == 1
