"""Declarations: what each field of a type reads, as data beside its resolver.

A type is declared over one model and its sources are rows of that model. Every field says by one of these where its
value comes from, so that a document can be planned from the declarations alone: which columns, which rows, which
relation at which level, under which policy. `fields` makes fields of them, `declared` gives them back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Text, bindparam

from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.graph.schema.filters import Listing

DECLARED = "declared"
"""The key of a field's declaration in its metadata."""

PUBLIC_URL: Any = bindparam("public_url", type_=Text())
"""What a declaration in SQL has in place of the URL under which the server is reached."""

Row: TypeAlias = Any
"""The columns of a row, by their names."""


@dataclass(frozen=True, slots=True)
class Column:
    """The column of the same name, as it is.

    Attributes:
        required: a text that every record has by the rules of the core, and that only one from before them lacks: it is
            empty there.
    """

    required: bool = False


@dataclass(frozen=True, slots=True)
class Computed:
    """A value made of some columns of the row.

    Attributes:
        compute: makes it of the row alone; None where its resolver has to look something up.
        sql: the same as an expression over the columns of a row, or as a list of fixed texts and expressions that make
            a text which needs no escaping.
    """

    reads: tuple[str, ...]
    compute: Callable[[Any], Any] | None
    sql: Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class Finished:
    """A value or an object that no SQL prints: it is made of what was read, once everything is.

    Attributes:
        sql: what has to be known, as expressions over the columns of a row.
        finish: makes it of the context of the request and their values.
        facts: the same as `sql` of a row in memory; None where other rows have to be looked up.
    """

    reads: tuple[str, ...]
    sql: Callable[[Row], Sequence[Any]]
    finish: Callable[..., Any]
    facts: Callable[[Any], Sequence[Any]] | None


@dataclass(frozen=True, slots=True)
class Primary:
    """Whether the row is the first active one of its list."""


@dataclass(frozen=True, slots=True)
class Part:
    """An object over the same row.

    Attributes:
        shown: whether the actor may see this part of the row; None for everybody who may see the row.
        sql: the same as a condition over the columns of a row, or as a plain yes or no.
        reads: the columns that the condition is over.
    """

    shown: Callable[[Actor, Any], bool] | None
    sql: Callable[[Actor, Row], Any] | None = None
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToOne:
    """The row of `model` whose id stands in a column; null when the policy hides it."""

    foreign_key: str
    model: type


@dataclass(frozen=True, slots=True)
class Through:
    """The row of `model` whose id other tables tell; null when the policy hides it.

    Attributes:
        sql: the id, as an expression over the columns of a row.
    """

    reads: tuple[str, ...]
    sql: Callable[[Row], Any]
    model: type


@dataclass(frozen=True, slots=True)
class ToParty:
    """The record, of whatever kind, whose id stands in a column; null when the policy hides it.

    Attributes:
        owner: it is the record to which the row belongs: whoever sees the row sees it, also where it was deleted.
    """

    foreign_key: str
    owner: bool = False


@dataclass(frozen=True, slots=True)
class ToRows:
    """The rows of `model` that belong to the record.

    Attributes:
        order: the columns by which they are sorted.
        only: the condition on the columns of a row that is listed; None for every row.
    """

    model: type
    order: tuple[str, ...] = ("rank", "id")
    only: Callable[[Row], Any] | None = None


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
class OfActor:
    """A value that is known of whoever asks, without a row."""

    value: Callable[[Actor], Any]


@dataclass(frozen=True, slots=True)
class Own:
    """The row of `model` that is the actor's own; null when they have none.

    Attributes:
        attribute: of the actor, the id of the row.
    """

    attribute: str
    model: type


@dataclass(frozen=True, slots=True)
class Viewing:
    """Of the root: whoever is signed in."""


@dataclass(frozen=True, slots=True)
class Named:
    """Of the root: the record of a kind that a reference names; of the kind None, one of the staff, for staff."""

    kind: PartyKind | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Of the root: a connection to all rows of a listing.

    Attributes:
        staff_only: null for anybody else.
    """

    listing: Listing
    staff_only: bool


@dataclass(frozen=True, slots=True)
class ByIds:
    """Of the root: whatever has a global id, see `nodes.NODES`; or a list of what has several."""

    many: bool


@dataclass(frozen=True, slots=True)
class Searching:
    """Of the root: the records that a text finds, see `types/search.py`."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """Of the root: the rows of a listing in groups, see `types/groups.py`."""

    listing: Listing


@dataclass(frozen=True, slots=True)
class Choosing:
    """Of the root: what a field may hold, see `types/choices.py`."""


@dataclass(frozen=True, slots=True)
class OfGroup:
    """Of a group: what it is counted by, its records, or a connection to its members."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A value that only its resolver knows."""


Declaration: TypeAlias = (
    Column
    | Computed
    | Finished
    | Primary
    | Part
    | ToOne
    | Through
    | ToParty
    | ToRows
    | ToPhoto
    | ToMany
    | OfActor
    | Own
    | OfGroup
    | Resolved
)
RootDeclaration: TypeAlias = Viewing | Named | Listed | ByIds | Searching | Grouped | Choosing


def declared(type_: Any) -> dict[str, Declaration]:
    """What every field of a type was declared as, by its Python name."""
    return {
        field.python_name: field.metadata.get(DECLARED, Resolved()) for field in type_.__strawberry_definition__.fields
    }
