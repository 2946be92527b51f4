"""Blind indexes of names, to find one patient without opening every card of a clinic.

People added earlier have none until their names are written again: no migration holds the keys.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("given", "family"):
        op.add_column("people", sa.Column(f"{name}_index", sa.LargeBinary(32), nullable=True))
        op.create_index(f"ix_people_{name}", "people", ["clinic_id", f"{name}_index"])


def downgrade() -> None:
    for name in ("family", "given"):
        op.drop_index(f"ix_people_{name}", table_name="people")
        op.drop_column("people", f"{name}_index")
