"""Asking: what one request asks of each field that takes arguments, in the two halves of a statement: its shape, which
is part of the text, and the values of its parameters."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from graphql.execution.values import VariableValues
from strawberry import UNSET

from crmgraph.crm.errors import NotFound
from crmgraph.crm.query.conditions import And, Where, comparisons
from crmgraph.crm.query.keyset_pages import Window
from crmgraph.crm.query.resolution import resolve
from crmgraph.crm.records.lookup import Ref
from crmgraph.crm.values.ago import Ago
from crmgraph.graph.compiled.arguments import Hole, Reader
from crmgraph.graph.compiled.page import GroupShape, Shape
from crmgraph.graph.compiled.roots import written
from crmgraph.graph.compiled.statement import REFUSED, Asked
from crmgraph.graph.compiled.tree import AnyRecord, ByIds, Choices, Found, Groups, OfKeys, One, Pages, Records
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.connections import asked_of, tag_of
from crmgraph.graph.schema.ids import PREFIXES, Prefix
from crmgraph.graph.schema.nodes import NODES, named_by, require_few
from crmgraph.graph.schema.refs import ref_of_argument
from crmgraph.graph.schema.types import choices as choosing
from crmgraph.graph.schema.types import groups as grouping_of
from crmgraph.graph.schema.types.search import SearchRequest
from crmgraph.graph.schema.types.search import asked_of as search_asked_of

Numbered: TypeAlias = Pages | One | ByIds | Found | Groups | Choices
"""A field that takes arguments."""
BOUNDS = ("first", "after", "last", "before")
"""The arguments by which a connection is asked for a page."""


@dataclass(slots=True)
class Ask:
    """What is asked of one field.

    Attributes:
        values: of the parameters.
        refusal: why its arguments are refused; None where they are not.
        search: what is to be found before the statement is run, of a search.
        lasts: whether the same is asked whenever the arguments are the same; not of what is counted from now.
    """

    asked: Asked
    values: Mapping[str, Any]
    refusal: Exception | None = None
    search: SearchRequest | None = None
    lasts: bool = True


def numbered(fields: Sequence[Any], *, is_staff: bool) -> Iterator[Numbered]:
    """The fields that take arguments, without those that tell the actor nothing: their arguments do not matter.

    Args:
        is_staff: whether the actor is.
    """
    for field in fields:
        match field:
            case Pages(staff_only=True) | One(kind=None) if not is_staff:
                continue
            case Pages() | One() | ByIds() | Found() | Groups() | Choices():
                yield field
        match field:
            case ByIds(kinds=kinds):
                for prefix, tree in kinds:
                    if is_staff or not NODES[prefix].staff_only:
                        yield from numbered(tree, is_staff=is_staff)
            case AnyRecord(kinds=kinds) | Records(kinds=kinds) | OfKeys(kinds=kinds):
                for _, tree in kinds:
                    yield from numbered(tree, is_staff=is_staff)
            case _:
                yield from numbered(
                    [*getattr(field, "tree", ()), *(getattr(field, "fields", None) or ())], is_staff=is_staff
                )


def is_fixed(field: Numbered, readers: Mapping[int, Reader]) -> bool:
    """Whether no variable has a say in the arguments of a field."""
    numbers = [field.number, *([field.group] if isinstance(field, Pages) and field.group is not None else [])]
    return all(readers[number].constant is not None for number in numbers)


@dataclass(frozen=True, slots=True)
class IdAsk:
    """What is asked of a field that names a record by a global id and a variable, and by nothing else.

    The same as `ask` finds, whatever text the variable is, without a reference being made for it.
    """

    variable: str
    prefix: Prefix
    parameter: str

    @staticmethod
    def of(field: Numbered, reader: Reader) -> "IdAsk | None":
        """What a field is asked so; None of any other field."""
        match field, reader.given:
            case One(kind=kind), {"by": {"id": Hole(name=variable)} as by, **others} if len(by) == 1:
                if not any(others.values()):
                    prefix = Prefix.USER if kind is None else PREFIXES[kind]
                    return IdAsk(variable, prefix, f"n{field.number}_id")
        return None


BY_ID: Hashable = Ref().shape
"""What a field asks that names a record by its id, apart from the id."""


def ask(field: Numbered, readers: Mapping[int, Reader], given: VariableValues, context: Context) -> Ask:
    """What a request asks of a field.

    Args:
        readers: of the arguments of each field, by its number.
        given: the values of the variables.
    """
    name = f"n{field.number}_"
    try:
        arguments = readers[field.number].read(given)
        match field:
            case Pages(group=int(number)):
                return _members(field, arguments, readers[number].read(given), context, name)
            case Groups():
                return _groups(field, arguments, context, name)
            case Choices():
                of, own = arguments["of"], choosing.asked_of(arguments["of"], arguments["field"])
                return Ask(Asked((of, own)), {})
            case Pages():
                return _page(field, arguments, context, name)
            case One():
                return _one(field, arguments, context, name)
            case Found():
                first, after, last, before = (arguments.get(each) for each in BOUNDS)
                search = search_asked_of(
                    context, arguments["text"], arguments.get("kinds"), (first, after, last, before)
                )
                return Ask(Asked(None), {}, search=search)
        return _ids(field, arguments, name)
    except Exception as error:  # a fault of ours too is told where it happened
        return Ask(Asked(REFUSED), {}, error)


def _page(field: Pages, arguments: Mapping[str, Any], context: Context, name: str) -> Ask:
    listing = field.listing
    bounds = [arguments.get(each) for each in BOUNDS]
    filter_, sort = (arguments.get(each, UNSET) for each in ("filter", "sort"))
    criterion, window = asked_of(context, listing, bounds, filter_, sort)
    shape, values, lasts = _resolved(criterion, context, name)
    return _windowed(window, shape, values, lasts, tag_of(listing.model, window.orders, criterion), context, name)


def _resolved(criterion: And | None, context: Context, name: str) -> tuple[Where | None, dict[str, Any], bool]:
    """The shape of a filter, the values of its parameters, and whether it asks the same whenever it is asked."""
    if criterion is None:
        return None, {}, True
    lasts = not any(isinstance(each.value, Ago) for each in comparisons(criterion))
    resolved = resolve(criterion, context.core.region)
    return resolved.shape, resolved.parameters(f"{name}c"), lasts


def _windowed(
    window: Window, shape: Where | None, values: dict[str, Any], lasts: bool, tag: str, context: Context, name: str
) -> Ask:
    """What is asked of a page."""
    values |= {f"{name}size": window.size, f"{name}tag": tag}
    for side, bound in (("after", window.after), ("before", window.before)):
        values |= {f"{name}{side}{i}": value for i, value in enumerate(bound or ())}
    is_after, is_before = window.after is not None, window.before is not None
    asked = Asked(Shape(window.orders, is_after, is_before, window.backward, shape), context.max_page)
    return Ask(asked, values, lasts=lasts)


def _groups(field: Groups, arguments: Mapping[str, Any], context: Context, name: str) -> Ask:
    grouping, size, after = _grouping(field.listing, arguments, context)
    shape, values, lasts = _resolved(grouping.criterion, context, name)
    values |= {f"{name}size": size, f"{name}tag": grouping.tag}
    values |= {f"{name}after{place}": value for place, value in enumerate(after or ())}
    return Ask(Asked(GroupShape(grouping.by, after is not None, shape)), values, lasts=lasts)


def _members(
    field: Pages, arguments: Mapping[str, Any], of_groups: Mapping[str, Any], context: Context, name: str
) -> Ask:
    try:
        grouping, *_ = _grouping(field.listing, of_groups, context)
    except BadInput:
        return Ask(Asked(REFUSED), {})  # told of the groups
    window = grouping_of.members_of(context, grouping, [arguments.get(each) for each in BOUNDS])
    return _windowed(window, None, {}, True, grouping.tag_of_members(window), context, name)


def _grouping(listing: Any, arguments: Mapping[str, Any], context: Context) -> Any:
    given = [arguments.get(each) for each in ("filter", "first", "after")]
    return grouping_of.asked_of(context, listing, arguments["by"], *given)


def _one(field: One, arguments: Mapping[str, Any], context: Context, name: str) -> Ask:
    try:
        ref = ref_of_argument(context, field.kind, arguments["by"])
    except NotFound:
        ref = Ref()  # the id NULL, which nobody has
    if arguments.get("deleted"):
        ref = replace(ref, deleted=True)
    return Ask(Asked(ref.shape), ref.parameters(name))


def _ids(field: ByIds, arguments: Mapping[str, Any], name: str) -> Ask:
    deleted = bool(arguments["deleted"])
    if not field.many:
        found = named_by(arguments["id"])
        return Ask(Asked(deleted), {f"{name}id": None if found is None else found[1]})
    require_few(arguments["ids"])
    return Ask(Asked(deleted), {f"{name}ids": written(arguments["ids"])})
