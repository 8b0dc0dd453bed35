"""Imports that are brought in by requests: what was read of them, and what became of their rows."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_ADDED = ("analysis", "refused", "undone")


def upgrade() -> None:
    op.add_column("import", sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
    for name in _ADDED:
        op.add_column("import", sa.Column(name, columns.Document, nullable=True))
    op.add_column("import", sa.Column("started_at", columns.Moment(), nullable=True))
    op.create_table(
        "import_told",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("import_id", columns.BigId, nullable=False),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("rows", columns.Document, nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_import_told_import_id_import")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_told")),
        sa.UniqueConstraint("import_id", "outcome", name=op.f("uq_import_told_import_id_outcome")),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="import_told", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_table("import_told")
    for name in ("started_at", *_ADDED, "generation"):
        op.drop_column("import", name)
