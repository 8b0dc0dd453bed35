"""Nodes: what global ids name, and who may fetch it by them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, true

from crmgraph.crm import models, tasks
from crmgraph.crm.errors import TooLarge
from crmgraph.crm.policy import KINDS, Actor
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.ids import Prefix, decode

MAX_NODES = 100
"""The most ids that `nodes` takes."""


@dataclass(frozen=True, slots=True)
class NodeKind:
    """What the ids of one prefix name: rows of `model`.

    Attributes:
        staff_only: nobody else is told of them.
        outlives: whether they are there also where the record to which they belong was deleted.
        key: the column of the number in the id.
        goes: whether nobody finds it any more where the record to which it belongs was deleted.
        seen: the condition under which a row that belongs to no record exists for an actor.
    """

    model: Any
    staff_only: bool = False
    outlives: bool = False
    key: str = "id"
    goes: bool = False
    seen: Callable[[Actor], ColumnElement[bool]] | None = None


NODES = {
    Prefix.CONTACT: NodeKind(models.Contact),
    Prefix.ACCOUNT: NodeKind(models.Account),
    Prefix.LEAD: NodeKind(models.Lead),
    Prefix.PHONE: NodeKind(models.Phone),
    Prefix.EMAIL: NodeKind(models.Email),
    Prefix.ADDRESS: NodeKind(models.Address),
    Prefix.RELATION: NodeKind(models.Relation),
    Prefix.NOTE: NodeKind(models.Note, staff_only=True),
    Prefix.CHANGE: NodeKind(models.Change, staff_only=True, outlives=True),
    Prefix.USER: NodeKind(models.Staff, staff_only=True),
    Prefix.IMPORT: NodeKind(models.Import, staff_only=True, seen=lambda actor: true()),
    Prefix.PHOTO: NodeKind(models.Photo, key="party_id", goes=True),
    Prefix.JOB: NodeKind(models.Task, staff_only=True, seen=tasks.own),
}
"""Everything that can be fetched by its global id."""


def named_by(text: str) -> tuple[Prefix, int] | None:
    """The prefix and the number of an id of something that can be fetched; None of any other text."""
    found = decode(text)
    return found if found is not None and found[0] in NODES else None


def require_few(ids: Sequence[str]) -> None:
    """Let a list of ids pass that is not too long.

    Raises:
        BadInput: it is.
    """
    if len(ids) > MAX_NODES:
        raise BadInput(TooLarge((), MAX_NODES, "items"), "ids")


async def node_of(context: Context, text: str, *, deleted: bool = False) -> Any:
    """Whatever has this global id; None when nothing has, or the actor may not know of it.

    Args:
        deleted: see `policy.visible`.
    """
    found = named_by(text)
    if found is None:
        return None
    prefix, number = found
    kind, loaders = NODES[prefix], context.loaders
    if kind.staff_only and not context.actor.is_staff:
        return None
    if kind.model is models.Staff:
        return await loaders.staff().load(number)
    if kind.seen is not None:
        return await loaders.seen_row(kind.model, kind.seen).load(number)
    deleted = (deleted or kind.outlives) and not kind.goes
    if kind.model in KINDS:
        return await loaders.named(kind.model, deleted=deleted).load(number)
    return await loaders.row(kind.model, deleted=deleted, key=kind.key).load(number)
