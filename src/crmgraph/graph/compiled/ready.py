"""Ready queries: a statement with its values, and how its row becomes the answer."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from graphql import GraphQLError

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Ambiguous
from crmgraph.crm.query.authorization import Lapsed
from crmgraph.db import pool
from crmgraph.graph.compiled.finishing import Finish, Finishing, Refusal
from crmgraph.graph.compiled.found import values_of
from crmgraph.graph.compiled.outcomes import Failed, failure
from crmgraph.graph.compiled.statement import PLACEHOLDER
from crmgraph.graph.compiled.tree import Found, Typename
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.types.search import Asked

Search: TypeAlias = tuple[Found, Asked]
"""A root field, and what it asks for."""
_PLACEHOLDER = PLACEHOLDER.encode()


@dataclass(slots=True)
class ReadyQuery:
    """A query with everything that its statement needs.

    Attributes:
        read: the keys of the root fields that the statement has a column for; the others are null.
        statement: None where nothing is asked of the database.
        verifies: whether the statement verifies the actor as well.
        finishers: of each root field, what finishes its answer; None where nothing has to be finished.
        refusal: of the arguments of a field; None where none are refused.
        refused: what is told in place of an answer where that is a root field that cannot be null.
        searches: what is to be found before the statement is run.
    """

    core: Core
    roots: tuple[Any, ...]
    read: Set[str]
    statement: pool.CompiledStatement | None
    values: Mapping[str, Any]
    verifies: bool
    finishers: tuple[Finish | None, ...] | None
    refusal: Refusal | None = None
    refused: Failed | None = None
    searches: tuple[Search, ...] = ()

    async def run(self, context: Context, *, verified: bool) -> bytes | Lapsed | Failed:
        """The `data` of the query as JSON, or why there is none."""
        row: Sequence[Any] = ()
        values = dict(self.values)
        for root, asked in self.searches:
            try:
                values |= await values_of(context, root, asked)
            except Exception as error:
                return Failed(None, [failure(error, root.arguments.nodes, root.key)])
        if self.statement is not None:
            try:
                row = tuple((await self.core.db.run(self.statement, values))[0])
            except Exception as error:
                return self._failed(error)
        if self.verifies:
            still, *row = row
            if not still:
                return Lapsed.LAPSED
        if self.refused is not None:
            return self.refused
        if self.finishers is None and _PLACEHOLDER not in row:
            columns = iter(row)
            return _joined({root.key: self._plain(root, columns) for root in self.roots})
        return await self._finished(row, Finishing(context, self.refusal))

    def _failed(self, error: Exception) -> Failed:
        """What is told when the statement fails: of every field that it was to answer, as the resolvers would."""
        failed = [root for root in self.roots if root.key in self.read]
        required = [root for root in failed if not root.arguments.nullable]
        if required:
            return Failed(None, [failure(error, required[0].arguments.nodes, required[0].key)])
        data = {root.key: root.name if isinstance(root, Typename) else None for root in self.roots}
        return Failed(data, [failure(error, root.arguments.nodes, root.key) for root in failed])

    def _plain(self, root: Any, columns: Iterator[bytes]) -> bytes:
        if isinstance(root, Typename):
            return f'"{root.name}"'.encode()
        return next(columns) if root.key in self.read else b"null"

    async def _finished(self, row: Sequence[Any], run: Finishing) -> bytes | Failed:
        columns = iter(row)
        found: dict[str, Any] = {}
        try:
            for root, finish in zip(self.roots, self.finishers or [None] * len(self.roots), strict=True):
                value = self._plain(root, columns)
                found[root.key] = await _root(root, value, finish, run) if root.key in self.read else value
        except GraphQLError as error:
            return Failed(None, [*run.errors, error], verified=True)
        if run.errors:
            data = {key: None if value is None else orjson.Fragment(value) for key, value in found.items()}
            return Failed(data, run.errors, verified=True)
        return _joined(found)


def _joined(found: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join([f'"{key}":'.encode() + value for key, value in found.items()]) + b"}"


async def _root(root: Any, value: bytes, finish: Finish | None, run: Finishing) -> bytes | None:
    """The JSON of a root field; None where it ends with an error.

    Raises:
        GraphQLError: it does, and cannot be null.
    """
    try:
        if value == _PLACEHOLDER:
            if run.refusal is None or root.number not in run.refusal.numbers:
                raise failure(Ambiguous(("by",)), root.arguments.nodes, root.key)
            # It is told first: to refuse takes no look at the database.
            run.errors.insert(0, failure(run.refusal.error, root.arguments.nodes, root.key))
            return None
        if finish is None:
            return value
        return orjson.dumps(await finish(orjson.loads(value), (None, root.key), run))
    except GraphQLError as error:
        if not root.arguments.nullable:
            raise
        run.errors.append(error)
        return None
