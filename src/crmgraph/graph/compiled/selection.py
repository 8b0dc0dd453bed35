"""From a document to a tree of declared fields. Nothing here knows SQL."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_non_null_type,
)
from graphql.language import BooleanValueNode, DirectiveNode, VariableNode
from strawberry.types.field import StrawberryField

from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.declarations import Declaration


class Unplannable(Exception):
    """The resolvers answer this document.

    Args:
        reason: in a few words for whoever sent it, or the field that is to blame, e.g. `Contact.externalIds`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Typename:
    """`__typename`, which every document knows by itself."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of the row.

    Attributes:
        declaration: a column or a computed value.
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
class Branch:
    """An object or a list of objects that hangs off the row."""

    key: str
    declaration: Declaration
    model: Any
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pages:
    """A connection: at the root, or off the row.

    Attributes:
        number: tells it from the other connections of the document.
        listing: how its rows are filtered and sorted.
        column: the column that names the parent; None at the root.
        staff_only: null for anybody else.
        arguments: what the client asked for.
        fields: what is selected of the connection.
    """

    key: str
    number: int
    listing: Any
    column: str | None
    staff_only: bool
    arguments: "Arguments"
    fields: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class One:
    """A record by its id, at the root."""

    key: str
    number: int
    model: Any
    prefix: str
    arguments: "Arguments"
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a field as they stand in the document."""

    definition: Any
    node: FieldNode
    field: StrawberryField


@dataclass(frozen=True, slots=True)
class Payload:
    """A field of what a mutation answers: the record that it changed, or its user errors, whose tree is None.

    Attributes:
        warning: (response key, name) of what is selected of a warning beside the record.
    """

    key: str
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
    """(response key, Python name) of each."""


@dataclass(frozen=True, slots=True)
class Total:
    key: str


@dataclass(frozen=True, slots=True)
class RootField:
    """What a field of `Query` reads, as data.

    Attributes:
        listing: of a connection; None for one record.
        model, prefix: of one record.
    """

    listing: Any = None
    model: Any = None
    prefix: str = ""


def switches(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> tuple[str, ...]:
    """The variables by which the operation includes or skips something, in the order of their names.

    Raises:
        Unplannable: there is a directive of another kind.
    """
    found: set[str] = set()
    seen: set[str] = set()

    def visit(selections: SelectionSetNode | None) -> None:
        for node in selections.selections if selections is not None else ():
            for directive in node.directives or ():
                if directive.name.value not in ("include", "skip"):
                    raise Unplannable("a directive other than @include and @skip")
                value = _if(directive)
                if isinstance(value, VariableNode):
                    found.add(value.name.value)
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in seen:
                    seen.add(name)
                    visit(fragments[name].selection_set)
            elif isinstance(node, FieldNode | InlineFragmentNode):
                visit(node.selection_set)

    visit(operation.selection_set)
    return tuple(sorted(found))


class Selector:
    """Reads one operation.

    Args:
        switched: the values of the variables that include or skip something.
        roots: the fields of `Query` that can be planned.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        switched: Mapping[str, bool],
        roots: Mapping[str, RootField],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._switched = switched
        self._roots = roots
        self._pages = 0

    def operation(self, operation: OperationDefinitionNode) -> tuple[Any, ...]:
        """The root fields of a query.

        Raises:
            Unplannable: one of its fields is not plain.
        """
        if operation.operation is not OperationType.QUERY or operation.directives:
            raise Unplannable("a directive of the operation")
        query = self._schema.type_map["Query"]
        if not isinstance(query, GraphQLObjectType):
            raise Unplannable("no queries")
        return tuple(
            self._root(query, key, nodes) for key, nodes in self._collect(query, [operation.selection_set]).items()
        )

    def change(self, operation: OperationDefinitionNode, roots: Collection[str]) -> Change:
        """The root field of a mutation that has one and no more.

        Args:
            roots: the fields of `Mutation` that can be planned.

        Raises:
            Unplannable: it is another one, there are several, or something of the payload is not plain.
        """
        mutation = self._schema.type_map["Mutation"]
        if operation.operation is not OperationType.MUTATION or operation.directives:
            raise Unplannable("a directive of the operation")
        if not isinstance(mutation, GraphQLObjectType):
            raise Unplannable("no mutations")
        selected = self._collect(mutation, [operation.selection_set])
        if len(selected) != 1:
            raise Unplannable("several mutations in one document, or none")
        ((key, nodes),) = selected.items()
        name = nodes[0].name.value
        if name not in roots:
            raise Unplannable(f"Mutation.{name}")
        type_ = _object(mutation.fields[name].type)
        fields: list[Payload | Typename] = []
        for inner, found in self._collect(type_, [node.selection_set for node in nodes]).items():
            match found[0].name.value:
                case "__typename":
                    fields.append(Typename(inner, type_.name))
                case "userErrors":
                    # The only one of its types that stands beside a record which was changed, and has leaves alone.
                    warning = _object(self._schema.type_map["LoginEmailWarning"])
                    chosen = self._collect(warning, [node.selection_set for node in found])
                    leaves = tuple((leaf, each[0].name.value) for leaf, each in chosen.items())
                    fields.append(Payload(inner, None, leaves))
                case field:
                    fields.append(Payload(inner, self._tree(_object(type_.fields[field].type), found)))
        return Change(key, name, self._arguments(mutation, nodes[0]), tuple(fields))

    def _root(self, query: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Any:
        node = nodes[0]
        if node.name.value == "__typename":
            return Typename(key, query.name)
        root = self._roots.get(node.name.value)
        if root is None:
            raise Unplannable(f"Query.{node.name.value}")
        arguments = self._arguments(query, node)
        type_ = _object(query.fields[node.name.value].type)
        self._pages += 1
        if root.listing is None:
            return One(key, self._pages, root.model, root.prefix, arguments, self._tree(type_, nodes))
        return Pages(key, self._pages, root.listing, None, False, arguments, self._connection(type_, nodes))

    def _arguments(self, parent: GraphQLObjectType, node: FieldNode) -> Arguments:
        definition = parent.fields[node.name.value]
        return Arguments(definition, node, definition.extensions["strawberry-definition"])

    def _tree(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[Any, ...]:
        collected = self._collect(type_, [node.selection_set for node in nodes])
        return tuple(self._field(type_, key, found) for key, found in collected.items())

    def _field(self, type_: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Any:
        name = nodes[0].name.value
        if name == "__typename":
            return Typename(key, type_.name)
        definition = type_.fields[name]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        declaration = field.metadata.get(declarations.DECLARED, declarations.Resolved())
        nullable = not is_non_null_type(definition.type)
        match declaration:
            case declarations.Column():
                return Leaf(key, declaration, field.python_name, get_named_type(definition.type), nullable)
            case declarations.Computed(sql=sql) if sql is not None:
                return Leaf(key, declaration, field.python_name, get_named_type(definition.type), nullable)
            case declarations.Part(sql=sql, shown=shown) if shown is None or sql is not None:
                return Branch(key, declaration, None, self._tree(_object(definition.type), nodes))
            case declarations.ToOne(model=model) | declarations.ToRows(model=model):
                return Branch(key, declaration, model, self._tree(_object(definition.type), nodes))
            case declarations.ToPhoto():
                return Branch(key, declaration, None, self._tree(_object(definition.type), nodes))
            case declarations.ToMany(listing=listing, key=column, staff_only=staff_only):
                self._pages += 1
                number = self._pages
                fields = self._connection(_object(definition.type), nodes)
                return Pages(key, number, listing, column, staff_only, self._arguments(type_, nodes[0]), fields)
        raise Unplannable(f"{type_.name}.{name}")

    def _connection(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[Any, ...]:
        fields: list[Any] = []
        for key, found in self._collect(type_, [node.selection_set for node in nodes]).items():
            name = found[0].name.value
            match name:
                case "__typename":
                    fields.append(Typename(key, type_.name))
                case "nodes":
                    fields.append(Nodes(key, self._tree(_object(type_.fields[name].type), found)))
                case "edges":
                    fields.append(Edges(key, tuple(self._edge(_object(type_.fields[name].type), found))))
                case "pageInfo":
                    fields.append(self._page_info(key, _object(type_.fields[name].type), found))
                case "totalCount":
                    fields.append(Total(key))
                case _:
                    raise Unplannable(f"{type_.name}.{name}")
        return tuple(fields)

    def _edge(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> Iterator[Any]:
        for key, found in self._collect(type_, [node.selection_set for node in nodes]).items():
            match found[0].name.value:
                case "__typename":
                    yield Typename(key, type_.name)
                case "cursor":
                    yield Cursor(key)
                case "node":
                    yield Branch(
                        key, declarations.Part(None), None, self._tree(_object(type_.fields["node"].type), found)
                    )
                case name:
                    raise Unplannable(f"{type_.name}.{name}")

    def _page_info(self, key: str, type_: GraphQLObjectType, nodes: list[FieldNode]) -> PageInfo:
        fields = []
        for inner, found in self._collect(type_, [node.selection_set for node in nodes]).items():
            fields.append((inner, found[0].name.value))
        return PageInfo(key, tuple(fields))

    def _collect(
        self, type_: GraphQLObjectType, selections: list[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        """The fields that are selected of a type under their response keys, in their order (specification, 6.3.2)."""
        collected: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()

        def visit(set_: SelectionSetNode | None) -> None:
            for node in set_.selections if set_ is not None else ():
                if not self._included(node.directives or ()):
                    continue
                if isinstance(node, FieldNode):
                    key = node.alias.value if node.alias is not None else node.name.value
                    collected.setdefault(key, []).append(node)
                elif isinstance(node, InlineFragmentNode):
                    if node.type_condition is None or self._applies(node.type_condition.name.value, type_):
                        visit(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                    seen.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    if self._applies(fragment.type_condition.name.value, type_):
                        visit(fragment.selection_set)

        for each in selections:
            visit(each)
        return collected

    def _included(self, directives: Any) -> bool:
        for directive in directives:
            wanted = self._condition(directive)
            if wanted is (directive.name.value == "skip"):
                return False
        return True

    def _condition(self, directive: DirectiveNode) -> bool:
        value = _if(directive)
        return self._switched[value.name.value] if isinstance(value, VariableNode) else value.value

    def _applies(self, name: str, type_: GraphQLObjectType) -> bool:
        condition = self._schema.type_map[name]
        if condition is type_:
            return True
        return isinstance(condition, GraphQLInterfaceType) and condition in type_.interfaces


def _if(directive: DirectiveNode) -> VariableNode | BooleanValueNode:
    """The only argument of `include` and `skip`."""
    for argument in directive.arguments or ():
        if isinstance(argument.value, VariableNode | BooleanValueNode):
            return argument.value
    raise Unplannable("a directive other than @include and @skip")


def _object(type_: Any) -> GraphQLObjectType:
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType):
        raise Unplannable(f"the interface {named.name}")
    return named
