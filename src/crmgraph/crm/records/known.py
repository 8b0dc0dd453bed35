"""What is known of the store while changes are decided.

Whatever the edits of a set of changes name, other records and staff, numbers, places in a hierarchy, is read for all of
them together. From then on it is kept up to date with what the set itself decides, so that each change finds what it
would have found, had those before it been written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, bindparam, literal, select, union_all

from crmgraph.crm.models import Account, Contact, PartyKind, Staff
from crmgraph.crm.policy import (
    KINDS,
    MODELS,
    Actor,
    Record,
    visibility_key,
    visibility_values,
    visible,
    with_parameters,
)
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.former_ids import heirs
from crmgraph.crm.query.parameters import Several
from crmgraph.crm.query.references import REFERENCES
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.records import external_ids, hierarchies, numbers
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, ExternalIdValue
from crmgraph.crm.records.hierarchies import HIERARCHIES, MAX_STEPS
from crmgraph.crm.records.numbers import COLUMNS, OF_KIND
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.crm.values.text import fault_of

Planned: TypeAlias = tuple[PartyKind, Aggregate | None, Edit]
"""The kind of a record, the record as it was loaded for the change, None for a new one, and what is wanted of it."""

_NAMED: tuple[Any, ...] = (Contact, Account, Staff)
_NAMING: dict[PartyKind, frozenset[str]] = {
    kind: frozenset({*REFERENCES[model], *filter(None, [HIERARCHIES.get(model)]), "number"})
    for kind, model in MODELS.items()
}
"""{kind: the columns by whose values a record names another one, or has a name of its own}."""


def names_something(kind: PartyKind, values: Mapping[str, Any]) -> bool:
    """Whether values of a record name another one, or give it a name of its own."""
    return not _NAMING[kind].isdisjoint(values)


class Known:
    """What is known of the records, staff members and numbers that edits name.

    Args:
        actor: who names them.
    """

    def __init__(self, unit: UnitOfWork, actor: Actor) -> None:
        self._unit = unit
        self._actor = actor
        self._asked: set[tuple[Any, int]] = set()
        self._named: set[tuple[Any, int]] = set()
        self._numbers: defaultdict[PartyKind, dict[str, int | None]] = defaultdict(dict)
        self._above: dict[Any, dict[int, int | None]] = defaultdict(dict)
        self._climbed: dict[Any, set[int]] = defaultdict(set)
        self._called: dict[ExternalIdValue, int | None] = {}
        self._staff: dict[int, str] = {}
        self._heirs: dict[tuple[Any, int], int] = {}

    async def read(self, planned: Iterable[Planned]) -> None:
        """Know everything that these edits name, in a constant number of statements; in none where it is known.

        On PostgreSQL the hierarchies that they change are locked, and then the series of the numbers that they give.
        """
        planned = [
            (kind, aggregate, edit)
            for kind, aggregate, edit in planned
            if names_something(kind, edit.values) or edit.relations or edit.external_ids
        ]
        if not planned:
            return
        if names := self._unknown_external_ids(planned):
            self._called |= await external_ids.holders(await self._unit.transaction(), names)
        if ways := self._unknown_ways(planned):
            session = await self._unit.transaction()
            for model, starts in ways.items():
                # What this set has changed stands above what is read.
                self._above[model] = await hierarchies.ways_up(session, model, starts) | self._above[model]
                self._climbed[model] |= starts
        if wanted := self._unknown_names(planned):
            await self._read_names(wanted)
            await self._read_heirs(wanted)
        if self._heirs:
            self._lead_on(planned)
        for kind, unknown in self._unknown_numbers(planned).items():
            await self._read_numbers(kind, unknown)

    def can_be_named(self, model: Any, own_id: object) -> bool:
        """Whether there is such a record, or active member of the staff, for the actor."""
        return (model, own_id) in self._named

    async def owner_key(self, own_id: int | None) -> str:
        """The key by which a member of the staff is sorted; empty for nobody."""
        if own_id is None:
            return ""
        if own_id not in self._staff:
            query = select(Staff.name_key).where(Staff.id == own_id)
            self._staff[own_id] = await self._unit.session.scalar(query) or ""
        return self._staff[own_id]

    def called(self, each: ExternalIdValue) -> int | None:
        """The record, staff member or row that is called so; None for none."""
        return self._called.get(each)

    def call(self, each: ExternalIdValue, own_id: int | None) -> None:
        """Know who is called so from now on."""
        self._called[each] = own_id

    def holder_of(self, kind: PartyKind, number: object) -> int | None:
        """The live record that has a number."""
        return self._numbers[kind].get(number) if isinstance(number, str) else None

    def closes_circle(self, record: Record, above: int) -> bool:
        """Whether a record would stand above itself, or at the end of too long a way up, if this one were above it."""
        edges = self._above[type(record)]
        for _ in range(MAX_STEPS):
            if above == record.id:
                return True
            following = edges.get(above)
            if following is None:
                return False  # it is the top, or is deleted and leads nowhere
            above = following
        return above == record.id or above in edges

    def created(self, record: Record) -> None:
        """Know of a record that this set makes."""
        kind = KINDS[type(record)]
        self._named.add((type(record), record.id))
        if record.number is not None:
            self._numbers[kind][record.number] = record.id
        self._place(record)

    def changed(self, record: Record, before: Mapping[str, Any]) -> None:
        """Know of what this set changes. A number that is given up stays taken until it is written.

        Args:
            before: the columns that change, with their former values.
        """
        if "number" in before:
            self._numbers[KINDS[type(record)]][record.number] = record.id
        if HIERARCHIES.get(type(record)) in before:
            self._place(record)

    def removed(self, record: Record) -> None:
        """Know of a record that this set removes."""
        self._named.discard((type(record), record.id))
        self._asked.add((type(record), record.id))
        if type(record) in HIERARCHIES:
            self._above[type(record)].pop(record.id, None)

    def _place(self, record: Any) -> None:
        if type(record) in HIERARCHIES:
            self._above[type(record)][record.id] = getattr(record, HIERARCHIES[type(record)])

    def _unknown_names(self, planned: Iterable[Planned]) -> dict[Any, set[int]]:
        wanted: dict[Any, set[int]] = {}
        for kind, aggregate, edit in planned:
            for name, target in REFERENCES[MODELS[kind]].items():
                if name not in edit.values:
                    continue
                kept = None if aggregate is None else getattr(aggregate.record, name)
                value = edit.values[name]
                if value is None or value == kept:
                    value = None if target is Staff else kept
                self._want(wanted, target, value)
            for row in (*edit.relations.add, *(row for _, row in edit.relations.update)):
                for target in (Contact, Account):
                    self._want(wanted, target, row.get("other_id"))
        return wanted

    def _want(self, wanted: dict[Any, set[int]], target: Any, own_id: object) -> None:
        is_id = isinstance(own_id, int) and not isinstance(own_id, bool) and 0 < own_id < 2**63
        if is_id and (target, own_id) not in self._asked and (target, own_id) not in self._named:
            wanted.setdefault(target, set()).add(own_id)  # type: ignore[arg-type]  # it is an int

    async def _read_names(self, wanted: dict[Any, set[int]]) -> None:
        db = self._unit.database
        sql = Sql(Contact, db.is_sqlite)

        def build() -> Any:
            actor, queries = with_parameters(self._actor), []
            for model in _NAMED:
                ids = bindparam(model.__tablename__, type_=Several(BigInteger()))
                named = Staff.active if model is Staff else visible(actor, model)
                key = Staff.name_key if model is Staff else literal("")
                query = select(literal(model.__tablename__), model.id, key).where(named)
                queries.append(query.where(sql.among(model.id, ids)))
            return union_all(*queries)

        values = {model.__tablename__: list(wanted.get(model, ())) for model in _NAMED}
        key = ("named", visibility_key(self._actor))
        rows = await snapshots.rows_of(self._unit.session, key, build, values | visibility_values(self._actor))
        for model, ids in wanted.items():
            self._asked |= {(model, own_id) for own_id in ids}
        models = {model.__tablename__: model for model in _NAMED}
        self._named |= {(models[name], own_id) for name, own_id, _ in rows}
        self._staff |= {own_id: key for name, own_id, key in rows if models[name] is Staff}

    async def _read_heirs(self, wanted: dict[Any, set[int]]) -> None:
        """Know into which records those were merged that are not there. It takes no statement where all are."""
        for model, ids in wanted.items():
            missing = {own_id for own_id in ids if (model, own_id) not in self._named}
            if missing and model is not Staff:
                found = await heirs(self._unit.session, self._actor, model, missing)
                self._heirs |= {(model, own_id): heir for own_id, heir in found.items()}
                self._named |= {(model, heir) for heir in found.values()}

    def _lead_on(self, planned: Iterable[Planned]) -> None:
        """Let edits that name a record which was merged name the one into which it was."""
        for kind, _, edit in planned:
            for name, target in REFERENCES[MODELS[kind]].items():
                if (heir := self._heirs.get((target, edit.values.get(name, 0)))) is not None:
                    edit.values[name] = heir
            for row in (*edit.relations.add, *(row for _, row in edit.relations.update)):
                for target in (Contact, Account):
                    if (heir := self._heirs.get((target, row.get("other_id") or 0))) is not None:
                        row["other_id"] = heir

    def _unknown_numbers(self, planned: Iterable[Planned]) -> dict[PartyKind, set[str]]:
        unknown: dict[PartyKind, set[str]] = {}
        for kind, aggregate, edit in planned:
            number = edit.values.get("number")
            if not isinstance(number, str) or fault_of(number) is not None or number in self._numbers[kind]:
                continue
            if aggregate is None or number != aggregate.record.number:
                unknown.setdefault(kind, set()).add(number)
        return {kind: unknown[kind] for kind in OF_KIND if kind in unknown}

    async def _read_numbers(self, kind: PartyKind, unknown: set[str]) -> None:
        session = await self._unit.transaction()
        await numbers.lock(session, OF_KIND[kind])
        self._numbers[kind] |= dict.fromkeys(unknown)
        column = COLUMNS[OF_KIND[kind]]
        model = column.class_
        live = select(column, model.id).where(column.in_(unknown), model.deleted_at.is_(None))
        inherited = select(column, model.merged_into_id).where(column.in_(unknown), model.merged_into_id.is_not(None))
        self._numbers[kind] |= dict((await session.execute(inherited.union_all(live))).all())

    def _unknown_external_ids(self, planned: Iterable[Planned]) -> set[ExternalIdValue]:
        names = (each for _, _, edit in planned for each in (*edit.external_ids.add, *edit.external_ids.remove))
        return {each for each in names if each not in self._called and not any(map(fault_of, each))}

    def _unknown_ways(self, planned: Iterable[Planned]) -> dict[Any, set[int]]:
        """{model: the records from which the way up has to be known}, of the hierarchies that change."""
        ways: dict[Any, set[int]] = {}
        for kind, aggregate, edit in planned:
            model = MODELS[kind]
            name = HIERARCHIES.get(model)
            if name is None or aggregate is None:
                continue
            above, kept = edit.values.get(name), getattr(aggregate.record, name)
            if not isinstance(above, int) or isinstance(above, bool) or above in (kept, aggregate.id):
                continue
            ways.setdefault(model, set()).update(each for each in (above, kept) if each is not None)
        return {model: unknown for model in HIERARCHIES if (unknown := ways.get(model, set()) - self._climbed[model])}
