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
from crmgraph.graph.compiled.finishing import Finish, Finishing, Path, Refusal, listed
from crmgraph.graph.compiled.found import values_of
from crmgraph.graph.compiled.outcomes import Failed, failure
from crmgraph.graph.compiled.statement import PLACEHOLDER
from crmgraph.graph.compiled.tree import Found, Typename
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.types.search import SearchRequest

Search: TypeAlias = tuple[Found, SearchRequest]
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
        under: where the root fields lie in the answer, where that is not its top.
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
    under: Path = None

    async def run(self, context: Context, *, verified: bool) -> bytes | Lapsed | Failed:
        """The `data` of the query as JSON, or why there is none."""
        return self.whole(await self.read_by(context, {}))

    def whole(self, found: "Told | Lapsed | Failed") -> bytes | Lapsed | Failed:
        """The `data` of the query as JSON, of what is told of its root fields."""
        if not isinstance(found, Told):
            return found
        if found.errors:
            return Failed(found.fragments(), found.errors, verified=True)
        members = [f'"{key}":'.encode() + (value or b"null") for key, value in found.values.items()]
        return b"{" + b",".join(members) + b"}"

    async def read_by(self, context: Context, besides: Mapping[str, Any]) -> "Told | Lapsed | Failed":
        """What is told of each root field, or why nothing is.

        Args:
            besides: values of parameters that are known by now.
        """
        row: tuple[Any, ...] = ()
        values = {**self.values, **besides}
        for root, asked in self.searches:
            try:
                values |= await values_of(context, root, asked)
            except Exception as error:
                return Failed(None, [self._failure(error, root)])
        if self.statement is not None:
            found = await self.row(self.statement.values(values))
            if isinstance(found, Failed):
                return found
            row = found
        return await self.told(row, context)

    async def row(self, values: Sequence[Any]) -> tuple[Any, ...] | Failed:
        """What the statement answers; or what is told where it fails.

        Args:
            values: of its parameters, as the driver takes them.
        """
        statement = self.statement
        assert statement is not None  # noqa: S101 - nobody asks for the row of none
        try:
            return tuple(statement.read(await self.core.db.pool.fetch(statement.sql, values))[0])
        except Exception as error:
            return self._failed(error)

    async def told(self, row: Sequence[Any], context: Context) -> "Told | Lapsed | Failed":
        """What is told of each root field by the row of the statement, or why nothing is."""
        if self.verifies:
            still, *row = row
            if not still:
                return Lapsed.LAPSED
        if self.refused is not None:
            return self.refused
        if self.finishers is None and _PLACEHOLDER not in row:
            columns = iter(row)
            return Told({root.key: self._plain(root, columns) for root in self.roots}, [])
        return await self._finished(row, Finishing(context, self.refusal))

    def _failure(self, error: Exception, root: Any) -> GraphQLError:
        return failure(error, root.arguments.nodes, *listed((self.under, root.key)))

    def _failed(self, error: Exception) -> Failed:
        """What is told when the statement fails: of every field that it was to answer, as the resolvers would."""
        failed = [root for root in self.roots if root.key in self.read]
        required = [root for root in failed if not root.arguments.nullable]
        if required:
            return Failed(None, [self._failure(error, required[0])])
        data = {root.key: root.name if isinstance(root, Typename) else None for root in self.roots}
        return Failed(data, [self._failure(error, root) for root in failed])

    def _plain(self, root: Any, columns: Iterator[bytes]) -> bytes:
        if isinstance(root, Typename):
            return f'"{root.name}"'.encode()
        return next(columns) if root.key in self.read else b"null"

    async def _finished(self, row: Sequence[Any], run: Finishing) -> "Told | Failed":
        columns = iter(row)
        found: dict[str, bytes | None] = {}
        try:
            for root, finish in zip(self.roots, self.finishers or [None] * len(self.roots), strict=True):
                value = self._plain(root, columns)
                if root.key in self.read:
                    found[root.key] = await _root(root, value, finish, run, (self.under, root.key))
                else:
                    found[root.key] = value
        except GraphQLError as error:
            return Failed(None, [*run.errors, error], verified=True)
        return Told(found, run.errors)


@dataclass(slots=True)
class Told:
    """What a statement has told.

    Attributes:
        values: by the key of the root field, its JSON; None of one that ended with an error.
    """

    values: Mapping[str, bytes | None]
    errors: list[GraphQLError]

    def fragments(self) -> dict[str, Any]:
        """The values as parts of an answer that is still to be written."""
        return {key: None if value is None else orjson.Fragment(value) for key, value in self.values.items()}


async def _root(root: Any, value: bytes, finish: Finish | None, run: Finishing, path: Path) -> bytes | None:
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
        return orjson.dumps(await finish(orjson.loads(value), path, run))
    except GraphQLError as error:
        if not root.arguments.nullable:
            raise
        run.errors.append(error)
        return None
