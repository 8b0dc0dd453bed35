"""References from record to record, and what is seen of them.

Deleting a record leaves what others hold of it where it is. While it is deleted nobody sees that: to every door, filter
and sort the reference is empty, and writing it back as it is seen changes nothing. It would be back with the record.
See docs/decisions/hidden-references.md.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Account, Contact, Lead, Staff

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


def live(column: Any) -> ColumnElement[bool] | None:
    """The condition that a column names a record which is not deleted; None where it names no records."""
    query = _named_by(column)
    return None if query is None else query.exists()


def seen(column: Any) -> ColumnElement[Any]:
    """The column as everybody sees it: null where the record that it names is deleted."""
    query = _named_by(column)
    found: ColumnElement[Any] = column if query is None else query.scalar_subquery()
    return found


def _named_by(column: Any) -> Select[Any] | None:
    """The query of the id of the live record that a column names, inside a query of the column's own table."""
    target = _RECORDS.get(column)
    if target is None:
        return None
    other = aliased(target)
    return select(other.id).where(other.id == column, other.deleted_at.is_(None)).correlate(column.class_)
