"""What names or describes a person becomes sealed bytes; equality goes to blind indexes.

Only empty tables are changed: plain text cannot be sealed here, where there are no keys, and must
not be carried over.  No release has ever stored any.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SEALED: Final[Mapping[str, Mapping[str, str]]] = {
    "people": {
        "given": "VARCHAR(100)",
        "family": "VARCHAR(100)",
        "birth_on": "DATE",
        "phone": "VARCHAR(40)",
        "medical_record_number": "VARCHAR(64)",
    },
    "accounts": {"email": "VARCHAR(254)"},
    "note_versions": {"text": "TEXT"},
    "queue_entries": {
        "place_state": "VARCHAR(2)",
        "place_address": "VARCHAR(300)",
        "call_back_number": "VARCHAR(16)",
    },
    "ledger_entry": {"payload": "TEXT"},
}
_ADDED: Final[Mapping[str, tuple[str, str, str]]] = {
    # name, type on SQLite, type on PostgreSQL
    "people": ("medical_record_number_index", "BLOB", "BYTEA"),
    "accounts": ("email_index", "BLOB", "BYTEA"),
    "note_versions": ("patient_id", "CHAR(32) NOT NULL", "UUID NOT NULL"),
    "queue_entries": ("patient_id", "CHAR(32) NOT NULL", "UUID NOT NULL"),
    "ledger_entry": ("patient_id", "CHAR(32)", "UUID"),
}
_UNIQUE: Final[Mapping[str, tuple[str, str, str, str]]] = {
    # name and columns before, name and columns now
    "people": (
        "uq_people_clinic_id",
        "clinic_id, medical_record_number",
        "uq_people_clinic_id",
        "clinic_id, medical_record_number_index",
    ),
    "accounts": ("uq_accounts_email", "email", "uq_accounts_email_index", "email_index"),
}
_ONE_ON_SQLITE: Final = "X'01'"
_ONE_ON_POSTGRESQL: Final = r"'\x01'::bytea"
_NOTE: Final = ("visit_id", "version", "clinic_id", "patient_id", "author_id", "saved_at")
_OWED: Final = (
    "entry_id",
    "clinic_id",
    "subject_id",
    "kind",
    "schema_version",
    "partner",
    "key",
    "message_id",
    "payload_sha256",
    "lane",
    "order_key",
    "order_no",
    "created_at",
)


def upgrade() -> None:
    _refuse_rows()
    if _is_sqlite():
        for table in _SEALED:
            _remake(table, _sealed_form)
        _sqlite_triggers(sealed=True)
    else:
        for table in _SEALED:
            _alter(table, sealed=True)
        _postgresql_triggers(sealed=True)


def downgrade() -> None:
    _refuse_rows()
    if _is_sqlite():
        for table in _SEALED:
            _remake(table, _plain_form)
        _sqlite_triggers(sealed=False)
    else:
        _postgresql_triggers(sealed=False)
        for table in _SEALED:
            _alter(table, sealed=False)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _refuse_rows() -> None:
    for table in _SEALED:
        if op.get_bind().scalar(sa.text(f"SELECT count(*) FROM {table}")):  # noqa: S608  (ours)
            raise RuntimeError(
                f"{table} holds rows of an unreleased form that cannot be sealed or unsealed here:"
                " begin with a new database"
            )


def _remake(table: str, form: Callable[[str, str], str]) -> None:
    """Make a table again from its own definition; SQLite changes no column of a constraint."""
    bind = op.get_bind()
    found = bind.execute(
        sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL"),
        {"table": table},
    ).all()
    definition = next(sql for kind, sql in found if kind == "table")
    op.execute(sa.text(f"DROP TABLE {table}"))
    bind.exec_driver_sql(form(table, definition))
    for kind, sql in found:
        if kind != "table":
            bind.exec_driver_sql(sql)


def _sealed_form(table: str, sql: str) -> str:
    for column, plain in _SEALED[table].items():
        sql = _swap(sql, rf'(["\s(]{column}"?\s+){re.escape(plain)}', r"\1BLOB")
    name, kind, _ = _ADDED[table]
    sql = sql.replace("(", f"(\n\t{name} {kind},", 1)
    if table in _UNIQUE:
        old_name, old, new_name, new = _UNIQUE[table]
        sql = _swap(
            sql, rf"CONSTRAINT {old_name} UNIQUE \({old}\)", f"CONSTRAINT {new_name} UNIQUE ({new})"
        )
    return sql


def _plain_form(table: str, sql: str) -> str:
    name, kind, _ = _ADDED[table]
    sql = _swap(sql, rf"\n\t{name} {re.escape(kind)},", "")
    for column, plain in _SEALED[table].items():
        sql = _swap(sql, rf'(["\s(]{column}"?\s+)BLOB', rf"\g<1>{plain}")
    if table in _UNIQUE:
        old_name, old, new_name, new = _UNIQUE[table]
        sql = _swap(
            sql, rf"CONSTRAINT {new_name} UNIQUE \({new}\)", f"CONSTRAINT {old_name} UNIQUE ({old})"
        )
    return sql


def _swap(sql: str, pattern: str, to: str) -> str:
    changed, times = re.subn(pattern, to, sql)
    if times != 1:
        raise RuntimeError(f"{pattern} stands {times} times in a table's definition")
    return changed


def _alter(table: str, *, sealed: bool) -> None:
    name, _, kind = _ADDED[table]
    if sealed:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    if table in _UNIQUE:
        old_name, old, new_name, new = _UNIQUE[table]
        gone, made, columns = (old_name, new_name, new) if sealed else (new_name, old_name, old)
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {gone}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {made} UNIQUE ({columns})")
    for column, plain in _SEALED[table].items():
        to = "BYTEA" if sealed else plain
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {to} USING NULL")
    if not sealed:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")


def _resealed(column: str, *, one: str) -> str:
    """Say in SQL that a value was only sealed again: another key, the same length."""
    return (
        f"(length(NEW.{column}) = length(OLD.{column}) AND substr(NEW.{column}, 1, 1) = {one}"
        f" AND substr(NEW.{column}, 2, 16) <> substr(OLD.{column}, 2, 16))"
    )


def _differs(columns: tuple[str, ...], operator: str) -> str:
    return " OR ".join(f"NEW.{name} {operator} OLD.{name}" for name in columns)


def _sqlite_triggers(*, sealed: bool) -> None:
    notes, owed = "", _differs((*_OWED, "payload"), "IS NOT")
    if sealed:
        notes = (
            f"WHEN {_differs(_NOTE, 'IS NOT')} OR NEW.text IS NULL"
            f" OR NOT {_resealed('text', one=_ONE_ON_SQLITE)} "
        )
        owed = (
            f"{_differs((*_OWED, 'patient_id'), 'IS NOT')} OR (NEW.payload IS NOT OLD.payload"
            f" AND NOT {_resealed('payload', one=_ONE_ON_SQLITE)})"
        )
    op.execute("DROP TRIGGER note_versions_stay_unchanged")
    op.execute("DROP TRIGGER ledger_entry_keeps_content")
    op.execute(
        f"CREATE TRIGGER note_versions_stay_unchanged BEFORE UPDATE ON note_versions {notes}"
        "BEGIN SELECT RAISE(ABORT, 'notes are never changed'); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_entry_keeps_content BEFORE UPDATE ON ledger_entry"
        f" WHEN {owed} OR NEW.lease_epoch < OLD.lease_epoch BEGIN"
        " SELECT RAISE(ABORT, 'what is owed never changes, and an epoch never falls'); END"
    )


def _postgresql_triggers(*, sealed: bool) -> None:
    owed = _differs((*_OWED, "payload"), "IS DISTINCT FROM")
    if sealed:
        owed = (
            f"{_differs((*_OWED, 'patient_id'), 'IS DISTINCT FROM')}"
            " OR (NEW.payload IS DISTINCT FROM OLD.payload"
            f" AND NOT {_resealed('payload', one=_ONE_ON_POSTGRESQL)})"
        )
    op.execute(
        "CREATE OR REPLACE FUNCTION ledger_entry_keeps_content() RETURNS trigger"
        f" LANGUAGE plpgsql AS $$ BEGIN IF {owed} OR NEW.lease_epoch < OLD.lease_epoch THEN"
        " RAISE EXCEPTION 'what is owed never changes, and an epoch never falls'"
        " USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"
    )
    op.execute("DROP TRIGGER note_versions_stay ON note_versions")
    removal = "DELETE" if sealed else "UPDATE OR DELETE"
    op.execute(
        f"CREATE TRIGGER note_versions_stay BEFORE {removal} ON note_versions"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_notes()"
    )
    if not sealed:
        op.execute("DROP TRIGGER note_versions_stay_unchanged ON note_versions")
        op.execute("DROP FUNCTION note_versions_are_sealed_again_only()")
        return
    resealed = _resealed("text", one=_ONE_ON_POSTGRESQL)
    op.execute(
        "CREATE FUNCTION note_versions_are_sealed_again_only() RETURNS trigger"
        f" LANGUAGE plpgsql AS $$ BEGIN IF {_differs(_NOTE, 'IS DISTINCT FROM')}"
        f" OR NEW.text IS NULL OR NOT {resealed} THEN"
        " RAISE EXCEPTION 'notes and signatures are never changed or removed'; END IF;"
        " RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER note_versions_stay_unchanged BEFORE UPDATE ON note_versions"
        " FOR EACH ROW EXECUTE FUNCTION note_versions_are_sealed_again_only()"
    )
