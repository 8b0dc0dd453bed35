"""What is kept of documents: of each operation its plans and their statements, all within so many bytes."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import count
from operator import attrgetter
from typing import Any, TypeAlias

from graphql import FragmentDefinitionNode, OperationDefinitionNode

from crmgraph.crm.policy import Actor, visibility_key
from crmgraph.db import pool
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.asking import Ask, IdAsk, Numbered, is_fixed, numbered
from crmgraph.graph.compiled.finishing import Finish, finisher
from crmgraph.graph.compiled.outcomes import NotCompiled
from crmgraph.graph.compiled.roots import is_read
from crmgraph.graph.compiled.tree import Found
from crmgraph.graph.schema.schema import Schema
from crmgraph.recent import Recent

KEPT_BYTES = 96 * 2**20
"""What is kept may take together, in bytes; a plan is reckoned as twice its document."""
OPERATION_BYTES = 12 * 2**20
"""What the plans and statements of one operation may take of it, whatever its variables switch: room for those of the
largest document."""

_numbers = count()


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What of a plan concerns actors of one visibility key.

    Attributes:
        key: stands for it among all others, of every plan.
        read: the root fields for which something is read.
        read_keys: their response keys.
        fields: the numbered fields whose arguments are read.
        searches: whether searches are among them.
    """

    key: Hashable
    read: tuple[Any, ...]
    read_keys: frozenset[str]
    fields: tuple[Numbered, ...]
    searches: bool


class Plan:
    """What is known of one operation whose variables are of one variant.

    Args:
        roots: the root fields.
        schema: whose types the arguments are of.

    Attributes:
        readers: of the arguments of each numbered field.
        fixed: the numbers of the fields in whose arguments no variable has a say.
        by_id: of the fields that name a record by the id that a variable is, what they are asked.
        asks: what each field is asked where no variable has a say in it.
    """

    def __init__(self, roots: tuple[Any, ...], schema: Schema) -> None:
        self.roots = roots
        fields = tuple(numbered(roots, is_staff=True))
        self.readers = {each.number: Reader(each.arguments, schema) for each in fields}
        self.fixed = frozenset(each.number for each in fields if is_fixed(each, self.readers))
        by_id = {each.number: IdAsk.of(each, self.readers[each.number]) for each in fields}
        self.by_id = {number: each for number, each in by_id.items() if each is not None}
        self.asks: dict[int, Ask] = {}
        self._number = next(_numbers)
        self._views: dict[Hashable, View] = {}
        self._finishers: dict[frozenset[int], tuple[Finish | None, ...] | None] = {}

    def view(self, actor: Actor) -> View:
        """What of the plan concerns an actor."""
        visibility = visibility_key(actor)
        known = self._views.get(visibility)
        if known is None:
            read = tuple(root for root in self.roots if is_read(root, actor))
            fields = tuple(numbered(self.roots, is_staff=actor.is_staff))
            searches = any(isinstance(each, Found) for each in fields)
            known = View((self._number, visibility), read, frozenset(root.key for root in read), fields, searches)
            self._views[visibility] = known
        return known

    def finishers(self, refused: frozenset[int] = frozenset()) -> tuple[Finish | None, ...] | None:
        """What finishes each root field; None where nothing has to be finished.

        Args:
            refused: the numbers of the field whose arguments are refused.
        """
        if refused not in self._finishers:
            found = tuple(finisher(root, refused) for root in self.roots)
            self._finishers[refused] = found if any(found) else None
        return self._finishers[refused]


@dataclass(frozen=True, slots=True)
class Variant:
    """The plan of an operation for some values of its variables; several may share one.

    Attributes:
        size: what it takes, in bytes.
    """

    plan: Plan
    size: int


Thing: TypeAlias = Variant | NotCompiled | pool.CompiledStatement


@dataclass(slots=True)
class Operation:
    """One operation of one document, with what is kept of it.

    Attributes:
        switches: the variables by which it includes or skips something.
        fetched: the arguments of the root fields that fetch by global ids, see `selection.fetched`.
        document_size: what its document takes, in bytes.
        things: {key: variants, and statements of their plans}.
        plan: the only one, where variables turn it no way.
    """

    definition: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    switches: tuple[str, ...]
    fetched: Mapping[int, Reader]
    document_size: int
    things: Recent[Hashable, Any] = field(default_factory=lambda: Recent(OPERATION_BYTES, attrgetter("size")))
    plan: Plan | NotCompiled | None = None

    @property
    def size(self) -> int:
        """What it takes, in bytes, with everything that is kept of it."""
        return self.document_size * (1 if self.plan is None else 3) + self.things.size

    @property
    def is_plain(self) -> bool:
        """Whether it selects the same whatever its variables are."""
        return not self.switches and not self.fetched

    def shared(self, plan: Plan) -> Variant:
        """A variant for a plan that was just made: it gives way to one that selects the very same."""
        for known in self.things.values():
            if isinstance(known, Variant) and known.plan.roots == plan.roots:
                return Variant(known.plan, NotCompiled.size)
        return Variant(plan, 2 * self.document_size)


class Operations:
    """The operations that were asked for last."""

    def __init__(self) -> None:
        self._kept: Recent[Hashable, Operation | NotCompiled] = Recent(KEPT_BYTES, attrgetter("size"))

    def get(self, key: Hashable) -> Operation | None:
        """The operation of this key; None where it is not known, or is not compiled."""
        known = self._kept.get(key)
        return known if isinstance(known, Operation) else None

    def operation(self, key: Hashable, make: Callable[[], Operation | NotCompiled]) -> Operation | NotCompiled:
        """The operation of this key, made if it is not known."""
        known = self._kept.get(key)
        if known is None:
            known = make()
            self._kept.keep(key, known)
        return known

    def keep(self, key: Hashable, operation: Operation, name: Hashable, thing: Thing) -> None:
        """Keep something of an operation."""
        operation.things.keep(name, thing)
        self.reckon(key, operation)

    def reckon(self, key: Hashable, operation: Operation) -> None:
        """Reckon anew what an operation takes, with what is kept of it by now."""
        self._kept.keep(key, operation)
