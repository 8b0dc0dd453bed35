"""Filters and sorts: comparator inputs, and what the core is asked for by them."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Optional

import strawberry
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.errors import Invalid
from crmgraph.crm.query.columns import SEARCHED
from crmgraph.crm.query.conditions import And, By, Compare, HasPoint, Not, Op, Or, Order, Where
from crmgraph.crm.values.countries import country_code, country_code_of_name
from crmgraph.crm.values.text import fault_of, is_blank
from crmgraph.graph.schema.enums import AccountSortField, ContactSortField, LeadSortField, SortDirection
from crmgraph.graph.schema.errors import BadInput, message_of
from crmgraph.graph.schema.ids import Prefix, number_of
from crmgraph.graph.schema.scalars import CountryCode, DateTime, EmailAddress


def _op(description: str, name: str | None = None) -> Any:
    return strawberry.field(default=UNSET, name=name, description=description)


_EQ = "Equal to this."
_IN = "Equal to one of these; none of these is nothing."
_IS_NULL = "Whether there is no value."


@strawberry.input(description="Compares a text, without regard to case and accents. All that are given must hold.")
class TextFilter:
    eq: str | None = _op(_EQ)
    in_: list[str] | None = _op(_IN, "in")
    starts_with: str | None = _op("Begins with this.")
    contains: str | None = _op("Has this somewhere in it.")
    is_null: bool | None = _op(_IS_NULL)


@strawberry.input(description="Compares an email address, without regard to case. All that are given must hold.")
class EmailFilter:
    eq: EmailAddress | None = _op(_EQ)
    in_: list[EmailAddress] | None = _op(_IN, "in")
    starts_with: str | None = _op("Begins with this.")
    contains: str | None = _op("Has this somewhere in it.")
    is_null: bool | None = _op(_IS_NULL)


@strawberry.input(description="Compares a text exactly. All that are given must hold.")
class ValueFilter:
    eq: str | None = _op(_EQ)
    in_: list[str] | None = _op(_IN, "in")
    is_null: bool | None = _op(_IS_NULL)


@strawberry.input(description="Compares a telephone number, in any spelling. All that are given must hold.")
class PhoneFilter:
    eq: str | None = _op(_EQ)
    in_: list[str] | None = _op(_IN, "in")


@strawberry.input(description="Compares a country. All that are given must hold.")
class CountryFilter:
    eq: CountryCode | None = _op(_EQ)
    in_: list[CountryCode] | None = _op(_IN, "in")
    is_null: bool | None = _op(_IS_NULL)


@strawberry.input(description="Compares a global id. All that are given must hold.")
class IdFilter:
    eq: strawberry.ID | None = _op(_EQ)
    in_: list[strawberry.ID] | None = _op(_IN, "in")
    is_null: bool | None = _op(_IS_NULL)


@strawberry.input(description="Compares a point in time. All that are given must hold.")
class DateTimeFilter:
    eq: DateTime | None = _op(_EQ)
    gt: DateTime | None = _op("After this.")
    gte: DateTime | None = _op("At this or after it.")
    lt: DateTime | None = _op("Before this.")
    lte: DateTime | None = _op("At this or before it.")


_AND = "All of these hold."
_OR = "At least one of these holds."
_NOT = "This does not hold."
_FIRST_NAME = "The given name."
_LAST_NAME = "The family name."
_JOB_TITLE = "What they do, e.g. Buyer."
_EMAIL = "Any of the email addresses that are active."
_PHONE = "Any of the telephone numbers that are active."
_CITY = "The city of an address that is active; what is asked of the country is asked of the same address."
_COUNTRY = "The country of an address that is active; what is asked of the city is asked of the same address."
_NUMBER = "The number that people call the record by, e.g. `CON1`."
_OWNER = "Whoever of the staff is responsible."
_CREATED = "When the record was created."
_UPDATED = "When the record was last changed."
_STATUS = "The status."


@strawberry.input(description="Which contacts. All fields that are given must hold.")
class ContactFilter:
    and_: list["ContactFilter"] | None = _op(_AND, "and")
    or_: list["ContactFilter"] | None = _op(_OR, "or")
    not_: Optional["ContactFilter"] = _op(_NOT, "not")
    first_name: TextFilter | None = _op(_FIRST_NAME)
    last_name: TextFilter | None = _op(_LAST_NAME)
    job_title: TextFilter | None = _op(_JOB_TITLE)
    email: EmailFilter | None = _op(_EMAIL)
    phone: PhoneFilter | None = _op(_PHONE)
    city: TextFilter | None = _op(_CITY)
    country: CountryFilter | None = _op(_COUNTRY)
    number: ValueFilter | None = _op(_NUMBER)
    account: IdFilter | None = _op("The account that they belong to.")
    owner: IdFilter | None = _op(_OWNER)
    created_at: DateTimeFilter | None = _op(_CREATED)
    updated_at: DateTimeFilter | None = _op(_UPDATED)


@strawberry.input(description="Which accounts. All fields that are given must hold.")
class AccountFilter:
    and_: list["AccountFilter"] | None = _op(_AND, "and")
    or_: list["AccountFilter"] | None = _op(_OR, "or")
    not_: Optional["AccountFilter"] = _op(_NOT, "not")
    name: TextFilter | None = _op("The name.")
    email: EmailFilter | None = _op(_EMAIL)
    phone: PhoneFilter | None = _op(_PHONE)
    city: TextFilter | None = _op(_CITY)
    country: CountryFilter | None = _op(_COUNTRY)
    number: ValueFilter | None = _op(_NUMBER)
    status: ValueFilter | None = _op(_STATUS)
    industry: ValueFilter | None = _op("The industry.")
    parent: IdFilter | None = _op("The account that it is a part of.")
    owner: IdFilter | None = _op(_OWNER)
    created_at: DateTimeFilter | None = _op(_CREATED)
    updated_at: DateTimeFilter | None = _op(_UPDATED)


@strawberry.input(description="Which leads. All fields that are given must hold.")
class LeadFilter:
    and_: list["LeadFilter"] | None = _op(_AND, "and")
    or_: list["LeadFilter"] | None = _op(_OR, "or")
    not_: Optional["LeadFilter"] = _op(_NOT, "not")
    first_name: TextFilter | None = _op(_FIRST_NAME)
    last_name: TextFilter | None = _op(_LAST_NAME)
    company: TextFilter | None = _op("The company, as it is written on the lead.")
    job_title: TextFilter | None = _op(_JOB_TITLE)
    email: EmailFilter | None = _op(_EMAIL)
    phone: PhoneFilter | None = _op(_PHONE)
    city: TextFilter | None = _op(_CITY)
    country: CountryFilter | None = _op(_COUNTRY)
    number: ValueFilter | None = _op(_NUMBER)
    status: ValueFilter | None = _op(_STATUS)
    source: ValueFilter | None = _op("Where the lead came from.")
    owner: IdFilter | None = _op(_OWNER)
    created_at: DateTimeFilter | None = _op(_CREATED)
    updated_at: DateTimeFilter | None = _op(_UPDATED)


MAX_SORTS = 10
"""The most parts of a sort."""
_FIELD = "What to sort by."
_DIRECTION = "Which end comes first."


@strawberry.input(description="How contacts are sorted; ties go by id.")
class ContactSort:
    field: ContactSortField = strawberry.field(description=_FIELD)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=_DIRECTION)


@strawberry.input(description="How accounts are sorted; ties go by id.")
class AccountSort:
    field: AccountSortField = strawberry.field(description=_FIELD)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=_DIRECTION)


@strawberry.input(description="How leads are sorted; ties go by id.")
class LeadSort:
    field: LeadSortField = strawberry.field(description=_FIELD)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=_DIRECTION)


@dataclass(frozen=True, slots=True)
class Listing:
    """How the rows of one model are listed.

    Attributes:
        filter, sort: the inputs that a client may give; None where there are none.
        natural: the order without a sort; ties go by id.
    """

    model: Any
    filter: Any = None
    sort: Any = None
    natural: tuple[Order, ...] = ()

    def orders(self, sort: Any) -> tuple[Order, ...]:
        """What a client's `sort` says; absent, null and empty say the natural order.

        Raises:
            BadInput: it has more than `MAX_SORTS` parts.
        """
        if sort is UNSET or not sort:
            return self.natural
        if len(sort) > MAX_SORTS:
            raise BadInput(f"`sort` has at most {MAX_SORTS} parts.")
        wanted: dict[str, Order] = {}
        for each in sort:
            name = each.field.value
            wanted.setdefault(name, Order(getattr(self.model, name), each.direction is SortDirection.DESC))
        return tuple(wanted.values())

    def criterion(self, filter_: Any) -> And | None:
        """What a client's `filter` asks for; None for nothing.

        Raises:
            BadInput: something in it is null, a comparator is empty, or a text is blank or cannot be kept.
        """
        return None if filter_ is UNSET or filter_ is None else _criterion(self.model, filter_, "filter")

    def annotate(self, resolver: Callable[..., Any]) -> None:
        """Give the parameters `filter` and `sort` of a resolver their types."""
        resolver.__annotations__["filter"] = Annotated[
            self.filter | None, strawberry.argument(description="Which of them; all without it.")
        ]
        resolver.__annotations__["sort"] = Annotated[
            list[self.sort] | None,  # type: ignore[name-defined]  # an input class, known as it runs
            strawberry.argument(description="In which order; by id without it."),
        ]


CONTACTS = Listing(models.Contact, ContactFilter, ContactSort)
ACCOUNTS = Listing(models.Account, AccountFilter, AccountSort)
LEADS = Listing(models.Lead, LeadFilter, LeadSort)
USERS = Listing(models.Staff)
NOTES = Listing(models.Note, natural=(Order(models.Note.id, descending=True),))
CHANGES = Listing(models.Change, natural=(Order(models.Change.id, descending=True),))

REFERENCES = {
    "owner": ("owner_id", Prefix.USER),
    "account": ("account_id", Prefix.ACCOUNT),
    "parent": ("parent_id", Prefix.ACCOUNT),
}
"""{field: (column, what its ids are of)}."""


ROWS: dict[str, Any] = {
    "email": models.Email.address,
    "phone": models.Phone.raw,
    "city": models.Address.city,
    "country": models.Address.country,
}
"""{field: the column of a contact point that it is about}; any other field is about a column of the record."""
COMPARATORS = {
    "eq": Op.EQUALS,
    "in_": Op.IN,
    "starts_with": Op.STARTS_WITH,
    "contains": Op.CONTAINS,
    "gt": Op.GT,
    "gte": Op.GE,
    "lt": Op.LT,
    "lte": Op.LE,
}
"""{field of the inputs that compare: the comparator that it is}; `is_null` is asked in two ways, see `_null`."""


def _criterion(model: Any, filter_: Any, path: str) -> And:
    parts: list[Where] = []
    rows: dict[Any, list[Where]] = {}
    for name, value in _given(filter_, path):
        inner = f"{path}.{_word(name)}"
        match name:
            case "and_":
                parts += [_criterion(model, each, f"{inner}[{i}]") for i, each in enumerate(value)]
            case "or_":
                parts.append(Or(tuple([_criterion(model, each, f"{inner}[{i}]") for i, each in enumerate(value)])))
            case "not_":
                parts.append(Not(_criterion(model, value, inner)))
            case _:
                column = ROWS.get(name) or getattr(model, REFERENCES.get(name, (name,))[0])
                # What is asked of contact points of one kind is asked of one of them; that there is none, of all.
                among = rows.setdefault(column.class_, []) if name in ROWS else parts
                for comparator, given in _comparators(name, value, inner):
                    if comparator != "is_null":
                        by = By.EXACT if isinstance(value, ValueFilter) else By.SEARCH
                        among.append(Compare(column, COMPARATORS[comparator], given, by))
                    elif given and among is not parts:
                        parts.append(Not(HasPoint(column.class_, _null(column, value, False))))
                    else:
                        among.append(_null(column, value, given))
    parts += [HasPoint(of, And(tuple(asked))) for of, asked in rows.items() if asked]
    return And(tuple(parts))


def _null(column: Any, comparators: Any, absent: bool) -> Where:
    """That there is no value, which a text has none of that nothing is left of in its key."""
    if not isinstance(comparators, TextFilter | EmailFilter):
        return Compare(column, Op.IS_NULL, absent)
    empty = Compare(SEARCHED[column].key, Op.EQUALS, "", By.EXACT)
    return empty if absent else Not(empty)


def _comparators(name: str, comparators: Any, path: str) -> list[tuple[str, Any]]:
    """(comparator, value) of what a client compares a field with; ids as our numbers."""
    _, prefix = REFERENCES.get(name, (name, None))
    found = []
    for comparator, value in _given(comparators, path):
        inner = f"{path}.{_word(comparator)}"
        _require_something(value, inner, _hint(comparators))
        if name == "country" and comparator != "is_null":
            _require_countries(value, inner)
        if prefix is not None and comparator != "is_null":
            # No row has the id 0, so that an id of something else matches nothing.
            numbers = [number_of(prefix, text) or 0 for text in (value if isinstance(value, list) else [value])]
            value = numbers if isinstance(value, list) else numbers[0]
        found.append((comparator, tuple(value) if isinstance(value, list) else value))
    if not found:
        words = ", ".join(f"`{_word(field.name)}`" for field in fields(comparators))
        raise BadInput(f"`{path}` compares with nothing: give one of {words}, or leave it out to find all.")
    return found


def _given(input_: Any, path: str) -> list[tuple[str, Any]]:
    """(Python name, value) of what a client gave.

    Raises:
        BadInput: something is null, as a variable is that somebody forgot: that must not find everybody.
    """
    given = [(field.name, getattr(input_, field.name)) for field in fields(input_)]
    for name, value in given:
        if value is None:
            raise BadInput(
                f"`{path}.{_word(name)}` is null: give a value, or leave the whole out to find all.{_hint(input_)}"
            )
    return [(name, value) for name, value in given if value is not UNSET]


def _require_something(value: Any, path: str, hint: str) -> None:
    if isinstance(value, list):
        for i, each in enumerate(value):
            _require_something(each, f"{path}[{i}]", hint)
    elif isinstance(value, str) and is_blank(value):
        raise BadInput(f"`{path}` is blank: give a text to look for.{hint}")
    elif isinstance(value, str) and (fault := fault_of(value)):
        raise BadInput(message_of(Invalid((), *fault), path))


def _hint(input_: Any) -> str:
    return " `isNull: true` finds those that have none." if hasattr(input_, "is_null") else ""


def _word(name: str) -> str:
    """What a field of an input is called in the schema."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(map(str.capitalize, others))


def _require_countries(value: str | list[str], path: str) -> None:
    """Whether countries are named by their codes.

    Raises:
        BadInput: one of them is not.
    """
    for i, code in enumerate(value if isinstance(value, list) else [value]):
        if country_code(code) is None:
            place = f"{path}[{i}]" if isinstance(value, list) else path
            meant = country_code_of_name(code)
            write = f"write {meant}" if meant else "e.g. DE"
            raise BadInput(f"`{place}` is compared with codes of ISO 3166-1: {write}.")
