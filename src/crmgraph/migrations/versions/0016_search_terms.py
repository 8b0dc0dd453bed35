"""The search index, with the words of the records that are there."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import Account, Address, Contact, Email, Lead, Phone, columns
from crmgraph.crm.search.terms import Term, terms_of_values

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BATCH = 1000
"""How many rows are read at a time."""
_PERSON = ("id", "number", "last_name", "first_name", "middle_name")
_ROW = ("id", "party_id", "active")
READ: dict[type, tuple[str, ...]] = {
    Contact: (*_PERSON, "nickname"),
    Account: ("id", "number", "name"),
    Lead: (*_PERSON, "company"),
    Email: (*_ROW, "address_key"),
    Phone: (*_ROW, "e164", "digits"),
    Address: (*_ROW, "city"),
}
"""{model: the columns of its table that words come from}."""


def upgrade() -> None:
    made = op.create_table(
        "search_term",
        sa.Column("party_id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("term", columns.FoldedText, nullable=False),
        sa.Column("field", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("source_id", columns.BigId, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("party_id", "term", "field", "source_id", name=op.f("pk_search_term")),
        sqlite_with_rowid=False,
    )
    for model, names in READ.items():
        for rows in _batches(model, names):
            terms: dict[Term, None] = {}
            for row in rows:
                terms.update(dict.fromkeys(terms_of_values(model, row)))
            if terms:
                op.get_bind().execute(made.insert(), [term._asdict() for term in terms])
    # Only now: an index that is made at once is smaller than one that has grown.
    op.create_index("ix_search_term_term_field_party_id", "search_term", ["term", "field", "party_id"])


def _batches(model: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """All rows of a table in the order of their ids."""
    table = sa.table(model.__tablename__, *(sa.column(name) for name in names))
    # The types let SQLite's numbers be read as true and false.
    query = sa.select(*(sa.type_coerce(table.c[name], model.__table__.c[name].type).label(name) for name in names))
    query = query.order_by(table.c.id).limit(BATCH)
    last = 0
    while rows := op.get_bind().execute(query.where(table.c.id > last)).mappings().all():
        last = rows[-1]["id"]
        yield rows


def downgrade() -> None:
    op.drop_table("search_term")
