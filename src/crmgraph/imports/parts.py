"""The parts of what is imported: a table, a list of cards, an archive's members, each ready to be read."""

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import orjson

from crmgraph.crm.models import PartyKind
from crmgraph.imports import crmcom, ldif, own
from crmgraph.imports.cards import jcard, jscontact, people, vcard
from crmgraph.imports.columns import Columns
from crmgraph.imports.documents import Document, document_of, header_of, layout_of, rows_of
from crmgraph.imports.drafts import Context, Draft
from crmgraph.imports.files import UTF8_MARK, BadFile, Source, encoding_of
from crmgraph.imports.formats import Format, lists
from crmgraph.imports.owners import Owners
from crmgraph.imports.recognition import Table, archive_format, columns_of, member_of, table_of, zone_of
from crmgraph.imports.records import Options, Place, Question, Recognised, Refusal, Skipped
from crmgraph.imports.tables import Shape, is_blank_row

Items = Iterator[Draft | Refusal | Skipped]
READ = (".csv", ".txt", ".tsv", ".vcf", ".json", ".ldif", ".ldf")
"""What the members of an archive are called that may be read one by one."""
MANIFEST = "crmgraph.json"
"""The member by which an archive of `crmgraph export` is known."""
DELETED = "deleted/"
"""Where its deleted records are."""
_TOTALS = frozenset(
    {"sum", "total", "totals", "grand", "summe", "gesamt", "somme", "suma", "totale", "totaal", "razem", "合計"}
)
_CARDS = {"JCARD": jcard.card_of, "JSCONTACT": jscontact.card_of}
_TABLES = {"ZOHO_REST": lists.ZOHO, "VALOMNIA_LIST": lists.VALOMNIA}


@dataclass(slots=True)
class Part:
    """A file, or a member of an archive.

    Attributes:
        read: tells its rows from the start, each time it is called.
        columns: of a table.
        shape: of a table, with its header as it stood.
    """

    recognised: Recognised
    read: Callable[[], Items]
    questions: list[Question] = field(default_factory=list)
    columns: Columns | None = None
    shape: Shape | None = None


def parts_of(name: str, found: list[Source], options: Options, owners: Owners) -> Iterator[Part]:
    """What a file consists of.

    Raises:
        BadFile: nothing can be read of it.
    """
    if len(found) == 1 and found[0].archive is None:
        yield _part(found[0], options, owners)
        return
    if any(each.name == MANIFEST for each in found):
        # The tables beside the lines are for people.
        members = {each.name: each for each in found}
        lines = (each for each in found if each.name.endswith(".jsonl") and "/" not in each.name.removeprefix(DELETED))
        yield from (_own(each, options, owners, members) for each in lines)
        return
    format_ = archive_format(found, options.format)
    if format_ is None:
        yield from _singly(name, found, options, owners)
        return
    for each in found:
        if each.name.lower().endswith(".csv"):
            yield _member(each, format_, options, owners)


def _singly(name: str, found: list[Source], options: Options, owners: Owners) -> Iterator[Part]:
    """The members of an archive of any files, each for itself."""
    known = []
    for each in found:
        if PurePosixPath(each.name).suffix.lower() in READ:
            try:
                part = _part(each, options, owners)
            except BadFile:
                continue
            if part.recognised.format != "TABLE" or part.recognised.header_row is not None:
                known.append(part)
    if not known:
        raise BadFile(name, "NOT_A_TABLE", "an archive with no member that is known")
    yield from known


def _member(source: Source, format_: Format, options: Options, owners: Owners) -> Part:
    layout = member_of(source.name, format_)
    if layout is None or layout.role == "FIELDS":
        role = layout.role if layout else None
        return Part(Recognised(source.name, format_.name, role=role), lambda: _homeless(source, role))
    return _tabular(table_of(source, options, (format_, layout)), options, owners)


def _homeless(source: Source, role: str | None) -> Items:
    if role is None:
        name = PurePosixPath(source.name).stem.partition("_")[0]
        yield Skipped(Place(source.name, "2", 2), "NO_HOME", f"{name} is not imported")


def _part(source: Source, options: Options, owners: Owners) -> Part:
    head = _as_utf8(source.head(1024)).removeprefix(UTF8_MARK).lstrip()
    if head[:11].upper() == b"BEGIN:VCARD":
        return _cards(source, options, owners)
    if head.startswith(own.BEGIN):
        return _own(source, options, owners)
    if head[:1] in (b"{", b"["):
        return _document(source, options, owners)
    if head[:8].lower() == b"version:" or head[:3].lower() == b"dn:":
        return _directory(source, options, owners)
    return _tabular(table_of(source, options), options, owners)


def _as_utf8(head: bytes) -> bytes:
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return head.decode("utf-16", "ignore").encode() if wide else head


def _cards(source: Source, options: Options, owners: Owners) -> Part:
    encoding = encoding_of(source).name or "utf-8"
    versions = sorted({each.strip().decode("ascii", "replace") for each in _versions(source)})
    recognised = Recognised(source.name, "VCARD", role="CONTACT", encoding=encoding, facts={"versions": versions})
    context = _context(options, people.SYSTEM, people.SPACE)

    def read() -> Items:
        for card in vcard.cards(source, encoding):
            yield people.read(card, source.name, context, owners)

    return Part(recognised, read)


def _versions(source: Source) -> Iterator[bytes]:
    for line in source.head().upper().splitlines():
        if line.startswith(b"VERSION:"):
            yield line[8:]


def _own(source: Source, options: Options, owners: Owners, members: Mapping[str, Source] | None = None) -> Part:
    """Records of one kind, that of the first."""
    head = source.head(64)
    kind = next((kind for kind in PartyKind if head.startswith(own.BEGIN + kind.encode() + b'"')), PartyKind.CONTACT)
    context = _context(options, own.SYSTEM, "")
    context.spaces = dict(own.SPACES)
    recognised = Recognised(source.name, own.SYSTEM, kind, kind.value)
    if source.name.startswith(DELETED):
        recognised.facts["deleted"] = True
    return Part(recognised, lambda: own.read(source, context, owners, members or {}))


def _directory(source: Source, options: Options, owners: Owners) -> Part:
    encoding = encoding_of(source).name or "utf-8"
    context = _context(options, ldif.SYSTEM, ldif.SPACE)
    recognised = Recognised(source.name, "LDIF", role="CONTACT", encoding=encoding)
    return Part(recognised, lambda: ldif.read(source, encoding, context, owners))


def _context(options: Options, system: str, space: str) -> Context:
    return Context(options, options.system or system, "ymd", ".", zone_of(options), dict.fromkeys(PartyKind, space))


def _document(source: Source, options: Options, owners: Owners) -> Part:
    found = document_of(source)
    recognised = Recognised(source.name, found.name, role="CONTACT")
    if (card_of := _CARDS.get(found.name)) is not None:
        context = _context(options, people.SYSTEM, people.SPACE)

        def read() -> Items:
            for n, each in enumerate(found.rows, start=1):
                yield people.read(card_of(n, each, orjson.dumps(each)), source.name, context, owners)

        return Part(recognised, read)
    if found.name == "CRMCOM_LIST":
        context = _context(options, crmcom.SYSTEM, crmcom.SPACE)
        return Part(recognised, lambda: crmcom.drafts(source.name, found.rows, context, owners))
    return _listed(source, found, options, owners)


def _listed(source: Source, found: Document, options: Options, owners: Owners) -> Part:
    """A list of JSON whose objects are flat enough for a table."""
    format_ = _TABLES[found.name]
    layout = layout_of(format_, found.rows)
    header = header_of(found.rows)
    spaces = {kind: format_.space_of(kind) for kind in PartyKind}
    context = Context(options, options.system or format_.system, "ymd", ".", zone_of(options), spaces)
    columns = Columns(format_, layout, context, owners, source.name, header)
    recognised = Recognised(source.name, format_.name, layout.kind, layout.role, columns=columns.targets)
    recognised.facts |= {"page": found.page, "more_records": found.more}

    def read() -> Items:
        for row in rows_of(found.rows, header):
            yield columns.read(row)

    return Part(recognised, read, columns=columns)


def _tabular(table: Table, options: Options, owners: Owners) -> Part:
    columns = columns_of(table, options, owners)

    def read() -> Items:
        name = table.source.name
        blank, last, count, after_gap = 0, 0, 0, False
        for row in table.rows(options):
            if row.fault is None and is_blank_row(row.cells):
                if row.cells:
                    blank, last = blank or row.line, row.line
                else:
                    after_gap = True
                continue
            if blank:
                yield _empty(name, blank, last)
                blank = 0
            if after_gap and row.fault is None and _is_footer(row.cells):
                yield Skipped(Place(name, str(row.line), row.line), "FOOTER", "below the table")
                continue
            count += 1
            yield columns.read(row)
        if blank:
            yield _empty(name, blank, last)
        elif not count:
            yield Skipped(Place(name, ""), "NO_ROWS", "a header and no row: nothing to do")

    return Part(table.recognised, read, table.questions, columns, table.shape)


def _is_footer(cells: list[str]) -> bool:
    """Whether a row behind an empty line is none of the table: a line of text, or totals."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return len(filled) == 1 or filled[0].casefold().rstrip(":").partition(" ")[0] in _TOTALS


def _empty(name: str, first: int, last: int) -> Skipped:
    reason = "no cell holds anything" if first == last else f"lines {first} to {last} hold nothing"
    return Skipped(Place(name, str(first), first), "EMPTY", reason)
