"""The interface of contacts, accounts and leads, and the parts that two of them share."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import strawberry
from sqlalchemy import Integer, Text, case, literal_column

from crmgraph.crm import models
from crmgraph.crm.models import PartyKind
from crmgraph.crm.models.columns import Moment
from crmgraph.crm.policy import Permission, permissions
from crmgraph.crm.records.external_ids import CONTENT, DIALECTS
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.connections import Connection
from crmgraph.graph.schema.declarations import Row
from crmgraph.graph.schema.fields import column, finished, photo, rows, to_many, to_one
from crmgraph.graph.schema.filters import CHANGES, DUPLICATES, NOTES
from crmgraph.graph.schema.scalars import DateTime
from crmgraph.graph.schema.types.audit import Change, Note
from crmgraph.graph.schema.types.contact_points import Address, Email, ExternalId, OtherId, Phone, Photo
from crmgraph.graph.schema.types.duplicates import Duplicate
from crmgraph.graph.schema.types.legacy_view import LegacyView, OfDialect, as_legacy
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.types.people import User


def _words(names: Iterable[str]) -> list[Any]:
    """Fixed words as they stand in a statement, whose text a list of values would make depend on them."""
    return [literal_column(f"'{name}'", Text()) for name in sorted(names)]


_CAN = "What you may do with it as it is now."


def legacy() -> Any:
    """The field `asLegacy`."""

    async def resolve(root: strawberry.Parent[Any], info: Info, dialect: OfDialect) -> Any:
        return await as_legacy(root, info.context, dialect)

    return strawberry.field(
        resolver=resolve,
        description="The record as an old API answers it, to whoever may see it here.",
        graphql_type=LegacyView,
    )


@strawberry.interface(description="What contacts, accounts and leads have in common.")
class Record(Node):
    number: str = column("The number that people call the record by, e.g. `CON1`.")
    display_name: str = strawberry.field(
        description="What to call it in a list: a person's full name or an account's name, else the number."
    )
    revision: int = column("Counts the changes of the record with all that belongs to it, for `ifRevision`.")
    created_at: DateTime = column("When the record was created.")
    updated_at: DateTime = column("When the record, or anything that belongs to it, was last changed.")
    deleted_at: DateTime | None = column("When the record was deleted; null while it is there.")
    description: str | None = column("Anything to say about it.")
    email_opt_out: bool = column("Whether they want no email from us.")
    owner: User | None = to_one("owner_id", models.Staff, "Whoever of the staff is responsible.")
    created_by: User | None = to_one("created_by_id", models.Staff, "Whoever of the staff created it.")
    modified_by: User | None = to_one("modified_by_id", models.Staff, "Whoever of the staff changed it last.")
    phones: list[Phone] = rows(models.Phone, "The telephone numbers, the primary one first.")
    emails: list[Email] = rows(models.Email, "The email addresses, the primary one first.")
    addresses: list[Address] = rows(models.Address, "The postal addresses, the primary one first.")
    photo: Photo | None = photo("The photo.")
    can: list[Permission] = strawberry.field(description=_CAN)
    external_ids: list[ExternalId] = rows(
        models.ExternalId,
        "What the record is called in the dialects of old APIs that it came from.",
        order=("dialect", "id"),
        only=lambda row: row.live.is_(True) & row.alias.is_(False) & row.dialect.in_(_words(DIALECTS)),
    )
    other_ids: list[OtherId] = rows(
        models.ExternalId,
        "What it is called in any other system that it came from, e.g. one whose files were imported.",
        order=("dialect", "id"),
        only=lambda row: row.live.is_(True) & row.dialect.not_in(_words({*DIALECTS, CONTENT})),
    )
    as_legacy: LegacyView = legacy()
    notes: Connection[Note] | None = to_many(
        NOTES, "party_id", "The notes on it, the latest first; staff see them.", staff_only=True
    )
    duplicates: Connection[Duplicate] | None = to_many(
        DUPLICATES,
        "party_id",
        "The records that may be the same, the most alike first; staff see them. They are looked for in the "
        "background: a change is seen in them a few minutes later.",
        staff_only=True,
    )
    history: Connection[Change] | None = to_many(
        CHANGES, "party_id", "Its changes, the latest first; staff see them.", staff_only=True
    )


_ALWAYS = ("id", "deleted_at", "merged_into_id")
"""The columns that always have a say in what may be done."""


def permitted(kind: PartyKind, *reads: str, state: Callable[..., dict[str, Any]] = dict) -> Any:
    """The field `can` of one kind of record.

    Args:
        reads: the columns that have a say beside those of all kinds; of a point in time, whether there is one.
        state: makes of their values what `policy.permissions` wants to know.
    """

    def can(context: Context, number: int, deleted: int, merged_into: int | None, *values: Any) -> list[Permission]:
        merged = merged_into is not None
        return permissions(context.actor, kind, number, deleted=bool(deleted), merged=merged, **state(*values))

    def sql(row: Row) -> list[Any]:
        return [_told(row[name]) for name in (*_ALWAYS, *reads)]

    def facts(row: Any) -> list[Any]:
        values = [getattr(row, name) for name in (*_ALWAYS, *reads)]
        return [1 if isinstance(value, dt.datetime) else value for value in values]

    return finished(*_ALWAYS, *reads, by=can, sql=sql, facts=facts, description=_CAN)


def _told(column: Any) -> Any:
    if not isinstance(column.type, Moment):
        return column
    return case((column.is_not(None), literal_column("1", Integer())), else_=literal_column("0", Integer()))


@strawberry.type(description="What a customer chose in the self-care portal.")
class Preferences:
    push_notifications: bool = column("Whether notifications are sent to their device.")
    do_not_disturb: bool = column("Whether they are not to be disturbed.")
    roaming: bool = column("Whether roaming is on.")
    show_usage_details: bool = column("Whether the dashboard shows the usage.")
    show_live_chat: bool = column("Whether the dashboard shows the live chat.")
    show_weather: bool = column("Whether the dashboard shows the weather.")
    show_finance: bool = column("Whether the dashboard shows the markets.")
    show_calendar: bool = column("Whether the dashboard shows the calendar.")
    show_news: bool = column("Whether the dashboard shows the news.")
