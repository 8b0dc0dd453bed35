"""The interface of contacts, accounts and leads, and the parts that two of them share."""

import strawberry

from crmgraph.crm import models
from crmgraph.graph.schema.connections import Connection
from crmgraph.graph.schema.fields import column, photo, rows, to_many, to_one
from crmgraph.graph.schema.filters import CHANGES, NOTES
from crmgraph.graph.schema.scalars import DateTime
from crmgraph.graph.schema.types.audit import Change, Note
from crmgraph.graph.schema.types.contact_points import Address, Email, ExternalId, Phone, Photo
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.types.people import User


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
    external_ids: list[ExternalId] = rows(
        models.ExternalId,
        "What the record is called in the systems that it came from.",
        order=("dialect", "id"),
        only=lambda row: row.live.is_(True),
    )
    notes: Connection[Note] | None = to_many(
        NOTES, "party_id", "The notes on it, the latest first; staff see them.", staff_only=True
    )
    history: Connection[Change] | None = to_many(
        CHANGES, "party_id", "Its changes, the latest first; staff see them.", staff_only=True
    )


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
