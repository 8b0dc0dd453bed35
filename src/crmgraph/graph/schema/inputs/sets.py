"""Inputs for writing in sets: upserts, and many items in one call."""

from typing import Any

import strawberry
from strawberry import UNSET

from crmgraph.graph.schema.enums import BulkPolicy
from crmgraph.graph.schema.inputs.edits import required
from crmgraph.graph.schema.inputs.records import (
    CreateAccountInput,
    CreateContactInput,
    CreateLeadInput,
    DeleteAccountInput,
    DeleteContactInput,
    DeleteLeadInput,
    UpdateAccountInput,
    UpdateContactInput,
    UpdateLeadInput,
)
from crmgraph.graph.schema.refs import AccountRef, ContactRef, LeadRef

MAX_ITEMS = 1_000
"""The most items of one call."""

_BY = "What names it. Exactly one record has to answer, or none: then it is made, and called so, but for an `id`."
_VALUES = (
    "What it is to have. Of one that is there, values that are absent stay and null clears; phones, emails and "
    "addresses that it has already are changed where they are told otherwise, and none goes."
)
_REVISION = "The revision that was read: another one by now is refused, and so is a record that is not there."


def _if_revision() -> Any:
    return strawberry.field(default=UNSET, description=_REVISION)


@strawberry.input(description="A contact that is to be there.")
class UpsertContactInput:
    by: ContactRef = required(_BY)
    values: CreateContactInput = required(_VALUES)
    if_revision: int | None = _if_revision()


@strawberry.input(description="An account that is to be there.")
class UpsertAccountInput:
    by: AccountRef = required(_BY)
    values: CreateAccountInput = required(_VALUES)
    if_revision: int | None = _if_revision()


@strawberry.input(description="A lead that is to be there.")
class UpsertLeadInput:
    by: LeadRef = required(_BY)
    values: CreateLeadInput = required(_VALUES)
    if_revision: int | None = _if_revision()


_CREATE, _UPDATE = "A new record.", "A change of a record."
_UPSERT, _DELETE = "A record that is to be there.", "Which record goes."


def _one(description: str) -> Any:
    return strawberry.field(default=UNSET, description=description)


@strawberry.input(one_of=True, description="One item of a bulk write of contacts: exactly one of these.")
class BulkContactItem:
    create: CreateContactInput | None = _one(_CREATE)
    update: UpdateContactInput | None = _one(_UPDATE)
    upsert: UpsertContactInput | None = _one(_UPSERT)
    delete: DeleteContactInput | None = _one(_DELETE)


@strawberry.input(one_of=True, description="One item of a bulk write of accounts: exactly one of these.")
class BulkAccountItem:
    create: CreateAccountInput | None = _one(_CREATE)
    update: UpdateAccountInput | None = _one(_UPDATE)
    upsert: UpsertAccountInput | None = _one(_UPSERT)
    delete: DeleteAccountInput | None = _one(_DELETE)


@strawberry.input(one_of=True, description="One item of a bulk write of leads: exactly one of these.")
class BulkLeadItem:
    create: CreateLeadInput | None = _one(_CREATE)
    update: UpdateLeadInput | None = _one(_UPDATE)
    upsert: UpsertLeadInput | None = _one(_UPSERT)
    delete: DeleteLeadInput | None = _one(_DELETE)


_ITEMS = "What is to be done, in this order, 1,000 items at most. Each finds the records as those before it left them."
_DRY_RUN = "Whether to find every fault, and what would become of each item, and to change nothing."


@strawberry.input(description="How items are written together.")
class BulkInput:
    policy: BulkPolicy = strawberry.field(
        default=BulkPolicy.ALL, description="What becomes of the other items where some are refused."
    )
    dry_run: bool = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.input(description="Contacts that are written together.")
class BulkContactsInput(BulkInput):
    items: list[BulkContactItem] = required(_ITEMS)


@strawberry.input(description="Accounts that are written together.")
class BulkAccountsInput(BulkInput):
    items: list[BulkAccountItem] = required(_ITEMS)


@strawberry.input(description="Leads that are written together.")
class BulkLeadsInput(BulkInput):
    items: list[BulkLeadItem] = required(_ITEMS)
