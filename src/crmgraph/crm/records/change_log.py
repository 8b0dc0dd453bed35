"""What one transaction changes of one record, written to the change log with it."""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Action, Change, values_of
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, KINDS, Actor, Record

_DERIVED = frozenset(
    {"id", "party_id", "last_name_key", "name_key", "city_key", "address_key", "digits", "extension", "rank", "slot"}
)

_STORED_AS = {"extra_fields": "remainder"}
"""{column: what the log calls it, whose rows outlive the names of columns}."""

_GIVEN = ".given"
"""The identifier in a relation, which may be an identity document: its names are told, its values are not."""


class Changes:
    """The fields that change, collected on the way and written as one row.

    Args:
        actor: who changes them.
    """

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._fields: list[dict[str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._fields)

    def column(self, path: str, old: Any, new: Any) -> None:
        """Note a value that changes; nothing when it stays. Identity documents are named, never shown."""
        if old == new:
            return
        if path in IDENTITY_DOCUMENTS or path.endswith(_GIVEN):
            self._fields.append({"field": path, "masked": True})
        else:
            self._fields.append({"field": path, "old": plain(old), "new": plain(new)})

    def replaced(self, path: str, old: str | None, new: str | None) -> None:
        """Note content that the log does not hold, by its old and its new name, which may be the same."""
        self._fields.append({"field": path, "old": old, "new": new})

    def added(self, path: str, row: Any) -> None:
        """Note a child row that comes."""
        self._fields.append({"field": path, "old": None, "new": _row(row)})

    def removed(self, path: str, row: Any) -> None:
        """Note a child row that goes."""
        self._fields.append({"field": path, "old": _row(row), "new": None})

    def extra_fields(
        self, kept: dict[str, dict[str, Any]], edits: dict[str, dict[str, Any]], path: str = "remainder"
    ) -> dict[str, dict[str, Any]]:
        """What is kept for the dialects after `edits`; None takes a key out."""
        merged = dict(kept)
        for dialect, keys in edits.items():
            mine = dict(merged.get(dialect, {}))
            for key, value in keys.items():
                self.column(f"{path}.{dialect}.{key}", mine.get(key), value)
                if value is None:
                    mine.pop(key, None)
                else:
                    mine[key] = value
            if mine or dialect in merged:
                merged[dialect] = mine
        return merged if merged != kept else kept

    def line(self, record: Record, action: Action) -> dict[str, Any]:
        """The row of the log, {column: value}."""
        return {
            "party_id": record.id,
            "kind": KINDS[type(record)],
            "action": action,
            "revision": record.revision,
            "at": record.updated_at,
            "door": self._actor.door,
            "credential_id": self._actor.credential_id,
            "client_id": self._actor.client_id,
            "fields": self._fields,
        }

    def write(self, session: AsyncSession, record: Record, action: Action) -> None:
        """Add the row of the log to what the session is to write."""
        session.add(Change(**self.line(record, action)))


def plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    match value:
        case Decimal():
            return format(value.normalize(), "f")
        case dt.datetime() | dt.date():
            return value.isoformat()
    return value


def _row(row: Any) -> dict[str, Any]:
    return {
        _STORED_AS.get(name, name): sorted(value) if name == "given" else plain(value)
        for name, value in values_of(row).items()
        if name not in _DERIVED and value not in (None, {}, True, False)
    }
