"""The published key set, and a rotation that a running visit service takes without a restart."""

from datetime import timedelta
from pathlib import Path

import pytest

from telehealth.identity.key_set import PATH
from telehealth.platform.key_files import rewriting
from telehealth.platform.key_rotation import PUBLISH_AHEAD, promoted, removed, staged
from telehealth.platform.signing import KeyState, read_key_file
from tests.support.app_client import browser_of, running_app
from tests.support.clock import MORNING, FakeClock
from tests.support.keys import key_for_tests

FRESH = key_for_tests(5, KeyState.NEXT)


async def test_the_key_set_is_public_and_holds_public_halves_only(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with running_app(sqlite_url, tmp_path) as made, browser_of(made) as stranger:
        answer = await stranger.get(PATH)

    (ours,) = read_key_file(tmp_path / "keys.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.json() == {"keys": [ours.public_jwk()]}
    assert "d" not in answer.json()["keys"][0]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.requirement("SEC-JWT-08")
async def test_a_running_service_follows_a_whole_rotation(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pause between two looks is shown by its own test; here each request looks.
    monkeypatch.setattr("telehealth.platform.key_files.LOOK_EVERY", timedelta(0))
    path, clock = tmp_path / "keys.json", FakeClock()
    async with running_app(sqlite_url, tmp_path, clock=clock) as made, browser_of(made) as stranger:

        async def published() -> set[str]:
            return {key["kid"] for key in (await stranger.get(PATH)).json()["keys"]}

        (first,) = read_key_file(path)
        with rewriting(path) as file:
            keys = staged(file.keys, FRESH, now=MORNING)
            file.change(keys, step="stage", kid=FRESH.kid, now=MORNING, because=None)
        both = await published()
        with rewriting(path) as file:
            keys = promoted(file.keys, now=MORNING + PUBLISH_AHEAD)
            file.change(keys, step="promote", kid=FRESH.kid, now=MORNING, because=None)
        still_both = await published()
        with rewriting(path) as file:
            keys = removed(file.keys, kid=first.kid, fresh=key_for_tests(6), now=MORNING)
            file.change(keys, step="remove", kid=first.kid, now=MORNING, because="a test")
        left = await published()

    assert both == still_both == {first.kid, FRESH.kid}
    assert left == {FRESH.kid}
