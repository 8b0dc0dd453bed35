"""The index of city and name holds the addresses that are active, which are the only ones that are found.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_NAME = "ix_address_city_key_name_key_party_id"
_COLUMNS = ["city_key", "name_key", "party_id"]


def upgrade() -> None:
    op.drop_index(_NAME, table_name="address")
    op.create_index(_NAME, "address", _COLUMNS, postgresql_where=sa.text("active"), sqlite_where=sa.text("active = 1"))


def downgrade() -> None:
    op.drop_index(_NAME, table_name="address")
    op.create_index(_NAME, "address", _COLUMNS)
