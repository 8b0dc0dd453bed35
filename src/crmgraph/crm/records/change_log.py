"""What one transaction changes of one record, written to the change log with it."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import Date
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Action, Change, derived, now
from crmgraph.crm.models.columns import Moment, Money
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, KINDS, Actor, Record
from crmgraph.crm.query.references import REFERENCING
from crmgraph.crm.records.edits import Stamp
from crmgraph.crm.records.rows import put

_UNTOLD = frozenset({"id", "party_id", "rank", "slot"})
"""The columns of a row that are told of nowhere, besides those that are derived."""

_STORED_AS = {"extra_fields": "remainder"}
"""{column: what the log calls it, whose rows outlive the names of columns}."""

_GIVEN = ".given"
"""The identifier in a relation, which may be an identity document: its names are told, its values are not."""


@dataclass(frozen=True, slots=True)
class RowPath:
    """Where a change lies in a row of a record. A row that is new may have no id yet: the path is spelled at last.

    Attributes:
        rows: phones, emails, addresses or relations.
        below: the column, or a path below the row; empty for the row itself.
    """

    rows: str
    row: Any
    below: str = ""

    def __truediv__(self, name: str) -> "RowPath":
        return RowPath(self.rows, self.row, f"{self.below}.{name}" if self.below else name)

    def __str__(self) -> str:
        return f"{self.rows}.{self.row.id}.{self.below}" if self.below else f"{self.rows}.{self.row.id}"


Path: TypeAlias = str | RowPath

NO_IDS: Mapping[int, int] = MappingProxyType({})


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

    def column(self, path: Path, old: Any, new: Any) -> None:
        """Note a value that changes; nothing when it stays. Identity documents are named, never shown."""
        if old == new:
            return
        name = path if isinstance(path, str) else f".{path.below}"
        if name in IDENTITY_DOCUMENTS or name.endswith(_GIVEN):
            self._fields.append({"field": path, "masked": True})
        else:
            self._fields.append({"field": path, "old": plain(old), "new": plain(new)})

    def replaced(self, path: str, old: str | None, new: str | None) -> None:
        """Note content that the log does not hold, by its old and its new name, which may be the same."""
        self._fields.append({"field": path, "old": old, "new": new})

    def added(self, path: Path, row: Any) -> None:
        """Note a child row that comes."""
        self._fields.append({"field": path, "old": None, "new": _row(row)})

    def removed(self, path: Path, row: Any) -> None:
        """Note a child row that goes."""
        self._fields.append({"field": path, "old": _row(row), "new": None})

    def extra_fields(
        self, kept: dict[str, dict[str, Any]], edits: dict[str, dict[str, Any]], path: Path = "remainder"
    ) -> dict[str, dict[str, Any]]:
        """What is kept for the dialects after `edits`; None takes a key out."""
        merged = dict(kept)
        for dialect, keys in edits.items():
            mine = dict(merged.get(dialect, {}))
            for key, value in keys.items():
                below = f"{dialect}.{key}"
                self.column(f"{path}.{below}" if isinstance(path, str) else path / below, mine.get(key), value)
                if value is None:
                    mine.pop(key, None)
                else:
                    mine[key] = value
            if mine or dialect in merged:
                merged[dialect] = mine
        return merged if merged != kept else kept

    def entry(self, record: Record, action: Action, at: dt.datetime | None = None) -> "Entry":
        """The entry of the log, of the record as it is now.

        Args:
            at: when; the time of its last change where nothing is said.
        """
        return Entry(self._actor, record, action, record.revision, at or record.updated_at, self._fields)

    def write(self, session: AsyncSession, record: Record, action: Action) -> None:
        """Add the entry of the log to what the session is to write."""
        session.add(Change(**self.entry(record, action).columns()))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log, which is to be written with what it tells of."""

    actor: Actor
    record: Record
    action: Action
    revision: int
    at: dt.datetime
    fields: list[dict[str, Any]]

    def columns(self, ids: Mapping[int, int] = NO_IDS) -> dict[str, Any]:
        """The row of the log, {column: value}.

        Args:
            ids: the ids of records that had none when this was noted, see `row_sets`.
        """
        return {
            "party_id": self.record.id,
            "kind": KINDS[type(self.record)],
            "action": self.action,
            "revision": self.revision,
            "at": self.at,
            "door": self.actor.door,
            "credential_id": self.actor.credential_id,
            "client_id": self.actor.client_id,
            "import_id": self.actor.import_id,
            "fields": [_spelled(field, ids) for field in self.fields],
        }


def touch(record: Record, actor: Actor, stamp: Stamp | None = None) -> None:
    """Count one more revision of the aggregate.

    Args:
        stamp: when it was changed elsewhere, and by whom; what it says stands on the record by now.
    """
    held = vars(record)
    put(record, "revision", held["revision"] + 1)
    if stamp is None or stamp.updated_at is None:
        put(record, "updated_at", max(now(), held["updated_at"]))
    if actor.staff_id is not None and (stamp is None or stamp.modified_by_id is None):
        put(record, "modified_by_id", actor.staff_id)


def _spelled(field: dict[str, Any], ids: Mapping[int, int]) -> dict[str, Any]:
    path = field["field"]
    if isinstance(path, RowPath):
        return field | {"field": str(path)}
    new = field.get("new")
    if isinstance(new, int) and (path in REFERENCING or path.endswith(".party_id")):
        return field | {"new": ids.get(new, new)}
    return field


def plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    made = _PLAIN.get(type(value))
    return value if made is None else made(value)


_PLAIN: dict[type, Callable[[Any], str]] = {
    Decimal: lambda value: format(value.normalize(), "f"),
    dt.datetime: dt.datetime.isoformat,
    dt.date: dt.date.isoformat,
}


def stored(model: Any, name: str, value: Any) -> Any:
    """A value as its column holds it, of what the store keeps of it as JSON."""
    kind = model.__table__.c[name].type
    if value is None:
        return None
    match kind:
        case SqlEnum(enum_class=members) if members is not None:
            return members(value)
        case Moment():
            return dt.datetime.fromisoformat(value)
        case Date():
            return dt.date.fromisoformat(value)
        case Money():
            return Decimal(value)
    return value


def _row(row: Any) -> dict[str, Any]:
    held = vars(row)
    return {
        stored: sorted(value) if name == "given" else plain(value)
        for name, stored in _told(row.__class__)
        if (value := held[name] if name in held else getattr(row, name)) not in (None, {}, True, False)
    }


@cache
def _told(model: Any) -> tuple[tuple[str, str], ...]:
    """(column, what the log calls it) of what is told of a row of this model."""
    names = (each.key for each in model.__mapper__.column_attrs)
    return tuple((name, _STORED_AS.get(name, name)) for name in names if name not in _UNTOLD | derived(model))
