"""Row sets: the rows that a set of changes brings forth, written in a constant number of statements.

A row set collects in memory what is new, what has changed and what goes. `write` then needs one statement for each
table and each kind of change, however many rows there are, and two that give ids and numbers; on PostgreSQL all that is
new is one statement. Rows need belong to no session. Those that one has loaded stay its own, and count as unchanged
afterwards.

Until it is written, what is new has a provisional id below zero. Whatever names it, a row its record or a record
another one, names that, and gets the real one with it: ids and numbers are given in the order in which rows came, and
to nothing that was refused. See docs/decisions/sets.md.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ClauseElement,
    bindparam,
    delete,
    insert,
    or_,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import object_session
from sqlalchemy.orm.attributes import instance_state

from crmgraph.crm import idempotency
from crmgraph.crm.models import (
    Account,
    Address,
    Change,
    Contact,
    Credential,
    Duplicate,
    ExternalId,
    Party,
)
from crmgraph.crm.policy import KINDS, Record
from crmgraph.crm.query.references import REFERENCES
from crmgraph.crm.records import account_names, row_statements
from crmgraph.crm.records.allocation import allocate
from crmgraph.crm.records.change_log import Entry
from crmgraph.crm.records.edits import ExternalIdValue
from crmgraph.crm.records.keys import number_key
from crmgraph.crm.records.numbers import OF_KIND, Series
from crmgraph.crm.records.rows import before_of, changed_columns, columns_of, settle
from crmgraph.crm.search import index
from crmgraph.crm.search.terms import changed_terms
from crmgraph.db.database import database_of

_AS_IT_IS = {"synchronize_session": False}


class RowSet:
    """What a set of changes brings to the tables.

    Attributes:
        ids: {provisional id: id} of the records that have been written.
    """

    def __init__(self) -> None:
        self.ids: dict[int, int] = {}
        self._provisional = itertools.count(-1, -1)
        self.clear()

    def clear(self) -> None:
        """Forget what was collected."""
        self.made: list[Any] = []
        self.passing: set[int] = set()
        self.touched: dict[int, Any] = {}
        self.gone: list[Any] = []
        self.entries: list[Entry] = []
        self.called: list[tuple[Record, ExternalIdValue]] = []
        self.uncalled: list[tuple[Record, ExternalIdValue]] = []
        self.name_keys: dict[int, str] = {}
        self.account_names: dict[int, str] = {}
        self.removed: list[Record] = []

    def __bool__(self) -> bool:
        return bool(self.entries or self.made or self.gone or self.name_keys or any(self.changed()))

    def fits_one_update(self, changes: Iterable[tuple[Any, tuple[str, ...]]]) -> bool:
        """Whether it takes nothing but new values in rows that are there, of one change.

        Rows that change places with each other take two updates: no two may bear one slot at any time.

        Args:
            changes: its own.
        """
        if self.made or self.gone or self.name_keys or self.removed or len(self.entries) > 1:
            return False
        if self.called or self.uncalled:
            return False
        moved = 0
        for row, columns in changes:
            if "account_id" in columns and isinstance(row, Contact):
                return False
            moved += "slot" in columns
        return moved < 2

    def add(self, row: Any) -> None:
        """Let a record or a row of one come. It has a provisional id from now on."""
        vars(row)["id"] = next(self._provisional)
        self.made.append(row)

    def touch(self, *rows: Any) -> None:
        """Write what has changed of rows that are there."""
        self.touched |= {id(row): row for row in rows if vars(row)["id"] > 0}

    def remove(self, row: Any) -> None:
        """Let a row of a record go."""
        if row.id < 0:
            self.passing.add(id(row))  # its id stands in the log nevertheless
        else:
            self.gone.append(row)
            self.touched.pop(id(row), None)

    @property
    def new(self) -> list[Any]:
        """The rows that come and stay."""
        return [row for row in self.made if id(row) not in self.passing] if self.passing else self.made

    def changes(self) -> Iterator[tuple[Any, tuple[str, ...]]]:
        """(row, its columns) of what is there and holds something else than it did when it was read."""
        return ((row, columns) for row in self.touched.values() if (columns := changed_columns(row)))

    def changed(self) -> Iterator[Any]:
        """The rows of `changes`."""
        return (row for row, _ in self.changes())


async def write(session: AsyncSession, rows: RowSet) -> None:
    """Write a row set in the transaction of a session, and forget what it has collected.

    Records that are changed have to be locked by now. The series of numbers are locked here, after everything else.
    """
    await idempotency.claim(session)
    with session.no_autoflush:
        await _take_names(session, rows)
        await _give_ids(session, rows)
        changed = list(rows.changed())
        await _remove(session, rows.gone)
        await _uncall(session, rows.uncalled)
        await _free_slots(session, changed, rows.new)
        await _insert(session, rows, changed)
        await _update(session, changed)  # which may name what is new
        await index.sort_in(session, index.kinds_of(row for row in changed if "deleted_at" in changed_columns(row)))
        await _rename(session, rows.name_keys)
        await account_names.give(session, rows.account_names)
        await _release(session, rows.removed)
    for row in (*changed, *rows.made):
        settle(row)
    rows.clear()


async def _take_names(session: AsyncSession, rows: RowSet) -> None:
    """Let contacts have the names of the accounts that they join: before anything else is locked."""
    new = [row for row in rows.new if isinstance(row, Contact) and row.account_id is not None]
    joining = [*new, *filter(_joins, rows.touched.values())]
    if joining:
        made = {row.id: row.name_key for row in rows.made if isinstance(row, Account)}
        await account_names.take(session, joining, made)


def _joins(row: Any) -> bool:
    """Whether a contact changes its account, or comes back."""
    if not isinstance(row, Contact):
        return False
    changed = changed_columns(row)
    return "account_id" in changed or ("deleted_at" in changed and row.deleted_at is None)


async def _give_ids(session: AsyncSession, rows: RowSet) -> None:
    """Give what is new its ids, and their numbers to records that have none."""
    if not rows.made or _is_one_a_table(session, rows):
        return
    unnumbered: dict[Series, list[Any]] = defaultdict(list)
    numbers: set[str] = set()
    for row in rows.made:
        if (kind := KINDS.get(type(row))) is None:
            continue
        if row.number is None:
            unnumbered[OF_KIND[kind]].append(row)
        else:
            numbers.add(row.number)
    given = await allocate(
        session, _counted(rows), {series: len(each) for series, each in unnumbered.items()}, besides=numbers
    )
    for series, each in unnumbered.items():
        for row, number in zip(each, given.numbers[series], strict=True):
            vars(row).update(number=number, number_key=number_key(number))
    ids = {table: iter(each) for table, each in given.ids.items()}
    for row in rows.made:
        held: dict[str, Any] = vars(row)
        model: Any = type(row)
        own_id = next(ids[_minting(model)])
        if model in KINDS:
            rows.ids[held["id"]] = own_id
        held["id"] = own_id
    for row in itertools.chain(rows.made, rows.touched.values()):
        held = vars(row)
        for name in _naming(type(row)):
            named = held.get(name)
            if named is not None and named < 0:
                setattr(row, name, rows.ids[named])


def _is_one_a_table(session: AsyncSession, rows: RowSet) -> bool:
    """Whether SQLite gives what is new its ids as it is written: rows of records, no more than one in each table.

    Of several in one statement nobody knows which got which id.
    """
    counted = _counted(rows)
    alone = not counted["party"] and max(counted.values()) == 1
    return database_of(session).is_sqlite and alone and not rows.passing  # whose ids stand in the log nevertheless


def _counted(rows: RowSet) -> Counter[str]:
    """How many rows come, by what gives them their ids."""
    return Counter(map(_minting, map(type, rows.made)))


@cache
def _minting(model: Any) -> str:
    return "party" if model in KINDS else str(model.__tablename__)


def _naming(model: type) -> Iterable[str]:
    """The columns of a row that name records."""
    return REFERENCES.get(model, ("party_id",))


async def _remove(session: AsyncSession, gone: Sequence[Any]) -> None:
    for model, of_model in _by_model(gone):
        going = delete(model).where(model.id.in_([row.id for row in of_model]))
        await session.execute(going, execution_options=_AS_IT_IS)
        for row in of_model:
            if object_session(row) is not None:
                session.expunge(row)


async def _uncall(session: AsyncSession, uncalled: Sequence[tuple[Record, ExternalIdValue]]) -> None:
    if uncalled:
        own = tuple_(ExternalId.party_id, ExternalId.dialect, ExternalId.space, ExternalId.value)
        going = delete(ExternalId).where(own.in_([(record.id, *each) for record, each in uncalled]))
        await session.execute(going, execution_options=_AS_IT_IS)


async def _free_slots(session: AsyncSession, changed: Sequence[Any], new: Sequence[Any]) -> None:
    """Take slots away from rows as far as others bear them now: no two may at any time."""
    moved = [row for row in changed if "slot" in changed_columns(row)]
    if not moved:
        return
    taken = {(type(row), row.party_id, row.slot) for row in (*moved, *new) if getattr(row, "slot", None) is not None}
    freed = [row for row in moved if (type(row), row.party_id, instance_state(row).committed_state["slot"]) in taken]
    for model, of_model in _by_model(freed):
        freeing = update(model).where(model.id.in_([row.id for row in of_model])).values(slot=None)
        await session.execute(freeing, execution_options=_AS_IT_IS)


async def _update(session: AsyncSession, changed: Sequence[Any]) -> None:
    db = database_of(session)
    for model, of_model in _by_model(changed):
        columns = [changed_columns(row) for row in of_model]
        if db.is_sqlite:
            # One statement sets what has changed of any of them; of the others it is what they hold.
            names = sorted({name for each in columns for name in each})
            values = [{f"new_{name}": getattr(row, name) for name in names} | {"own": row.id} for row in of_model]
            table: Any = model.__table__
            updating = update(table).where(table.c.id == bindparam("own"))
            updating = updating.values({name: bindparam(f"new_{name}") for name in names})
            await (await session.connection()).execute(updating, values)
            continue
        found = [
            {"id": row.id} | {name: getattr(row, name) for name in each}
            for row, each in zip(of_model, columns, strict=True)
        ]
        await _run(session, ("update rows", model), row_statements.updating(model), found)


async def _rename(session: AsyncSession, keys: Mapping[int, str]) -> None:
    """Bring up to date what addresses repeat of the names of their records."""
    if not keys:
        return
    if database_of(session).is_sqlite:
        table: Any = Address.__table__
        renaming = update(table).where(table.c.party_id == bindparam("party")).values(name_key=bindparam("key"))
        values = [{"party": party_id, "key": key} for party_id, key in keys.items()]
        await (await session.connection()).execute(renaming, values)
        return
    found = [{"id": party_id, "name_key": key} for party_id, key in keys.items()]
    await _run(session, "rename rows", row_statements.renaming(), found)


async def _release(session: AsyncSession, removed: Sequence[Record]) -> None:
    """Free what nobody else can have while a record has it."""
    if not removed:
        return
    ids = [record.id for record in removed]
    owned = [update(ExternalId).where(ExternalId.party_id.in_(ids))]
    if contacts := [record.id for record in removed if isinstance(record, Contact)]:
        owned.append(update(Credential).where(Credential.contact_id.in_(contacts)))
    gone = delete(Duplicate).where(or_(Duplicate.party_id.in_(ids), Duplicate.other_id.in_(ids)))
    for each in (*(each.values(live=None) for each in owned), gone):
        await session.execute(each, execution_options=_AS_IT_IS)


_NO_TARGET = {"live": True, "staff_id": None, "phone_id": None, "email_id": None, "address_id": None} | {
    "former_id": None,
    "alias": False,
}


async def _insert(session: AsyncSession, rows: RowSet, changed: Sequence[Any]) -> None:
    """Write what is new, the log, and what changes in the search index."""
    found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.new:
        if row.id < 0:
            await _insert_one(session, row)
            continue
        columns = columns_of(row)
        if (kind := KINDS.get(type(row))) is not None:
            found[Party].append({"id": columns["id"], "kind": kind})
        found[type(row)].append(columns)
    for record, each in rows.called:
        row = {"dialect": each.system, "space": each.space, "value": each.value, "party_id": record.id}
        found[ExternalId].append(_NO_TARGET | row)
    found[Change] = [entry.columns(rows.ids) for entry in rows.entries]
    gone, stay = ([(row, before_of(row)) for row in each] for each in (rows.gone, changed))
    terms = changed_terms(gone, stay, rows.new)
    records = itertools.chain(rows.new, rows.touched.values(), (entry.record for entry in rows.entries))
    kinds = index.kinds_of(records) if any(terms) else {}
    if not any(found.values()) and not any(terms):
        return
    db = database_of(session)
    if db.is_sqlite:
        connection = await session.connection()
        if any(getattr(row, name) in rows.ids.values() for row in rows.new for name in REFERENCES.get(type(row), ())):
            # Each of two may name the other, as an account and its primary contact do.
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for model in row_statements.WRITTEN:
            if found[model]:
                await connection.execute(insert(model.__table__), found[model])
        await index.write(session, *terms, kinds)
        return
    values = {
        model.__tablename__: row_statements.as_json(found[model]) for model in row_statements.WRITTEN
    } | index.values_of(*terms, kinds)
    await db.fetch_compiled_in(session, "insert rows", row_statements.inserting, values)


async def _insert_one(session: AsyncSession, row: Any) -> None:
    """Write a row that has no id yet, and gets it so."""
    table: Any = type(row).__table__
    values = {name: value for name, value in columns_of(row).items() if name != "id"}
    inserted = await (await session.connection()).execute(insert(table).returning(table.c.id), values)
    vars(row)["id"] = inserted.scalar_one()


def _by_model(rows: Iterable[Any]) -> Iterator[tuple[Any, list[Any]]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[type(row)].append(row)
    for model in row_statements.WRITTEN:
        if model in found:
            yield model, found[model]


async def _run(session: AsyncSession, key: Hashable, statement: ClauseElement, found: list[dict[str, Any]]) -> None:
    values = {"rows": row_statements.as_json(found), "ids": [row["id"] for row in found]}
    await database_of(session).fetch_compiled_in(session, key, lambda: statement, values)
