"""Item sets: creations, changes, upserts and deletions that a caller sends together, each told apart.

They are decided one after the other in one write set, in one transaction, which the caller begins. Each finds the
records as those before it left them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import NotFound, Path, Refused, Several, Taken
from crmgraph.crm.models import Address, Email, EmailKind, PartyKind, Phone
from crmgraph.crm.policy import MODELS, Actor, require_staff
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.contact_points import new_row, region_of
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.external_ids import kept_as
from crmgraph.crm.records.known import Planned
from crmgraph.crm.records.lead_values import IDENTITIES
from crmgraph.crm.records.lookup import Ref
from crmgraph.crm.records.rules import check_edit
from crmgraph.crm.records.set_lookup import SetLookup
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.crm.values.text import email_key

TURN = 20
"""After how many decisions others are let in: one takes up to half a millisecond."""

_ROWS: dict[str, Any] = {"phones": Phone, "emails": Email, "addresses": Address}


class Verb(StrEnum):
    """What an item wants done."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


class Written(StrEnum):
    """What became of an item."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    DELETED = "DELETED"


@dataclass(slots=True)
class Item:
    """One of the changes of a set, and what became of it.

    Attributes:
        ref: names the record; None for one to be created.
        edit: of an upsert, what a new record would have.
        if_revision: the revision that the caller read; None for a caller who does not say.
        refused: why nothing was done. Set beforehand, it is only looked at for what else is wrong with it.
        called: where in `edit` the name by which an upsert makes a record was put, that was not given there.
        outcome: None where nothing was done: it was refused, or the whole set was.
        aggregate: the record as it is by then.
    """

    verb: Verb
    ref: Ref | None = None
    edit: Edit = field(default_factory=Edit)
    if_revision: int | None = None
    refused: Refused | None = None
    called: Path = ()
    outcome: Written | None = None
    aggregate: Aggregate | None = None


async def carry_out(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    items: Sequence[Item],
    *,
    all_or_none: bool,
    dry_run: bool = False,
) -> None:
    """Do what the items want, in their order, in a number of statements that does not grow with them.

    Args:
        session: in a transaction.
        all_or_none: whether nothing is written where any item is refused; else the others are.
        dry_run: whether to find out what would become of the items, and to change nothing.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    unit = Transaction(session)
    open_ones = [item for item in items if item.refused is None]
    lookup = SetLookup(unit, actor, kind)
    await lookup.lock(item.ref for item in open_ones if item.verb is Verb.UPSERT and item.ref is not None)
    await lookup.load([item.ref for item in open_ones if item.ref is not None])
    deciding = _Deciding(kind, actor, WriteSet(unit, actor), lookup)
    await deciding.written.expect(deciding.planned(items))
    for i, item in enumerate(items):
        if i % TURN == TURN - 1:
            await asyncio.sleep(0)
        if item.refused is not None:
            item.refused = await deciding.with_others(item, item.refused)
            continue
        try:
            await deciding.decide(item)
        except Refused as refused:
            item.refused, item.outcome, item.aggregate = await deciding.with_others(item, refused), None, None
    if all_or_none and any(item.refused is not None for item in items):
        for item in items:
            item.outcome, item.aggregate = None, None
        return
    if dry_run:
        async with session.begin_nested() as savepoint:
            await deciding.written.write()
            await savepoint.rollback()
    else:
        await deciding.written.write()
    _name_existing(items, deciding.written)


def _name_existing(items: Sequence[Item], written: WriteSet) -> None:
    """Give refusals the ids of records that the set itself has made."""
    faults = (fault for item in items if item.refused is not None for fault in item.refused.all)
    for fault in faults:
        if isinstance(fault, Taken) and fault.existing is not None:
            fault.existing = written.id_of(fault.existing)


@dataclass(frozen=True, slots=True)
class _Deciding:
    """What the items of one set have in common."""

    kind: PartyKind
    actor: Actor
    written: WriteSet
    lookup: SetLookup

    def planned(self, items: Sequence[Item]) -> list[Planned]:
        """What is known beforehand of what the items want."""
        plans: list[Planned] = []
        for item in items:
            found = self._found(item)
            if item.verb is Verb.DELETE:
                plans.append((self.kind, found, Edit()))
                continue
            new = _new_edit(item) if found is None and item.verb is Verb.UPSERT else item.edit
            plans.append((self.kind, found, new))
        return plans

    def _found(self, item: Item) -> Aggregate | None:
        try:
            return None if item.ref is None else self.lookup.find(item.ref)
        except Refused:
            return None

    async def decide(self, item: Item) -> None:
        """Do what one item wants.

        Raises:
            Refused: why not; nothing of it stays.
        """
        match item.verb:
            case Verb.CREATE:
                await self._create(item, item.edit)
            case Verb.UPDATE:
                await self._update(item, self._named(item), item.edit)
            case Verb.UPSERT:
                await self._upsert(item)
            case Verb.DELETE:
                aggregate = self._named(item)
                if aggregate.id < 0:
                    raise NotFound(("by",))  # what the same set makes is there for nobody yet
                self.written.remove(aggregate, if_revision=item.if_revision)
                self.lookup.leave(aggregate.id)
                item.aggregate, item.outcome = aggregate, Written.DELETED

    async def with_others(self, item: Item, refused: Refused) -> Refused:
        """Why an item was refused, and what else is wrong with it where its record is not known."""
        if refused.path[:1] != ("by",) or item.verb not in (Verb.UPDATE, Verb.UPSERT):
            return refused
        others = check_edit(MODELS[self.kind], item.edit, creating=False)
        others += await self.written.unknown_references(self.kind, item.edit.values)
        return Several((refused, *item.edit.external_ids.faults, *others)) if others else refused

    def _named(self, item: Item) -> Aggregate:
        assert item.ref is not None  # noqa: S101 - all but creations name one
        try:
            return self.lookup.find(item.ref)
        except Refused as refused:
            refused.path = ("by",)
            raise

    async def _upsert(self, item: Item) -> None:
        try:
            aggregate = self._named(item)
        except NotFound:
            assert item.ref is not None  # noqa: S101 - upserts name one
            if item.ref.id is not None or item.if_revision is not None:
                raise  # an id is ours to give, and what was read is gone
            try:
                await self._create(item, _new_edit(item))
            except Refused as refused:
                _blame_name(item, refused)
                raise
            return
        # What is wrong with rows is found before they are compared.
        faults = check_edit(MODELS[self.kind], item.edit, creating=False, record=aggregate.record)
        if faults:
            edit = Edit(item.edit.values, external_ids=item.edit.external_ids)
        else:
            edit = _change_edit(item.edit, aggregate, self.actor.region)
        await self._update(item, aggregate, edit, faults)

    async def _create(self, item: Item, edit: Edit) -> None:
        item.aggregate = await self.written.create(self.kind, edit)
        item.outcome = Written.CREATED
        self.lookup.take(item.aggregate, edit.external_ids)

    async def _update(self, item: Item, aggregate: Aggregate, edit: Edit, faults: Sequence[Refused] = ()) -> None:
        changed = await self.written.update(aggregate, edit, if_revision=item.if_revision, faults=faults)
        item.aggregate = aggregate
        item.outcome = Written.UPDATED if changed else Written.UNCHANGED
        self.lookup.take(aggregate, edit.external_ids)


def _new_edit(item: Item) -> Edit:
    """What makes the record of an upsert that there is none of: by what it is named, it is called."""
    edit, ref = item.edit, item.ref
    if ref is None:
        return edit
    if ref.number is not None:
        if "number" not in edit.values:
            edit.values["number"], item.called = ref.number, ("number",)
    elif ref.email is not None:
        given = (row.get("address") for row in edit.emails.add)
        if email_key(ref.email) not in {email_key(each) for each in given if isinstance(each, str)}:
            edit.emails.add.insert(0, {"kind": EmailKind.PERSONAL, "address": ref.email})
            item.called = ("emails", "add", 0)
    elif ref.external is not None and (names := ref.external.external_ids):
        named = kept_as(ref.external.dialect, *names[0])
        if named not in edit.external_ids.add:
            item.called = ("external_ids", "add", len(edit.external_ids.add))
            edit.external_ids.add.append(named)
    return edit


def _blame_name(item: Item, refused: Refused) -> None:
    """Let what is wrong with the name of an upsert lie where it was given, and with rows where those stand."""
    for fault in refused.all:
        match fault.path:
            case path if item.called and path[: len(item.called)] == item.called:
                fault.path = ("by",)
            case ("emails", "add", int(place), *below) if item.called == ("emails", "add", 0):
                fault.path = ("emails", "add", place - 1, *below)


def _change_edit(wanted: Edit, aggregate: Aggregate, region: str | None) -> Edit:
    """What brings a record up to what an upsert wants: rows that it has already are changed, and none goes."""
    edit = Edit(wanted.values, extra_fields=wanted.extra_fields, external_ids=wanted.external_ids)
    region = region_of(aggregate.addresses) or region
    for name, model in _ROWS.items():
        of = IDENTITIES[name]
        rows = {of(row): row for row in reversed(getattr(aggregate, name))}
        changes = RowEdits()
        for values in getattr(wanted, name).add:
            key = of(new_row(model, values, {"region": region}))
            if key not in rows:
                changes.add.append(values)
                rows[key] = None
            elif rows[key] is not None and (other := _differing(rows[key], values)):
                changes.update.append((rows[key].id, other))
        setattr(edit, name, changes)
    return edit


def _differing(row: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values that a row has otherwise."""
    return {name: value for name, value in values.items() if name == "primary" or getattr(row, name) != value}
