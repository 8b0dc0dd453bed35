"""What alembic runs for each command; the connection comes with the configuration."""

from typing import Any, Literal

from alembic import context

from crmgraph.crm.models import Base
from crmgraph.crm.models.columns import FoldedText, Moment, Money


def _render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Write our own column types by their names."""
    if kind == "type" and isinstance(item, Moment | Money):
        autogen.imports.add("from crmgraph.crm.models import columns")
        return f"columns.{type(item).__name__}()"
    if kind == "type" and item is FoldedText:
        autogen.imports.add("from crmgraph.crm.models import columns")
        return "columns.FoldedText"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=_render,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
