"""Who calls the legacy APIs."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(24), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("microseconds", sa.BigInteger(), nullable=False),
        sa.Column("first_at", columns.Moment(), nullable=False),
        sa.Column("last_at", columns.Moment(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("day", "dialect", "operation", "caller", "mode", "refused", name=op.f("pk_usage")),
    )
    op.create_table(
        "usage_field",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("way", sa.String(24), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("first_at", columns.Moment(), nullable=False),
        sa.Column("last_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "dialect", "operation", "caller", "kind", "field", "way", name=op.f("pk_usage_field")
        ),
    )


def downgrade() -> None:
    op.drop_table("usage_field")
    op.drop_table("usage")
