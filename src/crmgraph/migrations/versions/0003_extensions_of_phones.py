"""Extensions of telephone numbers, and whether a number is one that is given out.

`crmgraph repair` works both out of the text; until then a number counts as valid where it has an E.164 form.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a batch, which would build the table anew: on SQLite its going takes the external ids of its rows along.
    op.add_column("phone", sa.Column("extension", sa.Text(), nullable=True))
    op.add_column("phone", sa.Column("valid", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE phone SET valid = (e164 IS NOT NULL) WHERE e164 IS NOT NULL")


def downgrade() -> None:
    op.drop_column("phone", "valid")
    op.drop_column("phone", "extension")
