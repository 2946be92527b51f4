"""The static tree under its own hash: cached for ever, and never half old, half new.

Modules import each other by relative path, so one hash over the whole tree carries to all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

TREE: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".mp3": "audio/mpeg",
}
"""What is served; any other file of the tree is for developers."""


class AssetMissing(LookupError):
    """A page names a file that is not in the tree."""


@dataclass(frozen=True, slots=True)
class StaticTree:
    """The files as they were when the process started."""

    digest: str
    files: Mapping[str, bytes]


def read_tree(root: Path) -> StaticTree:
    """Read the files we serve, and hash their names and bytes; a link is no file of ours."""
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.suffix in _TYPES
    }
    digest = sha256()
    for name, content in files.items():
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return StaticTree(digest.hexdigest()[:16], files)


@cache
def static_tree() -> StaticTree:
    """Return the tree of this process."""
    return read_tree(TREE)


def asset(path: str) -> str:
    """Return the address of a static file, for a page.

    Raises:
        AssetMissing: There is no such file.
    """
    tree = static_tree()
    if path not in tree.files:
        raise AssetMissing(path)
    return f"/static/{tree.digest}/{path}"


async def static_file(request: Request) -> Response:
    """GET /static/{digest}/{path}; only names of the tree are looked up, never the disk."""
    tree, path = static_tree(), request.path_params["path"]
    content = tree.files.get(path)
    if content is None or request.path_params["digest"] != tree.digest:
        return Response(status_code=404)
    return Response(
        content,
        headers={
            "Content-Type": _TYPES[Path(path).suffix],
            "Cache-Control": "public, max-age=31536000, immutable",
        },
    )


routes: Final[Sequence[BaseRoute]] = (
    Route("/static/{digest}/{path:path}", static_file, methods=["GET"]),
)
