"""How many records the undo of an import has taken back, so that it goes on counting after a crash."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import", sa.Column("reversed", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("import", "reversed")
