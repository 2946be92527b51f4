"""Notices: how people are written to, what is on its way, what became of it; the ledger's lane.

SQLite cannot change a check constraint of a table that stands.  Building the table anew would drop
the triggers that keep the ledger whole, so the text of the constraint is changed where it is kept.

Source:
    SQLite, "ALTER TABLE", section 7: the procedure with `PRAGMA writable_schema` for changes that
    do not affect the content on disk, such as CHECK constraints.
"""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INDEXES = ("phone_index", "email_index")
"""Blind indexes, by which somebody who lost their link is found."""
_LANES = ("lane IN ('room', 'ehr')", "lane IN ('room', 'ehr', 'notice')")
_KINDS = (
    "'chart.encounter', 'chart.note')",
    "'chart.encounter', 'chart.note', 'notice.link', 'notice.code')",
)


def upgrade() -> None:
    for sealed in ("email", *_INDEXES):
        op.add_column("people", sa.Column(sealed, sa.LargeBinary(), nullable=True))
    op.add_column(
        "people", sa.Column("language", sa.String(8), server_default="en", nullable=False)
    )
    op.add_column(
        "visit_links", sa.Column("role", sa.String(64), server_default="patient", nullable=False)
    )
    _on_their_way()
    _notices()
    _change_checks(0, 1)


def downgrade() -> None:
    _change_checks(1, 0)
    for table in ("notices", "contact_requests", "outgoing_secrets"):
        op.drop_table(table)
    op.drop_column("visit_links", "role")
    op.drop_column("people", "language")
    for sealed in (*_INDEXES, "email"):
        op.drop_column("people", sealed)


def _on_their_way() -> None:
    op.create_table(
        "outgoing_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_secrets")),
    )
    op.create_table(
        "contact_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("contact_mark", sa.LargeBinary(32), nullable=False),
        sa.Column("pending_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_requests")),
        sa.ForeignKeyConstraint(
            ["link_id"], ["visit_links.id"], name=op.f("fk_contact_requests_link_id")
        ),
        sa.UniqueConstraint("pending_hash", name=op.f("uq_contact_requests_pending_hash")),
        sa.CheckConstraint("kind IN ('link', 'code')", name=op.f("ck_contact_requests_kind_known")),
        sa.CheckConstraint(
            "wrong_tries >= 0", name=op.f("ck_contact_requests_wrong_tries_counted")
        ),
    )
    op.create_index("ix_contact_requests_mark", "contact_requests", ["contact_mark", "asked_at"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(64), nullable=True),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=False),
        sa.Column("partner_ref", sa.String(200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.CheckConstraint(
            "template IN ('booked', 'new_link', 'code', 'invitation')",
            name=op.f("ck_notices_template_known"),
        ),
        sa.CheckConstraint("channel IN ('text', 'email')", name=op.f("ck_notices_channel_known")),
        sa.CheckConstraint(
            "state IN ('sent', 'lapsed', 'no_channel')", name=op.f("ck_notices_state_known")
        ),
    )
    op.create_index("ix_notices_visit", "notices", ["visit_id"])
    op.create_index(op.f("ix_notices_person_id"), "notices", ["person_id"])


def _change_checks(old: int, new: int) -> None:
    changes = [
        ("lane_order", "lane_known", _LANES[old], _LANES[new]),
        ("ledger_entry", "lane_known", _LANES[old], _LANES[new]),
        ("ledger_entry", "kind_known", _KINDS[old], _KINDS[new]),
    ]
    if op.get_bind().dialect.name == "sqlite":
        _rewrite_sqlite(changes)
        return
    for table, name, before, after in changes:
        _rewrite_postgresql(table, f"ck_{table}_{name}", before, after)


def _rewrite_sqlite(changes: list[tuple[str, str, str, str]]) -> None:
    bind = op.get_bind()
    version = bind.scalar(sa.text("PRAGMA schema_version"))
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    for table, _name, before, after in changes:
        bind.execute(
            sa.text(
                "UPDATE sqlite_master SET sql = replace(sql, :before, :after)"
                " WHERE type = 'table' AND name = :table"
            ),
            {"before": before, "after": after, "table": table},
        )
    # Every connection reads the schema anew.
    bind.execute(sa.text(f"PRAGMA schema_version = {int(version or 0) + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))


def _rewrite_postgresql(table: str, name: str, before: str, after: str) -> None:
    """Write the constraint anew from its frozen text, so that it reads as on SQLite."""
    column = "kind" if name.endswith("kind_known") else "lane"
    room = "'room.called_in', 'room.returned', 'room.visit_changed', 'room.revoked', 'room.ended', "
    del before
    condition = after if column == "lane" else f"kind IN ({room}{after}"
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, condition)
