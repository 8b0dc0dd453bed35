"""Upsert: rows change the records that they have a value in common with, and create the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm import parties, uniques
from crmgraph.crm.errors import Refused
from crmgraph.dialects.zoho import answers, errors, search
from crmgraph.dialects.zoho.answers import Failed
from crmgraph.dialects.zoho.call import MAX_ROWS, Call
from crmgraph.dialects.zoho.writing import (
    Row,
    attempted,
    change_row,
    create_row,
    is_something,
    prepare,
    read_row,
    tell_rows,
)


async def upsert(call: Call) -> Response:
    """Change the records that have a value in common with a row, create the others."""
    body = await call.body()
    rows = [read_row(given) for given in call.rows(body)]
    checks = _checks(call, body)
    async with call.core.db.begin() as session:
        matches = [await _match(call, session, row, checks) for row in rows]
        ids = {match[0] for match in matches if match is not None}
        loaded = await parties.load(session, call.actor, call.module.kind, ids, lock=True) if ids else {}
        resolved = await prepare(call, session, rows)
        for row, match in zip(rows, matches, strict=True):
            if match is None or match[0] not in loaded:
                # A row before this one may have become what this one asks for.
                match = await _match(call, session, row, checks)
                if match is not None and match[0] not in loaded:
                    loaded |= await parties.load(session, call.actor, call.module.kind, [match[0]], lock=True)
            if match is None or match[0] not in loaded:
                row.told = {"duplicate_field": None, "action": "insert"}
                with attempted(row):
                    await create_row(call, session, row, resolved)
            else:
                row.told = {"duplicate_field": match[1], "action": "update"}
                with attempted(row):
                    await change_row(call, session, row, loaded[match[0]], resolved, None)
        data = await tell_rows(call, session, rows)
    return answers.rows(data, call.expires_at)


def _checks(call: Call, body: Mapping[str, Any]) -> list[str]:
    """The fields by which a row is compared with what there is, in this order."""
    given = body.get("duplicate_check_fields")
    if given is None:
        return [call.module.unique, *sorted(call.unique.get(call.module.name, ()))]
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise Failed(errors.INVALID_DATA.about(expected_data_type="jsonarray", api_name="duplicate_check_fields"))
    if len(given) > MAX_ROWS or any(search.place_of(call.module, name) is None for name in given):
        raise Failed(errors.INVALID_DATA.about(api_name="duplicate_check_fields"))
    return given


async def _match(call: Call, session: AsyncSession, row: Row, checks: Sequence[str]) -> tuple[int, str | None] | None:
    """The first record that a row means, and by which field; None for a new one."""
    if row.body is None:
        return None
    if row.body.get("id") not in (None, ""):
        given = str(row.body["id"])
        own = (await call.resolve(session, [given])).get(given)
        return None if own is None else (own, "id")
    for name in checks:
        value = row.body.get(name)
        if not is_something(value):
            continue
        try:
            found = await uniques.holder(
                session, call.actor, call.module.kind, search.having(call.module, name, value), None
            )
        except Refused:
            continue  # it is not of the form of its field, which the row itself will be told
        if found is not None:
            return found, name
    return None
