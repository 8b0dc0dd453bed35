"""Inputs for notes."""

import strawberry
from strawberry import UNSET

from crmgraph.graph.schema.inputs.edits import described_like
from crmgraph.graph.schema.inputs.records import dry_run
from crmgraph.graph.schema.refs import AccountRef, ContactRef, LeadRef
from crmgraph.graph.schema.types.audit import Note


@strawberry.input(one_of=True, description="Names one record of any kind, by exactly one of these.")
class RecordRef:
    contact: ContactRef | None = strawberry.field(default=UNSET, description="A contact.")
    account: AccountRef | None = strawberry.field(default=UNSET, description="An account.")
    lead: LeadRef | None = strawberry.field(default=UNSET, description="A lead.")


@described_like(Note, "What a note may have besides its text.")
class NoteValues:
    title: str | None
    owner: strawberry.ID | None


@strawberry.input(description="A new note.")
class CreateNoteInput(NoteValues):
    on: RecordRef = strawberry.field(description="The record that it is written on.")
    content: str = strawberry.field(description="Its text.")


@described_like(Note, "A change of a note. What is absent stays, null clears.")
class UpdateNoteInput(NoteValues):
    note: strawberry.ID = strawberry.field(description="Which note.")
    content: str | None


@strawberry.input(description="Which note to delete.")
class DeleteNoteInput:
    note: strawberry.ID = strawberry.field(description="Which note.")
    if_revision: int | None = strawberry.field(
        default=UNSET, description="The revision that was read of the record that it is on: another one is refused."
    )
    dry_run: bool = dry_run()
