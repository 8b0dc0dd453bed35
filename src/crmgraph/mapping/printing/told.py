"""Records that are printed by the statement that reads them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import case

from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor, with_parameters
from crmgraph.crm.query.authorization import Standing
from crmgraph.crm.query.json_text import joined
from crmgraph.crm.records.aggregates import PARTS
from crmgraph.crm.records.told import load_told, row_told
from crmgraph.db.database import Database
from crmgraph.mapping.printing.layouts import Printed
from crmgraph.mapping.printing.words import Printing


async def print_told(
    db: Database,
    actor: Actor,
    printed: Printed,
    kind: PartyKind,
    party_id: int | None,
    *,
    external: tuple[str, Sequence[str]] | None = None,
    standing: Standing | None = None,
) -> tuple[dt.datetime, bytes] | None:
    """When a live record that the actor may see was last changed, and its object; None where there is none.

    One statement, and another for a record with rows that only Python prints.

    Args:
        party_id, external, standing: see `told.load_told`.
    """
    dialect = printed.layout.dialect

    def columns(row: Any) -> list[Any]:
        write = Printing(sqlite=db.is_sqlite, dialect=dialect, actor=with_parameters(actor))
        text = write.encoded(joined(printed.text(write, row)))
        own = text if printed.unprinted is None else case((~printed.unprinted(row.c), text))
        return [row.c.updated_at, own, printed.extra_fields(write, row.c)]

    found = await row_told(db, actor, dialect, kind, party_id, printed, columns, external=external, standing=standing)
    if found is None or found[1] is not None:
        return None if found is None else (found[0], printed.finish(found[1], found[2]))
    told = await load_told(
        db,
        actor,
        dialect,
        kind,
        party_id,
        external=external,
        parts=(*PARTS, "relations"),
        rows=True,
        staff=actor.staff_id,
        standing=standing,
    )
    return None if told is None else (told[0].record.updated_at, orjson.dumps(printed.layout.encode(*told)))
