"""Heads in files that only grow: one folder a clinic, one file a day.

Meant for a mount of another machine, or a file system that is append-only.  Nothing here opens a
file for anything but appending and reading.
"""

import asyncio
import os
from datetime import UTC
from pathlib import Path
from typing import Final

from telehealth.audit.heads import KeptHeads, SignedHead, read_notes
from telehealth.audit.ports import HeadNotKept
from telehealth.contract import ClinicId

_SUFFIX: Final = ".heads"


class HeadDirectory:
    """A sink of files; implements `HeadSink`.

    Args:
        folder: Made when it is missing.
        name: As the status page calls it.
    """

    def __init__(self, folder: Path, *, name: str = "directory") -> None:
        self._folder = folder
        self._name = name

    @property
    def name(self) -> str:
        """Short name for the status page and logs."""
        return self._name

    async def keep(self, signed: SignedHead) -> None:
        """Append a head to the file of its day, down to the disk.

        Raises:
            HeadNotKept: The file system refused.
        """
        try:
            await asyncio.to_thread(self._append, signed)
        except OSError as refused:
            raise HeadNotKept from refused

    async def kept(self, clinic_id: ClinicId) -> KeptHeads:
        """Return every head of one chain, oldest first.

        Raises:
            HeadNotKept: The file system refused.
        """
        try:
            return await asyncio.to_thread(read_folder, self._folder / str(clinic_id))
        except OSError as refused:
            raise HeadNotKept from refused

    async def close(self) -> None:
        """Nothing stays open."""

    def _append(self, signed: SignedHead) -> None:
        folder = self._folder / str(signed.head.clinic_id)
        is_new = not folder.exists()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_new:
            _to_disk(self._folder)
        path = folder / f"{signed.head.at.astimezone(UTC):%Y-%m-%d}{_SUFFIX}"
        is_new = not path.exists()
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # The empty line in front also ends whatever a torn write has left.
            whole = f"\n{signed.note}".encode()
            if os.write(file, whole) != len(whole):
                raise OSError("written in part")
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            _to_disk(folder)


def read_folder(folder: Path) -> KeptHeads:
    """Read the heads of one clinic's folder, oldest first; none if there is no folder."""
    text = "".join(
        path.read_text("utf-8", errors="replace") for path in sorted(folder.glob(f"*{_SUFFIX}"))
    )
    return read_notes(text)


def clinics_in(folder: Path) -> list[str]:
    """Name the clinics whose heads a directory holds."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def _to_disk(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
