"""From a document to a tree of declared fields. Nothing here knows SQL."""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
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
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)
from graphql.language import BooleanValueNode, DirectiveNode, VariableNode
from strawberry.types.field import StrawberryField

from crmgraph.crm.models import Photo
from crmgraph.crm.policy import MODELS
from crmgraph.graph.compiled.selected import selected_choices, selected_groups, selected_hits
from crmgraph.graph.compiled.tree import (
    AnyRecord,
    Arguments,
    Branch,
    ByIds,
    Change,
    Cursor,
    Edges,
    Found,
    Later,
    Leaf,
    Nodes,
    One,
    PageInfo,
    Pages,
    Payload,
    Total,
    Typename,
    Unplannable,
    Viewer,
)
from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.ids import Prefix
from crmgraph.graph.schema.nodes import NODES


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
        named: by the fields that `fetched` gives, what kinds of things the request names there.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        switched: Mapping[str, bool],
        named: Mapping[int, tuple[Prefix, ...]],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._switched = switched
        self._named = named
        self._numbered = 0

    def operation(self, operation: OperationDefinitionNode) -> tuple[Any, ...]:
        """The root fields of a query.

        Raises:
            Unplannable: one of its fields is not plain.
        """
        if operation.operation is not OperationType.QUERY or operation.directives:
            raise Unplannable("a directive of the operation")
        query = named_object(self._schema.query_type)
        return tuple(
            self._root(query, key, nodes) for key, nodes in self.collect(query, [operation.selection_set]).items()
        )

    def change(self, operation: OperationDefinitionNode, roots: Collection[str]) -> Change:
        """The root field of a mutation that has one and no more.

        Args:
            roots: the fields of `Mutation` that can be planned.

        Raises:
            Unplannable: it is another one, there are several, or something of the payload is not plain.
        """
        mutation = named_object(self._schema.mutation_type)
        if operation.operation is not OperationType.MUTATION or operation.directives:
            raise Unplannable("a directive of the operation")
        selected = self.collect(mutation, [operation.selection_set])
        if len(selected) != 1:
            raise Unplannable("several mutations in one document, or none")
        ((key, nodes),) = selected.items()
        name = nodes[0].name.value
        if name not in roots:
            raise Unplannable(f"Mutation.{name}")
        type_ = named_object(mutation.fields[name].type)
        fields: list[Payload | Typename] = []
        for inner, found in self.collect(type_, [node.selection_set for node in nodes]).items():
            if found[0].name.value == "__typename":
                fields.append(Typename(inner, type_.name))
                continue
            arguments = Arguments.of(type_, found)
            match found[0].name.value:
                case "userErrors":
                    # The only one of its types that stands beside a record which was changed, and has leaves alone.
                    warning = named_object(self._schema.type_map["LoginEmailWarning"])
                    chosen = self.collect(warning, [node.selection_set for node in found])
                    leaves = tuple((leaf, each[0].name.value) for leaf, each in chosen.items())
                    fields.append(Payload(inner, arguments, None, leaves))
                case field:
                    fields.append(Payload(inner, arguments, self.tree(named_object(type_.fields[field].type), found)))
        return Change(key, name, Arguments.of(mutation, nodes), tuple(fields))

    def _root(self, query: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Any:
        name = nodes[0].name.value
        if name == "__typename":
            return Typename(key, query.name)
        if name not in query.fields:
            raise Unplannable(f"Query.{name}")
        arguments = Arguments.of(query, nodes)
        type_ = query.fields[name].type
        match arguments.field.metadata.get(declarations.DECLARED):
            case declarations.Viewing():
                return Viewer(key, arguments, self.tree(named_object(type_), nodes))
            case declarations.Named(kind=kind):
                number = self.number()
                return One(key, number, kind, arguments, self.tree(named_object(type_), nodes))
            case declarations.Listed(listing=listing, staff_only=staff_only):
                number = self.number()
                fields = self.connection(named_object(type_), nodes)
                return Pages(key, number, listing, None, staff_only, arguments, fields)
            case declarations.ByIds(many=many):
                number = self.number()
                kinds = [(prefix, self.model_tree(NODES[prefix].model, nodes)) for prefix in self._named[id(nodes[0])]]
                return ByIds(key, number, many, arguments, tuple(kinds))
            case declarations.Searching():
                return Found(key, self.number(), arguments, selected_hits(self, named_object(type_), nodes))
            case declarations.Grouped(listing=listing):
                return selected_groups(self, key, listing, arguments, named_object(type_), nodes)
            case declarations.Choosing():
                return selected_choices(self, key, arguments, named_object(type_), nodes)
        raise Unplannable(f"Query.{name}")

    def number(self) -> int:
        """The number of the next field that has one."""
        self._numbered += 1
        return self._numbered

    def model_tree(self, model: Any, nodes: list[FieldNode]) -> tuple[Any, ...]:
        """What is selected of a row of a model, in fragments on its type and on its interfaces."""
        return self.tree(_types(self._schema)[model], nodes)

    def tree(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[Any, ...]:
        """What is selected of a row of a type."""
        collected = self.collect(type_, [node.selection_set for node in nodes])
        return tuple(self._field(type_, key, found) for key, found in collected.items())

    def _field(self, type_: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Any:
        name = nodes[0].name.value
        if name == "__typename":
            return Typename(key, type_.name)
        definition = type_.fields[name]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        nullable = not is_non_null_type(definition.type)
        match field.metadata.get(declarations.DECLARED):
            case (
                declarations.Column() | declarations.Computed() | declarations.Primary() | declarations.OfActor()
            ) as of:
                return Leaf(key, of, field.python_name, get_named_type(definition.type), nullable)
            case declarations.Finished() as of:
                named = get_named_type(definition.type)
                listed = is_list_type(get_nullable_type(definition.type))
                return Later(key, of, named, nullable, tuple(nodes), self.later(named, nodes), listed)
            case declarations.Part(sql=sql, shown=shown) as of if shown is None or sql is not None:
                return Branch(key, of, None, self.tree(named_object(definition.type), nodes), nullable)
            case (
                declarations.ToOne(model=model)
                | declarations.Through(model=model)
                | declarations.ToRows(model=model)
                | declarations.Own(model=model)
            ) as of:
                return Branch(key, of, model, self.tree(named_object(definition.type), nodes), nullable)
            case declarations.ToPhoto() as of:
                return Branch(key, of, Photo, self.tree(named_object(definition.type), nodes), nullable)
            case declarations.ToParty() if any(node.arguments for node in nodes):
                raise Unplannable(f"{type_.name}.{name}")
            case declarations.ToParty() as of:
                kinds = tuple((model, self.model_tree(model, nodes)) for model in MODELS.values())
                return AnyRecord(key, of, kinds, nullable)
            case declarations.ToMany(listing=listing, key=column, staff_only=staff_only):
                number = self.number()
                fields = self.connection(named_object(definition.type), nodes)
                return Pages(key, number, listing, column, staff_only, Arguments.of(type_, nodes), fields)
        raise Unplannable(f"{type_.name}.{name}")

    def later(self, type_: Any, nodes: list[FieldNode]) -> tuple[tuple[str, str, bool], ...] | None:
        """What is selected of an object that is made in Python, whose fields are its attributes; None of a value."""
        if not isinstance(type_, GraphQLObjectType):
            return None
        chosen = []
        for key, found in self.collect(type_, [node.selection_set for node in nodes]).items():
            name = found[0].name.value
            if name == "__typename":
                chosen.append((key, type_.name, True))
            else:
                field = type_.fields[name].extensions["strawberry-definition"]
                if field.base_resolver is not None:
                    raise Unplannable(f"{type_.name}.{name}")
                chosen.append((key, field.python_name, False))
        return tuple(chosen)

    def connection(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[Any, ...]:
        """What is selected of a connection."""
        fields: list[Any] = []
        for key, found in self.collect(type_, [node.selection_set for node in nodes]).items():
            name = found[0].name.value
            match name:
                case "__typename":
                    fields.append(Typename(key, type_.name))
                case "nodes":
                    fields.append(Nodes(key, self.tree(named_object(type_.fields[name].type), found)))
                case "edges":
                    fields.append(Edges(key, tuple(self._edge(named_object(type_.fields[name].type), found))))
                case "pageInfo":
                    fields.append(self.page_info(key, named_object(type_.fields[name].type), found))
                case "totalCount":
                    fields.append(Total(key))
                case _:
                    raise Unplannable(f"{type_.name}.{name}")
        return tuple(fields)

    def _edge(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> Iterator[Any]:
        for key, found in self.collect(type_, [node.selection_set for node in nodes]).items():
            match found[0].name.value:
                case "__typename":
                    yield Typename(key, type_.name)
                case "cursor":
                    yield Cursor(key)
                case "node":
                    tree = self.tree(named_object(type_.fields["node"].type), found)
                    yield Branch(key, declarations.Part(None), None, tree, nullable=False)
                case name:
                    raise Unplannable(f"{type_.name}.{name}")

    def page_info(self, key: str, type_: GraphQLObjectType, nodes: list[FieldNode]) -> PageInfo:
        """What is selected of where a page lies."""
        fields = []
        for inner, found in self.collect(type_, [node.selection_set for node in nodes]).items():
            fields.append((inner, found[0].name.value))
        return PageInfo(key, tuple(fields))

    def collect(
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


def fetched(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> dict[int, Arguments]:
    """The root fields of a query that fetch by global ids, by the `id` of their nodes in the document: what kinds of
    things these ids name decides what is selected."""
    query, found, seen = named_object(schema.query_type), dict[int, Arguments](), set[str]()

    def visit(selections: SelectionSetNode) -> None:
        for node in selections.selections:
            if isinstance(node, InlineFragmentNode):
                visit(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                visit(fragments[node.name.value].selection_set)
            elif isinstance(node, FieldNode) and node.name.value in query.fields:
                arguments = Arguments.of(query, [node])
                if isinstance(arguments.field.metadata.get(declarations.DECLARED), declarations.ByIds):
                    found[id(node)] = arguments

    visit(operation.selection_set)
    return found


def root_arguments(schema: GraphQLSchema, node: FieldNode) -> Arguments:
    """The arguments of a mutation."""
    return Arguments.of(named_object(schema.mutation_type), [node])


@lru_cache(maxsize=4)
def _types(schema: GraphQLSchema) -> dict[Any, GraphQLObjectType]:
    """{model: the type of its rows}."""
    found = {}
    for type_ in schema.type_map.values():
        definition = type_.extensions.get("strawberry-definition")
        model = getattr(getattr(definition, "origin", None), "model", None)
        if model is not None and isinstance(type_, GraphQLObjectType):
            found[model] = type_
    return found


def _if(directive: DirectiveNode) -> VariableNode | BooleanValueNode:
    """The only argument of `include` and `skip`."""
    for argument in directive.arguments or ():
        if isinstance(argument.value, VariableNode | BooleanValueNode):
            return argument.value
    raise Unplannable("a directive other than @include and @skip")


def named_object(type_: Any) -> GraphQLObjectType:
    """The object type that a field is of, in whatever lists."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType):
        raise Unplannable(f"the interface {named.name}")
    return named
