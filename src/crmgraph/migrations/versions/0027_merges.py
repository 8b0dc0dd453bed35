"""Merges: where the ids of records lead that were merged into others, and what it takes to undo that."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

RECORDS = ("contact", "account", "lead")
MERGED = sa.text("merged_into_id IS NOT NULL")
FORMER = sa.text("former_id IS NOT NULL")


def upgrade() -> None:
    for name in RECORDS:
        op.add_column(name, sa.Column("merged_into_id", columns.BigId, nullable=True))
        for index, column in (("merged_into_id", "merged_into_id"), ("number_merged", "number")):
            op.create_index(f"ix_{name}_{index}", name, [column], postgresql_where=MERGED, sqlite_where=MERGED)
    op.add_column("external_id", sa.Column("former_id", columns.BigId, nullable=True))
    op.add_column("external_id", sa.Column("alias", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_external_id_former_id", "external_id", ["former_id"], postgresql_where=FORMER, sqlite_where=FORMER
    )
    op.add_column("change", sa.Column("former_id", columns.BigId, nullable=True))
    op.create_table(
        "merge",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("into_id", columns.BigId, nullable=False),
        sa.Column("from_id", columns.BigId, nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("before", columns.Document, nullable=True),
        sa.ForeignKeyConstraint(["into_id"], ["party.id"], name=op.f("fk_merge_into_id_party")),
        sa.ForeignKeyConstraint(["from_id"], ["party.id"], name=op.f("fk_merge_from_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_merge_from_id", "merge", ["from_id"], unique=True)
    op.create_index(op.f("ix_merge_into_id"), "merge", ["into_id"])
    op.create_index(op.f("ix_merge_at"), "merge", ["at"])
    op.create_table(
        "merged_row",
        sa.Column("merge_id", columns.BigId, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("row_id", columns.BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["merge_id"], ["merge.id"], name=op.f("fk_merged_row_merge_id_merge"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merge_id", "part", "row_id", name=op.f("pk_merged_row")),
    )
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="merge", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_table("merged_row")
    op.drop_table("merge")
    op.drop_column("change", "former_id")
    op.drop_index("ix_external_id_former_id", "external_id")
    op.drop_column("external_id", "alias")
    op.drop_column("external_id", "former_id")
    for name in RECORDS:
        op.drop_index(f"ix_{name}_number_merged", name)
        op.drop_index(f"ix_{name}_merged_into_id", name)
        op.drop_column(name, "merged_into_id")
