"""The secrets that calling an old CRM takes."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upstream_secret",
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("variable", sa.Text(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN sealed IS NULL THEN 0 ELSE 1 END + CASE WHEN variable IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN file IS NULL THEN 0 ELSE 1 END = 1",
            name=op.f("ck_upstream_secret_one_source"),
        ),
        sa.PrimaryKeyConstraint("dialect", "name", name=op.f("pk_upstream_secret")),
    )


def downgrade() -> None:
    op.drop_table("upstream_secret")
