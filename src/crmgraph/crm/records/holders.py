"""Holders: which record has a value, asked for many values at once while a set of changes is decided.

The store is asked for all values of one place in one statement. Records of the set are looked at as they are in memory,
with whatever the set has changed of them by then. Both are compared alike: a key finds whoever has a value to a search,
and what is kept decides whether it is the very same (`By.IDENTITY`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

import orjson
from sqlalchemy import BigInteger, Select, bindparam, func, not_, select

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import FOLDED, Address, Email, PartyKind, Phone
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.query.columns import SEARCHED, compared_forms, finite, is_number, spelled, values_of
from crmgraph.crm.query.conditions import MAX_VALUES, And, By, Compare, ExtraValue, Op, Point, Where
from crmgraph.crm.query.extra_fields import ExtraFieldSql
from crmgraph.crm.query.parameters import JsonPath, Several
from crmgraph.crm.query.resolution import resolve
from crmgraph.crm.query.sql import Sql, rows
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.crm.values.folding import identity
from crmgraph.crm.values.phone_numbers import is_same_number, parse_phone

MAX_SPELLINGS = 1_000
"""How many spellings of one search key are looked at for the one that is the very same."""
FOUND = 2
"""How many holders of a value are looked for: the record that is to have it may be the first of them."""

Form: TypeAlias = tuple[str, str]
"""A key by which values are compared, and a value in the form of it. Values that are the same share one at least."""

Kept: TypeAlias = Sequence[Any]
"""What is kept at a place, see `_columns`."""

_LISTS: dict[Any, str] = {Phone: "phones", Email: "emails", Address: "addresses"}


class Holders:
    """Who has the values that a set of changes looks for. Lock the values beforehand, see `uniqueness.lock`.

    Args:
        unit: reads.
        actor: who looks.
        kind: of the records.
    """

    def __init__(self, unit: UnitOfWork, actor: Actor, kind: PartyKind) -> None:
        self._unit = unit
        self._actor = actor
        self._kind = kind
        self._places: set[Any] = set()
        self._outside: dict[Where, list[int]] = {}
        self._faults: dict[Where, Invalid] = {}
        self._members: dict[int, tuple[Aggregate, set[Form]]] = {}
        self._by_form: dict[Form, set[int]] = defaultdict(set)
        self._gone: set[int] = set()

    async def look_for(self, wanted: Iterable[Where]) -> None:
        """Ask the store who has these values, in one statement a place; for what is known, in none.

        Args:
            wanted: what records with a value fulfil: one comparison by identity, and that another column is empty.
        """
        groups: dict[Where, list[Where]] = defaultdict(list)
        for where in dict.fromkeys(wanted):
            if where not in self._faults and not self._is_known(where):
                try:
                    resolve(where, self._actor.region)
                except Invalid as fault:
                    self._faults[where] = fault
                else:
                    groups[_without_value(where)].append(where)
        places = {_comparison(where).at for where in groups}
        if not places <= self._places:
            self._places |= places
            for aggregate, _ in list(self._members.values()):
                self.take(aggregate)
        for group in groups.values():
            for begin in range(0, len(group), MAX_VALUES):
                await self._ask(group[begin : begin + MAX_VALUES])

    def take(self, aggregate: Aggregate) -> None:
        """Look at a record as it is in memory from now on; call it again when it has changed there."""
        self._forget(aggregate.id)
        forms = {form for place in self._places for kept in _kept_by(aggregate, place) for form in _forms(place, kept)}
        self._members[aggregate.id] = (aggregate, forms)
        for form in forms:
            self._by_form[form].add(aggregate.id)

    def leave(self, party_id: int) -> None:
        """Look no more at a record that the set has removed, or that is not there any more."""
        self._forget(party_id)
        self._gone.add(party_id)

    def _forget(self, party_id: int) -> None:
        _, forms = self._members.pop(party_id, (None, ()))
        for form in forms:
            self._by_form[form].discard(party_id)

    async def first(self, where: Where, own_id: int | None = None) -> int | None:
        """The first live record that has a value; None when it is free.

        Args:
            own_id: the record that is to get it, which does not count; None for a new one.

        Raises:
            Invalid: the value is not of the form of its column.
        """
        await self.look_for([] if where in self._outside else [where])
        if (fault := self._faults.get(where)) is not None:
            raise Invalid((), fault.reason, fault.limit, fault.meant)
        inside, outside = self._inside(where, own_id), self._next_outside(where)
        if not self._is_known(where) and (inside is None or _order(inside) > _order(self._outside[where][-1])):
            # Those who had it by the store have it no more: another one may follow them.
            await self.look_for([where])
            outside = self._next_outside(where)
        found = [each for each in (inside, outside) if each is not None and each != own_id]
        return min(found, key=_order, default=None)

    def _is_known(self, where: Where) -> bool:
        """Whether it is known who has a value, of those that are not looked at in memory."""
        found = self._outside.get(where)
        return found is not None and (len(found) < FOUND or self._next_outside(where) is not None)

    def _next_outside(self, where: Where) -> int | None:
        found = self._outside.get(where, ())
        return next((each for each in found if each not in self._members and each not in self._gone), None)

    def _inside(self, where: Where, own_id: int | None) -> int | None:
        same = _comparison(where)
        asked = compared_forms(same.at, same.value, self._actor.region)
        ids = {party_id for form in asked for party_id in self._by_form.get(form, ())} - {own_id}
        having = (each for each in ids if self._has(self._members[each][0], where))
        return min(having, key=_order, default=None)

    def _has(self, aggregate: Aggregate, where: Where) -> bool:
        parts = where.of if isinstance(where, And) else (where,)
        return all(self._fulfils(aggregate, part) for part in parts)

    def _fulfils(self, aggregate: Aggregate, part: Any) -> bool:
        if part.op is Op.IS_NULL:
            return (getattr(aggregate.record, part.at.key) is None) is part.value
        return any(_is_same(part, kept, self._actor.region) for kept in _kept_by(aggregate, part.at))

    async def _ask(self, group: Sequence[Where]) -> None:
        """Find the first records outside of the set that have each of the values, which are all of one place."""
        same = _comparison(group[0])
        place, model = same.at, MODELS[self._kind]
        by_form: dict[Form, list[Where]] = defaultdict(list)
        for where in group:
            for form in compared_forms(place, _comparison(where).value, self._actor.region):
                by_form[form].append(where)
        values = tuple(dict.fromkeys(_comparison(where).value for where in group))
        resolved = resolve(_with(group[0], replace(same, op=Op.IN, value=values)), self._actor.region)

        def build(sql: Sql, seen: Any) -> Select[Any]:
            besides = bindparam("besides", type_=Several(BigInteger()))
            most = bindparam("most", type_=BigInteger())
            columns = [each.label(f"kept{i}") for i, each in enumerate(_columns(place, sql))]
            having = select(model.id, *columns).where(seen, sql.where(resolved.shape))
            candidates = having.where(not_(sql.among(model.id, besides))).subquery()
            kept = [candidates.c[each.name] for each in columns]
            # An index finds whoever has a value to a search. They may be many, but are spelled in a few ways: the first
            # of each are enough to tell by the spelling whether they have the very same.
            number = func.row_number().over(partition_by=kept, order_by=candidates.c.id).label("number")
            firsts = select(candidates, number).subquery()
            told = [firsts.c[each.name] for each in candidates.c]
            return select(*told).where(firsts.c.number <= FOUND).order_by(firsts.c.id).limit(most)

        parameters = {
            "besides": [party_id for party_id in self._members.keys() | self._gone if party_id > 0],
            "most": FOUND * MAX_SPELLINGS * len(values),
            "extra": (place.dialect, place.key) if isinstance(place, ExtraValue) else None,
        }
        found = await rows(self._unit.session, self._actor, model, "holders of each", resolved, build, parameters)
        self._outside |= {where: [] for where in group}
        for party_id, *given in found:
            kept = _read(place, given)
            for where in {where for form in _forms(place, kept) for where in by_form.get(form, ())}:
                known = self._outside[where]
                if len(known) < FOUND and _is_same(_comparison(where), kept, self._actor.region):
                    known.append(party_id)


def _order(party_id: int) -> tuple[bool, int]:
    """Ids as they are given: provisional ones, which are below zero, after all others."""
    return party_id < 0, abs(party_id)


def _comparison(where: Where) -> Compare:
    """The one comparison by identity."""
    parts = where.of if isinstance(where, And) else (where,)
    (same,) = (part for part in parts if isinstance(part, Compare) and part.by is By.IDENTITY)
    return same


def _with(where: Where, comparison: Compare) -> Where:
    """The same with another comparison by identity."""
    if isinstance(where, And):
        return And(tuple(comparison if part is _comparison(where) else part for part in where.of))
    return comparison


def _without_value(where: Where) -> Where:
    """What is alike of conditions that are asked together. A number in an extra field is compared as one."""
    same = _comparison(where)
    kind = is_number(same.value) if isinstance(same.at, ExtraValue) else None
    return _with(where, replace(same, value=kind))


# What is kept at a place, in memory and in the store: both are compared by the same columns.


def _columns(place: Any, sql: Sql) -> list[Any]:
    """What tells of a record whether it has a value at a place."""
    if isinstance(place, ExtraValue):
        extra = ExtraFieldSql(sql.model, bindparam("extra", type_=JsonPath()), sql.sqlite)
        return [extra.number(written=False), extra.text(), extra.json()]
    columns = _deciding(place.column if isinstance(place, Point) else place)
    return [sql.slotted(place, each) for each in columns] if isinstance(place, Point) else columns


def _deciding(column: Any) -> list[Any]:
    if column is Phone.raw:
        return [Phone.raw, Phone.e164, Phone.extension, Phone.digits]
    if column is Email.address:
        return [Email.address_key]
    return [column, FOLDED[column]] if column in FOLDED else [column]


def _read(place: Any, given: Kept) -> Kept:
    """What the store has told of a place, as `_kept_by` tells it."""
    if not isinstance(place, ExtraValue):
        return given
    number, text, json = given
    if number is not None:
        return number, (text,)
    return _extra(orjson.loads(json)) if text is None else (None, (text,))


def _kept_by(aggregate: Aggregate, place: Any) -> Iterator[Kept]:
    """What a record has at a place, as it is in memory."""
    match place:
        case ExtraValue(dialect, key):
            yield _extra(aggregate.record.extra_fields.get(dialect, {}).get(key))
        case Point(column, slot):
            for row in getattr(aggregate, _LISTS[column.class_]):
                # What customers say of themselves must not let a writer take their record for another's.
                claimed = isinstance(row, Email) and row.self_given and not row.verified
                if row.active and row.slot == slot and not claimed:
                    yield [getattr(row, each.key) for each in _deciding(column)]
        case _:
            yield [getattr(aggregate.record, each.key) for each in _deciding(place)]


def _extra(value: Any) -> Kept:
    """(the number, the texts) of an extra field. Of a list each value counts, of an object in it its name."""
    if isinstance(value, list):
        return None, tuple(text for each in value if (text := _text(each)) is not None)
    if value is None or isinstance(value, dict):
        return None, ()
    return value if is_number(value) else None, (_text(value),)


def _text(value: Any) -> str | None:
    if isinstance(value, dict):
        return _text(value.get("name"))
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _forms(place: Any, kept: Kept) -> Iterator[Form]:
    """The forms of what is kept, of which a value that is the same has one, see `compared_forms`."""
    if isinstance(place, ExtraValue):
        number, texts = kept
        name = f"{place.dialect}.{place.key}"
        yield from ((name, text) for text in _spellings(texts))
        if number is not None:
            yield name, repr(finite(number))
        return
    column = place.column if isinstance(place, Point) else place
    if column is Phone.raw:
        _, e164, _, digits = kept
        yield str(Phone.digits), digits
        yield str(Phone.e164), str(e164)
        return
    value = kept[-1]
    if (searched := SEARCHED.get(column)) is not None:
        if value:
            yield str(searched.key), value
    elif value is not None:
        (form,) = values_of(column, None, By.IDENTITY, [value], None)
        yield str(column), str(form)


def _spellings(texts: Iterable[str]) -> set[str]:
    """Texts in the form in which they are compared, but for those of a kind that is kept no more."""
    found = set()
    for text in texts:
        with suppress(Invalid):
            found.add(spelled(text))
    return found


def _is_same(same: Compare, kept: Kept, region: str | None) -> bool:
    """Whether what is kept is the very value that is asked for, where both share a form."""
    place = same.at
    if isinstance(place, ExtraValue):
        number, texts = kept
        if is_number(same.value):
            return number is not None and finite(number) == finite(same.value)
        return spelled(same.value) in _spellings(texts)
    column = place.column if isinstance(place, Point) else place
    if column is Phone.raw:
        raw, e164, extension, _ = kept
        return raw is not None and is_same_number((raw, e164, extension), same.value, parse_phone(same.value, region))
    if column in FOLDED:
        return kept[0] is not None and identity(kept[0]) == identity(same.value)
    return not {*compared_forms(place, same.value, region)}.isdisjoint(_forms(place, kept))
