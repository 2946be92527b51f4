"""Operator commands of a media node: parse, one action, exit code."""

import asyncio

import typer
from pydantic import ValidationError

from media.app import serve_until_told
from media.config import MediaSettings

app = typer.Typer(
    help="The forwarding unit: one node, one core, one UDP port.", no_args_is_help=True
)


@app.callback()
def media() -> None:
    """Keep `serve` a named command while it is the only one."""


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


if __name__ == "__main__":
    app()
