"""Duplicates: records that may be the same as another one, and why."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.models import PartyKind
from crmgraph.crm.query.conditions import And, Compare, Op
from crmgraph.crm.records.duplicates.likeness import Reason
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.connections import list_page, window_of
from crmgraph.graph.schema.enums import DuplicateReason
from crmgraph.graph.schema.fields import finished, to_party
from crmgraph.graph.schema.filters import DUPLICATES

if TYPE_CHECKING:
    from crmgraph.graph.schema.types.record import Record

_Record = Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")]
Of = Annotated[PartyKind, strawberry.argument(description="Of which kind the records are.")]


def _reasons(context: Context, bits: int) -> list[Enum]:
    return [DuplicateReason[reason.name] for reason in Reason if bits & reason and reason.name]


@strawberry.type(description="A record that may be the same as another one.")
class Duplicate:
    model: ClassVar[type] = models.Duplicate

    of: _Record | None = to_party(
        "party_id", "The record that it may be the same as; in a list of pairs the older one."
    )
    record: _Record | None = to_party("other_id", "The record; null when it has just been deleted.")
    likeness: float = finished(
        "score",
        by=lambda _, score: score / 1000,
        sql=lambda row: [row.score],
        facts=lambda row: [row.score],
        description="How much they are alike, from 0 to 1.",
    )
    reasons: list[DuplicateReason] = finished(
        "reasons",
        by=_reasons,
        sql=lambda row: [row.reasons],
        facts=lambda row: [row.reasons],
        description="By what they are alike.",
    )

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Duplicate)


async def find(context: Context, of: PartyKind, bounds: tuple[Any, Any, Any, Any]) -> Any:
    """A page of the pairs of a kind, the most alike first; None for anybody but staff.

    Args:
        bounds: first, after, last and before.
    """
    if not context.actor.is_staff:
        return None
    model = models.Duplicate
    mine = And((Compare(model.kind, Op.EQUALS, of), Compare(model.first, Op.EQUALS, True)))
    first, after, last, before = (None if each is UNSET else each for each in bounds)
    window = window_of(context, model, DUPLICATES.natural, first, after, last, before, mine)
    return await list_page(context, model, mine, window)
