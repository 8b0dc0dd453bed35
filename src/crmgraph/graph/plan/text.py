"""JSON as SQL writes it: every value of a row as the text that stands in the answer, the same on both databases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Text,
    case,
    cast,
    extract,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy import Enum as SqlEnum

from crmgraph.crm.models.columns import Moment, Money
from crmgraph.graph.plan.selection import Unplannable

Sql = ColumnElement[str]

_MILLION: ColumnElement[int] = literal_column("1000000", Integer())

PLAIN = frozenset({"String", "EmailAddress", "PhoneNumber", "CountryCode", "URL"})
"""The scalars that print text as it is."""


def constant(text: str) -> Sql:
    """A fixed piece of the answer."""
    return type_coerce(literal_column("'" + text.replace("'", "''") + "'"), Text())


def joined(parts: Sequence[str | Sql]) -> Sql:
    """The pieces one after the other; neighbours that are fixed become one."""
    merged: list[str | Sql] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    pieces = [constant(part) if isinstance(part, str) else part for part in merged]
    result = pieces[0]
    for piece in pieces[1:]:
        result = result.concat(piece)
    return result


class Writer:
    """Writes values in the words of one database.

    Args:
        dialect: sqlite or postgresql.
    """

    def __init__(self, dialect: str) -> None:
        self.sqlite = dialect == "sqlite"

    def value(self, column: ColumnElement[Any], type_: Any, nullable: bool) -> Sql:
        """A value as JSON.

        Args:
            type_: its named type in the schema.
            nullable: whether there may be none.

        Raises:
            Unplannable: nothing in SQL prints a value of this kind as the schema does.
        """
        text = self._text(column, type_)
        return func.coalesce(text, constant("null")) if nullable else text

    def _text(self, column: ColumnElement[Any], type_: Any) -> Sql:
        kind = column.type
        match kind:
            case SqlEnum():
                members = type_.values if hasattr(type_, "values") else {}
                if not members or any(name != getattr(v.value, "value", v.value) for name, v in members.items()):
                    raise Unplannable(f"values of {type_.name}")
                return joined(['"', cast(column, Text()) if not self.sqlite else type_coerce(column, Text()), '"'])
            case Text() if type_.name == "ID":
                # A prefix of ours and a number: nothing in it needs escaping.
                return joined(['"', column, '"'])
            case Text() if type_.name in PLAIN:
                return self.quoted(column)
            case Boolean() if type_.name == "Boolean":
                return case((column.is_(True), constant("true")), (column.is_(False), constant("false")))
            case Integer() if type_.name in ("Int", "BigInt"):
                return cast(column, Text())
            case Moment() if type_.name == "DateTime":
                return joined(['"', self.moment(column), '"'])
            case Date() if type_.name == "Date":
                return joined(['"', cast(column, Text()), '"'])
            case Money() if type_.name == "Decimal":
                exact = type_coerce(column, Text()) if self.sqlite else cast(func.trim_scale(column), Text())
                return joined(['"', exact, '"'])
        raise Unplannable(f"values of {type_.name}")

    def quoted(self, column: ColumnElement[Any]) -> Sql:
        """Text as a JSON string; NULL stays NULL."""
        if self.sqlite:
            # json_quote(NULL) is the text null, which the caller wants to decide.
            return case((column.is_not(None), func.json_quote(column)))
        return cast(func.to_json(cast(column, Text())), Text())

    def moment(self, column: ColumnElement[Any]) -> Sql:
        """A point in time as the scalar DateTime prints it, without quotes."""
        if self.sqlite:
            text = type_coerce(column, Text())
            return func.substr(text, 1, 10).concat(constant("T")).concat(func.substr(text, 12)).concat(constant("Z"))
        form = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""", Text())
        return func.to_char(func.timezone(literal_column("'UTC'"), column), form, type_=Text())

    def micros(self, column: ColumnElement[Any]) -> Sql:
        """A point in time in microseconds since 1970, as text."""
        if self.sqlite:
            text = type_coerce(column, Text())
            seconds = cast(func.strftime("%s", func.substr(text, 1, 19)), Integer())
            return cast(seconds * _MILLION + cast(func.substr(text, 21, 6), Integer()), Text())
        return cast(cast(extract("epoch", column) * _MILLION, BigInteger()), Text())

    def hexed(self, column: ColumnElement[Any]) -> Sql:
        """The bytes of a text in hexadecimal digits."""
        if self.sqlite:
            return func.lower(func.hex(column), type_=Text())
        return func.encode(func.convert_to(column, literal_column("'UTF8'")), literal_column("'hex'"), type_=Text())

    def listed(self, text: Sql) -> Sql:
        """The texts of all rows, in their order, with commas between; NULL for no rows."""
        if self.sqlite:
            return func.group_concat(text, literal_column("','"), type_=Text())
        return func.string_agg(text, literal_column("','"), type_=Text())
