"""The keys of a record by which its names are searched and sorted."""

from collections.abc import Mapping, Set
from typing import Any

from crmgraph.crm.models import FOLDED, Account, Contact, Lead
from crmgraph.crm.policy import MODELS, Record
from crmgraph.crm.values.folding import fold, natural

_FULL_NAME = ("first_name", "middle_name", "last_name")
_KEYS: dict[Any, list[tuple[str, tuple[str, ...]]]] = {
    model: [(key.key, (column.key,)) for column, key in FOLDED.items() if column.class_ is model]
    for model in MODELS.values()
}
"""{model: (the column of a key, the columns that it is of)}."""
_KEYS[Contact].append(("full_name_key", _FULL_NAME))
_KEYS[Lead] += [("full_name_key", _FULL_NAME), ("status_key", ("status",))]


def keys_of(model: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """{column: key} of a record with these values."""
    keys = {key: fold(" ".join(filter(None, map(values.get, names)))) for key, names in _KEYS[model]}
    return keys | {"number_key": number_key(values.get("number"))}


def number_key(number: str | None) -> str:
    """The key by which records are sorted by their number; empty until they have one."""
    return natural(number)


def derive(record: Record, changed: Set[str] | None = None) -> str | None:
    """Bring the stored keys up to date; the name key when it changed.

    Args:
        changed: the columns that have changed since they were; any may have where nothing is said.
    """
    before = name_key(record)
    model = type(record)
    for key, names in _KEYS[model]:
        if changed is None or not changed.isdisjoint(names):
            _set(record, key, fold(" ".join(filter(None, (getattr(record, name) for name in names)))))
    if changed is None or "number" in changed:
        _set(record, "number_key", number_key(record.number))
    after = name_key(record)
    return None if after == before else after


def _set(record: Record, key: str, value: str) -> None:
    if getattr(record, key) != value:
        setattr(record, key, value)


def name_key(record: Record) -> str:
    """The key by which lists of this kind are sorted by name."""
    return record.name_key if isinstance(record, Account) else record.last_name_key
