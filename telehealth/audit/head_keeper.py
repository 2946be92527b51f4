"""Makes a head of every chain that grew, and brings it to where the database is not.

A head is signed only over entries that were followed from the last one: a broken chain, or one
that no longer leads to what was signed before, gets none, and the log says so until a person
has looked.  Runs in the worker; two workers make the same heads twice, which harms nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from telehealth.audit import actions, repository
from telehealth.audit.chain import NO_PREVIOUS
from telehealth.audit.checks import trusted
from telehealth.audit.heads import Head, SignedHead, is_due, sign
from telehealth.audit.ports import HeadContradicted, HeadNotKept, HeadSink
from telehealth.audit.tables import HeadExport
from telehealth.audit.tree import Frontier
from telehealth.audit.verdict import HeadWatch, Standing
from telehealth.contract import ClinicId
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database
from telehealth.platform.signing import SigningKey

_LOOK_EVERY: Final = timedelta(seconds=5)
_log = structlog.get_logger(__name__)


class Trouble(StrEnum):
    """Why a sink has no newer head."""

    NOT_KEPT = "not_kept"
    CONTRADICTED = "contradicted"
    CHAIN_ALTERED = "chain_altered"


@dataclass(slots=True)
class _Chain:
    """How far one chain was followed and told."""

    frontier: Frontier = field(default_factory=Frontier)
    seal: bytes = NO_PREVIOUS
    told: SignedHead | None = None
    owing: set[str] = field(default_factory=set)
    """Names of sinks that have not taken `told`."""
    is_altered: bool = False

    @property
    def last_at(self) -> datetime | None:
        return None if self.told is None else self.told.head.at

    @property
    def last_size(self) -> int:
        return 0 if self.told is None else self.told.head.size


class HeadKeeper:
    """Follows every chain and keeps its heads in every sink.

    Args:
        database: Of the entries.
        clock: For the instant of a head.
        key: The audit trail's own signing key; never a token key.
        log_name: Name of this installation's audit trail.
        sinks: Where heads go; each gets every head.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        key: SigningKey,
        log_name: str,
        sinks: Sequence[HeadSink],
    ) -> None:
        self._database = database
        self._clock = clock
        self._key = key
        self._log_name = log_name
        self._sinks = sinks
        self._chains: dict[ClinicId, _Chain] = {}

    async def run(self) -> None:
        """Look every five seconds until cancelled; a failing database is tried again."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001  (the worker's other lanes must not end with it)
                _log.exception("audit_heads.failed")
            await asyncio.sleep(_LOOK_EVERY.total_seconds())

    async def look(self) -> None:
        """Make and bring away the heads that are due now."""
        async with self._database.reading() as session:
            clinics = await actions.unscoped_clinics(session)
        for clinic_id in {*clinics, *self._chains}:
            await self._look_at(clinic_id)

    async def close(self) -> None:
        """Close every sink."""
        for sink in self._sinks:
            await sink.close()

    async def _look_at(self, clinic_id: ClinicId) -> None:
        chain = self._chains.get(clinic_id)
        if chain is None:
            chain = await self._begin(clinic_id)
        if chain is None or chain.is_altered:
            return
        async with self._database.reading() as session:
            newest = await repository.unscoped_newest_seq(session, clinic_id)
        now = self._clock.now()
        if newest < chain.frontier.size:
            await self._alarm(clinic_id, chain, Standing.TRUNCATED)
        elif is_due(size=newest, now=now, last_size=chain.last_size, last_at=chain.last_at):
            await self._advance(clinic_id, chain, to_seq=newest, now=now)
        if chain.told is not None and chain.owing and not chain.is_altered:
            await self._bring(clinic_id, chain, chain.told)

    async def _begin(self, clinic_id: ClinicId) -> _Chain | None:
        """Follow a chain from its first entry, and see that it leads to every head kept."""
        keys = {self._key.kid: self._key.private.public_key()}
        heads: list[Head] = []
        try:
            for sink in self._sinks:
                kept = await sink.kept(clinic_id)
                heads += trusted(kept.heads, clinic_id=clinic_id, keys=keys).heads
        except HeadNotKept:
            # Unread, it could hold the very head that a shorter chain contradicts.
            await self._note(clinic_id, {sink.name: Trouble.NOT_KEPT for sink in self._sinks})
            return None
        chain = _Chain()
        watch = HeadWatch(heads, chain.frontier)
        async with self._database.reading() as session:
            report = await actions.unscoped_follow(
                session,
                clinic_id=clinic_id,
                after_seq=0,
                previous=NO_PREVIOUS,
                to_seq=await repository.unscoped_newest_seq(session, clinic_id),
                watch=watch,
            )
        self._chains[clinic_id] = chain
        chain.seal = report.head
        verdict = watch.verdict(report, last_seq=report.entries)
        if verdict.standing is not Standing.WHOLE:
            await self._alarm(clinic_id, chain, verdict.standing)
        return chain

    async def _advance(
        self, clinic_id: ClinicId, chain: _Chain, *, to_seq: int, now: datetime
    ) -> None:
        async with self._database.reading() as session:
            standing = await self._follow_on(session, clinic_id, chain, to_seq=to_seq)
        if standing is not Standing.WHOLE:
            await self._alarm(clinic_id, chain, standing)
            return
        head = Head(
            log=self._log_name,
            clinic_id=clinic_id,
            size=chain.frontier.size,
            root=chain.frontier.root(),
            seal=chain.seal,
            at=now,
            kid=self._key.kid,
        )
        chain.told = sign(head, self._key.private)
        chain.owing = {sink.name for sink in self._sinks}

    @staticmethod
    async def _follow_on(
        session: repository.Reads, clinic_id: ClinicId, chain: _Chain, *, to_seq: int
    ) -> Standing:
        followed = chain.frontier.size
        if followed and (
            await repository.unscoped_seal_at(session, clinic_id, followed) != chain.seal
        ):
            return Standing.REWRITTEN
        report = await actions.unscoped_follow(
            session,
            clinic_id=clinic_id,
            after_seq=followed,
            previous=chain.seal,
            to_seq=to_seq,
            watch=HeadWatch((), chain.frontier),
        )
        chain.seal = report.head
        return Standing.WHOLE if report.first_broken is None else Standing.BROKEN

    async def _bring(self, clinic_id: ClinicId, chain: _Chain, signed: SignedHead) -> None:
        outcome: dict[str, Trouble | None] = {}
        for sink in self._sinks:
            if sink.name not in chain.owing:
                continue
            try:
                await sink.keep(signed)
            except HeadNotKept:
                outcome[sink.name] = Trouble.NOT_KEPT
            except HeadContradicted:
                outcome[sink.name] = Trouble.CONTRADICTED
                _log.error("audit_heads.contradicted", clinic_id=clinic_id)
            else:
                outcome[sink.name] = None
                chain.owing.discard(sink.name)
        await self._note(clinic_id, outcome, size=signed.head.size)

    async def _alarm(self, clinic_id: ClinicId, chain: _Chain, standing: Standing) -> None:
        """Stop signing this chain; a person looks, and starts the worker again."""
        chain.is_altered = True
        _log.error("audit_heads.chain_altered", clinic_id=clinic_id, state=standing)
        await self._note(clinic_id, {sink.name: Trouble.CHAIN_ALTERED for sink in self._sinks})

    async def _note(
        self,
        clinic_id: ClinicId,
        outcome: Mapping[str, Trouble | None],
        *,
        size: int = 0,
    ) -> None:
        """Write down how each sink stands, for the status page."""
        now = self._clock.now()
        async with self._database.unit_of_work() as uow:
            known = {
                row.sink: row for row in await repository.unscoped_exports(uow.session, clinic_id)
            }
            for name, trouble in outcome.items():
                row = known.get(name)
                if row is None:
                    row = HeadExport(clinic_id=clinic_id, sink=name, size=0)
                    uow.session.add(row)
                row.trouble = None if trouble is None else trouble.value
                if trouble is None:
                    row.size, row.exported_at, row.failing_since = size, now, None
                elif row.failing_since is None:
                    row.failing_since = now
        for trouble in outcome.values():
            if trouble is not None:
                _log.warning("audit_heads.not_exported", clinic_id=clinic_id, reason=trouble)
