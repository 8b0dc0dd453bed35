"""What records a page is asked for: comparisons joined by and, or and not, as data that can be hashed, and their SQL.

Text is compared by its stored key, so that case and accents do not count and every comparison but `contains` is one
range of an index. Nothing in a value is a wildcard.
"""

import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, true

from crmgraph.crm.errors import Invalid, Path
from crmgraph.crm.models import Account, Address, Contact, Email, Lead, Phone
from crmgraph.crm.text import country_code, dialled, email_key, fault_of, fold, prefix_end

MAX_COMPARISONS = 100
"""The most comparisons of one page."""
MAX_VALUES = 1_000
"""The most values of one `in`."""
MAX_NESTING = 8
"""How deep and, or and not may be nested."""


class Op(StrEnum):
    """How a value is compared with what is stored."""

    EQ = "eq"
    IN = "in"
    STARTS_WITH = "startsWith"
    CONTAINS = "contains"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IS_NULL = "isNull"


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. `value` is a tuple for IN, a bool for IS_NULL; `name` is a key of `COMPARED`."""

    name: str
    op: Op
    value: Any

    __test__ = False  # not one of pytest's


@dataclass(frozen=True, slots=True)
class Every:
    """Every one of these; true when there is none."""

    of: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of these; false when there is none."""

    of: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    of: "Criterion"


Criterion: TypeAlias = Test | Every | Either | Not


@dataclass(frozen=True, slots=True)
class Compared:
    """A column that can be asked for.

    Attributes:
        column: of the record, or of one of its child rows, any of which may fulfil the comparison.
        normal: brings a value into the form of the column; None from it matches nothing.
        empty: what stands in the column where there is no value.
    """

    column: Any
    normal: Callable[[Any], Any] = lambda value: value
    empty: str | None = None

    @property
    def is_text_key(self) -> bool:
        return self.empty == ""


_ADDRESSES = {
    "city": Compared(Address.city_key, fold, ""),
    "country": Compared(Address.country, country_code),
    "email": Compared(Email.address_key, email_key, ""),
    "phone": Compared(Phone.e164),
}


def _own(model: Any) -> dict[str, Compared]:
    return {
        name: Compared(getattr(model, name)) for name in ("number", "created_at", "updated_at", "owner_id")
    } | _ADDRESSES


COMPARED: dict[type, dict[str, Compared]] = {
    Contact: _own(Contact)
    | {
        "last_name": Compared(Contact.last_name_key, fold, ""),
        "account_id": Compared(Contact.account_id),
    },
    Account: _own(Account)
    | {
        "name": Compared(Account.name_key, fold, ""),
        "status": Compared(Account.status),
        "industry": Compared(Account.industry),
        "kind": Compared(Account.kind),
        "parent_id": Compared(Account.parent_id),
    },
    Lead: _own(Lead)
    | {
        "last_name": Compared(Lead.last_name_key, fold, ""),
        "status": Compared(Lead.status),
        "source": Compared(Lead.source),
    },
}
"""{model: {name: what it means}}."""

_NAMES = {Contact: "last_name", Account: "name", Lead: "last_name"}


def check(criterion: Criterion, path: Path = ()) -> None:
    """Whether a page can be asked for like this.

    Raises:
        Invalid: too many comparisons or values, nested too deep, or text that no record can hold.
    """
    tests = list(_tests(criterion, 0, path))
    if len(tests) > MAX_COMPARISONS:
        raise Invalid(path, "too_long", MAX_COMPARISONS)
    for test in tests:
        values = test.value if isinstance(test.value, tuple) else (test.value,)
        if len(values) > MAX_VALUES:
            raise Invalid(path, "too_long", MAX_VALUES)
        for value in values:
            if isinstance(value, str) and (fault := fault_of(value)):
                raise Invalid(path, *fault)


def _tests(criterion: Criterion, depth: int, path: Path) -> Collection[Test]:
    if depth > MAX_NESTING:
        raise Invalid(path, "too_deep", MAX_NESTING)
    match criterion:
        case Test():
            return [criterion]
        case Not():
            return _tests(criterion.of, depth + 1, path)
    return [test for each in criterion.of for test in _tests(each, depth + 1, path)]


def condition(model: Any, criterion: Criterion, region: str | None = None) -> ColumnElement[bool]:
    """The SQL of a criterion that `check` has let pass.

    Args:
        model: Contact, Account or Lead.
        region: ISO 3166-1 alpha-2 of the place from which a telephone number is dialled; None when unknown.
    """
    match criterion:
        case Every():
            return _every(model, criterion, region)
        case Either():
            return or_(false(), *(condition(model, each, region) for each in criterion.of))
        case Not():
            # What is compared with nothing is unknown, and its contrary has to be true.
            return not_(func.coalesce(condition(model, criterion.of, region), false()))
    return _test(model, criterion, region)


def _every(model: Any, every: Every, region: str | None) -> ColumnElement[bool]:
    """All of them. A city beside the beginning of a name is looked up in the one index that holds both."""
    names = [
        test
        for test in every.of
        if isinstance(test, Test) and test.name == _NAMES[model] and test.op in (Op.EQ, Op.STARTS_WITH)
    ]
    beside = [_on_key(Address.name_key, test.op, fold(test.value)) for test in names]
    parts = [
        _test(model, each, region, beside if each.name == "city" else ())
        if isinstance(each, Test)
        else condition(model, each, region)
        for each in every.of
    ]
    return and_(true(), *parts)


def _test(
    model: Any, test: Test, region: str | None, beside: Collection[ColumnElement[bool]] = ()
) -> ColumnElement[bool]:
    compared = COMPARED[model][test.name]
    child: Any = compared.column.class_
    if child is model:
        return _on_column(compared, test)
    if test.op is Op.IS_NULL:
        has: ColumnElement[bool] = model.id.in_(select(child.party_id).where(compared.column != (compared.empty or "")))
        return not_(has) if test.value else has
    wanted = _phone(test, region) if child is Phone else _on_column(compared, test)
    among: ColumnElement[bool] = model.id.in_(select(child.party_id).where(wanted, *beside))
    return among


def _phone(test: Test, region: str | None) -> ColumnElement[bool]:
    """A number in any spelling: by E.164 where it has that form on both sides, else by its digits."""
    numbers = test.value if test.op is Op.IN else (test.value,)
    known = [dialled(number, region) for number in numbers]
    return or_(
        false(),
        Phone.e164.in_([forms.e164 for forms in known if forms.e164]),
        Phone.digits.in_([forms.digits for forms in known if forms.digits]),
    )


def _on_column(compared: Compared, test: Test) -> ColumnElement[bool]:
    column: ColumnElement[Any] = compared.column
    match test.op:
        case Op.IS_NULL:
            absent = column.is_(None) if compared.empty is None else column == compared.empty
            return absent if test.value else not_(absent)
        case Op.IN:
            values = [value for each in test.value if (value := compared.normal(each)) is not None]
            return column.in_(values)
    value = compared.normal(test.value)
    if value is None:
        return false()
    if compared.is_text_key:
        return _on_key(column, test.op, value)
    compare = _ORDERED[test.op]
    result: ColumnElement[bool] = compare(column, value)
    return result


_ORDERED: dict[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
}


def _on_key(column: Any, op: Op, key: str) -> ColumnElement[bool]:
    """A comparison of a folded key. A prefix is a range, which an index answers on both databases."""
    if op is Op.STARTS_WITH:
        end = prefix_end(key)
        return and_(column >= key, *([column < end] if end is not None else []))
    result: ColumnElement[bool] = column.contains(key, autoescape=True) if op is Op.CONTAINS else column == key
    return result
