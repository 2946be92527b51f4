"""Consents by place, taken back or not; copies, corrections and holds; removal with a permit."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ROLES = "'patient', 'provider', 'scheduler', 'guest', 'auditor', 'administrator'"
_DENIALS = "'accurate', 'not_created_here', 'not_part_of_record', 'not_open_to_access'"
_GUARDED = {
    "note_versions": ("note_versions_stay", "notes are never removed"),
    "note_signatures": ("note_signatures_stay", "signatures are never removed"),
    "ledger_entry": ("ledger_entry_stays", "the ledger is never deleted from"),
    "delivery_attempt": ("delivery_attempt_stays", "a try is never deleted"),
}
_FUNCTIONS = {
    "refuse_change_of_notes": "notes and signatures are never changed or removed",
    "delivery_refuses_change": (
        "the ledger and its tries are never deleted, a try is never changed"
    ),
}


def upgrade() -> None:
    _consents()
    _record_exports()
    _correction_requests()
    _legal_holds()
    op.create_table(
        "removal_permits",
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("table_name", name="pk_removal_permits"),
    )
    op.create_table(
        "retention_runs",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("ran_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", name="pk_retention_runs"),
    )
    _guard(with_permit=True)


def downgrade() -> None:
    _guard(with_permit=False)
    for table in (
        "retention_runs",
        "removal_permits",
        "legal_holds",
        "correction_requests",
        "record_exports",
    ):
        op.drop_table(table)
    with op.batch_alter_table("consents") as consents:
        consents.drop_constraint(op.f("ck_consents_withdrawn_by_somebody"), type_="check")
        consents.drop_constraint(op.f("ck_consents_modality_known"), type_="check")
        for column in ("withdrawn_by", "withdrawn_at", "jurisdiction"):
            consents.drop_column(column)


def _consents() -> None:
    with op.batch_alter_table("consents") as consents:
        consents.add_column(
            sa.Column("jurisdiction", sa.String(8), nullable=False, server_default="US")
        )
        consents.add_column(sa.Column("withdrawn_at", UtcDateTime))
        consents.add_column(sa.Column("withdrawn_by", sa.Uuid))
        consents.create_check_constraint(
            op.f("ck_consents_modality_known"), "modality IN ('video', 'phone')"
        )
        consents.create_check_constraint(
            op.f("ck_consents_withdrawn_by_somebody"),
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)",
        )


def _record_exports() -> None:
    op.create_table(
        "record_exports",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("asked_by", sa.Uuid, nullable=False),
        sa.Column("asked_role", sa.String(64), nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("wrong_tries", sa.Integer, nullable=False),
        sa.Column("used_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_record_exports"),
        sa.CheckConstraint(
            f"asked_role IN ({_ROLES})", name=op.f("ck_record_exports_asked_role_known")
        ),
        sa.CheckConstraint("wrong_tries >= 0", name=op.f("ck_record_exports_wrong_tries_counted")),
    )
    op.create_index("ix_record_exports_patient", "record_exports", ["clinic_id", "patient_id"])


def _correction_requests() -> None:
    checks = {
        "state_known": "state IN ('open', 'accepted', 'denied')",
        "denial_reason_known": f"denial_reason IN ({_DENIALS})",
        "answered_by_somebody": (
            "(state = 'open') = (answered_at IS NULL)"
            " AND (answered_at IS NULL) = (answered_by IS NULL)"
            " AND (answered_at IS NULL) = (answer IS NULL)"
        ),
        "denied_for_a_reason": "(state = 'denied') = (denial_reason IS NOT NULL)",
    }
    op.create_table(
        "correction_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("visit_id", sa.Uuid),
        sa.Column("said", sa.LargeBinary, nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("denial_reason", sa.String(64)),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("answered_by", sa.Uuid),
        sa.Column("answered_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_correction_requests"),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_correction_requests_{name}"))
            for name, rule in checks.items()
        ),
    )
    op.create_index("ix_correction_requests_state", "correction_requests", ["clinic_id", "state"])
    op.create_index("ix_correction_requests_patient", "correction_requests", ["patient_id"])


def _legal_holds() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("placed_at", UtcDateTime, nullable=False),
        sa.Column("placed_by", sa.String(64), nullable=False),
        sa.Column("lifted_at", UtcDateTime),
        sa.Column("lifted_by", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_legal_holds"),
        sa.CheckConstraint(
            "reason IN ('litigation', 'investigation', 'patient_asked')",
            name=op.f("ck_legal_holds_reason_known"),
        ),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL)",
            name=op.f("ck_legal_holds_lifted_by_somebody"),
        ),
    )
    op.create_index(
        "uq_legal_holds_in_force",
        "legal_holds",
        ["clinic_id", "patient_id"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def _guard(*, with_permit: bool) -> None:
    """Refuse every removal that holds no permit, or, going back, every removal."""
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite(with_permit=with_permit)
        return
    unless = (
        "IF TG_OP = 'DELETE' AND EXISTS"
        " (SELECT 1 FROM removal_permits WHERE table_name = TG_TABLE_NAME)"
        " THEN RETURN OLD; END IF;"
    )
    for name, words in _FUNCTIONS.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" {unless if with_permit else ''}"
            f" RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation'; END $$"
        )


def _guard_sqlite(*, with_permit: bool) -> None:
    for table, (trigger, words) in _GUARDED.items():
        permits = f"removal_permits WHERE table_name = '{table}'"
        unless = f" WHEN NOT EXISTS (SELECT 1 FROM {permits})"  # noqa: S608  (names of this file)
        op.execute(f"DROP TRIGGER {trigger}")
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE DELETE ON {table}{unless if with_permit else ''}"
            f" BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
