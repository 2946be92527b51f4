"""Each script on a real server: one winner, late writers fenced, nothing told twice."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from signaling.shell.scripts import GRACE_MS, SEATS_MAX, Attached, Mode, Scripts, Status
from tests.support.redis import RedisServer

RECORD = {"role": "patient", "kind": "patient", "may_admit": False}


@pytest.fixture
async def redis(shared_redis: RedisServer) -> AsyncIterator[Redis]:
    client = Redis.from_url(shared_redis.url)
    yield client
    await client.aclose()


@pytest.fixture
def scripts(redis: Redis) -> Scripts:
    return Scripts(redis)


@pytest.fixture
def room() -> str:
    return str(uuid4())


async def attach(
    scripts: Scripts,
    room: str,
    who: str = "ann",
    *,
    mode: Mode = Mode.JOIN,
    device: str = "phone",
    state: str = "active",
    known_epoch: int = 0,
) -> Attached:
    return await scripts.attach(
        room, who, mode=mode, record=RECORD, device=device, state=state, known_epoch=known_epoch
    )


async def test_the_first_attach_takes_the_seat_under_an_epoch(scripts: Scripts, room: str) -> None:
    attached = await attach(scripts, room)

    assert attached.status is Status.OK
    assert attached.attach_epoch > 0
    assert (attached.seq, attached.state) == (0, "active")
    assert attached.members["ann"]["kind"] == "patient"


async def test_of_two_devices_racing_one_wins(scripts: Scripts, room: str) -> None:
    answers = await asyncio.gather(
        *(attach(scripts, room, device=f"device-{number}") for number in range(8))
    )

    assert [each.status for each in answers].count(Status.OK) == 1
    assert [each.status for each in answers].count(Status.SEAT_TAKEN) == 7


async def test_each_attach_of_a_person_has_a_higher_epoch(scripts: Scripts, room: str) -> None:
    epochs = [(await attach(scripts, room)).attach_epoch for _ in range(5)]
    epochs.append((await attach(scripts, room, device="b", mode=Mode.TAKE_OVER)).attach_epoch)

    assert epochs == sorted(set(epochs))


async def test_a_full_room_takes_nobody_but_those_it_has(scripts: Scripts, room: str) -> None:
    for number in range(SEATS_MAX):
        assert (await attach(scripts, room, f"p{number}")).status is Status.OK

    assert (await attach(scripts, room, "late")).status is Status.FULL
    assert (await attach(scripts, room, "p3")).status is Status.OK


async def test_an_ended_room_takes_nobody(scripts: Scripts, room: str) -> None:
    await attach(scripts, room)
    await scripts.end_room(room)

    assert (await attach(scripts, room)).status is Status.ENDED


async def test_an_admission_survives_a_lobby_ticket(scripts: Scripts, room: str) -> None:
    await attach(scripts, room, state="active")

    assert (await attach(scripts, room, state="lobby")).state == "active"


async def test_a_late_socket_is_fenced_from_everything(scripts: Scripts, room: str) -> None:
    old = await attach(scripts, room)
    new = await attach(scripts, room)

    renewed = await scripts.renew(
        room, "ann", attach_epoch=old.attach_epoch, state="active", media_node=""
    )
    assert renewed is Status.FENCED
    assert await scripts.leave(room, "ann", attach_epoch=old.attach_epoch) is Status.FENCED
    logged = await scripts.append(
        room, [("{}", "active")], floor=0, participant="ann", attach_epoch=old.attach_epoch
    )
    assert logged is None
    assert await scripts.leave(room, "ann", attach_epoch=new.attach_epoch) is Status.OK
    assert await scripts.leave(room, "ann", attach_epoch=None) is Status.GONE


async def test_a_restored_seat_keeps_its_epoch_unless_a_newer_one_exists(
    scripts: Scripts, room: str
) -> None:
    first = await attach(scripts, room)
    await scripts.leave(room, "ann", attach_epoch=first.attach_epoch)
    back = await attach(scripts, room, mode=Mode.RESTORE, known_epoch=first.attach_epoch)
    assert (back.status, back.attach_epoch) == (Status.OK, first.attach_epoch)

    await attach(scripts, room)
    late = await attach(scripts, room, mode=Mode.RESTORE, known_epoch=first.attach_epoch)
    assert late.status is Status.FENCED


async def test_numbers_rise_without_gaps_and_never_below_what_was_told(
    scripts: Scripts, room: str
) -> None:
    assert await scripts.append(room, [("{}", "active")] * 3, floor=0) == 3
    assert await scripts.append(room, [("{}", "active")], floor=0) == 4
    assert await scripts.append(room, [("{}", "active")], floor=100) == 101


async def test_only_seats_past_their_deadline_are_swept_and_by_one_sweep(
    scripts: Scripts, redis: Redis, room: str
) -> None:
    await attach(scripts, room, "ann")
    await attach(scripts, room, "bob")
    await redis.zadd(f"sig:{{{room}}}:due", {"ann": 1})

    swept = await asyncio.gather(*(scripts.sweep(room) for _ in range(5)))

    assert [list(each.members) for each in swept if each.members] == [["ann"]]
    assert all(0 < (each.next_in_ms or 0) <= GRACE_MS for each in swept)


async def test_renewing_moves_the_deadline_and_the_state(
    scripts: Scripts, redis: Redis, room: str
) -> None:
    epoch = (await attach(scripts, room)).attach_epoch
    await redis.zadd(f"sig:{{{room}}}:due", {"ann": 1})

    status = await scripts.renew(
        room, "ann", attach_epoch=epoch, state="active_away", media_node=""
    )

    assert status is Status.OK
    assert not (await scripts.sweep(room)).members
    assert (
        await scripts.renew(room, "eve", attach_epoch=1, state="active", media_node="")
    ) is Status.GONE


async def test_somebody_away_does_not_prolong_the_deadline(
    scripts: Scripts, redis: Redis, room: str
) -> None:
    epoch = (await attach(scripts, room)).attach_epoch
    await scripts.renew(room, "ann", attach_epoch=epoch, state="active_away", media_node="")
    await redis.zadd(f"sig:{{{room}}}:due", {"ann": 1})

    await scripts.renew(room, "ann", attach_epoch=epoch, state="active_away", media_node="")

    assert list((await scripts.sweep(room)).members) == ["ann"]


async def test_a_room_is_pinned_once_and_moved_only_from_the_epoch_that_died(
    scripts: Scripts, room: str
) -> None:
    pins = await asyncio.gather(
        *(
            scripts.pin_media(
                room, node_id=f"m{number}", boot_id="b", known_epoch=0, is_forced=False
            )
            for number in range(5)
        )
    )
    assert [pin.status for pin in pins].count(Status.PINNED) == 1
    assert len({(pin.node_id, pin.room_epoch) for pin in pins}) == 1
    dead = pins[0].room_epoch

    moves = await asyncio.gather(
        *(
            scripts.pin_media(
                room, node_id=f"n{number}", boot_id="b", known_epoch=dead, is_forced=True
            )
            for number in range(3)
        )
    )
    assert [pin.status for pin in moves].count(Status.PINNED) == 1
    assert [pin.status for pin in moves].count(Status.STALE) == 2
    assert all(pin.room_epoch > dead for pin in moves)


async def test_every_key_of_a_room_expires(scripts: Scripts, redis: Redis, room: str) -> None:
    await attach(scripts, room)
    await scripts.append(room, [("{}", "active")], floor=0)
    await scripts.pin_media(room, node_id="m", boot_id="b", known_epoch=0, is_forced=False)

    keys = [key async for key in redis.scan_iter(match=f"sig:{{{room}}}:*")]

    assert len(keys) == 5
    assert all([await redis.pttl(key) > 0 for key in keys])
