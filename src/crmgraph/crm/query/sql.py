"""From conditions to SQL: one statement for all conditions of one shape, whose values are parameters.

`resolution.resolve` has taken the values out; `Sql` writes what is left, the shape. Nothing in a value is a wildcard.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    false,
    func,
    inspect,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.models import FOLDED, SEARCHED_AS, Account, Address, Contact, Email, ExternalId, Lead, SearchTerm
from crmgraph.crm.models.columns import Money
from crmgraph.crm.models.contact_points import CLAIMED
from crmgraph.crm.policy import Actor, RecordType, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import references, snapshots
from crmgraph.crm.query.columns import (
    SEARCHED,
    keys_of,
)
from crmgraph.crm.query.conditions import (
    And,
    By,
    ExtraValue,
    HasPoint,
    HasRecord,
    Not,
    Op,
    Or,
    Place,
    Point,
    Test,
    Where,
    WholeDate,
)
from crmgraph.crm.query.extra_fields import ExtraFieldSql
from crmgraph.crm.query.former_ids import standing, standing_of_several
from crmgraph.crm.query.parameters import JsonPath, Several
from crmgraph.crm.query.resolution import Resolved
from crmgraph.db import pool
from crmgraph.db.database import database_of

NAMES = {Contact: Contact.last_name, Account: Account.name, Lead: Lead.last_name}
"""{model: its name}, which addresses repeat. Lists of all records go along the index of its key, in whose order those
without a name come first."""


def is_first(row: Any) -> ColumnElement[bool]:
    """Whether none of the other active rows of its record comes before a contact point.

    Args:
        row: Phone, Email or Address, or an alias of it.
    """
    other = aliased(inspect(row).mapper.class_)
    before = or_(other.rank < row.rank, and_(other.rank == row.rank, other.id < row.id))
    query = select(other.id).where(other.party_id == row.party_id, other.active, before)
    return not_(query.correlate(row).exists())


@dataclass(frozen=True, slots=True)
class Sql:
    """Writes conditions on the rows of one model.

    Attributes:
        model: Contact, Account or Lead; or Phone, Email or Address, inside of a `HasPoint`.
        sqlite: whether the database is SQLite, else PostgreSQL.
        prefix: of the names of the parameters, see `Resolved.parameters`.
        by_row: whether the rows are asked one by one, in the order of a list that ends when its page is full; else the
            rows that fulfil a condition are found together.
        ranged: of rows that are asked one by one, the column by which the list is sorted: what is asked of it bounds
            the list. No index answers what is asked of any other.
        actor: whose policy holds for other records that conditions go on to, see `policy.visible`.
    """

    model: Any
    sqlite: bool
    prefix: str = "v"
    by_row: bool = False
    ranged: Any = None
    actor: Actor | None = None

    def where(self, shape: Where) -> ColumnElement[bool]:
        """The condition of a shape."""
        match shape:
            case And():
                parts = (
                    self._has(each, shape.of) if isinstance(each, HasPoint) else self.where(each) for each in shape.of
                )
                return and_(true(), *parts)
            case Or():
                return or_(false(), *(self.where(each) for each in shape.of))
            case Not(of=HasPoint() as row):
                # Not as NOT IN, for which PostgreSQL has no good plan.
                return not_(self._each_has(row)) if self.by_row else not_(self._points(row).exists())
            case Not():
                # What is compared with nothing is unknown, and its contrary has to be true.
                return not_(func.coalesce(self.where(shape.of), false()))
            case HasPoint():
                return self._has(shape)
            case HasRecord():
                return self._has_record(shape)
        return self._test(cast(Test, shape))

    def of_row(self, row: HasPoint, among: Sequence[Any] = ()) -> list[ColumnElement[bool]]:
        """What a contact point has to fulfil. One that is not active is nobody's, and bears no slot.

        Args:
            among: what else its record has to fulfil. What is asked of the name is asked, beside a city, of the name
                that an address repeats: one index holds both.
        """
        found = [replace(self, model=row.of).where(row.where)]
        if row.of is not SearchTerm:  # which has the words of active rows alone
            there = ExternalId.live.is_(True) if row.of is ExternalId else row.of.active
            found.insert(0, there if row.active else not_(there))
        if row.slot is not None:
            found.append(row.of.slot == row.slot)
        if row.primary is not None:
            first = is_first(row.of)
            found.append(first if row.primary else not_(first))
        if names_city(row):
            names = [test for test in among if isinstance(test, Test) and test.at is NAMES[self.model]]
            asked = [test for test in names if test.by is By.SEARCH and test.op in (Op.EQUALS, Op.STARTS_WITH)]
            found += [self.applied(Address.name_key, test) for test in asked]
        return found

    def sorted(self, orders: Sequence[tuple[Place, int, bool]]) -> list[tuple[Any, bool]]:
        """(expression, whether it descends) of what a list is sorted by."""
        return [
            (value, descending) for place, number, descending in orders for value in self.sort_values(place, number)
        ]

    def among(self, at: Any, values: Any) -> Any:
        """Whether an expression is one of several values, which are one parameter."""
        if self.sqlite:
            return at.in_(select(func.json_each(values).table_valued("value").c.value))
        return at == any_(as_type(values, values.type))

    def position(self, at: Any, part: Any) -> Any:
        """Where a part begins in a text; 0 where it is none."""
        return func.instr(at, part) if self.sqlite else func.strpos(at, part)

    def ending(self, at: Any, part: Any) -> Any:
        """As many of the last characters of a text as a part has."""
        if not self.sqlite:
            return func.right(at, func.length(part))
        return func.substr(at, func.length(at) - func.length(part) + literal_column("1"))

    def by_terms(self, begin: int) -> Select[Any]:
        """The records that have terms of the search index in a range, whose bounds are values from this number on."""
        term = SearchTerm.term
        first, end = (self._parameter(number, term.type) for number in (begin, begin + 1))
        return select(SearchTerm.party_id).where(self.is_searched(), term >= first, term < end)

    def points(self, row: HasPoint, among: Sequence[Any] = ()) -> Select[Any]:
        """The records that have a contact point, see `of_row`."""
        found = select(row.of.party_id).where(*self.of_row(row, among))
        return found.where(self.is_searched()) if row.of is SearchTerm else found

    def is_searched(self) -> ColumnElement[bool]:
        """Whether a term of the search index is of live records of the model."""
        return SearchTerm.kind == literal_column(str(int(SEARCHED_AS[self.model])), Integer())

    def slotted(self, point: Point, value: Any) -> ColumnElement[Any]:
        """A value of the contact point that bears a slot."""
        child = point.column.class_
        query = select(value).where(child.party_id == self.model.id, child.slot == point.slot)
        return query.correlate(self.model).scalar_subquery()

    def _has(self, row: HasPoint, among: Sequence[Any] = ()) -> ColumnElement[bool]:
        if self.by_row:
            return self._each_has(row)
        return cast(ColumnElement[bool], self.model.id.in_(self.points(row, among)))

    def of_record(self, record: HasRecord) -> list[ColumnElement[bool]]:
        """What another record has to fulfil."""
        of = replace(self, model=record.of, ranged=None)
        return [*of.seen(), of.where(record.where)]

    def seen(self) -> list[ColumnElement[bool]]:
        """The condition under which records of the model exist for the actor."""
        if self.actor is None:
            raise TypeError("nobody asks for other records")
        return [visible(self.actor, self.model)]

    def _has_record(self, record: HasRecord) -> ColumnElement[bool]:
        query = select(record.other).where(*self.of_record(record))
        if not self.by_row:
            return cast(ColumnElement[bool], record.own.in_(query))
        each = query.where(record.other == record.own).correlate(self.model).limit(literal_column("1"))
        return each.scalar_subquery().is_not(None)

    def _each_has(self, row: HasPoint) -> ColumnElement[bool]:
        """Whether the row at hand has a contact point; a planner makes no join of this."""
        return self._points(row).limit(literal_column("1")).scalar_subquery().is_not(None)

    def _points(self, row: HasPoint) -> Select[Any]:
        """The contact points of the row at hand that fulfil a condition."""
        query = select(row.of.party_id).where(row.of.party_id == self.model.id, *self.of_row(row))
        return query.correlate(self.model)

    def _test(self, test: Test) -> ColumnElement[bool]:
        asked = self._asked(test)
        # What is put like this is asked of a row, and leads to none: planners look for an index of a comparison alone.
        return asked.is_(True) if self.by_row and not self._is_ranged(test) else asked

    def _is_ranged(self, test: Test) -> bool:
        if self.ranged is None or not hasattr(test.at, "class_"):
            return False
        return any(key is self.ranged for key, _ in keys_of(test.at, test.by, test.op.value))

    def _asked(self, test: Test) -> ColumnElement[bool]:
        match test.at:
            case ExtraValue():
                return self._extra(test)
            case WholeDate() as date:
                at = _day_number(date)
                return _is_null(at, test.flag) if test.op is Op.IS_NULL else self.applied(at, test)
            case Point(column=whole) as point if test.op is Op.IS_NULL:
                return _is_null(self.slotted(point, whole), test.flag)
        whole = test.at.column if isinstance(test.at, Point) else test.at
        if test.op is Op.IS:
            return cast(ColumnElement[bool], whole.is_(test.flag))
        there = references.live(whole, self.actor)
        if test.op is Op.IS_NULL:
            return _is_null(whole, test.flag) if there is None else not_(there) if test.flag else there
        number = test.first
        found: list[ColumnElement[bool]] = []
        for (key, form), (_, count) in zip(keys_of(whole, test.by, test.op.value), test.asked, strict=True):
            at = self._compared(key, test.by)
            if isinstance(test.at, Point):
                at = self.slotted(test.at, at)
            applied = self._named(at, test, len(found), number)
            if form is not None and test.op.value.is_bounded_above:
                applied = and_(applied, at != "")
            found.append(applied)
            number += count
        either = or_(*found) if len(found) > 1 else found[0]
        if whole is Email.address and test.by is By.IDENTITY:
            # What customers say of themselves must not let a writer take their record for another's.
            either = and_(either, not_(CLAIMED))
        return either if there is None else and_(either, there)

    def _named(self, at: Any, test: Test, which: int, first: int) -> ColumnElement[bool]:
        """The same, where a column that names records is compared with the ids of some: those of records that were
        merged into others lead to these."""
        target = references.target_of(at)
        op, count = test.asked[which]
        if target is None or not count or op not in (Op.EQUALS, Op.IN):
            return self.applied(at, test, which, first)
        if op is Op.EQUALS:
            return cast(ColumnElement[bool], at == standing(target, self._parameter(first, at.type)))
        former = aliased(target)
        own = self.among(former.id, self._parameter(first, Several(at.type)))
        led = standing_of_several(own, former)
        if self.sqlite:
            return cast(ColumnElement[bool], at.in_(led))
        # Not as IN, of which planners make a join.
        return cast(ColumnElement[bool], at == any_(func.array(led.scalar_subquery(), type_=ARRAY(at.type))))

    def applied(
        self, at: Any, test: Test, which: int = 0, first: int | None = None, how: str = "sql"
    ) -> ColumnElement[bool]:
        """The comparison of an expression with values in its form; false where there are none."""
        op, count = test.asked[which]
        if not count:
            return false()
        kind = Several(at.type) if op.value.takes is None else at.type
        begin = test.first if first is None else first
        values = [self._parameter(begin + i, kind) for i in range(count)]
        return cast(ColumnElement[bool], getattr(op.value, how)(self, at, *values))

    def _parameter(self, number: int, kind: Any) -> Any:
        return bindparam(f"{self.prefix}{number}", type_=kind)

    def _compared(self, key: Any, by: By) -> Any:
        """What is compared of a column that stands for itself or another one."""
        if isinstance(key.type, Money):
            return as_type(key, Float(53))
        if not isinstance(key.type, Text) or by is By.EXACT or key in KEYS:
            return key
        return self._small(key)

    def _small(self, text: Any) -> ColumnElement[Any]:
        """The text with ASCII letters small. In the collation C, lower() of PostgreSQL knows no others either."""
        return func.lower(text if self.sqlite else text.collate("C"), type_=Text())

    def sort_values(self, place: Place, number: int) -> list[Any]:
        """What a place is sorted by: an extra field by the number that is kept, else by its text."""
        match place:
            case ExtraValue():
                extra = self._extra_field(number)
                return [extra.number(), self._small(extra.text())]
            case WholeDate() as date:
                return [_day_number(date)]
        whole = place.column if isinstance(place, Point) else place
        if references.live(whole) is not None:
            return [references.seen(whole, self.actor)]
        ((key, _),) = keys_of(whole, By.SEARCH, Op.LT.value)
        value = self._compared(key, By.SEARCH)
        if isinstance(place, Point):
            value = self.slotted(place, value)
        return [func.nullif(value, "") if whole in FOLDED and whole is not NAMES.get(self.model) else value]

    def _extra_field(self, number: int) -> ExtraFieldSql:
        return ExtraFieldSql(self.model, self._parameter(number, JsonPath()), self.sqlite)

    def _extra(self, test: Test) -> ColumnElement[bool]:
        extra = self._extra_field(test.first)
        if test.op is Op.IS_NULL:
            return _is_null(func.nullif(extra.json(), "[]"), test.flag)
        first = test.first + 1
        if test.flag:
            return self.applied(extra.number(written=test.by is not By.IDENTITY), test, 0, first)
        found = self.applied(self._small(extra.text()), test, 0, first)
        if test.op.value.element is None:
            return found
        return or_(found, extra.any_element(lambda at: self.applied(self._small(at), test, 0, first, "element")))


KEYS = frozenset(key for searched in SEARCHED.values() for key in (searched.key, *(searched.also or ())[:1]))
"""What is compared as it is: keys."""


async def rows(
    session: AsyncSession,
    actor: Actor,
    model: RecordType,
    what: Hashable,
    resolved: Resolved,
    build: Callable[[Sql, ColumnElement[bool]], Select[Any]],
    parameters: dict[str, Any],
) -> Sequence[pool.Row]:
    """The rows of a statement over the live records that an actor may see, which is compiled once for every shape.

    Args:
        what: names the statement, together with the shape.
        build: makes it, given what writes the conditions, and the condition that the actor may see a record.
        parameters: the values of what it has besides.
    """
    key = (what, model, visibility_key(actor), resolved.shape, resolved.orders)
    sqlite = database_of(session).is_sqlite
    values = parameters | visibility_values(actor) | resolved.parameters("v")

    def statement() -> Select[Any]:
        whose = with_parameters(actor)
        return build(Sql(model, sqlite, actor=whose), visible(whose, model))

    return await snapshots.rows_of(session, key, statement, values, chosen=True)


def names_city(shape: Where, *, exactly: bool = False) -> bool:
    """Whether a shape asks for an address in some city.

    Args:
        exactly: in this very city.
    """
    if not isinstance(shape, HasPoint) or shape.of is not Address:
        return False
    tests = shape.where.of if isinstance(shape.where, And) else (shape.where,)
    cities = [test for test in tests if isinstance(test, Test) and test.at is Address.city]
    return any(test.op is Op.EQUALS for test in cities) if exactly else bool(cities)


def _day_number(date: WholeDate) -> ColumnElement[Any]:
    """A date as one number, in the order of dates; null where a part is."""
    return cast(ColumnElement[Any], date.year * 10_000 + date.month * 100 + date.day)


def _is_null(at: Any, wanted: bool) -> ColumnElement[bool]:
    return cast(ColumnElement[bool], at.is_(None) if wanted else at.is_not(None))
