"""Indexes for what lists are filtered and sorted by, and for deleted records in the order in which they are listed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

LIVE, DELETED = sa.text("deleted_at IS NULL"), sa.text("deleted_at IS NOT NULL")
ADDED = (
    ("contact", ("account_id", "updated_at", "id"), LIVE),
    ("contact", ("job_title_key", "id"), LIVE),
    ("account", ("status",), LIVE),
    ("account", ("industry",), LIVE),
    ("lead", ("job_title_key", "id"), LIVE),
    ("lead", ("status",), LIVE),
    ("lead", ("source",), LIVE),
    *((table, ("deleted_at", "id"), DELETED) for table in ("contact", "account", "lead")),
    ("phone", ("digits", "party_id"), None),
    ("email", ("address_key", "party_id"), None),
)
REPLACED = (("phone", "digits"), ("email", "address_key"))


def upgrade() -> None:
    for table, columns, where in ADDED:
        name = f"ix_{table}_{'_'.join(columns)}"
        op.create_index(name, table, list(columns), postgresql_where=where, sqlite_where=where)
    for table, column in REPLACED:
        op.drop_index(f"ix_{table}_{column}", table_name=table)


def downgrade() -> None:
    for table, column in REPLACED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    for table, columns, _ in ADDED:
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table_name=table)
