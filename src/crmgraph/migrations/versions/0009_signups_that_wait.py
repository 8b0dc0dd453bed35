"""Emails that people gave themselves, and signups that wait for their confirmation, which nobody sees."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 1000
"""How many rows are marked by one statement."""


def upgrade() -> None:
    op.add_column("email", sa.Column("self_given", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Records that nobody's staff and no program has made are those of signups.
    op.execute(
        "UPDATE email SET self_given = true WHERE NOT verified AND party_id IN ("
        "SELECT party_id FROM change WHERE action = 'CREATED' AND door IN ('GRAPHQL', 'COVALENSE')"
        " AND credential_id IS NULL AND client_id IS NULL)"
    )
    ids = sorted(set(_given_by_customers()))
    email = sa.table("email", sa.column("id"), sa.column("self_given"), sa.column("verified"))
    for start in range(0, len(ids), BATCH):
        given = email.c.id.in_(ids[start : start + BATCH])
        op.execute(sa.update(email).where(given, sa.not_(email.c.verified)).values(self_given=True))

    op.add_column("credential", sa.Column("proved", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.execute(
        "UPDATE credential SET proved = false WHERE contact_id IN (SELECT party_id FROM email"
        " WHERE self_given AND NOT verified AND email.address_key = credential.email_key)"
    )
    op.execute(
        "DELETE FROM proof WHERE purpose = 'CONFIRM' AND credential_id IN (SELECT credential.id FROM credential"
        " JOIN contact ON contact.id = credential.contact_id WHERE NOT confirmed AND deleted_at IS NOT NULL)"
    )
    op.execute(
        "UPDATE account SET deleted_at = updated_at WHERE deleted_at IS NULL AND primary_contact_id IN ("
        "SELECT contact_id FROM credential WHERE NOT confirmed AND live IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM contact WHERE account_id = account.id AND id <> account.primary_contact_id)"
    )
    op.execute(
        "UPDATE contact SET deleted_at = updated_at WHERE deleted_at IS NULL"
        " AND id IN (SELECT contact_id FROM credential WHERE NOT confirmed AND live IS NULL)"
    )


def _given_by_customers() -> Iterator[int]:
    """The ids of emails that customers added to their own profile, or whose address they changed, by the log."""
    change = sa.table("change", sa.column("id"), sa.column("fields", columns.Document), sa.column("credential_id"))
    credential = sa.table("credential", sa.column("id"), sa.column("contact_id"))
    query = (
        sa.select(change.c.id, change.c.fields)
        .join(credential, credential.c.id == change.c.credential_id)
        .where(credential.c.contact_id.is_not(None), sa.cast(change.c.fields, sa.Text).contains("emails."))
        .order_by(change.c.id)
        .limit(BATCH)
    )
    last = 0
    while rows := op.get_bind().execute(query.where(change.c.id > last)).all():
        last = rows[-1].id
        for field in (field for row in rows for field in row.fields):
            name, _, rest = str(field.get("field")).partition(".")
            row_id, _, column = rest.partition(".")
            if name == "emails" and row_id.isdecimal() and column in ("", "address") and field.get("new") is not None:
                yield int(row_id)


def downgrade() -> None:
    op.execute(
        "UPDATE account SET deleted_at = NULL WHERE primary_contact_id IN ("
        "SELECT contact_id FROM credential WHERE NOT confirmed AND live IS NULL)"
    )
    op.execute(
        "UPDATE contact SET deleted_at = NULL"
        " WHERE id IN (SELECT contact_id FROM credential WHERE NOT confirmed AND live IS NULL)"
    )
    op.drop_column("credential", "proved")
    op.drop_column("email", "self_given")
