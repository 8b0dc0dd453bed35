"""One record with everything that a dialect tells of it, in one statement: its rows, what it names, and their ids.

Lists read the same in a few statements (`lists`, `external_ids.encoding_context`): many records name the same things.
"""

from collections.abc import Callable, Collection, Hashable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, func, or_, select, union_all

from crmgraph.crm.models import Account, Contact, ExternalId, PartyKind, Relation, Staff
from crmgraph.crm.policy import MODELS, Actor, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.authorization import Standing
from crmgraph.crm.query.former_ids import inherited
from crmgraph.crm.query.references import REFERENCES
from crmgraph.crm.query.snapshots import Listed
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.crm.records.aggregates import PARTS, ROWS, Aggregate
from crmgraph.crm.records.external_ids import TARGETS, EncodingContext, note_external_ids
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.crm.values.text import fault_of
from crmgraph.db.database import Database
from crmgraph.db.pool import Row

_ROW_TARGETS = {"phone_id": "phones", "email_id": "emails", "address_id": "addresses"}
"""{column of an external id: the part of a record whose rows it names}."""


async def load_told(
    db: Database,
    actor: Actor,
    dialect: str,
    kind: PartyKind,
    party_id: int | None,
    *,
    external: tuple[str, Sequence[str]] | None = None,
    parts: Collection[str] = PARTS,
    rows: bool = False,
    staff: int | None = None,
    standing: Standing | None = None,
) -> tuple[Aggregate, EncodingContext] | None:
    """A live record that the actor may see, and what it names; None where there is none.

    Args:
        party_id: of the record, where no external id says it.
        external: (space, values) of the external ids in the dialect, of which the first that there is names it before
            all others.
        parts: see `aggregates.load`.
        rows: see `external_ids.encoding_context`.
        staff: an employee who is told of though the record may not name them.
        standing: of an actor who was known from an earlier request. Nothing is found where it does not hold any more.
    """
    model = MODELS[kind]
    children = aggregates.wanted(model, parts)
    named = _named(model, actor, with_relations="relations" in parts, rows=rows)
    asked = _Asked(actor, dialect, model, party_id, external, standing)
    found = await snapshots.read_with(
        db,
        ("told", rows, *asked.key),
        model,
        [*children.values(), *named.lists],
        lambda query: query.where(*asked.conditions()),
        {**asked.values, "dialect": dialect, "staff": staff},
    )
    if not found:
        return None
    ((record, lists),) = found
    aggregate = Aggregate(record)
    aggregates.fill(aggregate, children, lists[: len(children)])
    return aggregate, named.context(actor, lists[len(children) :])


async def load_told_for_change(
    unit: UnitOfWork,
    actor: Actor,
    dialect: str,
    kind: PartyKind,
    party_id: int | None,
    *,
    external: tuple[str, Sequence[str]] | None = None,
    parts: Collection[str] = PARTS,
    rows: bool = False,
    staff: int | None = None,
) -> tuple[Aggregate, EncodingContext] | None:
    """The same as `load_told`, to be changed by a unit of work: in one statement where that does not lock.

    Args:
        party_id, external, parts, rows, staff: see `load_told`.
    """
    if not unit.locks:
        found = await load_told(
            unit.database, actor, dialect, kind, party_id, external=external, parts=parts, rows=rows, staff=staff
        )
        if found is not None:
            aggregate = found[0]
            unit.watch(aggregate.record, aggregate.rows)
        return found
    space, values = external or ("", ())
    known = await external_ids.resolve(unit.session, dialect, {(space, value) for value in values})
    own = next((known[space, value] for value in values if (space, value) in known), party_id)
    locked = None if own is None else await aggregates.find_one_for_change(unit, actor, kind, own, parts=parts)
    if locked is None:
        return None
    also = [] if staff is None else [staff]
    around = await external_ids.encoding_context(unit.session, actor, dialect, [locked], rows=rows, staff=also)
    return locked, around


async def row_told(
    db: Database,
    actor: Actor,
    dialect: str,
    kind: PartyKind,
    party_id: int | None,
    key: Hashable,
    columns: Callable[[Any], Sequence[Any]],
    *,
    external: tuple[str, Sequence[str]] | None = None,
    standing: Standing | None = None,
) -> Row | None:
    """What a statement makes of such a record; None where there is none.

    Args:
        key: names what is made.
        columns: makes it of the record's columns, for actors of the same visibility key.
        party_id, external, standing: see `load_told`.
    """
    asked = _Asked(actor, dialect, MODELS[kind], party_id, external, standing)
    found = await db.fetch_compiled(("told", key, *asked.key), lambda: asked.query(columns), asked.values)
    return found[0] if found else None


class _Asked:
    """Which record is asked for, and by whom: conditions of a statement and their values.

    Attributes:
        key: of what changes the text of the conditions.
    """

    def __init__(
        self,
        actor: Actor,
        dialect: str,
        model: Any,
        party_id: int | None,
        external: tuple[str, Sequence[str]] | None,
        standing: Standing | None,
    ) -> None:
        space, values = external or ("", ())
        values = [each for each in values if not fault_of(each)]
        self._actor = actor
        self._model = model
        self._names = len(values)
        self._standing = standing
        self.key = (model, self._names, visibility_key(actor), None if standing is None else standing.key)
        self.values: dict[str, Any] = {
            "own": party_id,
            "dialect": dialect,
            "space": space,
            **{f"value{i}": value for i, value in enumerate(values)},
            **visibility_values(actor),
            **({} if standing is None else standing.now()),
        }

    def conditions(self) -> list[ColumnElement[bool]]:
        model, held = self._model, [] if self._standing is None else [self._standing.condition()]
        return [model.id == _own(model, self._names), visible(with_parameters(self._actor), model), *held]

    def query(self, columns: Callable[[Any], Sequence[Any]]) -> Select[Any]:
        row = select(*self._model.__table__.c).where(*self.conditions()).subquery("record")
        return select(*columns(row))


def _own(model: Any, names: int) -> ColumnElement[Any]:
    """The id of the record, by so many external ids before the parameter."""
    own = inherited(model, "own")
    if not names:
        return own
    held = [
        select(ExternalId.party_id)
        .where(
            ExternalId.dialect == bindparam("dialect"),
            ExternalId.space == bindparam("space"),
            ExternalId.value == bindparam(f"value{i}", type_=Text()),
            ExternalId.live.is_(True),
        )
        .scalar_subquery()
        for i in range(names)
    ]
    named: ColumnElement[Any] = func.coalesce(*held, own)
    return named


_KNOWN: dict[Hashable, "_Named"] = {}
"""There is one for each model, visibility key and way to ask: a few dozen."""


def _named(model: Any, actor: Actor, *, with_relations: bool, rows: bool) -> "_Named":
    """What a record of a model names, for actors of one visibility key."""
    key = (model, visibility_key(actor), with_relations, rows)
    known = _KNOWN.get(key)
    if known is None:
        known = _KNOWN[key] = _Named(model, with_parameters(actor), with_relations=with_relations, rows=rows)
    return known


class _Named:
    """What a record of a model names, as lists of rows beside it: records, employees, external ids.

    Args:
        actor: with parameters in place of what is their own.

    Attributes:
        lists: in their order; their conditions are made when the statement is.
    """

    def __init__(self, model: Any, actor: Actor, *, with_relations: bool, rows: bool) -> None:
        self._model = model
        self._actor = actor
        self._with_relations = with_relations
        self._rows = rows
        related = (Contact, Account) if with_relations else ()
        targets = [target for target in REFERENCES[model].values() if target is not Staff]
        self._targets = list(dict.fromkeys([*targets, *related]))
        self.lists = [Listed(target, partial(self._match_record, target)) for target in self._targets]
        self.lists += [Listed(Staff, self._match_staff), Listed(ExternalId, self._match_external)]

    def _columns(self, *targets: Any) -> list[Any]:
        """The columns that name rows of these models."""
        return [getattr(self._model, name) for name, target in REFERENCES[self._model].items() if target in targets]

    def _others(self) -> Select[Any]:
        """The ids of the records to which the record stands in a relation."""
        return select(Relation.other_id).where(Relation.party_id == self._model.id).correlate(self._model)

    def _match_record(self, target: Any, c: Any) -> ColumnElement[bool]:
        seen = select(target.id).where(target.id == c.id, visible(self._actor, target))
        columns = self._columns(target)
        held: ColumnElement[bool] = c.id.in_(columns)
        if self._with_relations:
            # One list of ids, by which the rows are looked up. An OR of two would be asked of every record there is.
            held = c.id.in_(union_all(*(select(each).correlate(self._model) for each in columns), self._others()))
        return held & seen.correlate(c.id.table).exists()

    def _staff(self) -> list[Any]:
        model = self._model
        return [
            *self._columns(Staff),
            model.created_by_id,
            model.modified_by_id,
            bindparam("staff", type_=BigInteger()),
        ]

    def _match_staff(self, c: Any) -> ColumnElement[bool]:
        return or_(c.id.in_(self._staff()))

    def _match_external(self, c: Any) -> ColumnElement[bool]:
        model = self._model
        named: dict[str, list[Any]] = {
            "party_id": [[model.id, *self._columns(*self._targets)]],
            "staff_id": [self._staff()],
        }
        if self._with_relations:
            named["party_id"].append(self._others())
        if self._rows:
            for column, part in _ROW_TARGETS.items():
                named[column] = [select(ROWS[part].id).where(ROWS[part].party_id == model.id).correlate(model)]
        same: ColumnElement[bool] = (c.dialect == bindparam("dialect")) & c.former_id.is_(None)
        if not self._with_relations and not self._rows:
            held: ColumnElement[bool] = or_(*(c[column].in_(ids) for column, each in named.items() for ids in each))
            return held & same
        # Each by its own index, as above.
        inner = ExternalId.__table__.alias()
        found = [
            select(inner.c.id).where(inner.c[column].in_(ids)).correlate(model)
            for column, each in named.items()
            for ids in each
        ]
        own: ColumnElement[bool] = c.id.in_(union_all(*found))
        return own & same

    def context(self, actor: Actor, lists: list[list[Any]]) -> EncodingContext:
        """What these lists hold."""
        *records, staff, external = lists
        around = EncodingContext(actor)
        around.records = {each.id: each for found in records for each in found}
        around.staff = {each.id: each for each in staff}
        targets = [f"{target}_id" for target in TARGETS]
        note_external_ids(
            ((each.space, each.value, *[getattr(each, target) for target in targets]) for each in external), around
        )
        return around
