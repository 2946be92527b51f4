"""Operator commands of a media node: parse, one action, exit code."""

import asyncio
import socket
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from pydantic import ValidationError

from media.app import serve_until_told
from media.config import MediaSettings
from media.contract.operator import Answer, Drain, InspectRoom, NotAnswered, Question, Record
from media.core.replay import Replay, lines_of

DOOR_LIMIT_S = 3.0

Door = Annotated[
    Path,
    typer.Option(
        "--door", envvar="MEDIA_OPERATOR_SOCKET", help="The node's operator socket (mode 0600)."
    ),
]

app = typer.Typer(
    help="The forwarding unit: one node, one core, one UDP port.", no_args_is_help=True
)


@app.command()
def serve() -> None:
    """Serve until SIGTERM, then drain.

    Exit codes: 0 stopped as told, 2 bad settings (their names are printed, never their values),
    3 an address is not ours or a port is taken.
    """
    try:
        settings = MediaSettings()
    except ValidationError as refused:
        for fault in refused.errors(include_url=False, include_context=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            typer.echo(f"MEDIA_{name}: {fault['msg']}", err=True)
        raise typer.Exit(code=2) from None
    try:
        asyncio.run(serve_until_told(settings))
    except ValueError as refused:
        typer.echo(f"MEDIA_CONTROL_KEY: {refused}", err=True)
        raise typer.Exit(code=2) from None
    except OSError as refused:
        typer.echo(f"cannot listen: {refused.strerror}", err=True)
        raise typer.Exit(code=3) from None


@app.command()
def inspect_room(room_id: str, door: Door) -> None:
    """Show one room of a running node: seats, epochs, publications, slots, paths, counters.

    Exit codes: 0 shown, 1 no such room there, 3 the node does not answer.
    """
    _print(_ask(door, InspectRoom(room_id=room_id)))


@app.command()
def drain(door: Door) -> None:
    """Let a running node take no new room; SIGTERM does this and then ends it.

    Exit codes: 0 it drains, 3 the node does not answer.
    """
    _print(_ask(door, Drain()))


@app.command()
def record(door: Door, *, on: Annotated[bool, typer.Option("--on/--off")] = True) -> None:
    """Record the inputs of rooms opened from now on, or end the recording.

    Exit codes: 0 done, 1 the node has no MEDIA_RECORD_FOLDER, 3 the node does not answer.
    """
    _print(_ask(door, Record(is_on=on)))


@app.command()
def replay(
    file: Path,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print what differs only.")] = False,
) -> None:
    """Feed a recording to fresh machines and print what each input makes them want.

    Exit codes: 0 all as recorded, 1 something differs, 2 the file cannot be read.
    """
    replayed, differing, count = Replay(), 0, 0
    try:
        with file.open("rb") as opened:
            for line in lines_of(opened):
                seen = replayed.feed(line)
                count, differing = count + 1, differing + (not seen.is_same)
                if not quiet or not seen.is_same:
                    mark = " " if seen.is_same else "!"
                    typer.echo(f"{mark} {line.at:.3f} {line.machine} {line.verb}")
                    for effect in seen.effects:
                        typer.echo(f"      {effect}")
    except (ValueError, KeyError, TypeError, OSError) as unreadable:
        typer.echo(f"not a recording: {unreadable}", err=True)
        raise typer.Exit(code=2) from None
    typer.echo(f"{count} inputs, {differing} with other effects than recorded")
    raise typer.Exit(code=1 if differing else 0)


def _ask(door: Path, question: Question) -> Answer:
    """Ask through the door; the node not answering ends the command."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(DOOR_LIMIT_S)
            line.connect(str(door))
            line.sendall(msgspec.json.encode(question) + b"\n")
            with line.makefile("rb") as told:
                answer: Answer = msgspec.json.decode(told.read(), type=Answer)
                return answer
    except (OSError, msgspec.DecodeError) as silent:
        typer.echo(f"the node does not answer: {type(silent).__name__}", err=True)
        raise typer.Exit(code=3) from None


def _print(answer: Answer) -> None:
    plain: Any = msgspec.json.format(msgspec.json.encode(answer), indent=2)
    typer.echo(plain.decode())
    if isinstance(answer, NotAnswered):
        raise typer.Exit(code=1)


if __name__ == "__main__":
    app()
