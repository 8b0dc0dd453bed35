"""What records are called."""

from typing import Any

from sqlalchemy import Text, func, literal_column

from crmgraph.crm.models import Account


def full_name(row: Any) -> str:
    """The first, middle and last name of a person, as far as they are known."""
    return " ".join(name for name in (row.first_name, row.middle_name, row.last_name) if name)


def full_name_sql(row: Any) -> Any:
    """The same of columns."""
    nothing: Any = literal_column("''", Text())
    names = (func.nullif(name, nothing) for name in (row.first_name, row.middle_name, row.last_name))
    spaced = [func.coalesce(literal_column("' '", Text()).concat(name), nothing) for name in names]
    return func.substr(spaced[0].concat(spaced[1]).concat(spaced[2]), literal_column("2"), type_=Text())


def display_name(row: Any) -> str:
    """What to call a person in a list."""
    return full_name(row) or str(row.number)


def display_name_sql(row: Any) -> Any:
    """The same of columns."""
    return func.coalesce(func.nullif(full_name_sql(row), literal_column("''", Text())), row.number)


NAMED = ("first_name", "middle_name", "last_name", "number")
"""The columns that it is made of."""


def name_of(record: Any) -> str:
    """What to call a record of any kind."""
    return (record.name or str(record.number)) if isinstance(record, Account) else display_name(record)
