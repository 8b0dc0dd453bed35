"""JSON as SQL writes it: every value of a row as the text that stands in an answer, the same on both databases."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Text,
    cast,
    extract,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.types import NullType

Sql = ColumnElement[str]
Pieces = list[str | Sql]
"""A text as it stands in the answer: what is fixed, and what SQL adds. `joined` makes it SQL, as late as can be."""

_MILLION: ColumnElement[int] = literal_column("1000000", Integer())


def constant(text: str) -> Sql:
    """A fixed piece of the answer."""
    return type_coerce(literal_column("'" + text.replace("'", "''") + "'"), Text())


def joined(pieces: Pieces) -> Sql:
    """The pieces one after the other, as one expression; fixed ones that meet become one.

    A database spends a good part of such a statement on putting texts together, so the fewer they are, the better.
    """
    merged: Pieces = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    first, *others = [constant(piece) if isinstance(piece, str) else piece for piece in merged]
    return reduce(lambda text, piece: text.concat(piece), others, first)


def _part(text: Sql, *at: int) -> Sql:
    return func.substr(text, *(literal_column(str(n), Integer()) for n in at), type_=Text())


def members(named: Iterable[tuple[str, Pieces]]) -> Pieces:
    """An object with these members."""
    pieces: Pieces = []
    for key, value in named:
        pieces += [f'{"," if pieces else "{"}"{key}":', *value]
    return [*(pieces or ["{"]), "}"]


class Writer:
    """Writes values in the words of one database.

    Args:
        dialect: sqlite or postgresql.
    """

    def __init__(self, dialect: str) -> None:
        self.sqlite = dialect == "sqlite"

    def quoted(self, column: ColumnElement[Any]) -> Sql:
        """Text as a JSON string; NULL stays NULL on PostgreSQL and is null on SQLite."""
        if self.sqlite:
            return func.json_quote(column)
        return cast(func.to_json(cast(column, Text())), Text())

    def padded(self, number: ColumnElement[Any], width: int) -> Sql:
        """A whole number that is not negative, with zeros before it up to so many digits."""
        if self.sqlite:
            return _part(constant("0" * width).concat(cast(number, Text())), -width)
        return func.to_char(number, literal_column(f"'FM{width * '0'}'"), type_=Text())

    def hexadecimal(self, number: ColumnElement[Any], width: int) -> Sql:
        """A whole number in hexadecimal digits, with zeros before it up to so many."""
        if self.sqlite:
            return func.printf(literal_column(f"'%0{width}X'"), number, type_=Text())
        digits = func.lpad(func.to_hex(number), literal_column(str(width), Integer()), literal_column("'0'"))
        return func.upper(digits, type_=Text())

    def seconds(self, column: ColumnElement[Any], between: str = "T") -> Sql:
        """A point in time in UTC, to the second and without its zone.

        Args:
            between: stands between the day and the time.
        """
        if self.sqlite:
            text = type_coerce(column, Text())
            return joined([_part(text, 1, 10), between, _part(text, 12, 8)])
        form = literal_column(f"""'YYYY-MM-DD"{between}"HH24:MI:SS'""", Text())
        return func.to_char(func.timezone(literal_column("'UTC'"), column), form, type_=Text())

    def moment(self, column: ColumnElement[Any]) -> Pieces:
        """A point in time as the scalar DateTime prints it, without quotes."""
        if self.sqlite:
            text = type_coerce(column, Text())
            return [_part(text, 1, 10), "T", _part(text, 12), "Z"]
        form = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""", Text())
        return [func.to_char(func.timezone(literal_column("'UTC'"), column), form, type_=Text())]

    def micros(self, column: ColumnElement[Any]) -> Sql:
        """A point in time in microseconds since 1970, as text."""
        if self.sqlite:
            text = type_coerce(column, Text())
            seconds = cast(func.strftime(literal_column("'%s'"), _part(text, 1, 19)), Integer())
            return cast(seconds * _MILLION + cast(_part(text, 21, 6), Integer()), Text())
        return cast(cast(extract("epoch", column) * _MILLION, BigInteger()), Text())

    def hexed(self, column: ColumnElement[Any]) -> Sql:
        """The bytes of a text in hexadecimal digits."""
        if self.sqlite:
            return func.lower(func.hex(column), type_=Text())
        return func.encode(func.convert_to(column, literal_column("'UTF8'")), literal_column("'hex'"), type_=Text())

    def encoded(self, text: Sql) -> ColumnElement[Any]:
        """The text as bytes in UTF-8, as it is sent: nobody on the way has to decode it."""
        if self.sqlite:
            return type_coerce(cast(text, LargeBinary()), NullType())
        return func.convert_to(text, literal_column("'UTF8'"), type_=NullType())

    def listed(self, text: Sql) -> Sql:
        """The texts of all rows, in their order and with commas between; empty for no rows."""
        aggregate = func.group_concat if self.sqlite else func.string_agg
        return func.coalesce(aggregate(text, literal_column("','"), type_=Text()), constant(""))
