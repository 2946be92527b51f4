"""Events owed to the visit service, on disk."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from signaling.shell.spool import BATCH, FILE_NAME, Spool
from telehealth.contract import PresenceEvent, PresenceKind


def event() -> PresenceEvent:
    return PresenceEvent(
        event_id=uuid4(),
        kind=PresenceKind.JOINED,
        visit_id=uuid4(),
        participant_id=uuid4(),
        attach_epoch=3,
        at=datetime(2030, 3, 4, tzinfo=UTC),
    )


async def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    first, second = event(), event()
    spool = Spool(tmp_path)
    await spool.put(first)
    await spool.put(second)

    again = Spool(tmp_path)

    assert again.batch() == [first, second]
    assert again.has_news.is_set()
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0


async def test_what_was_settled_is_forgotten_for_good(tmp_path: Path) -> None:
    first, second = event(), event()
    spool = Spool(tmp_path)
    await spool.put(first)
    await spool.put(second)

    await spool.settle({first.event_id})

    assert spool.batch() == [second] == Spool(tmp_path).batch()
    await spool.settle({second.event_id})
    assert len(spool) == 0
    assert not spool.has_news.is_set()
    assert Spool(tmp_path).batch() == []


async def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await spool.put(event())
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"event_id":"018f')

    assert len(Spool(tmp_path)) == 1


async def test_an_event_after_a_torn_line_is_kept(tmp_path: Path) -> None:
    with (tmp_path / FILE_NAME).open("w") as file:
        file.write('{"event_id":"018f')
    spool = Spool(tmp_path)
    told = event()

    await spool.put(told)

    assert Spool(tmp_path).batch() == [told]


async def test_at_most_a_batch_is_told_at_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(BATCH + 3):
        await spool.put(event())

    assert len(spool.batch()) == BATCH


async def test_a_disk_that_cannot_be_written_stops_nothing_and_is_said(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "there")
    (tmp_path / "there" / FILE_NAME).mkdir()
    told = event()

    await spool.put(told)

    assert spool.is_failing
    assert spool.batch() == [told]
    (tmp_path / "there" / FILE_NAME).rmdir()
    await spool.put(event())
    assert not spool.is_failing
    await spool.settle({each.event_id for each in spool.batch()})
    assert len(spool) == 0
