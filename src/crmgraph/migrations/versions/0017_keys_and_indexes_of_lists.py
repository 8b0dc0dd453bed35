"""Keys of full names, numbers, statuses of leads and states of addresses, and indexes of what lists are filtered by."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns
from crmgraph.crm.values.folding import fold, natural

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BATCH = 1000
"""How many rows are read at a time."""
NAME = ("first_name", "middle_name", "last_name")
Keyed = tuple[str, tuple[str, ...], Callable[[str], str]]
KEYS: dict[str, tuple[Keyed, ...]] = {
    "contact": (("number_key", ("number",), natural), ("full_name_key", NAME, fold)),
    "account": (("number_key", ("number",), natural),),
    "lead": (
        ("number_key", ("number",), natural),
        ("full_name_key", NAME, fold),
        ("status_key", ("status",), fold),
    ),
    "address": (("state_key", ("state",), fold),),
}
"""{table: (key, the columns that it is of, how)}."""

LIVE, ACTIVE = "deleted_at IS NULL", "active"
FLAGS = {
    "contact": ("email_opt_out", "do_not_call", "sms_opt_out", "direct_marketing", "affiliate_marketing"),
    "account": ("email_opt_out", "sms_opt_out"),
    "lead": ("email_opt_out",),
}
ADDED: tuple[tuple[str, tuple[str, ...], str | None, str | None], ...] = (
    *((table, ("number_key", "id"), LIVE, None) for table in ("contact", "account", "lead")),
    *((table, ("full_name_key", "id"), LIVE, None) for table in ("contact", "lead")),
    *((table, ("first_name_key", "last_name_key", "id"), LIVE, None) for table in ("contact", "lead")),
    ("lead", ("status_key", "id"), LIVE, None),
    *(("contact", (name,), LIVE, None) for name in ("category", "life_cycle_state")),
    *(("account", (name,), LIVE, None) for name in ("kind", "account_type", "segment", "rating")),
    *(("lead", (name,), LIVE, None) for name in ("rating", "approval")),
    *((table, ("id",), f"{name} IS true AND {LIVE}", name) for table, names in FLAGS.items() for name in names),
    ("lead", ("id",), f"converted_at IS NULL AND {LIVE}", "open"),
    ("lead", ("id",), f"converted_at IS NOT NULL AND {LIVE}", "converted"),
    *(("address", (name, "party_id"), ACTIVE, name) for name in ("state_key", "postal_code")),
    ("external_id", ("value", "dialect"), None, None),
)
"""(table, columns, which rows, what the name says where it does not say the columns)."""
NAMES = ("first_name_key", "last_name_key")
REPLACED = ("contact", "lead")
"""The tables whose index of both names goes on with the id now, for a list that is sorted by them."""


def upgrade() -> None:
    for table, keys in KEYS.items():
        for key, _, _ in keys:
            op.add_column(table, sa.Column(key, columns.FoldedText, nullable=False, server_default=""))
        _fill(table, keys)
    # Only now: rows that are changed once more would be entered in them twice.
    for table, names, where, called in ADDED:
        condition = None if where is None else sa.text(where)
        sqlite = None if where is None else sa.text(where.replace("IS true", "IS 1").replace(ACTIVE, "active = 1"))
        op.create_index(
            _name(table, (called,) if called else names),
            table,
            list(names),
            postgresql_where=condition,
            sqlite_where=sqlite,
        )
    for table in REPLACED:
        op.drop_index(_name(table, NAMES), table)


def _name(table: str, names: tuple[str, ...]) -> str:
    return "_".join(("ix", table, *names))


def _fill(name: str, keys: tuple[Keyed, ...]) -> None:
    read = sorted({each for _, names, _ in keys for each in names})
    table: Any = sa.table(name, sa.column("id"), *map(sa.column, read), *(sa.column(key) for key, _, _ in keys))
    query = sa.select(table.c.id, *(table.c[each] for each in read)).order_by(table.c.id).limit(BATCH)
    write = sa.update(table).where(table.c.id == sa.bindparam("own"))
    write = write.values({key: sa.bindparam(f"new_{key}") for key, _, _ in keys})
    last = 0
    while rows := op.get_bind().execute(query.where(table.c.id > last)).mappings().all():
        last = rows[-1]["id"]
        found = [
            {f"new_{key}": make(" ".join(filter(None, (row[each] for each in names)))) for key, names, make in keys}
            | {"own": row["id"]}
            for row in rows
        ]
        op.get_bind().execute(write, found)


def downgrade() -> None:
    where = sa.text(LIVE)
    for table in REPLACED:
        op.create_index(_name(table, NAMES), table, list(NAMES), postgresql_where=where, sqlite_where=where)
    for table, names, _, called in ADDED:
        op.drop_index(_name(table, (called,) if called else names), table)
    for table, keys in KEYS.items():
        for key, _, _ in keys:
            op.drop_column(table, key)
