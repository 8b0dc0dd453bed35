"""Conversions of leads: what it takes to undo them."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "converted_lead",
        sa.Column("lead_id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("before", columns.Document, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["party.id"], name=op.f("fk_converted_lead_lead_id_party")),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_converted_lead")),
    )
    op.create_index(op.f("ix_converted_lead_at"), "converted_lead", ["at"])
    op.create_table(
        "converted_note",
        sa.Column("lead_id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("note_id", columns.BigId, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["lead_id"],
            ["converted_lead.lead_id"],
            name=op.f("fk_converted_note_lead_id_converted_lead"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("lead_id", "note_id", name=op.f("pk_converted_note")),
    )


def downgrade() -> None:
    op.drop_table("converted_note")
    op.drop_table("converted_lead")
