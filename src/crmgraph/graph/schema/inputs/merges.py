"""Inputs by which records are merged and taken apart again."""

import strawberry
from strawberry import UNSET

from crmgraph.graph.schema.inputs.edits import required
from crmgraph.graph.schema.refs import AccountRef, ContactRef, LeadRef

_INTO = "Who stays."
_FROM = "Who goes, 10 at most; their ids go on leading to `into`."
_FIELD = "Which field, as a history calls it, e.g. `jobTitle` or `birthDate`; or `photo`."
_TAKEN_FROM = "Whose value it is to be: of one of those who go."
_TAKE = "Fields whose value is taken from one of `from`; else `into` wins, and blanks are filled."
_DRY_RUN = "Whether to find every fault, tell what would change, and change nothing."
_IF_REVISIONS = "The revisions that were read, of any of the records: another one by now is refused."


@strawberry.input(description="The revision that was read of a record.")
class RevisionOf:
    id: strawberry.ID = required("The id of the record.")
    revision: int = required("Its revision.")


@strawberry.input(description="A field that a merge takes from somebody who goes.")
class MergeContactTake:
    field: str = required(
        "Which field, as a history calls it, e.g. `jobTitle` or `birthDate`; or `photo`; or `login`, which is wanted "
        "where two of the contacts have one: the others end."
    )
    from_: ContactRef = strawberry.field(
        name="from", description="Whose value it is to be: of one of those who go; of a login also of `into`."
    )


@strawberry.input(description="A field that a merge takes from an account that goes.")
class MergeAccountTake:
    field: str = required(_FIELD)
    from_: AccountRef = strawberry.field(name="from", description=_TAKEN_FROM)


@strawberry.input(description="A field that a merge takes from a lead that goes.")
class MergeLeadTake:
    field: str = required(_FIELD)
    from_: LeadRef = strawberry.field(name="from", description=_TAKEN_FROM)


@strawberry.input(description="Which contacts are one person.")
class MergeContactsInput:
    into: ContactRef = required(_INTO)
    from_: list[ContactRef] = strawberry.field(name="from", description=_FROM)
    take: list[MergeContactTake] | None = strawberry.field(default=UNSET, description=_TAKE)
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)
    if_revisions: list[RevisionOf] | None = strawberry.field(default=UNSET, description=_IF_REVISIONS)


@strawberry.input(description="Which accounts are one.")
class MergeAccountsInput:
    into: AccountRef = required(_INTO)
    from_: list[AccountRef] = strawberry.field(name="from", description=_FROM)
    take: list[MergeAccountTake] | None = strawberry.field(default=UNSET, description=_TAKE)
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)
    if_revisions: list[RevisionOf] | None = strawberry.field(default=UNSET, description=_IF_REVISIONS)


@strawberry.input(description="Which leads are one.")
class MergeLeadsInput:
    into: LeadRef = required(_INTO)
    from_: list[LeadRef] = strawberry.field(name="from", description=_FROM)
    take: list[MergeLeadTake] | None = strawberry.field(default=UNSET, description=_TAKE)
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)
    if_revisions: list[RevisionOf] | None = strawberry.field(default=UNSET, description=_IF_REVISIONS)


@strawberry.input(description="Which merge is undone. That can be done for 30 days.")
class UnmergeInput:
    merged: strawberry.ID = required("The id of the contact, account or lead that was merged into another.")
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)
    if_revision: int | None = strawberry.field(
        default=UNSET, description="The revision that was read of the one it was merged into: another one is refused."
    )
