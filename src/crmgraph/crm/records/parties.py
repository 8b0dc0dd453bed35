"""The verbs for all three kinds of record: load, find, create, update, remove.

Every function takes the session first and never commits: the edge that opened the transaction does.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ScalarSelect, literal, not_, or_, select, union_all
from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.errors import Ambiguous, Invalid, NotFound, Refused, Stale, Taken, refuse
from crmgraph.crm.models import (
    FIRST_MINTED_ID,
    FOLDED,
    Account,
    Action,
    Address,
    Contact,
    Credential,
    Email,
    ExternalId,
    Lead,
    Login,
    Party,
    PartyKind,
    Phone,
    Photo,
    Relation,
    Staff,
    now,
)
from crmgraph.crm.models.records import CLAIMED
from crmgraph.crm.policy import (
    IDENTITY_DOCUMENTS,
    KINDS,
    MODELS,
    Actor,
    Record,
    check_change,
    check_documents,
    require_staff,
    visibility_key,
    visibility_values,
    visible,
    with_parameters,
)
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.references import REFERENCES, hidden
from crmgraph.crm.records import numbers
from crmgraph.crm.records.change_log import Changes
from crmgraph.crm.records.contact_points import apply_rows, check_rows, complete_numbers, region_of
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.hierarchies import HIERARCHIES, check_circle
from crmgraph.crm.records.leads import releases, require_unlocked, require_workable
from crmgraph.crm.records.relations import check_relations
from crmgraph.crm.records.rules import check_edit
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.text import email_key
from crmgraph.db.database import Database

ROWS: dict[str, Any] = {"phones": Phone, "emails": Email, "addresses": Address, "relations": Relation}
"""The lists of child rows by their name on `Aggregate` and `Edit`."""

PARTS = ("phones", "emails", "addresses", "photo")
"""What of a record is read when nothing is said; `relations` and `login` are more, for those who change the record."""

_ONE: dict[str, Any] = {"photo": Photo, "login": Login}
"""What there is one of at most, by its name on `Aggregate`."""

_SERIES = {
    PartyKind.CONTACT: numbers.Series.CONTACT,
    PartyKind.ACCOUNT: numbers.Series.ACCOUNT,
    PartyKind.LEAD: numbers.Series.LEAD,
}

_KEYS = {
    model: [(column.key, key.key) for column, key in FOLDED.items() if column.class_ is model]
    for model in MODELS.values()
}
"""{model: (column, the column of its search key)}."""


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
    def kind(self) -> PartyKind:
        return KINDS[type(self.record)]


@dataclass(frozen=True, slots=True)
class IdCandidates:
    """What an id that a dialect prints may stand for. The first of these that anything has is meant.

    Attributes:
        external_ids: (space, value): what it may be called in the system that it came from.
        own: an id of ours.
        number: what people call a record by, in dialects that print it in the place of an id.
    """

    dialect: str
    external_ids: tuple[tuple[str, str], ...]
    own: int | None = None
    number: str | None = None


def spellings(text: str) -> tuple[str, ...]:
    """A text as it came, in capitals and in small letters: ids are found in any case, the very spelling first."""
    return tuple(dict.fromkeys((text, text.upper(), text.lower())))


def minted(digits: str) -> int | None:
    """The id of ours that decimal digits are; None where they are none that we give out."""
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 16:
        return None
    return number if FIRST_MINTED_ID <= (number := int(digits)) < 2**53 else None


@dataclass(frozen=True, slots=True)
class Ref:
    """How a caller names a record: by exactly one of these.

    Attributes:
        external: an id as a dialect prints it.
    """

    id: int | None = None
    number: str | None = None
    email: str | None = None
    external: IdCandidates | None = None


async def find(session: AsyncSession, actor: Actor, kind: PartyKind, ref: Ref) -> int:
    """The id of the live record that `ref` names and the actor may see.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    model = MODELS[kind]
    query = select(model.id).where(visible(actor, model)).limit(2)
    if ref.id is not None:
        query = query.where(model.id == ref.id)
    elif ref.number is not None:
        query = query.where(model.number == ref.number)
    elif ref.email is not None:
        query = _of_email(query, actor, model, ref.email)
    elif ref.external is not None:
        if (meant := _meant(model, ref.external)) is None:
            raise NotFound
        query = select(model.id).where(visible(actor, model), model.id == meant)
    else:
        raise NotFound
    found = (await session.scalars(query)).all()
    if not found:
        raise NotFound
    if len(found) > 1:
        raise Ambiguous
    return found[0]


def _of_email(query: Any, actor: Actor, model: Any, email: str) -> Any:
    """The records of a query that have an email: what customers claim of themselves counts for nothing beside what the
    office or an import knows."""
    having = select(Email.party_id).where(Email.address_key == email_key(email), Email.active)
    query = query.where(model.id.in_(having))
    if not actor.is_staff:
        return query  # who sees their own record alone learns nothing of others
    known = having.where(not_(CLAIMED))
    other = aliased(model)
    some = select(other.id).where(other.deleted_at.is_(None), other.id.in_(known)).exists()
    return query.where(or_(model.id.in_(known), not_(some)))


def _meant(model: Any, candidates: IdCandidates) -> ScalarSelect[Any] | None:
    """The query of the id of the one record that a printed id stands for; None where it can stand for none."""
    places: list[Any] = [
        select(ExternalId.party_id.label("id"), literal(place).label("place"))
        .join(model, model.id == ExternalId.party_id)
        .where(
            ExternalId.dialect == candidates.dialect,
            ExternalId.space == space,
            ExternalId.value == value,
            ExternalId.live.is_(True),
        )
        for place, (space, value) in enumerate(candidates.external_ids)
    ]
    last = len(places)
    if candidates.own is not None:
        places.append(select(model.id, literal(last)).where(model.id == candidates.own))
    if candidates.number is not None:
        named = model.number.in_(spellings(candidates.number))
        places.append(select(model.id, literal(last + 1)).where(named, model.deleted_at.is_(None)))
    if not places:
        return None
    either = union_all(*places).subquery()
    return select(either.c.id).order_by(either.c.place, either.c.id).limit(1).scalar_subquery()


async def hold(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, ref: Ref, *, parts: Collection[str] = PARTS
) -> "Aggregate":
    """The live record that `ref` names, to be changed, see `load_for_change`. An id needs no looking up first.

    Raises:
        NotFound: there is none, or it answers to the name no more when it can be taken.
        Ambiguous: there are several.
    """
    if ref.id is not None:
        return await load_one_for_change(unit, actor, kind, ref.id, parts=parts)
    found = await find(unit.session, actor, kind, ref)
    wanted = {*parts, "emails"} if ref.email is not None else parts
    record = await load_one_for_change(unit, actor, kind, found, parts=wanted)
    # Ids elsewhere go with the record alone; the others may have been given to another meanwhile.
    if ref.number is not None and record.record.number != ref.number:
        raise NotFound
    if ref.email is not None and email_key(ref.email) not in {row.address_key for row in record.emails}:
        raise NotFound
    return record


async def load(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    ids: Collection[int],
    *,
    lock: bool = False,
    parts: Collection[str] = PARTS,
) -> dict[int, Aggregate]:
    """The live records of `ids` that the actor may see, with their rows, in a constant number of statements.

    Args:
        lock: take the records for writing until the transaction ends.
        parts: what is needed of `PARTS` and relations; the other lists stay empty.
    """
    model = MODELS[kind]
    db = None if lock else snapshots.reads_from(session)
    if db is not None:
        return await _load_snapshots(db, actor, model, ids, parts)
    query = select(model).where(model.id.in_(ids), visible(actor, model)).order_by(model.id)
    if lock:
        # Not its id, which nothing changes: rows that name it may come and go meanwhile.
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    records: Iterable[Any] = await session.scalars(query)
    found = {record.id: Aggregate(record) for record in records}
    if not found:
        return {}
    # In a statement of their own: what another writer did to them while the record was waited for has to be seen.
    wanted = _wanted(model, parts)
    if wanted:
        children = list(wanted.values())
        for own_id, lists in (await snapshots.children_of(session, model, children, found)).items():
            _fill(found[own_id], wanted, lists)
    return found


def _wanted(model: Any, parts: Collection[str]) -> dict[str, Any]:
    """{part: its model} of those parts that a record of this model may have."""
    known = {**ROWS, **_ONE}
    if model is not Contact:
        del known["login"]
    return {name: child for name, child in known.items() if name in parts}


def _fill(aggregate: Aggregate, names: Iterable[str], lists: Sequence[list[Any]]) -> None:
    for name, rows in zip(names, lists, strict=True):
        if name in _ONE:
            setattr(aggregate, name, rows[0] if rows else None)
        else:
            setattr(aggregate, name, rows)


async def _load_snapshots(
    db: Database, actor: Actor, model: Any, ids: Collection[int], parts: Collection[str]
) -> dict[int, Aggregate]:
    """The same without a lock and in one statement."""
    wanted = _wanted(model, parts)
    named = snapshots.Ids(db, ids)
    found = await snapshots.read_with(
        db,
        ("records", named.shape, visibility_key(actor)),
        model,
        list(wanted.values()),
        lambda query: query.where(named.hold(model.id), visible(with_parameters(actor), model)).order_by(model.id),
        {"ids": named.value, **visibility_values(actor)},
    )
    aggregates = {}
    for record, lists in found:
        aggregate = aggregates[record.id] = Aggregate(record)
        _fill(aggregate, wanted, lists)
    return aggregates


async def load_one(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    party_id: int,
    *,
    lock: bool = False,
    parts: Collection[str] = PARTS,
) -> Aggregate:
    """The one record of this id, see `load`.

    Raises:
        NotFound: there is none that the actor may see.
    """
    found = await load(session, actor, kind, [party_id], lock=lock, parts=parts)
    if party_id not in found:
        raise NotFound
    return found[party_id]


async def load_for_change(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, ids: Collection[int], *, parts: Collection[str] = PARTS
) -> dict[int, Aggregate]:
    """Live records that are to be changed by `update` in the same unit of work; see `load`."""
    if unit.locks:
        return await load(unit.session, actor, kind, ids, lock=True, parts=parts)
    found = await _load_snapshots(unit.database, actor, MODELS[kind], ids, parts)
    for each in found.values():
        unit.watch(each.record, (row for name in ROWS for row in getattr(each, name)))
    return found


async def load_one_for_change(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, party_id: int, *, parts: Collection[str] = PARTS
) -> Aggregate:
    """The one record of this id, see `load_for_change`.

    Raises:
        NotFound: there is none that the actor may see.
    """
    found = await load_for_change(unit, actor, kind, [party_id], parts=parts)
    if party_id not in found:
        raise NotFound
    return found[party_id]


def parts_of(edit: Edit) -> set[str]:
    """What has to be loaded of a record for an edit of it: the lists that change, and phones together with addresses,
    which say where they are. Beside emails stands the one that opens the login."""
    parts = {name for name in ROWS if getattr(edit, name)}
    parts |= {"login"} if "emails" in parts else set()
    return parts | {"addresses", "phones"} if parts & {"addresses", "phones"} else parts


async def create(
    session: AsyncSession, actor: Actor, kind: PartyKind, edit: Edit, *, signing_up: bool = False
) -> Aggregate:
    """A new record with its rows.

    Args:
        edit: only additions; `number` may be given, and otherwise comes from its series.
        signing_up: the caller registers a customer, who is nobody's staff.

    Raises:
        Refused: everything that is wrong with the edit, at once; or the actor may not.
    """
    if not signing_up:
        require_staff(actor)
    model = MODELS[kind]
    refuse(await faults_of(Transaction(session), actor, kind, None, edit))
    party = Party(kind=kind)
    session.add(party)
    await session.flush()
    number = edit.values.get("number") or (await numbers.take(session, _SERIES[kind]))[0]
    at = now()
    record: Any = model(
        **{
            "created_at": at,
            "updated_at": at,
            "created_by_id": actor.staff_id,
            "modified_by_id": actor.staff_id,
            **edit.values,
            "id": party.id,
            "number": number,
            "revision": 1,
            "extra_fields": edit.extra_fields,
        }
    )
    derive(record)
    session.add(record)
    aggregate = Aggregate(record)
    changes = Changes(actor)
    for name, value in edit.values.items():
        changes.column(name, None, value)
    await session.flush()
    await _apply_rows(Transaction(session), actor, aggregate, edit, changes)
    changes.write(session, record, Action.CREATED)
    await session.flush()
    return aggregate


async def update(
    unit: UnitOfWork,
    actor: Actor,
    aggregate: Aggregate,
    edit: Edit,
    *,
    if_revision: int | None = None,
) -> bool:
    """Change a record that was loaded with `lock`, or for the change in the same unit of work.

    What would change nothing changes nothing, not even the revision.

    Args:
        if_revision: the revision that the caller read; another one now is refused.

    Returns:
        Whether anything changed.

    Raises:
        Refused: everything that is wrong with the edit, at once; or the actor may not.
        NotApproved, Locked, Invalid: nobody may work on this lead now, see `leads.require_workable`.
    """
    record = aggregate.record
    require_revision(record, if_revision)
    if isinstance(record, Lead) and not releases(edit):
        require_workable(record)
    refuse(await faults_of(unit, actor, aggregate.kind, aggregate, edit))

    primary = _primary_email(aggregate)
    changes = Changes(actor)
    for name, value in _changed(record, edit).items():
        changes.column(name, getattr(record, name), value)
        setattr(record, name, value)
    key = derive(record)
    if key is not None:
        rows = update_rows(Address).where(Address.party_id == record.id)
        await (await unit.transaction()).execute(rows.values(name_key=key))
    completed = await _apply_rows(unit, actor, aggregate, edit, changes)
    record.extra_fields = changes.extra_fields(record.extra_fields, edit.extra_fields)
    login = aggregate.login
    if login is not None and _primary_email(aggregate) not in (primary, login.email_key):
        aggregate.parted_login = login.email
    if not changes:
        if completed:
            await unit.flush()
        return False
    touch(record, actor)
    unit.log(changes.line(record, Action.UPDATED))
    await unit.flush()
    return True


def _primary_email(aggregate: Aggregate) -> str | None:
    """What the first active email is found by."""
    return next((row.address_key for row in aggregate.emails if row.active), None)


def _changed(record: Record, edit: Edit) -> dict[str, Any]:
    """The values of an edit that the record has otherwise."""
    return {name: value for name, value in edit.values.items() if getattr(record, name) != value}


async def faults_of(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, aggregate: Aggregate | None, edit: Edit
) -> list[Refused]:
    """Everything that is wrong with an edit, whose values are brought into the form the store keeps.

    Args:
        aggregate: the record that it is to change, loaded as for `update`; None for a new one.
    """
    model = MODELS[kind]
    if aggregate is None:
        session = await unit.transaction()
        faults = check_edit(model, edit, creating=True)
        faults += check_documents(actor, model, edit.values)
        faults += await unknown_references(session, actor, model, edit.values)
        faults += await _check_number(session, model, edit.values, None)
        return faults + await check_relations(session, actor, edit.relations)
    record = aggregate.record
    faults = check_edit(model, edit, creating=False, record=record)
    references = REFERENCES[model].keys()
    for name in sorted(await hidden(unit.session, record, edit.values)) if references & edit.values.keys() else ():
        if edit.values[name] is None:
            del edit.values[name]  # what is sent back as it is seen changes nothing
        else:
            faults.append(Invalid((name,), "reference"))
    changed = _changed(record, edit)
    # What a caller may not see counts as changed even where it is the same: else a guess could be confirmed.
    guessed = {name: value for name, value in edit.values.items() if name in IDENTITY_DOCUMENTS}
    forbidden = check_change(actor, record, guessed | changed if actor.is_staff else changed)
    faults += forbidden
    # Nor is it told of what they may not change whether it would have been taken.
    changed = {name: value for name, value in changed.items() if (name,) not in {fault.path for fault in forbidden}}
    if references & changed.keys():
        in_hierarchy = changed.get(HIERARCHIES.get(model, "")) is not None
        session = await unit.transaction() if in_hierarchy else unit.session
        faults += await unknown_references(session, actor, model, changed)
        faults += await check_circle(session, record, changed)
    if "number" in changed:
        faults += await _check_number(await unit.transaction(), model, changed, record.id)
    faults += check_rows(aggregate, edit)
    if edit.relations:
        faults += await check_relations(unit.session, actor, edit.relations, aggregate.relations)
    return faults


async def remove(session: AsyncSession, actor: Actor, aggregate: Aggregate, *, if_revision: int | None = None) -> None:
    """Take a record that was loaded with `lock` out of every door's sight, and free its uniques.

    Its rows stay, and so does what other records hold of it: nobody sees that while it is deleted.

    Args:
        if_revision: the revision that the caller read; another one now is refused.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        Stale: it has another revision.
        Locked: a process holds it.
    """
    require_staff(actor)
    record = aggregate.record
    require_revision(record, if_revision)
    require_unlocked(record)
    touch(record, actor)
    record.deleted_at = record.updated_at
    await session.execute(update_rows(ExternalId).where(ExternalId.party_id == record.id).values(live=None))
    if isinstance(record, Contact):
        await session.execute(update_rows(Credential).where(Credential.contact_id == record.id).values(live=None))
    Changes(actor).write(session, record, Action.DELETED)
    await session.flush()


def require_revision(record: Record, if_revision: int | None) -> None:
    """Let a record pass that has the revision which the caller read; None for a caller who does not say.

    Raises:
        Stale: it has another one.
    """
    refuse(stale(record, if_revision))


def stale(record: Record, if_revision: int | None) -> list[Refused]:
    """The fault of a caller who read another revision than the record has, if there is any; see `require_revision`."""
    if if_revision is None or if_revision == record.revision:
        return []
    return [Stale(("if_revision",), record.revision)]


def touch(record: Record, actor: Actor) -> None:
    """Count one more revision of the aggregate: once a transaction."""
    record.revision += 1
    record.updated_at = max(now(), record.updated_at)
    if actor.staff_id is not None:
        record.modified_by_id = actor.staff_id


def derive(record: Record) -> str | None:
    """Bring the stored keys up to date; the name key when it changed."""
    before = name_key(record)
    for name, key in _KEYS[type(record)]:
        folded = fold(getattr(record, name))
        if getattr(record, key) != folded:
            setattr(record, key, folded)
    after = name_key(record)
    return None if after == before else after


def name_key(record: Record) -> str:
    """The key by which lists of this kind are sorted by name."""
    return record.name_key if isinstance(record, Account) else record.last_name_key


async def _apply_rows(unit: UnitOfWork, actor: Actor, aggregate: Aggregate, edit: Edit, changes: Changes) -> bool:
    """Carry out the edits of all lists; whether anything was derived that no change tells of."""
    # Addresses first: the country of the first one is the region of phones that name none.
    if edit.addresses:
        key = name_key(aggregate.record)
        await apply_rows(unit, aggregate, "addresses", edit.addresses, changes, {"name_key": key})
    if edit.emails:
        await apply_rows(unit, aggregate, "emails", edit.emails, changes, {"self_given": not actor.is_staff})
    region = region_of(aggregate.addresses) or actor.region
    if edit.phones:
        await apply_rows(unit, aggregate, "phones", edit.phones, changes, {"region": region})
    if edit.relations:
        await apply_rows(unit, aggregate, "relations", edit.relations, changes, {})
    # What is derived is nobody's change: it is written, and not told in the log.
    return bool(edit.phones or edit.addresses) and complete_numbers(aggregate.phones, region)


async def unknown_references(session: AsyncSession, actor: Actor, model: type, values: dict[str, Any]) -> list[Refused]:
    """The faults of those values that name a record, or a member of the staff, whom the actor cannot name."""
    faults: list[Refused] = []
    for name, target in REFERENCES[model].items():
        wanted = values.get(name)
        if wanted is None:
            continue
        query = select(target.id).where(target.id == wanted)
        query = query.where(Staff.active) if target is Staff else query.where(visible(actor, target))
        if await session.scalar(query) is None:
            faults.append(Invalid((name,), "reference"))
    return faults


async def _check_number(session: AsyncSession, model: Any, values: dict[str, Any], own: int | None) -> list[Refused]:
    number = values.get("number")
    if number is None:
        return []
    await numbers.hold(session, _SERIES[KINDS[model]])
    existing = await session.scalar(
        select(model.id).where(model.number == number, model.deleted_at.is_(None), model.id != (own or 0))
    )
    return [] if existing is None else [Taken(("number",), existing)]
