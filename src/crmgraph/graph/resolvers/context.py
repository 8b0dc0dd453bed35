"""What resolvers are handed: the core, who acts, and the loaders. No session is in here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused, Unauthenticated
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.lookup import IdCandidates
from crmgraph.graph.resolvers.loaders import Loaders
from crmgraph.graph.resolvers.slices import Slices, Turns
from crmgraph.rest import RecordView

CONNECTIONS = 2
"""How many connections the resolvers of one document read by at once."""


@dataclass(frozen=True, slots=True)
class LegacyApi:
    """What the graph has to know of a dialect.

    Attributes:
        title: what people call it.
        href: (kind of record, its id there) to the path under which it serves a record; None where it does not.
        id_candidates: (kind of record, or None for staff, an id) to what the id may stand for; None where it is none.
        tables: makes a field map for each kind of record that it has.
        view: how it shows a record, made when it is first asked for; None where it shows none.
    """

    title: str
    href: Callable[[PartyKind, str], str | None]
    id_candidates: Callable[[PartyKind | None, str], IdCandidates | None]
    tables: Callable[[], Mapping[PartyKind, Any]]
    view: Callable[[], "RecordView | None"] = lambda: None


@dataclass(slots=True)
class Context:
    """One request.

    Attributes:
        address: the network address it came from.
        max_page: the longest page of a connection.
        legacy_apis: the dialects that are served beside the graph, by their names.
        refused: why a change was refused that is carried out already, so that its resolver has only to tell.
        read_ahead: the input of a bulk write, which its resolver is handed without the items.
        slices: in which the resolvers of all requests do their work.
    """

    core: Core
    actor: Actor
    address: str
    max_page: int = 100
    legacy_apis: Mapping[str, LegacyApi] = field(default_factory=dict)
    refused: Refused | None = None
    read_ahead: Any = None
    slices: Slices = field(default_factory=Slices)
    _reading: asyncio.Semaphore | None = field(init=False, default=None)
    _turns: Turns | None = field(init=False, default=None)
    _loaders: Loaders | None = field(init=False, default=None)

    @property
    def caller(self) -> Hashable:
        """Whose share of the worker this takes."""
        return self.actor.principal or self.address

    @property
    def turns(self) -> Turns:
        """The turns of this request, made when they are first asked for, as the loaders are."""
        if self._turns is None:
            self._turns = Turns(self.slices)
        return self._turns

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session to read with, as soon as the document has a connection free; nothing else is opened within."""
        async with self.beside(), self.core.db.read() as session:
            yield session

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """A block that reads by a connection of its own, as soon as the document has one free."""
        if self._reading is None:
            self._reading = asyncio.Semaphore(CONNECTIONS)
        async with self._reading:
            yield

    @property
    def loaders(self) -> Loaders:
        """The loaders, made when they are first asked for: a planned document needs none."""
        if self._loaders is None:
            self._loaders = Loaders(self.core.db, self.read, self.actor, self.turns)
        return self._loaders

    def stop(self) -> None:
        """End the batches that nobody waits for any more."""
        if self._loaders is not None:
            self._loaders.stop()

    def signed_in(self) -> Actor:
        """Whoever acts.

        Raises:
            Unauthenticated: nobody is signed in.
        """
        if self.actor.role is None:
            raise Unauthenticated
        return self.actor

    async def record(self, kind: PartyKind, number: int | None) -> Any:
        """The record of this id; None for None, and when it does not exist for the actor."""
        return None if number is None else await self.loaders.record(MODELS[kind]).load(number)

    def committed(self, written: Aggregate | None = None) -> None:
        """Forget what was read before a commit.

        Args:
            written: the record as it is now, which need not be read again.
        """
        self._loaders = None
        if written is not None and written.record.deleted_at is None:
            self.loaders.prime(written)

    def enter(self, actor: Actor) -> None:
        """Go on as somebody who has just come in."""
        self.actor = actor
        self.committed()


Info: TypeAlias = strawberry.Info[Context, None]
"""What a resolver knows of the request."""
