"""Keys of whatever lists are sorted by: categories, states, kinds, consents, owners, primary emails, phones and cities;
and of postal codes, which are compared without case."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns
from crmgraph.crm.values.folding import fold

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BATCH = 1000
"""How many rows are read at a time."""
LIVE, ACTIVE = "deleted_at IS NULL", "active"
FOLDED: dict[str, tuple[str, ...]] = {
    "contact": ("category", "life_cycle_state"),
    "account": ("account_type", "industry", "rating", "segment", "status"),
    "lead": ("source", "rating"),
    "address": ("postal_code",),
}
"""{table: the texts that get a key}."""
REPLACED = {**FOLDED, "lead": ("status", "source", "rating")}
"""{table: the texts whose index goes: their keys have one}."""
FLAGS: dict[str, tuple[str, ...]] = {
    "contact": ("email_opt_out", "do_not_call", "sms_opt_out", "direct_marketing", "affiliate_marketing"),
    "account": ("email_opt_out", "sms_opt_out"),
    "lead": ("email_opt_out",),
}
WORDS: dict[str, tuple[str, ...]] = {"contact": (), "account": ("kind",), "lead": ("approval",)}
ROWS = {
    "email_key": "SELECT address_key FROM email",
    "phone_key": "SELECT coalesce(substr(e164, 2), digits) FROM phone",
    "city_key": "SELECT city_key FROM address",
}
"""{key: what it is of the first active row}."""


def upgrade() -> None:
    for table, names in FOLDED.items():
        sql = _of_rows(table) if table != "address" else {}
        for key in (*(f"{name}_key" for name in names), *sql):
            op.add_column(table, sa.Column(key, columns.FoldedText, nullable=False, server_default=""))
        _fill(table, names, sql)
    # Only now: rows that are changed once more would be entered in them twice.
    for table, names in REPLACED.items():
        for name in names:
            op.drop_index(f"ix_{table}_{name}", table)
    for name, table, listed, where in _indexes():
        sqlite = where.replace(ACTIVE, "active = 1") if where == ACTIVE else where
        op.create_index(name, table, listed, postgresql_where=sa.text(where), sqlite_where=sa.text(sqlite))


def _of_rows(table: str) -> dict[str, str]:
    """{key: the expression that it is}, of what SQL can tell."""
    found = {
        f"{name}_key": f"CASE WHEN {name} IS NULL THEN '' WHEN {name} THEN 'yes' ELSE 'no' END" for name in FLAGS[table]
    }
    found |= {f"{name}_key": f"coalesce(lower({name}), '')" for name in WORDS[table]}
    if table == "lead":
        found["converted_key"] = "CASE WHEN converted_at IS NULL THEN 'no' ELSE 'yes' END"
    found["owner_key"] = f"coalesce((SELECT staff.name_key FROM staff WHERE staff.id = {table}.owner_id), '')"
    for key, query in ROWS.items():
        first = f"{query} WHERE party_id = {table}.id AND active ORDER BY rank, id LIMIT 1"
        found[key] = f"coalesce(({first}), '')"
    return found


def _indexes() -> list[tuple[str, str, list[str], str]]:
    """(name, table, columns, which rows) of the indexes that come."""
    found = [("ix_address_postal_code_key", "address", ["postal_code_key", "party_id"], ACTIVE)]
    for table in ("contact", "account", "lead"):
        keys = (*(f"{name}_key" for name in FOLDED[table]), *_of_rows(table))
        found += [(f"ix_{table}_{key}_id", table, [key, "id"], LIVE) for key in keys]
    return found


def _fill(name: str, texts: tuple[str, ...], expressions: dict[str, str]) -> None:
    table: Any = sa.table(name, sa.column("id"), *map(sa.column, texts))
    query = sa.select(table.c.id, *(table.c[text] for text in texts)).order_by(table.c.id).limit(BATCH)
    values = {f"{text}_key": f":new_{text}" for text in texts} | expressions
    write = sa.text(
        f"UPDATE {name} SET {', '.join(f'{key} = {value}' for key, value in values.items())} WHERE id = :own"
    )
    last = 0
    while rows := op.get_bind().execute(query.where(table.c.id > last)).mappings().all():
        last = rows[-1]["id"]
        found = [{f"new_{text}": fold(row[text]) for text in texts} | {"own": row["id"]} for row in rows]
        op.get_bind().execute(write, found)


def downgrade() -> None:
    for name, table, _, _ in _indexes():
        op.drop_index(name, table)
    for table, names in REPLACED.items():
        where = sa.text(ACTIVE if table == "address" else LIVE)
        sqlite = sa.text("active = 1" if table == "address" else LIVE)
        for name in names:
            listed = [name, "party_id"] if table == "address" else [name]
            op.create_index(f"ix_{table}_{name}", table, listed, postgresql_where=where, sqlite_where=sqlite)
    for table, names in FOLDED.items():
        for key in (*(f"{name}_key" for name in names), *(_of_rows(table) if table != "address" else ())):
            op.drop_column(table, key)
