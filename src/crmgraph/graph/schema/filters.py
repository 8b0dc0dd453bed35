"""Filters and sorts of the records, and of whatever else is listed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Optional

import strawberry
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.errors import TooLarge
from crmgraph.crm.query import keyset_pages
from crmgraph.crm.query.conditions import And, Order
from crmgraph.crm.search.question import MAX_TEXT
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.comparators import (
    AddressFilter,
    BooleanFilter,
    CountryFilter,
    DateTimeFilter,
    EmailFilter,
    ExternalFilter,
    IdFilter,
    PhoneFilter,
    TextFilter,
    ValueFilter,
    op,
)
from crmgraph.graph.schema.criteria import criterion
from crmgraph.graph.schema.sorts import (
    AccountSortField,
    ContactSortField,
    LeadSortField,
    SortDirection,
    UserSortField,
)

_AND = "All of these hold."
_OR = "At least one of these holds."
_NOT = "This does not hold."
_FIRST_NAME = "The given name."
_FULL_NAME = "The first, middle and last name, with a blank between them."
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
_ADDRESS = "Any of the addresses, which has all of what is asked."
_EXTERNAL = "Any of its ids in another system."
_DELETED = (
    "Whether deleted records are listed, from the one deleted last, in place of those that are there. It stands at the "
    "top of a filter; nobody but staff finds any."
)
_EMAIL_OPT_OUT = "Whether they want no email from us."
_SMS_OPT_OUT = "Whether they want no text messages from us."
_SEARCH = (
    f"What people type into a search box, {MAX_TEXT} characters at most: each word begins one of the record, wherever "
    "`Query.search` looks. No mistake is forgiven, and less than two letters find nothing."
)


@strawberry.input(description="Which contacts. All fields that are given must hold.")
class ContactFilter:
    and_: list["ContactFilter"] | None = op(_AND, "and")
    or_: list["ContactFilter"] | None = op(_OR, "or")
    not_: Optional["ContactFilter"] = op(_NOT, "not")
    search: str | None = op(_SEARCH)
    first_name: TextFilter | None = op(_FIRST_NAME)
    last_name: TextFilter | None = op(_LAST_NAME)
    full_name: TextFilter | None = op(_FULL_NAME)
    job_title: TextFilter | None = op(_JOB_TITLE)
    category: ValueFilter | None = op("The category that they are put in.")
    life_cycle_state: ValueFilter | None = op("Where they are on the way from a prospect to a customer.")
    email_opt_out: bool | None = op(_EMAIL_OPT_OUT)
    sms_opt_out: bool | None = op(_SMS_OPT_OUT)
    do_not_call: bool | None = op("Whether they want no calls from us.")
    direct_marketing: BooleanFilter | None = op("Whether they agreed to marketing by us.")
    affiliate_marketing: BooleanFilter | None = op("Whether they agreed to marketing by partners.")
    address: AddressFilter | None = op(_ADDRESS)
    external: ExternalFilter | None = op(_EXTERNAL)
    account_matches: Optional["AccountFilter"] = op("The account that they belong to, by what it is.")
    email: EmailFilter | None = op(_EMAIL)
    phone: PhoneFilter | None = op(_PHONE)
    city: TextFilter | None = op(_CITY)
    country: CountryFilter | None = op(_COUNTRY)
    number: ValueFilter | None = op(_NUMBER)
    account: IdFilter | None = op("The account that they belong to.")
    owner: IdFilter | None = op(_OWNER)
    deleted: bool | None = op(_DELETED)
    created_at: DateTimeFilter | None = op(_CREATED)
    updated_at: DateTimeFilter | None = op(_UPDATED)


@strawberry.input(description="Which accounts. All fields that are given must hold.")
class AccountFilter:
    and_: list["AccountFilter"] | None = op(_AND, "and")
    or_: list["AccountFilter"] | None = op(_OR, "or")
    not_: Optional["AccountFilter"] = op(_NOT, "not")
    search: str | None = op(_SEARCH)
    name: TextFilter | None = op("The name.")
    kind: list[models.AccountKind] | None = op(
        "Whether it stands for one person or for a business: any of these; none of these is nothing."
    )
    account_type: ValueFilter | None = op("What it is to us, e.g. `Customer` or `Partner`.")
    segment: ValueFilter | None = op("The segment of the market.")
    rating: ValueFilter | None = op("How it is rated.")
    email_opt_out: bool | None = op(_EMAIL_OPT_OUT)
    sms_opt_out: bool | None = op(_SMS_OPT_OUT)
    address: AddressFilter | None = op(_ADDRESS)
    external: ExternalFilter | None = op(_EXTERNAL)
    any_contact: Optional["ContactFilter"] = op("Any of the contacts who belong to it, by what they are.")
    email: EmailFilter | None = op(_EMAIL)
    phone: PhoneFilter | None = op(_PHONE)
    city: TextFilter | None = op(_CITY)
    country: CountryFilter | None = op(_COUNTRY)
    number: ValueFilter | None = op(_NUMBER)
    status: ValueFilter | None = op(_STATUS)
    industry: ValueFilter | None = op("The industry.")
    parent: IdFilter | None = op("The account that it is a part of.")
    owner: IdFilter | None = op(_OWNER)
    deleted: bool | None = op(_DELETED)
    created_at: DateTimeFilter | None = op(_CREATED)
    updated_at: DateTimeFilter | None = op(_UPDATED)


@strawberry.input(description="Which leads. All fields that are given must hold.")
class LeadFilter:
    and_: list["LeadFilter"] | None = op(_AND, "and")
    or_: list["LeadFilter"] | None = op(_OR, "or")
    not_: Optional["LeadFilter"] = op(_NOT, "not")
    search: str | None = op(_SEARCH)
    first_name: TextFilter | None = op(_FIRST_NAME)
    last_name: TextFilter | None = op(_LAST_NAME)
    full_name: TextFilter | None = op(_FULL_NAME)
    company: TextFilter | None = op("The company, as it is written on the lead.")
    job_title: TextFilter | None = op(_JOB_TITLE)
    email: EmailFilter | None = op(_EMAIL)
    phone: PhoneFilter | None = op(_PHONE)
    city: TextFilter | None = op(_CITY)
    country: CountryFilter | None = op(_COUNTRY)
    number: ValueFilter | None = op(_NUMBER)
    status: ValueFilter | None = op(_STATUS)
    source: ValueFilter | None = op("Where the lead came from.")
    rating: ValueFilter | None = op("How promising it is.")
    converted: bool | None = op("Whether it has been converted; all without this.")
    approval: list[models.Approval] | None = op(
        "Whether it may be worked on yet: any of these; none of these is nothing."
    )
    email_opt_out: bool | None = op(_EMAIL_OPT_OUT)
    address: AddressFilter | None = op(_ADDRESS)
    external: ExternalFilter | None = op(_EXTERNAL)
    owner: IdFilter | None = op(_OWNER)
    deleted: bool | None = op(_DELETED)
    created_at: DateTimeFilter | None = op(_CREATED)
    updated_at: DateTimeFilter | None = op(_UPDATED)


@strawberry.input(description="Which of the staff. All fields that are given must hold.")
class UserFilter:
    and_: list["UserFilter"] | None = op(_AND, "and")
    or_: list["UserFilter"] | None = op(_OR, "or")
    not_: Optional["UserFilter"] = op(_NOT, "not")
    name: TextFilter | None = op("Their name.")
    email: EmailFilter | None = op("Their email address.")
    role: list[models.Role] | None = op("What they may do: any of these; none of these is nothing.")
    active: bool | None = op("Whether they still work here; all without this.")


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


@strawberry.input(description="How the staff are sorted; ties go by id.")
class UserSort:
    field: UserSortField = strawberry.field(description=_FIELD)
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

    def orders(self, sort: Any, criterion: And | None = None) -> tuple[Order, ...]:
        """What a client's `sort` says; absent, null and empty say the natural order.

        Args:
            criterion: what is listed.

        Raises:
            BadInput: it has more than `MAX_SORTS` parts, or what is listed has one order alone.
        """
        is_sorted = sort is not UNSET and bool(sort)
        if keyset_pages.lists_deleted(criterion):
            if is_sorted:
                raise BadInput("order of deleted", "sort")
            return (Order(self.model.deleted_at, descending=True),)
        if not is_sorted:
            return self.natural
        if len(sort) > MAX_SORTS:
            raise BadInput(TooLarge((), MAX_SORTS, "items"), "sort")
        wanted: dict[str, Order] = {}
        for i, each in enumerate(sort):
            if any(each.field is before.field for before in sort[:i]):
                raise BadInput("twice", f"sort.{i}.field", value=each.field.name)
            for name in each.field.value.split():
                wanted.setdefault(name, Order(getattr(self.model, name), each.direction is SortDirection.DESC))
        return tuple(wanted.values())

    def criterion(self, filter_: Any) -> And | None:
        """What a client's `filter` asks for; None for nothing.

        Raises:
            BadInput: something in it is null, a comparator is empty, or a text is blank or cannot be kept.
        """
        return None if filter_ is UNSET or filter_ is None else criterion(self.model, filter_, "filter")

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
USERS = Listing(models.Staff, UserFilter, UserSort)
OWNED_CONTACTS, OWNED_ACCOUNTS, OWNED_LEADS = Listing(models.Contact), Listing(models.Account), Listing(models.Lead)
"""The records of one of the staff, in the order in which they were made."""
NOTES = Listing(models.Note, natural=(Order(models.Note.id, descending=True),))
IMPORTS = Listing(models.Import, natural=(Order(models.Import.id, descending=True),))
DUPLICATES = Listing(models.Duplicate, natural=(Order(models.Duplicate.score, descending=True),))
CHANGES = Listing(models.Change, natural=(Order(models.Change.id, descending=True),))
