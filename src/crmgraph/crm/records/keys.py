"""The keys of a record by which its names are searched and sorted."""

from collections.abc import Mapping
from typing import Any

from crmgraph.crm.models import FOLDED, Account
from crmgraph.crm.policy import MODELS, Record
from crmgraph.crm.values.folding import fold

_KEYS: dict[Any, list[tuple[str, str]]] = {
    model: [(column.key, key.key) for column, key in FOLDED.items() if column.class_ is model]
    for model in MODELS.values()
}
"""{model: (column, the column of its search key)}."""


def keys_of(model: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """{column: search key} of a record with these values."""
    return {key: fold(values.get(name)) for name, key in _KEYS[model]}


def derive(record: Record) -> str | None:
    """Bring the stored keys up to date; the name key when it changed."""
    before = name_key(record)
    for name, key in _KEYS[type(record)]:
        folded = fold(getattr(record, name))
        if getattr(record, key) != folded:
            setattr(record, key, folded)
    after = name_key(record)
    return None if after == before else after


def name_key(record: Record) -> str:
    """The key by which lists of this kind are sorted by name."""
    return record.name_key if isinstance(record, Account) else record.last_name_key
