"""No digest of sealed words stands beside them: it confirmed a guess of what they are.

The ledger loses the one of its payload; that of a named act is made under a secret from now on.
Their bytes go too: PostgreSQL would keep them in the rows, SQLite in what it frees.

Source:
    PostgreSQL, "ALTER TABLE": a dropped column's data stays until the table is rewritten; another
    type for a column rewrites it.  SQLite, `PRAGMA secure_delete`.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KEPT: Final = (
    "entry_id",
    "clinic_id",
    "subject_id",
    "kind",
    "schema_version",
    "partner",
    "key",
    "message_id",
    "lane",
    "order_key",
    "order_no",
    "created_at",
    "patient_id",
)
_WHY: Final = "what is owed never changes, and an epoch never falls"


def upgrade() -> None:
    # A page that repeats one of the last day's named acts is told that its key was used.
    if _is_sqlite():
        op.execute("PRAGMA secure_delete = ON")
        op.execute("UPDATE idempotency_keys SET act_sha256 = ''")
        # A column that a trigger names cannot be dropped.
        op.execute("DROP TRIGGER ledger_entry_keeps_content")
        op.execute("ALTER TABLE ledger_entry DROP COLUMN payload_sha256")
        _sqlite_trigger(_KEPT)
    else:
        _blank("idempotency_keys", "act_sha256")
        _postgresql_trigger(_KEPT)
        _blank("ledger_entry", "payload_sha256")
        op.drop_column("ledger_entry", "payload_sha256")
    op.execute("ALTER TABLE idempotency_keys RENAME COLUMN act_sha256 TO act_mac")


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM ledger_entry")):
        raise RuntimeError("ledger_entry holds rows whose digest is gone: they cannot go back")
    op.execute("ALTER TABLE idempotency_keys RENAME COLUMN act_mac TO act_sha256")
    digest = sa.Column("payload_sha256", sa.String(64), nullable=False, server_default="")
    if _is_sqlite():
        op.execute("DROP TRIGGER ledger_entry_keeps_content")
        op.add_column("ledger_entry", digest)
        _sqlite_trigger((*_KEPT, "payload_sha256"))
        return
    op.add_column("ledger_entry", digest)
    _postgresql_trigger((*_KEPT, "payload_sha256"))


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _blank(table: str, column: str) -> None:
    op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE VARCHAR(64) USING ''")


def _sqlite_trigger(kept: tuple[str, ...]) -> None:
    changes = _changes(kept, "IS NOT", one="X'01'")
    op.execute(
        "CREATE TRIGGER ledger_entry_keeps_content BEFORE UPDATE ON ledger_entry"
        f" WHEN {changes} BEGIN"
        f" SELECT RAISE(ABORT, '{_WHY}'); END"
    )


def _postgresql_trigger(kept: tuple[str, ...]) -> None:
    changes = _changes(kept, "IS DISTINCT FROM", one=r"'\x01'::bytea")
    op.execute(
        "CREATE OR REPLACE FUNCTION ledger_entry_keeps_content() RETURNS trigger"
        f" LANGUAGE plpgsql AS $$ BEGIN IF {changes} THEN"
        f" RAISE EXCEPTION '{_WHY}'"
        " USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"
    )


def _changes(kept: tuple[str, ...], differs: str, *, one: str) -> str:
    """Say in SQL that a row changes otherwise than by being sealed again under another key."""
    columns = " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in kept)
    return (
        f"{columns} OR (NEW.payload {differs} OLD.payload AND NOT"
        " (length(NEW.payload) = length(OLD.payload)"
        f" AND substr(NEW.payload, 1, 1) = {one}"
        " AND substr(NEW.payload, 2, 16) <> substr(OLD.payload, 2, 16)))"
        " OR NEW.lease_epoch < OLD.lease_epoch"
    )
