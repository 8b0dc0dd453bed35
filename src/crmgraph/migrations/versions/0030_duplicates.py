"""Records that may be one, and those of which somebody has said that they are not."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duplicate",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.Column("other_id", columns.BigId, nullable=False),
        sa.Column("first", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Integer(), nullable=False),
        sa.Column("found_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_duplicate_party_id_party")),
        sa.ForeignKeyConstraint(["other_id"], ["party.id"], name=op.f("fk_duplicate_other_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_duplicate_party_id_other_id", "duplicate", ["party_id", "other_id"], unique=True)
    op.create_index("ix_duplicate_party_id_score_id", "duplicate", ["party_id", "score", "id"])
    op.create_index(
        "ix_duplicate_kind_score_id",
        "duplicate",
        ["kind", "score", "id"],
        postgresql_where=sa.text("first"),
        sqlite_where=sa.text("first = 1"),
    )
    op.create_index("ix_duplicate_other_id", "duplicate", ["other_id"])
    op.create_table(
        "dismissed_duplicate",
        sa.Column("one_id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("other_id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("staff_id", columns.BigId, nullable=True),
        sa.ForeignKeyConstraint(["one_id"], ["party.id"], name=op.f("fk_dismissed_duplicate_one_id_party")),
        sa.ForeignKeyConstraint(["other_id"], ["party.id"], name=op.f("fk_dismissed_duplicate_other_id_party")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_dismissed_duplicate_staff_id_staff")),
        sa.PrimaryKeyConstraint("one_id", "other_id", name=op.f("pk_dismissed_duplicate")),
    )
    op.create_index(op.f("ix_dismissed_duplicate_other_id"), "dismissed_duplicate", ["other_id"])
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="duplicate", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_table("dismissed_duplicate")
    op.drop_table("duplicate")
