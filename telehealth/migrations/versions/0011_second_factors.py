"""Second factors of staff, sign-ins under way, set-password links, and who is disabled."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_PROOFS = "'password', 'app', 'passkey', 'recovery_code', 'single_sign_on', 'sign_on_alone'"
_REASONS = "'left', 'leave', 'account_at_risk', 'under_review'"
_CEREMONIES = "ceremony IN ('add', 'sign_in', 'step_up')"
_ADDED = (
    ("memberships", "disabled_reason"),
    ("memberships", "disabled_at"),
    ("accounts", "password_set_at"),
    ("login_sessions", "proved_with"),
    ("login_sessions", "proved_by"),
    ("login_sessions", "proved_at"),
    ("login_sessions", "may_only_enrol"),
    ("login_sessions", "device"),
)


def upgrade() -> None:
    _new_columns()
    _factors()
    _under_way()


def downgrade() -> None:
    for table in (
        "password_links",
        "pending_sign_ins",
        "passkey_challenges",
        "recovery_codes",
        "passkeys",
        "authenticator_apps",
    ):
        op.drop_table(table)
    for table, column in _ADDED:
        op.drop_column(table, column)


def _new_columns() -> None:
    op.add_column("memberships", sa.Column("disabled_at", UtcDateTime(), nullable=True))
    _checked("memberships", "disabled_reason", _REASONS)
    op.add_column("accounts", sa.Column("password_set_at", UtcDateTime(), nullable=True))
    op.add_column(
        "login_sessions",
        sa.Column("device", sa.String(40), nullable=False, server_default=""),
    )
    op.add_column(
        "login_sessions",
        sa.Column("may_only_enrol", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("login_sessions", sa.Column("proved_at", UtcDateTime(), nullable=True))
    _checked("login_sessions", "proved_by", _PROOFS)
    op.add_column("login_sessions", sa.Column("proved_with", sa.Uuid(), nullable=True))


def _checked(table: str, column: str, values: str) -> None:
    """Add a column with its check: SQLite adds no constraint to a table that is there."""
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(64) "
        f"CONSTRAINT ck_{table}_{column}_known CHECK ({column} IN ({values}))"
    )


def _factors() -> None:
    op.create_table(
        "authenticator_apps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("waiting_secret", sa.LargeBinary(), nullable=True),
        sa.Column("waiting_since", UtcDateTime(), nullable=True),
        sa.Column("added_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authenticator_apps")),
        sa.UniqueConstraint("account_id", name=op.f("uq_authenticator_apps_account_id")),
        _of_account("authenticator_apps"),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(1024), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(40), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
        _of_account("passkeys"),
    )
    op.create_index(op.f("ix_passkeys_account_id"), "passkeys", ["account_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_codes_code_hash")),
        _of_account("recovery_codes"),
    )
    op.create_index(op.f("ix_recovery_codes_account_id"), "recovery_codes", ["account_id"])


def _under_way() -> None:
    op.create_table(
        "passkey_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ceremony", sa.String(64), nullable=False),
        sa.Column("challenge", sa.LargeBinary(64), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey_challenges")),
        sa.UniqueConstraint("challenge", name=op.f("uq_passkey_challenges_challenge")),
        sa.CheckConstraint(_CEREMONIES, name=op.f("ck_passkey_challenges_ceremony_known")),
        _of_account("passkey_challenges"),
    )
    op.create_index(op.f("ix_passkey_challenges_expires_at"), "passkey_challenges", ["expires_at"])
    op.create_table(
        "pending_sign_ins",
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.String(40), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_pending_sign_ins")),
        _of_account("pending_sign_ins"),
    )
    op.create_index(op.f("ix_pending_sign_ins_account_id"), "pending_sign_ins", ["account_id"])
    op.create_index(op.f("ix_pending_sign_ins_expires_at"), "pending_sign_ins", ["expires_at"])
    op.create_table(
        "password_links",
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_password_links")),
        _of_account("password_links"),
    )
    op.create_index(op.f("ix_password_links_account_id"), "password_links", ["account_id"])


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account_id"], ["accounts.id"], name=op.f(f"fk_{table}_account_id")
    )
