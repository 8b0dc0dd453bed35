"""References from record to record, and what is seen of them.

Deleting a record leaves what others hold of it where it is. While it is deleted nobody sees that: to every door, filter
and sort the reference is empty, and writing it back as it is seen changes nothing. It would be back with the record.
See docs/decisions/hidden-references.md.
"""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Account, Contact, Lead, Staff
from crmgraph.crm.query import snapshots

REFERENCES: dict[type, dict[str, Any]] = {
    Contact: {"account_id": Account, "reports_to_id": Contact, "owner_id": Staff},
    Account: {"parent_id": Account, "primary_contact_id": Contact, "owner_id": Staff},
    Lead: {"owner_id": Staff, "converted_contact_id": Contact, "converted_account_id": Account},
}
"""Which columns of a record name another row, and of what."""

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


async def hidden(session: AsyncSession, record: Any, values: dict[str, Any]) -> set[str]:
    """The columns among `values` whose reference the record keeps to a deleted record, in one statement at most.

    Args:
        values: that are to be written; a reference that they change to another one does not matter.
    """
    columns = tuple(
        sorted(
            name
            for name, target in REFERENCES[type(record)].items()
            if target is not Staff
            and name in values
            and getattr(record, name) is not None
            and values[name] in (None, getattr(record, name))
        )
    )
    if not columns:
        return set()
    targets = {name: REFERENCES[type(record)][name] for name in columns}

    def query() -> Select[Any]:
        are_gone: list[Any] = [
            select(target.id)
            .where(target.id == bindparam(name, type_=BigInteger()), target.deleted_at.is_not(None))
            .exists()
            for name, target in targets.items()
        ]
        return select(*are_gone)

    key = ("hidden references", type(record), columns)
    (row,) = await snapshots.rows_of(session, key, query, {name: getattr(record, name) for name in columns})
    return {name for name, is_hidden in zip(columns, row, strict=True) if is_hidden}
