"""Imports of files, and which of them a change belongs to."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("files", columns.Document, nullable=False),
        sa.Column("options", columns.Document, nullable=False),
        sa.Column("staff_id", columns.BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("counts", columns.Document, nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("claimed_until", columns.Moment(), nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("finished_at", columns.Moment(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_import_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "import_row",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("import_id", columns.BigId, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=True),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("before", columns.Document, nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_import_row_import_id_import")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_import_row_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_row")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_import_row_import_id_id", "import_row", ["import_id", "id"])
    op.create_index(op.f("ix_import_row_party_id"), "import_row", ["party_id"])
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        for name in ("import", "import_row"):
            op.execute(sequence.insert().values(name=name, seq=columns.FIRST_MINTED_ID - 1))
    op.add_column("change", sa.Column("import_id", columns.BigId, nullable=True))


def downgrade() -> None:
    op.drop_column("change", "import_id")
    op.drop_table("import_row")
    op.drop_table("import")
