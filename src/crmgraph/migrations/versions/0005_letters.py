"""Letters that wait to be handed to the mail server."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "letter",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("RESET", "CONFIRM", "ALREADY_KNOWN", name="letterkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.Column("due_at", columns.Moment(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_letter_due_at"), "letter", ["due_at"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        op.execute(sequence.insert().values(name="letter", seq=columns.FIRST_MINTED_ID - 1))


def downgrade() -> None:
    op.drop_table("letter")
