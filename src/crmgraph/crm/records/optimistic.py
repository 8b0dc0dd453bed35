"""Drafts: a change of one record that is written by one statement, without a transaction around it.

The record is read as a snapshot and changed in memory by the same verbs as in a transaction. What has changed of it and
of its rows is then written together with its row of the log, if the record still has the revision that was read: every
change of a record or of what belongs to it raises that. Where it has not, or where the change needs more than new
values in rows that are there, nothing was written, and the work is done again in a transaction, which locks the record
first.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import BigInteger, Integer, Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import instance_state

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.identity.credentials import authorization_values, still_authorized
from crmgraph.crm.models import Change
from crmgraph.crm.policy import Actor
from crmgraph.db.database import Database
from crmgraph.db.errors import is_away

MAX_ROWS = 8
"""The most rows of a record that one statement changes; with more there would be too many statements to keep."""

T = TypeVar("T")
Columns = tuple[str, ...]


class NeedsTransaction(Exception):
    """This work cannot be done on a draft. Nothing was written."""


class CommitUnknown(ConnectionError):
    """The database went while it was to write: nobody knows whether it did."""


async def revise(db: Database, work: Callable[[AsyncSession], Awaitable[T]], *, known: Actor | None = None) -> T:
    """Do work that changes one record: on a draft where that is possible, else in a transaction.

    Args:
        work: is done twice where the first time comes to nothing; it changes nothing but what it reads by its session.
        known: who acts, where nobody has asked yet whether they still may (`Identity.cached_actor`). The statement that
            writes makes sure of it then.

    Raises:
        Unauthenticated: `known` may not, or it cannot be told without a transaction; nothing was written.
        CommitUnknown: it may have been written.
        Whatever `work` raises; nothing was written, but by a transaction whose commit fails.
    """
    # On SQLite no statement writes to several tables.
    if not db.is_sqlite:
        draft = Draft(db, known)
        try:
            done = await work(cast("AsyncSession", draft))
            await draft.make_sure()
        except NeedsTransaction:
            pass
        else:
            return done
    if known is not None:
        raise Unauthenticated
    return await db.transact(work)


class Draft:
    """Stands where a session would: it reads snapshots, and writes what has become of them once.

    Whatever else a session can do needs a transaction.

    Args:
        known: see `revise`.

    Attributes:
        info: as of a session that reads.
    """

    def __init__(self, db: Database, known: Actor | None = None) -> None:
        self.info: dict[str, Any] = {"database": db, "reads": True, "draft": self}
        self._db = db
        self._known = known
        self._record: Any = None
        self._rows: list[Any] = []
        self._line: dict[str, Any] | None = None
        self._written = False

    def __getattr__(self, name: str) -> Any:
        raise self._beyond(name)

    def _beyond(self, what: str) -> Exception:
        """What to raise where a draft is no match for a session. What is written must not be done again."""
        return (
            RuntimeError(f"a draft that was written cannot do more: {what}")
            if self._written
            else NeedsTransaction(what)
        )

    def hold(self, record: Any, rows: Iterable[Any]) -> None:
        """Keep an eye on a record that was read to be changed, and on its rows.

        Raises:
            NeedsTransaction: it is the second one.
        """
        if self._record is not None:
            raise self._beyond("a second record")
        self._record = record
        self._rows = list(rows)
        # Snapshots come without a past: what they hold now is what the database holds.
        self._was = record.revision

    def log(self, line: dict[str, Any]) -> None:
        """Take the row of the log, {column: value}.

        Raises:
            NeedsTransaction: it is the second one.
        """
        if self._line is not None:
            raise self._beyond("a second change")
        self._line = line

    async def flush(self) -> None:
        """Write what has changed.

        Raises:
            NeedsTransaction: the record is not as it was read, somebody else holds it, or too much has changed.
            CommitUnknown: it may have been written.
        """
        line = self._line
        if line is None or self._record is None or self._written:
            raise self._beyond("nothing to write")
        dirty = [(row, names) for row in self._rows if (names := _changed(row))]
        if len(dirty) > MAX_ROWS:
            raise NeedsTransaction("many rows")
        record, names = self._record, _changed(self._record)
        shape = (type(record), names, tuple((type(row), names) for row, names in dirty))
        values: dict[str, Any] = {"id": record.id, "was": self._was}
        values |= {f"record_{name}": getattr(record, name) for name in names}
        values |= {f"log_{name}": line[name] for name in _LOGGED}
        for i, (row, names) in enumerate(dirty):
            values |= {f"row{i}_id": row.id} | {f"row{i}_{name}": getattr(row, name) for name in names}
        known = self._known
        key: Hashable = ("draft", shape, None if known is None else known.is_staff)
        if known is not None:
            values |= authorization_values(known)
        try:
            written = await self._db.fetch_compiled(key, lambda: _statement(*shape, known), values, once=True)
        except Exception as error:
            if is_away(error):
                raise CommitUnknown(str(error)) from error
            raise NeedsTransaction("refused by the database") from error
        if not written:
            raise NeedsTransaction("changed or held by somebody else")
        self._written = True
        self._known = None

    async def make_sure(self) -> None:
        """Ask whether the actor still may, where no statement has made sure of it: nothing may be told before.

        Raises:
            Unauthenticated: they may not.
        """
        known = self._known
        if known is not None:
            key = ("acts still", known.is_staff)
            ((still,),) = await self._db.fetch_compiled(
                key, lambda: select(still_authorized(known)), authorization_values(known)
            )
            if not still:
                raise Unauthenticated


_LOGGED = ("party_id", "kind", "action", "revision", "at", "door", "credential_id", "client_id", "fields")


def _changed(row: Any) -> Columns:
    """The columns of a snapshot whose values are not those that were read."""
    before = instance_state(row).committed_state
    return tuple(sorted(name for name, old in before.items() if getattr(row, name) != old)) if before else ()


def _statement(model: Any, names: Columns, rows: Sequence[tuple[Any, Columns]], known: Actor | None) -> Select[Any]:
    """The statement that answers the record's id when it has written everything, and no row when it wrote nothing."""
    table = model.__table__
    conditions = [
        table.c.id == bindparam("id", type_=BigInteger()),
        table.c.revision == bindparam("was", type_=Integer()),
        table.c.deleted_at.is_(None),
    ]
    if known is not None:
        conditions.append(still_authorized(known))
    # It never waits: a statement that waits for a lock goes on to write when nobody waits for it any more. Whoever has
    # to wait does so in a transaction, which comes to nothing when it is given up.
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
    log = Change.__table__
    line = select(*_values(log, "log", _LOGGED).values()).select_from(record)
    logged = insert(log).from_select(list(_LOGGED), line, include_defaults=False).returning(log.c.id)  # type: ignore[arg-type]
    return select(record.c.id).add_cte(*written, logged.cte("log"))


def _values(table: Any, prefix: str, names: Columns) -> dict[str, Any]:
    return {name: bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in names}
