"""What is selected of the answers that are no rows of one model: the hits of a search."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLObjectType, get_named_type

from crmgraph.crm.policy import MODELS
from crmgraph.graph.compiled.tree import Cursor, Edges, Matched, Records, Total, Typename, Unplannable

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
