"""Phones in the order of their digits, slot by slot, and addresses of one country in the order of their records: lists
that are sorted by them are walked along these."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_phone_slot_digits_party_id",
        "phone",
        ["slot", "digits", "party_id"],
        postgresql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
    )
    op.create_index("ix_address_country_party_id", "address", ["country", "party_id"])
    op.drop_index("ix_address_country", "address")


def downgrade() -> None:
    op.create_index("ix_address_country", "address", ["country"])
    op.drop_index("ix_address_country_party_id", "address")
    op.drop_index("ix_phone_slot_digits_party_id", "phone")
