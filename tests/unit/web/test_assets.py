"""The static tree: one hash, names only, cached for ever."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from telehealth.web import assets
from telehealth.web.assets import AssetMissing, asset, read_tree, static_file, static_tree


async def _answer(digest: str, path: str) -> Response:
    scope = {"type": "http", "path_params": {"digest": digest, "path": path}, "app": Starlette()}
    return await static_file(Request(scope))


def test_hash_follows_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    first = read_tree(tmp_path).digest
    (tmp_path / "notes.txt").write_text("not served")
    assert read_tree(tmp_path).digest == first
    (tmp_path / "a.js").write_text("2")
    changed = read_tree(tmp_path).digest
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert len({first, changed, read_tree(tmp_path).digest}) == 3


async def test_a_file_is_cached_for_ever() -> None:
    response = await _answer(static_tree().digest, "shared/api.js")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["../i18n.py", "shared/../shared/api.js", "vendor/PACKAGES.txt", ""]
)
async def test_only_names_of_the_tree_are_served(path: str) -> None:
    assert (await _answer(static_tree().digest, path)).status_code == 404


async def test_another_tree_is_not_ours() -> None:
    assert (await _answer("0" * 16, "shared/api.js")).status_code == 404


def test_a_page_cannot_name_a_missing_file() -> None:
    assert asset("shared/api.js") == f"/static/{static_tree().digest}/shared/api.js"
    with pytest.raises(AssetMissing):
        asset("shared/nothing.js")


def test_modules_import_files_that_exist() -> None:
    for name, content in static_tree().files.items():
        if not name.endswith(".js") or name.startswith("vendor/"):
            continue
        for wanted in re.findall(r'(?:from|import) "(\.[^"]+)"', content.decode()):
            target = (assets.TREE / name).parent / wanted
            assert target.resolve().is_file(), f"{name} imports {wanted}"
