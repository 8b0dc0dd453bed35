"""Writes the records of a store, page by page, in the form that was asked for."""

import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from crmgraph import __version__
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.conditions import Where
from crmgraph.crm.records.dumps import PAGE, Dumped, dump, widths
from crmgraph.db.database import Database
from crmgraph.exports import cards, dialects, jscontact, tables
from crmgraph.exports.values import record_of
from crmgraph.mapping import FieldMap

Form = Literal["csv", "jsonl", "vcf", "vcf3", "vcf4", "jscontact", "zip"]
NAMES = {PartyKind.ACCOUNT: "accounts", PartyKind.CONTACT: "contacts", PartyKind.LEAD: "leads"}
MANIFEST = "crmgraph.json"
"""The member of an archive by which it is known again."""
FILES: dict[Form, tuple[str, str]] = {
    "csv": ("csv", "text/csv; charset=utf-8"),
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
class Asked:
    """What is to be written.

    Attributes:
        where: what the records have to fulfil, of one kind.
        fields: of a table, the names and values of a legacy API in place of our own.
        excel: whether a spreadsheet will open a table.
        size: how many records are read at once.
    """

    kinds: Sequence[PartyKind]
    form: Form
    where: Where | None = None
    fields: FieldMap | None = None
    excel: bool = False
    size: int = PAGE


async def write(db: Database, actor: Actor, asked: Asked, path: Path, *, told: Told | None = None) -> None:
    """Write records as a file.

    Args:
        told: is called with how many more records are written.

    Raises:
        ValueError: a table of several kinds.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    with path.open("wb") as out:
        if asked.form == "zip":
            await archive(db, actor, asked.kinds, out, asked.where, size=asked.size, told=told)
            return
        async for piece in pieces(db, actor, asked, told=told):
            out.write(piece)


def pieces(db: Database, actor: Actor, asked: Asked, *, told: Told | None = None) -> AsyncIterator[bytes]:
    """The same piece by piece, of any form but an archive."""
    more: Any = {"excel": asked.excel, "size": asked.size, "told": told}
    if asked.fields is not None:
        return dialects.lines(db, actor, asked.fields, asked.where, **more)
    return lines(db, actor, asked.kinds, asked.form, asked.where, **more)


async def lines(
    db: Database,
    actor: Actor,
    kinds: Sequence[PartyKind],
    form: Form,
    where: Where | None = None,
    *,
    excel: bool = False,
    size: int = PAGE,
    told: Told | None = None,
) -> AsyncIterator[bytes]:
    """The records of these kinds as pieces of one file.

    Args:
        where: what the records have to fulfil, of one kind.
        excel: whether a spreadsheet will open a table.
        size: how many records are read at once.
        told: is called with 1 for each record.

    Raises:
        ValueError: a table of several kinds.
    """
    if form == "csv" and len(kinds) > 1:
        raise ValueError("a table has records of one kind: --format zip has a table for each")
    for n, kind in enumerate(kinds):
        async for piece in _of_kind(db, actor, kind, form, where, excel=excel, first=n == 0, size=size, told=told):
            yield piece
    if form == "jscontact":
        yield b"\n]\n"


async def _of_kind(
    db: Database,
    actor: Actor,
    kind: PartyKind,
    form: Form,
    where: Where | None,
    *,
    excel: bool,
    first: bool,
    size: int,
    told: Told | None,
) -> AsyncIterator[bytes]:
    names: list[str] = []
    if form == "csv":
        async with db.read() as session:
            names = tables.header(kind, await widths(session, kind), identity=actor.sees_identity)
        yield b"\xef\xbb\xbf" + tables.line(names, excel=False).encode()
    if form == "jscontact" and first:
        yield b"["
    begun = not first
    async for each in dump(db, actor, kind, where, size=size):
        if told is not None:
            told(1)
        if form == "jscontact":
            yield (b",\n" if begun else b"\n") + orjson.dumps(jscontact.card_of(each))
            begun = True
        else:
            yield _piece(each, form, names, excel=excel, identity=actor.sees_identity)


def _piece(each: Dumped, form: Form, names: list[str], *, excel: bool, identity: bool) -> bytes:
    match form:
        case "csv":
            return tables.line(tables.cells(each, names, identity=identity), excel=excel).encode("utf-8", "replace")
        case "vcf3":
            return cards.card_of(each, "3.0")
        case "vcf" | "vcf4":
            return cards.card_of(each, "4.0")
        case _:
            return orjson.dumps(record_of(each, identity=identity)) + b"\n"


async def archive(
    db: Database,
    actor: Actor,
    kinds: Sequence[PartyKind],
    out: BinaryIO,
    where: Where | None = None,
    *,
    size: int = PAGE,
    told: Told | None = None,
) -> None:
    """All records of these kinds as an archive: of each kind the lines that an import reads, and a table for people."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as found:
        found.writestr(MANIFEST, orjson.dumps({"crmgraph": __version__, "kinds": [NAMES[kind] for kind in kinds]}))
        for kind in kinds:
            with found.open(f"{NAMES[kind]}.jsonl", "w") as member:
                async for piece in lines(db, actor, [kind], "jsonl", where, size=size, told=told):
                    member.write(piece)
            with found.open(f"tables/{NAMES[kind]}.csv", "w") as member:
                async for piece in lines(db, actor, [kind], "csv", where, size=size):
                    member.write(piece)
