"""What a database is, a demo or somebody's own: marked by what it holds."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    installation = op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    connection = op.get_bind()
    kind = None
    if connection.scalar(sa.text("SELECT 1 FROM counter WHERE series = 'demo'")):
        kind = "demo"
    elif connection.scalar(sa.text("SELECT 1 FROM party LIMIT 1")) or connection.scalar(
        sa.text("SELECT 1 FROM staff LIMIT 1")
    ):
        kind = "production"
    if kind is not None:
        op.bulk_insert(installation, [{"name": "kind", "value": kind}])


def downgrade() -> None:
    op.drop_table("installation")
