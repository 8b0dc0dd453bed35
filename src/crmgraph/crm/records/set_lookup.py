"""Lookup for sets: which records the references of many changes name, as the changes go on.

Whatever the references of a set may name is found in a statement for each way of naming, loaded and locked together.
From then on memory tells which record a reference names: each change finds the records as those before it left them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeAlias

from sqlalchemy import Integer, Select, Text, bindparam, case, func, literal_column, select

from crmgraph.crm.errors import Ambiguous, NotFound
from crmgraph.crm.models import Email, PartyKind
from crmgraph.crm.models.contact_points import CLAIMED
from crmgraph.crm.policy import MODELS, Actor, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.conditions import Compare, Op, Point, Where
from crmgraph.crm.query.former_ids import heirs
from crmgraph.crm.query.parameters import Several
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.records import external_ids, uniqueness
from crmgraph.crm.records.aggregates import PARTS, Aggregate, load_for_change
from crmgraph.crm.records.edits import ExternalIdEdits, ExternalIdValue
from crmgraph.crm.records.lookup import IMPORTED, IdCandidates, Ref, spellings
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.crm.values.text import email_key

MAX_HOLDERS = 2
"""How many records with one email are loaded: with more it names none of them, whatever becomes of some."""

_Key: TypeAlias = tuple[str, str]
"""A number or the key of an email, and the way of naming."""


class SetLookup:
    """Which records of a kind references name, for staff.

    Args:
        unit: in the transaction.
        actor: who names them.

    Attributes:
        loaded: the records that may be meant, by id, as they are by now.
    """

    def __init__(self, unit: Transaction, actor: Actor, kind: PartyKind) -> None:
        self._unit = unit
        self._actor = actor
        self._kind = kind
        self.loaded: dict[int, Aggregate] = {}
        self._keys: dict[int, set[_Key]] = {}
        self._by_key: dict[_Key, set[int]] = defaultdict(set)
        self._called: dict[ExternalIdValue, int] = {}
        self._led: dict[int, int] = {}
        self._led_by_number: dict[str, int] = {}
        self._shared: set[str] = set()

    async def lock(self, refs: Iterable[Ref]) -> None:
        """Let nobody else look for these names until the transaction ends: for whoever makes what is not there.

        Call it once, before any record of the kind is locked.
        """
        wanted: list[Where] = []
        besides: list[tuple[str, str]] = []
        model: Any = MODELS[self._kind]
        for ref in refs:
            if ref.external is not None:
                besides += [(f"{each.system}.{each.space}", each.value) for each in _names(ref.external)]
            elif ref.email is not None:
                wanted.append(Compare(Point(Email.address), Op.EQUALS, ref.email))
            elif ref.number is not None:
                wanted.append(Compare(model.number, Op.EQUALS, ref.number))
        await uniqueness.lock(self._unit.session, self._actor, self._kind, wanted, besides=besides)

    async def load(self, refs: Collection[Ref]) -> None:
        """Find, lock and load whatever these references may name, in a constant number of statements."""
        ids = {ref.id for ref in refs if ref.id is not None}
        elsewhere = [ref.external for ref in refs if ref.external is not None]
        numbers = {ref.number for ref in refs if ref.number is not None}
        for each in elsewhere:
            numbers |= set(spellings(each.number)) if each.number is not None else set()
            ids |= {each.own} if each.own is not None else set()
        names = {name for each in elsewhere for name in _names(each)}
        emails = {email_key(ref.email) for ref in refs if ref.email is not None}
        if names:
            self._called |= await external_ids.parties(self._unit.session, names)
            ids |= set(self._called.values())
        if numbers:
            ids |= await self._of_numbers(numbers)
        if emails:
            ids |= await self._of_emails(emails)
        await self._take(ids)
        # What is called so no more may have been merged into another, perhaps while it was waited for.
        if missing := ids - self.loaded.keys():
            self._led = await heirs(self._unit.session, self._actor, MODELS[self._kind], missing)
        if unknown := {each for each in numbers if not self._by_key[_number(each)]}:
            self._led_by_number = await self._of_former_numbers(unknown)
        await self._take({*self._led.values(), *self._led_by_number.values()} - self.loaded.keys())

    async def _take(self, ids: Collection[int]) -> None:
        if not ids:
            return
        parts = (*PARTS, "login")
        for aggregate in (await load_for_change(self._unit, self._actor, self._kind, ids, parts=parts)).values():
            self.take(aggregate)

    def take(self, aggregate: Aggregate, names: ExternalIdEdits | None = None) -> None:
        """Know of a record as it is by now.

        Args:
            names: the external ids that it has got and lost.
        """
        self.leave(aggregate.id)
        self.loaded[aggregate.id] = aggregate
        self._keys[aggregate.id] = set(_keys(aggregate))
        for key in self._keys[aggregate.id]:
            self._by_key[key].add(aggregate.id)
        if names is not None:
            for each in names.remove:
                self._called.pop(each, None)
            self._called |= dict.fromkeys(names.add, aggregate.id)

    def leave(self, party_id: int) -> None:
        """Know that a record is gone."""
        self.loaded.pop(party_id, None)
        for key in self._keys.pop(party_id, ()):
            self._by_key[key].discard(party_id)

    def find(self, ref: Ref) -> Aggregate:
        """The record that a reference names by now.

        Raises:
            NotFound: there is none.
            Ambiguous: there are several.
        """
        found = {each for each in self._meant(ref) if each in self.loaded}
        if len(found) > 1 or (ref.email is not None and email_key(ref.email) in self._shared):
            raise Ambiguous
        if not found:
            raise NotFound
        return self.loaded[found.pop()]

    def _meant(self, ref: Ref) -> set[int]:
        if ref.external is not None:
            given = ref.external
            *called, imported = [self._called.get(name) for name in _names(given)] + [None] * (given.imported is None)
            numbers = () if given.number is None else spellings(given.number)
            by_number = [min(self._numbered(each), default=None) for each in numbers]
            own = None if given.own is None else self._led.get(given.own, given.own)
            candidates = [*called, own, *by_number, imported]
            return set([each for each in candidates if each in self.loaded][:1])
        if ref.email is not None:
            found = self._by_key[_email(email_key(ref.email))]
            # What customers claim of themselves counts for nothing beside what the office knows.
            return {each for each in found if self._knows(each, email_key(ref.email))} or found
        if ref.number is not None:
            return self._numbered(ref.number)
        return {self._led.get(ref.id, ref.id)} if ref.id is not None else set()

    def _numbered(self, number: str) -> set[int]:
        """Whoever has a number, else who inherited it."""
        former = self._led_by_number.get(number)
        return self._by_key[_number(number)] or (set() if former is None else {former})

    def _knows(self, party_id: int, key: str) -> bool:
        rows = (row for row in self.loaded[party_id].emails if row.active and row.address_key == key)
        return any(row.verified or not row.self_given for row in rows)

    async def _of_numbers(self, numbers: set[str]) -> set[int]:
        model: Any = MODELS[self._kind]
        sql = Sql(model, self._unit.database.is_sqlite)

        def build() -> Select[Any]:
            named = sql.among(model.number, bindparam("numbers", type_=Several(Text())))
            return select(model.id).where(named, visible(with_parameters(self._actor), model))

        return {own_id for (own_id,) in await self._rows("numbers", build, {"numbers": sorted(numbers)})}

    async def _of_former_numbers(self, numbers: set[str]) -> dict[str, int]:
        """{number that a record had which was merged into another: that one}, the newest where there are several."""
        model: Any = MODELS[self._kind]
        sql = Sql(model, self._unit.database.is_sqlite)

        def build() -> Select[Any]:
            named = sql.among(model.number, bindparam("numbers", type_=Several(Text())))
            merged = select(model.number, func.max(model.merged_into_id)).where(
                named, model.merged_into_id.is_not(None)
            )
            return merged.group_by(model.number)

        return dict(await self._rows("former numbers", build, {"numbers": sorted(numbers)}))

    async def _of_emails(self, emails: set[str]) -> set[int]:
        """Whoever has them by what the office knows, else by what they claim; nobody where they are too many."""
        model: Any = MODELS[self._kind]
        sql = Sql(model, self._unit.database.is_sqlite)

        def build() -> Select[Any]:
            named = sql.among(Email.address_key, bindparam("emails", type_=Several(Text())))
            claimed = func.min(case((CLAIMED, literal_column("1", Integer())), else_=literal_column("0", Integer())))
            having = (
                select(Email.address_key, model.id, claimed.label("claimed"))
                .join(model, model.id == Email.party_id)
                .where(named, Email.active, visible(with_parameters(self._actor), model))
                .group_by(Email.address_key, model.id)
                .subquery()
            )
            place = func.row_number().over(partition_by=having.c.address_key, order_by=(having.c.claimed, having.c.id))
            firsts = select(having, place.label("place")).subquery()
            few = firsts.c.place <= literal_column(str(MAX_HOLDERS + 1), Integer())
            return select(firsts.c.address_key, firsts.c.id, firsts.c.claimed).where(few)

        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for key, own_id, is_claimed in await self._rows("emails", build, {"emails": sorted(emails)}):
            found[key].append((is_claimed, own_id))
        wanted: set[int] = set()
        for key, holders in found.items():
            best = [own_id for is_claimed, own_id in holders if is_claimed == min(holders)[0]]
            if len(best) > MAX_HOLDERS:
                self._shared.add(key)
            else:
                wanted |= set(best)
        return wanted

    async def _rows(self, what: str, build: Any, values: dict[str, Any]) -> list[Any]:
        key = ("named in a set", what, self._kind, visibility_key(self._actor))
        return await snapshots.rows_of(self._unit.session, key, build, values | visibility_values(self._actor))


def _names(given: IdCandidates) -> list[ExternalIdValue]:
    """What an id elsewhere may be kept as, that which lies among the ids of ours last."""
    names = [ExternalIdValue(given.dialect, *name) for name in given.external_ids]
    return names + ([] if given.imported is None else [ExternalIdValue(given.dialect, IMPORTED, given.imported)])


def _keys(aggregate: Aggregate) -> Iterator[_Key]:
    if aggregate.record.number is not None:
        yield _number(aggregate.record.number)
    for row in aggregate.emails:
        if row.active:
            yield _email(row.address_key)


def _number(number: str) -> _Key:
    return "number", number


def _email(key: str) -> _Key:
    return "email", key
