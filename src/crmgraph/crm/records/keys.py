"""The keys of a record by which it is searched, and lists are sorted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any

from crmgraph.crm.models import FOLDED, Account, Address, Contact, Email, Lead, Phone
from crmgraph.crm.policy import MODELS, Record
from crmgraph.crm.values.folding import fold, natural

_FULL_NAME = ("first_name", "middle_name", "last_name")
_KEYS: dict[Any, list[tuple[str, tuple[str, ...]]]] = {
    model: [(key.key, (column.key,)) for column, key in FOLDED.items() if column.class_ is model]
    for model in MODELS.values()
}
"""{model: (the column of a key, the columns that it is of)}."""
_KEYS[Contact].append(("full_name_key", _FULL_NAME))
_KEYS[Lead].append(("full_name_key", _FULL_NAME))
_WORDS: dict[Any, tuple[str, ...]] = {
    Contact: ("email_opt_out", "do_not_call", "sms_opt_out", "direct_marketing", "affiliate_marketing"),
    Account: ("kind", "email_opt_out", "sms_opt_out"),
    Lead: ("approval", "email_opt_out"),
}
"""{model: what is one of a few, or yes or no}, by which lists are sorted."""
_DEFAULTS: dict[Any, dict[str, Any]] = {
    model: {name: getattr(model.__table__.c[name].default, "arg", None) for name in names}
    for model, names in _WORDS.items()
}
"""{model: {one of them: what a record has that was given none}}."""


def keys_of(model: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """{column: key} of a record with these values, but for those of its rows and of its owner."""
    return dict(_keys(model, values.get, None))


def _keys(model: Any, value_of: Callable[[str], Any], changed: Set[str] | None) -> Iterator[tuple[str, str]]:
    for key, names in _KEYS[model]:
        if changed is None or not changed.isdisjoint(names):
            yield key, fold(" ".join(filter(None, map(value_of, names))))
    for name, default in _DEFAULTS[model].items():
        if changed is None or name in changed:
            value = value_of(name)
            yield f"{name}_key", word(default if value is None else value)
    if model is Lead and (changed is None or "converted_at" in changed):
        yield "converted_key", word(value_of("converted_at") is not None)
    if changed is None or "number" in changed:
        yield "number_key", number_key(value_of("number"))


def word(value: str | bool | None) -> str:
    """The key by which records are sorted by one of a few words, or by yes and no; empty for nothing."""
    if value is None:
        return ""
    return value.lower() if isinstance(value, str) else "yes" if value else "no"


def number_key(number: str | None) -> str:
    """The key by which records are sorted by their number; empty until they have one."""
    return natural(number)


def derive(record: Record, changed: Set[str] | None = None) -> str | None:
    """Bring the stored keys up to date; the name key when it changed.

    Args:
        changed: the columns that have changed since they were; any may have where nothing is said.
    """
    before = name_key(record)
    _take(record, _keys(type(record), lambda name: getattr(record, name), changed))
    after = name_key(record)
    return None if after == before else after


def derive_of_rows(record: Record, rows: Mapping[str, Iterable[Any]]) -> None:
    """Bring the keys up to date of what is in the first active rows of a record.

    Args:
        rows: those of its lists that are known, in the order of their rank: phones, emails and addresses.
    """
    first = {name: next((row for row in each if row.active), None) for name, each in rows.items()}
    _take(record, [(_OF_ROWS[name][0], "" if row is None else _OF_ROWS[name][1](row)) for name, row in first.items()])


def phone_key(row: Phone) -> str:
    """The key by which records are sorted by a telephone number: the digits of its E.164 form, or else its own."""
    return row.e164.removeprefix("+") if row.e164 is not None else row.digits


def _email_key(row: Email) -> str:
    return row.address_key


def _city_key(row: Address) -> str:
    return row.city_key


_OF_ROWS: dict[str, tuple[str, Any]] = {
    "phones": ("phone_key", phone_key),
    "emails": ("email_key", _email_key),
    "addresses": ("city_key", _city_key),
}
"""{list: (the column of the record, what is written there of a row)}."""


def name_key(record: Record) -> str:
    """The key by which lists of this kind are sorted by name."""
    return record.name_key if isinstance(record, Account) else record.last_name_key


def _take(record: Record, keys: Iterable[tuple[str, str]]) -> None:
    for key, value in keys:
        if getattr(record, key) != value:
            setattr(record, key, value)
