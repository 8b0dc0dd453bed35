"""The SQL of what records a page is asked for: one for each shape of a criterion, whose values are parameters."""

import operator
from collections.abc import Callable, Sequence
from itertools import count, islice
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, bindparam, false, func, not_, or_, select, true

from crmgraph.crm.models import Address
from crmgraph.crm.query.criteria import COMPARED, ESCAPE, NAMES, Compared, Criterion, Either, Every, Not, Op, Test
from crmgraph.crm.query.references import live

Parameter: TypeAlias = Callable[[Any, int | None], Any]
"""Makes the parameter, of the type that is given, for the next value of a criterion; with a number, what `in_` takes
for so many."""


def holding(values: Sequence[Any]) -> Parameter:
    """Makes parameters that hold these values."""
    left = iter(values)

    def parameter(type_: Any, several: int | None) -> Any:
        if several is None:
            return bindparam(None, next(left), type_=type_)
        return bindparam(None, list(islice(left, several)), type_=type_, expanding=True)

    return parameter


def named(prefix: str) -> Parameter:
    """Makes the parameters `prefix0`, `prefix1` ..."""
    number = count()

    def parameter(type_: Any, several: int | None) -> Any:
        if several is None:
            return bindparam(f"{prefix}{next(number)}", type_=type_)
        return [parameter(type_, None) for _ in range(several)]

    return parameter


def condition(model: Any, shape: Criterion, parameter: Parameter) -> ColumnElement[bool]:
    """The SQL of all criteria of one shape.

    Args:
        model: Contact, Account or Lead.
        parameter: is asked for the values in their order.
    """
    return _sql(model, _filled(COMPARED[model], shape, parameter))


def names_city(shape: Criterion) -> bool:
    """Whether a shape holds that the city of an address is such and such, whatever else it holds."""
    return isinstance(shape, Every) and any(map(_is_city, shape.of))


def by_city(model: Any, shape: Criterion, parameter: Parameter) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The SQL of a shape that `names_city`, in two: what an address has to fulfil, and what its record besides.

    Args:
        parameter: is asked for the values in their order.
    """
    every = _filled(COMPARED[model], shape, parameter)
    of_address = [each for each in every.of if _row_of(model, each) is Address]
    others = Every(tuple(each for each in every.of if each not in of_address))
    return and_(*_of_row(model, Address, of_address), *_beside(model, every)), _sql(model, others)


def _is_city(criterion: Criterion) -> bool:
    return _names_city(criterion) and isinstance(criterion, Test) and criterion.op is Op.EQ


def _names_city(criterion: Criterion) -> bool:
    return isinstance(criterion, Test) and criterion.name == "city"


def _filled(names: dict[str, Compared], shape: Criterion, parameter: Parameter) -> Any:
    """The shape with parameters in place of the counts."""
    if isinstance(shape, Test):
        if shape.op is Op.IS_NULL:
            return shape
        counted = zip(names[shape.name].columns, shape.value, strict=True)
        if shape.op is Op.IN:
            return Test(shape.name, shape.op, [[parameter(column.type, n)] if n else [] for column, n in counted])
        return Test(shape.name, shape.op, [[parameter(column.type, None) for _ in range(n)] for column, n in counted])
    if isinstance(shape, Not):
        return Not(_filled(names, shape.of, parameter))
    return type(shape)(tuple(_filled(names, each, parameter) for each in shape.of))


def _sql(model: Any, filled: Criterion) -> ColumnElement[bool]:
    match filled:
        case Every():
            rows: dict[Any, list[Any]] = {}
            conditions = []
            for each in filled.of:
                if (child := _row_of(model, each)) is not None:
                    rows.setdefault(child, []).append(each)
                else:
                    conditions.append(_sql(model, each))
            for child, tests in rows.items():
                beside = _beside(model, filled) if any(map(_names_city, tests)) else []
                conditions.append(_has(model, child, [*_of_row(model, child, tests), *beside]))
            return and_(true(), *conditions)
        case Either():
            return or_(false(), *(_sql(model, each) for each in filled.of))
        case Not():
            # What is compared with nothing is unknown, and its contrary has to be true.
            return not_(func.coalesce(_sql(model, filled.of), false()))
    return _test(model, filled)


def _beside(model: Any, every: Every) -> list[ColumnElement[bool]]:
    """What is asked of the name, of the name that an address repeats: one index holds it with the city."""
    return [
        _compare(Address.name_key, each.op, each.value[0])
        for each in every.of
        if isinstance(each, Test) and each.name == NAMES[model] and each.op in (Op.EQ, Op.STARTS_WITH)
    ]


def _row_of(model: Any, criterion: Criterion) -> Any:
    """The model of the rows of which one has to fulfil a comparison; None where it is about the record as a whole.

    That there is no value is about all rows.
    """
    if not isinstance(criterion, Test) or (criterion.op is Op.IS_NULL and criterion.value):
        return None
    child = COMPARED[model][criterion.name].columns[0].class_
    return None if child is model else child


def _of_row(model: Any, child: Any, tests: Sequence[Any]) -> list[ColumnElement[bool]]:
    """What one row has to fulfil; one that is not active is nobody's."""
    names = COMPARED[model]
    return [
        child.active,
        *(
            names[test.name].columns[0] != (names[test.name].empty or "")
            if test.op is Op.IS_NULL
            else _any_column(names, test)
            for test in tests
        ),
    ]


def _has(model: Any, child: Any, conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    among: ColumnElement[bool] = model.id.in_(select(child.party_id).where(*conditions))
    return among


def _test(model: Any, test: Test) -> ColumnElement[bool]:
    names = COMPARED[model]
    compared = names[test.name]
    column = compared.columns[0]
    child: Any = column.class_
    if child is not model:
        if test.op is Op.IS_NULL and test.value:
            return not_(_has(model, child, _of_row(model, child, [Test(test.name, Op.IS_NULL, False)])))
        return _has(model, child, _of_row(model, child, [test]))
    there = live(column)
    if test.op is not Op.IS_NULL:
        wanted = _any_column(names, test)
        return wanted if there is None else and_(wanted, there)
    if there is not None:
        return not_(there) if test.value else there
    absent: ColumnElement[bool] = column.is_(None) if compared.empty is None else column == compared.empty
    return absent if test.value else not_(absent)


def _any_column(names: dict[str, Compared], test: Test) -> ColumnElement[bool]:
    columns = zip(names[test.name].columns, test.value, strict=True)
    return or_(false(), *(_compare(column, test.op, parameters) for column, parameters in columns))


def _compare(column: Any, op: Op, parameters: Sequence[Any]) -> ColumnElement[bool]:
    """A column compared with the values that are left of those that were given; false when none is."""
    if not parameters:
        return false()
    result: ColumnElement[bool]
    match op:
        case Op.IN:
            result = column.in_(parameters[0])
        case Op.STARTS_WITH:
            result = and_(column >= parameters[0], *(column < end for end in parameters[1:]))
        case Op.CONTAINS:
            result = column.contains(parameters[0], escape=ESCAPE)
        case _:
            result = _ORDERED[op](column, parameters[0])
    return result


_ORDERED: dict[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
}
