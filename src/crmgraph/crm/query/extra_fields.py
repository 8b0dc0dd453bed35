"""An extra field as SQL: what a dialect keeps of its own in the JSON of a record."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Text, and_, case, cast, column, func, not_, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

MAX_WRITTEN = 15
"""The longest text that is compared as a number, in characters."""


@dataclass(frozen=True, slots=True)
class ExtraFieldSql:
    """One extra field of the records of one model.

    Attributes:
        path: where its value lies: a parameter of type `JsonPath`.
        sqlite: whether the database is SQLite, else PostgreSQL.
    """

    model: Any
    path: Any
    sqlite: bool

    def json(self) -> ColumnElement[Any]:
        """What is kept as text: a text as it is, anything else as JSON; null where nothing is kept."""
        if self.sqlite:
            return cast(func.json_extract(self.model.extra_fields, self.path), Text)
        return self._at("#>>", Text())

    def text(self) -> ColumnElement[Any]:
        """The text of a value that stands by itself; null of lists and objects."""
        kind, text = self._kind(), self.json()
        nested = (_is_any(kind, "array", "object"), None)
        if not self.sqlite:
            return case(nested, else_=text)
        return case((kind == "true", "true"), (kind == "false", "false"), nested, else_=text)

    def number(self, *, written: bool = True) -> ColumnElement[Any]:
        """The number that is kept, or that a text writes; null of anything else, which the cast never sees.

        Args:
            written: whether a text counts.
        """
        kind, text = self._kind(), self.json()
        known = _is_any(kind, "number", "integer", "real")
        if written:
            known = or_(known, and_(_is_any(kind, "string", "text"), self._is_decimal(text)))
        return case((known, cast(text, Float(53))))

    def _is_decimal(self, text: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a text is a number as it is written without an exponent: 12.50, -3. One with zeros before it (007) is
        a code, and of one with more than `MAX_WRITTEN` characters a floating number would not tell all digits."""
        short = func.length(text) <= MAX_WRITTEN
        if not self.sqlite:
            return and_(short, text.op("~")(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"))
        bare = func.substr(text, case((text.op("GLOB")("-*"), 2), else_=1), type_=Text())
        digits = [bare.op("GLOB")("[0-9]*"), bare.op("GLOB")("*[0-9]")]
        wrong = [bare.op("GLOB")(pattern) for pattern in ("*[^0-9.]*", "*.*.*", "0[0-9]*")]
        return and_(short, *digits, not_(or_(*wrong)))

    def any_element(self, fulfils: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
        """Whether any value of a list fulfils a condition on its text; of an object, on its name."""
        if self.sqlite:
            each = func.json_each(self.model.extra_fields, self.path).table_valued("value", "type", "path")
            text = case((each.c.type == "object", func.json_extract(each.c.value, "$.name")), else_=each.c.value)
            found = and_(self._kind() == "array", fulfils(cast(text, Text)))
        else:
            is_list = self._kind() == "array"
            values = func.jsonb_array_elements(case((is_list, self._at("#>", JSONB())), else_=cast([], JSONB)))
            each = values.table_valued(column("value", JSONB))
            item = each.c.value
            name = func.jsonb_extract_path_text(item, "name", type_=Text())
            text = case((func.jsonb_typeof(item) == "object", name), else_=item.op("#>>")(cast([], ARRAY(Text))))
            found = fulfils(text)
        return select(1).select_from(each).where(found).correlate(self.model).exists()

    def _kind(self) -> ColumnElement[Any]:
        """The type of JSON that is kept, in the database's words."""
        if self.sqlite:
            return func.json_type(self.model.extra_fields, self.path, type_=Text())
        return func.jsonb_typeof(self._at("#>", JSONB()), type_=Text())

    def _at(self, operator: str, kind: Any) -> ColumnElement[Any]:
        """The value at the path on PostgreSQL, as JSON or as text."""
        at: ColumnElement[Any] = self.model.extra_fields.op(operator, return_type=kind)(cast(self.path, ARRAY(Text)))
        return at


def _is_any(kind: ColumnElement[Any], *words: str) -> ColumnElement[bool]:
    return or_(*(kind == word for word in words))
