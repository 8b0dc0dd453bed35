"""Jobs: what goes on after its answer."""

from collections.abc import Mapping
from typing import Any, ClassVar

import strawberry
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.models import JobState
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.connections import After, Connection, First
from crmgraph.graph.schema.enums import ErrorCode
from crmgraph.graph.schema.fields import column, finished, global_id
from crmgraph.graph.schema.ids import Prefix
from crmgraph.graph.schema.listed import ListPage
from crmgraph.graph.schema.scalars import BigInt, DateTime, Url
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.user_errors import InputError, UserError


@strawberry.type(description="What could not be done of a job.")
class JobFault:
    row: BigInt | None = strawberry.field(
        description="Which of the rows, counted from 0; null where it is about the whole."
    )
    user_errors: list[UserError] = strawberry.field(description="Why.")


def _fault(stored: Mapping[str, Any]) -> JobFault:
    error = InputError(message=stored["message"], path=["input"], code=ErrorCode(stored["code"]))
    return JobFault(row=stored["row"], user_errors=[error])


def _faults(root: strawberry.Parent[Any], info: Info, first: First = UNSET, after: After = UNSET) -> Any:
    found = [_fault(each) for each in root.faults]
    return ListPage(info.context, found, f"faults of {root.id}", first, after)


def _address(context: Context, task_id: int, result: Mapping[str, Any] | None) -> str | None:
    return context.core.tasks.address_of("task", task_id, result)


@strawberry.type(description="Work that goes on after its answer. Nobody but whoever has asked for it is told of it.")
class Job(Node):
    model: ClassVar[type] = models.Task

    id: strawberry.ID = global_id(Prefix.JOB)
    state: JobState = column("How far it is.")
    created_at: DateTime = column("When it was asked for.")
    finished_at: DateTime | None = column("When it ended, however it did.")
    done: BigInt = column("How many records are dealt with.")
    total: BigInt | None = column("How many there are; null until they are counted.")
    result_url: Url | None = finished(
        "id",
        "result",
        by=_address,
        description="Where the file that it has made is fetched, by whoever has the address, which is good for a "
        "quarter of an hour: ask again for another one. The file is kept for a day.",
    )

    faults: Connection[JobFault] = strawberry.field(
        resolver=_faults, description="What could not be done of it, 1,000 faults at most."
    )

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Task)
