"""Changes that an old CRM would not learn of.

Until what is changed here is written back to it, a record that an old CRM holds is changed there and nowhere else: by
its own API, whose calls are passed on to it. What any other door would change is refused, before anything is written.
Where there is no upstream, this takes no statement and no time.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import upstreams
from crmgraph.crm.errors import HeldUpstream
from crmgraph.crm.models import Door, ExternalId, ImportRow, Mode, Outcome
from crmgraph.crm.policy import Actor, Record
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.crm.upstream_settings import LOCAL_CHANGES, value_of
from crmgraph.crm.upstreams import DEFAULT, Modes
from crmgraph.db.database import Database, database_of

_HOLDING = "dialects whose old CRMs hold records"
"""Under which name a database knows them, see `hold`."""


def hold(db: Database, options: Mapping[Door, Mapping[str, object]], modes: Mapping[Door, Modes]) -> None:
    """Refuse from now on what these upstreams would not learn of.

    Args:
        options: what is set of each upstream.
        modes: who answers.
    """
    db.info[_HOLDING] = frozenset(
        dialect
        for dialect, given in options.items()
        if value_of(given, LOCAL_CHANGES) == "refuse" and _is_passed_on(modes.get(dialect, Modes()))
    )


def _is_passed_on(modes: Modes) -> bool:
    """Whether any calls are answered by the old CRM."""
    return modes.by.get((None, None), DEFAULT) is not Mode.OFF or any(
        each is not Mode.OFF for each in modes.by.values()
    )


async def read(db: Database) -> None:
    """Know which upstreams hold records, as they are now: for commands and jobs. Servers read it each second."""
    async with db.read() as session:
        _, options = await upstreams.what_is_set(session)
        modes = upstreams.modes_of(await upstreams.all_switches(session)) if options else {}
    hold(db, options, modes)


def holding(db: Database, actor: Actor) -> frozenset[Door]:
    """The dialects whose old CRMs would not learn of what the actor changes.

    Their own door is none of them, where this store has been told to answer; nor is any for what comes from there.
    """
    found: frozenset[Door] = db.info.get(_HOLDING, frozenset())
    if not found or actor.door is Door.UPSTREAM:
        return frozenset()
    return found - {actor.door}


async def held(session: AsyncSession, actor: Actor, ids: Collection[int]) -> dict[int, Door]:
    """{a record: the dialect of the old CRM that holds it}, of those records that the actor may not change for that.

    Deleted ones are held as well: by what they are called there. What an import has made it may complete. It takes one
    statement, and none without an upstream.
    """
    dialects = {door.dialect: door for door in holding(database_of(session), actor)}
    if not dialects or not ids:
        return {}
    query = select(ExternalId.party_id, ExternalId.dialect).where(
        ExternalId.party_id.in_(ids), ExternalId.dialect.in_(dialects), ExternalId.alias.is_(False)
    )
    if actor.import_id is not None:
        own = (ImportRow.import_id == actor.import_id, ImportRow.outcome == Outcome.CREATED)
        query = query.where(~exists().where(ImportRow.party_id == ExternalId.party_id, *own))
    rows = await session.execute(query.order_by(ExternalId.dialect.desc()))
    return {own_id: dialects[dialect] for own_id, dialect in rows if own_id is not None}


async def require_free(session: AsyncSession, actor: Actor, ids: Collection[int]) -> None:
    """Let those records pass that no old CRM holds.

    Raises:
        HeldUpstream: one is held.
    """
    for dialect in (await held(session, actor, ids)).values():
        raise HeldUpstream((), dialect)


async def require_found_free(session: AsyncSession, actor: Actor, found: Select[Any]) -> None:
    """Let the records pass whose ids a query finds, however many, where no old CRM holds one.

    Raises:
        HeldUpstream: one is held.
    """
    if dialects := {door.dialect: door for door in holding(database_of(session), actor)}:
        mine = (ExternalId.party_id.in_(found), ExternalId.dialect.in_(dialects), ExternalId.alias.is_(False))
        if (dialect := await session.scalar(select(ExternalId.dialect).where(*mine).limit(1))) is not None:
            raise HeldUpstream((), dialects[dialect])


class Held:
    """What a set of changes knows of old CRMs that hold the records which it changes.

    Args:
        actor: whose changes they are.
    """

    def __init__(self, unit: UnitOfWork, actor: Actor) -> None:
        self._unit = unit
        self._actor = actor
        self._by: dict[int, Door | None] = {}

    async def read(self, ids: Iterable[int]) -> None:
        """Know it of these records; in no statement where there is no upstream, or where it is known."""
        if holding(self._unit.database, self._actor):
            unknown = [own_id for own_id in ids if own_id > 0 and own_id not in self._by]
            found = await held(self._unit.session, self._actor, unknown)
            self._by |= {own_id: found.get(own_id) for own_id in unknown}

    def holds(self, record: Record) -> bool:
        """Whether an old CRM holds a record, as far as it is known."""
        return self._by.get(record.id) is not None

    def require_free(self, record: Record) -> None:
        """Let a record pass that no old CRM holds, as far as it is known.

        Raises:
            HeldUpstream: one does.
        """
        if (dialect := self._by.get(record.id)) is not None:
            raise HeldUpstream((), dialect)

    async def require_all_free(self, records: Iterable[Record]) -> None:
        """Let all records pass that are about to be written, behind their locks: nobody takes them meanwhile.

        Raises:
            HeldUpstream: an old CRM holds one.
        """
        if holding(self._unit.database, self._actor):
            session = await self._unit.transaction()
            await require_free(session, self._actor, [record.id for record in records if record.id > 0])
