"""A key file is rewritten whole or not at all, and a running process notices."""

import json
import stat
from pathlib import Path

import pytest
import structlog

from telehealth.platform.key_files import WatchedKeyFile, rewriting
from telehealth.platform.key_rotation import staged
from telehealth.platform.signing import (
    KeyFileUnsafe,
    KeyState,
    TokenSigner,
    make_key_file,
    read_key_file,
)
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import key_for_tests

FRESH = key_for_tests(7, KeyState.NEXT)


class Seconds:
    """A monotonic clock moved by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys.json"
    make_key_file(made)
    return made


def stage(path: Path, because: str | None = None) -> None:
    with rewriting(path) as file:
        keys = staged(file.keys, FRESH, now=MORNING)
        file.change(keys, step="stage", kid=FRESH.kid, now=MORNING, because=because)


def test_a_change_is_written_with_its_reason_for_the_owner_only(path: Path) -> None:
    stage(path, because="yearly")

    kept = json.loads(path.read_text())

    assert [key.state for key in read_key_file(path)] == [KeyState.ACTIVE, KeyState.NEXT]
    assert read_key_file(path)[1].since == MORNING
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept["history"] == [
        {"at": MORNING.isoformat(), "step": "stage", "kid": FRESH.kid, "because": "yearly"}
    ]
    assert not path.with_name("keys.json.new").exists()


def test_without_a_change_the_file_is_the_same_file(path: Path) -> None:
    before = path.stat().st_ino
    with rewriting(path) as file:
        assert file.keys

    assert path.stat().st_ino == before


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    before = path.read_bytes()

    with pytest.raises(KeyFileUnsafe), rewriting(path) as file:
        file.change([], step="remove", kid="x", now=MORNING, because=None)

    assert path.read_bytes() == before


def test_what_a_crash_left_behind_is_no_hindrance(path: Path) -> None:
    path.with_name("keys.json.new").write_text("half")

    stage(path)

    assert len(read_key_file(path)) == 2


def test_a_running_process_notices_a_new_key_without_a_restart(path: Path) -> None:
    clock = Seconds()
    watched = WatchedKeyFile(path, now=clock)
    signer = TokenSigner(watched.keys, clock=FakeClock(), changed=watched.changed)
    stage(path)

    at_once = len(signer.public_keys())
    clock.now_s = 5.0

    assert (at_once, len(signer.public_keys())) == (1, 2)


def test_the_file_is_looked_at_once_in_five_seconds(path: Path) -> None:
    clock = Seconds()
    watched = WatchedKeyFile(path, now=clock)
    clock.now_s = 5.0
    assert watched.changed() is None
    stage(path)

    clock.now_s = 9.9
    assert watched.changed() is None
    clock.now_s = 10.0
    assert watched.changed() is not None
    clock.now_s = 15.0
    assert watched.changed() is None


@pytest.mark.parametrize("damage", ["gone", "half", "open to others", "no active key"])
def test_a_damaged_file_leaves_a_running_process_its_keys(path: Path, damage: str) -> None:
    clock = Seconds()
    watched = WatchedKeyFile(path, now=clock)
    before = watched.keys
    match damage:
        case "gone":
            path.unlink()
        case "half":
            path.write_text(path.read_text()[:40])
        case "open to others":
            path.write_text(path.read_text() + "\n")
            path.chmod(0o644)
        case _:
            path.write_text(path.read_text().replace("active", "retiring"))
    clock.now_s = 5.0

    with structlog.testing.capture_logs() as told:
        assert watched.changed() is None

    assert watched.keys == before
    assert [line["event"] for line in told] == ["signing_keys.not_read"]


def test_a_process_does_not_start_with_a_file_it_cannot_use(path: Path) -> None:
    path.write_text(path.read_text().replace("active", "next"))

    with pytest.raises(KeyFileUnsafe):
        WatchedKeyFile(path, now=Seconds())
