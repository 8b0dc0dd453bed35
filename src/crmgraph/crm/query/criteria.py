"""What records a page is asked for: comparisons joined by and, or and not, as data that can be hashed.

A criterion becomes SQL in two steps. `resolve` brings the values into the form of the columns, and decides whatever
depends on them; what is left without the values is the shape. `matching` makes SQL of a shape, the same for all
criteria that share it.

Text is compared by its stored key, so that case and accents do not count and every comparison but `contains` is one
range of an index. Nothing in a value is a wildcard.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from crmgraph.crm.errors import Invalid, Path
from crmgraph.crm.models import FOLDED, Account, Address, Contact, Email, Lead, Phone
from crmgraph.crm.values.countries import country_code
from crmgraph.crm.values.folding import fold, prefix_end
from crmgraph.crm.values.phone_numbers import parse_phone
from crmgraph.crm.values.text import email_key, email_part, fault_of

MAX_COMPARISONS = 100
"""The most comparisons of one page."""
MAX_VALUES = 1_000
"""The most values in all comparisons together."""
MAX_PHONES = 50
"""The most telephone numbers among them: to read one takes up to a quarter of a millisecond."""
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
class Resolved:
    """A criterion in two halves.

    Attributes:
        shape: the criterion with counts in place of its values: `value` of a test other than IS_NULL is a tuple that
            says how many values each of its columns is compared with.
        values: in the form of the columns, in the order of the shape.
    """

    shape: Criterion
    values: tuple[Any, ...]


Forms: TypeAlias = Callable[[Any, str | None], tuple[Any, ...]]
"""(value, region) to its form in each of some columns; None where nothing can be equal to it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What can be asked for by one name.

    Attributes:
        columns: of the record, or of one of its child rows, any of which may fulfil the comparison.
        forms: brings a value into the form of the columns.
        empty: what stands in the column where there is no value.
        parts: the same as `forms` of what a value begins with or contains, where that is another form.
    """

    columns: tuple[Any, ...]
    forms: Forms = lambda value, region: (value,)
    empty: str | None = None
    parts: Forms | None = None


def _folded(value: str, region: str | None) -> tuple[str | None]:
    return (fold(value) or None,)


def _email(address: str, region: str | None) -> tuple[str | None]:
    return (email_key(address) or None,)


def _part_of_email(text: str, region: str | None) -> tuple[str | None]:
    return (email_part(text) or None,)


def _dialled(number: str, region: str | None) -> tuple[str | None, str | None]:
    """A number in any spelling: by E.164 where it has that form on both sides, else by its digits."""
    known = parse_phone(number, region)
    return known.e164, known.digits or None


def _text(column: Any) -> Compared:
    """A text that is compared by its search key."""
    return Compared((FOLDED[column],), _folded, "")


_ADDRESSES = {
    "city": _text(Address.city),
    "country": Compared((Address.country,), lambda text, region: (country_code(text),)),
    "email": Compared((Email.address_key,), _email, "", _part_of_email),
    "phone": Compared((Phone.e164, Phone.digits), _dialled),
}


def _own(model: Any) -> dict[str, Compared]:
    return {
        name: Compared((getattr(model, name),)) for name in ("number", "created_at", "updated_at", "owner_id")
    } | _ADDRESSES


COMPARED: dict[type, dict[str, Compared]] = {
    Contact: _own(Contact)
    | {
        "first_name": _text(Contact.first_name),
        "last_name": _text(Contact.last_name),
        "job_title": _text(Contact.job_title),
        "account_id": Compared((Contact.account_id,)),
    },
    Account: _own(Account)
    | {
        "name": _text(Account.name),
        "status": Compared((Account.status,)),
        "industry": Compared((Account.industry,)),
        "kind": Compared((Account.kind,)),
        "parent_id": Compared((Account.parent_id,)),
    },
    Lead: _own(Lead)
    | {
        "first_name": _text(Lead.first_name),
        "last_name": _text(Lead.last_name),
        "company": _text(Lead.company),
        "job_title": _text(Lead.job_title),
        "status": Compared((Lead.status,)),
        "source": Compared((Lead.source,)),
    },
}
"""{model: {name: what it means}}."""

ESCAPE = "/"
"""Stands before what would be a wildcard in the value of a CONTAINS."""
_WILD = re.compile(f"[%_{ESCAPE}]")

NAMES = {Contact: "last_name", Account: "name", Lead: "last_name"}
"""{model: what its name is called here}, the name that is repeated in addresses."""


def check(criterion: Criterion, path: Path = ()) -> None:
    """Whether a page can be asked for like this.

    Raises:
        Invalid: too many comparisons or values, nested too deep, or text that no record can hold.
    """
    tests = list(_tests(criterion, 0, path))
    if len(tests) > MAX_COMPARISONS:
        raise Invalid(path, "too_long", MAX_COMPARISONS)
    count = phones = 0
    for test in tests:
        values = test.value if isinstance(test.value, tuple) else (test.value,)
        count += len(values)
        phones += len(values) if test.name == "phone" else 0
        if count > MAX_VALUES:
            raise Invalid(path, "too_long", MAX_VALUES)
        if phones > MAX_PHONES:
            raise Invalid(path, "too_long", MAX_PHONES)
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


def resolve(model: Any, criterion: Criterion, region: str | None = None) -> Resolved:
    """The two halves of a criterion that `check` has let pass.

    Args:
        model: Contact, Account or Lead.
        region: ISO 3166-1 alpha-2 of the place from which a telephone number is dialled; None when unknown.
    """
    values: list[Any] = []
    return Resolved(_shape(COMPARED[model], criterion, region, values), tuple(values))


def _shape(names: dict[str, Compared], criterion: Criterion, region: str | None, values: list[Any]) -> Criterion:
    if isinstance(criterion, Test):
        return _counted(names[criterion.name], criterion, region, values)
    if isinstance(criterion, Not):
        return Not(_shape(names, criterion.of, region, values))
    return type(criterion)(tuple(_shape(names, each, region, values) for each in criterion.of))


def _counted(compared: Compared, test: Test, region: str | None, values: list[Any]) -> Test:
    """The test with counts in place of its values, which are added to `values`."""
    if test.op is Op.IS_NULL:
        return test
    given = test.value if test.op is Op.IN else (test.value,)
    forms = compared.forms
    if compared.parts is not None and test.op in (Op.STARTS_WITH, Op.CONTAINS):
        forms = compared.parts
    spelled = [forms(value, region) for value in given]
    counts = []
    for place in range(len(compared.columns)):
        wanted = [each[place] for each in spelled if each[place] is not None]
        if test.op is Op.STARTS_WITH:
            # A range, which an index answers on both databases. Nothing ends it where no key is above all of them.
            wanted += [end for key in wanted if (end := prefix_end(key)) is not None]
        elif test.op is Op.CONTAINS:
            wanted = [_WILD.sub(ESCAPE + r"\g<0>", text) for text in wanted]
        values += wanted
        counts.append(len(wanted))
    return Test(test.name, test.op, tuple(counts))
