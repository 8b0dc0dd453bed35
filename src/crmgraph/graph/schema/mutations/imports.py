"""Mutations of imports: each stores what is asked for, and a worker does it."""

from dataclasses import fields
from enum import StrEnum
from typing import Annotated, Any

import strawberry
from starlette.datastructures import UploadFile
from strawberry import UNSET
from strawberry.utils.str_converters import to_snake_case

from crmgraph.crm.errors import Invalid, Refused, refuse
from crmgraph.crm.policy import require_staff
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.ids import Prefix, number_of
from crmgraph.graph.schema.inputs.imports import (
    CancelImportInput,
    CreateImportInput,
    ImportAnswerInput,
    ImportColumnInput,
    StartImportInput,
    UndoImportInput,
    UpdateImportInput,
)
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import Input
from crmgraph.graph.schema.root_fields import mutation
from crmgraph.graph.schema.types.imports import Import
from crmgraph.imports.requests import Imports, Uploaded

_DATES = ("dmy", "mdy", "ymd")
_ANSWERED = frozenset({"encoding", "no_header", "dates", "decimal", "timezone"})
"""The options by which questions are answered."""


@strawberry.type(description="How it went with an import.")
class ImportPayload(Payload):
    import_: Import | None = strawberry.field(
        name="import", default=None, description="The import; null when it was refused."
    )


def _imports(context: Context) -> Imports:
    return Imports(context.core.db, context.core.jobs, context.core.tasks.files)


def _number(given: str) -> int:
    return number_of(Prefix.IMPORT, given) or 0


def _options(given: Any, faults: list[Refused]) -> dict[str, Any]:
    """Options as they are stored; what is null is found out.

    Args:
        faults: is told what is wrong with them.
    """
    from crmgraph.imports import stated

    if not given:
        return {}
    values = {each.name: getattr(given, each.name) for each in fields(given)}
    values = {name: value for name, value in values.items() if value is not UNSET}
    found: dict[str, Any] = {
        name: value.value if isinstance(value, StrEnum) else value for name, value in values.items()
    }
    if values.get("columns") is not None:
        found["columns"] = {each.column: each.target for each in values["columns"]}
    if values.get("users") is not None:
        found["users"] = {each.name: each.email for each in values["users"]}
    if values.get("match") is not None:
        found["match"] = ",".join(each.value for each in values["match"])
    plain = {name: value for name, value in found.items() if value is not None}
    wrong = stated.faults_of(plain)
    for fault in wrong:
        fault.path = ("options", *fault.path)
    faults += wrong
    return stated.with_defaults(found)


def _answers(given: list[ImportAnswerInput] | None, faults: list[Refused]) -> dict[str, Any]:
    """Answers as options.

    Args:
        faults: is told of what answers nothing that is asked.
    """
    from crmgraph.imports import stated

    found: dict[str, Any] = {}
    for n, each in enumerate(given or ()):
        name = to_snake_case(each.option)
        if name not in _ANSWERED:
            faults.append(Invalid(("answers", n, "option"), "unknown"))
            continue
        value: Any = each.answer.lower() in ("true", "yes") if name == "no_header" else each.answer
        wrong = stated.faults_of({name: value})
        if name == "dates" and value not in _DATES:
            wrong = [Invalid((), "choice", choices=_DATES)]
        for fault in wrong:
            fault.path = ("answers", n, "answer")
        faults += wrong
        found[name] = value
    return found


def _columns(given: list[ImportColumnInput] | None, faults: list[Refused]) -> dict[str, Any]:
    from crmgraph.imports import stated

    if not given:
        return {}
    columns = {each.column: each.target for each in given}
    faults += stated.faults_of({"columns": columns})
    return {"columns": columns}


async def _create(context: Context, given: CreateImportInput) -> dict[str, Any]:
    require_staff(context.actor)
    faults: list[Refused] = []
    options = _options(given.options, faults)
    files: list[Any] = list(given.files)
    faults += [Invalid(("files", n), "type") for n, each in enumerate(files) if not isinstance(each, UploadFile)]
    refuse(faults)
    uploads = [Uploaded(each.filename or "", each.file) for each in files]
    return {"import_": await _imports(context).create(context.actor, uploads, options)}


async def _update(context: Context, given: UpdateImportInput) -> dict[str, Any]:
    require_staff(context.actor)
    faults: list[Refused] = []
    options = {
        **_options(given.options, faults),
        **_answers(given.answers or None, faults),
        **_columns(given.columns or None, faults),
    }
    refuse(faults)
    return {"import_": await _imports(context).update(context.actor, _number(given.import_), options)}


async def _start(context: Context, given: StartImportInput) -> dict[str, Any]:
    accepted = given.accept_refused if isinstance(given.accept_refused, int) else None
    return {"import_": await _imports(context).start(context.actor, _number(given.import_), accepted)}


async def _cancel(context: Context, given: CancelImportInput) -> dict[str, Any]:
    return {"import_": await _imports(context).cancel(context.actor, _number(given.import_))}


async def _undo(context: Context, given: UndoImportInput) -> dict[str, Any]:
    number = _number(given.import_)
    return {"import_": await _imports(context).undo(context.actor, number, dry_run=given.dry_run)}


@strawberry.type(description="Moving in.")
class ImportMutations:
    @mutation(
        "Takes files in, and begins to read them: what they are, what is asked, what would come of each "
        "row. No record is written. Staff may."
    )
    async def create_import(self, info: Info, input: Annotated[CreateImportInput, Input]) -> ImportPayload:
        return await ended(ImportPayload, _create(info.context, input))

    @mutation(
        "Begins to read the files of an import anew, with other options or answers. Whoever has brought "
        "them may, and administrators."
    )
    async def update_import(self, info: Info, input: Annotated[UpdateImportInput, Input]) -> ImportPayload:
        return await ended(ImportPayload, _update(info.context, input))

    @mutation(
        "Begins to write the records of an import that is READY, or goes on with one that has failed or "
        "was cancelled. Whoever has brought the files may, and administrators."
    )
    async def start_import(self, info: Info, input: Annotated[StartImportInput, Input]) -> ImportPayload:
        return await ended(ImportPayload, _start(info.context, input))

    @mutation(
        "Ends an import after the batch that is being written. What is in stays, and can be undone. "
        "Whoever has brought the files may, and administrators."
    )
    async def cancel_import(self, info: Info, input: Annotated[CancelImportInput, Input]) -> ImportPayload:
        return await ended(ImportPayload, _cancel(info.context, input))

    @mutation(
        "Begins to take an import back: what it made goes, what it changed is as it was before, what "
        "others have touched since stays. Whoever has brought the files may, and administrators."
    )
    async def undo_import(self, info: Info, input: Annotated[UndoImportInput, Input]) -> ImportPayload:
        return await ended(ImportPayload, _undo(info.context, input))
