"""How far old CRMs have been read, what was not taken of them, and what their notes and photos are called there."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pull_mark",
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("watermark", columns.Moment(), nullable=True),
        sa.Column("since", columns.Moment(), nullable=True),
        sa.Column("started_at", columns.Moment(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("finished_at", columns.Moment(), nullable=True),
        sa.Column("checked_at", columns.Moment(), nullable=True),
        sa.Column("counts", columns.Document, nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("held_until", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("dialect", "source", name=op.f("pk_pull_mark")),
    )
    op.create_table(
        "parked",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("dialect", sa.String(24), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("home_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("body", columns.Document, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("parked_at", columns.Moment(), nullable=False),
        sa.Column("next_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_parked_dialect_source_home_id", "parked", ["dialect", "source", "home_id"], unique=True)
    op.create_index(op.f("ix_parked_next_at"), "parked", ["next_at"])
    op.add_column("note", sa.Column("dialect", sa.Text(), nullable=True))
    op.add_column("note", sa.Column("external_id", sa.Text(), nullable=True))
    named = sa.text("external_id IS NOT NULL")
    op.create_index(
        "uq_note_external_id_dialect",
        "note",
        ["external_id", "dialect"],
        unique=True,
        postgresql_where=named,
        sqlite_where=named,
    )
    op.add_column("photo", sa.Column("source", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="parked", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_column("photo", "source")
    op.drop_index("uq_note_external_id_dialect", table_name="note")
    op.drop_column("note", "external_id")
    op.drop_column("note", "dialect")
    op.drop_table("parked")
    op.drop_table("pull_mark")
