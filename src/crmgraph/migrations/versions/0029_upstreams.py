"""The old CRMs behind the legacy APIs."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upstream",
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("accounts_url", sa.Text(), nullable=True),
        sa.Column("insecure", sa.Boolean(), nullable=False),
        sa.Column("options", columns.Document, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("dialect", name=op.f("pk_upstream")),
    )
    op.create_table(
        "switch",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("caller", sa.Text(), nullable=True),
        sa.Column("mode", sa.String(24), nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switch")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "learned_token",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_learned_token")),
    )
    op.create_index(op.f("ix_learned_token_expires_at"), "learned_token", ["expires_at"])
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="switch", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_table("learned_token")
    op.drop_table("switch")
    op.drop_table("upstream")
