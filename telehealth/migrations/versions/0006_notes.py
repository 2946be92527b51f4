"""Notes of visits, version by version, and their signatures; rows are added, never changed."""

import sqlalchemy as sa
from alembic import op

from telehealth.platform.db import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQLITE = (
    """
    CREATE TRIGGER note_versions_stay_unchanged BEFORE UPDATE ON note_versions
    BEGIN SELECT RAISE(ABORT, 'notes are never changed'); END
    """,
    """
    CREATE TRIGGER note_versions_stay BEFORE DELETE ON note_versions
    BEGIN SELECT RAISE(ABORT, 'notes are never removed'); END
    """,
    """
    CREATE TRIGGER note_signatures_stay_unchanged BEFORE UPDATE ON note_signatures
    BEGIN SELECT RAISE(ABORT, 'signatures are never changed'); END
    """,
    """
    CREATE TRIGGER note_signatures_stay BEFORE DELETE ON note_signatures
    BEGIN SELECT RAISE(ABORT, 'signatures are never removed'); END
    """,
    """
    CREATE TRIGGER note_versions_end_with_the_signature BEFORE INSERT ON note_versions
    WHEN EXISTS (SELECT 1 FROM note_signatures WHERE visit_id = NEW.visit_id)
    BEGIN SELECT RAISE(ABORT, 'a signed note takes no further version'); END
    """,
)
_POSTGRESQL = (
    """
    CREATE FUNCTION refuse_change_of_notes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'notes and signatures are never changed or removed'; END $$
    """,
    """
    CREATE TRIGGER note_versions_stay BEFORE UPDATE OR DELETE ON note_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_notes()
    """,
    """
    CREATE TRIGGER note_versions_stay_all BEFORE TRUNCATE ON note_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_notes()
    """,
    """
    CREATE TRIGGER note_signatures_stay BEFORE UPDATE OR DELETE ON note_signatures
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_notes()
    """,
    """
    CREATE TRIGGER note_signatures_stay_all BEFORE TRUNCATE ON note_signatures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_notes()
    """,
    """
    CREATE FUNCTION refuse_version_after_signature() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM note_signatures WHERE visit_id = NEW.visit_id) THEN
            RAISE EXCEPTION 'a signed note takes no further version';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER note_versions_end_with_the_signature BEFORE INSERT ON note_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_version_after_signature()
    """,
)


def upgrade() -> None:
    _note_versions()
    _note_signatures()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("note_signatures")
    op.drop_table("note_versions")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_version_after_signature()")
        op.execute("DROP FUNCTION refuse_change_of_notes()")


def _note_versions() -> None:
    op.create_table(
        "note_versions",
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("author_id", sa.Uuid, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("saved_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("visit_id", "version", name="pk_note_versions"),
        sa.CheckConstraint("version > 0", name=op.f("ck_note_versions_version_counts_from_one")),
    )


def _note_signatures() -> None:
    op.create_table(
        "note_signatures",
        sa.Column("visit_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("signed_by", sa.Uuid, nullable=False),
        sa.Column("signed_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("visit_id", name="pk_note_signatures"),
        sa.ForeignKeyConstraint(
            ["visit_id", "version"],
            ["note_versions.visit_id", "note_versions.version"],
            name="fk_note_signatures_visit_id",
        ),
    )
