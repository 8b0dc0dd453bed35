"""Writes the records of a store, page by page, in the form that was asked for."""

import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

import orjson

from crmgraph import __version__
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.conditions import Where
from crmgraph.crm.records.dumps import PAGE, Dumped, changes, dump, photo_rows, widths
from crmgraph.db.database import Database
from crmgraph.exports import cards, dialects, jscontact, tables, workbook
from crmgraph.exports.values import photo_member, record_of
from crmgraph.mapping import FieldMap
from crmgraph.photos import PhotoStore

Form = Literal["csv", "xlsx", "jsonl", "vcf", "vcf3", "vcf4", "jscontact", "zip"]
NAMES = {PartyKind.ACCOUNT: "accounts", PartyKind.CONTACT: "contacts", PartyKind.LEAD: "leads"}
DELETED = "deleted/"
"""The folder of an archive in which the lines of deleted records are."""
MANIFEST = "crmgraph.json"
"""The member of an archive by which it is known again."""
FILES: dict[Form, tuple[str, str]] = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "jsonl": ("jsonl", "application/jsonl"),
    "vcf": ("vcf", "text/vcard; charset=utf-8"),
    "vcf3": ("vcf", "text/vcard; charset=utf-8"),
    "vcf4": ("vcf", "text/vcard; charset=utf-8"),
    "jscontact": ("json", "application/json"),
    "zip": ("zip", "application/zip"),
}
"""{form: (how a file of it ends, what it is as a MIME type)}."""
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be written.

    Attributes:
        where: what the records have to fulfil, of one kind.
        fields: of a table, the names and values of a legacy API in place of our own.
        excel: whether a spreadsheet will open a table.
        size: how many records are read at once.
        photos: where the photos of an archive are; it has none without it.
        whole: whether lines of JSON tell of deleted records that are named, as those of an archive do.
        deleted: whether the deleted records are written in place of the live ones, as lines.
    """

    kinds: Sequence[PartyKind]
    form: Form
    where: Where | None = None
    fields: FieldMap | None = None
    excel: bool = False
    size: int = PAGE
    photos: PhotoStore | None = None
    whole: bool = False
    deleted: bool = False


async def write(db: Database, actor: Actor, asked: ExportRequest, path: Path, *, told: Told | None = None) -> None:
    """Write records as a file.

    Args:
        told: is called with how many more records are written.

    Raises:
        ValueError: a table of several kinds.
        Unauthenticated, Forbidden: the actor is not staff.
        StoreAway: the photo store does not answer.
    """
    if asked.form == "xlsx":
        await workbook.write(path, {NAMES[kind]: rows(db, actor, kind, asked, told=told) for kind in asked.kinds})
        return
    with path.open("wb") as out:
        if asked.form == "zip":
            await archive(db, actor, asked, out, told=told)
            return
        async for piece in pieces(db, actor, asked, told=told):
            out.write(piece)


async def rows(
    db: Database, actor: Actor, kind: PartyKind, asked: ExportRequest, *, told: Told | None = None
) -> AsyncIterator[list[str]]:
    """The records of a kind as rows of a table, the header first."""
    if asked.fields is not None:
        async for row in dialects.rows(db, actor, asked.fields, asked.where, size=asked.size, told=told):
            yield row
        return
    async with db.read() as session:
        names = tables.header(kind, await widths(session, kind), identity=actor.sees_identity)
    yield names
    async for each in dump(db, actor, kind, asked.where, size=asked.size):
        if told is not None:
            told(1)
        yield tables.cells(each, names, identity=actor.sees_identity)


async def pieces(db: Database, actor: Actor, asked: ExportRequest, *, told: Told | None = None) -> AsyncIterator[bytes]:
    """Records as pieces of one file, of any form but an archive and a workbook.

    Raises:
        ValueError: a table of several kinds.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    if asked.form == "csv":
        if len(asked.kinds) > 1:
            raise ValueError("a table has records of one kind: --format zip has a table for each")
        mark = tables.MARK
        async for row in rows(db, actor, asked.kinds[0], asked, told=told):
            # A header is nobody's text.
            yield mark + tables.line(row, excel=asked.excel and not mark).encode("utf-8", "replace")
            mark = b""
        return
    begin, between, end = (b"[\n", b",\n", b"\n]\n") if asked.form == "jscontact" else (b"", b"", b"")
    for kind in asked.kinds:
        async for each in dump(db, actor, kind, asked.where, size=asked.size, deleted=asked.deleted):
            if told is not None:
                told(1)
            yield begin + _piece(each, asked, identity=actor.sees_identity)
            begin = between
    if asked.form == "jscontact":
        yield (end if begin == between else b"[" + end)


def _piece(each: Dumped, asked: ExportRequest, *, identity: bool) -> bytes:
    match asked.form:
        case "jscontact":
            return orjson.dumps(jscontact.card_of(each))
        case "vcf3":
            return cards.card_of(each, "3.0")
        case "vcf" | "vcf4":
            return cards.card_of(each, "4.0")
        case _:
            return orjson.dumps(record_of(each, identity=identity, whole=asked.whole)) + b"\n"


async def archive(db: Database, actor: Actor, asked: ExportRequest, out: BinaryIO, *, told: Told | None = None) -> None:
    """Records as an archive: of each kind the lines and photos that an import reads, without a condition those of
    deleted records too, and beside them a table and what has changed.

    Raises:
        StoreAway: the photo store does not answer.
    """
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as found:
        names = [NAMES[kind] for kind in asked.kinds]
        found.writestr(MANIFEST, orjson.dumps({"crmgraph": __version__, "kinds": names}))
        for kind in asked.kinds:
            own = replace(asked, kinds=(kind,), form="jsonl", whole=asked.where is None)
            with found.open(f"{NAMES[kind]}.jsonl", "w") as member:
                async for piece in pieces(db, actor, own, told=told):
                    member.write(piece)
            gone = pieces(db, actor, replace(own, deleted=True))
            if asked.where is None and (first := await anext(gone, None)) is not None:
                with found.open(f"{DELETED}{NAMES[kind]}.jsonl", "w") as member:
                    member.write(first)
                    async for piece in gone:
                        member.write(piece)
            with found.open(f"tables/{NAMES[kind]}.csv", "w") as member:
                async for piece in pieces(db, actor, replace(own, form="csv")):
                    member.write(piece)
            with found.open(f"history/{NAMES[kind]}.jsonl", "w") as member:
                async for change in changes(db, actor, kind, asked.where, size=asked.size):
                    member.write(orjson.dumps(change) + b"\n")
            if asked.photos is not None:
                async for photo in photo_rows(db, actor, kind, asked.where, size=asked.size):
                    if (data := await asked.photos.read(photo.key, "original")) is not None:
                        # An image is packed already.
                        found.writestr(photo_member(kind, photo), data, zipfile.ZIP_STORED)
