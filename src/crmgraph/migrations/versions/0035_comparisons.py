"""What came of comparing answers with those of old CRMs."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "compared",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "dialect", "operation", "caller", "verdict", "reason", name=op.f("pk_compared")),
    )
    op.create_table(
        "divergence",
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("sort", sa.String(24), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_at", columns.Moment(), nullable=False),
        sa.Column("last_at", columns.Moment(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("headers", columns.Document, nullable=False),
        sa.Column("control_hash", sa.Text(), nullable=False),
        sa.Column("candidate_hash", sa.Text(), nullable=False),
        sa.Column("control", sa.Text(), nullable=True),
        sa.Column("candidate", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dialect", "operation", "caller", "field", "sort", name=op.f("pk_divergence")),
    )
    op.create_index(op.f("ix_divergence_last_at"), "divergence", ["last_at"])
    op.create_table(
        "accepted_difference",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("caller", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accepted_difference")),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="accepted_difference", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_table("accepted_difference")
    op.drop_table("divergence")
    op.drop_table("compared")
