"""The transaction that wrote each entry of the change log, which with the id is the order of the feed."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

WAITING = """
    UPDATE change SET transaction_id = NULL WHERE EXISTS (
        SELECT 1 FROM credential JOIN contact ON contact.id = credential.contact_id
        LEFT JOIN account ON account.id = contact.account_id AND account.primary_contact_id = contact.id
        WHERE credential.confirmed IS FALSE AND contact.deleted_at IS NOT NULL
        AND change.party_id IN (contact.id, account.id)
    )
"""


def upgrade() -> None:
    op.add_column("change", sa.Column("transaction_id", columns.BigId, nullable=True, server_default=sa.text("0")))
    op.execute(WAITING)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE change ALTER transaction_id SET DEFAULT pg_current_xact_id()::text::bigint")
    op.create_index("ix_change_transaction_id_id", "change", ["transaction_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_change_transaction_id_id", "change")
    op.drop_column("change", "transaction_id")
