"""Keys of the names of staff, and indexes of the records that each of them owns."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns
from crmgraph.crm.values.folding import fold

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

RECORDS = ("contact", "account", "lead")


def upgrade() -> None:
    op.add_column("staff", sa.Column("name_key", columns.FoldedText, nullable=False, server_default=""))
    table: Any = sa.table("staff", sa.column("id"), sa.column("name"), sa.column("name_key"))
    write = sa.update(table).where(table.c.id == sa.bindparam("own")).values(name_key=sa.bindparam("key"))
    rows = op.get_bind().execute(sa.select(table.c.id, table.c.name)).all()
    if rows:
        op.get_bind().execute(write, [{"own": row.id, "key": fold(row.name)} for row in rows])
    op.create_index("ix_staff_name_key_id", "staff", ["name_key", "id"])
    live = sa.text("deleted_at IS NULL")
    for name in RECORDS:
        op.create_index(f"ix_{name}_owner_id_id", name, ["owner_id", "id"], postgresql_where=live, sqlite_where=live)


def downgrade() -> None:
    for name in RECORDS:
        op.drop_index(f"ix_{name}_owner_id_id", name)
    op.drop_index("ix_staff_name_key_id", "staff")
    op.drop_column("staff", "name_key")
