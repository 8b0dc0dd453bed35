"""The email of staff has a key, like all other emails, by which it is looked up.

The keys are those of the rules of this version; `crmgraph repair` makes them anew after the rules have changed.
"""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns
from crmgraph.crm.values.text import email_key

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BATCH = 1000
"""How many rows are read at once."""


def upgrade() -> None:
    op.add_column("staff", sa.Column("email_key", columns.FoldedText, nullable=False, server_default=""))
    staff = sa.table("staff", sa.column("id"), sa.column("email"), sa.column("email_key"))
    query = sa.select(staff.c.id, staff.c.email).where(staff.c.email.is_not(None)).order_by(staff.c.id).limit(BATCH)
    update = sa.update(staff).where(staff.c.id == sa.bindparam("own")).values(email_key=sa.bindparam("key"))
    last = -1
    while rows := op.get_bind().execute(query.where(staff.c.id > last)).all():
        last = rows[-1].id
        op.get_bind().execute(update, [{"own": row.id, "key": email_key(row.email)} for row in rows])
    op.create_index("ix_staff_email_key", "staff", ["email_key"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_staff_email_key", "staff")
    op.drop_column("staff", "email_key")
