"""What came of an import: counts, reasons, and the refused rows as they stood, to be mended and imported alone.

Everything is written while it is told, so that a report costs the same memory whatever the length of the files.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from crmgraph.imports import maps, report_page
from crmgraph.imports.reading import Reading
from crmgraph.imports.records import Event, Merged, Note, Photo, Record, Ref, Refusal, Skipped, StaffRef, StoredRef
from crmgraph.imports.tables import MAX_ROW
from crmgraph.imports.words import REFUSALS, SKIPPED, WARNINGS

TOLD = ("_line", "_code", "_reason")
"""The columns before the original cells of a refused row; an import of that file passes over them."""
_TOO_LONG = "the row is too long to stand here: mend it in its file"
MAX_REASONS = 1_000
"""Reasons that are counted one by one."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Report:
    """Counts what became of each row and, given a folder, writes the refused rows and the warnings into it.

    Attributes:
        counts: {CONTACT, ACCOUNT, LEAD, refused, skipped, merged, warnings: how many}.
        reasons: {(what, code, reason): how many}.
        outcomes: {outcome: how many} where somebody says what became of a record.
    """

    def __init__(self, reading: Reading, folder: Path | None = None) -> None:
        """
        Args:
            folder: made where it is missing.
        """
        self._reading = reading
        self._folder = folder
        self._files: dict[str, IO[Any]] = {}
        self._tables = {part.recognised.file: part.shape for part in reading.parts if part.shape is not None}
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str, str]] = Counter()
        self.outcomes: Counter[str] = Counter()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def take(self, event: Event, outcome: str | None = None) -> None:
        """Count an event.

        Args:
            outcome: what became of it where records are written, e.g. CREATED.
        """
        if outcome is not None:
            self.outcomes[outcome] += 1
        match event:
            case Record():
                self.counts[event.kind] += 1
                self._warn(event)
            case Refusal():
                self.counts["refused"] += 1
                # No refused row is written of a file that is refused as a whole: its name alone says which one it is.
                reason = event.reason if event.at.where else f"{event.at.file}: {event.reason}"
                self._reason("refused", event.code, reason)
                self._refuse(event)
            case Skipped():
                self.counts["skipped"] += 1
                self._reason("skipped", event.code, SKIPPED.get(event.code, event.reason))
            case Merged():
                self.counts["merged"] += 1
                self._reason("merged", "MERGED", event.reason)

    def _reason(self, what: str, code: str, reason: str, count: int = 1) -> None:
        key = (what, code, reason)
        if key not in self.reasons and len(self.reasons) >= MAX_REASONS:
            key = (what, code, REFUSALS.get(code) or WARNINGS.get(code, code))
        self.reasons[key] += count

    def _warn(self, record: Record) -> None:
        for each in record.warnings:
            self.counts["warnings"] += 1
            reason = f"{each.column}: {each.value}" if each.code == "OWNER_UNKNOWN" else WARNINGS.get(each.code, "")
            self._reason("warned", each.code, reason)
            if self._folder is not None:
                at = record.at
                where = (at.file, at.where) if at is not None else ("", "")
                said = each.reason or WARNINGS.get(each.code, "")
                row = (*where, each.code, each.column or "", each.value or "", said)
                self._table("warnings.csv", ("file", "line", "code", "column", "value", "reason")).writerow(
                    [_unarmed(cell) for cell in row]
                )

    def _table(self, name: str, header: Iterable[str]) -> Any:
        file = self._files.get(name)
        if file is None:
            assert self._folder is not None  # noqa: S101 - whoever asks has looked
            file = self._files[name] = (self._folder / name).open("w", encoding="utf-8-sig", newline="")
            csv.writer(file).writerow(header)
        return csv.writer(file)

    def _refuse(self, refusal: Refusal) -> None:
        """Write a refused row as it stood, behind its line, code and reason; of one that is too long these alone."""
        if self._folder is None or not refusal.original:
            return
        shape = self._tables.get(refusal.at.file)
        is_long = len(refusal.original) >= MAX_ROW
        if shape is None:
            if is_long:
                return  # half a card is none
            self._file(refusal.at.file, "").write(refusal.original.rstrip(b"\r\n") + b"\n")
            return
        wide = shape.encoding.startswith("utf-16")
        encoding = "utf-8" if wide or shape.encoding == "utf-8-sig" else shape.encoding

        def told(cells: tuple[str, ...]) -> bytes:
            texts = ('"' + cell.replace('"', "'") + '"' for cell in cells)
            return (shape.delimiter.join(texts) + shape.delimiter).encode(encoding, "replace")

        file = self._files.get(self._name(refusal.at.file, ".csv"))
        if file is None:
            file = self._file(refusal.at.file, ".csv")
            mark = b"" if encoding != "utf-8" else b"\xef\xbb\xbf"
            file.write(mark + told(TOLD) + shape.header_raw.rstrip(b"\r\n") + b"\n")
        if is_long:
            file.write(told((refusal.at.where, refusal.code, f"{refusal.reason}; {_TOO_LONG}")) + b"\n")
            return
        end = b"" if refusal.original.endswith(b"\n") else b"\n"
        file.write(told((refusal.at.where, refusal.code, refusal.reason)) + refusal.original + end)

    def _name(self, source: str, suffix: str) -> str:
        """How the refused rows of a file are called: `refused.csv`, or after the file where there are several."""
        path = PurePosixPath(source)
        suffix = suffix or path.suffix or ".txt"
        several = len([each for each in self._reading.recognised if each.role is not None]) > 1
        return f"refused-{path.stem}{suffix}" if several else f"refused{suffix}"

    def _file(self, source: str, suffix: str) -> IO[Any]:
        name = self._name(source, suffix)
        if name not in self._files:
            assert self._folder is not None  # noqa: S101 - whoever asks has looked
            self._files[name] = (self._folder / name).open("wb")
        return self._files[name]

    def summary(self) -> dict[str, Any]:
        """What is told in `report.json`."""
        return {
            "recognised": [told(each) for each in self._reading.recognised],
            "questions": [asdict(each) for each in self._reading.questions],
            "counts": {name: rows for name, rows in sorted(self.counts.items()) if rows},
            "outcomes": dict(sorted(self.outcomes.items())),
            "reasons": [
                {"what": what, "code": code, "reason": reason, "rows": rows}
                for (what, code, reason), rows in self.reasons.most_common()
            ],
        }

    def close(self) -> None:
        """Write `report.json`, `report.html` and `map.toml`, and close what was written."""
        for file in self._files.values():
            file.close()
        if self._folder is None:
            return
        summary = self.summary()
        told_ = json.dumps(summary, indent=2, ensure_ascii=False, default=str) + "\n"
        (self._folder / "report.json").write_text(told_, "utf-8", "backslashreplace")
        (self._folder / "map.toml").write_text(maps.saved(self._reading.options, self._reading.recognised), "utf-8")
        beside = sorted(("map.toml", "report.json", *self._files))
        (self._folder / "report.html").write_text(report_page.page(summary, beside), "utf-8", "xmlcharrefreplace")


def _unarmed(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def told(value: Any) -> Any:
    """Something of a reading as JSON: what was recognised, a record, what is in it."""
    match value:
        case Ref() | StoredRef():
            return {"ref": value.key if isinstance(value, Ref) else asdict(value.external)}
        case StaffRef():
            return {"staff": value.email}
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case Photo():
            return {"bytes": len(value.data), "contentType": value.content_type}
        case Note():
            return {name: told(getattr(value, name)) for name in ("title", "content", "owner", "created_at")}
        case dict():
            return {str(key): told(each) for key, each in value.items()}
        case list() | tuple():
            return [told(each) for each in value]
        case _ if hasattr(value, "__dataclass_fields__"):
            return {name: told(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
