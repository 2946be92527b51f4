"""The daily removal of what is no longer kept: looks each hour, runs once a day and clinic."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.contract import ClinicId
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database
from telehealth.privacy import retention
from telehealth.privacy.actions import sweep
from telehealth.privacy.retention import DataClass

LOOKS_EVERY: Final = timedelta(hours=1)
_log = structlog.get_logger(__name__)


class RetentionKeeper:
    """Removes what is due until told to stop.

    Args:
        database: Where it lies.
        clock: Tells instants.
        looks_every: How often it asks whether a day has passed.
    """

    def __init__(
        self, database: Database, *, clock: Clock, looks_every: timedelta = LOOKS_EVERY
    ) -> None:
        self._database = database
        self._clock = clock
        self._looks_every = looks_every
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin no further batch; the one under way is finished."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`.  Cancel safety: a batch under way is rolled back whole."""
        while not self._stopping.is_set():
            try:
                await self.run_if_due()
            except Exception as broken:  # noqa: BLE001  (driver loop: the database may be away a while)
                _log.error("retention.run_failed", exc_info=broken)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._looks_every.total_seconds()):
                    await self._stopping.wait()

    async def run_if_due(self) -> None:
        """Run for each clinic whose last run is a day old."""
        async with self._database.reading() as session:
            clinics = await audit.unscoped_clinics(session)
        for clinic_id in clinics:
            by = Actor.of_job(Job.SWEEP, clinic_id)
            async with self._database.unit_of_work() as uow:
                is_due = await sweep.begin_run(uow, by=by, now=self._clock.now())
            if is_due and not self._stopping.is_set():
                taken = await self.remove(clinic_id)
                _log.info("retention.ran", clinic_id=clinic_id, count=sum(taken.values()))

    async def remove(self, clinic_id: ClinicId) -> Mapping[DataClass, int]:
        """Remove everything that is due in one clinic; return how many rows of each kind."""
        by, now = Actor.of_job(Job.SWEEP, clinic_id), self._clock.now()
        taken = dict.fromkeys(DataClass, 0)
        for rule in retention.by_age():
            while not self._stopping.is_set():
                async with self._database.unit_of_work() as uow:
                    rows = await sweep.remove_by_age(uow, by=by, now=now, rule=rule)
                taken[rule.data_class] += rows
                if rows < sweep.BATCH_ROWS:
                    break
        taken[DataClass.CLINICAL_RECORD] += await self._remove_records(by, now)
        return {kind: rows for kind, rows in taken.items() if rows}

    async def _remove_records(self, by: Actor, now: datetime) -> int:
        async with self._database.unit_of_work() as uow:
            patients = await sweep.records_due(uow, by=by, now=now)
        taken = 0
        for patient_id in patients:
            if self._stopping.is_set():
                break
            async with self._database.unit_of_work() as uow:
                taken += await sweep.remove_record(uow, by=by, now=now, patient_id=patient_id)
        return taken
