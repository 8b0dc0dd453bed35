"""External ids: what a record, a staff member or a row is called in the system that it came from."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, Text, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, Missing, Path, Refused, Taken, TooLarge
from crmgraph.crm.models import (
    MINTED_IDS,
    Account,
    Contact,
    Credential,
    Door,
    ExternalId,
    Lead,
    PartyKind,
    Staff,
)
from crmgraph.crm.policy import MODELS, Actor, Record, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.conditions import MAX_VALUES
from crmgraph.crm.query.parameters import Several
from crmgraph.crm.query.references import REFERENCES
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import ExternalIdEdits, ExternalIdValue
from crmgraph.crm.records.lookup import IMPORTED, minted
from crmgraph.crm.values.text import fault_of, is_blank
from crmgraph.db.database import database_of, require_transaction

DIALECTS = frozenset(door.dialect for door in Door if door.is_dialect)
"""The systems that print their ids at a door of ours."""
CONTENT = "content"
"""The system of records that have no id where they came from: a digest of all that was said of them names them, so that
they are known again. Nobody is told it."""
MAX_LENGTH = 200
"""The most characters of an external id."""
MAX_GIVEN = 100
"""The most external ids that a record gets by one edit."""
TARGETS = ("party", "staff", "phone", "email", "address")
"""What an external id may point at."""


async def claim(session: AsyncSession, dialect: str, space: str, value: str, **target: int) -> None:
    """Give one thing an external id.

    Args:
        target: exactly one of party, staff, phone, email, address: its id here.

    Raises:
        Invalid: the value lies where we mint ids, or is no id at all.
        Taken: another thing has it.
    """
    ((kind, target_id),) = target.items()
    if not value or len(value) > MAX_LENGTH:
        raise Invalid(("external_ids",), "form")
    if may_be_minted(dialect, space, value):
        raise Invalid(("external_ids",), "minted")
    insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    statement = insert(ExternalId).values(
        dialect=dialect, space=space, value=value, live=True, **{f"{kind}_id": target_id}
    )
    # One statement: of two at the same moment, the second waits and finds the id taken.
    index = [ExternalId.dialect, ExternalId.space, ExternalId.value, ExternalId.live]
    statement = statement.on_conflict_do_nothing(index_elements=index)
    if await session.scalar(statement.returning(ExternalId.id)) is None:
        found = await resolve(session, dialect, {(space, value)})
        raise Taken(("external_ids",), found.get((space, value)))


REFERENCE = "reference"
"""The space of the names that a dialect has for things beside their ids."""

_NUMERIC = frozenset({"record", "user", "contact", "customer", "phone", "email", "address"})
"""Spaces in which a minted id is printed as a number, so that the two could meet."""
_HEXADECIMAL = re.compile("[0-9A-Fa-f]{32}")


def may_be_minted(system: str, space: str, value: str) -> bool:
    """Whether an id that a dialect prints could be meant as one of ours, so that the two could meet."""
    return system in DIALECTS and space in _NUMERIC and _is_minted(value)


def kept_as(dialect: str, space: str, value: str) -> ExternalIdValue:
    """Under which name an id that a record had in a dialect is kept: in a space of its own where it could be ours."""
    return ExternalIdValue(dialect, IMPORTED if may_be_minted(dialect, space, value) else space, value)


def _is_minted(value: str) -> bool:
    """Whether this is how some dialect prints an id of ours: in decimal digits, or in 32 hexadecimal ones."""
    is_hexadecimal = _HEXADECIMAL.fullmatch(value) is not None
    return minted(value) is not None or (is_hexadecimal and int(value, 16) in MINTED_IDS)


_PRINTED = {"covalense": ("record",), "zoho": ("record",), "valomnia": ("contact", "customer")}
"""{dialect: the spaces in which it prints our ids of records as decimal digits}; CRM.COM prints hexadecimal ones."""


def minted_names(kind: PartyKind, record: Record) -> Iterator[ExternalIdValue]:
    """How the dialects call a record that was made here: by which its ids lead on where it was merged into another."""
    for dialect, spaces in _PRINTED.items():
        yield from (ExternalIdValue(dialect, space, str(record.id)) for space in spaces)
    yield ExternalIdValue("crmcom", "record", f"{record.id:032X}")
    if kind is PartyKind.ACCOUNT:
        yield ExternalIdValue("valomnia", REFERENCE, record.number)


async def resolve(
    session: AsyncSession, dialect: str, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """{(space, value): our id} of those external ids that point at anything, in one statement."""
    wanted = [(space, value) for space, value in wanted if not fault_of(value)]
    if not wanted:
        return {}
    several = len(wanted) > 1
    sql = Sql(ExternalId, database_of(session).is_sqlite)
    given: dict[str, Any] = {"dialect": dialect}
    for name, values in zip(("space", "value"), zip(*wanted, strict=True), strict=True):
        given[name] = list(dict.fromkeys(values)) if several else values[0]

    def query() -> Select[Any]:
        # The space first, by which the unique index goes on.
        columns = (ExternalId.space, ExternalId.value)
        if several:
            held = [sql.among(column, bindparam(column.key, type_=Several(Text()))) for column in columns]
        else:
            held = [column == bindparam(column.key) for column in columns]
        targets: list[Any] = [getattr(ExternalId, f"{target}_id") for target in TARGETS]
        its_own = (ExternalId.dialect == bindparam("dialect"), *held, ExternalId.live.is_(True))
        return select(*columns, *targets).where(*its_own)

    rows = await snapshots.rows_of(session, ("external ids", several), query, given)
    found = {(space, value): next(i for i in ids if i is not None) for space, value, *ids in rows}
    return {key: found[key] for key in wanted if key in found}


async def parties(
    session: AsyncSession, wanted: Collection[ExternalIdValue], *, deleted: bool = False
) -> dict[ExternalIdValue, int]:
    """What is called so, in a statement for each so many values, of however many systems.

    Args:
        deleted: whether what was called so until it was deleted is meant, and nothing else.
    """
    names = sorted(each for each in wanted if not any(map(fault_of, each)))
    sql = Sql(ExternalId, database_of(session).is_sqlite)
    columns = (ExternalId.dialect, ExternalId.space, ExternalId.value)
    targets: list[Any] = [getattr(ExternalId, f"{target}_id") for target in TARGETS]

    def query() -> Select[Any]:
        named = [sql.among(column, bindparam(column.key, type_=Several(Text()))) for column in columns]
        live = ExternalId.live.is_(None) if deleted else ExternalId.live.is_(True)
        return select(*columns, *targets).where(*named, live)

    found: dict[ExternalIdValue, int] = {}
    for begin in range(0, len(names), MAX_VALUES):
        asked = names[begin : begin + MAX_VALUES]
        values = zip(*asked, strict=True)
        given = {column.key: list(dict.fromkeys(each)) for column, each in zip(columns, values, strict=True)}
        rows = await snapshots.rows_of(session, ("external ids", "of several systems", deleted), query, given)
        every = {ExternalIdValue(*row[:3]): next(i for i in row[3:] if i is not None) for row in rows}
        found |= {each: every[each] for each in asked if each in every}
    return found


async def holders(session: AsyncSession, wanted: Collection[ExternalIdValue]) -> dict[ExternalIdValue, int | None]:
    """Our ids of whatever is called so, None for nothing, in one statement; for whoever gives them.

    Until the transaction ends nobody else gives any: of two who find one free, one would fail.
    """
    require_transaction(session)
    if not database_of(session).is_sqlite:
        await session.execute(select(func.pg_advisory_xact_lock(_GIVING)))
    found: dict[ExternalIdValue, int | None] = dict.fromkeys(wanted)
    found |= await parties(session, wanted)
    return found


_GIVING = 0x6578_7465_726E_616C
"""The number of the advisory lock under which external ids are given: `external` in letters."""


def faults_of(
    edits: ExternalIdEdits, called: Callable[[ExternalIdValue], int | None], own_id: int | None
) -> list[Refused]:
    """What is wrong with the external ids of an edit.

    Args:
        called: who has one.
        own_id: the record that is to get them; None for a new one.
    """
    if not edits:
        return []
    if len(edits.add) > MAX_GIVEN:
        return [TooLarge(("external_ids", "add"), MAX_GIVEN)]
    faults = list(edits.faults)
    known = {fault.path[:3] for fault in faults}
    for i, each in enumerate(edits.add):
        path = ("external_ids", "add", i)
        if path in known:
            continue
        if wrong := list(_faults_of_parts(path, each)):
            faults += wrong
        elif may_be_minted(*each):
            faults.append(Invalid((*path, "value"), "minted"))
        elif (holder := called(each)) not in (None, own_id):
            faults.append(Taken(path, holder))
    return faults


def _faults_of_parts(path: Path, name: ExternalIdValue) -> Iterator[Refused]:
    for part, text in zip(("system", "space", "value"), name, strict=True):
        if is_blank(text):
            yield Missing((*path, part))
        elif len(text) > MAX_LENGTH:
            yield Invalid((*path, part), "too_long", MAX_LENGTH)
        elif fault := fault_of(text):
            yield Invalid((*path, part), *fault)


@dataclass(slots=True)
class EncodingContext:
    """What a dialect has to know about a page of records besides their own columns.

    Attributes:
        external_ids: {(target, our id): external id} in the dialect, of the records, what they name, and their rows.
        references: {(target, our id): the name it has beside that id}, of those that have one.
        records: the records that they name and the actor may see, by id.
        staff: the staff members that they name, by id.
        logins: ids of contacts that have a live credential; filled on request.
    """

    actor: Actor
    external_ids: dict[tuple[str, int], str] = field(default_factory=dict)
    references: dict[tuple[str, int], str] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    staff: dict[int, Staff] = field(default_factory=dict)
    logins: set[int] = field(default_factory=set)

    def external_id(self, target: str, own_id: int) -> str | None:
        """The external id of this thing; None when it was made here."""
        return self.external_ids.get((target, own_id))


async def encoding_context(
    session: AsyncSession,
    actor: Actor,
    dialect: str,
    aggregates: Collection[Aggregate],
    *,
    rows: bool = False,
    logins: bool = False,
    staff: Collection[int] = (),
    former: bool = False,
) -> EncodingContext:
    """Everything that the records name, in a constant number of statements.

    Args:
        dialect: whose external ids are wanted.
        rows: whether phones, emails and addresses have ids of their own in this dialect.
        logins: whether it matters who can log in.
        staff: ids of staff members that are told of though the records do not name them.
        former: whether records that were merged into others are told by what they were called.
    """
    around = EncodingContext(actor)
    parties: set[int] = {a.id for a in aggregates}
    named: dict[Any, set[int]] = {Staff: set(staff), Contact: set(), Account: set(), Lead: set()}
    for aggregate in aggregates:
        record: Any = aggregate.record
        for column, model in REFERENCES[type(record)].items():
            if (value := getattr(record, column)) is not None:
                named[model].add(value)
        named[Staff] |= {i for i in (record.created_by_id, record.modified_by_id) if i is not None}
        for other in (relation.other_id for relation in aggregate.relations if relation.other_id is not None):
            # It is one of the two; the other query does not find it.
            named[Contact].add(other)
            named[Account].add(other)
    own: dict[int, Record] = {a.id: a.record for a in aggregates}
    for model in MODELS.values():
        if missing := named[model] - own.keys():
            around.records |= {record.id: record for record in await _visible(session, actor, model, missing)}
        around.records |= {i: own[i] for i in named[model] & own.keys()}
        parties |= named[model]
    if named[Staff]:
        around.staff = await _staff(session, named[Staff])
    wanted: dict[str, set[int]] = {"party": parties, "staff": named[Staff]}
    if rows:
        for target, name in (("phone", "phones"), ("email", "emails"), ("address", "addresses")):
            wanted[target] = {row.id for a in aggregates for row in getattr(a, name)}
    await _read_external_ids(session, dialect, wanted, around, former=former)
    if logins:
        contacts = [a.id for a in aggregates if a.kind is PartyKind.CONTACT]
        query = select(Credential.contact_id).where(Credential.contact_id.in_(contacts), Credential.live.is_(True))
        around.logins = {i for i in await session.scalars(query) if i is not None}
    return around


async def _visible(session: AsyncSession, actor: Actor, model: Any, ids: Collection[int]) -> Iterable[Any]:
    """The records of these ids that exist for the actor."""
    named = snapshots.Ids(database_of(session), ids)
    return await snapshots.read(
        session,
        ("visible", named.shape, visibility_key(actor)),
        model,
        lambda query: query.where(named.match(model.id), visible(with_parameters(actor), model)),
        {"ids": named.value, **visibility_values(actor)},
    )


async def _staff(session: AsyncSession, ids: Collection[int]) -> dict[int, Staff]:
    """The staff members of these ids."""
    named = snapshots.Ids(database_of(session), ids)
    found: Iterable[Staff] = await snapshots.read(
        session,
        ("staff", named.shape),
        Staff,
        lambda query: query.where(named.match(Staff.id)),
        {"ids": named.value},
    )
    return {member.id: member for member in found}


async def _read_external_ids(
    session: AsyncSession, dialect: str, wanted: dict[str, set[int]], around: EncodingContext, *, former: bool = False
) -> None:
    columns: dict[str, Any] = {target: getattr(ExternalId, f"{target}_id") for target in TARGETS}
    asked = tuple(target for target in TARGETS if wanted.get(target))
    if not asked:
        return
    db = database_of(session)
    named = {target: snapshots.Ids(db, wanted[target]) for target in asked}

    def query() -> Select[Any]:
        own = or_(*(ids.match(columns[target], target) for target, ids in named.items()))
        meant = [own & ExternalId.former_id.is_(None)]
        told = dict(columns)
        if former and "party" in named:
            before: Any = ExternalId.former_id
            meant.append(named["party"].match(before, "party") & ExternalId.alias.is_(False))
            told["party"] = func.coalesce(before, ExternalId.party_id)
        return select(ExternalId.space, ExternalId.value, *told.values()).where(
            ExternalId.dialect == bindparam("dialect"), or_(*meant)
        )

    rows = await snapshots.rows_of(
        session,
        ("external ids", former, tuple((target, ids.shape) for target, ids in named.items())),
        query,
        {"dialect": dialect, **{target: ids.value for target, ids in named.items()}},
    )
    note_external_ids(rows, around)


def note_external_ids(rows: Iterable[Any], around: EncodingContext) -> None:
    """Note what was read of external ids: (space, value, and the id of each of `TARGETS`, of which one is there)."""
    for space, value, *targets in rows:
        if space == IMPORTED:
            continue
        into = around.references if space == REFERENCE else around.external_ids
        for target, own_id in zip(TARGETS, targets, strict=True):
            if own_id is not None:
                into[target, own_id] = value


async def of_staff(session: AsyncSession, actor: Actor, dialect: str, ids: Collection[int]) -> EncodingContext:
    """Staff members and what a dialect calls them, without any record, in two statements."""
    around = EncodingContext(actor)
    around.staff = await _staff(session, ids)
    await _read_external_ids(session, dialect, {"staff": set(ids)}, around)
    return around


async def of_records(session: AsyncSession, dialect: str, ids: Collection[int]) -> dict[int, str]:
    """{id: its external id in a dialect, else ours in decimal}, of deleted records too; one statement."""
    around = EncodingContext(Actor(Door.OPERATOR))
    await _read_external_ids(session, dialect, {"party": set(ids)}, around)
    return {own_id: around.external_id("party", own_id) or str(own_id) for own_id in ids}
