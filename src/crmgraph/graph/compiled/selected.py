"""What is selected of the answers that are no rows of one model: the hits of a search, groups, choices."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLObjectType, get_named_type

from crmgraph.crm.models import Account, Staff
from crmgraph.crm.policy import MODELS
from crmgraph.graph.compiled.tree import (
    Arguments,
    Choices,
    Cursor,
    Edges,
    Groups,
    Matched,
    OfKeys,
    Pages,
    Records,
    Told,
    Total,
    Typename,
    Unplannable,
)

if TYPE_CHECKING:
    from crmgraph.graph.compiled.selection import Selector


def selected_hits(selector: "Selector", type_: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[Any, ...]:
    """What is selected of the connection of a search."""
    return tuple(_of_connection(selector, type_, nodes))


def _of_connection(selector: "Selector", type_: GraphQLObjectType, nodes: list[FieldNode]) -> Iterator[Any]:
    for key, found in selector.collect(type_, [node.selection_set for node in nodes]).items():
        named: Any = (
            get_named_type(type_.fields[found[0].name.value].type) if found[0].name.value in type_.fields else None
        )
        match found[0].name.value:
            case "__typename":
                yield Typename(key, type_.name)
            case "nodes":
                yield _records(selector, key, found, listed=True)
            case "edges":
                yield Edges(key, tuple(_of_edge(selector, named, found)))
            case "pageInfo":
                yield selector.page_info(key, named, found)
            case "totalCount":
                yield Total(key)
            case name:
                raise Unplannable(f"{type_.name}.{name}")


def _of_edge(selector: "Selector", type_: GraphQLObjectType, nodes: list[FieldNode]) -> Iterator[Any]:
    for key, found in selector.collect(type_, [node.selection_set for node in nodes]).items():
        match found[0].name.value:
            case "__typename":
                yield Typename(key, type_.name)
            case "cursor":
                yield Cursor(key)
            case "node":
                yield _records(selector, key, found, listed=False)
            case "matched":
                named = get_named_type(type_.fields["matched"].type)
                yield Matched(key, named, tuple(found), selector.later(named, found))
            case name:
                raise Unplannable(f"{type_.name}.{name}")


def _records(selector: "Selector", key: str, nodes: list[FieldNode], *, listed: bool) -> Records:
    kinds = ((model, selector.model_tree(model, nodes)) for model in MODELS.values())
    return Records(key, tuple(kinds), listed)


def selected_groups(
    selector: "Selector", key: str, listing: Any, arguments: Arguments, type_: GraphQLObjectType, nodes: list[FieldNode]
) -> Groups:
    """What is selected of the rows of a listing in groups."""
    number, fields = selector.number(), list[Any]()
    for inner, found in selector.collect(type_, [node.selection_set for node in nodes]).items():
        match found[0].name.value:
            case "__typename":
                fields.append(Typename(inner, type_.name))
            case "record" | "records" as name:
                kinds = tuple((model, selector.model_tree(model, found)) for model in (Account, Staff))
                fields.append(OfKeys(inner, kinds, name == "records"))
            case name if found[0].selection_set is None:
                fields.append(Told(inner, name))
            case name:
                own = selector.number()
                members = selector.connection(get_named_type(type_.fields[name].type), found)
                given = Arguments.of(type_, found)
                fields.append(Pages(inner, own, listing, None, False, given, members, group=number))
    return Groups(key, number, listing, arguments, tuple(fields))


def selected_choices(
    selector: "Selector", key: str, arguments: Arguments, type_: GraphQLObjectType, nodes: list[FieldNode]
) -> Choices:
    """What is selected of what a field may hold."""
    collected = selector.collect(type_, [node.selection_set for node in nodes])
    named = [(inner, found[0].name.value) for inner, found in collected.items()]
    fields = [Typename(inner, type_.name) if name == "__typename" else Told(inner, name) for inner, name in named]
    return Choices(key, selector.number(), arguments, tuple(fields))
