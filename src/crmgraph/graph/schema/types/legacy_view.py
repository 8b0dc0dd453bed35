"""A record as an old API would answer it, and what of it that API cannot tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import orjson
import strawberry
from strawberry.utils.str_converters import to_camel_case

from crmgraph.crm.policy import IDENTITY_DOCUMENTS, KINDS, may_see_identity
from crmgraph.crm.records.aggregates import ROWS, Aggregate
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.declarations import Column, ToOne, declared
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.scalars import JSON
from crmgraph.graph.schema.types import contact_points
from crmgraph.graph.schema.vocabulary import PARTS
from crmgraph.mapping.losses import Loss, losses

_ROW_TYPES: dict[str, Any] = {
    "phones": contact_points.Phone,
    "emails": contact_points.Email,
    "addresses": contact_points.Address,
}
_BOOKKEEPING = frozenset(
    {"id", "revision", "created_at", "updated_at", "deleted_at", "created_by_id", "modified_by_id"}
)
"""Columns that nobody writes: that they are not told is no loss of the record."""
_DERIVED = frozenset({"e164", "national", "extension", "valid", "verified", "party_id", "slot", "rank"})
"""Columns of rows that follow from others."""


@strawberry.type(description="Something that a record holds and an old API does not tell.")
class LegacyLoss:
    field: str = strawberry.field(
        description="The field of the record, e.g. `nickname`, `phones` or `addresses.floor`."
    )
    reason: str = strawberry.field(description="Why it is not told.")


async def _lossy(root: strawberry.Parent[Any], info: Info) -> list[str]:
    return [loss.field for loss in await root.losses(info.context)]


async def _losses(root: strawberry.Parent[Any], info: Info) -> list[LegacyLoss]:
    found: list[LegacyLoss] = await root.losses(info.context)
    return found


@strawberry.type(
    description="What an old API answers when it is asked for a record, by the code that its clients call."
)
class LegacyView:
    dialect: LegacyDialect = strawberry.field(description="The API.")
    status: int = strawberry.field(description="The HTTP status.")
    headers: JSON = strawberry.field(description="The headers, by their names.")
    body: JSON | None = strawberry.field(description="The body; null where there is none.")
    lossy: list[str] = strawberry.field(
        resolver=_lossy, description="The fields of the record that hold something which this API does not tell."
    )
    losses: list[LegacyLoss] = strawberry.field(resolver=_losses, description="The same with the reasons.")


OfDialect = Annotated[LegacyDialect, strawberry.argument(description="The API.")]


@dataclass(frozen=True, slots=True)
class View:
    """The source of a view."""

    record: Any
    dialect: LegacyDialect
    status: int
    headers: dict[str, str]
    body: Any

    async def losses(self, context: Context) -> list[LegacyLoss]:
        """What is not told."""
        api = context.legacy_apis[self.dialect.value]
        view = api.view()
        kind = KINDS[type(self.record)]
        fields = api.tables().get(kind)
        if view is None or fields is None or view.viewing.shown(kind, self.record.id) is None:
            plural = f"{kind.value.lower()}s"
            return [LegacyLoss(field="id", reason=f"{api.title} shows no {plural}.")]
        lists = {name: await context.loaders.rows(model).load(self.record.id) for name, model in ROWS.items()}
        names = dict(_columns(self.record.__class__))
        if not may_see_identity(context.actor, self.record.id):  # nor whether there are any
            names = {column: field for column, field in names.items() if column not in IDENTITY_DOCUMENTS}
        for column, model in _naming(self.record.__class__).items():
            named = getattr(self.record, column)
            # Nor whether it names a record that they may not see.
            if named is not None and column in names and await context.loaders.record(model).load(named) is None:
                del names[column]
        found = losses(Aggregate(self.record, **lists), fields, view.viewing.rows, names, _row_columns())
        return [LegacyLoss(field=field, reason=reason) for field, reason in _worded(found, names, api.title)]


async def as_legacy(record: Any, context: Context, dialect: LegacyDialect) -> View:
    """What a dialect answers for a record, whoever of the caller's rights asks it."""
    view = context.legacy_apis[dialect.value].view()
    if view is None:
        return View(record, dialect, 404, {}, None)
    async with context.beside():
        response = await view.of(context.actor, KINDS[type(record)], record.id)
    body = bytes(response.body)
    read = orjson.loads(body) if body and "json" in response.headers.get("content-type", "") else None
    return View(record, dialect, response.status_code, dict(response.headers), read)


def _worded(found: list[Loss], names: dict[str, str], title: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for loss in found:
        field = to_camel_case(loss.rows) if loss.rows else names[loss.column]
        if loss.rows and loss.column:
            field += f".{to_camel_case(loss.column)}"
        if field in seen:
            continue
        seen.add(field)
        yield field, f"{title} tells {loss.told} of {loss.held}." if loss.held else f"{title} has no field for it."


def _declared(model: Any) -> dict[str, Any]:
    # The types of the records import this module.
    from crmgraph.graph.schema.types.account import Account
    from crmgraph.graph.schema.types.contact import Contact
    from crmgraph.graph.schema.types.lead import Lead

    types: dict[Any, Any] = {each.model: each for each in (Contact, Account, Lead)}
    return dict(declared(types[model]))


@cache
def _naming(model: Any) -> dict[str, Any]:
    """{column of a record that names another one: the model of that}."""
    found = (each for each in _declared(model).values() if isinstance(each, ToOne))
    return {each.foreign_key: each.model for each in found if each.model in KINDS}


@cache
def _columns(model: Any) -> dict[str, str]:
    """{column of a record: its field}, of those that people write."""
    found: dict[str, str] = {}
    for name, declaration in _declared(model).items():
        match declaration:
            case Column():
                found[name] = to_camel_case(name)
            case ToOne(foreign_key):
                found[foreign_key] = to_camel_case(name)
        if name in PARTS:
            found |= dict.fromkeys(PARTS[name].values(), to_camel_case(name))
    return {column: field for column, field in found.items() if column not in _BOOKKEEPING}


@cache
def _row_columns() -> dict[str, list[str]]:
    return {
        rows: [name for name, each in declared(type_).items() if isinstance(each, Column) and name not in _DERIVED]
        for rows, type_ in _ROW_TYPES.items()
    }
