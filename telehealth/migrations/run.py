"""Brings a database to the newest form, from the command line, the demo and the tests."""

from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config

_HERE = Path(__file__).parent
# Alembic keeps what it works on in one place a process (`alembic.context`): two threads at once
# would read each other's.  Two processes are kept apart by the database itself (`env.py`).
_one_at_a_time = Lock()


def config_for(url: str) -> Config:
    """Return Alembic's settings for one database; no file is read."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    # Alembic reads `%` as the beginning of a substitution.
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Run every revision a database lacks; in one transaction, so all or none.

    Call it from a thread when an event loop is running; several threads take turns.

    Args:
        url: `sqlite+aiosqlite:///path` or `postgresql+psycopg://…`.
        revision: Where to stop; the newest by default.
    """
    with _one_at_a_time:
        command.upgrade(config_for(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo revisions down to `revision`; for tests of the revisions themselves."""
    with _one_at_a_time:
        command.downgrade(config_for(url), revision)
