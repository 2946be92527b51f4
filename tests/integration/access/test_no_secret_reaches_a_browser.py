"""No secret of the installation is among what a browser is given: pages, scripts, answers."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from telehealth.access.route_table import PUBLIC_ROUTES
from telehealth.web.assets import asset, static_tree
from tests.support.app_client import SERVICE_KEY
from tests.support.requirements import Figure
from tests.support.sealing import PEPPER, root_key_file
from tests.support.two_clinics import TwoClinics


def secrets_of_the_installation(database_url: str, folder: Path) -> list[str]:
    """Return what only our processes may know, as it is written in their settings and files."""
    keys = json.loads((folder / "keys.json").read_text())["keys"]
    root = json.loads(root_key_file(database_url).read_text())
    pepper = base64.urlsafe_b64encode(PEPPER.key).decode()
    return [SERVICE_KEY, pepper, *(key["d"] for key in keys), *root.values()]


def spellings(secret: str) -> Iterator[bytes]:
    """Yield the ways in which a secret might be written down."""
    plain = secret.rstrip("=").encode()
    yield from (plain, base64.b64encode(plain).rstrip(b"="), plain.hex().encode())
    drawn = base64.urlsafe_b64decode(plain + b"=" * (-len(plain) % 4))
    yield from (drawn, drawn.hex().encode(), base64.b64encode(drawn).rstrip(b"="))


def told_in(given: bytes, secrets: list[str]) -> bool:
    return any(each in given for secret in secrets for each in spellings(secret))


@pytest.mark.requirement("SEC-SECRET-01")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_page_script_or_answer_holds_a_secret_of_the_installation(
    world: TwoClinics, database_url: str, tmp_path: Path, figure: Figure
) -> None:
    secrets = secrets_of_the_installation(database_url, tmp_path)
    stranger = next(each for each in world.callers if each.actor is None)
    seen: dict[str, bytes] = {}

    for name in static_tree().files:
        seen[name] = (await stranger.http.get(asset(name))).content
    for row in PUBLIC_ROUTES:
        if row.is_unsafe or "{" in row.path:
            continue
        for caller in world.callers:
            answer = await caller.http.get(row.path, headers={"accept": "text/html, */*"})
            seen[f"{row.path} to {caller.name}"] = answer.content + str(answer.headers).encode()

    assert [name for name, given in seen.items() if told_in(given, secrets)] == []
    assert all(told_in(b"x" + each + b"y", secrets) for one in secrets for each in spellings(one))
    figure(
        f"{len(secrets)} secrets looked for in {len(seen)} files and answers, "
        f"{sum(map(len, seen.values()))} bytes: 0 found"
    )
