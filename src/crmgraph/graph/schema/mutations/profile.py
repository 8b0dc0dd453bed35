"""Mutations of a customer's own contact, and of photos."""

from collections.abc import Collection
from typing import Annotated, Any

import strawberry
from starlette.datastructures import UploadFile
from strawberry import UNSET

from crmgraph.crm.errors import Forbidden, Invalid, Missing, UnsupportedImage
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.optimistic import revise
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.inputs.edits import edit_of, revision_of
from crmgraph.graph.schema.inputs.records import UpdateProfileInput, dry_run, if_revision
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import ContactPayload, Input, find
from crmgraph.graph.schema.refs import AccountRef, ContactRef, LeadRef
from crmgraph.graph.schema.root_fields import Changes, mutation
from crmgraph.graph.schema.scalars import Upload
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.user_errors import login_warnings


@strawberry.input(description="Whose photo is meant: at most one of these, and one's own without any.")
class PhotoTarget:
    contact: ContactRef | None = strawberry.field(default=UNSET, description="The photo of this contact.")
    account: AccountRef | None = strawberry.field(default=UNSET, description="The photo of this account.")
    lead: LeadRef | None = strawberry.field(default=UNSET, description="The photo of this lead.")


@strawberry.input(description="A photo, and whose it is: at most one of contact, account and lead, or one's own.")
class UploadPhotoInput(PhotoTarget):
    photo: Upload = strawberry.field(description="The file: a JPEG, PNG, GIF, WebP or BMP image.")


@strawberry.input(description="Whose photo goes: at most one of contact, account and lead, or one's own.")
class RemovePhotoInput(PhotoTarget):
    if_revision: int | None = if_revision()
    dry_run: bool = dry_run()


@strawberry.type(description="How it went with a photo. The record that it is of is the one that is not null.")
class PhotoPayload(Payload):
    contact: Contact | None = strawberry.field(default=None, description="The contact whose photo it is.")
    account: Account | None = strawberry.field(default=None, description="The account whose photo it is.")
    lead: Lead | None = strawberry.field(default=None, description="The lead whose photo it is.")


async def update_profile(
    unit: UnitOfWork, context: Context, given: UpdateProfileInput, *, parts: Collection[str] = aggregates.PARTS
) -> aggregates.Aggregate:
    """Change the contact of the customer who is signed in; see `records.update`.

    Raises:
        Refused: why not; nothing was written.
    """
    actor = context.actor
    own = actor.contact_id
    if own is None:
        raise Forbidden
    edit = edit_of(given)
    wanted = aggregates.parts_of(edit).union(parts)
    contact = await aggregates.load_one_for_change(unit, actor, PartyKind.CONTACT, own, parts=wanted)
    await parties.update(unit, actor, contact, edit, if_revision=revision_of(given))
    return contact


async def _update_profile(context: Context, given: UpdateProfileInput) -> dict[str, Any]:
    if context.refused is not None:
        raise context.refused
    contact = await revise(context.core.db, lambda unit: update_profile(unit, context, given))
    context.committed(contact)
    return {"contact": contact.record, "user_errors": login_warnings(contact)}


async def _target(context: Context, given: PhotoTarget) -> tuple[PartyKind, int]:
    """The record whose photo is meant.

    Raises:
        Invalid: more than one is named.
        Missing: none is named by somebody who has no contact of their own.
        NotFound, Ambiguous: of the one that is named.
    """
    named = [kind for kind in PartyKind if getattr(given, kind.value.lower())]
    if not named:
        if context.actor.contact_id is None:
            raise Missing(("contact",))
        return PartyKind.CONTACT, context.actor.contact_id
    if len(named) > 1:
        raise Invalid((named[1].value.lower(),), "beside")
    name = named[0].value.lower()
    async with context.read() as session:
        return named[0], await find(session, context, named[0], getattr(given, name), name)


async def _upload(context: Context, given: UploadPhotoInput) -> dict[str, Any]:
    kind, number = await _target(context, given)
    file: Any = given.photo
    if not isinstance(file, UploadFile):
        raise UnsupportedImage(("photo",))
    await file.seek(0)
    data = await file.read(context.core.max_photo_bytes + 1)
    await context.core.record_photos.set(
        context.actor, kind, number, data, max_bytes=context.core.max_photo_bytes, file_name=file.filename
    )
    context.committed()
    return {kind.value.lower(): await context.record(kind, number)}


async def _remove(context: Context, given: RemovePhotoInput) -> dict[str, Any]:
    kind, number = await _target(context, given)
    await context.core.record_photos.remove(
        context.actor, kind, number, if_revision=revision_of(given), dry_run=given.dry_run
    )
    context.committed()
    return {kind.value.lower(): await context.record(kind, number)}


@strawberry.type(description="What people do to their own contact, and to photos.")
class ProfileMutations:
    @mutation("Changes one's own contact. Customers may.", changes=Changes(PartyKind.CONTACT, update_profile))
    async def update_profile(self, info: Info, input: Annotated[UpdateProfileInput, Input]) -> ContactPayload:
        return await ended(ContactPayload, _update_profile(info.context, input))

    @mutation("Gives a record a photo, in place of the one that it has.")
    async def upload_photo(self, info: Info, input: Annotated[UploadPhotoInput, Input]) -> PhotoPayload:
        return await ended(PhotoPayload, _upload(info.context, input))

    @mutation("Takes the photo of a record away. Nothing changes where there is none.")
    async def remove_photo(self, info: Info, input: Annotated[RemovePhotoInput, Input]) -> PhotoPayload:
        return await ended(PhotoPayload, _remove(info.context, input))
