"""The file of signing keys: rewritten whole or not at all, and read anew when it has changed."""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog

from telehealth.platform.key_rotation import LOOK_EVERY
from telehealth.platform.signing import (
    KeyFileUnsafe,
    SigningKey,
    active_of,
    entry_of,
    read_key_file,
)

_REMEMBERED_STEPS: Final = 100
_Mark = tuple[int, int, int]

_log = structlog.get_logger(__name__)


class WatchedKeyFile:
    """The keys of a running process, as they stand in the file.

    One `stat` each few seconds of use.  A file that cannot be read, or holds no active key, leaves
    the keys as they are: half a rotation must not take the product down.

    Args:
        path: Mode 0600.
        now: Monotonic clock in seconds.

    Raises:
        KeyFileUnsafe: The file cannot be used at all.
    """

    def __init__(self, path: Path, *, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._looked_at = now()
        self._mark = _mark_of(path)
        self.keys = read_key_file(path)
        active_of(self.keys)

    def changed(self) -> Sequence[SigningKey] | None:
        """Return the keys if the file has changed since it was last read, else None."""
        now = self._now()
        if now - self._looked_at < LOOK_EVERY.total_seconds():
            return None
        self._looked_at = now
        try:
            mark = _mark_of(self._path)
            if mark == self._mark:
                return None
            keys = read_key_file(self._path)
            active_of(keys)
        except (KeyFileUnsafe, OSError):
            _log.error("signing_keys.not_read")
            return None
        self._mark, self.keys = mark, keys
        _log.info("signing_keys.read", count=len(keys))
        return keys


@contextlib.contextmanager
def rewriting(path: Path) -> Iterator["KeyFile"]:
    """Hold the key file against other commands; written once, at the end, if it was changed.

    Raises:
        KeyFileUnsafe: Others may read the file, or it holds something else.
        FileNotFoundError: It is not there.
    """
    with (path.with_name(path.name + ".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = KeyFile(path)
        yield file
        file.write()


class KeyFile:
    """Keys, and what was done to them and why; only `rewriting` makes one."""

    def __init__(self, path: Path) -> None:
        self.keys: Sequence[SigningKey] = read_key_file(path)
        self._path = path
        self._history: list[dict[str, Any]] = json.loads(path.read_text()).get("history", [])
        self._is_changed = False

    def change(
        self, keys: Sequence[SigningKey], *, step: str, kid: str, now: datetime, because: str | None
    ) -> None:
        """Put other keys in, and a line that says what was done."""
        active_of(keys)
        self.keys, self._is_changed = keys, True
        self._history.append({"at": now.isoformat(), "step": step, "kid": kid, "because": because})

    def write(self) -> None:
        """Write a new file beside the old one and put it in its place.

        A reader sees the old keys or the new ones; after a crash the file is one of the two.
        """
        if not self._is_changed:
            return
        content = {
            "keys": [entry_of(key) for key in self.keys],
            "history": self._history[-_REMEMBERED_STEPS:],
        }
        fresh = self._path.with_name(self._path.name + ".new")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _mark_of(path: Path) -> _Mark:
    """Return what differs after any rewrite: a replaced file is another file."""
    seen = path.stat()
    return seen.st_ino, seen.st_mtime_ns, seen.st_size
