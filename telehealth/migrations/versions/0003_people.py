"""People: clinics, persons, memberships, accounts, visit links and login sessions."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROLES = "role IN ('patient', 'provider', 'scheduler', 'guest', 'auditor', 'administrator')"


def upgrade() -> None:
    _clinics_and_people()
    _ways_in()
    _login_sessions()


def downgrade() -> None:
    for table in (
        "refresh_secrets",
        "login_sessions",
        "visit_links",
        "accounts",
        "memberships",
        "people",
        "clinics",
    ):
        op.drop_table(table)


def _clinics_and_people() -> None:
    op.create_table(
        "clinics",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("short_name", sa.String(40), nullable=False),
        sa.Column("phone", sa.String(40), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinics")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("given", sa.String(100), nullable=False),
        sa.Column("family", sa.String(100), nullable=False),
        sa.Column("birth_on", sa.Date(), nullable=True),
        sa.Column("phone", sa.String(40), nullable=True),
        sa.Column("medical_record_number", sa.String(64), nullable=True),
        sa.Column("npi", sa.String(16), nullable=True),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        _belongs("people", "clinic_id", "clinics"),
        sa.UniqueConstraint("clinic_id", "medical_record_number", name=op.f("uq_people_clinic_id")),
    )
    op.create_index(op.f("ix_people_clinic_id"), "people", ["clinic_id"])
    op.create_table(
        "memberships",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "clinic_id", name=op.f("pk_memberships")),
        _belongs("memberships", "person_id", "people"),
        _belongs("memberships", "clinic_id", "clinics"),
        sa.CheckConstraint(_ROLES, name=op.f("ck_memberships_role_known")),
    )


def _ways_in() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("wait_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        _belongs("accounts", "person_id", "people"),
        _belongs("accounts", "clinic_id", "clinics"),
        sa.UniqueConstraint("person_id", name=op.f("uq_accounts_person_id")),
        sa.UniqueConstraint("email", name=op.f("uq_accounts_email")),
    )
    op.create_table(
        "visit_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=True),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_links")),
        _belongs("visit_links", "clinic_id", "clinics"),
        _belongs("visit_links", "person_id", "people"),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_visit_links_secret_hash")),
        sa.CheckConstraint("wrong_tries >= 0", name=op.f("ck_visit_links_wrong_tries_counted")),
    )
    in_force = sa.text("replaced_at IS NULL")
    op.create_index(
        "uq_visit_links_in_force",
        "visit_links",
        ["visit_id", "person_id"],
        unique=True,
        sqlite_where=in_force,
        postgresql_where=in_force,
    )


def _login_sessions() -> None:
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("renewed_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        _belongs("login_sessions", "clinic_id", "clinics"),
        _belongs("login_sessions", "person_id", "people"),
        _belongs("login_sessions", "link_id", "visit_links"),
        sa.CheckConstraint(_ROLES, name=op.f("ck_login_sessions_role_known")),
    )
    one_a_link = sa.text("ended_at IS NULL AND link_id IS NOT NULL")
    op.create_index(
        "uq_login_sessions_one_a_link",
        "login_sessions",
        ["link_id"],
        unique=True,
        sqlite_where=one_a_link,
        postgresql_where=one_a_link,
    )
    op.create_table(
        "refresh_secrets",
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_refresh_secrets")),
        _belongs("refresh_secrets", "session_id", "login_sessions"),
    )
    op.create_index(op.f("ix_refresh_secrets_session_id"), "refresh_secrets", ["session_id"])


def _belongs(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=op.f(f"fk_{table}_{column}"))
