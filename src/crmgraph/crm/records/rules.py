"""What values the store takes: form, length, choice. Everything here is pure; all faults of an edit come together."""

import calendar
import datetime as dt
import functools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeAlias

import orjson
from sqlalchemy import BigInteger, Boolean, Date, Integer, Text
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.orm import class_mapper

from crmgraph.crm.errors import Invalid, Missing, Path, Refused, TooLarge
from crmgraph.crm.models import MINTED_IDS, Account, Address, Contact, Email, Lead, Phone
from crmgraph.crm.models.columns import Money
from crmgraph.crm.records.edits import Edit, Row
from crmgraph.crm.values.countries import country_code, country_code_of_name
from crmgraph.crm.values.text import clean_email, decimal_of, fault_of, is_blank, is_email

Fault: TypeAlias = tuple[str, int | None] | tuple[str, int | None, str | None]
"""The reason, the limit and what was meant of an `Invalid`."""

Check: TypeAlias = Callable[[Any], tuple[Fault | None, Any]]
"""Of a value that is not null: its fault or None, and the value in the form that is kept."""

REQUIRED: dict[type, tuple[str, ...]] = {
    Contact: ("last_name",),
    Account: ("name",),
    Lead: ("last_name",),
    Phone: ("kind", "raw"),
    Email: ("kind", "address"),
    Address: ("kind",),
}
"""What a row cannot be without."""

COUNTRIES = frozenset(
    {
        "country",
        "residence_country",
        "id_country",
        "passport_country",
        "social_security_country",
        "registration_country",
    }
)
"""Columns that hold ISO 3166-1 alpha-2 codes."""

FREE_TEXT = frozenset({"description", "notes", "street"})
"""Columns that may hold several lines."""

COUNTS = frozenset({"employees"})
"""Columns that hold how many there are of something. Revenue may be negative: no vendor's document says otherwise."""

BIRTH_DATE = ("birth_day", "birth_month", "birth_year")
"""The parts of a date of birth, any of which may be missing."""

MAX_ROWS = 100
"""The most phones, emails or addresses that one record holds."""
AMOUNT_DIGITS, AMOUNT_DECIMALS = 15, 8
"""How many digits of an amount are kept before and behind the point."""
_MAX_AMOUNT = "9" * AMOUNT_DIGITS + "." + "9" * AMOUNT_DECIMALS
BOUNDS: dict[str, tuple[Any, Any]] = {"employees": (0, 2**53 - 1), "annual_revenue": (f"-{_MAX_AMOUNT}", _MAX_AMOUNT)}
"""{column: the least and the greatest number that it holds, as JSON has them}."""
MAX_AMOUNT_TEXT = 100
"""The longest text that is read as an amount, in characters."""
MAX_EXTRA_BYTES = 64 * 1024
"""The most that one dialect may keep of its own on one row, as JSON."""
MAX_DEPTH = 16
"""How deep an extra field may be nested."""

_CARD_KEYS = frozenset(
    {
        "cardno",
        "cardnumber",
        "cardnum",
        "creditcardno",
        "creditcardnumber",
        "ccnumber",
        "pan",
        "cvv",
        "cvv2",
        "cvc",
        "cvc2",
        "cid",
        "securitycode",
        "cardsecuritycode",
        "expiry",
        "expirydate",
        "expirymonth",
        "expiryyear",
        "expmonth",
        "expyear",
        "cardexpiry",
        "cardexpirydate",
        "cardexpirymonth",
        "cardexpiryyear",
        "track1",
        "track2",
    }
)


def without_card_data(value: Any) -> Any:
    """The value without anything that a key calls card data, in any spelling, at any depth."""
    if isinstance(value, dict):
        return {k: without_card_data(v) for k, v in value.items() if _bare(k) not in _CARD_KEYS}
    if isinstance(value, list):
        return [without_card_data(v) for v in value]
    return value


def _bare(key: object) -> str:
    return "".join(c for c in str(key).casefold() if c.isalnum())


_ROWS: dict[str, type] = {"phones": Phone, "emails": Email, "addresses": Address}
"""The lists of rows whose values are checked here; relations check their own."""


@functools.cache
def _checks(model: type) -> dict[str, Check]:
    """{attribute: what a value of it is checked by} of all that callers may set."""
    found = ((p.key, _check_of(p.key, p.columns[0].type)) for p in class_mapper(model).column_attrs)
    return {key: check for key, check in found if check is not None}


@functools.cache
def _not_null(model: type) -> dict[str, Any]:
    """{attribute: its default, None where it has none} of the columns that hold no null."""
    found = {}
    for prop in class_mapper(model).column_attrs:
        column = prop.columns[0]
        if not column.nullable:
            scalar = column.default is not None and column.default.is_scalar
            found[prop.key] = column.default.arg if scalar else None
    return found


def check_edit(model: type, edit: Edit, *, creating: bool, record: Any = None) -> list[Refused]:
    """Bring the values of an edit into the form the store keeps, in place, and tell every fault once.

    Args:
        model: Contact, Account or Lead.
        edit: is changed: empty text becomes None, enum values their members, numbers exact.
        creating: whether required columns have to be there.
        record: what is changed; the parts of its birth date that stay have to go with those that are given.
    """
    faults = list(check_values(model, edit.values, (), creating=creating))
    for name, edits in edit.lists().items():
        child = _ROWS.get(name)
        if child is None:
            continue
        if len(edits.add) > MAX_ROWS or len(edits.update) > MAX_ROWS or len(edits.remove) > MAX_ROWS:
            faults.append(TooLarge((name,), MAX_ROWS))
            continue
        for i, row in enumerate(edits.add):
            faults += check_values(child, row, (name, "add", i), creating=True)
        for i, (_, row) in enumerate(edits.update):
            faults += check_values(child, row, (name, "update", i), creating=False)
    if not edit.values.keys().isdisjoint(BIRTH_DATE):
        known = {} if record is None else {name: getattr(record, name) for name in BIRTH_DATE}
        faults += check_birth_date(known | edit.values)
    faults += check_extra_fields(edit.extra_fields, ())
    return faults


def check_values(model: type, values: Row, path: Path, *, creating: bool) -> Iterator[Refused]:
    """The faults of the columns of one row, whose values are brought into the form the store keeps.

    Null clears what can be without a value, and turns a switch off. Of what cannot, it says nothing of a new row, which
    gets its default, and is refused of one that is there. Blank text is as null, but for a number, which nobody has.
    """
    checks = _checks(model)
    for key, value in list(values.items()):
        if key == "primary":
            continue
        if key == "extra_fields":
            yield from check_extra_fields(value, path)
            continue
        fault, kept = checks[key](value) if value is not None else (None, None)
        if fault is not None:
            yield _invalid((*path, key), fault, value)
        elif kept is None and key in REQUIRED.get(model, ()):
            yield Missing((*path, key))
        elif kept is None and _not_null(model).get(key, "") is False:
            values[key] = False  # a switch that is cleared is off
        elif kept is None and key in _not_null(model):
            # What stands there by default is a decision, e.g. that a lead is approved, which nobody makes by null.
            if creating and value is None:
                del values[key]
            else:
                yield Missing((*path, key))
        else:
            values[key] = kept
    if creating:
        for key in REQUIRED.get(model, ()):
            if key not in values:
                yield Missing((*path, key))
    if model is Address and _contradict(values.get("country"), values.get("country_name")):
        yield Invalid((*path, "country_name"), "contradiction")


def _invalid(path: Path, fault: Fault, value: Any) -> Invalid:
    """A fault of a value, with the bounds that hold where it is a number beyond them."""
    invalid = Invalid(path, *fault)
    is_number = isinstance(value, Decimal | int | float) and not isinstance(value, bool)
    if fault[0] == "negative" or (fault[0] == "number" and is_number):
        invalid.least, invalid.most = BOUNDS.get(str(path[-1]), (None, None))
    return invalid


def _contradict(country: Any, name: Any) -> bool:
    """Whether a code and a name that came together are of two countries. What nobody knows contradicts nothing."""
    if not isinstance(country, str) or not isinstance(name, str) or country_code(country) is None:
        return False
    return country_code_of_name(name) not in (None, country)


def _check_of(key: str, kind: Any) -> Check | None:
    """What a value of a column is checked by; None of what is not for callers to set."""
    match kind:
        case SqlEnum():
            return functools.partial(_check_choice, kind.enum_class)
        case Text():
            return functools.partial(_check_text, key)
        case Boolean():
            return lambda value: (None, value) if isinstance(value, bool) else (("type", None), None)
        case Integer():
            least = 0 if key in COUNTS else None
            return functools.partial(_check_integer, isinstance(kind, BigInteger), least)
        case Money():
            return _check_money
        case Date():
            return lambda value: (None, value) if isinstance(value, dt.date) else (("date", None), None)
    return None


def _check_choice(members: Any, value: Any) -> tuple[Fault | None, Any]:
    if value.__class__ is members:
        return None, value
    try:
        return None, members(value)
    except ValueError:
        return ("choice", None), None


def _check_integer(is_big: bool, least: int | None, value: Any) -> tuple[Fault | None, Any]:
    if isinstance(value, bool) or not isinstance(value, int):
        return ("number", None), None
    if least is not None and value < least:
        return ("negative", None), None
    return (None, value) if abs(value) < (MINTED_IDS.stop if is_big else 2**31) else (("number", None), None)


def _check_text(key: str, value: Any) -> tuple[Fault | None, Any]:
    if not isinstance(value, str):
        return ("type", None), None
    if is_blank(value):
        return None, None
    if fault := fault_of(value, line=key not in FREE_TEXT):
        return fault, None
    if key in COUNTRIES:
        code = country_code(value)
        return (None, code) if code else (("country", None, country_code_of_name(value)), None)
    if key == "address":
        return (None, clean_email(value)) if is_email(value) else (("email", None), None)
    return None, value


def _check_money(value: Any) -> tuple[Fault | None, Any]:
    """An amount is kept exactly, or refused: 15 digits before the point and 8 behind it."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        return ("number", None), None
    text = str(value)
    if len(text) > MAX_AMOUNT_TEXT:
        return ("number", None), None
    amount = decimal_of(text)
    if amount is None:
        return ("number", None), None
    # Arithmetic would round what has more digits than its context.
    digits = "".join(map(str, amount.as_tuple().digits)).rstrip("0")
    if not digits:
        return None, Decimal(0)
    if amount.adjusted() >= AMOUNT_DIGITS:
        return ("number", None), None
    if len(digits) - amount.adjusted() - 1 > AMOUNT_DECIMALS:
        return ("decimals", AMOUNT_DECIMALS), None
    return None, amount.normalize()


def check_birth_date(values: Row) -> Iterator[Refused]:
    """Whether the parts of a birth date that are given can stand together: a fault for each that cannot be."""
    day, month, year = (values.get(part) for part in BIRTH_DATE)
    faults = [
        Invalid((name,), "date", least=1, most=most)
        for name, part, most in (("birth_day", day, 31), ("birth_month", month, 12), ("birth_year", year, 9999))
        if isinstance(part, int) and not 1 <= part <= most
    ]
    yield from faults
    if not faults and isinstance(day, int) and isinstance(month, int):
        # Without a year it may be a leap day.
        last = calendar.monthrange(year if isinstance(year, int) else 2000, month)[1]
        if day > last:
            yield Invalid(("birth_day",), "date", least=1, most=last)


def check_extra_fields(extra_fields: dict[str, dict[str, Any]], path: Path) -> Iterator[Refused]:
    """Whether what a dialect wants kept can be kept; card data is taken out of it, in place."""
    for dialect, keys in extra_fields.items():
        for key, value in list(keys.items()):
            where = (*path, "extra_fields", dialect, key)
            if _bare(key) in _CARD_KEYS:
                del keys[key]
                continue
            if fault := _key_fault(key) or _json_fault(value, 0):
                yield Invalid(where, *fault)
                continue
            keys[key] = without_card_data(value)
        try:
            size = len(orjson.dumps(keys))
        except TypeError:  # an integer beyond 64 bits: no JSON column takes it
            yield Invalid((*path, "extra_fields", dialect), "number")
            continue
        if size > MAX_EXTRA_BYTES:
            yield TooLarge((*path, "extra_fields", dialect), MAX_EXTRA_BYTES)


def _key_fault(key: str) -> tuple[str, int | None] | None:
    """Why nothing can be called so: clients that make members of their objects of keys fail at such a one."""
    return ("key", None) if fault_of(key) or is_blank(key) else None


def _json_fault(value: Any, depth: int) -> tuple[str, int | None] | None:
    if depth > MAX_DEPTH:
        return "too_deep", MAX_DEPTH
    if isinstance(value, str):
        return fault_of(value, line=False)
    if isinstance(value, dict):
        return next((f for k, v in value.items() if (f := _key_fault(k) or _json_fault(v, depth + 1))), None)
    if isinstance(value, list):
        return next((f for v in value if (f := _json_fault(v, depth + 1))), None)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "number", None
    return None
