"""The two halves of conditions: the shape, which is the text of a statement, and the values, which are its parameters.

Two lists that ask for the same with other values have one shape, and so one statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Text,
)

from crmgraph.crm.errors import Invalid
from crmgraph.crm.query.columns import (
    day,
    finite,
    is_compared,
    is_number,
    keys_of,
    parts_with,
    spelled,
    terms_ending,
    values_of,
)
from crmgraph.crm.query.conditions import (
    MAX_VALUES,
    And,
    By,
    Compare,
    ExtraValue,
    HasPoint,
    HasRecord,
    Not,
    Op,
    Or,
    Order,
    Place,
    Point,
    Test,
    Where,
    WholeDate,
)
from crmgraph.crm.values.folding import prefix_end
from crmgraph.crm.values.text import fault_of


@dataclass(frozen=True, slots=True)
class Resolved:
    """Conditions and an order in two halves: what changes the text of a statement, and the values in its parameters."""

    shape: Where
    values: tuple[Any, ...]
    orders: tuple[tuple[Place, int, bool], ...] = ()

    def parameters(self, prefix: str) -> dict[str, Any]:
        """The values by the names that `Sql` gives the parameters."""
        return {f"{prefix}{i}": value for i, value in enumerate(self.values)}


def resolve(where: Where, region: str | None, orders: Sequence[Order] = ()) -> Resolved:
    """The two halves of conditions.

    Args:
        region: ISO 3166-1 alpha-2 of the place from which a telephone number is dialled; None when unknown.

    Raises:
        Invalid: a value is not of the form of its column.
    """
    reader = _Reader(region)
    shape = reader.shape(where)
    sorts = tuple((reader.place(order.by), len(reader.values) - 1, order.descending) for order in orders)
    return Resolved(shape, tuple(reader.values), sorts)


class _Reader:
    """Takes the values out of conditions."""

    def __init__(self, region: str | None) -> None:
        self.values: list[Any] = []
        self._region = region

    def shape(self, where: Where) -> Where:
        match where:
            case Compare():
                return self._compare(where)
            case HasPoint():
                return replace(where, where=self.shape(where.where))
            case HasRecord():
                return replace(where, where=self.shape(where.where))
            case Not():
                return Not(self.shape(where.of))
            case And() | Or():
                return type(where)(tuple([self.shape(each) for each in where.of]))
        raise TypeError("a shape has no values")

    def place(self, at: Place) -> Place:
        """A place, without the name of an extra field, which becomes the next value."""
        if not isinstance(at, ExtraValue):
            return at
        # SQLite's paths have no way to write a quotation mark inside a key.
        if '"' in at.dialect + at.key or fault_of(at.key):
            raise Invalid((), "form")
        self.values.append((at.dialect, at.key))
        return EXTRA

    def _compare(self, compare: Compare) -> Where:
        at, op, value = compare.at, compare.op, compare.value
        if op.value.takes is None and len(value) > MAX_VALUES:
            raise Invalid((), "too_long", MAX_VALUES, unit="values")
        if value is None and op in (Op.EQUALS, Op.NOT_EQUAL):
            return self._compare(replace(compare, op=Op.IS_NULL, value=op is Op.EQUALS))
        if op.value.contrary_of is not None:
            return Not(self._compare(replace(compare, op=Op[op.value.contrary_of])))
        if isinstance(at, Point) and (at.slot is None or op.value.is_indexed):
            if op is Op.IS_NULL and value:
                return Not(self._compare(replace(compare, value=False)))
            return HasPoint(at.column.class_, self._test(replace(compare, at=at.column)), at.slot)
        return self._test(compare)

    def _test(self, compare: Compare) -> Test:
        op, by, first = compare.op, compare.by, len(self.values)
        at = self.place(compare.at)
        if op in (Op.IS_NULL, Op.IS):
            return Test(at, op, by, first, flag=bool(compare.value))
        given = (compare.value,) if op.value.takes == 1 else compare.value
        if op.value.takes not in (None, len(given)):
            raise Invalid((), "form")
        whole = at.column if isinstance(at, Point) else at
        numeric = isinstance(at, ExtraValue) and any(map(is_number, given))
        is_text = not numeric if isinstance(at, ExtraValue) else isinstance(getattr(whole, "type", None), Text)
        if op.value.is_part and not is_text:
            raise Invalid((), "type")
        forms: list[list[Any]]
        match at:
            case ExtraValue():
                forms = [[(finite if numeric else spelled)(value) for value in given]]
            case WholeDate():
                forms = [[day(value) for value in given]]
            case _:
                keys = keys_of(whole, by, op.value)
                forms = [values_of(key, form, by, given, self._region) for key, form in keys]
        asked = [self._asked(op, [form for form in each if is_compared(whole, by, form)]) for each in forms]
        terms = None
        if op.value.is_end and asked[0][1] and (between := terms_ending(whole, self.values[-1])) is not None:
            terms = len(self.values)
            self.values += between
        parts = self._parts(whole, op, by, forms[0]) if terms is None and asked[0][1] else None
        return Test(at, op, by, first, tuple(asked), numeric, terms, parts)

    def _parts(self, column: Any, op: Op, by: By, form: list[Any]) -> int | None:
        """The number of the first of the values between which the parts lie that lead to what fulfils a comparison."""
        if not op.value.is_part or op.value.is_range or by is not By.SEARCH:
            return None
        between = parts_with(column, form[0], is_end=op.value.is_end)
        if between is None:
            return None
        self.values += between
        return len(self.values) - 2

    def _asked(self, op: Op, forms: list[Any]) -> tuple[Op, int]:
        if op is Op.EQUALS and len(forms) > 1:
            op = Op.IN
        how, before = op.value, len(self.values)
        if how.takes not in (None, len(forms)):
            forms = []  # nothing is like what nothing is left of
        elif how.takes is None and len(forms) == 1:
            op = Op.EQUALS
        elif how.takes is None:
            forms = [forms] if forms else []
        elif how.is_range and forms:
            forms = [forms[0], *([] if (end := prefix_end(forms[0])) is None else [end])]
        self.values += forms
        return op, len(self.values) - before


EXTRA = ExtraValue("", "")
"""Any extra field, in a shape."""
