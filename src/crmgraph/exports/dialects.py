"""Records as tables under the names that a legacy API has for them, as that API prints them."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from crmgraph.crm.policy import KINDS, Actor
from crmgraph.crm.query.conditions import Where
from crmgraph.crm.records.dumps import PAGE, dump_pages, widths
from crmgraph.crm.records.external_ids import encoding_context
from crmgraph.db.database import Database
from crmgraph.exports import tables
from crmgraph.mapping import FieldMap, Link, Slot


async def rows(
    db: Database,
    actor: Actor,
    fields: FieldMap,
    where: Where | None = None,
    *,
    size: int = PAGE,
    told: Callable[[int], None] | None = None,
) -> AsyncIterator[list[str]]:
    """The records of the kind of a field map as rows of a table, the header first.

    A look-up has two columns, of what it is called and of its id. What the dialect prints as lists of rows has the
    numbered columns that other tables have.

    Args:
        where: what the records have to fulfil.
        size: how many records are read at once.
        told: is called with 1 for each record.
    """
    kind = KINDS[fields.model]
    printed = [each for each in fields.fields if each.printed]
    names = list(dict.fromkeys(name for each in printed for name in _columns(each)))
    numbered: list[str] = []
    if not any(isinstance(each.at, Slot) for each in printed):
        async with db.read() as session:
            numbered = tables.numbered(await widths(session, kind))
    layout = fields.layout()
    yield [*names, *numbered]
    async for page in dump_pages(db, actor, kind, where, size=size):
        aggregates = [each.aggregate for each in page]
        async with db.read() as session:
            around = await encoding_context(session, actor, fields.dialect, aggregates, rows=True, logins=True)
        for each in page:
            flat = dict(_flat("", layout.encode(each.aggregate, around)))
            texts = [flat.get(name, "") for name in names]
            if numbered:
                texts += tables.cells(each, numbered, identity=actor.sees_identity)
            if told is not None:
                told(1)
            yield texts


def _columns(field: Any) -> list[str]:
    return [field.name, f"{field.name}.id"] if isinstance(field.at, Link) else [field.name]


def _flat(prefix: str, values: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if (called := value.get("name") or value.get("reference")) is not None:
                found.append((name, str(called)))
            found += _flat(f"{name}.", value)
        elif value is not None:
            found.append((name, _text(value)))
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list) else str(value)
