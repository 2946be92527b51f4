"""Presence events on disk until the visit service has acknowledged them.

One file, one JSON line an event, forced to disk before the act it tells of counts as told;
rewritten without the acknowledged ones.  A line torn by a crash is dropped: it was never promised.
"""

import asyncio
import os
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from pydantic import ValidationError

from telehealth.contract import PresenceEvent

FILE_NAME: Final = "presence-events.jsonl"
BATCH: Final = 200

_log = structlog.get_logger()


class Spool:
    """Events owed to the visit service, oldest first.

    Args:
        directory: Made if it is not there; readable by its owner only.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / FILE_NAME
        self._lock = asyncio.Lock()
        self.is_failing = False
        self._owed: list[PresenceEvent] = _read(self._path)
        self.has_news = asyncio.Event()
        if self._owed:
            self.has_news.set()

    def __len__(self) -> int:
        return len(self._owed)

    async def put(self, event: PresenceEvent) -> None:
        """Keep an event; when this returns it is on disk, or `is_failing` says that it is not.

        A full disk must not stop a call: the event is kept in memory and told from there, and the
        node is not ready for new people meanwhile.
        """
        async with self._lock:
            try:
                await asyncio.to_thread(_append, self._path, event.model_dump_json())
                self.is_failing = False
            except OSError as failure:
                self.is_failing = True
                _log.error("spool.not_written", error=type(failure).__name__)
            self._owed.append(event)
        self.has_news.set()

    def batch(self) -> list[PresenceEvent]:
        """Return the oldest events still owed."""
        return self._owed[:BATCH]

    async def settle(self, settled: set[UUID]) -> None:
        """Forget events that were acknowledged."""
        async with self._lock:
            left = [event for event in self._owed if event.event_id not in settled]
            lines = [event.model_dump_json() for event in left]
            # Forgotten here first: one told twice after a crash counts once by its id.
            self._owed = left
            try:
                await asyncio.to_thread(_rewrite, self._path, lines)
                self.is_failing = False
            except OSError as failure:
                self.is_failing = True
                _log.error("spool.not_rewritten", error=type(failure).__name__)
        if not left:
            self.has_news.clear()


def _read(path: Path) -> list[PresenceEvent]:
    if not path.exists():
        return []
    text = path.read_text()
    events = []
    for line in text.splitlines():
        try:
            events.append(PresenceEvent.model_validate_json(line))
        except ValidationError:
            continue
    if not text.endswith("\n"):
        # The next event would stand on the torn line, and be lost with it.
        _rewrite(path, [event.model_dump_json() for event in events])
    return events


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rewrite(path: Path, lines: list[str]) -> None:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    for line in lines:
        _append(beside, line)
    beside.replace(path)
