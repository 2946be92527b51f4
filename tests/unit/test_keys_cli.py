"""The commands for signing keys say what they did, or refuse and leave the file as it was."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from telehealth.keys_cli import app
from telehealth.platform.signing import KeyState, SigningKey, read_key_file

runner = CliRunner()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys.json"
    assert runner.invoke(app, ["make", str(made)]).exit_code == 0
    return made


def in_state(path: Path, state: KeyState) -> SigningKey:
    return next(key for key in read_key_file(path) if key.state is state)


def test_keys_are_listed_by_name_and_state(path: Path) -> None:
    assert runner.invoke(app, ["stage", str(path)]).exit_code == 0

    lines = runner.invoke(app, ["list", str(path)]).stdout.splitlines()

    assert [line.split()[1] for line in lines] == ["active", "next"]
    assert {line.split()[0] for line in lines} == {key.kid for key in read_key_file(path)}


def test_no_command_prints_a_private_half(path: Path) -> None:
    told = "".join(
        runner.invoke(app, [command, str(path)]).output for command in ("stage", "list", "promote")
    )

    for entry in json.loads(path.read_text())["keys"]:
        assert entry["d"] not in told


def test_an_early_promotion_is_refused_unless_there_is_a_reason(path: Path) -> None:
    runner.invoke(app, ["stage", str(path)])
    following = in_state(path, KeyState.NEXT)

    early = runner.invoke(app, ["promote", str(path)])
    forced = runner.invoke(app, ["promote", str(path), "--early-because", "nobody is signed in"])

    assert early.exit_code == 2
    assert "not every copy" in early.stderr
    assert forced.exit_code == 0
    assert in_state(path, KeyState.ACTIVE).kid == following.kid
    assert json.loads(path.read_text())["history"][-1]["because"] == "nobody is signed in"


def test_a_key_that_may_be_needed_is_not_retired(path: Path) -> None:
    first = in_state(path, KeyState.ACTIVE)
    runner.invoke(app, ["stage", str(path)])
    runner.invoke(app, ["promote", str(path), "--early-because", "nobody is signed in"])

    refused = runner.invoke(app, ["retire", str(path), first.kid])

    assert refused.exit_code == 2
    assert "may still be in use" in refused.stderr
    assert in_state(path, KeyState.RETIRING).kid == first.kid


def test_a_compromised_key_is_removed_with_a_reason(path: Path) -> None:
    first = in_state(path, KeyState.ACTIVE)

    without = runner.invoke(app, ["remove", str(path), first.kid])
    gone = runner.invoke(app, ["remove", str(path), first.kid, "--because", "found in a backup"])

    assert without.exit_code == 2
    assert gone.exit_code == 0
    assert in_state(path, KeyState.ACTIVE).kid != first.kid
    assert first.kid not in {key.kid for key in read_key_file(path)}
    assert json.loads(path.read_text())["history"][-1]["because"] == "found in a backup"


def test_a_key_whose_name_begins_with_a_dash_is_no_option(path: Path) -> None:
    while not in_state(path, KeyState.ACTIVE).kid.startswith("-"):
        path.unlink()
        assert runner.invoke(app, ["make", str(path)]).exit_code == 0
    first = in_state(path, KeyState.ACTIVE)

    kept = runner.invoke(app, ["retire", str(path), first.kid])
    gone = runner.invoke(app, ["remove", str(path), first.kid, "--because", "found in a backup"])

    assert "only a retiring key" in kept.stderr
    assert gone.exit_code == 0
    assert in_state(path, KeyState.ACTIVE).kid != first.kid


def test_what_cannot_be_done_says_why(path: Path, tmp_path: Path) -> None:
    nowhere = runner.invoke(app, ["list", str(tmp_path / "none.json")])
    again = runner.invoke(app, ["make", str(path)])
    path.chmod(0o644)
    open_to_all = runner.invoke(app, ["stage", str(path)])

    assert [nowhere.exit_code, again.exit_code, open_to_all.exit_code] == [2, 2, 2]
    assert "keys make" in nowhere.stderr
    assert "never overwritten" in again.stderr
    assert "chmod 600" in open_to_all.stderr
