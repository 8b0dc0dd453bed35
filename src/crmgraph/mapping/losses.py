"""What of a record a dialect cannot tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute

from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.mapping.table import Computed, FieldMap, Link, OfPhoto, Primary, Slot, Whole


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a record holds and an answer does not tell.

    Attributes:
        column: of the record, or of the rows; "" for rows as a whole.
        rows: phones, emails or addresses; "" for a column of the record.
        told, held: how many rows are told, of how many, where not all are.
    """

    column: str
    rows: str = ""
    told: int = 0
    held: int = 0


def losses(
    aggregate: Aggregate,
    fields: FieldMap,
    rows: Mapping[str, FieldMap],
    columns: Iterable[str],
    row_columns: Mapping[str, Iterable[str]],
) -> list[Loss]:
    """What of a record is lost on whoever reads it through a field map.

    Args:
        rows: {phones, emails or addresses: the fields of one}, where every row is told.
        columns: of the record, that are looked at.
        row_columns: {phones, emails or addresses: the columns of a row that are looked at}.
    """
    known = _columns(fields)
    found = [Loss(name) for name in columns if name not in known and _is_something(getattr(aggregate.record, name))]
    for name, looked_at in row_columns.items():
        held = list(getattr(aggregate, name))
        told, row_known = (held, _columns(rows[name])) if name in rows else _slots(fields, name, aggregate)
        if len(told) < len(held):
            found.append(Loss("", name, len(told), len(held)))
        if told:
            lost = (column for column in looked_at if column not in row_known)
            found += [Loss(column, name) for column in lost if any(_is_something(getattr(r, column)) for r in told)]
    return found


def _columns(fields: FieldMap) -> set[str]:
    """The columns that answers tell; a country is one value, whether its name or its code is told."""
    found: set[str] = set()
    for each in fields.fields:
        if not each.printed:
            continue
        match each.at:
            case Whole(columns):
                found.update(column.key for column in columns)
            case Link(column) | (InstrumentedAttribute() as column):
                found.add(column.key)
            case OfPhoto():
                found.add("photo")
            case Computed(_, source):
                found.add(source)
    return found | ({"country", "country_name"} if found & {"country", "country_name"} else set())


def _slots(fields: FieldMap, rows: str, aggregate: Aggregate) -> tuple[list[Any], set[str]]:
    """The rows that are told one by one, and their columns. Where a row stands tells its kind, and that it counts."""
    told: dict[int, Any] = {}
    columns = {"kind", "active"}
    for each in fields.fields:
        if each.printed and isinstance(each.at, Slot | Primary) and each.at.rows == rows:
            columns.add(each.at.column)
            if (row := each.at.row(aggregate)) is not None:
                told[row.id] = row
    return list(told.values()), columns | (
        {"country", "country_name"} if columns & {"country", "country_name"} else set()
    )


def _is_something(value: Any) -> bool:
    return value not in (None, "", False)
