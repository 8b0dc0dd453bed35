"""The parts of what is imported: a table, a list of cards, an archive's members, each ready to be read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from crmgraph.imports.columns import Columns
from crmgraph.imports.drafts import Draft
from crmgraph.imports.files import BadFile, Source
from crmgraph.imports.formats import Format
from crmgraph.imports.owners import Owners
from crmgraph.imports.recognition import Table, archive_format, columns_of, member_of, table_of
from crmgraph.imports.records import Options, Place, Question, Recognised, Refusal, Skipped
from crmgraph.imports.tables import is_blank_row

Items = Iterator[Draft | Refusal | Skipped]
READ = (".csv", ".txt", ".tsv", ".vcf", ".json", ".ldif", ".ldf")
"""What the members of an archive are called that may be read one by one."""


@dataclass(slots=True)
class Part:
    """A file, or a member of an archive.

    Attributes:
        read: tells its rows from the start, each time it is called.
        brings: whether it has all records of its kind that others name.
        columns: of a table.
    """

    recognised: Recognised
    read: Callable[[], Items]
    questions: list[Question] = field(default_factory=list)
    brings: bool = True
    columns: Columns | None = None


def parts_of(name: str, found: list[Source], options: Options, owners: Owners) -> Iterator[Part]:
    """What a file consists of.

    Raises:
        BadFile: nothing can be read of it.
    """
    if not (len(found) == 1 and found[0].archive is None):
        yield from _members(name, found, options, owners)
        return
    yield _part(found[0], options, owners)


def _members(name: str, found: list[Source], options: Options, owners: Owners) -> Iterator[Part]:
    format_ = archive_format(found, options.format)
    if format_ is None:
        single = [each for each in found if PurePosixPath(each.name).suffix.lower() in READ]
        known = []
        for each in single:
            try:
                part = _part(each, options, owners)
            except BadFile:
                continue
            if part.recognised.format != "TABLE" or part.recognised.header_row is not None:
                known.append(part)
        if not known:
            raise BadFile(name, "NOT_A_TABLE", "an archive with no member that is known")
        yield from known
        return
    for each in found:
        if each.name.lower().endswith(".csv"):
            yield _member(each, format_, options, owners)


def _member(source: Source, format_: Format, options: Options, owners: Owners) -> Part:
    layout = member_of(source.name, format_)
    if layout is None or layout.role == "FIELDS":
        role = layout.role if layout else None
        return Part(
            Recognised(source.name, format_.name, role=role), lambda: _homeless(source) if role is None else iter(())
        )
    return _tabular(table_of(source, options, (format_, layout)), options, owners)


def _homeless(source: Source) -> Items:
    name = PurePosixPath(source.name).stem.partition("_")[0]
    yield Skipped(Place(source.name, "2", 2), "NO_HOME", f"{name} is not imported")


def _part(source: Source, options: Options, owners: Owners) -> Part:
    return _tabular(table_of(source, options), options, owners)


def _tabular(table: Table, options: Options, owners: Owners) -> Part:
    columns = columns_of(table, options, owners)

    def read() -> Items:
        blank: int | None = None
        last = 0
        count = 0
        after_gap = False
        for row in table.rows(options):
            if row.fault is None and is_blank_row(row.cells):
                if row.cells:
                    blank, last = blank or row.line, row.line
                else:
                    after_gap = True
                continue
            if blank is not None:
                yield _empty(table, blank, last)
                blank = None
            if after_gap and row.fault is None and sum(1 for cell in row.cells if cell.strip()) == 1:
                yield Skipped(Place(table.source.name, str(row.line), row.line), "FOOTER", "below the table")
                continue
            count += 1
            yield columns.read(row)
        if blank is not None:
            yield _empty(table, blank, last)
        elif not count:
            yield Skipped(Place(table.source.name, ""), "NO_ROWS", "a header and no row: nothing to do")

    return Part(table.recognised, read, table.questions, columns=columns)


def _empty(table: Table, first: int, last: int) -> Skipped:
    reason = "no cell holds anything" if first == last else f"lines {first} to {last} hold nothing"
    return Skipped(Place(table.source.name, str(first), first), "EMPTY", reason)
