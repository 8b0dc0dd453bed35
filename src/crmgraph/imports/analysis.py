"""What a reading tells before anything is written, and what became of rows: kept as JSON, for people to look at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from crmgraph.crm.models import Outcome, PartyKind
from crmgraph.imports.cells import is_empty
from crmgraph.imports.parts import Part
from crmgraph.imports.reading import Reading
from crmgraph.imports.records import Event, Merged, Record, Refusal, Skipped
from crmgraph.imports.reports import told
from crmgraph.imports.words import QUESTIONS, WARNINGS

MAX_TOLD = 1_000
"""Rows of each outcome that are kept to be looked at."""
MAX_PREVIEW = 50
"""Records of each kind that are kept as they will be."""
MAX_VALUES = 3
"""Values of a column that are shown."""
MAX_LISTED = 10
"""Items of a list that are shown."""
MAX_TEXT = 200
"""Characters of a value, or of a reason, that are shown."""


class Watched:
    """The columns of a table, by what stands in them."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._places = part.columns.places() if part.columns is not None else {}
        self._filled: Counter[int] = Counter()
        self._values: dict[int, list[str]] = {}
        self._rows = 0
        if part.columns is not None:
            part.columns.watch = self._watch

    def _watch(self, cells: list[str]) -> None:
        self._rows += 1
        for index in self._places:
            cell = cells[index] if index < len(cells) else ""
            if cell and not is_empty(cell):
                self._filled[index] += 1
                shown = self._values.setdefault(index, [])
                if len(shown) < MAX_VALUES and cell[:MAX_TEXT] not in shown:
                    shown.append(cell[:MAX_TEXT])

    def told(self) -> list[dict[str, Any]]:
        """The columns in their order."""
        columns = self._part.columns
        return [
            {
                "file": self._part.recognised.file,
                "column": name,
                "target": columns.targets[name] if columns is not None else "",
                "values": self._values.get(index, []),
                "filled": round(self._filled[index] / self._rows, 4) if self._rows else 0.0,
            }
            for index, name in sorted(self._places.items())
        ]


class Rows:
    """The first rows of each outcome."""

    def __init__(self) -> None:
        self.by_outcome: dict[Outcome, list[dict[str, Any]]] = {}
        self.preview: list[dict[str, Any]] = []
        self._previewed: Counter[PartyKind] = Counter()

    def take(self, event: Event, outcome: Outcome) -> None:
        """Keep what became of an event, if there is still room for it."""
        if isinstance(event, Record) and not event.implied and self._previewed[event.kind] < MAX_PREVIEW:
            self._previewed[event.kind] += 1
            self.preview.append(_row(event, outcome) | {"values": _short(told(event.input))})
        rows = self.by_outcome.setdefault(outcome, [])
        if len(rows) < MAX_TOLD:
            rows.append(_row(event, outcome))


def _short(value: Any) -> Any:
    """A value without what is too long to be looked at."""
    match value:
        case str():
            return value[:MAX_TEXT]
        case dict():
            return {key: _short(each) for key, each in value.items()}
        case list():
            return [_short(each) for each in value[:MAX_LISTED]]
    return value


def _row(event: Event, outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"at": None if event.at is None else str(event.at), "outcome": outcome.value}
    match event:
        case Record():
            warnings = [f"{each.code}: {each.reason or WARNINGS.get(each.code, '')}" for each in event.warnings]
            row |= {"kind": event.kind.value, "key": event.key, "warnings": [each[:MAX_TEXT] for each in warnings[:20]]}
        case Refusal() | Skipped():
            row |= {"code": event.code, "reason": event.reason[:MAX_TEXT]}
        case Merged():
            row |= {"kind": event.into.kind.value, "key": event.into.key, "reason": event.reason[:MAX_TEXT]}
    return row


def analysis_of(
    reading: Reading, watched: list[Watched], rows: Rows, planned: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """What is stored of a reading.

    Args:
        planned: {kind or empty: {outcome: how many}}.
    """
    return {
        "files": [
            {
                "name": each.file,
                "format": each.format,
                "kind": each.kind.value if each.kind is not None else None,
                "used": each.role is not None,
                "encoding": each.encoding,
                "delimiter": each.delimiter,
                "dates": each.date_order,
                "evidence": each.evidence,
            }
            for each in reading.recognised
        ],
        "questions": [
            {**asdict(each), "message": f"{QUESTIONS[each.code]} {each.reason}"} for each in reading.questions
        ],
        "columns": [column for each in watched for column in each.told()],
        "preview": rows.preview,
        "planned": {kind: dict(counts) for kind, counts in planned.items()},
    }
