"""The scalars. What goes into the store is taken as it comes: the core refuses it, together with all other faults of
the input. What is only looked for has to be of its form at once."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, value_from_ast_untyped
from strawberry.file_uploads import Upload as UploadedFile
from strawberry.types.scalar import ScalarDefinition

from crmgraph.crm.values.text import decimal_of

BigInt = NewType("BigInt", int)
CountryCode = NewType("CountryCode", str)
Date = NewType("Date", dt.date)
DateTime = NewType("DateTime", dt.datetime)
Money = NewType("Money", Decimal)
EmailAddress = NewType("EmailAddress", str)
JSON = NewType("JSON", object)
PhoneNumber = NewType("PhoneNumber", str)
Url = NewType("Url", str)
Upload = UploadedFile


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("A text is expected.")
    return value


def _literal(parse: Callable[[Any], Any]) -> Callable[..., Any]:
    """What reads a value that stands in a document; what is wrong with it is told with its place."""

    def parse_literal(node: Any, variables: Any = None) -> Any:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node, extensions=error.extensions) from None

    return parse_literal


def _moment(value: Any) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(_text(value))
        moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        message = "A point in time is expected, e.g. 2026-03-29T12:00:00Z."
        raise GraphQLError(message, extensions={"reason": "NOT_A_DATE"}) from None
    return moment


def printed_moment(value: dt.datetime) -> str:
    """A point in time as the scalar has it."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _date(value: Any) -> Any:
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _money(value: Any) -> Any:
    amount = decimal_of(value) if isinstance(value, str) else None
    return value if amount is None else amount


def _money_literal(node: Any, variables: Any = None) -> Any:
    """An amount that stands in a document, digit by digit: as a float it would have some fifteen of them."""
    if isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
        return _money(node.value)
    return value_from_ast_untyped(node, variables)


def _printed_money(value: Decimal) -> str:
    return format(value.normalize(), "f")


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number up to 2^53, as a JSON number.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc7493#section-2.2",
        serialize=int,
        parse_value=_whole,
    ),
    CountryCode: strawberry.scalar(
        name="CountryCode",
        description="A country by its ISO 3166-1 alpha-2 code, e.g. `DE`, or `XK` for Kosovo. As input, a code of "
        "three letters will do.",
        specified_by_url="https://www.iso.org/iso-3166-country-codes.html",
        serialize=str,
        parse_value=_text,
        parse_literal=_literal(_text),
    ),
    Date: strawberry.scalar(
        name="Date",
        description="A day, e.g. `2026-03-29`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=dt.date.isoformat,
        parse_value=_date,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A point in time in UTC, e.g. `2026-03-29T12:00:00Z`. As input, any offset is understood, and none "
        "means UTC.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=printed_moment,
        parse_value=_moment,
        parse_literal=_literal(_moment),
    ),
    Money: strawberry.scalar(
        name="Decimal",
        description='An exact amount as a text, e.g. `"1250000.5"`. As input, a number will do.',
        specified_by_url="https://www.w3.org/TR/xmlschema11-2/#decimal",
        serialize=_printed_money,
        parse_value=_money,
        parse_literal=_money_literal,
    ),
    EmailAddress: strawberry.scalar(
        name="EmailAddress",
        description="An email address, as it was given.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2",
        serialize=str,
        parse_value=_text,
        parse_literal=_literal(_text),
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
    PhoneNumber: strawberry.scalar(
        name="PhoneNumber",
        description="A telephone number in E.164, e.g. `+491512345678`.",
        specified_by_url="https://www.itu.int/rec/T-REC-E.164",
        serialize=str,
        parse_value=_text,
        parse_literal=_literal(_text),
    ),
    Url: strawberry.scalar(
        name="URL",
        description="The address of a document that can be fetched.",
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=str,
        parse_value=_text,
        parse_literal=_literal(_text),
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description="A file, sent as a part of a multipart request.",
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}
"""What each of the types above is in the schema."""
