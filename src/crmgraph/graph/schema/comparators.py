"""Comparators: the inputs that compare one field of a record, or a row that belongs to it."""

from typing import Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.models import AddressKind
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.scalars import CountryCode, DateTime, EmailAddress


def op(description: str, name: str | None = None) -> Any:
    """A field that may be left out."""
    return strawberry.field(default=UNSET, name=name, description=description)


_EQ = "Equal to this."
_IN = "Equal to one of these; none of these is nothing."
_NOT_IN = (
    "Equal to none of these; whoever has no value is found too. Of what there may be several of, an address or an id, "
    "one that is none of these is asked for."
)
_IS_NULL = "Whether there is no value."


@strawberry.input(description="Compares a text, without regard to case and accents. All that are given must hold.")
class TextFilter:
    eq: str | None = op(_EQ)
    in_: list[str] | None = op(_IN, "in")
    not_in: list[str] | None = op(_NOT_IN)
    starts_with: str | None = op("Begins with this.")
    contains: str | None = op("Has this somewhere in it.")
    ends_with: str | None = op("Ends with this.")
    is_null: bool | None = op(_IS_NULL)


@strawberry.input(description="Compares an email address, without regard to case. All that are given must hold.")
class EmailFilter:
    eq: EmailAddress | None = op(_EQ)
    in_: list[EmailAddress] | None = op(_IN, "in")
    starts_with: str | None = op("Begins with this.")
    contains: str | None = op("Has this somewhere in it.")
    ends_with: str | None = op("Ends with this, e.g. `@example.com`.")
    is_null: bool | None = op(_IS_NULL)


@strawberry.input(
    description="Compares a word as a whole, without regard to case and accents. All that are given must hold."
)
class ValueFilter:
    eq: str | None = op(_EQ)
    in_: list[str] | None = op(_IN, "in")
    not_in: list[str] | None = op(_NOT_IN)
    is_null: bool | None = op(_IS_NULL)


@strawberry.input(description="Compares a telephone number, in any spelling. All that are given must hold.")
class PhoneFilter:
    eq: str | None = op(_EQ)
    in_: list[str] | None = op(_IN, "in")
    ends_with: str | None = op("Ends with these digits, at least four.")
    region: CountryCode | None = op(
        "From where it is dialled, if it is written as within its country: what `eq` and `in` find then. Without it, "
        "numbers of all countries are found that are written like this."
    )
    is_null: bool | None = op(_IS_NULL)


@strawberry.input(description="Compares a country. All that are given must hold.")
class CountryFilter:
    eq: CountryCode | None = op(_EQ)
    in_: list[CountryCode] | None = op(_IN, "in")
    is_null: bool | None = op(_IS_NULL)


@strawberry.input(description="Compares a global id. All that are given must hold.")
class IdFilter:
    eq: strawberry.ID | None = op(_EQ)
    in_: list[strawberry.ID] | None = op(_IN, "in")
    is_null: bool | None = op(_IS_NULL)


@strawberry.input(
    description="Compares what is known to hold, not to hold, or is not known. All that are given must hold."
)
class BooleanFilter:
    eq: bool | None = op("Whether it holds.")
    is_null: bool | None = op("Whether it is not known.")


@strawberry.input(
    description="Compares a point in time with now. `from` and `to` are durations of ISO 8601, e.g. `P7D`, `P1M` or "
    "`PT12H`: years, months, weeks and days are counted back in the calendar of a time zone, hours, minutes and "
    "seconds from there."
)
class AgoFilter:
    from_: str | None = op("So long ago at the most.", "from")
    to: str | None = op("So long ago at the least.")
    zone: str = strawberry.field(default="UTC", description="The time zone, by its name, e.g. `Europe/Berlin`.")


@strawberry.input(description="Compares a point in time. All that are given must hold.")
class DateTimeFilter:
    eq: DateTime | None = op(_EQ)
    gt: DateTime | None = op("After this.")
    gte: DateTime | None = op("At this or after it.")
    lt: DateTime | None = op("Before this.")
    lte: DateTime | None = op("At this or before it.")
    ago: AgoFilter | None = op("So long ago, counted from now.")


@strawberry.input(description="Compares an address as one: all that are given hold for the same address.")
class AddressFilter:
    city: TextFilter | None = op("The city.")
    postal_code: ValueFilter | None = op("The postal code.")
    state: TextFilter | None = op("The state, province or region.")
    country: CountryFilter | None = op("The country.")
    kind: list[AddressKind] | None = op("What it is for: any of these; none of these is nothing.")
    active: bool | None = op("Whether it is active, which it is without this.")
    primary: bool | None = op("Whether it is the primary address, or another; any of them without this.")


@strawberry.input(
    description="Compares an id that a record has in another system, as `externalIds` and `otherIds` tell it."
)
class ExternalFilter:
    dialect: LegacyDialect | None = strawberry.field(
        default=UNSET, description="Whose id it is; exactly one of this and `system`."
    )
    system: str | None = strawberry.field(
        default=UNSET, description="The other system, as `otherIds` calls it, in any case."
    )
    space: str | None = op("Of what kind the id is there, e.g. `record`; of any kind without this.")
    value: ValueFilter = strawberry.field(description="The id, exactly as it is written there.")
