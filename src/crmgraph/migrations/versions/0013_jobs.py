"""One table for all background work; the emails that wait become jobs of it."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LIVE = sa.text("failed_at IS NULL")
TO_JOBS = """
    INSERT INTO job (kind, payload, request_id, created_at, run_after, attempts)
    SELECT 'email', {object}('template', kind, 'to', recipient, 'seed', seed, 'key_id', key_id),
           request_id, created_at, due_at, tries
    FROM letter ORDER BY id
"""
TO_LETTERS = """
    INSERT INTO letter (kind, recipient, seed, key_id, request_id, created_at, expires_at, due_at, tries)
    SELECT payload ->> 'template', payload ->> 'to', payload ->> 'seed', payload ->> 'key_id',
           request_id, created_at, {expires}, run_after, attempts
    FROM job WHERE kind = 'email' AND failed_at IS NULL ORDER BY id
"""


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", columns.Document, nullable=False),
        sa.Column("unique_key", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("run_after", columns.Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", columns.Moment(), nullable=True),
        sa.Column("failed_at", columns.Moment(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_job_unique_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_kind_run_after", "job", ["kind", "run_after"], postgresql_where=LIVE, sqlite_where=LIVE)
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        _start("job")
    op.execute(TO_JOBS.format(object="json_object" if sqlite else "jsonb_build_object"))
    op.drop_table("letter")
    # Until now the turn of whoever purges was kept there.
    op.execute("DELETE FROM counter WHERE series = 'purged at'")


def downgrade() -> None:
    op.create_table(
        "letter",
        sa.Column("id", columns.BigId, columns.minted(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.Column("due_at", columns.Moment(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_letter_due_at"), "letter", ["due_at"], unique=False)
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        _start("letter")
    later = "strftime('%Y-%m-%d %H:%M:%f000', created_at, '+1 day')" if sqlite else "created_at + interval '1 day'"
    op.execute(TO_LETTERS.format(expires=later))
    op.drop_table("job")


def _start(table: str) -> None:
    sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
    op.execute(sequence.insert().values(name=table, seq=columns.FIRST_MINTED_ID - 1))
