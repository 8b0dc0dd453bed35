"""Mutations of notes."""

from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.errors import NotFound, Refused, refuse
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records import aggregates, notes
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.checks import require_revision
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.ids import Prefix, encode, number_of
from crmgraph.graph.schema.inputs.edits import edit_of, revision_of
from crmgraph.graph.schema.inputs.notes import CreateNoteInput, DeleteNoteInput, UpdateNoteInput
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import DeletePayload, Input, sought
from crmgraph.graph.schema.root_fields import mutation
from crmgraph.graph.schema.types.audit import Note


@strawberry.type(description="How it went with a note.")
class NotePayload(Payload):
    note: Note | None = strawberry.field(default=None, description="The note; null when it was refused.")


async def _locked(session: AsyncSession, context: Context, note_id: str) -> tuple[models.Note, Aggregate]:
    """The note of a global id with its record, for writing.

    Raises:
        NotFound: of the field `note`.
    """
    try:
        return await notes.lock(session, context.actor, number_of(Prefix.NOTE, note_id) or 0)
    except NotFound as refused:
        refused.path = ("note",)
        raise


async def _create(context: Context, given: CreateNoteInput) -> dict[str, Any]:
    kind = next(kind for kind in PartyKind if getattr(given.on, kind.value.lower()) is not UNSET)

    async def work(session: AsyncSession) -> models.Note:
        values = {**edit_of(given).values, "content": given.content}
        faults: list[Refused] = []
        named = getattr(given.on, kind.value.lower())
        found = await sought(session, context, kind, named, "on", faults) or 0
        if faults:
            faults[0].path = ("on", *((kind.value.lower(), *faults[0].path[1:]) if faults[0].path[1:] else ()))
            # What else is wrong is told along, to those who may write notes at all.
            refuse(faults + (await notes.faults_of(session, values, creating=True) if context.actor.is_staff else []))
        record = (await aggregates.load(session, context.actor, kind, [found], lock=True, parts=())).get(found)
        if record is None:
            raise NotFound(("on",))
        return await notes.add(session, context.actor, record, values)

    note = await context.core.db.transact(work)
    context.committed()
    return {"note": note}


async def _update(context: Context, given: UpdateNoteInput) -> dict[str, Any]:
    async def work(session: AsyncSession) -> models.Note:
        values = edit_of(given).values
        try:
            note, record = await _locked(session, context, given.note)
        except NotFound as refused:
            # What else is wrong is told along, which staff alone come to.
            refuse([refused, *await notes.faults_of(session, values, creating=False)])
            raise
        await notes.change(session, context.actor, note, record, values)
        return note

    note = await context.core.db.transact(work)
    context.committed()
    return {"note": note}


async def _delete(context: Context, given: DeleteNoteInput) -> dict[str, Any]:
    async def work(session: AsyncSession) -> models.Note:
        note, record = await _locked(session, context, given.note)
        require_revision(record.record, revision_of(given))
        if not given.dry_run:
            await notes.remove(session, context.actor, note, record)
        return note

    note = await context.core.db.transact(work)
    context.committed()
    return {"deleted_id": encode(Prefix.NOTE, note.id)}


@strawberry.type(description="What can be done to notes.")
class NoteMutations:
    @mutation("Writes a note on a record. Staff may.")
    async def create_note(self, info: Info, input: Annotated[CreateNoteInput, Input]) -> NotePayload:
        return await ended(NotePayload, _create(info.context, input))

    @mutation("Changes a note. Staff may.")
    async def update_note(self, info: Info, input: Annotated[UpdateNoteInput, Input]) -> NotePayload:
        return await ended(NotePayload, _update(info.context, input))

    @mutation("Deletes a note. Staff may.")
    async def delete_note(self, info: Info, input: Annotated[DeleteNoteInput, Input]) -> DeletePayload:
        return await ended(DeletePayload, _delete(info.context, input))
