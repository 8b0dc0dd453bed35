"""What is written about a record: notes by people, and the log of its changes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry
from sqlalchemy import Text, case, cast, literal_column, select

from crmgraph.crm import models
from crmgraph.crm.models import Action, Door, PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.relations_named import KindsNamed, named_by_relations
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.declarations import Row
from crmgraph.graph.schema.fields import (
    column,
    computed,
    finished,
    global_id,
    looked_up,
    owner,
    through,
    to_one,
    to_party_once,
)
from crmgraph.graph.schema.ids import PREFIXES, Prefix, decode, encode
from crmgraph.graph.schema.scalars import JSON, DateTime
from crmgraph.graph.schema.types.names import name_of
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.types.people import User
from crmgraph.graph.schema.vocabulary import history_path, history_value, is_reference

if TYPE_CHECKING:
    from crmgraph.graph.schema.types.contact import Contact
    from crmgraph.graph.schema.types.record import Record


@strawberry.type(description="A note that was written on a record.")
class Note(Node):
    model: ClassVar[type] = models.Note

    id: strawberry.ID = global_id(Prefix.NOTE)
    title: str | None = column("Its title.")
    content: str = column("Its text.")
    created_at: DateTime = column("When it was written.")
    updated_at: DateTime = column("When it was last changed.")
    on: Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")] = owner(
        "The record that it is written on."
    )
    owner: User | None = to_one("owner_id", models.Staff, "Whoever of the staff is responsible for it.")
    created_by: User | None = to_one("created_by_id", models.Staff, "Whoever of the staff wrote it.")
    modified_by: User | None = to_one("modified_by_id", models.Staff, "Whoever of the staff changed it last.")

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Note)


async def _name_of(info: Info, value: Any) -> str | None:
    """What somebody or something is called by now that a global id names, also where it was deleted."""
    found = decode(value) if isinstance(value, str) else None
    if found is None:
        return None
    prefix, number = found
    loaders = info.context.loaders
    if prefix is Prefix.USER:
        member = await loaders.staff().load(number)
        return None if member is None else member.name
    kind = next((kind for kind, own in PREFIXES.items() if own is prefix), None)
    record = None if kind is None else await loaders.record(MODELS[kind], deleted=True).load(number)
    return None if record is None else name_of(record)


async def _old_name(root: strawberry.Parent[Any], info: Info) -> str | None:
    return await _name_of(info, root.old) if root.is_reference else None


async def _new_name(root: strawberry.Parent[Any], info: Info) -> str | None:
    return await _name_of(info, root.new) if root.is_reference else None


@strawberry.type(description="One field that a change touched.")
class FieldChange:
    field: str = strawberry.field(description="Which field, e.g. `lastName` or `phones.pho_1000000001.raw`.")
    old: JSON | None = strawberry.field(description="What it held before; null for nothing, or for what is masked.")
    new: JSON | None = strawberry.field(description="What it held afterwards; null for nothing, or for what is masked.")
    masked: bool = strawberry.field(description="Whether the log names the field without showing what it held.")
    is_reference: strawberry.Private[bool] = False

    old_name: str | None = strawberry.field(
        resolver=_old_name,
        description="What to call whoever or whatever `old` names by its id, deleted or not; null of other values.",
    )
    new_name: str | None = strawberry.field(
        resolver=_new_name,
        description="What to call whoever or whatever `new` names by its id, deleted or not; null of other values.",
    )


def field_changes(
    context: Context, fields: list[dict[str, Any]], kinds: Sequence[tuple[int, str]] | None
) -> list[FieldChange]:
    """What a change touched, in the words of the schema.

    Args:
        fields: as the log has them.
        kinds: (id, kind) of the records that relations name.
    """
    named = {number: PartyKind(kind) for number, kind in kinds or ()}
    return [
        FieldChange(
            field=history_path(each["field"]),
            old=history_value(each["field"], each.get("old"), named, is_new=False),
            new=history_value(each["field"], each.get("new"), named, is_new=True),
            masked=each.get("masked", False),
            is_reference=is_reference(each["field"]),
        )
        for each in fields
    ]


async def known_kinds(context: Context, fields: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """(id, kind) of the records that relations name in these fields."""
    wanted = named_by_relations(fields)
    found = await context.loaders.kind().load_many(wanted) if wanted else ()
    return [(number, each[0]) for number, each in zip(wanted, found, strict=True) if each is not None]


async def _known_fields(root: Any, info: Info) -> tuple[Any, ...]:
    return root.fields, await known_kinds(info.context, root.fields)


def _known_fields_sql(row: Row) -> tuple[Any, ...]:
    return row.fields, KindsNamed(row.fields)


async def _user(root: Any, info: Info) -> Any:
    staff_id = None
    if root.client_id is not None:
        _, staff_id = await info.context.loaders.client().load(root.client_id)
    elif root.credential_id is not None:
        _, staff_id = await info.context.loaders.credential().load(root.credential_id)
    return staff_id


def _user_sql(row: Row) -> Any:
    return case(
        (row.client_id.is_not(None), _of(models.LegacyClient.staff_id, row.client_id)),
        else_=_of(models.Credential.staff_id, row.credential_id),
    )


async def _contact(root: Any, info: Info) -> Any:
    if root.credential_id is None:
        return None
    contact_id, _ = await info.context.loaders.credential().load(root.credential_id)
    return contact_id


async def _client(root: strawberry.Parent[Any], info: Info) -> Any:
    if root.client_id is None:
        return None
    name, _ = await info.context.loaders.client().load(root.client_id)
    return name


def _of(column: Any, wanted: Any) -> Any:
    """A column of the row whose id is wanted, which stands in a column of another row."""
    return select(column).where(column.class_.id == wanted).correlate(wanted.table).scalar_subquery()


def _record_id_sql(row: Row) -> list[Any]:
    prefixes = [(row.kind == kind, literal_column(f"'{prefix}_'", Text())) for kind, prefix in PREFIXES.items()]
    return [case(*prefixes), cast(row.party_id, Text())]


@strawberry.type(description="One change of a record: who, when, through which API, and what.")
class Change(Node):
    model: ClassVar[type] = models.Change

    id: strawberry.ID = global_id(Prefix.CHANGE)
    at: DateTime = column("When it happened.")
    record: Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")] | None = to_party_once(
        "party_id", "The record that changed; null when it was deleted, without `deleted: true`."
    )
    record_id: strawberry.ID = computed(
        "kind",
        "party_id",
        by=lambda row: encode(PREFIXES[row.kind], row.party_id),
        sql=_record_id_sql,
        description="The id of the record, also when it was deleted.",
    )
    kind: PartyKind = column("Of which kind the record is.")
    action: Action = column("What happened to the record.")
    revision: int = column("The revision of the record afterwards.")
    door: Door = column("Through which API it came.")
    user: User | None = through(
        "client_id",
        "credential_id",
        model=models.Staff,
        by=_user,
        sql=_user_sql,
        description="Whoever of the staff did it, or answers for it.",
    )
    contact: Annotated["Contact", strawberry.lazy("crmgraph.graph.schema.types.contact")] | None = through(
        "credential_id",
        model=models.Contact,
        by=_contact,
        sql=lambda row: _of(models.Credential.contact_id, row.credential_id),
        description="The customer who did it.",
    )
    client: str | None = looked_up(
        "client_id",
        resolver=_client,
        sql=lambda row: _of(models.LegacyClient.name, row.client_id),
        description="The name of the program that did it.",
    )
    fields: list[FieldChange] = finished(
        "fields",
        by=field_changes,
        known=_known_fields,
        sql=_known_fields_sql,
        description="Which fields it touched, in the words of this schema.",
    )

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Change)
