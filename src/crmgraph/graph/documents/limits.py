"""What one document may ask for: depth, fields, aliases, repeats, directives and cost, measured in one pass.

The pass is linear in the document: every fragment is measured once, however often it is spread. It runs before
validation, because the check that fields can be merged is quadratic in the fields of one name.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from crmgraph.graph.documents import bulk
from crmgraph.graph.schema.connections import DEFAULT_PAGE

MAX_TOKENS = 4_000
"""The longest document, in tokens."""
MAX_CHARACTERS = 100_000
"""The longest document, in characters: texts and comments are read one by one."""
MAX_DEPTH = 15
"""How deep fields may be nested."""
MAX_FIELDS = 800
"""The most fields, with those of a fragment counted wherever it is spread."""
MAX_ALIASES = 100
"""The most aliases, counted in the same way."""
MAX_REPEATS = 50
"""How often a field may come again where it stands already: merging them takes the square of this."""
MAX_DIRECTIVES = 50
"""The most directives."""
MAX_COMPARED = 2_000
"""The most values, lists and objects in the filters of all pages together: each page makes SQL of its own of them."""
MAX_LISTED = 1_000
"""The most items of a list that stands in a document."""
MAX_LISTED_OBJECTS = 100
"""The most objects or lists in such a list."""
MAX_DIGITS = 1_000
"""The longest number that stands in a document, in characters."""
LIST_COST = 5
"""How many items a list that has no pages is reckoned to have."""
SEARCH_COST = 100
"""What a search is reckoned to cost besides its page: it looks at thousands of words."""
GROUPS_COST = 500
"""What groups are reckoned to cost besides what is listed: every record is counted."""
CHANGES_COST = 50
"""What a page of the log of changes is reckoned to cost besides its events: it looks at ten thousand entries."""
COUNT_COST = 500
"""What `totalCount` of a list is reckoned to cost: every record that it has is counted."""
OWN_COUNT_COST = 5
"""The same of a list that belongs to one record."""
CHOICES_COST = 50
"""What the choices of a field are reckoned to cost: up to two hundred look-ups."""
LEGACY_COST = 10
"""What a record as an old API answers it is reckoned to cost: its own statements."""
WRITE_COST = 2
"""What an item of a bulk write is reckoned to cost besides what is asked of its result."""
MERGE_COST = 50
"""What a merge is reckoned to cost, or the undoing of one: ten records with all that belongs to them, in forty
statements or so."""
LOOKALIKES_COST = 10
"""What it is reckoned to cost to look for what may be the same as a record that was just written."""
_ITSELF = {
    "SearchConnection": SEARCH_COST,
    "ChangeEventConnection": CHANGES_COST,
    "Choice": CHOICES_COST,
    "LegacyView": LEGACY_COST,
    "DuplicateWarning": LOOKALIKES_COST,
    **dict.fromkeys(
        ("MergeContactsPayload", "MergeAccountsPayload", "MergeLeadsPayload", "UnmergePayload"), MERGE_COST
    ),
    **dict.fromkeys(("ContactGroupRow", "AccountGroupRow", "LeadGroupRow"), GROUPS_COST),
}
"""{type: what a field of it is reckoned to cost besides its items}."""


class TooCostly(GraphQLError):
    """A document that asks for more than one document may."""

    def __init__(self, measure: str, found: int, most: int) -> None:
        extensions = {"code": "TOO_COSTLY", "measure": measure, "found": found, "most": most}
        message = f"The document asks for too much at once: {measure} {found}, and {most} is the most."
        super().__init__(message, extensions=extensions)


@dataclass(slots=True)
class Measure:
    """What a selection set asks for.

    Attributes:
        depth: levels of fields.
        cost: records, reckoned by the sizes of pages.
        per_item: in the selection set of a connection or a bulk write, what each of its items costs.
        keys: how often each response key stands in this set, fragments included.
        names: the names of the fields in this set, fragments included.
        variables: of the variables that the cost depends on.
        compared: values, lists and objects that stand in filters.
        asked: how often each variable stands in a filter.
        counts: in a connection's selection set, how often its items are counted.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    repeats: int = 0
    directives: int = 0
    cost: int = 0
    per_item: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    compared: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    counts: int = 0

    def spread(self, other: "Measure") -> None:
        """Count a fragment that stands in this set."""
        self.depth = max(self.depth, other.depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.repeats += other.repeats
        self.directives += other.directives
        self.cost += other.cost
        self.per_item += other.per_item
        self.keys.update(other.keys)
        self.names |= other.names
        self.variables |= other.variables
        self.counts += other.counts
        self.ask(other)

    def ask(self, other: "Measure") -> None:
        """Count its filters."""
        self.compared += other.compared
        self.asked.update(other.asked)

    def compared_with(self, variables: Mapping[str, Any]) -> int:
        """How many values, lists and objects the filters have, those of these variables as often as they are asked."""
        return self.compared + sum(times * _sized(variables.get(name)) for name, times in self.asked.items())


class Meter:
    """Measures the operations of one document for given values of its variables.

    Args:
        max_page: the longest page, which a size that is refused anyway is reckoned as.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        max_page: int,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._max_page = max_page
        self._measured: dict[str, Measure] = {}

    def operation(self, operation: OperationDefinitionNode) -> Measure:
        """What the operation asks for.

        Raises:
            TooCostly: more than one document may, but for the cost, which is not judged here.
        """
        measure = self._set(operation.selection_set, self._schema.get_root_type(operation.operation))
        measure.directives += len(operation.directives or ())
        measure.repeats += _repeats(measure)
        self._judge(measure)
        return measure

    def _judge(self, measure: Measure) -> None:
        for name, found, most in (
            ("depth", measure.depth, MAX_DEPTH),
            ("fields", measure.fields, MAX_FIELDS),
            ("aliases", measure.aliases, MAX_ALIASES),
            ("repeats", measure.repeats, MAX_REPEATS),
            ("directives", measure.directives, MAX_DIRECTIVES),
            ("values in filters", measure.compared, MAX_COMPARED),
        ):
            if found > most:
                raise TooCostly(name, found, most)

    def _set(self, selections: SelectionSetNode, parent: GraphQLNamedType | None) -> Measure:
        total = Measure()
        for selection in selections.selections:
            total.directives += len(selection.directives or ())
            match selection:
                case FieldNode():
                    self._field(selection, parent, total)
                case InlineFragmentNode():
                    condition = selection.type_condition
                    of = self._schema.get_type(condition.name.value) if condition else parent
                    total.spread(self._set(selection.selection_set, of))
                case FragmentSpreadNode():
                    total.spread(self._fragment(selection.name.value))
        # Early: what is nested far too deep is not even walked.
        self._judge(total)
        return total

    def _fragment(self, name: str) -> Measure:
        if (known := self._measured.get(name)) is not None:
            return known
        # A fragment that spreads itself counts as nothing inside; validation tells what is wrong with it.
        self._measured[name] = Measure()
        fragment = self._fragments.get(name)
        if fragment is not None:
            of = self._schema.get_type(fragment.type_condition.name.value)
            measure = self._set(fragment.selection_set, of)
            measure.directives += len(fragment.directives or ())
            self._measured[name] = measure
        return self._measured[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, total: Measure) -> None:
        name = node.name.value
        total.fields += 1
        total.aliases += node.alias is not None
        total.keys[node.alias.value if node.alias else name] += 1
        total.names.add(name)
        total.depth = max(total.depth, 1)
        total.counts += name == "totalCount"
        definition: GraphQLField | None = getattr(parent, "fields", {}).get(name)
        of = get_named_type(definition.type) if definition is not None else None
        for argument in node.arguments or ():
            if argument.name.value == "filter":
                _count(argument.value, total)
        if node.selection_set is None:
            return
        inner = self._set(node.selection_set, of)
        # The depth of introspection is a matter of validation.
        total.depth = max(total.depth, 1 if name.startswith("__") else inner.depth + 1)
        total.fields += inner.fields
        total.aliases += inner.aliases
        total.repeats += inner.repeats + _repeats(inner)
        total.directives += inner.directives
        total.variables |= inner.variables
        total.ask(inner)
        if definition is None or of is None or not is_composite_type(of):
            return
        if _is_bulk(of):
            given = next((each.value for each in node.arguments or () if each.name.value == "input"), None)
            total.variables |= bulk.variables_of(given)
            items = bulk.count_items(given, self._variables)
            total.cost += 1 + inner.cost + items * (WRITE_COST + inner.per_item)
        elif _is_bulk(parent) and name == "results":
            total.per_item += 1 + inner.cost
        elif _is_connection(of):
            total.cost += _ITSELF.get(of.name, 0)
            total.cost += inner.counts * self._count(of, parent)
            total.cost += inner.cost + self._page_size(node, total) * inner.per_item
        elif _is_connection(parent) and name in ("edges", "nodes"):
            total.per_item += inner.cost + (name == "nodes")
        elif parent is not None and parent.name.endswith("Edge"):
            total.cost += 1 + inner.cost
        else:
            total.cost += _ITSELF.get(of.name, 0)
            own = of.name != "PageInfo"
            total.cost += self._length(node, definition, total) * (own + inner.cost)

    def _page_size(self, node: FieldNode, total: Measure) -> int:
        sizes = [self._argument(node, name, total) for name in ("first", "last")]
        given = [size for size in sizes if isinstance(size, int) and not isinstance(size, bool)]
        size = max(given) if given else DEFAULT_PAGE
        return min(max(size, 0), self._max_page)

    def _count(self, of: GraphQLNamedType, parent: GraphQLNamedType | None) -> int:
        """What it costs to count a list; the hits of a search and the members of a group are counted anyway."""
        if of.name in _ITSELF or (parent is not None and parent.name in _ITSELF):
            return 0
        return COUNT_COST if parent is self._schema.query_type else OWN_COUNT_COST

    def _length(self, node: FieldNode, definition: GraphQLField, total: Measure) -> int:
        if not is_list_type(get_nullable_type(definition.type)):
            return 1
        if "first" in definition.args:
            return self._page_size(node, total)
        ids = self._argument(node, "ids", total)
        return len(ids) if isinstance(ids, list | tuple) else LIST_COST

    def _argument(self, node: FieldNode, name: str, total: Measure) -> Any:
        given = next((argument.value for argument in node.arguments or () if argument.name.value == name), None)
        if isinstance(given, VariableNode):
            total.variables.add(given.name.value)
        return self._value(given)

    def _value(self, given: ValueNode | None) -> Any:
        match given:
            case VariableNode():
                return self._variables.get(given.name.value)
            case IntValueNode():
                return int(given.value) if len(given.value) < 10 else self._max_page
            case ListValueNode():
                return given.values
        return None


def _count(given: ValueNode, total: Measure) -> None:
    """Count what stands in a filter."""
    waiting: list[Any] = [given]
    while waiting:
        node = waiting.pop()
        if isinstance(node, VariableNode):
            total.asked[node.name.value] += 1
            continue
        total.compared += 1
        if isinstance(node, ListValueNode):
            waiting += node.values
        elif isinstance(node, ObjectValueNode):
            waiting += [each.value for each in node.fields]


def _sized(value: Any) -> int:
    """How many values, lists and objects there are in a value."""
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        count += 1
        if isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
    return count


def check_values(document: DocumentNode) -> None:
    """See that no list of values and no number in a document is too long, wherever it stands.

    Raises:
        TooCostly: one is.
    """
    waiting: list[Node] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ListValueNode):
            if len(node.values) > MAX_LISTED:
                raise TooCostly("items of a list", len(node.values), MAX_LISTED)
            objects = sum(isinstance(each, ObjectValueNode | ListValueNode) for each in node.values)
            if objects > MAX_LISTED_OBJECTS:
                raise TooCostly("objects in a list", objects, MAX_LISTED_OBJECTS)
        elif isinstance(node, IntValueNode | FloatValueNode) and len(node.value) > MAX_DIGITS:
            raise TooCostly("digits of a number", len(node.value), MAX_DIGITS)
        for key in _WITHIN.get(node.kind, ()):
            inner = getattr(node, key)
            waiting += inner if isinstance(inner, tuple | list) else (inner,) if inner is not None else ()


_WITHIN = {
    "document": ("definitions",),
    "operation_definition": ("variable_definitions", "directives", "selection_set"),
    "fragment_definition": ("directives", "selection_set"),
    "variable_definition": ("default_value", "directives"),
    "selection_set": ("selections",),
    "field": ("arguments", "directives", "selection_set"),
    "inline_fragment": ("directives", "selection_set"),
    "fragment_spread": ("directives",),
    "directive": ("arguments",),
    "argument": ("value",),
    "list_value": ("values",),
    "object_value": ("fields",),
    "object_field": ("value",),
}
"""{kind of node: where in it a value may stand}."""


def _repeats(measure: Measure) -> int:
    return measure.keys.total() - len(measure.keys)


def _is_bulk(type_: GraphQLNamedType | None) -> bool:
    return type_ is not None and type_.name.startswith("Bulk") and type_.name.endswith("Payload")


def _is_connection(type_: GraphQLNamedType | None) -> bool:
    return type_ is not None and type_.name.endswith("Connection")
