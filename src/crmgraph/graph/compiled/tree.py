"""The tree of declared fields that a document selects: what `selection` reads out of it and the executor works on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLObjectType, is_non_null_type
from strawberry.types.field import StrawberryField

from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.declarations import Declaration
from crmgraph.graph.schema.ids import Prefix


class Unplannable(Exception):
    """The resolvers answer this document.

    Args:
        reason: in a few words for whoever sent it, or the field that is to blame, e.g. `Query.__schema`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a field as they stand in the document.

    Attributes:
        nodes: wherever the document selects the field under the same key, with the same arguments.
    """

    definition: Any
    nodes: tuple[FieldNode, ...]
    field: StrawberryField

    @staticmethod
    def of(parent: GraphQLObjectType, nodes: Sequence[FieldNode]) -> "Arguments":
        """Those of a field of a type.

        Args:
            nodes: where the document selects it.
        """
        definition = parent.fields[nodes[0].name.value]
        return Arguments(definition, tuple(nodes), definition.extensions["strawberry-definition"])

    @property
    def node(self) -> FieldNode:
        """The first of them."""
        return self.nodes[0]

    @property
    def nullable(self) -> bool:
        """Whether null is an answer of the field."""
        return not is_non_null_type(self.definition.type)


@dataclass(frozen=True, slots=True)
class Typename:
    """`__typename`, which every document knows by itself."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of the row, or of whoever asks.

    Attributes:
        name: its Python name.
        type_: its named type in the schema.
        nullable: whether null is an answer.
    """

    key: str
    declaration: Declaration
    name: str
    type_: Any
    nullable: bool


@dataclass(frozen=True, slots=True)
class Later:
    """A value or an object that is made of what was read, once everything is.

    Attributes:
        type_: its named type in the schema.
        nodes: where the document selects it.
        fields: (response key, attribute or, with True, the name of the type) of each object; None of a value.
        listed: whether it is a list of values or objects.
    """

    key: str
    declaration: declarations.Finished
    type_: Any
    nullable: bool
    nodes: tuple[FieldNode, ...]
    fields: tuple[tuple[str, str, bool], ...] | None
    listed: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """An object or a list of objects that hangs off the row.

    Attributes:
        model: of its rows; None where they are the same row.
        nullable: whether null is an answer.
    """

    key: str
    declaration: Declaration
    model: Any
    tree: tuple[Any, ...]
    nullable: bool


@dataclass(frozen=True, slots=True)
class AnyRecord:
    """A record of whatever kind that hangs off the row.

    Attributes:
        kinds: (model, what is selected of it).
        nullable: whether null is an answer.
    """

    key: str
    declaration: declarations.ToParty
    kinds: tuple[tuple[Any, tuple[Any, ...]], ...]
    nullable: bool


@dataclass(frozen=True, slots=True)
class Pages:
    """A connection: at the root, or off the row.

    Attributes:
        number: tells it from the other numbered fields of the document.
        listing: how its rows are filtered and sorted.
        column: the column that names the parent; None at the root, and of a group.
        staff_only: null for anybody else.
        arguments: what the client asked for.
        fields: what is selected of the connection.
        group: of the members of each group, the number of the groups.
    """

    key: str
    number: int
    listing: Any
    column: str | None
    staff_only: bool
    arguments: Arguments
    fields: tuple[Any, ...]
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Edges:
    key: str
    fields: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    key: str
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    key: str


@dataclass(frozen=True, slots=True)
class PageInfo:
    key: str
    fields: tuple[tuple[str, str], ...]
    """(response key, name in the schema) of each."""


@dataclass(frozen=True, slots=True)
class Total:
    key: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """At the root, whoever is signed in."""

    key: str
    arguments: Arguments
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class One:
    """At the root, what a reference names.

    Attributes:
        kind: of record; None of one of the staff.
    """

    key: str
    number: int
    kind: PartyKind | None
    arguments: Arguments
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ByIds:
    """At the root, what one global id names, or a list of what several do.

    Attributes:
        kinds: (prefix, what is selected of it) of those that the request names.
    """

    key: str
    number: int
    many: bool
    arguments: Arguments
    kinds: tuple[tuple[Prefix, tuple[Any, ...]], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """At the root, a page of what a search finds.

    Attributes:
        fields: what is selected of the connection.
    """

    key: str
    number: int
    arguments: Arguments
    fields: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _OfKinds:
    """Records of several kinds.

    Attributes:
        kinds: (model, what is selected of it).
        listed: whether they are told as a list; else it is one of them, or null.
    """

    key: str
    kinds: tuple[tuple[Any, tuple[Any, ...]], ...]
    listed: bool


@dataclass(frozen=True, slots=True)
class Records(_OfKinds):
    """The records of a page, or the one of an edge."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Where a search found the record of an edge, which is made once everything is read.

    Attributes:
        type_, nodes, fields, listed: see `Later`.
    """

    key: str
    type_: Any
    nodes: tuple[FieldNode, ...]
    fields: tuple[tuple[str, str, bool], ...] | None
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Changed:
    """At the root of what is read after a change, the record that was changed.

    Attributes:
        arguments: those of the payload's field, which has none.
    """

    key: str
    kind: PartyKind
    arguments: Arguments
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """At the root, the rows of a listing in groups.

    Attributes:
        fields: what is selected of a group.
    """

    key: str
    number: int
    listing: Any
    arguments: Arguments
    fields: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A value of a group or a choice, by its name in the schema."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class OfKeys(_OfKinds):
    """The records that the keys of a group stand for, or the first of them."""


@dataclass(frozen=True, slots=True)
class Choices:
    """At the root, what a field may hold.

    Attributes:
        fields: what is selected of a choice.
    """

    key: str
    number: int
    arguments: Arguments
    fields: tuple[Typename | Told, ...]


@dataclass(frozen=True, slots=True)
class Payload:
    """A field of what a mutation answers: the record that it changed, or its user errors, whose tree is None.

    Attributes:
        arguments: see `Changed`.
        warning: (response key, name) of what is selected of a warning beside the record.
    """

    key: str
    arguments: Arguments
    tree: tuple[Any, ...] | None
    warning: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A mutation of one record.

    Attributes:
        name: of the field of `Mutation`.
        fields: what is selected of the payload.
    """

    key: str
    name: str
    arguments: Arguments
    fields: tuple[Payload | Typename, ...]
