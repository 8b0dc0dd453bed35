"""The name key of its account with every contact, so that contacts are sorted by it."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("account_name_key", columns.FoldedText, nullable=False, server_default=""))
    named = "FROM account WHERE account.id = contact.account_id AND account.deleted_at IS NULL"
    op.execute(
        f"UPDATE contact SET account_name_key = (SELECT account.name_key {named}) WHERE EXISTS (SELECT 1 {named})"
    )
    live = sa.text("deleted_at IS NULL")
    op.create_index(
        "ix_contact_account_name_key_id",
        "contact",
        ["account_name_key", "id"],
        postgresql_where=live,
        sqlite_where=live,
    )


def downgrade() -> None:
    op.drop_index("ix_contact_account_name_key_id", "contact")
    op.drop_column("contact", "account_name_key")
