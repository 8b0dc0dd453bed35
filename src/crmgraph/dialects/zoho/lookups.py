"""What rows name in their lookups: by an id, or by the name of the only one that is called so (a user by the email)."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Note, Staff
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.names import find_each_named
from crmgraph.crm.query.references import REFERENCES
from crmgraph.crm.records import external_ids
from crmgraph.dialects.zoho.fields import DIALECT
from crmgraph.mapping import FieldMap, Named, Resolved, references

_TARGETS: dict[type, dict[str, type]] = {**REFERENCES, Note: {"owner_id": Staff}}
"""{model: {column: what it names}}."""


def wanted(fields: FieldMap, rows: Iterable[Any]) -> set[tuple[str, str | Named]]:
    """Everything that rows name.

    Args:
        rows: as they came; what is no object names nothing.
    """
    return {each for row in rows if isinstance(row, dict) for each in references(fields, row)}


async def resolve(
    session: AsyncSession, actor: Actor, fields: FieldMap, wanted: Iterable[tuple[str, str | Named]]
) -> Resolved:
    """Our ids of what rows name: by ids in one statement, by names in one for each kind of record."""
    ids = {(space, given) for space, given in wanted if isinstance(given, str)}
    named = {(column, given) for column, given in wanted if isinstance(given, Named)}
    found: dict[tuple[str, Any], int] = {**await external_ids.resolve(session, DIALECT, ids)}
    targets = _TARGETS[fields.model]
    for target in {targets[column] for column, _ in named}:
        of_target = {(column, each) for column, each in named if targets[column] is target}
        called = await find_each_named(session, actor, target, {(each.name, each.email) for _, each in of_target})
        for column, each in of_target:
            if (own := called.get((each.name, each.email))) is not None:
                found[column, each] = own
    return found
