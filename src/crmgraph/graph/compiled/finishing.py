"""Finishing: what is made of an answer once its statement has been run.

Most answers are sent as the database has written them. Two things it cannot write: values that only Python can make of
what was read, and what becomes of a field whose arguments are refused, wherever rows are there to ask it of: an error,
and null in the place of the nearest field above it that may be null (specification, 6.4.4). Such an answer is read,
finished and written again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import GraphQLError

from crmgraph.graph.compiled.outcomes import failure
from crmgraph.graph.compiled.tree import (
    AnyRecord,
    Branch,
    ByIds,
    Changed,
    Edges,
    Found,
    Groups,
    Later,
    Matched,
    Nodes,
    OfKeys,
    One,
    Pages,
    Records,
    Viewer,
)
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.types.search import matched_in

SLICE = 200
"""After how many finished things others are let in: one takes some microseconds."""

Path: TypeAlias = "tuple[Path, str | int] | None"
"""Where something lies in an answer: its key, below where its parent lies."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """That the arguments of one field of the document are refused.

    Attributes:
        numbers: of the field; of one that stands on an interface, for each kind of record.
    """

    numbers: frozenset[int]
    error: Exception


class Finishing:
    """The finishing of one answer.

    Attributes:
        refusal: None where no arguments are refused.
        errors: of the fields that have become null.
    """

    def __init__(self, context: Context, refusal: Refusal | None) -> None:
        self.context = context
        self.refusal = refusal
        self.errors: list[GraphQLError] = []
        self._done = 0

    async def turn(self) -> None:
        """Count one more thing, and let others in after so many."""
        self._done += 1
        if self._done % SLICE == 0:
            await asyncio.sleep(0)


Finish: TypeAlias = Callable[[Any, Path, Finishing], Awaitable[Any]]
"""(the JSON of a field, where it lies, the finishing) to what is told of it. Raises the GraphQLError of a field that
cannot be null, or of one below that could not."""


def listed(path: Path) -> list[str | int]:
    """The keys of a path, from the root down."""
    keys: list[str | int] = []
    while path is not None:
        path, key = path
        keys.append(key)
    return keys[::-1]


def is_finished(field: Any, refused: Collection[int]) -> bool:
    """Whether there is something to be finished of a field.

    Args:
        refused: the numbers of the fields whose arguments are refused.
    """
    match field:
        case Later() | Matched():
            return True
        case Pages(number=number) if number in refused:
            return True
        case AnyRecord(kinds=kinds) | ByIds(kinds=kinds) | Records(kinds=kinds) | OfKeys(kinds=kinds):
            return any(is_finished(each, refused) for _, tree in kinds for each in tree)
    within = [*getattr(field, "tree", ()), *getattr(field, "fields", ())]
    return any(is_finished(each, refused) for each in within)


def finisher(field: Any, refused: Collection[int]) -> Finish | None:
    """What finishes a field; None where nothing has to be.

    Args:
        refused: the numbers of the fields whose arguments are refused.
    """
    if not is_finished(field, refused):
        return None
    match field:
        case Later(declaration=declaration):
            return _later(field, declaration.finish)
        case Matched():
            return _later(field, matched_in)
        case Pages(number=number) if number in refused:
            return _refused(field)
        case Pages(fields=fields) | Edges(fields=fields) | Found(fields=fields):
            inner = _object(fields, refused)
            return _each(inner) if isinstance(field, Edges) else inner
        case AnyRecord(kinds=kinds):
            return _tagged([_object(tree, refused) for _, tree in kinds])
        case Records(kinds=kinds, listed=listed) | OfKeys(kinds=kinds, listed=listed):
            of_kind = _tagged([_object(tree, refused) for _, tree in kinds])
            return _each(of_kind, nullable=isinstance(field, OfKeys)) if listed else of_kind
        case Groups(fields=fields):
            return _each(_object(fields, refused))
        case ByIds(many=True, kinds=kinds):
            return _each(_tagged([_object(tree, refused) for _, tree in kinds]), nullable=True)
        case ByIds(kinds=((_, tree),)):
            return _object(tree, refused)
        case Branch(declaration=declarations.ToRows(), tree=tree) | Nodes(tree=tree):
            return _each(_object(tree, refused))
        case Branch(tree=tree) | Viewer(tree=tree) | One(tree=tree) | Changed(tree=tree):
            return _object(tree, refused)
    raise TypeError(f"nothing can be finished of a {type(field).__name__}")


def _later(field: Later | Matched, make: Callable[..., Any]) -> Finish:
    def told(made: Any) -> Any:
        if made is None:
            return None
        if field.fields is None:
            return field.type_.coerce_output_value(made)
        return {key: name if is_type else getattr(made, name) for key, name, is_type in field.fields}

    async def finish(value: Any, path: Path, run: Finishing) -> Any:
        await run.turn()
        try:
            made = make(run.context, *value)
            if field.listed and made is not None:
                return [told(each) for each in made]
            return told(made)
        except Exception as error:
            raise failure(error, field.nodes, *listed(path)) from error

    return finish


def _refused(field: Pages) -> Finish:
    async def finish(value: Any, path: Path, run: Finishing) -> Any:
        if value is None:  # nobody but staff is told of it, and nobody else's arguments are read
            return None
        if run.refusal is None:
            raise RuntimeError("no arguments are refused")
        raise failure(run.refusal.error, field.arguments.nodes, *listed(path))

    return finish


def _object(fields: Sequence[Any], refused: Collection[int]) -> Finish:
    steps = [
        (field.key, _nullable(field), finish) for field in fields if (finish := finisher(field, refused)) is not None
    ]

    async def finish_object(value: Any, path: Path, run: Finishing) -> Any:
        if value is None:
            return None
        await run.turn()
        for key, nullable, finish in steps:
            value[key] = await _or_null(finish, value[key], (path, key), run, nullable)
        return value

    return finish_object


def _each(inner: Finish, *, nullable: bool = False) -> Finish:
    """Finishes every item of a list.

    Args:
        nullable: whether an item may be null.
    """

    async def finish(value: Any, path: Path, run: Finishing) -> Any:
        return [await _or_null(inner, each, (path, i), run, nullable) for i, each in enumerate(value)]

    return finish


def _tagged(kinds: Sequence[Finish]) -> Finish:
    """Finishes a thing of several kinds, which the statement tells beside it; see `Builder.row`."""

    async def finish(value: Any, path: Path, run: Finishing) -> Any:
        return None if value is None else await kinds[value[0]](value[1], path, run)

    return finish


async def _or_null(finish: Finish, value: Any, path: Path, run: Finishing, nullable: bool) -> Any:
    try:
        return await finish(value, path, run)
    except GraphQLError as error:
        if not nullable:
            raise
        run.errors.append(error)
        return None


def _nullable(field: Any) -> bool:
    match field:
        case Later(nullable=nullable) | Branch(nullable=nullable) | AnyRecord(nullable=nullable):
            return nullable
        case Pages(arguments=arguments):
            return arguments.nullable
        case OfKeys(listed=listed):
            return not listed
    return False
