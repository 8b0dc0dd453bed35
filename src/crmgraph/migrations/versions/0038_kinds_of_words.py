"""The words of the search index by the kind of the records that have them, and those of deleted records by themselves:
a search of one kind is led past the words of all others.

The table is made anew, in the order of its key: changed where they are, its rows would leave it twice as large.
"""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_KEY = ("party_id", "term", "field", "source_id")
_KINDS = ("contact", "account", "lead")
_CASES = " ".join(f"WHEN {record}.id IS NOT NULL THEN {number}" for number, record in enumerate(_KINDS, 1))


def upgrade() -> None:
    _put_aside("ix_search_term_term_field_party_id")
    _make(sa.Column("kind", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))
    live = " ".join(
        f"LEFT JOIN {record} ON {record}.id = term_before.party_id AND {record}.deleted_at IS NULL" for record in _KINDS
    )
    _fill(f", CASE {_CASES} ELSE 0 END", live, "kind")
    # Only now: an index that is made at once is smaller than one that has grown.
    op.create_index("ix_search_term_kind_term_field_party_id", "search_term", ["kind", "term", "field", "party_id"])


def downgrade() -> None:
    _put_aside("ix_search_term_kind_term_field_party_id")
    _make()
    _fill()
    op.create_index("ix_search_term_term_field_party_id", "search_term", ["term", "field", "party_id"])


def _put_aside(index: str) -> None:
    op.drop_index(index, "search_term")
    op.rename_table("search_term", "term_before")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER INDEX pk_search_term RENAME TO pk_term_before")


def _make(*more: sa.Column[int]) -> None:
    # Between the two, where it takes room that would be empty.
    op.create_table(
        "search_term",
        sa.Column("party_id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("term", columns.FoldedText, nullable=False),
        sa.Column("field", sa.SmallInteger(), autoincrement=False, nullable=False),
        *more,
        sa.Column("source_id", columns.BigId, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f("pk_search_term")),
        sqlite_with_rowid=False,
    )


def _fill(value: str = "", joins: str = "", column: str = "") -> None:
    names = ", ".join((*_KEY, column) if column else _KEY)
    own = ", ".join(f"term_before.{name}" for name in _KEY)
    op.execute(f"INSERT INTO search_term ({names}) SELECT {own}{value} FROM term_before {joins} ORDER BY {own}")
    op.drop_table("term_before")
