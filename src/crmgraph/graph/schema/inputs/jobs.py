"""Inputs of what goes on after its answer."""

import strawberry
from strawberry import UNSET

from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.filters import AccountFilter, ContactFilter, LeadFilter
from crmgraph.graph.schema.moving import ExportFormat


@strawberry.input(description="Which records are to be written to a file, and how.")
class ExportInput:
    kind: PartyKind = strawberry.field(description="Of which kind they are.")
    contacts: ContactFilter | None = strawberry.field(default=UNSET, description="Which contacts; all without it.")
    accounts: AccountFilter | None = strawberry.field(default=UNSET, description="Which accounts; all without it.")
    leads: LeadFilter | None = strawberry.field(default=UNSET, description="Which leads; all without it.")
    format: ExportFormat | None = strawberry.field(
        default=UNSET, description="In which form; JSONL without it, CSV where `as` is given."
    )
    as_: LegacyDialect | None = strawberry.field(
        default=UNSET,
        name="as",
        description="A table with the names and values of one of the REST APIs that are spoken beside this one.",
    )
    excel: bool = strawberry.field(
        default=False, description="Whether a `'` stands in a CSV before what a spreadsheet would take for a formula."
    )
    identity_documents: bool = strawberry.field(
        default=False, description="Whether identity documents are among the values, for those who may see them."
    )


@strawberry.input(description="Which job to cancel.")
class CancelJobInput:
    job: strawberry.ID = strawberry.field(description="Which job.")
