"""Loaders: what the fields of one level ask for, row by row, is read in one statement.

A batch opens a session of its own and closes it before it returns, so that no session belongs to two tasks. What the
policy hides is not read. Loaders remember what they have read, and are replaced after every commit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from aiodataloader import DataLoader
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Address, Credential, Email, Lead, LegacyClient, Party, Phone, Photo, Staff
from crmgraph.crm.policy import MODELS, Actor, row_visible, visible
from crmgraph.crm.query import groups, keyset_pages
from crmgraph.crm.query.access_paths import all_rows
from crmgraph.crm.query.conditions import Where
from crmgraph.crm.query.keyset_pages import Rows, Window, among
from crmgraph.crm.query.resolution import resolve
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.db.database import Database
from crmgraph.graph.resolvers.slices import Turns

Loader: TypeAlias = "DataLoader[Any, Any]"
TOLD = 5
"""Of how many keys the rows are told at once: each may be a page, of which objects are made."""
PART = 200
"""How many rows become objects before others are let in: one takes a few hundredths of a millisecond."""
_ROWS = (("phones", Phone), ("emails", Email), ("addresses", Address))
Batch: TypeAlias = Callable[[AsyncSession, list[Any]], Awaitable[list[Any]]]


class Loaders:
    """The loaders of one request, for one actor.

    Args:
        db: where everything is read.
        opened: opens the session of a batch.
        actor: whose policy holds.
        turns: of the document.
    """

    def __init__(
        self, db: Database, opened: Callable[[], AbstractAsyncContextManager[AsyncSession]], actor: Actor, turns: Turns
    ) -> None:
        self._db = db
        self._opened = opened
        self._actor = actor
        self._turns = turns
        self._made: dict[Hashable, Loader] = {}
        self._running: set[asyncio.Task[Any] | None] = set()

    def record(self, model: Any, *, deleted: bool = False) -> Loader:
        """Contacts, accounts or leads by id; None for one that does not exist for the actor.

        Args:
            deleted: see `policy.visible`.
        """

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            seen = visible(self._actor, model, deleted=deleted)
            return _by_id(ids, await _objects(session, select(model).where(among(session, model.id, ids), seen)))

        return self._loader(("record", model, deleted), batch)

    def named(self, model: Any, *, deleted: bool = False) -> Loader:
        """The same by ids that a caller gives: those of records that were merged lead to others."""

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            asked, seen = aliased(model), visible(self._actor, model, deleted=deleted)
            leading = select(asked.id, asked.merged_into_id).where(
                among(session, asked.id, ids), asked.merged_into_id.is_not(None)
            )
            found = await _objects(session, select(model).where(among(session, model.id, ids), seen))
            if len(found) == len(set(ids)) and not deleted:
                return _by_id(ids, found)
            led: dict[int, int] = {row[0]: row[1] for row in await session.execute(leading)}
            if led:
                found = await _objects(session, select(model).where(model.id.in_({led.get(i, i) for i in ids}), seen))
            return _by_id([led.get(i, i) for i in ids], found)

        return self._loader(("named", model, deleted), batch)

    def party(self, *, of_rows: bool = False, deleted: bool = False) -> Loader:
        """Records of any kind by id; None for one that does not exist for the actor.

        Args:
            deleted: see `policy.visible`.
            of_rows: the records of rows that were read: whoever sees a row sees its record, also a deleted one.
        """

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            found: list[Any] = []
            for model in MODELS.values():
                query = select(model).where(among(session, model.id, ids))
                found += await _objects(
                    session, query if of_rows else query.where(visible(self._actor, model, deleted=deleted))
                )
            return _by_id(ids, found)

        return self._loader(("party", of_rows, deleted), batch)

    def rows(
        self, model: Any, order: Sequence[str] = ("rank", "id"), only: Callable[[Any], Any] | None = None
    ) -> Loader:
        """The rows of a record that the actor may see, by its id.

        Args:
            order: the columns by which they are sorted.
            only: the condition on the columns of those that are listed.
        """

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            query = select(model).where(among(session, model.party_id, ids))
            if only is not None:
                query = query.where(only(model))
            query = query.order_by(model.party_id, *(getattr(model, name) for name in order))
            return _grouped(ids, await _objects(session, query), "party_id")

        return self._loader(("rows", model, tuple(order), only), batch)

    def row(self, model: Any, *, deleted: bool = False, key: str = "id") -> Loader:
        """What belongs to a record, by its own id, e.g. a phone; None when the record does not exist for the actor.

        Args:
            deleted: see `policy.visible`.
            key: the column of the id.
        """
        own = getattr(model, key)

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            seen = row_visible(self._actor, model, deleted=deleted)
            rows = await _objects(session, select(model).where(among(session, own, ids), seen))
            found = {getattr(row, key): row for row in rows}
            return [found.get(i) for i in ids]

        return self._loader(("row", model, deleted), batch)

    def seen_row(self, model: Any, seen: Callable[[Actor], ColumnElement[bool]]) -> Loader:
        """What belongs to no record, by its own id; None where it does not exist for the actor.

        Args:
            seen: the condition under which it does.
        """

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            query = select(model).where(among(session, model.id, ids), seen(self._actor))
            return _by_id(ids, await _objects(session, query))

        return self._loader(("seen", model), batch)

    def photo(self) -> Loader:
        """The photo of a record by the record's id, or None."""

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            found = await _objects(session, select(Photo).where(among(session, Photo.party_id, ids)))
            by_party = {photo.party_id: photo for photo in found}
            return [by_party.get(i) for i in ids]

        return self._loader("photo", batch)

    def staff(self) -> Loader:
        """Staff by id."""

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            return _by_id(ids, await _objects(session, select(Staff).where(among(session, Staff.id, ids))))

        return self._loader("staff", batch)

    def credential(self) -> Loader:
        """(contact id, staff id) of whom a credential belongs to, by its id."""
        return self._columns("credential", Credential, Credential.contact_id, Credential.staff_id)

    def kind(self) -> Loader:
        """(kind,) of a record that the actor may see, by its id."""
        return self._columns("kind", Party, Party.kind)

    def converted_lead(self) -> Loader:
        """The id of the live lead that was converted into a contact, the first of several, by the contact's id."""

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            into = Lead.converted_contact_id
            query = select(into, func.min(Lead.id)).where(among(session, into, ids), Lead.deleted_at.is_(None))
            found: dict[int | None, int] = {row[0]: row[1] for row in await session.execute(query.group_by(into))}
            return [found.get(i) for i in ids]

        return self._loader("converted lead", batch)

    def client(self) -> Loader:
        """(name, staff id) of a legacy client, by its id."""
        return self._columns("client", LegacyClient, LegacyClient.name, LegacyClient.staff_id)

    def page(self, model: Any, key: str, criterion: Where | None, window: Window) -> Loader:
        """The same window of the rows of each parent, as `Rows`, by the parent's id.

        Args:
            key: the column of `model` that names the parent.
        """

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            where, values = self.where(model, criterion)
            query = keyset_pages.of_each(session, model, getattr(model, key), ids, where, window)
            found = _grouped(ids, await _objects(session, query, values), key)
            return [Rows.of(rows, window) for rows in found]

        return self._loader(("page", model, key, criterion, window), batch)

    def count(self, model: Any, key: str, criterion: Where | None) -> Loader:
        """How many rows each parent has, by the parent's id."""

        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            column = getattr(model, key)
            where, values = self.where(model, criterion)
            counted = await session.execute(keyset_pages.counts(session, model, column, ids, where), values)
            found: dict[int, int] = {row[0]: row[1] for row in counted}
            return [found.get(i, 0) for i in ids]

        return self._loader(("count", model, key, criterion), batch)

    def members(self, model: Any, by: tuple[str, ...], criterion: Where | None, window: Window) -> Loader:
        """The same window of the records of each group, as `Rows`, by the keys of the group.

        Args:
            by: see `groups`.
        """

        async def batch(session: AsyncSession, wanted: list[Any]) -> list[Any]:
            where, values = self.where(model, criterion)
            conditions = [*where, *keyset_pages.bounds(model, window)]
            own = wanted if len(by) > 1 else [key for (key,) in wanted]
            numbered = groups.members(
                model, by, own, conditions, keyset_pages.ordering(model, window), sqlite=self._db.is_sqlite
            ).subquery()
            names = [f"k{i}" for i in range(len(by))]
            query = select(model, *(numbered.c[name] for name in names)).join(numbered, numbered.c.id == model.id)
            query = query.where(numbered.c.place <= window.size + 1).order_by(numbered.c.place)
            found: dict[Any, list[Any]] = {keys: [] for keys in wanted}
            for row, *keys in await session.execute(query, values):
                found[tuple(keys)].append(row)
            return [Rows.of(found[keys], window) for keys in wanted]

        return self._loader(("members", model, by, criterion, window), batch)

    def where(self, model: Any, criterion: Where | None) -> tuple[list[ColumnElement[bool]], dict[str, Any]]:
        """The conditions of a list of `model`, what the actor may see of it and what is asked for, and their values."""
        shape, values = self.resolved(criterion)
        return self.seen(model, shape) + ([] if shape is None else [all_rows(self.sql(model), shape)]), values

    def seen(self, model: Any, shape: Where | None = None) -> list[ColumnElement[bool]]:
        """The conditions under which the rows of a list of `model` exist for the actor."""
        return keyset_pages.seen(self._actor, model, shape)

    def sql(self, model: Any) -> Sql:
        """What writes conditions on `model`."""
        return Sql(model, self._db.is_sqlite, actor=self._actor)

    def resolved(self, criterion: Where | None) -> tuple[Where | None, dict[str, Any]]:
        """What this actor means by a criterion: its shape, and the values of its parameters; None for any row."""
        if criterion is None:
            return None, {}
        resolved = resolve(criterion, self._actor.region)
        return resolved.shape, resolved.parameters("v")

    def prime(self, aggregate: Aggregate) -> None:
        """Remember a record as it was just written, so that it is not read again."""
        self.record(type(aggregate.record)).prime(aggregate.id, aggregate.record)
        for rows, model in _ROWS:
            self.rows(model).prime(aggregate.id, list(getattr(aggregate, rows)))

    def stop(self) -> None:
        """End the batches that are under way: nobody waits for them any more."""
        for task in self._running:
            if task is not None:
                task.cancel()

    def _columns(self, name: str, model: Any, *columns: Any) -> Loader:
        async def batch(session: AsyncSession, ids: list[int]) -> list[Any]:
            found = await session.execute(select(model.id, *columns).where(among(session, model.id, ids)))
            by_id = {row_id: tuple(values) for row_id, *values in found}
            return [by_id.get(i) for i in ids]

        return self._loader(name, batch)

    def _loader(self, key: Hashable, batch: Batch) -> Loader:
        if (made := self._made.get(key)) is not None:
            return made

        async def read(keys: list[Any]) -> list[Any]:
            async with self._opened() as session:
                return await batch(session, keys)

        batches = _Batches(read, self._turns)

        async def load(keys: list[Any]) -> list[Any]:
            task = asyncio.current_task()
            self._running.add(task)
            try:
                return await batches.load(keys)
            finally:
                self._running.discard(task)

        self._made[key] = DataLoader(load, max_batch_size=TOLD)
        return self._made[key]


class _Batches:
    """The batches of one loader, of `TOLD` keys each: what is asked together is read together, and told batch by batch.

    Args:
        read: reads what these keys stand for.
        turns: of the document.
    """

    def __init__(self, read: Callable[[list[Any]], Awaitable[list[Any]]], turns: Turns) -> None:
        self._read = read
        self._turns = turns
        self._joined: list[tuple[list[Any], asyncio.Future[Any]]] = []

    async def load(self, keys: list[Any]) -> list[Any]:
        """What these keys stand for, in their order."""
        mine: asyncio.Future[tuple[Iterator[Any], Iterator[asyncio.Future[Any]]]]
        mine = asyncio.get_running_loop().create_future()
        self._joined.append((keys, mine))
        if len(self._joined) == 1:
            # The next batches come in this round; what is put off asks later.
            await asyncio.sleep(0)
            await self._turns.settled()
            joined, self._joined = self._joined, []
            try:
                rows = await self._read([key for keys, _ in joined for key in keys])
                self._turns.put_off(len(joined) - 1)
                mine.set_result((iter(rows), iter([found for _, found in joined[1:]])))
            except Exception as error:
                for _, found in joined:
                    found.set_exception(error)
        read, others = await mine
        told = [next(read) for _ in keys]
        if (following := next(others, None)) is not None:
            # It is told in the next round of the loop.
            following.set_result((read, others))
            self._turns.put_off(-1)
        return told


async def _objects(session: AsyncSession, query: Any, values: Mapping[str, Any] | None = None) -> list[Any]:
    """The objects that a query selects, made in parts."""
    found: list[Any] = []
    # By itself an asynchronous session makes all of them at once.
    result = await session.run_sync(lambda within: within.execute(query, values))
    for part in result.yield_per(PART).scalars().partitions(PART):
        if found:
            await asyncio.sleep(0)
        found += part
    return found


def _by_id(ids: Sequence[int], rows: Any) -> list[Any]:
    found = {row.id: row for row in rows}
    return [found.get(i) for i in ids]


def _grouped(ids: Sequence[int], rows: Any, key: str) -> list[Any]:
    found: dict[int, list[Any]] = {i: [] for i in ids}
    for row in rows:
        found[getattr(row, key)].append(row)
    return [found[i] for i in ids]
