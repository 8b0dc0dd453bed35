"""Mutations that begin what goes on after their answer, and end it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.errors import Conflicting, Forbidden, Invalid, NotFound, Refused, refuse
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS, may_see_identity, require_staff
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.connections import checked
from crmgraph.graph.schema.criteria import criterion
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.given import as_given
from crmgraph.graph.schema.ids import Prefix, number_of
from crmgraph.graph.schema.inputs.jobs import CancelJobInput, ExportInput
from crmgraph.graph.schema.moving import ExportFormat
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import Input
from crmgraph.graph.schema.root_fields import mutation
from crmgraph.graph.schema.types.jobs import Job

_FILTERS = {PartyKind.CONTACT: "contacts", PartyKind.ACCOUNT: "accounts", PartyKind.LEAD: "leads"}


@strawberry.type(description="How it went with a job.")
class JobPayload(Payload):
    job: Job | None = strawberry.field(default=None, description="The job; null when it was refused.")


async def _export(context: Context, given: ExportInput) -> dict[str, Any]:
    actor = context.actor
    require_staff(actor)
    dialect = given.as_.value if given.as_ else None
    form = given.format or (ExportFormat.JSONL if dialect is None else ExportFormat.CSV)
    faults: list[Refused] = []
    if given.identity_documents and not may_see_identity(actor, 0):
        faults.append(Forbidden(("identity_documents",)))
    if dialect is not None and form not in (ExportFormat.CSV, ExportFormat.XLSX):
        faults.append(Conflicting(("format",)))
    if given.excel and form is not ExportFormat.CSV:
        faults.append(Conflicting(("excel",)))
    telling = [name for name, api in context.legacy_apis.items() if given.kind in api.tables()]
    if dialect is not None and dialect not in telling:
        faults.append(Invalid(("as",), "choice", choices=[LegacyDialect(name).name for name in telling]))
    faults += _faults_of_filters(given)
    refuse(faults)
    stored = {
        "kind": given.kind.value,
        "filter": _filter(given),
        "form": form.value,
        "dialect": dialect,
        "excel": given.excel,
        "identity": given.identity_documents,
    }
    return {"job": await context.core.tasks.begin(actor, "export", stored)}


def _faults_of_filters(given: ExportInput) -> Iterator[Refused]:
    """That a filter is of another kind of record, or asks for deleted ones, which no export has."""
    for kind, name in _FILTERS.items():
        filter_ = getattr(given, name)
        if filter_ and kind is not given.kind:
            yield Conflicting((name,))
        elif filter_ and filter_.deleted not in (UNSET, False):
            yield Conflicting((name, "deleted"))


def _filter(given: ExportInput) -> Any:
    """The filter, which asks for something that can be asked for.

    Raises:
        BadInput: see `criterion` and `checked`.
    """
    name = _FILTERS[given.kind]
    filter_ = getattr(given, name)
    if not filter_:
        return None
    filter_ = replace(filter_, deleted=UNSET)
    checked(criterion(MODELS[given.kind], filter_, f"input.{name}"), f"input.{name}")
    return as_given(filter_)


async def _cancel(context: Context, given: CancelJobInput) -> dict[str, Any]:
    require_staff(context.actor)
    try:
        return {"job": await context.core.tasks.cancel(context.actor, number_of(Prefix.JOB, given.job) or 0)}
    except NotFound as refused:
        refused.path = ("job",)
        raise


@strawberry.type(description="What goes on after its answer.")
class JobMutations:
    @mutation("Begins to write records to a file, which `Job.resultUrl` leads to once it is done. Staff may.")
    async def export_records(self, info: Info, input: Annotated[ExportInput, Input]) -> JobPayload:
        return await ended(JobPayload, _export(info.context, input))

    @mutation("Cancels a job of one's own. One that has ended stays as it is. Staff may.")
    async def cancel_job(self, info: Info, input: Annotated[CancelJobInput, Input]) -> JobPayload:
        return await ended(JobPayload, _cancel(info.context, input))
