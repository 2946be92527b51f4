"""What is owed to the outside, every try, and the counters that keep its order."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KINDS = (
    "'room.called_in', 'room.returned', 'room.visit_changed', 'room.revoked', 'room.ended',"
    " 'chart.encounter', 'chart.note'"
)
_STATES = "'pending', 'leased', 'sent', 'confirmed', 'unknown', 'parked', 'cancelled'"
_STEPS = (
    "'claimed', 'call_started', 'answered', 'query_started', 'query_answered', 'lease_expired',"
    " 'confirmed_by_partner', 'released', 'parked', 'unparked', 'cancelled'"
)
_UNCHANGEABLE = (
    "entry_id",
    "clinic_id",
    "subject_id",
    "kind",
    "schema_version",
    "partner",
    "key",
    "message_id",
    "payload",
    "payload_sha256",
    "lane",
    "order_key",
    "order_no",
    "created_at",
)


def upgrade() -> None:
    _ledger_entry()
    _delivery_attempt()
    op.create_table(
        "lane_order",
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("order_key", sa.String(64), nullable=False),
        sa.Column("last_no", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("lane", "order_key", name="pk_lane_order"),
        sa.CheckConstraint("lane IN ('room', 'ehr')", name=op.f("ck_lane_order_lane_known")),
    )
    statements = _sqlite_triggers() if _is_sqlite() else _postgresql_triggers()
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    for table in ("lane_order", "delivery_attempt", "ledger_entry"):
        op.drop_table(table)
    if not _is_sqlite():
        for function in ("ledger_entry_keeps_content", "delivery_refuses_change"):
            op.execute(f"DROP FUNCTION {function}()")


def _ledger_entry() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("partner", sa.String(32), nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("payload_sha256", sa.String(64), nullable=False),
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("order_key", sa.String(64), nullable=False),
        sa.Column("order_no", sa.Integer, nullable=False),
        sa.Column("order_until", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("next_at", UtcDateTime, nullable=False),
        sa.Column("give_up_at", UtcDateTime, nullable=False),
        sa.Column("confirm_by", UtcDateTime),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("settled_at", UtcDateTime),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("state_since", UtcDateTime, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_epoch", sa.Integer, nullable=False),
        sa.Column("called_epoch", sa.Integer),
        sa.Column("quiet_until", UtcDateTime),
        sa.Column("partner_ref", sa.String(200)),
        sa.Column("last_code", sa.String(64)),
        sa.PrimaryKeyConstraint("entry_id", name="pk_ledger_entry"),
        sa.UniqueConstraint("kind", "key", name="uq_ledger_entry_intent"),
        sa.UniqueConstraint("lane", "order_key", "order_no", name="uq_ledger_entry_order"),
        sa.UniqueConstraint("message_id", name="uq_ledger_entry_message_id"),
        *_entry_checks(),
    )
    op.create_index("ix_ledger_entry_due", "ledger_entry", ["lane", "state", "next_at"])
    op.create_index("ix_ledger_entry_attention", "ledger_entry", ["clinic_id", "state"])
    op.create_index("ix_ledger_entry_subject", "ledger_entry", ["subject_id"])


def _entry_checks() -> Sequence[sa.CheckConstraint]:
    checks = {
        "kind_known": f"kind IN ({_KINDS})",
        "lane_known": "lane IN ('room', 'ehr')",
        "order_until_known": "order_until IN ('sent', 'confirmed')",
        "state_known": f"state IN ({_STATES})",
        "lease_paired": (
            "(lease_owner IS NULL) = (lease_until IS NULL)"
            " AND (state <> 'leased' OR lease_owner IS NOT NULL)"
            " AND (lease_owner IS NULL OR state IN ('leased', 'unknown'))"
        ),
        "settled_at_paired": "(settled_at IS NOT NULL) = (state IN ('confirmed', 'cancelled'))",
    }
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_ledger_entry_{name}"))
        for name, condition in checks.items()
    ]


def _delivery_attempt() -> None:
    op.create_table(
        "delivery_attempt",
        sa.Column("attempt_id", sa.Uuid, nullable=False),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("lease_epoch", sa.Integer, nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("result", sa.String(64)),
        sa.Column("http_status", sa.Integer),
        sa.Column("partner_ref", sa.String(200)),
        sa.Column("duration_ms", sa.Integer),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_delivery_attempt"),
        sa.CheckConstraint(f"step IN ({_STEPS})", name=op.f("ck_delivery_attempt_step_known")),
    )
    op.create_index("ix_delivery_attempt_entry", "delivery_attempt", ["entry_id", "at"])


def _sqlite_triggers() -> Sequence[str]:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _UNCHANGEABLE)
    refuse = "BEGIN SELECT RAISE(ABORT, '{}'); END"
    return [
        "CREATE TRIGGER ledger_entry_keeps_content BEFORE UPDATE ON ledger_entry"
        f" WHEN {changed} OR NEW.lease_epoch < OLD.lease_epoch "
        + refuse.format("what is owed never changes, and an epoch never falls"),
        "CREATE TRIGGER ledger_entry_stays BEFORE DELETE ON ledger_entry "
        + refuse.format("the ledger is never deleted from"),
        "CREATE TRIGGER delivery_attempt_keeps BEFORE UPDATE ON delivery_attempt "
        + refuse.format("a try is never changed"),
        "CREATE TRIGGER delivery_attempt_stays BEFORE DELETE ON delivery_attempt "
        + refuse.format("a try is never deleted"),
    ]


def _postgresql_triggers() -> Sequence[str]:
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in _UNCHANGEABLE)
    return [
        (
            "CREATE FUNCTION ledger_entry_keeps_content() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN"
            f" IF {changed} OR NEW.lease_epoch < OLD.lease_epoch THEN"
            " RAISE EXCEPTION 'what is owed never changes, and an epoch never falls'"
            " USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"
        ),
        (
            "CREATE FUNCTION delivery_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'the ledger and its tries are never deleted, a try is never changed'"
            " USING ERRCODE = 'restrict_violation'; END $$"
        ),
        (
            "CREATE TRIGGER ledger_entry_keeps_content BEFORE UPDATE ON ledger_entry"
            " FOR EACH ROW EXECUTE FUNCTION ledger_entry_keeps_content()"
        ),
        (
            "CREATE TRIGGER ledger_entry_stays BEFORE DELETE ON ledger_entry"
            " FOR EACH ROW EXECUTE FUNCTION delivery_refuses_change()"
        ),
        (
            "CREATE TRIGGER delivery_attempt_keeps BEFORE UPDATE OR DELETE ON delivery_attempt"
            " FOR EACH ROW EXECUTE FUNCTION delivery_refuses_change()"
        ),
    ]


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
