"""Declarations: what each field of a type reads, as data beside its resolver.

A type is declared over one model and its sources are rows of that model. Every field says by one of the constructors
here where its value comes from, so that a document can be planned from the declarations alone: which columns, which
rows, which relation at which level, under which policy. `declared` gives them back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import strawberry
from sqlalchemy import Text, cast
from strawberry import UNSET

from crmgraph.crm.models import Staff
from crmgraph.crm.policy import Actor
from crmgraph.graph.resolvers.context import Info
from crmgraph.graph.schema.connections import After, Before, First, Last, nested_page, window_of
from crmgraph.graph.schema.filters import Listing
from crmgraph.graph.schema.ids import Prefix, encode

DECLARED = "declared"
"""The key of a field's declaration in its metadata."""


@dataclass(frozen=True, slots=True)
class Column:
    """The column of the same name, as it is."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A value made of some columns of the row and of nothing else.

    Attributes:
        sql: the same as an expression over the columns of a row, or as a list of fixed texts and expressions that make
            a text which needs no escaping; None where it has no such form.
    """

    reads: tuple[str, ...]
    compute: Callable[[Any], Any]
    sql: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An object over the same row.

    Attributes:
        shown: whether the actor may see this part of the row; None for everybody who may see the row.
        sql: the same as a condition over the columns of a row, or as a plain yes or no.
        reads: the columns that the condition is over.
    """

    shown: Callable[[Actor, Any], bool] | None
    sql: Callable[[Actor, Any], Any] | None = None
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToOne:
    """The row of `model` whose id stands in a column; null when the policy hides it."""

    foreign_key: str
    model: type


@dataclass(frozen=True, slots=True)
class ToRows:
    """The rows of `model` that belong to the record, by rank."""

    model: type


@dataclass(frozen=True, slots=True)
class ToPhoto:
    """The photo of the record."""


@dataclass(frozen=True, slots=True)
class ToMany:
    """A connection to the rows of `model` that name this row in `key`.

    Attributes:
        listing: how they can be filtered and sorted.
        staff_only: null for anybody else.
    """

    listing: Listing
    key: str
    staff_only: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """A value that only its resolver knows."""


Declaration: TypeAlias = Column | Computed | Part | ToOne | ToRows | ToPhoto | ToMany | Resolved


def declared(type_: Any) -> dict[str, Declaration]:
    """What every field of a type was declared as, by its Python name."""
    return {
        field.python_name: field.metadata.get(DECLARED, Resolved()) for field in type_.__strawberry_definition__.fields
    }


def _field(declaration: Declaration, description: str, resolver: Any = None) -> Any:
    return strawberry.field(resolver=resolver, description=description, metadata={DECLARED: declaration})


def column(description: str) -> Any:
    """A field that is the column of its own name."""
    return _field(Column(), description)


def computed(*reads: str, by: Callable[[Any], Any], description: str, sql: Callable[[Any], Any] | None = None) -> Any:
    """A field that `by` makes of the columns named `reads`, and `sql` of their expressions."""

    def resolve(root: strawberry.Parent[Any]):  # type: ignore[no-untyped-def]  # the class says the type
        return by(root)

    return _field(Computed(reads, by, sql), description, resolve)


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
    sql: Callable[[Actor, Any], Any] | None = None,
    reads: tuple[str, ...] = (),
) -> Any:
    """A field that is an object over the same row, null where `shown` (in SQL: `sql`, over `reads`) is false."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return root if shown is None or shown(info.context.actor, root) else None

    return _field(Part(shown, sql, reads), description, resolve)


def to_one(foreign_key: str, model: type, description: str) -> Any:
    """A field that is the row of `model` whose id stands in the column `foreign_key`."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        wanted = getattr(root, foreign_key)
        if wanted is None:
            return None
        loaders = info.context.loaders
        return (loaders.staff() if model is Staff else loaders.record(model)).load(wanted)

    return _field(ToOne(foreign_key, model), description, resolve)


def rows(model: type, description: str) -> Any:
    """A field that lists the rows of a record in their order."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return info.context.loaders.rows(model).load(root.id)

    return _field(ToRows(model), description, resolve)


def photo(description: str) -> Any:
    """A field that is the photo of a record."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # the class says the type
        return info.context.loaders.photo().load(root.id)

    return _field(ToPhoto(), description, resolve)


def to_many(listing: Listing, key: str, description: str, *, staff_only: bool = False) -> Any:
    """A field that is a connection to the rows which name this one in the column `key`."""

    async def page(root: Any, info: Any, arguments: tuple[Any, ...], filter_: Any = UNSET, sort: Any = UNSET) -> Any:
        context = info.context
        if staff_only and not context.actor.is_staff:
            return None
        window = window_of(context, listing.model, listing.orders(sort), *arguments)
        return await nested_page(context, listing.model, key, root.id, listing.criterion(filter_), window)

    if listing.filter is None:

        async def resolve(  # type: ignore[no-untyped-def]  # the class says the type
            root: strawberry.Parent[Any],
            info: Info,
            first: First = UNSET,
            after: After = UNSET,
            last: Last = UNSET,
            before: Before = UNSET,
        ):
            return await page(root, info, (first, after, last, before))

        return _field(ToMany(listing, key, staff_only), description, resolve)

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
    return _field(ToMany(listing, key, staff_only), description, resolve_filtered)
