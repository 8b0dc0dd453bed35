"""Addresses that somebody came in from, and when a password was set, by which a device is known again."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_address",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("credential_id", columns.BigId, nullable=True),
        sa.Column("client_id", columns.BigId, nullable=True),
        sa.Column("seen_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_known_address_credential_id_credential")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["legacy_client.id"],
            name=op.f("fk_known_address_client_id_legacy_client"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_known_address")),
    )
    for column in ("credential_id", "client_id", "seen_at"):
        op.create_index(op.f(f"ix_known_address_{column}"), "known_address", [column])
    op.add_column("credential", sa.Column("password_set_at", columns.Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("credential", "password_set_at")
    op.drop_table("known_address")
