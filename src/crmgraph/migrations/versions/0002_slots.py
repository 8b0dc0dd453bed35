"""Mark the rows that flat dialects show, as they were counted until now: the active rows in the order of the list."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BY_KIND = ("party_id, kind", "WHEN n = 1 THEN kind")
BY_PLACE = ("party_id", "WHEN n = 1 THEN 'FIRST' WHEN n = 2 THEN 'SECOND'")
"""What is counted for itself, and which slot the row at a place gets."""


def upgrade() -> None:
    for table in ("phone", "email", "address"):
        op.add_column(table, sa.Column("slot", sa.Text(), nullable=True))
    _mark("phone", *BY_KIND)
    _mark("email", *BY_PLACE)
    _mark("address", *BY_KIND, "AND party_id IN (SELECT id FROM account)")
    _mark("address", *BY_PLACE, "AND party_id NOT IN (SELECT id FROM account)")
    for table in ("phone", "email", "address"):
        op.create_index(f"uq_{table}_party_id_slot", table, ["party_id", "slot"], unique=True)


def _mark(table: str, group: str, slot: str, of: str = "") -> None:
    # The names are those above, nobody's input.
    numbered = (
        f"SELECT id, kind, row_number() OVER (PARTITION BY {group} ORDER BY rank, id) AS n"
        f" FROM {table} WHERE active {of}"
    )
    marked = f"SELECT id, CASE {slot} END AS slot FROM ({numbered}) AS numbered WHERE n <= 2"
    op.execute(f"UPDATE {table} SET slot = marked.slot FROM ({marked}) AS marked WHERE marked.id = {table}.id")


def downgrade() -> None:
    for table in ("phone", "email", "address"):
        op.drop_index(f"uq_{table}_party_id_slot", table)
        op.drop_column(table, "slot")
