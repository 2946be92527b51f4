"""How a command reads its environment, or ends with a sentence about what is wrong in it."""

from typing import TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

Settings = TypeVar("Settings", bound=BaseSettings)


def settings_or_exit(kind: type[Settings]) -> Settings:
    """Read the environment; name what is missing or wrong, never its value.

    Raises:
        typer.Exit: Code 2; the reasons are printed.
    """
    try:
        return kind()
    except ValidationError as invalid:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for fault in invalid.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in fault["loc"][:1])
            typer.echo(f"{prefix}{name.upper()}: {fault['msg']}", err=True)
        raise typer.Exit(code=2) from None
