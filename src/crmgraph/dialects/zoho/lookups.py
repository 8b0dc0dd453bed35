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
from crmgraph.mapping import FieldMap, Named, Resolved, links, names

_TARGETS: dict[type, dict[str, type]] = {**REFERENCES, Note: {"owner_id": Staff}}
"""{model: {column: what it names}}."""


async def resolve(session: AsyncSession, actor: Actor, fields: FieldMap, rows: Iterable[Any]) -> Resolved:
    """Our ids of everything that the rows name: by ids in one statement, by names in one for each kind of record.

    Args:
        rows: as they came; what is no object names nothing.
    """
    wanted: set[tuple[str, str]] = set()
    named: set[tuple[str, Named]] = set()
    for row in rows:
        if isinstance(row, dict):
            wanted |= links(fields, row)
            named |= names(fields, row)
    found: dict[tuple[str, Any], int] = {**await external_ids.resolve(session, DIALECT, wanted)}
    targets = _TARGETS[fields.model]
    for target in {targets[column] for column, _ in named}:
        of_target = {(column, each) for column, each in named if targets[column] is target}
        called = await find_each_named(session, actor, target, {(each.name, each.email) for _, each in of_target})
        for column, each in of_target:
            if (own := called.get((each.name, each.email))) is not None:
                found[column, each] = own
    return found
