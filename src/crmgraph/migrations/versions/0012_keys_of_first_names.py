"""Search keys of first names, companies and job titles, which people look for as they look for last names."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns
from crmgraph.crm.values.folding import fold

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BATCH = 1000
"""How many records are read at a time."""
KEYS = {"contact": ("first_name", "job_title"), "lead": ("first_name", "company", "job_title")}
"""{table: the columns that get a key}."""
INDEXES = (
    ("contact", ("first_name_key", "last_name_key")),
    ("lead", ("first_name_key", "last_name_key")),
    ("lead", ("company_key", "id")),
)
LIVE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    for table, names in KEYS.items():
        for name in names:
            op.add_column(table, sa.Column(f"{name}_key", columns.FoldedText, nullable=False, server_default=""))
        _fill(sa.table(table, sa.column("id"), *(sa.column(each) for name in names for each in (name, f"{name}_key"))))
    # Only now: rows that are changed once more would be entered in them twice.
    for table, keys in INDEXES:
        op.create_index(_name(table, keys), table, list(keys), postgresql_where=LIVE, sqlite_where=LIVE)


def _name(table: str, keys: tuple[str, ...]) -> str:
    return "_".join(("ix", table, *keys))


def _fill(table: Any) -> None:
    """Write the keys of the rows that have something to fold, batch by batch in the order of their ids."""
    names = KEYS[table.name]
    given = sa.or_(*(table.c[name].is_not(None) for name in names))
    query = sa.select(table.c.id, *(table.c[name] for name in names)).where(given).order_by(table.c.id).limit(BATCH)
    values: dict[str, Any] = {f"{name}_key": sa.bindparam(f"new_{name}") for name in names}
    write = sa.update(table).where(table.c.id == sa.bindparam("own")).values(values)
    last = 0
    while rows := op.get_bind().execute(query.where(table.c.id > last)).all():
        last = rows[-1].id
        op.get_bind().execute(
            write, [{"own": row.id} | {f"new_{name}": fold(getattr(row, name)) for name in names} for row in rows]
        )


def downgrade() -> None:
    for table, keys in INDEXES:
        op.drop_index(_name(table, keys), table)
    for table, names in KEYS.items():
        for name in names:
            op.drop_column(table, f"{name}_key")
