"""A token knows the refresh token that it was issued for, and ends with it.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("legacy_token", sa.Column("issued_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("legacy_token", "issued_by")
