"""Rows of a table to records in the making, as the layout of the format says column by column."""

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.imports import cells, dates
from crmgraph.imports.drafts import Context, Draft
from crmgraph.imports.fields import BOOLEANS, FIELDS
from crmgraph.imports.formats.model import Format, Layout, header_key
from crmgraph.imports.numbered import Groups, group_of
from crmgraph.imports.numbered import put as put_groups
from crmgraph.imports.owners import Owners
from crmgraph.imports.quirks import ENDS, QUIRKS
from crmgraph.imports.records import Note, Place, Refusal, Skipped
from crmgraph.imports.sheets import SheetNumber
from crmgraph.imports.tables import MAX_CELL, Row
from crmgraph.imports.targets import REFERENCES, TARGETS, Handler, put

TOLD = frozenset({"_line", "_code", "_reason"})
"""What stands before the cells of rows that were refused once: `reports.py` writes them."""
_NAMES = frozenset({"firstName", "middleName", "lastName", "name", "account"})
_NEVER_CLEARED = frozenset({"lastName", "name", "number"})
_SEVERAL_LINES = frozenset({"description", "keep", "content", "street"})


@dataclass(slots=True)
class Step:
    """What is done with a column."""

    index: int
    column: str
    words: tuple[str, ...]
    handler: Handler
    lines: bool
    field: str
    clears: str | None = None
    """What is cleared by an empty cell."""


@dataclass(slots=True)
class Columns:
    """The columns of one table.

    Attributes:
        targets: {header: what it is read as}, to be shown.
        watch: is shown the cells of each row that is read.
    """

    format: Format
    layout: Layout
    context: Context
    owners: Owners
    file: str
    header: list[str]
    targets: dict[str, str] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    watch: Callable[[list[str]], None] | None = None
    _groups: list[tuple[int, str, tuple[str, int], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = {header_key(name): target for name, target in self.layout.columns.items()}
        stated = {header_key(name): target for name, target in self.context.options.columns.items()}
        ranks = {key: n for n, key in enumerate(known)}
        found: list[tuple[int, int, Step]] = []
        seen: dict[str, int] = {}
        for index, name in enumerate(self.header):
            if not name:
                continue
            if self.format.numbered and (group := group_of(name)) is not None:
                self.targets[name] = group[0]
                self._groups.append((index, name, (group[0], group[1]), group[2]))
                continue
            key = header_key(name)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] == 2:
                self.duplicates.append(name)
            column = name if seen[key] == 1 else f"{name} ({seen[key]})"
            target = "drop" if key in TOLD else stated.get(key) or known.get(key) or "keep"
            if target == "keep" and self.format.keep_parted and key not in known:
                target = f"keep {self.format.keep_parted}"
            self.targets[column] = target
            found.append((ranks.get(key, len(ranks) + index), index, self._step(index, column, target)))
        self.steps = [step for _, _, step in sorted(found, key=lambda each: each[:2])]

    def _step(self, index: int, column: str, target: str) -> Step:
        words = tuple(target.split(" "))
        first, last = words[0], words[-1]
        handler = TARGETS.get(first) or QUIRKS.get(first)
        if handler is None:
            unknown = self.layout.kind and first not in FIELDS[self.layout.kind]
            handler = TARGETS["keep"] if unknown else put
        path = last if first == "address" else "phones" if first == "phone" else "emails" if first == "email" else first
        clears = self._cleared_by(first) if self.context.options.blank == "clears" else None
        return Step(index, column, words, handler, bool(_SEVERAL_LINES & {first, last}), path, clears)

    def _cleared_by(self, target: str) -> str | None:
        """What an empty cell of a column says: no more than a value, or a record that is named.

        Yes and no, what is needed, owners, and rows as telephone numbers are, stay.
        """
        if self.layout.kind is None:
            return None
        name = target.partition(".")[0]
        values = FIELDS[self.layout.kind] - BOOLEANS - _NEVER_CLEARED
        return name if name in values or name in REFERENCES else None

    def places(self) -> dict[int, str]:
        """{place in a row: the column, as `targets` has it}."""
        return {step.index: step.column for step in self.steps} | {each[0]: each[1] for each in self._groups}

    def column_of(self, *targets: str) -> str | None:
        """The first column that is read so."""
        return next((name for target in targets for name, each in self.targets.items() if each == target), None)

    def read(self, row: Row) -> Draft | Refusal | Skipped:
        """What a row says."""
        at = Place(self.file, row.where or str(row.line), row.line)
        if row.fault is not None:
            code, reason, facts = row.fault
            return Refusal(at, code, reason, (), dict(facts), row.raw)
        texts = row.cells
        if self.watch is not None:
            self.watch(texts)
        short = len(texts) < len(self.header)
        if len(texts) > len(self.header) and any(not cells.is_empty(text) for text in texts[len(self.header) :]):
            reason = f"{len(texts)} cells where the header has {len(self.header)}: nobody knows which belongs where"
            return Refusal(at, "INVALID", reason, (), {}, row.raw)
        draft = Draft(self.layout.kind or PartyKind.CONTACT, at, self.context, original=row.raw)
        draft.match_name = self.layout.kind is PartyKind.ACCOUNT
        if short:
            draft.warn("SHORT_ROW", None, cells=len(texts), header=len(self.header))
        if row.fallback:
            draft.warn("OTHER_ENCODING", None, "cp1252")
        width = len(texts)
        for step in self.steps:
            cell = texts[step.index] if step.index < width else ""
            if not cell:
                if step.clears is not None and step.index < width:
                    draft.cleared.append(step.clears)
                continue
            if len(cell) > MAX_CELL:
                reason = f"{len(cell)} characters, {MAX_CELL} are taken"
                return Refusal(at, "TOO_LARGE", reason, (step.field,), {"limit": MAX_CELL}, row.raw)
            text = self._text(draft, step, cell)
            if text is not None:
                step.handler(self, draft, step.column, text, step.words)
            elif step.clears is not None:
                draft.cleared.append(step.clears)
        if self._groups:
            self._put_groups(draft, texts)
        return self.end(draft)

    def _put_groups(self, draft: Draft, texts: list[str]) -> None:
        groups: Groups = {}
        for index, column, group, part in self._groups:
            if index < len(texts) and texts[index]:
                text, _ = cells.clean(texts[index], lines=True)
                if text and text not in cells.EMPTY:
                    groups.setdefault(group, {})[part] = (column, text)
        put_groups(draft, groups)

    def _text(self, draft: Draft, step: Step, cell: str) -> str | None:
        if cell in cells.EMPTY:
            return None
        text, removed = cells.clean(cell, lines=step.lines)
        if text in cells.EMPTY or text in self.format.empty:
            return None
        if text in self.format.defaults and step.field not in _NAMES:
            return None
        if self.format.html and "&" in text:
            text = html.unescape(text)
        if text[0] in "'=@#":
            if text in cells.SHEET_ERRORS:
                draft.warn("VALUE_DROPPED", step.column, text, "an error of the spreadsheet")
                return None
            text, bare = cells.unwrapped(text)
            if bare and self.format.apostrophe == "told":
                draft.warn("APOSTROPHE_REMOVED", step.column)
            elif not bare and self.format.formulas and cells.is_formula(text) and step.words[0] != "twitter":
                draft.warn("FORMULA", step.column)
        if removed:
            draft.warn("CONTROL_REMOVED", step.column)
        if isinstance(cell, SheetNumber) and (step.words[0] == "phone" or step.words[-1] == "postalCode"):
            draft.warn("NUMBER_CELL", step.column, text)
        return text or None

    def end(self, draft: Draft) -> Draft | Skipped:
        """What holds for the row as a whole."""
        for name in self.format.ends:
            ENDS[name](self, draft)
        if draft.skip is not None:
            skipped = Skipped(draft.at, *draft.skip)
            if draft.master is None:
                return skipped
        elif not draft.has_values and draft.external is None:
            return Skipped(draft.at, "EMPTY", self.format.emptiness)
        for name, value in self.layout.constants.items():
            draft.input.setdefault(name, value)
        draft.facts.setdefault("name_column", self.column_of("lastName", "name"))
        self.own(draft)
        return draft

    def own(self, draft: Draft) -> None:
        """Who owns the record."""
        id_, name = draft.facts.get("owner.id"), draft.facts.get("owner")
        column = draft.facts.get("owner_column")
        draft.owner = self.owners.importer
        if column is None:
            return
        found, given = self.owners.find(id_, name)
        if found is None:
            draft.warn("OWNER_UNKNOWN", column, given)
        else:
            draft.owner = found

    def id_of(self, text: str) -> str:
        """An id without what it is printed with."""
        if self.format.case_held:
            return extended(text)
        return text.removeprefix(self.format.prefix) if self.format.prefix else text

    def time(self, draft: Draft, column: str, text: str) -> Any:
        """The time that a cell says; None and told when it says none."""
        found = dates.time_of(text, self.context.order, self.context.zone)
        if found is None:
            draft.drop(column, text, "no time")
            return None
        if not found[1]:
            draft.warn("TIME_DOES_NOT_EXIST", column, text)
        return found[0]


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def extended(id_: str) -> str:
    """Salesforce: the 18 letters of an id of 15, with three that hold their case.

    https://help.salesforce.com/s/articleView?id=000383751
    """
    if len(id_) != 15 or not id_.isalnum():
        return id_
    chunks = (id_[0:5], id_[5:10], id_[10:15])
    return id_ + "".join(_LETTERS[sum(1 << n for n, c in enumerate(chunk) if "A" <= c <= "Z")] for chunk in chunks)


def note_of(columns: Columns, draft: Draft) -> Note:
    """The note of a row."""
    return Note(draft.facts.get("content", ""), draft.facts.get("title"), draft.owner, draft.created_at)
