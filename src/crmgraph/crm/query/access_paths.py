"""Access paths: how the rows of a list are found, right for every value that a statement is run with.

A statement is planned once and run with values that three records have and values that half of them have. Walking the
list in its order, and asking each row, is right for the frequent value: the page is full soon. Finding the rows by the
index of the value, and sorting them, is right for the rare one. So a statement has both and decides while it runs:
up to `FEW` rows are taken from the index of a condition; when that was all, they are the list, else the list is walked.
See docs/decisions/access-paths.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    func,
    intersect,
    literal_column,
    not_,
    select,
    true,
    union_all,
)

from crmgraph.crm.models import Account, Address, Contact, Email, ExternalId, Lead, Phone
from crmgraph.crm.query import parts, references
from crmgraph.crm.query.columns import PARTED_IN, keys_of
from crmgraph.crm.query.conditions import And, By, HasPoint, HasRecord, Not, Op, Or, Point, Test, Where
from crmgraph.crm.query.sql import KEYS, Sql

FEW = 5_000
"""How many rows are rather sorted than looked for. To walk a list of a million for a page of fifty of a value that so
many have reads ten thousand rows: about as much."""
FEW_OF_PARTS = 500
"""The same of those that have a part in a text: an index is read for them from its beginning until so many are found,
which costs a tenth of reading the records."""
MANY = 50_000
"""How many of each of several parts of texts are read, to find those who have all of them."""
MAX_DRIVERS = 3
"""How many conditions of a list may lead to its rows, the most selective ones."""

MAX_TESTS = 60
"""How many comparisons all paths of a list may have together: it takes a third of a millisecond to write one."""

_RANKS = {Op.EQUALS: 0, Op.IN: 0, Op.STARTS_WITH: 1, Op.IS_NULL: 3, **dict.fromkeys((Op.BETWEEN, Op.GT, Op.GE), 3)}
_RANKS |= {Op.LT: 3, Op.LE: 3}
"""How selective a comparator is, as far as one can tell without its value."""
_PART = 6
"""The rank of a part of a text: no index finds it, but an index that has the texts is read sooner than the records."""
SCANNED = 10
"""The rank of what no index answers."""
_OWN = frozenset({"id", "number", "address_key", "e164", "digits", "value"})
"""Columns whose values few rows share; of all others it takes a step more to be as selective."""

_COMPLETE = parts.are_complete()

_FLAGS = {
    Contact: ("email_opt_out", "do_not_call", "sms_opt_out", "direct_marketing", "affiliate_marketing"),
    Account: ("email_opt_out", "sms_opt_out"),
    Lead: ("email_opt_out",),
}
_ANSWERED = {
    *((getattr(model, name), Op.IS, True) for model, names in _FLAGS.items() for name in names),
    (Lead.converted_at, Op.IS_NULL, True),
    (Lead.converted_at, Op.IS_NULL, False),
}
"""What an index answers that has none but the rows of which it is true."""


@dataclass(frozen=True, slots=True)
class Driver:
    """A condition that an index answers.

    Attributes:
        ids: the ids of all rows that fulfil it, and perhaps of others.
        rest: what else is asked of them.
        column: what it compares; None for several.
        rank: the lower, the fewer rows it is expected to find.
        before: the rows that it goes on from, which have to be few too.
        given: under which conditions it finds all of them.
        is_part: whether it has a part of a text, so that less rows are few of it.
    """

    ids: Select[Any]
    rest: Where
    column: Any
    rank: int
    before: tuple[Any, ...] = ()
    given: tuple[Any, ...] = ()
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A path to rows.

    Attributes:
        where: the conditions of its rows.
        begun: whether it is taken, where its limit says so: SQLite would ask that of every row of a path that has none.
    """

    where: list[ColumnElement[bool]]
    begun: ColumnElement[bool] | None = None

    def only(self, sql: Sql, condition: ColumnElement[bool]) -> "Path":
        """The same path, taken only where a condition holds that no row has a part in."""
        if not sql.sqlite:
            return Path([condition, *self.where], self.begun)
        return Path(self.where, condition if self.begun is None else and_(self.begun, condition))


def limit_of(begun: ColumnElement[bool] | None, size: ColumnElement[int]) -> ColumnElement[int]:
    """How many rows of a path are read at most, see `Path`."""
    return size if begun is None else case((begun, size), else_=literal(0))


def paths(sql: Sql, shape: Where | None, sorted_by: Any) -> list[Path]:
    """The paths to the rows of a shape, of which just one finds any; the last one walks the list.

    Args:
        sql: writes conditions on the rows of the list.
        sorted_by: the column, or whatever else, by which the list is sorted above all.
    """
    walking = replace(sql, by_row=True, ranged=sorted_by)
    asking = replace(sql, by_row=True)
    if shape is None:
        return [Path([])]
    if not hasattr(sql.model, "deleted_at"):
        return [Path([walking.where(shape)])]  # there are few staff
    # A condition on what the list is sorted by is a range of the walk.
    found = [each for each in drivers(sql, shape) if each.column is not sorted_by]
    found.sort(key=lambda driver: driver.rank)
    ways: list[Path] = []

    many: list[ColumnElement[bool]] = []
    # Parts of texts are found by an index that may not be complete yet: what else leads to the rows counts as before.
    most_drivers = MAX_DRIVERS + sum(bool(driver.given) for driver in found)
    drive = min(most_drivers, MAX_TESTS // max(1, _count(shape)) - 1)
    for number, driver in enumerate(found[: max(0, drive)]):
        most = FEW_OF_PARTS if driver.is_part else FEW
        few = driver.ids.limit(literal(most + 1)).cte(f"{sql.prefix}few{number}")
        before = (_size(each) <= literal(FEW) for each in driver.before)
        are_few = [*driver.given, *before, _size(few) <= literal(most)]
        own = sql.model.id.in_(select(few.c[0]))
        ways.append(Path([own, asking.where(driver.rest)]).only(sql, and_(*many, *are_few)))
        many.append(not_(and_(*are_few)) if len(are_few) > 1 else _size(few) > literal(most))
    walk = Path([walking.where(shape)])
    return [*ways, walk.only(sql, and_(*many)) if many else walk]


def fenced(sql: Sql, query: Select[Any]) -> Any:
    """The rows of a path of few rows, as a source: all of them are found before any is sorted.

    Else PostgreSQL, which takes them for 5,000, would walk the list and look for each row among them.
    """
    return (query if sql.sqlite else query.offset(literal(0))).subquery()


def all_rows(sql: Sql, shape: Where) -> ColumnElement[bool]:
    """The condition of a shape where every row that fulfils it is read, to count them for one."""
    parts = shape.of if isinstance(shape, And) else (shape,)
    # PostgreSQL asks every row of the table for an OR of two subqueries.
    has_paths = hasattr(sql.model, "deleted_at")
    found = {
        i: list(drivers(sql, part, surely=True))[:1] if isinstance(part, Or) and has_paths else []
        for i, part in enumerate(parts)
    }
    others = And(tuple(part for i, part in enumerate(parts) if not found[i]))
    either = [driver for each in found.values() for driver in each]
    return and_(sql.where(others), *(and_(sql.model.id.in_(driver.ids), sql.where(driver.rest)) for driver in either))


def is_indexed(column: Any) -> bool:
    """Whether an index begins with a column."""
    return column.key in _leading(column.class_)


def drivers(
    sql: Sql, shape: Where, among: Sequence[Where] = (), *, alone: bool = True, surely: bool = False
) -> Iterator[Driver]:
    """The conditions of a shape whose rows are found sooner than by asking every record.

    Those are what an index answers, and whatever is asked of contact points: to read their table once takes a fraction
    of looking into it for each record.

    Args:
        among: what else is asked of the same rows.
        alone: whether what is asked of the records themselves needs an index; else it is one of several conditions of
            which the others would be asked of every record.
        surely: leave out what finds all rows under conditions alone.
    """
    model: Any = sql.model
    match shape:
        case And(of=parts):
            led: list[Driver] = []
            for i, part in enumerate(parts):
                found = list(drivers(sql, part, parts, surely=surely))
                yield from (replace(each, rest=And((*parts[:i], each.rest, *parts[i + 1 :]))) for each in found)
                led += [each for each in found if each.given and not each.before][:1]
            if len(led) > 1:
                yield _in_all(led[:MAX_DRIVERS], shape)
        case Or(of=parts):
            each = [list(drivers(sql, part, alone=False, surely=surely)) for part in parts]
            either = _either(shape, each)
            yield from either
            if any(driver.given for driver in either):
                yield from _either(shape, [[driver for driver in of if not driver.given] for of in each])
        case HasPoint():
            tests = _tests(shape.where)
            yield from (
                Driver(sql.by_terms(test.terms), shape, None, _RANKS[Op.STARTS_WITH])
                for test in tests
                if test.terms is not None
            )
            if shape.active and not surely:
                yield from (driver for test in tests for driver in _by_part(sql, test, shape))
            ranks = [_rank(shape.of, test) for test in tests]
            yield Driver(sql.points(shape, among), And(()), None, min(ranks, default=SCANNED))
        case HasRecord():
            yield _going_on(sql, shape, surely=surely)
        case Test(at=Point()) if not surely:
            yield from _by_part(sql, shape, shape)
        case Test() if getattr(shape.at, "class_", None) is sql.model:
            if not surely:
                yield from _by_part(sql, shape, shape)
            rank = _rank(model, shape)
            if rank < SCANNED or (not alone and shape.op is not Op.IS_NULL):
                rows = select(model.id).where(model.deleted_at.is_(None), sql.where(shape))
                ((key, _), *_) = keys_of(shape.at, shape.by, shape.op.value)
                yield Driver(rows, And(()), key, rank)
            elif shape.op.value.is_part and not sql.sqlite and _has_texts(shape):
                # PostgreSQL reads the index alone; SQLite would look at each record on the way.
                rows = select(model.id).where(model.deleted_at.is_(None), sql.where(shape))
                yield Driver(rows, And(()), None, _PART, is_part=True)


def _either(shape: Or, each: Sequence[Sequence[Driver]]) -> list[Driver]:
    """What leads to the rows that fulfil one of several conditions; nothing where that is not so of each.

    Args:
        each: what leads to the rows of each condition.
    """
    best = [min(found, key=lambda driver: driver.rank, default=None) for found in each]
    of = [driver for driver in best if driver is not None and not driver.before]
    if not of or len(of) < len(best):
        return []
    either = union_all(*(driver.ids for driver in of)).subquery()
    rest = And(()) if all(_is_all(driver.rest) for driver in of) else shape
    given = tuple(dict.fromkeys(condition for driver in of for condition in driver.given))
    return [Driver(select(either.c[0]), rest, None, max(driver.rank for driver in of), given=given)]


def _has_few_values(column: Any) -> bool:
    """Whether many records may share each value of a column whose parts are not indexed."""
    return column not in PARTED_IN and getattr(column, "class_", None) not in (None, Phone)


def _in_all(each: Sequence[Driver], shape: And) -> Driver:
    """What several conditions lead to that each have a part of a text, where each leads to more than few."""
    rows = [driver.ids.limit(literal(MANY + 1)).cte() for driver in each]
    given = dict.fromkeys(condition for driver in each for condition in driver.given)
    all_are_there = (_size(of) <= literal(MANY) for of in rows)
    ids = intersect(*(select(of.c[0]) for of in rows)).subquery()
    return Driver(select(ids.c[0]), shape, None, _PART + 1, given=(*given, *all_are_there))


def _by_part(sql: Sql, test: Test, whole: Where) -> Iterator[Driver]:
    """What leads to the records of which a part of a text may be asked.

    Args:
        whole: what is asked of them then.
    """
    column = test.at.column if isinstance(test.at, Point) else test.at
    if test.parts is not None:
        rows = parts.by_parts(sql, column, test.parts, FEW + 1)
        yield Driver(rows, whole, None, _PART, given=(_COMPLETE,))
    elif test.op.value.is_part and not test.op.value.is_range and _has_few_values(column) and _has_texts(test):
        ((key, _),) = keys_of(column, test.by, test.op.value)
        values = parts.values_of(key)
        having = select(values.c.value).where(sql.applied(values.c.value, test)).cte()
        ids = _of_each(sql, having, key, parts.rows_of(key.class_))
        yield Driver(ids, whole, None, _PART, given=(_size(values) <= literal(parts.MOST_VALUES),))


def _going_on(sql: Sql, record: HasRecord, *, surely: bool) -> Driver:
    """The rows whose other record fulfils a condition: few of those are found first, and the rows go on from there."""
    model: Any = sql.model
    inner = replace(sql, model=record.of, ranged=None)
    others = select(record.other).where(*sql.of_record(record))
    before: tuple[Any, ...] = ()
    best = min(drivers(inner, record.where, surely=surely), key=lambda driver: driver.rank, default=None)
    if best is not None:
        before = (best.ids.limit(literal(FEW + 1)).cte(),)
        rest = replace(inner, by_row=True)
        others = select(record.other).where(*rest.seen(), rest.where(best.rest))
        others = _of_each(sql, before[0], record.of.id, others)
    rank, given = (SCANNED, ()) if best is None else (best.rank + 1, best.given)
    if record.own is model.id:
        return Driver(others, And(()), None, rank, before, given)
    few = others.limit(literal(FEW + 1)).cte()
    rows = select(model.id).where(model.deleted_at.is_(None))
    return Driver(_of_each(sql, few, record.own, rows), And(()), None, rank, (*before, few), given)


def _of_each(sql: Sql, few: Any, column: Any, query: Select[Any]) -> Select[Any]:
    """What a query finds for each of a few values of a column."""
    if sql.sqlite:
        return query.where(column.in_(select(few.c[0])))
    # A join that PostgreSQL cannot turn round: else it would read all rows, to look each up among the few.
    each = query.where(column == few.c[0]).correlate(few).limit(literal(FEW + 1)).lateral()
    return select(each.c[0]).select_from(few).join(each, true())


def _size(rows: Any) -> ColumnElement[int]:
    return select(func.count()).select_from(rows).scalar_subquery()


def _is_all(where: Where) -> bool:
    """Whether nothing is asked."""
    return isinstance(where, And) and all(_is_all(part) for part in where.of)


def _count(where: Where) -> int:
    """How many comparisons a shape has."""
    match where:
        case And(of=parts) | Or(of=parts):
            return sum(map(_count, parts))
        case Not(of=inner) | HasPoint(where=inner):
            return _count(inner)
        case HasRecord(where=inner):
            return 1 + _count(inner)
    return 1


def _tests(where: Where) -> list[Test]:
    """What a contact point has to fulfil in any case."""
    parts = where.of if isinstance(where, And) else (where,)
    return [part for part in parts if isinstance(part, Test)]


def _rank(model: Any, test: Test) -> int:
    """How selective a test is, see `Driver`; `SCANNED` where no index of the model's answers it."""
    column = test.at
    if test.op in (Op.IS, Op.IS_NULL) and (column, test.op, test.flag) in _ANSWERED:
        return _RANKS[Op.IS_NULL]
    if test.op is Op.IS_NULL:
        answered = test.flag and references.live(column) is None and is_indexed(column)
        return _RANKS[test.op] if answered else SCANNED
    keys = [key for key, _ in keys_of(column, test.by, test.op.value)]
    # What is no key is compared with its letters small, which no index holds.
    as_stored = test.by is By.EXACT or all(key in KEYS or not isinstance(key.type, Text) for key in keys)
    if test.op not in _RANKS or not as_stored or not all(map(is_indexed, keys)):
        return SCANNED
    return _RANKS[test.op] + (0 if keys[0].key in _OWN else 2)


def _has_texts(test: Test) -> bool:
    """Whether there is an index of the texts that a test compares a part of."""
    return all(key in KEYS and is_indexed(key) for key, _ in keys_of(test.at, test.by, test.op.value))


@cache
def _leading(model: Any) -> frozenset[str]:
    """The columns with which an index of live or of all rows begins."""
    names = {index.columns[0].name for index in model.__table__.indexes}
    return frozenset(names | ({"id"} if model not in (Phone, Email, Address, ExternalId) else set()))


def literal(number: int) -> ColumnElement[int]:
    """A number as it stands: the planner of PostgreSQL looks at it, which it does at no parameter."""
    return literal_column(str(number), Integer())
