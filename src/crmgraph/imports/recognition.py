"""What a table is: its encoding, its header, its format, and what only a person can say about it."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crmgraph.crm.models import PartyKind
from crmgraph.imports import dates
from crmgraph.imports.cells import is_empty, separator_of
from crmgraph.imports.columns import Columns
from crmgraph.imports.drafts import Context
from crmgraph.imports.files import BadFile, Encoding, Source, encoding_of, is_nothing, is_page, is_strict
from crmgraph.imports.formats import FORMATS, Format, Layout
from crmgraph.imports.formats.model import header_key
from crmgraph.imports.headers import KNOWN, layout_of
from crmgraph.imports.owners import Owners
from crmgraph.imports.records import Options, Question, Recognised
from crmgraph.imports.sheets import OLD, Sheet
from crmgraph.imports.tables import HEADER_WITHIN, Row, Shape, find_header, rows, shape_of

TIMES = frozenset({"created", "updated"})
DATES = frozenset({"birthDate", "establishedOn", "order", *TIMES})
MAX_SURVEYED = 1_000_000
"""Rows that are looked at for the order of dates."""


@dataclass(slots=True)
class Table:
    """A table that was recognised."""

    source: Source
    shape: Shape
    format: Format
    layout: Layout
    recognised: Recognised
    questions: list[Question] = field(default_factory=list)
    columns: Columns | None = None
    sheet: Sheet | None = None

    def rows(self, options: Options) -> Iterator[Row]:
        """Its rows, below the header."""
        if self.sheet is not None:
            return (row for row in self.sheet.rows() if row.line > self.shape.skip)
        return rows(self.source, self.shape, lenient=options.lenient)


def known_by(options: Options) -> Callable[[list[str]], int]:
    """Counts the headers that somebody knows, the user among them."""
    stated = {header_key(name) for name in (*options.columns, *filter(None, [options.id_column]))}

    def known(header: list[str]) -> int:
        return sum(1 for name in header if name and ((key := header_key(name)) in KNOWN or key in stated))

    return known


def format_of(header: list[str], wanted: str | None) -> tuple[Format, Layout] | None:
    """The format whose signs a header has."""
    keys = {header_key(name) for name in header}
    for each in FORMATS:
        if wanted is not None and each.word != wanted:
            continue
        for layout in each.layouts:
            if any(sign <= keys for sign in layout.signs):
                return each, layout
    return None


def format_of_ids(header: list[str], first_rows: list[list[str]], wanted: str | None) -> tuple[Format, Layout] | None:
    """The format whose ids stand in a table, whatever its columns are called: its labels are those of a language, or
    the user's own. A column `X.id` has the ids of what the column `X` names."""
    for each in FORMATS:
        if each.id_form is None or wanted not in (None, each.word):
            continue
        has_ids = [name for index, name in enumerate(header) if _has_ids(each, [index], first_rows)]
        if has_ids:
            layout = max(each.layouts, key=lambda layout: _hits(layout, header))
            targets = {header_key(name): target for name, target in layout.columns.items()}
            found = {}
            for name in has_ids:
                label, dot, _ = name.rpartition(".")
                named = targets.get(header_key(label)) if dot else None
                found[name] = f"{named}.id" if named in ("owner", "account", "parent", "reportsTo") else "id"
            if list(found.values()).count("id") > 1:
                found = {
                    name: target if target != "id" or "." not in name else "drop" for name, target in found.items()
                }
            return each, replace(layout, columns={**found, **layout.columns})
    return None


def _format_of_both(header: list[str], first_rows: list[list[str]], wanted: str | None) -> tuple[Format, Layout] | None:
    """The format of a table: ids in a column of that name decide between sources whose headers are the same."""
    by_header, by_ids = format_of(header, wanted), format_of_ids(header, first_rows, wanted)
    if by_header is None or by_ids is None:
        return by_header or by_ids
    own = {header_key(name) for name, target in by_header[1].columns.items() if target == "id"}
    indexes = [index for index, name in enumerate(header) if header_key(name) in own]
    return by_ids if _has_ids(by_ids[0], indexes, first_rows) else by_header


def _has_ids(format_: Format, indexes: Iterable[int], rows: list[list[str]]) -> bool:
    form = re.compile(format_.id_form or "(?!)")
    return any(index < len(row) and form.fullmatch(row[index].strip()) for index in indexes for row in rows)


def _hits(layout: Layout, header: list[str]) -> tuple[int, int]:
    """How many of these headers a layout knows, those of owners before all others: they tell what the rows are."""
    targets = {header_key(name): target for name, target in layout.columns.items()}
    found = [targets[key] for name in header if (key := header_key(name)) in targets]
    return sum(1 for target in found if target == "owner"), len(found)


def member_of(name: str, format_: Format) -> Layout | None:
    """The layout of a member of an archive, by its name."""
    base = PurePosixPath(name).name
    return next((each for each in format_.layouts if each.member and re.fullmatch(each.member, base)), None)


def archive_format(sources: list[Source], wanted: str | None) -> Format | None:
    """The format of an archive, by the names of its members."""
    for each in FORMATS:
        if each.container == "zip" and wanted in (None, each.word):
            found = [layout for source in sources if (layout := member_of(source.name, each)) is not None]
            if any(layout.kind is not None for layout in found):
                return each
    return None


def table_of(source: Source, options: Options, given: tuple[Format, Layout] | None = None) -> Table:
    """What a file of text is, as a table.

    Args:
        given: its format and layout, where the archive says them.

    Raises:
        BadFile: it is none.
    """
    head = source.head()
    if source.path is not None and head.startswith((b"PK", OLD)):
        return _sheet_table(source, source.path, options)
    if is_nothing(head):
        raise BadFile(source.name, "EMPTY_FILE", "the file holds nothing")
    if is_page(head):
        raise BadFile(source.name, "NOT_A_TABLE", "this is a web page, probably of a login that has run out")
    questions: list[Question] = []
    encoding, shape = _decoded(source, options, questions)
    table = _table(source, shape, options, given, questions)
    found = table.recognised
    found.encoding, found.delimiter = encoding.name or "", shape.delimiter
    if encoding.bad_lines:
        found.facts["undecodable_lines"] = list(encoding.bad_lines)
    return table


def _table(
    source: Source, shape: Shape, options: Options, given: tuple[Format, Layout] | None, questions: list[Question]
) -> Table:
    if shape.header is None:
        reason = "the first row looks like data: is there a header? (--no-header names the columns by number)"
        questions.append(Question("NO_HEADER", reason, option="no_header", open=True, file=source.name))
    header = shape.header or []
    format_, layout = (
        given
        or _format_of_name(source, header)
        or _format_of_both(header, shape.first_rows[1:], options.format)
        or layout_of(header, shape.first_rows, options)
    )
    found = Recognised(source.name, format_.name, layout.kind, layout.role, header_row=shape.header_row)
    found.language = layout.language
    if layout.variant:
        found.facts["variant"] = layout.variant
    if shape.header_row and shape.header_row > 1:
        found.facts["preamble_lines"] = shape.header_row - 1
    return Table(source, shape, format_, layout, found, questions)


def _format_of_name(source: Source, header: list[str]) -> tuple[Format, Layout] | None:
    """The format of a table of staff, or of notes, that was in an archive once, by its name."""
    for each in FORMATS:
        layout = member_of(source.name, each)
        if layout is not None and layout.kind is None and _hits(layout, header)[1] >= 3:
            return each, layout
    return None


def _sheet_table(source: Source, path: Path, options: Options) -> Table:
    sheet = Sheet(path)
    head = list(islice(sheet.rows(), HEADER_WITHIN + 1))
    if not any(cell for row in head for cell in row.cells):
        raise BadFile(source.name, "EMPTY_FILE", "the workbook holds nothing")
    shape = Shape("utf-8", ",")
    find_header(shape, head, known_by(options), no_header=options.no_header)
    if shape.header_row is not None:
        shape.skip = shape.header_row
    table = _table(source, shape, options, None, [])
    table.sheet = sheet
    table.recognised.facts["sheet"] = sheet.name
    return table


def _decoded(source: Source, options: Options, questions: list[Question]) -> tuple[Encoding, Shape]:
    encoding = Encoding(options.encoding) if options.encoding else encoding_of(source)

    def shape_in(name: str) -> Shape:
        return shape_of(source, name, known_by(options), delimiter=options.delimiter, no_header=options.no_header)

    if encoding.name is not None:
        return encoding, shape_in(encoding.name)
    for name, _ in encoding.candidates:
        shape = shape_in(name)
        found = format_of(shape.header or [], options.format)
        if found is not None and found[0].ansi and is_strict(source, name):
            return Encoding(name), shape
    reads = ", ".join(f'{name} reads "{text}"' for name, text in encoding.candidates[:3])
    names = tuple(name for name, _ in encoding.candidates)
    questions.append(Question("ENCODING", f"not UTF-8; {reads}", names, option="encoding", open=True, file=source.name))
    return encoding, shape_in(names[0] if names else "cp1252")


def zone_of(options: Options) -> ZoneInfo | None:
    """The zone of local times, as the user states it.

    Raises:
        ValueError: there is none of this name.
    """
    if options.timezone is None:
        return None
    try:
        return ZoneInfo(options.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{options.timezone}: there is no such time zone, e.g. Europe/Berlin") from error


def context_of(table: Table, options: Options) -> Context:
    """What all rows of the table share; what cannot be known becomes a question of the table."""
    format_ = table.format
    zone = zone_of(options)
    spaces = {kind: format_.space_of(kind) for kind in PartyKind}
    context = Context(
        options, options.system or format_.system, options.dates, options.decimal or format_.decimal, zone, spaces
    )
    targets = {header_key(name): target for name, target in table.layout.columns.items()}
    read_as = {n: targets.get(header_key(name), "") for n, name in enumerate(table.shape.header or [])}
    moments = [n for n, target in read_as.items() if target.split(" ")[0] in DATES]
    if format_.iso:
        context.order = context.order or "ymd"
    elif moments and context.order is None:
        _decide_dates(table, options, context, moments)
    if context.decimal is None:
        _decide_decimal(table, options, context, [n for n, target in read_as.items() if target == "annualRevenue"])
    if zone is None and not format_.utc:
        _ask_zone(table, options, [n for n, target in read_as.items() if target in TIMES])
    return context


def _cells(table: Table, options: Options, indexes: list[int], limit: int) -> Iterator[str]:
    """The cells of these columns that hold something."""
    for n, row in enumerate(table.rows(options)):
        if n >= limit:
            return
        for index in indexes:
            if index < len(row.cells) and not is_empty(cell := row.cells[index]):
                yield cell


def _decide_dates(table: Table, options: Options, context: Context, indexes: list[int]) -> None:
    order, proof, doubtful = dates.decided(_cells(table, options, indexes, MAX_SURVEYED))
    if order is not None and proof is not None:
        context.order = order
        header = table.shape.header or []
        column = next(header[n] for n in indexes if proof in _cells(table, options, [n], MAX_SURVEYED))
        table.recognised.date_order, table.recognised.evidence = order.upper(), f"{proof} in {column}"
    elif doubtful is not None:
        reason = f"{doubtful}: is the day first, or the month? No date of the file tells"
        table.questions.append(
            Question("DATE_ORDER", reason, ("dmy", "mdy"), option="dates", open=True, file=table.source.name)
        )


def _decide_decimal(table: Table, options: Options, context: Context, indexes: list[int]) -> None:
    doubtful = None
    for cell in _cells(table, options, indexes, MAX_SURVEYED) if indexes else ():
        if (found := separator_of(cell)) is not None:
            context.decimal = found
            return
        if "," in cell or "." in cell:
            doubtful = doubtful or cell
    if doubtful is not None:
        reason = f"{doubtful}: does it have decimals, or thousands? No number of the file tells"
        table.questions.append(
            Question("DECIMAL", reason, (",", "."), option="decimal", open=True, file=table.source.name)
        )


def _ask_zone(table: Table, options: Options, indexes: list[int]) -> None:
    local = (
        next((cell for cell in _cells(table, options, indexes, 100) if dates.is_local(cell)), None) if indexes else None
    )
    if local is not None:
        reason = f"{local} does not say in which time zone"
        table.questions.append(Question("TIMEZONE", reason, option="timezone", open=True, file=table.source.name))


def columns_of(table: Table, options: Options, owners: Owners) -> Columns:
    """The columns of a table, ready to read its rows; what should be told of them becomes a question of the table."""
    context = context_of(table, options)
    columns = Columns(table.format, table.layout, context, owners, table.source.name, table.shape.header or [])
    table.columns = columns
    table.recognised.columns = columns.targets
    if columns.duplicates:
        table.recognised.facts["duplicate_headers"] = columns.duplicates
    name = table.source.name
    for column in columns.duplicates:
        reason = "two columns of one name: read as first and second"
        table.questions.append(Question("DUPLICATE_HEADER", reason, file=name, column=column))
    firsts = {target.split(" ")[0] for target in columns.targets.values()}
    if table.layout.kind is not None and "id" not in firsts and table.layout.space == "id":
        reason = "the file has no ids: a second import finds these people by name and address alone"
        table.questions.append(Question("NO_IDS", reason, file=name))
    return columns
