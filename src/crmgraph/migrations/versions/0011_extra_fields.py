"""What dialects keep of their own beside a record gets its plain name: extra fields."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("contact", "account", "lead", "phone", "email", "address", "relation", "note")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN remainder TO extra_fields")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN extra_fields TO remainder")
