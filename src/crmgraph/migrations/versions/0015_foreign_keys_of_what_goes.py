"""Indexes for the foreign keys of signups, which go for good when nobody confirms them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LIVE = sa.text("deleted_at IS NULL")
SOMEBODY = sa.text("credential_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_contact_account_id_id", "contact")
    op.create_index("ix_contact_account_id_id", "contact", ["account_id", "id"])
    op.create_index(
        "ix_change_credential_id", "change", ["credential_id"], postgresql_where=SOMEBODY, sqlite_where=SOMEBODY
    )


def downgrade() -> None:
    op.drop_index("ix_change_credential_id", "change")
    op.drop_index("ix_contact_account_id_id", "contact")
    op.create_index(
        "ix_contact_account_id_id", "contact", ["account_id", "id"], postgresql_where=LIVE, sqlite_where=LIVE
    )
