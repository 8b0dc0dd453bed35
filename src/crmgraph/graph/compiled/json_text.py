"""Values of the graph's types as the JSON that SQL writes."""

from typing import Any

from sqlalchemy import JSON, Boolean, ColumnElement, Date, Integer, Text, case, cast, func, type_coerce
from sqlalchemy import Enum as SqlEnum

from crmgraph.crm.models.columns import Moment, Money
from crmgraph.crm.query import json_text
from crmgraph.crm.query.json_text import Pieces, Sql, constant, joined
from crmgraph.graph.compiled.tree import Unplannable

PLAIN = frozenset({"String", "EmailAddress", "PhoneNumber", "CountryCode", "URL"})
"""The scalars that print text as it is."""


class Writer(json_text.Writer):
    """Writes values of the graph's types."""

    def value(self, column: Any, type_: Any, nullable: bool) -> Pieces:
        """A value as JSON.

        Args:
            column: an expression; or the pieces of a text of our own, in which nothing needs escaping.
            type_: its named type in the schema.
            nullable: whether there may be none.

        Raises:
            Unplannable: nothing in SQL prints a value of this kind as the schema does.
        """
        pieces = ['"', *column, '"'] if isinstance(column, list) else self._pieces(column, type_)
        if not nullable or (self.sqlite and isinstance(column.type, Text) and type_.name in PLAIN):
            return pieces
        return [func.coalesce(joined(pieces), constant("null"))]

    def _pieces(self, column: ColumnElement[Any], type_: Any) -> Pieces:
        kind = column.type
        match kind:
            case SqlEnum():
                members = type_.values if hasattr(type_, "values") else {}
                if not members or any(name != getattr(v.value, "value", v.value) for name, v in members.items()):
                    raise Unplannable(f"values of {type_.name}")
                return ['"', cast(column, Text()) if not self.sqlite else type_coerce(column, Text()), '"']
            case Text() if type_.name in PLAIN:
                return [self.quoted(column)]
            case Boolean() if type_.name == "Boolean":
                return [case((column.is_(True), constant("true")), (column.is_(False), constant("false")))]
            case Integer() if type_.name in ("Int", "BigInt"):
                return [cast(column, Text())]
            case Moment() if type_.name == "DateTime":
                return ['"', *self.moment(column), '"']
            case Date() if type_.name == "Date":
                return ['"', cast(column, Text()), '"']
            case Money() if type_.name == "Decimal":
                exact = type_coerce(column, Text()) if self.sqlite else cast(func.trim_scale(column), Text())
                return ['"', exact, '"']
        raise Unplannable(f"values of {type_.name}")

    def raw(self, column: ColumnElement[Any]) -> Pieces:
        """A value as JSON that is not printed but read again, null where there is none.

        Raises:
            Unplannable: a value of this kind is not read so.
        """
        text: Sql
        match column.type:
            case JSON():
                text = type_coerce(column, Text()) if self.sqlite else cast(column, Text())
            case SqlEnum() | Text():
                text = self.quoted(type_coerce(column, Text()))
            case Integer():
                text = cast(column, Text())
            case _:
                raise Unplannable(f"values of {column.type}")
        return [func.coalesce(text, constant("null"))]
