"""Imports of files: how far they are, what was recognised, and what becomes of the rows."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import strawberry
from sqlalchemy import select
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.models import ImportState, Outcome, PartyKind
from crmgraph.crm.policy import may_see_identity
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.connections import After, Connection, First, window_of
from crmgraph.graph.schema.fields import column, finished, global_id, to_one
from crmgraph.graph.schema.ids import PREFIXES, Prefix, encode
from crmgraph.graph.schema.listed import ListPage
from crmgraph.graph.schema.root_fields import resolves
from crmgraph.graph.schema.scalars import JSON, BigInt, DateTime, Url
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.types.people import User
from crmgraph.graph.schema.types.record import Record
from crmgraph.imports.requests import may_see_rows

Analysis = Mapping[str, Any] | None
Counted = Mapping[str, Mapping[str, int]]


@strawberry.type(description="A file, or a member of an archive, and what it was taken for.")
class ImportFile:
    name: str = strawberry.field(description="As whoever brought it calls it; a member by its name in the archive.")
    bytes: BigInt | None = strawberry.field(description="Its length; null of a member.")
    format: str | None = strawberry.field(description="Of which source it is, e.g. `HUBSPOT`; null until it was read.")
    kind: PartyKind | None = strawberry.field(description="Of the records in it, where it has those of one kind alone.")
    used: bool = strawberry.field(description="Whether anything of it is imported.")
    encoding: str | None = strawberry.field(description="In which encoding its texts are.")
    delimiter: str | None = strawberry.field(description="What parts the cells of a table.")
    dates: str | None = strawberry.field(description="In which order its dates are written: `dmy`, `mdy` or `ymd`.")
    evidence: str | None = strawberry.field(description="Which value says so.")


@strawberry.type(description="How many rows have, or would have, which outcome.")
class ImportCounts:
    created: BigInt = strawberry.field(description="They make a record.")
    updated: BigInt = strawberry.field(description="They change one.")
    unchanged: BigInt = strawberry.field(description="They say nothing new.")
    merged: BigInt = strawberry.field(description="They went into another row.")
    skipped: BigInt = strawberry.field(description="They are meant to give no record.")
    refused: BigInt = strawberry.field(description="No record can be made of them.")
    total: BigInt = strawberry.field(description="All of them together.")
    contacts: BigInt = strawberry.field(description="Those of contacts.")
    accounts: BigInt = strawberry.field(description="Those of accounts, those that only others name among them.")
    leads: BigInt = strawberry.field(description="Those of leads.")


def counts_of(stored: Counted) -> ImportCounts:
    """The counts of {kind, or empty: {outcome: how many}}."""
    told: dict[str, Any] = {
        outcome.value.lower(): sum(found.get(outcome.value, 0) for found in stored.values()) for outcome in Outcome
    }
    told |= {f"{kind.value.lower()}s": sum(stored.get(kind.value, {}).values()) for kind in PartyKind}
    total: Any = sum(sum(found.values()) for found in stored.values())
    return ImportCounts(total=total, **told)


@strawberry.type(description="What cannot be known from the files, or should be known about them.")
class ImportQuestion:
    code: str = strawberry.field(description="What is asked, e.g. `TIMEZONE`.")
    message: str = strawberry.field(description="The question, for a person, with what each answer would read.")
    answers: list[str] = strawberry.field(description="The candidates; empty where any word is one.")
    option: str | None = strawberry.field(
        description="The option that answers it, for `answers` of `updateImport`; null where it is only told."
    )
    open: bool = strawberry.field(description="Whether nothing is read before it is answered.")
    file: str | None = strawberry.field(description="The file that it is about.")
    column: str | None = strawberry.field(description="The column that it is about.")


@strawberry.type(description="A column of a table, and what it is read as.")
class ImportColumn:
    file: str = strawberry.field(description="In which file it stands.")
    column: str = strawberry.field(description="Its header.")
    target: str = strawberry.field(
        description="What it is read as, e.g. `lastName`, `phone MOBILE`; `keep` for what has no place here."
    )
    values: list[str] = strawberry.field(description="The first three values.")
    filled: float = strawberry.field(description="In how much of the rows it holds something, 0 to 1.")


@strawberry.type(description="A row, and what becomes of it.")
class ImportRow:
    at: str | None = strawberry.field(description="Where it stands, e.g. `people.csv:7`; null of what others imply.")
    outcome: Outcome = strawberry.field(description="What becomes of it.")
    kind: PartyKind | None = strawberry.field(description="Of the record that it is about.")
    code: str | None = strawberry.field(description="Why it gives no record, for a program, e.g. `REQUIRED`.")
    reason: str | None = strawberry.field(description="Why it gives no record, for a person.")
    warnings: list[str] = strawberry.field(description="What there is to know of it, each a code and words.")
    values: JSON | None = strawberry.field(
        description="The record as it will be, in the words of `CreateContactInput` and its like; of a preview only."
    )
    record_id: strawberry.Private[int | None]

    @resolves("The record that it has made or changed; null before, and when it is gone.", Record | None)
    def record(self, info: Info) -> Any:
        return None if self.record_id is None else info.context.loaders.party().load(self.record_id)


def _row(stored: Mapping[str, Any], *, identity: bool = True) -> ImportRow:
    values = stored.get("values")
    if values is not None and not identity:
        values = {name: each for name, each in values.items() if name != "identityDocuments"}
    return ImportRow(
        at=stored["at"],
        outcome=Outcome(stored["outcome"]),
        kind=PartyKind(stored["kind"]) if "kind" in stored else None,
        code=stored.get("code"),
        reason=stored.get("reason"),
        warnings=stored.get("warnings", []),
        values=values,
        record_id=stored.get("id"),
    )


@strawberry.type(description="How an undo went, or would go.")
class UndoCounts:
    reversed: BigInt = strawberry.field(description="Records that are gone, or as they were before.")
    kept: BigInt = strawberry.field(description="Records that stay, since others have touched them.")
    failed: BigInt = strawberry.field(description="Records that could not be undone.")
    dry_run: bool = strawberry.field(description="Whether it was only told.")


@strawberry.type(description="A record that an undo leaves.")
class UndoLeft:
    record_id: strawberry.ID = strawberry.field(description="Its id.")
    at: str = strawberry.field(description="Where its row stands.")
    reason: str = strawberry.field(description="Why it stays, for a person.")


def _files(context: Context, files: Sequence[Mapping[str, Any]], analysis: Analysis) -> list[ImportFile]:
    sizes = {each["name"]: each["bytes"] for each in files}
    known = analysis["files"] if analysis is not None else []
    unread = [each["name"] for each in files if each["name"] not in {found["name"] for found in known}]
    told = [ImportFile(bytes=sizes.get(each["name"]), **each) for each in known]
    nothing = dict.fromkeys(("format", "kind", "encoding", "delimiter", "dates", "evidence"))
    # Of an archive its members are told.
    return told or [ImportFile(name=name, bytes=sizes[name], used=True, **nothing) for name in unread]


def _format(context: Context, analysis: Analysis) -> str | None:
    used = [each["format"] for each in analysis["files"] if each["used"]] if analysis is not None else []
    return ", ".join(dict.fromkeys(used)) or None


def _questions(context: Context, analysis: Analysis, staff_id: int) -> list[ImportQuestion]:
    if analysis is None:
        return []
    seen = may_see_rows(context.actor, staff_id)
    names = ("code", "answers", "option", "open", "file", "column")
    return [
        ImportQuestion(message=each["message"] if seen else each["code"], **{name: each[name] for name in names})
        for each in analysis["questions"]
    ]


def _columns(context: Context, analysis: Analysis, staff_id: int) -> list[ImportColumn]:
    if analysis is None:
        return []
    hidden: dict[str, Any] = {} if may_see_rows(context.actor, staff_id) else {"values": []}
    return [ImportColumn(**{**each, **hidden}) for each in analysis["columns"]]


def _planned(context: Context, analysis: Analysis) -> ImportCounts:
    return counts_of(analysis["planned"] if analysis is not None else {})


def _refused(context: Context, own_id: int, refused: Mapping[str, Any] | None, staff_id: int) -> str | None:
    if not may_see_rows(context.actor, staff_id):
        return None
    return context.core.tasks.address_of("import", own_id, refused)


def _undone(context: Context, undone: Mapping[str, Any] | None) -> UndoCounts | None:
    if undone is None:
        return None
    return UndoCounts(**{name: undone[name] for name in ("reversed", "kept", "failed", "dry_run")})


def _left(context: Context, undone: Mapping[str, Any] | None) -> list[UndoLeft]:
    return [
        UndoLeft(
            record_id=strawberry.ID(encode(PREFIXES[PartyKind(each["kind"])], each["id"])),
            at=each["at"],
            reason=each["reason"],
        )
        for each in (undone["left"] if undone is not None else ())
    ]


WithOutcome = Annotated[Outcome | None, strawberry.argument(description="Those with this outcome; all without it.")]
Size = Annotated[int, strawberry.argument(description="How many records of each kind.")]


def _preview(root: strawberry.Parent[Any], info: Info, first: Size = 10) -> Any:
    context = info.context
    size = window_of(context, models.Party, (), first).size
    if root.analysis is None or not may_see_rows(context.actor, root.staff_id):
        return []
    left = dict.fromkeys(PartyKind, size)
    found = []
    for each in root.analysis["preview"]:
        kind = PartyKind(each["kind"])
        left[kind] -= 1
        if left[kind] >= 0:
            found.append(_row(each, identity=may_see_identity(context.actor, 0)))
    return found


async def _rows(
    root: strawberry.Parent[Any],
    info: Info,
    outcome: WithOutcome = UNSET,
    first: First = UNSET,
    after: After = UNSET,
) -> Any:
    told = models.ImportTold
    query = select(told).where(told.import_id == root.id).order_by(told.outcome)
    if isinstance(outcome, Outcome):
        query = query.where(told.outcome == outcome)
    async with info.context.read() as session:
        found = [_row(row) for each in await session.scalars(query) for row in each.rows]
    return ListPage(info.context, found, f"rows of {root.id} {outcome}", first, after)


@strawberry.type(description="Files that are brought in together; `history` names the door IMPORT.")
class Import(Node):
    model: ClassVar[type] = models.Import

    id: strawberry.ID = global_id(Prefix.IMPORT)
    state: ImportState = column("How far it is.")
    format: str | None = finished(
        "analysis", by=_format, description="Of which source the files are; null until known."
    )
    files: list[ImportFile] = finished(
        "files", "analysis", by=_files, description="The files and members of archives, and what they were taken for."
    )
    by: User | None = to_one("staff_id", models.Staff, "Who has brought them.")
    options: JSON = finished(
        "options",
        by=lambda context, options: options,
        description="How the files are read, as `updateImport` changes it.",
    )
    created_at: DateTime = column("When they were brought.")
    started_at: DateTime | None = column("When it was first started; null of one of the command line.")
    finished_at: DateTime | None = column("When it ended, however it did.")
    fault: str | None = column("Why it was given up, for a person.")
    progress: ImportCounts = finished(
        "counts", by=lambda context, counts: counts_of(counts), description="What has become of rows by now."
    )
    planned: ImportCounts = finished("analysis", by=_planned, description="What would become of all rows.")
    questions: list[ImportQuestion] = finished(
        "analysis", "staff_id", by=_questions, description="What cannot be known from the files."
    )
    columns: list[ImportColumn] = finished(
        "analysis",
        "staff_id",
        by=_columns,
        description="The columns of tables. Values are shown to whoever has brought the files, and to staff who may "
        "see identity documents.",
    )
    refused_file: Url | None = finished(
        "id",
        "refused",
        "staff_id",
        by=_refused,
        description="Where the refused rows are fetched, as they stood, with line, code and reason, by whoever has the "
        "address, which is good for a quarter of an hour: mend them, and import them alone. Null where there are none, "
        "after 30 days, and for whoever sees no `values` of columns.",
    )
    undo: UndoCounts | None = finished("undone", by=_undone, description="How it was undone, or would be.")
    undo_left: list[UndoLeft] = finished(
        "undone", by=_left, description="The first hundred records that the undo leaves."
    )

    preview: list[ImportRow] = strawberry.field(
        resolver=_preview,
        description="The first records as they will be, 50 of each kind at most; empty for whoever sees no `values` of "
        "columns.",
    )
    rows: Connection[ImportRow] = strawberry.field(
        resolver=_rows,
        description="What becomes of the rows, or would before it is started: the first 1,000 of each outcome.",
    )

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Import)
