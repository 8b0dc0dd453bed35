"""From files to records: recognise, ask, and tell record by record.

`open_set` looks at the files and says what they are and what cannot be known; `Reading.events` tells the records.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from crmgraph.crm.models import PartyKind
from crmgraph.imports.columns import Columns, note_of
from crmgraph.imports.drafts import Draft
from crmgraph.imports.files import BadFile, Source, sources
from crmgraph.imports.index import Spool
from crmgraph.imports.owners import Owners
from crmgraph.imports.parts import Part, parts_of
from crmgraph.imports.records import (
    Event,
    External,
    Options,
    Place,
    Question,
    Recognised,
    Record,
    Refusal,
    Skipped,
    Staff,
)
from crmgraph.imports.sets import RecordSet, Stored

ORDER = ("STAFF", "FIELDS", "ACCOUNT", "CONTACT", "LEAD", None, "NOTE")
"""In which files are read: accounts before those who belong to them."""


def _rank(part: Part) -> tuple[bool, int]:
    """Deleted records come last: what they had that is one's alone, others may have by now."""
    return "deleted" in part.recognised.facts, ORDER.index(part.recognised.role)


class Reading:
    """A set of files that is imported together.

    Attributes:
        recognised: what each file, or member of an archive, was taken for.
        questions: what cannot be known, or should be. While one of them is `open`, nothing is read.
        refused: files of which nothing can be read.
        parts: the files and members in the order in which they are read.
        options: what the user has stated.
    """

    def __init__(
        self,
        parts: list[Part],
        refused: list[Refusal],
        skipped: list[Skipped],
        options: Options,
        owners: Owners,
        stored: Stored | None,
    ) -> None:
        self.parts = sorted(parts, key=_rank)
        self.options = options
        self._owners = owners
        self._stored = stored
        self._skipped = skipped
        self.refused = refused
        self._kept: Spool | None = None
        self.recognised: list[Recognised] = [part.recognised for part in parts]
        self.questions: list[Question] = _once([each for part in self.parts for each in part.questions])
        self.questions += _more_pages(self.recognised)

    @property
    def is_open(self) -> bool:
        """Whether a question has to be answered first."""
        return any(question.open for question in self.questions)

    def events(self) -> Iterator[Event]:
        """Every row as what became of it, accounts first, and the records that are implied by others.

        References may name records that come later. The same files and options tell the same, in the same order. What
        was `kept` is told again without the files being read.

        Raises:
            ValueError: a question is open.
        """
        if self.is_open:
            raise ValueError("a question is open")
        if self._kept is not None:
            return (event for _, event in self._kept)
        return self._read()

    def kept(self) -> Iterator[Event]:
        """The same, which is kept on disk on the way, until `close`."""
        spool = Spool()
        try:
            for event in self.events():
                spool.add(event)
                yield event
        except BaseException:
            spool.close()
            raise
        self.close()
        self._kept = spool

    def close(self) -> None:
        """Let go of what was kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _read(self) -> Iterator[Event]:
        yield from self.refused
        yield from self._skipped
        with self._set() as found:
            for part in self.parts:
                self._take(found, part, None)
            yield from found.events()

    def preview(self, count: int = 10) -> list[Record]:
        """The first records of each kind as they will be; references to what lies further down are left out."""
        told: list[Record] = []
        with self._set() as found:
            for part in self.parts:
                self._take(found, part, count)
            counts = dict.fromkeys(PartyKind, 0)
            for event in found.events():
                if isinstance(event, Record) and counts[event.kind] < count:
                    counts[event.kind] += 1
                    event.warnings = [each for each in event.warnings if each.code != "REFERENCE_BROKEN"]
                    told.append(event)
        return told

    @contextmanager
    def _set(self) -> Iterator[RecordSet]:
        found = RecordSet(self.options, self._owners.importer, stored=self._stored)
        try:
            for part in self.parts:
                if part.recognised.kind is not None:
                    found.bring(part.recognised.kind)
            yield found
        finally:
            found.close()

    def _take(self, found: RecordSet, part: Part, count: int | None) -> None:
        role = part.recognised.role
        try:
            for n, item in enumerate(part.read()):
                if count is not None and n >= count and role != "STAFF":
                    return
                if role == "STAFF":
                    self._learn(item)
                elif role == "NOTE" and isinstance(item, Draft):
                    self._take_note(found, part.columns, item)
                else:
                    found.add(item)
        except BadFile as bad:
            # An archive shows its damage where it is.
            found.add(_refusal(bad))

    def _learn(self, item: Draft | Refusal | Skipped) -> None:
        if isinstance(item, Draft):
            facts = item.facts
            name = facts.get("user.name") or f"{facts.get('user.first', '')} {facts.get('user.last', '')}".strip()
            self._owners.learn(facts.get("user.id", ""), facts.get("user.email", ""), name)

    def _take_note(self, found: RecordSet, columns: Columns | None, item: Draft) -> None:
        if columns is None:
            return
        module = item.facts.get("parent_kind", "")
        kind = next((kind for kind, space in item.context.spaces.items() if space == module), None)
        if kind is None:
            reason = f"its parent is a record of {module}, which has no home here"
            found.add(Skipped(item.at, "PARENT_NOT_IMPORTED", reason))
            return
        value = columns.id_of(item.facts.get("parent_record", ""))
        external = External(item.context.system or "", item.context.spaces[kind], value)
        found.add_note(item.at, kind, external, note_of(columns, item))


def open_set(
    paths: Sequence[Path],
    options: Options,
    staff: Sequence[Staff],
    *,
    stored: Stored | None = None,
) -> Reading:
    """Look at files that are imported together.

    Args:
        staff: of the store.
        stored: which of such ids are those of records of the store; None where there is no store.
    """
    owners = Owners(staff, options.users, options.owner)
    parts: list[Part] = []
    refused: list[Refusal] = []
    skipped: list[Skipped] = []
    for path in paths:
        try:
            parts.extend(parts_of(path.name, sources(path), options, owners))
        except BadFile as bad:
            refused.append(_refusal(bad))
    return Reading(parts, refused, skipped, options, owners, stored)


def _refusal(bad: BadFile) -> Refusal:
    return Refusal(Place(bad.file, ""), bad.code, bad.reason, (), dict(bad.facts))


def _once(questions: list[Question]) -> list[Question]:
    """Each question once for all files that ask it with the same words."""
    found: dict[tuple[str, str | None, str | None], Question] = {}
    for each in questions:
        same = each.code in ("TIMEZONE", "NO_IDS")
        found.setdefault(
            (each.code, None if same else each.file, each.column), replace(each, file=None) if same else each
        )
    return list(found.values())


def _more_pages(found: list[Recognised]) -> Iterator[Question]:
    """What is missing of lists that come in pages."""
    last: dict[tuple[str, str | None], Recognised] = {}
    for each in found:
        if "page" in each.facts:
            before = last.get((each.format, each.role))
            if before is None or each.facts["page"] >= before.facts["page"]:
                last[(each.format, each.role)] = each
    for each in last.values():
        if each.facts["more_records"]:
            yield Question("MORE_PAGES", "the last page says more_records: true; pages are missing")


__all__ = ["Reading", "Source", "open_set"]
