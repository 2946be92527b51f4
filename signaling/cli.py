"""Operator commands of a signaling node: parse, one action, exit code."""

import asyncio

import typer
from pydantic import ValidationError

from signaling.app import serve_until_told
from signaling.config import SignalingSettings
from signaling.contract.schema import schema_text

app = typer.Typer(help="The signaling server.", no_args_is_help=True, add_completion=False)


@app.command()
def serve() -> None:
    """Serve until SIGTERM, then drain.

    Exit codes: 0 stopped as told, 2 bad settings (their names are printed, never their values),
    3 an address is not ours, a port is taken, or the spool cannot be written.
    """
    try:
        settings = SignalingSettings()
    except ValidationError as refused:
        for fault in refused.errors(include_url=False, include_context=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"][:1]).upper()
            typer.echo(f"SIGNALING_{name}: {fault['msg']}", err=True)
        raise typer.Exit(code=2) from None
    try:
        asyncio.run(serve_until_told(settings))
    except ValueError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(code=2) from None
    except OSError as refused:
        typer.echo(f"cannot serve: {refused.strerror}", err=True)
        raise typer.Exit(code=3) from None


@app.command()
def schema() -> None:
    """Print the JSON Schema of the socket's messages."""
    typer.echo(schema_text(), nl=False)


if __name__ == "__main__":
    app()
