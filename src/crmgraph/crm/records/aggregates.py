"""Aggregates: a record together with its rows and its photo, and how they are loaded, to be read or to be changed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import NotFound
from crmgraph.crm.models import Address, Contact, Email, Login, PartyKind, Phone, Photo, Relation
from crmgraph.crm.policy import (
    KINDS,
    MODELS,
    Actor,
    Record,
    gone_for,
    visibility_key,
    visibility_values,
    visible,
    with_parameters,
)
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.former_ids import heirs
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.db.database import Database

ROWS: dict[str, Any] = {"phones": Phone, "emails": Email, "addresses": Address, "relations": Relation}
"""The lists of child rows by their name on `Aggregate` and `Edit`."""

PARTS = ("phones", "emails", "addresses", "photo")
"""What of a record is read when nothing is said; `relations` and `login` are more, for those who change the record."""

_ONE: dict[str, Any] = {"photo": Photo, "login": Login}
"""What there is one of at most, by its name on `Aggregate`."""

_PARTS_OF: dict[Any, dict[str, Any]] = {
    model: {name: child for name, child in {**ROWS, **_ONE}.items() if model is Contact or name != "login"}
    for model in MODELS.values()
}
"""{model: what a record of it may have, by its name on `Aggregate`}."""


@dataclass(slots=True)
class Aggregate:
    """A record with its rows, in the order of their rank, and its photo.

    Attributes:
        login: the email by which the contact comes in, where that was asked for.
        parted_login: the same where an update has given the contact another primary email.
    """

    record: Record
    phones: list[Phone] = field(default_factory=list)
    emails: list[Email] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    photo: Photo | None = None
    relations: list[Relation] = field(default_factory=list)
    login: Login | None = None
    parted_login: str | None = None

    @property
    def id(self) -> int:
        return self.record.id

    @property
    def rows(self) -> list[Any]:
        """The rows of all its lists."""
        return [*self.phones, *self.emails, *self.addresses, *self.relations]

    @property
    def kind(self) -> PartyKind:
        return KINDS[type(self.record)]


async def load(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    ids: Collection[int],
    *,
    lock: bool = False,
    parts: Collection[str] = PARTS,
    deleted: bool = False,
) -> dict[int, Aggregate]:
    """The live records of `ids` that the actor may see, with their rows, in a constant number of statements.

    Args:
        lock: take the records for writing until the transaction ends.
        deleted: whether those that were deleted are meant, and no others.
        parts: what is needed of `PARTS` and relations; the other lists stay empty.
    """
    model = MODELS[kind]
    db = None if lock or deleted else snapshots.reads_from(session)
    if db is not None:
        return await _load_snapshots(db, actor, model, ids, parts)
    seen = gone_for(actor, model) if deleted else visible(actor, model)
    query = select(model).where(model.id.in_(ids), seen).order_by(model.id)
    if lock:
        # Not its id, which nothing changes: rows that name it may come and go meanwhile.
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    records: list[Any] = list(await session.scalars(query))
    return await _with_children(session, model, records, parts, lambda row: snapshots.adopted(session, row))


async def _with_children(
    session: AsyncSession,
    model: Any,
    records: Sequence[Any],
    parts: Collection[str],
    taken: Callable[[Any], Any] = lambda row: row,
) -> dict[int, Aggregate]:
    """Records that a transaction has read, with their rows, by id.

    In a statement of their own: what another writer did to them while the records were waited for has to be seen.
    """
    found = {record.id: Aggregate(record) for record in records}
    listed = wanted(model, parts)
    if found and listed:
        children = list(listed.values())
        for own_id, lists in (await snapshots.children_of(session, model, children, found)).items():
            fill(found[own_id], listed, [list(map(taken, rows)) for rows in lists])
    return found


async def load_one(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    party_id: int,
    *,
    lock: bool = False,
    parts: Collection[str] = PARTS,
) -> Aggregate:
    """The one record of this id, or the one into which that was merged, see `load`.

    Raises:
        NotFound: there is none that the actor may see.
    """
    found = await load(session, actor, kind, [party_id], lock=lock, parts=parts)
    if party_id not in found and (led := await heirs(session, actor, MODELS[kind], [party_id])):
        party_id = led[party_id]
        found = await load(session, actor, kind, [party_id], lock=lock, parts=parts)
    if party_id not in found:
        raise NotFound
    return found[party_id]


async def load_for_change(
    unit: UnitOfWork,
    actor: Actor,
    kind: PartyKind,
    ids: Collection[int],
    *,
    parts: Collection[str] = PARTS,
    deleted: bool = False,
) -> dict[int, Aggregate]:
    """Live records that are to be changed by a write set of the same unit of work; see `load`.

    They belong to no session: nothing but the write set writes what changes of them.

    Args:
        deleted: whether those that were deleted are meant too, where the unit locks what it reads.
    """
    if unit.locks:
        model = MODELS[kind]
        seen = visible(actor, model, deleted=deleted)
        records = await snapshots.lock(unit.session, model, model.id.in_(ids) & seen)
        return await _with_children(unit.session, model, records, parts)
    found = await _load_snapshots(unit.database, actor, MODELS[kind], ids, parts)
    for each in found.values():
        unit.watch(each.record, each.rows)
    return found


async def load_one_for_change(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, party_id: int, *, parts: Collection[str] = PARTS
) -> Aggregate:
    """The one record of this id, or the one into which that was merged, see `load_for_change`.

    Raises:
        NotFound: there is none that the actor may see.
    """
    found = await find_one_for_change(unit, actor, kind, party_id, parts=parts)
    if found is None:
        raise NotFound
    return found


async def find_one_for_change(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, party_id: int, *, parts: Collection[str] = PARTS
) -> Aggregate | None:
    """The same; None where there is none."""
    found = await load_for_change(unit, actor, kind, [party_id], parts=parts)
    if party_id not in found:
        led = await heirs(unit.session, actor, MODELS[kind], [party_id])
        found = await load_for_change(unit, actor, kind, list(led.values()), parts=parts) if led else {}
    return next(iter(found.values()), None)


def parts_of(edit: Edit) -> set[str]:
    """What has to be loaded of a record for an edit of it: the lists that change, and phones together with addresses,
    which say where they are. Beside emails stands the one that opens the login."""
    parts = set(edit.lists())
    parts |= {"login"} if "emails" in parts else set()
    return parts | {"addresses", "phones"} if parts & {"addresses", "phones"} else parts


def wanted(model: Any, parts: Collection[str]) -> dict[str, Any]:
    """{part: its model} of those parts that a record of this model may have."""
    return {name: child for name, child in _PARTS_OF[model].items() if name in parts}


def fill(aggregate: Aggregate, names: Iterable[str], lists: Sequence[list[Any]]) -> None:
    """Give a record the rows that were read with it, by the names of the parts."""
    for name, rows in zip(names, lists, strict=True):
        if name in _ONE:
            setattr(aggregate, name, rows[0] if rows else None)
        else:
            setattr(aggregate, name, rows)


async def _load_snapshots(
    db: Database, actor: Actor, model: Any, ids: Collection[int], parts: Collection[str]
) -> dict[int, Aggregate]:
    """The same without a lock and in one statement."""
    listed = wanted(model, parts)
    named = snapshots.Ids(db, ids)
    found = await snapshots.read_with(
        db,
        ("records", named.shape, visibility_key(actor)),
        model,
        list(listed.values()),
        lambda query: query.where(named.match(model.id), visible(with_parameters(actor), model)).order_by(model.id),
        {"ids": named.value, **visibility_values(actor)},
    )
    aggregates = {}
    for record, lists in found:
        aggregate = aggregates[record.id] = Aggregate(record)
        fill(aggregate, listed, lists)
    return aggregates
