"""The keys of a record by which it is searched, and lists are sorted."""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, TypeAlias

from crmgraph.crm.models import FOLDED, Account, Address, Contact, Email, Lead, Phone
from crmgraph.crm.policy import MODELS, Record
from crmgraph.crm.records.rows import put
from crmgraph.crm.values.folding import fold, natural

ValueOf: TypeAlias = Callable[[str], Any]
"""What a record holds in a column."""

_FULL_NAME = ("first_name", "middle_name", "last_name")
_WORDS: dict[Any, tuple[str, ...]] = {
    Contact: ("email_opt_out", "do_not_call", "sms_opt_out", "direct_marketing", "affiliate_marketing"),
    Account: ("kind", "email_opt_out", "sms_opt_out"),
    Lead: ("approval", "email_opt_out"),
}
"""{model: what is one of a few, or yes or no}, by which lists are sorted."""
_WORD_DEFAULTS: dict[Any, dict[str, Any]] = {
    model: {name: getattr(model.__table__.c[name].default, "arg", None) for name in names}
    for model, names in _WORDS.items()
}
"""{model: {one of them: what a record has that was given none}}."""


def keys_of(model: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """{column: key} of a record with these values, but for those of its rows and of its owner."""
    return {key: key_of(values.get) for key, key_of in _ALL[model].items()}


def _folded(name: str) -> Callable[[ValueOf], str]:
    return lambda value_of: fold(value_of(name))


def _full_name(value_of: ValueOf) -> str:
    return fold(" ".join(filter(None, map(value_of, _FULL_NAME))))


def _worded(name: str, default: Any) -> Callable[[ValueOf], str]:
    def key_of(value_of: ValueOf) -> str:
        value = value_of(name)
        return word(default if value is None else value)

    return key_of


def _converted(value_of: ValueOf) -> str:
    return word(value_of("converted_at") is not None)


def _number(value_of: ValueOf) -> str:
    return number_key(value_of("number"))


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
    model, value_of = type(record), vars(record).__getitem__
    before = name_key(record)
    if changed is None:
        keys = _ALL[model]
    else:
        of = _OF_COLUMN[model]
        keys = {key: key_of for name in changed if name in of for key, key_of in of[name]}
    _take(record, [(key, key_of(value_of)) for key, key_of in keys.items()])
    after = name_key(record)
    return None if after == before else after


def derive_of_rows(record: Record, rows: Mapping[str, Iterable[Any]]) -> None:
    """Bring the keys up to date of what is in the first active rows of a record.

    Args:
        rows: those of its lists that are known, in the order of their rank: phones, emails and addresses.
    """
    keys = []
    for name, each in rows.items():
        key, key_of = _OF_ROWS[name]
        first = next((row for row in each if vars(row)["active"]), None)
        keys.append((key, "" if first is None else key_of(first)))
    _take(record, keys)


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
    held = vars(record)
    for key, value in keys:
        if held[key] != value:
            put(record, key, value)


def _keys(model: Any) -> list[tuple[str, tuple[str, ...], Callable[[ValueOf], str]]]:
    """(the column of a key, the columns that it is of, what it is) of all keys of a model."""
    found: list[tuple[str, tuple[str, ...], Callable[[ValueOf], str]]] = [
        (key.key, (column.key,), _folded(column.key)) for column, key in FOLDED.items() if column.class_ is model
    ]
    if model in (Contact, Lead):
        found.append(("full_name_key", _FULL_NAME, _full_name))
    found += [(f"{name}_key", (name,), _worded(name, default)) for name, default in _WORD_DEFAULTS[model].items()]
    if model is Lead:
        found.append(("converted_key", ("converted_at",), _converted))
    return [*found, ("number_key", ("number",), _number)]


_ALL = {model: {key: key_of for key, _, key_of in _keys(model)} for model in MODELS.values()}
"""{model: {the column of a key: what it is}}."""
_OF_COLUMN = {
    model: {
        name: tuple((key, key_of) for key, names, key_of in _keys(model) if name in names)
        for name in {name for _, names, _ in _keys(model) for name in names}
    }
    for model in MODELS.values()
}
"""{model: {a column: the keys that are of it}}."""
