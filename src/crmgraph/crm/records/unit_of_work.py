"""The unit of work: who carries the change of a record to the database, and what the verbs for records need of it.

There are two. `Transaction` locks a record before it reads it, and writes as its session does. `OptimisticUpdate`
(`optimistic.py`) reads without a lock and writes by one statement that checks the revision; where the change needs more
than that, it becomes a transaction on the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.records import row_sets
from crmgraph.crm.records.row_sets import RowSet
from crmgraph.db.database import Database, database_of


class UnitOfWork(Protocol):
    """What carries the change of a record."""

    @property
    def database(self) -> Database: ...

    @property
    def session(self) -> AsyncSession:
        """What reads: in a transaction it sees what has been written."""

    @property
    def locks(self) -> bool:
        """Whether a record has to be locked as it is loaded."""

    def watch(self, record: Any, rows: Iterable[Any]) -> None:
        """Write what is going to change of a record that was loaded without a lock, and of its rows."""

    async def transaction(self) -> AsyncSession:
        """The transaction, for whatever new values in rows that are there do not do: rows that come or go, locks."""

    async def write(self, rows: RowSet) -> None:
        """Write what has come of changes, at the latest when the unit of work ends, and forget what was collected."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """The unit of work of a transaction that somebody else has begun and ends.

    Args:
        session: in the transaction.
    """

    session: AsyncSession
    locks = True

    @property
    def database(self) -> Database:
        return database_of(self.session)

    def watch(self, record: Any, rows: Iterable[Any]) -> None:
        """Nothing: the session knows what it has loaded."""

    async def transaction(self) -> AsyncSession:
        return self.session

    async def write(self, rows: RowSet) -> None:
        await row_sets.write(self.session, rows)
