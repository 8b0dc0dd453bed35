"""References from record to record, and what is seen of them.

What a reference names and the policy hides is empty to whoever asks, to filters and sorts as well as in answers.

Deleting a record leaves what others hold of it where it is. While it is deleted nobody sees that: to every door, filter
and sort the reference is empty, and writing it back as it is seen changes nothing. It would be back with the record.
See docs/decisions/hidden-references.md.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Account, Contact, Lead, Staff
from crmgraph.crm.policy import Actor, sees_all, visible

REFERENCES: dict[type, dict[str, Any]] = {
    Contact: {"account_id": Account, "reports_to_id": Contact, "owner_id": Staff},
    Account: {"parent_id": Account, "primary_contact_id": Contact, "owner_id": Staff},
    Lead: {"owner_id": Staff, "converted_contact_id": Contact, "converted_account_id": Account},
}
"""Which columns of a record name another row, and of what."""

REFERENCING = frozenset(name for columns in REFERENCES.values() for name in columns)
"""The names of those columns."""

_RECORDS: dict[Any, Any] = {
    getattr(model, name): target
    for model, columns in REFERENCES.items()
    for name, target in columns.items()
    if target is not Staff
}
"""{column: the model of the records that it names}."""


def target_of(column: Any) -> Any | None:
    """The model of the records that a column names; None where it names none."""
    return _RECORDS.get(column)


def live(column: Any, actor: Actor | None = None) -> ColumnElement[bool] | None:
    """The condition that a column names a record which is not deleted; None where it names no records.

    Args:
        actor: who asks, and finds what they may see alone; None for whoever sees all.
    """
    query = _named_by(column, actor)
    return None if query is None else query.exists()


def seen(column: Any, actor: Actor | None = None) -> ColumnElement[Any]:
    """The column as it is seen: null where the record that it names is deleted or hidden from the actor; see `live`."""
    query = _named_by(column, actor)
    found: ColumnElement[Any] = column if query is None else query.scalar_subquery()
    return found


def _named_by(column: Any, actor: Actor | None) -> Select[Any] | None:
    """The query of the id of the live record that a column names, inside a query of the column's own table."""
    target = _RECORDS.get(column)
    if target is None:
        return None
    other = aliased(target)
    query = select(other.id).where(other.id == column, other.deleted_at.is_(None)).correlate(column.class_)
    if actor is None or sees_all(actor):
        return query
    return query.where(other.id.in_(select(target.id).where(visible(actor, target)).correlate(None)))
