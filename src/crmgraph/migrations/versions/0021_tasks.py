"""What goes on after its answer, and imports that are brought in by the graph."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("staff_id", columns.BigId, nullable=False),
        sa.Column("given", columns.Document, nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("done", columns.BigId, nullable=False),
        sa.Column("total", columns.BigId, nullable=True),
        sa.Column("faults", columns.Document, nullable=False),
        sa.Column("result", columns.Document, nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("finished_at", columns.Moment(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_task_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_task_staff_id_state"), "task", ["staff_id", "state"])
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="task", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_table("task")
