"""One seat a person: second devices, refreshes, absence, a node that starts again."""

import asyncio
from pathlib import Path

import pytest

from signaling.app import running
from signaling.contract.ids import ParticipantId, RoomId
from signaling.contract.messages import (
    Goodbye,
    Leave,
    ParticipantAway,
    ParticipantBack,
    ParticipantJoined,
    ParticipantLeft,
    Ping,
    Pong,
    SeatTaken,
    Welcome,
)
from signaling.core.effects import CutReason
from telehealth.contract import RoomCommandKind
from tests.support.redis import RedisServer
from tests.support.signaling_lab import SignalingLab, signaling_lab, until


async def test_a_second_device_is_asked_and_takes_the_seat_over(lab: SignalingLab) -> None:
    async with lab.seated() as phone, lab.open(device_id="another-device") as laptop:
        person = phone.participant_id
        taken = await laptop.hello(lab.ticket(participant=person))
        assert isinstance(taken, SeatTaken)
        assert isinstance(await phone.client.ask(Ping(id=1)), Pong)

        welcome = await laptop.take_over()

        assert welcome.participant_id == person
        assert welcome.attach_epoch > phone.welcome.attach_epoch
        assert await phone.client.closed() == 4409


async def test_the_same_device_takes_its_seat_back_unasked(lab: SignalingLab) -> None:
    async with lab.seated() as before, lab.open() as after:
        welcome = await after.hello(lab.ticket(participant=before.participant_id))

        assert isinstance(welcome, Welcome)
        assert await before.client.closed() == 4409


async def test_a_refresh_in_the_call_keeps_the_seat_and_opens_media_anew(
    lab: SignalingLab,
) -> None:
    async with lab.provider() as provider:
        async with lab.seated() as patient, patient.call():
            person = patient.participant_id
        await provider.client.heard(ParticipantAway)

        async with lab.seated(participant=person, device_id="fresh-device") as again:
            await provider.client.heard(ParticipantBack)
            async with again.call():
                await until(lambda: lab.visits.kinds(person).count("media_connected") == 2)
    assert not any(isinstance(each, ParticipantLeft) for each in provider.client.told)
    assert lab.visits.kinds(person).count("joined") == 1


async def test_a_lobby_ticket_of_somebody_admitted_keeps_the_admission(lab: SignalingLab) -> None:
    async with lab.waiting() as patient:
        await lab.command(RoomCommandKind.CALLED_IN, patient.participant_id)
        await patient.admitted()

    async with lab.waiting(participant=patient.participant_id) as again:
        assert again.welcome.state.value == "active"


async def test_a_seat_left_for_half_a_minute_is_given_up_once(lab: SignalingLab) -> None:
    async with lab.provider() as provider:
        async with lab.seated() as patient:
            await provider.client.heard(ParticipantJoined)
        left = await provider.client.heard(ParticipantLeft, within_s=40)

        assert (left.participant_id, left.cause.value) == (patient.participant_id, "timeout")
        await until(lambda: lab.visits.kinds(patient.participant_id)[-1] == "left")
        assert lab.visits.kinds(patient.participant_id).count("left") == 1


async def test_a_node_that_starts_again_knows_the_room_and_the_seats(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async with signaling_lab(redis_server, tmp_path / "spool") as lab:
        async with lab.provider() as provider, lab.seated() as patient:
            lab.node.rooms.drain()
            goodbye = await patient.client.heard(Goodbye)
            assert (goodbye.cause, goodbye.action.value) == ("draining", "rejoin")
            assert await provider.client.closed() == 4900

        async with (
            running(lab.settings) as lab.node,
            lab.provider(participant=provider.participant_id) as again,
        ):
            seats = {e.participant_id: e.state.value for e in again.welcome.room.participants}

            assert seats[patient.participant_id] == "active_away"
            assert again.welcome.attach_epoch > provider.welcome.attach_epoch


@pytest.mark.requirement("INV-03")
async def test_whoever_is_timed_out_after_a_restart_is_cut_at_the_media_node_too(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """The new process never wished for that peer; it must still know where to end it."""
    async with signaling_lab(redis_server, tmp_path / "spool") as lab, lab.seated() as patient:
        await patient.admitted()
        who = ParticipantId(patient.participant_id)
        lab.node.rooms.drain()
        await patient.client.closed()
        await lab.node.stop()
        there = [set(room.seats) for room in lab.media.node.hosted_rooms()]

        async with running(lab.settings) as again:
            room = again.rooms.open(RoomId(lab.room))
            await room.media.cut(who, patient.welcome.attach_epoch, CutReason.TIMEOUT)
            await until(lambda: not any(each.seats for each in lab.media.node.hosted_rooms()))

    assert there == [{who}]


async def test_two_devices_at_once_leave_one_seated(lab: SignalingLab) -> None:
    async with lab.seated() as first:
        person = first.participant_id
    async with lab.open(device_id="device-one") as one, lab.open(device_id="device-two") as two:
        answers = await asyncio.gather(
            one.hello(lab.ticket(participant=person)), two.hello(lab.ticket(participant=person))
        )

        assert sorted(type(each).__name__ for each in answers) == ["SeatTaken", "Welcome"]


async def test_a_person_who_left_may_come_back_with_a_new_ticket(lab: SignalingLab) -> None:
    async with lab.seated() as patient:
        await patient.client.tell(Leave(id=1))
        await patient.client.closed()

    async with lab.seated(participant=patient.participant_id) as again:
        assert again.welcome.state.value == "active"
        told = ["joined", "left", "joined"]
        await until(lambda: lab.visits.kinds(patient.participant_id)[:3] == told)
