"""Optimistic updates: a change of one record is read without a lock, and written by one statement that checks the
revision.

The record is read as a snapshot and changed in memory by the same verbs as in a transaction. What has changed of it and
of its rows is then written together with its row of the log, if the record still has the revision that was read: every
change of a record or of what belongs to it raises that. A change that needs more than new values in rows that are there
becomes a transaction on the way, which locks the record and checks that it is still the one that was read: nothing is
read or decided twice.

What remains is optimistic concurrency lost: somebody else has changed the record meanwhile, or holds it. Then nothing
was written, and the work is done again in a transaction, which locks the record before it reads it.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import AsyncExitStack
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Integer, Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import idempotency
from crmgraph.crm.models import Change, SearchTerm
from crmgraph.crm.query.authorization import Lapsed, Standing
from crmgraph.crm.records import row_sets
from crmgraph.crm.records.change_log import Entry
from crmgraph.crm.records.row_sets import RowSet
from crmgraph.crm.records.rows import before_of
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork
from crmgraph.crm.search import index, vocabulary
from crmgraph.crm.search.terms import changed_terms
from crmgraph.db.database import Database
from crmgraph.db.errors import Meaning, diagnose, is_away

MAX_ROWS = 8
"""The most rows of a record that one statement changes; with more there would be too many statements to keep."""

T = TypeVar("T")
Columns = tuple[str, ...]
Work = Callable[[UnitOfWork], Awaitable[T]]
"""Changes one record. It changes nothing but by its unit of work, and is done again where another writer came first."""


class CommitUnknown(ConnectionError):
    """The database went while it was to write: nobody knows whether it did."""


class Lost(Enum):
    """Why an optimistic update has written nothing, though nothing of it was refused.

    OVERTAKEN: somebody else has changed the record since it was read, or holds it. LAPSED: the actor, who was not
    verified before, may not act like this any more.
    """

    OVERTAKEN = "overtaken"
    LAPSED = "lapsed"


async def revise(db: Database, work: Work[T]) -> T:
    """Do work that changes one record: optimistically where the database can, else in its own transaction.

    Raises:
        CommitUnknown: it may have been written.
        Whatever `work` raises; nothing was written, but by a transaction whose commit fails.
    """
    # On SQLite no statement writes to several tables, and there is one writer.
    # The key of a request is written in the transaction of what it wants.
    if not db.is_sqlite and not idempotency.is_claiming():
        done = await OptimisticUpdate(db).run(work)
        if not isinstance(done, Lost):
            return done
    return await db.transact(lambda session: work(Transaction(session)))


async def revise_unverified(db: Database, work: Work[T], standing: Standing) -> T | Lapsed:
    """The same, by its own transaction in the end too, for an actor who has not been verified
    (`Identity.cached_actor`, `Holders.known`): the statement that writes does it, where the database can.

    Args:
        standing: of the actor. Nothing is written, told or refused before it is known that it holds still.

    Returns:
        `Lapsed` where it does not; nothing was written.
    """
    if not db.is_sqlite:
        done = await OptimisticUpdate(db, standing).run(work)
        if not isinstance(done, Lost):
            return done
        if done is Lost.LAPSED:
            return Lapsed.LAPSED
    if not await _holds(db, standing):
        return Lapsed.LAPSED
    return await db.transact(lambda session: work(Transaction(session)))


async def _holds(db: Database, standing: Standing) -> bool:
    key = ("holds still", standing.key)
    ((still,),) = await db.fetch_compiled(key, lambda: select(standing.condition()), standing.now())
    return bool(still)


class _Ended(Exception):
    """Ends work half-way that has lost. It never leaves `OptimisticUpdate.run`."""

    def __init__(self, lost: Lost) -> None:
        super().__init__(lost)
        self.lost = lost


class OptimisticUpdate:
    """The unit of work of one change of one record, on PostgreSQL: it opens its own transaction, where it needs one.

    Args:
        unverified: what has to hold of the actor, where they have not been verified: the statement that writes or locks
            asks for it.
    """

    def __init__(self, db: Database, unverified: Standing | None = None) -> None:
        self.database = db
        self._unverified = unverified
        self._stack = AsyncExitStack()
        self._reading: AsyncSession | None = None
        self._transaction: AsyncSession | None = None
        self._record: Any = None
        self._rows: list[Any] = []
        self._revision = 0
        self._entry: Entry | None = None
        self._changes: list[tuple[Any, Columns]] = []

    async def run(self, work: Work[T]) -> T | Lost:
        """What `work` returns, when it is written; or why it is not.

        Raises:
            CommitUnknown: it may have been written.
            Whatever `work` raises; nothing was written. To an actor who was not verified, no refusal is told.
        """
        try:
            async with self._stack:
                try:
                    done = await work(self)
                except _Ended:
                    raise
                except Exception as error:
                    # A door may have put a refusal into its own words; of the database, there is nothing to ask.
                    if diagnose(error).meaning is Meaning.FAULT and await self._lapsed():
                        return Lost.LAPSED
                    raise
                lost = await self._write()
        except _Ended as ended:
            return ended.lost
        except Exception as error:
            # Of two transactions that waited for each other, this one was given up: as good as overtaken.
            if diagnose(error).meaning is not Meaning.RETRY:
                raise
            return Lost.OVERTAKEN
        return done if lost is None else lost

    @property
    def session(self) -> AsyncSession:
        if self._transaction is not None:
            return self._transaction
        if self._reading is None:
            self._reading = self.database.reading_session()
            self._stack.push_async_callback(self._reading.close)
        return self._reading

    @property
    def locks(self) -> bool:
        return self._transaction is not None

    def watch(self, record: Any, rows: Iterable[Any]) -> None:
        if self._record is not None:
            raise RuntimeError("an optimistic update is of one record")
        # Snapshots come without a past: what they hold now is what the database holds.
        self._record, self._rows, self._revision = record, list(rows), record.revision

    async def transaction(self) -> AsyncSession:
        if self._transaction is None:
            if self._reading is not None:
                await self._reading.close()  # nobody holds one connection and waits for another
            session = await self._stack.enter_async_context(self.database.begin())
            if self._record is not None or self._unverified is not None:
                await self._lock(session)
            self._transaction = session
            if self._entry is not None:
                await row_sets.write(session, self._pending())
        return self._transaction

    async def write(self, rows: RowSet) -> None:
        changes = list(rows.changes())
        # What is derived alone is told by no entry, and counted by no revision.
        at_once = rows.fits_one_update(changes) and len(changes) <= MAX_ROWS and (rows.entries or not changes)
        if self._transaction is None and at_once:
            if self._entry is not None:
                raise RuntimeError("an optimistic update is one change")
            self._entry = next(iter(rows.entries), None)
            self._changes = changes
            rows.clear()
        else:
            await row_sets.write(await self.transaction(), rows)

    def _pending(self) -> RowSet:
        """What was to be written by one statement."""
        rows = RowSet()
        rows.touch(self._record, *self._rows)
        rows.entries += [] if self._entry is None else [self._entry]
        return rows

    async def _lock(self, session: AsyncSession) -> None:
        """Take the record as it was read, and the actor as they were known."""
        record, standing = self._record, self._unverified
        values = {} if standing is None else standing.now()
        if record is not None:
            values["id"] = record.id
        # By the session itself: its first statement begins the transaction, without which no lock lasts.
        rows = (await session.execute(_locking(record, standing), values)).all()
        if not rows or (record is not None and rows[0][0] != self._revision):
            raise _Ended(Lost.OVERTAKEN)
        if standing is not None and not rows[0][-1]:
            raise _Ended(Lost.LAPSED)
        self._unverified = None

    async def _write(self) -> Lost | None:
        """Write what has changed, if it was not lost."""
        if self._transaction is not None:
            return None
        if self._entry is None:
            return Lost.LAPSED if await self._lapsed() else None
        record = self._record
        names = next(columns for row, columns in self._changes if row is record)
        dirty = [(row, columns) for row, columns in self._changes if row is not record]
        return await self._write_at_once(record, names, dirty, self._entry.columns())

    async def _write_at_once(
        self, record: Any, names: Columns, dirty: Sequence[tuple[Any, Columns]], line: dict[str, Any]
    ) -> Lost | None:
        terms = changed_terms((), [(row, before_of(row, changed)) for row, changed in ((record, names), *dirty)], ())
        shape = (type(record), names, tuple((type(row), changed) for row, changed in dirty), any(terms))
        values: dict[str, Any] = {"id": record.id, "was": self._revision}
        held = vars(record)
        values |= {f"record_{name}": held[name] for name in names}
        values |= {f"log_{name}": line[name] for name in _LOGGED}
        for i, (row, changed) in enumerate(dirty):
            held = vars(row)
            values[f"row{i}_id"] = held["id"]
            values |= {f"row{i}_{name}": held[name] for name in changed}
        values |= index.values_of(*terms, index.kinds_of((record,))) if any(terms) else {}
        standing = self._unverified
        key: Hashable = ("optimistic update", shape, None if standing is None else standing.key)
        if standing is not None:
            values |= standing.now()
        try:
            written = await self.database.fetch_compiled(key, lambda: _statement(*shape, standing), values, once=True)
        except Exception as error:
            if is_away(error) and diagnose(error).meaning is not Meaning.RETRY:
                raise CommitUnknown(str(error)) from error
            raise
        return None if written else Lost.OVERTAKEN

    async def _lapsed(self) -> bool:
        """Whether the actor, where nobody has verified them yet, may not act like this any more."""
        if self._unverified is None:
            return False
        return not await _holds(self.database, self._unverified)


_LOGGED = ("party_id", "kind", "action", "revision", "at", "door", "credential_id", "client_id", "fields")


def _locking(record: Any, standing: Standing | None) -> Select[Any]:
    """The statement that locks a record and answers its revision, and whether the actor still may."""
    still: list[Any] = [] if standing is None else [standing.condition()]
    if record is None:
        return select(*still)
    table = type(record).__table__
    wanted = (table.c.id == bindparam("id", type_=BigInteger()), table.c.deleted_at.is_(None))
    return select(table.c.revision, *still).where(*wanted).with_for_update(key_share=True, of=table)


def _statement(
    model: Any, names: Columns, rows: Sequence[tuple[Any, Columns]], indexed: bool, standing: Standing | None
) -> Select[Any]:
    """The statement that answers the record's id when it has written everything, and no row when it wrote nothing.

    Args:
        indexed: whether terms of the search index change.
    """
    table = model.__table__
    conditions = [
        table.c.id == bindparam("id", type_=BigInteger()),
        table.c.revision == bindparam("was", type_=Integer()),
        table.c.deleted_at.is_(None),
    ]
    if standing is not None:
        conditions.append(standing.condition())
    # It never waits: a statement that waits for a lock goes on to write when nobody waits for it any more. Whoever has
    # to wait does so in a transaction, which is rolled back when it is given up.
    held = select(table.c.id).where(*conditions).with_for_update(skip_locked=True, key_share=True).cte("held")
    values = _values(table, "record", names)
    record = update(table).where(table.c.id == held.c.id).values(values).returning(table.c.id).cte("record")
    written = []
    for i, (child, changed) in enumerate(rows):
        own = child.__table__
        wanted = (own.c.id == bindparam(f"row{i}_id", type_=BigInteger()), own.c.party_id == record.c.id)
        written.append(
            update(own).where(*wanted).values(_values(own, f"row{i}", changed)).returning(own.c.id).cte(f"row{i}")
        )
    log: Any = Change.__table__
    line = select(*_values(log, "log", _LOGGED).values()).select_from(record)
    logged = insert(log).from_select(list(_LOGGED), line, include_defaults=False).returning(log.c.id)
    if indexed:
        of_record = SearchTerm.party_id.in_(select(record.c.id))
        written += [index.removing(of_record), index.adding(record), vocabulary.adding(record)]
    return select(record.c.id).add_cte(*written, logged.cte("log"))


def _values(table: Any, prefix: str, names: Columns) -> dict[str, Any]:
    return {name: bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in names}
