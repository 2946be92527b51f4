"""New keys for old, under writers; and the destruction of one person's keys.

Where a run stands is in the key store: keys that are *retiring*.  A run that was killed is
resumed by the next one, which begins no new rotation before the last has ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import inspect

from telehealth.platform.clock import Clock
from telehealth.platform.db import Database
from telehealth.platform.sealing import repository
from telehealth.platform.sealing.columns import (
    person_scope,
    sealed_attributes,
    sealed_classes,
)
from telehealth.platform.sealing.errors import SealedErased, SealedUnreadable
from telehealth.platform.sealing.form import key_id_of
from telehealth.platform.sealing.keyring import Keyring
from telehealth.platform.sealing.tables import KeyState

BATCH: Final = 200
GRACE: Final = timedelta(minutes=15)
"""Longer than any process seals with a key it does not yet know to be retiring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationReport:
    """What one run did."""

    begun: int
    """Keys that were made to retire by this run; 0: an earlier run was resumed."""
    resealed: int
    unreadable: int
    """Values that do not open; their rows stay as they are, and so do their keys."""
    retired: int
    still_retiring: int
    """Kept: something is sealed with them, or writers may still be."""


async def rotate(
    database: Database,
    keyring: Keyring,
    *,
    clock: Clock,
    batch: int = BATCH,
    grace: timedelta = GRACE,
    after_batch: Callable[[], None] = lambda: None,
) -> RotationReport:
    """Seal everything with new keys while writers go on; retire the old ones nothing refers to.

    Args:
        database: The data.
        keyring: Its keys.
        clock: Tells since when a key has been retiring.
        batch: Rows a transaction.
        grace: Least time between retiring a key and destroying it.
        after_batch: Told after each committed batch.
    """
    begun = await _begin(keyring, clock.now())
    old = await _retiring(keyring)
    resealed = unreadable = 0
    for kind in sealed_classes():
        done, bad = await _reseal_table(database, kind, old, batch=batch, after_batch=after_batch)
        resealed, unreadable = resealed + done, unreadable + bad
    retired = await _retire(database, keyring, now=clock.now(), grace=grace)
    left = len(await _retiring(keyring))
    return RotationReport(
        begun=begun,
        resealed=resealed,
        unreadable=unreadable,
        retired=retired,
        still_retiring=left,
    )


async def erase_person(keyring: Keyring, *, clinic_id: UUID, person_id: UUID, now: datetime) -> int:
    """Destroy every key that sealed what concerns one person; return how many.

    What they sealed is unreadable from then on, in the data, its replicas and its backups alike;
    other processes forget the keys within seconds.  No key is ever made for that person again.
    """
    await keyring.prepare()
    scope = person_scope(person_id)
    # A person without a key gets one to destroy: the row says that there is never to be another.
    await keyring.ensure_key(clinic_id, scope)
    async with keyring.store.unit_of_work() as uow:
        found = await repository.unscoped_of_scope(uow.session, clinic_id=clinic_id, scope=scope)
        key_ids = [key.key_id for key in found if key.wrapped is not None]
        await repository.destroy(
            uow.session, clinic_id=clinic_id, key_ids=key_ids, state=KeyState.ERASED, now=now
        )
    for key_id in key_ids:
        keyring.forget(clinic_id, key_id)
    return len(key_ids)


async def _begin(keyring: Keyring, now: datetime) -> int:
    await keyring.prepare()
    async with keyring.store.unit_of_work() as uow:
        if await repository.unscoped_in_state(uow.session, KeyState.RETIRING):
            return 0
        begun = await repository.retire_all_made_before(uow.session, now, now=now)
    keyring.forget_active()
    return begun


async def _retiring(keyring: Keyring) -> Sequence[UUID]:
    async with keyring.store.reading() as session:
        found = await repository.unscoped_in_state(session, KeyState.RETIRING)
        return [key.key_id for key in found]


async def _reseal_table(
    database: Database,
    kind: type[Any],
    old: Sequence[UUID],
    *,
    batch: int,
    after_batch: Callable[[], None],
) -> tuple[int, int]:
    resealed = unreadable = 0
    for some in _in_parts(old):
        after: Sequence[object] | None = None
        while True:
            async with database.unit_of_work() as uow:
                rows = await repository.unscoped_sealed_with(
                    uow.session, kind, some, after=after, limit=batch
                )
                for row in rows:
                    done, bad = _again(row, set(some))
                    resealed, unreadable = resealed + done, unreadable + bad
                if rows:
                    after = inspect(kind).primary_key_from_instance(rows[-1])
            after_batch()
            if len(rows) < batch:
                break
    return resealed, unreadable


def _again(row: object, old: set[UUID]) -> tuple[int, int]:
    done = bad = 0
    for attribute in sealed_attributes(type(row)):
        held = getattr(row, attribute.stored)
        if held is None or key_id_of(held) not in old:
            continue
        try:
            attribute.again(row)
            done += 1
        except (SealedUnreadable, SealedErased):
            bad += 1
    return done, bad


async def _retire(database: Database, keyring: Keyring, *, now: datetime, grace: timedelta) -> int:
    """Destroy retiring keys that nothing refers to and nobody can be sealing with."""
    async with keyring.store.reading() as session:
        found = await repository.unscoped_in_state(session, KeyState.RETIRING)
        due = [
            (key.clinic_id, key.key_id)
            for key in found
            if key.retiring_at is not None and now - key.retiring_at >= grace
        ]
    used: set[UUID] = set()
    async with database.reading() as session:
        for kind in sealed_classes():
            for some in _in_parts([key_id for _, key_id in due]):
                used |= await repository.unscoped_references(session, kind, some)
    free = sorted((pair for pair in due if pair[1] not in used), key=str)
    async with keyring.store.unit_of_work() as uow:
        for clinic_id, pairs in groupby(free, key=lambda pair: pair[0]):
            key_ids = [key_id for _, key_id in pairs]
            for some in _in_parts(key_ids):
                await repository.destroy(
                    uow.session, clinic_id=clinic_id, key_ids=some, state=KeyState.RETIRED, now=now
                )
    return len(free)


def _in_parts(key_ids: Sequence[UUID], size: int = 500) -> Sequence[Sequence[UUID]]:
    """Cut a list so that a statement never has too many parameters."""
    return [key_ids[at : at + size] for at in range(0, len(key_ids), size)]
