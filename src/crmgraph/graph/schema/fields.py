"""Fields: a field of a type with its declaration, and the resolver that does what is declared."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeAlias

import strawberry
from sqlalchemy import Text, cast
from strawberry import UNSET

from crmgraph.crm.models import Staff
from crmgraph.crm.policy import Actor
from crmgraph.graph.resolvers.context import Info
from crmgraph.graph.schema.connections import After, Before, First, Last, asked_of, nested_page
from crmgraph.graph.schema.declarations import (
    DECLARED,
    Column,
    Computed,
    Finished,
    OfActor,
    Own,
    Part,
    Primary,
    Row,
    Through,
    ToMany,
    ToOne,
    ToParty,
    ToPhoto,
    ToRows,
)
from crmgraph.graph.schema.filters import Listing
from crmgraph.graph.schema.ids import Prefix, encode

PageOf: TypeAlias = Callable[..., Awaitable[Any]]
"""(source, info, first, after, last and before, filter, sort) to a page of a connection, or None."""


def _field(declaration: Any, description: str, resolver: Any = None, type_: Any = None) -> Any:
    return strawberry.field(
        resolver=resolver, description=description, graphql_type=type_, metadata={DECLARED: declaration}
    )


def column(description: str) -> Any:
    """A field that is the column of its own name."""
    return _field(Column(), description)


def required(name: str, description: str) -> Any:
    """A field that is the column of its own name, a text without which no record is made."""

    def resolve(root: strawberry.Parent[Any]):  # type: ignore[no-untyped-def]  # the class says the type
        return getattr(root, name) or ""

    return _field(Column(required=True), description, resolve)


def computed(*reads: str, by: Callable[[Any], Any], description: str, sql: Callable[[Row], Any]) -> Any:
    """A field that `by` makes of the columns named `reads`, and `sql` of their expressions."""

    def resolve(root: strawberry.Parent[Any]):  # type: ignore[no-untyped-def]  # the class says the type
        return by(root)

    return _field(Computed(reads, by, sql), description, resolve)


def looked_up(*reads: str, resolver: Callable[..., Any], description: str, sql: Callable[[Row], Any]) -> Any:
    """A field for which the resolver asks more than the row, and `sql` other tables or parameters."""
    return _field(Computed(reads, None, sql), description, resolver)


def finished(
    *reads: str,
    by: Callable[..., Any],
    description: str,
    sql: Callable[[Row], Sequence[Any]] | None = None,
    facts: Callable[[Any], Sequence[Any]] | None = None,
    known: Callable[[Any, Any], Awaitable[Sequence[Any]]] | None = None,
) -> Any:
    """A field that `by` makes of the context and of what is known of the row: the columns named `reads`.

    Args:
        sql: what is known besides, or instead, as expressions.
        facts: the same of a row in memory.
        known: the same of (a row, info), where other rows have to be looked up.
    """

    def read(row: Any) -> list[Any]:
        return [getattr(row, name) for name in reads]

    in_memory = facts or read
    expressions = sql or (lambda row: [row[name] for name in reads])
    declaration = Finished(reads, expressions, by, in_memory if known is None else None)
    if known is None:

        def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says it
            return by(info.context, *in_memory(root))

        return _field(declaration, description, resolve)

    async def resolve_known(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # as above
        return by(info.context, *await known(root, info))

    return _field(declaration, description, resolve_known)


def primary() -> Any:
    """A field that tells the first active row of a list from the others."""

    async def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says it
        siblings = await info.context.loaders.rows(type(root)).load(root.party_id)
        return root.id == next((row.id for row in siblings if row.active), None)

    return _field(Primary(), "Whether it is the first active one of its list.", resolve)


def global_id(prefix: Prefix) -> Any:
    """The field `id`."""
    return computed(
        "id",
        by=lambda row: encode(prefix, row.id),
        sql=lambda row: [f"{prefix.value}_", cast(row.id, Text())],
        description="Its global id, for `node` and inputs.",
    )


def part(
    description: str,
    *,
    shown: Callable[[Actor, Any], bool] | None = None,
    sql: Callable[[Actor, Row], Any] | None = None,
    reads: tuple[str, ...] = (),
) -> Any:
    """A field that is an object over the same row, null where `shown` (in SQL: `sql`, over `reads`) is false."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return root if shown is None or shown(info.context.actor, root) else None

    return _field(Part(shown, sql, reads), description, resolve)


def _load(info: Info, model: type, wanted: int | None) -> Any:
    """The row of this id, if the actor may see it."""
    if wanted is None:
        return None
    loaders = info.context.loaders
    return (loaders.staff() if model is Staff else loaders.record(model)).load(wanted)


def to_one(foreign_key: str, model: type, description: str) -> Any:
    """A field that is the row of `model` whose id stands in the column `foreign_key`."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return _load(info, model, getattr(root, foreign_key))

    return _field(ToOne(foreign_key, model), description, resolve)


def through(
    *reads: str,
    model: type,
    by: Callable[[Any, Any], Awaitable[int | None]],
    sql: Callable[[Row], Any],
    description: str,
) -> Any:
    """A field that is the row of `model` whose id `by` finds of (a row, info), and `sql` by subqueries."""

    async def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says it
        found = _load(info, model, await by(root, info))
        return None if found is None else await found

    return _field(Through(reads, sql, model), description, resolve)


def to_party(foreign_key: str, description: str) -> Any:
    """A field that is the record, of any kind, whose id stands in the column `foreign_key`."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        wanted = getattr(root, foreign_key)
        return None if wanted is None else info.context.loaders.party().load(wanted)

    return _field(ToParty(foreign_key), description, resolve)


DELETED = strawberry.argument(
    description="Whether records that were deleted are found as well, with what belongs to them. Nobody but staff "
    "finds any."
)


def to_party_once(foreign_key: str, description: str) -> Any:
    """The same, which may have been deleted since."""

    def resolve(  # type: ignore[no-untyped-def]  # the class says the type
        root: strawberry.Parent[Any], info: Info, deleted: Annotated[bool, DELETED] = False
    ):
        return info.context.loaders.party(deleted=deleted).load(getattr(root, foreign_key))

    return _field(ToParty(foreign_key), description, resolve)


def owner(description: str) -> Any:
    """A field that is the record, of any kind, to which the row belongs."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return info.context.loaders.party(of_rows=True).load(root.party_id)

    return _field(ToParty("party_id", owner=True), description, resolve)


def own(attribute: str, model: type, description: str) -> Any:
    """A field of somebody who is signed in: the row of `model` whose id is an attribute of the actor."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return _load(info, model, getattr(root.actor, attribute))

    return _field(Own(attribute, model), description, resolve)


def of_actor(value: Callable[[Actor], Any], description: str) -> Any:
    """A field of somebody who is signed in, of which the actor tells."""

    def resolve(root: strawberry.Parent[Any]):  # type: ignore[no-untyped-def]  # the class says the type
        return value(root.actor)

    return _field(OfActor(value), description, resolve)


def rows(
    model: type,
    description: str,
    *,
    order: tuple[str, ...] = ("rank", "id"),
    only: Callable[[Row], Any] | None = None,
) -> Any:
    """A field that lists the rows of a record, see `ToRows`."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return info.context.loaders.rows(model, order, only).load(root.id)

    return _field(ToRows(model, order, only), description, resolve)


def photo(description: str) -> Any:
    """A field that is the photo of a record; None of a deleted one, whose photo no address serves any more."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return None if root.deleted_at is not None else info.context.loaders.photo().load(root.id)

    return _field(ToPhoto(), description, resolve)


def to_many(listing: Listing, key: str, description: str, *, staff_only: bool = False) -> Any:
    """A field that is a connection to the rows which name this one in the column `key`."""

    async def page(root: Any, info: Any, arguments: tuple[Any, ...], filter_: Any, sort: Any) -> Any:
        context = info.context
        if staff_only and not context.actor.is_staff:
            return None
        asked = asked_of(context, listing, arguments, filter_, sort)
        return await nested_page(context, listing.model, key, root.id, *asked)

    return connection(listing, ToMany(listing, key, staff_only), page, description)


def connection(listing: Listing, declaration: Any, page: PageOf, description: str, type_: Any = None) -> Any:
    """A field that `page` answers, with the arguments that a listing takes.

    Args:
        type_: of the field, where the class does not say it.
    """
    if listing.filter is None:

        async def resolve(  # type: ignore[no-untyped-def]  # the class says the type
            root: strawberry.Parent[Any],
            info: Info,
            first: First = UNSET,
            after: After = UNSET,
            last: Last = UNSET,
            before: Before = UNSET,
        ):
            return await page(root, info, (first, after, last, before), UNSET, UNSET)

        return _field(declaration, description, resolve, type_)

    async def resolve_filtered(  # type: ignore[no-untyped-def]  # the class says the type
        root: strawberry.Parent[Any],
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Any = UNSET,
        sort: Any = UNSET,
    ):
        return await page(root, info, (first, after, last, before), filter, sort)

    listing.annotate(resolve_filtered)
    return _field(declaration, description, resolve_filtered, type_)
