"""Operator commands for signing keys: parse, one step by the rules, print, exit code.

Exit codes: 0 done, 2 bad usage, an unusable file, or a step the rules refuse.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telehealth.audit.head_keys import public_key_set
from telehealth.platform import key_rotation
from telehealth.platform.clock import SystemClock
from telehealth.platform.key_files import KeyFile, rewriting
from telehealth.platform.key_rotation import KeyStepRefused
from telehealth.platform.signing import (
    KeyFileUnsafe,
    KeyState,
    SigningKey,
    make_key_file,
    read_key_file,
)

app = typer.Typer(no_args_is_help=True, help="Token-signing keys.")
Reason = Annotated[str, typer.Option(min=8, help="Kept in the file's history.")]


@app.command("make")
def make(file: Path) -> None:
    """Draw a signing key into a new FILE that only its owner may read."""
    try:
        make_key_file(file)
    except FileExistsError:
        typer.echo(f"{file} is there already; keys are never overwritten", err=True)
        raise typer.Exit(code=2) from None
    typer.echo(f"Made {file}.")


@app.command("list")
def show(file: Path) -> None:
    """Print each key of FILE: its name, its state, and since when."""
    with _refusals():
        for key in read_key_file(file):
            since = "" if key.since is None else key.since.isoformat(timespec="seconds")
            typer.echo(f"{key.kid}  {key.state.value:<8}  {since}".rstrip())


@app.command("stage")
def stage(file: Path) -> None:
    """Draw the next key into FILE.  It is published at once and signs nothing yet."""
    with _step(file) as (held, now):
        fresh = _draw()
        held.change(
            key_rotation.staged(held.keys, fresh, now=now),
            step="stage",
            kid=fresh.kid,
            now=now,
            because=None,
        )
        ready_at = now + key_rotation.PUBLISH_AHEAD
        typer.echo(f"Staged {fresh.kid}; it may sign from {ready_at.isoformat('T', 'seconds')}.")


@app.command("promote")
def promote(
    file: Path,
    early_because: Annotated[
        str | None, typer.Option(help="Why not to wait until every copy has the key.")
    ] = None,
) -> None:
    """Let the next key of FILE sign; the active one retires and still verifies."""
    with _step(file) as (held, now):
        keys = key_rotation.promoted(held.keys, now=now, is_forced=early_because is not None)
        kid = next(key.kid for key in keys if key.state is KeyState.ACTIVE)
        held.change(keys, step="promote", kid=kid, now=now, because=early_because)
        typer.echo(f"{kid} signs now.")


# One name in sixty-four begins with a dash, and is no option.
_NAMES_A_KEY: Final = {"ignore_unknown_options": True}


@app.command("retire", context_settings=_NAMES_A_KEY)
def retire(file: Path, kid: str) -> None:
    """Take the retiring key KID out of FILE, once no token it signed can be in use."""
    with _step(file) as (held, now):
        keys = key_rotation.retired(held.keys, kid=kid, now=now)
        held.change(keys, step="retire", kid=kid, now=now, because=None)
        typer.echo(f"{kid} is gone.")


@app.command("remove", context_settings=_NAMES_A_KEY)
def remove(file: Path, kid: str, because: Reason) -> None:
    """Take the compromised key KID out of FILE at once; every token it signed is refused.

    Everybody who is signed in has to sign in again once their pass, five minutes at most, or their
    page notices it; calls that run go on.
    """
    with _step(file) as (held, now):
        keys = key_rotation.removed(held.keys, kid=kid, fresh=_draw(), now=now)
        held.change(keys, step="remove", kid=kid, now=now, because=because)
        active = next(key.kid for key in keys if key.state is KeyState.ACTIVE)
        typer.echo(f"{kid} is gone; {active} signs.")


@app.command("public")
def public(file: Path) -> None:
    """Print the public halves of the keys in FILE, for whoever checks what they signed."""
    with _refusals():
        typer.echo(public_key_set(file))


def _draw() -> SigningKey:
    return SigningKey.of(Ed25519PrivateKey.generate(), KeyState.NEXT)


@contextlib.contextmanager
def _step(file: Path) -> Iterator[tuple[KeyFile, datetime]]:
    with _refusals(), rewriting(file) as held:
        yield held, SystemClock().now()


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Say in a sentence what was refused; the file is as it was."""
    try:
        yield
    except KeyStepRefused as refused:
        wait = "" if refused.not_before is None else f" (from {refused.not_before.isoformat()})"
        typer.echo(f"Refused: {refused.why.value}{wait}.", err=True)
    except KeyFileUnsafe as unsafe:
        typer.echo(str(unsafe), err=True)
    except FileNotFoundError:
        typer.echo("There is no such file. `telehealth keys make` makes one.", err=True)
    else:
        return
    raise typer.Exit(code=2)
