"""Parts of the words of the search index. Of records that are there they are made by `crmgraph reindex`, while the
database is served: until then whatever asks for a part of a text is answered as before."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import COMPLETE, columns

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = op.create_table(
        "search_part",
        sa.Column("field", sa.SmallInteger(), nullable=False),
        sa.Column("part", columns.FoldedText, nullable=False),
        sa.Column("word", columns.FoldedText, nullable=False),
    )
    op.create_index("ix_search_part_field_part_word", "search_part", ["field", "part", "word"])
    if op.get_bind().scalar(sa.text("SELECT 1 FROM party LIMIT 1")) is None:
        op.get_bind().execute(made.insert(), [{"field": COMPLETE, "part": "", "word": ""}])


def downgrade() -> None:
    op.drop_table("search_part")
