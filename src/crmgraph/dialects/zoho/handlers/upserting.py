"""Upsert: rows change the records that they have a value in common with, and create the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm.errors import Refused
from crmgraph.crm.records import aggregates, uniqueness
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.dialects.zoho import answers, errors, search
from crmgraph.dialects.zoho.handlers.writing import (
    Row,
    attempted,
    change_row,
    create_row,
    is_something,
    prepare,
    read_row,
    tell_rows,
)
from crmgraph.dialects.zoho.requests import MAX_ROWS, Call
from crmgraph.rest import RequestError


async def upsert(call: Call) -> Response:
    """Change the records that have a value in common with a row, create the others."""
    body = await call.body()
    wanted = call.rows(body)
    checks = _checks(call, body)

    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        rows = [read_row(given) for given in wanted]
        resolved = await prepare(call, Transaction(session), rows, _identifying(call, checks))
        matches = [await _match(call, session, row, checks) for row in rows]
        ids = {match.id for match in matches if match is not None}
        loaded = await aggregates.load(session, call.actor, call.module.kind, ids, lock=True) if ids else {}
        for row, match in zip(rows, matches, strict=True):
            if match is None or not match.holds(loaded.get(match.id)):
                # A row before this one may have become what this one asks for, or another writer taken the value away
                # before the record was locked.
                match = await _match(call, session, row, checks)
                if match is not None and match.id not in loaded:
                    loaded |= await aggregates.load(session, call.actor, call.module.kind, [match.id], lock=True)
            if match is None or match.id not in loaded:
                row.told = {"duplicate_field": None, "action": "insert"}
                with attempted(row):
                    await create_row(call, session, row, resolved)
            else:
                row.told = {"duplicate_field": match.field, "action": "update"}
                with attempted(row):
                    await change_row(call, Transaction(session), row, loaded[match.id], resolved, None)
        return await tell_rows(call, session, rows)

    return answers.rows(await call.core.db.transact(work), call)


def _checks(call: Call, body: Mapping[str, Any]) -> list[str]:
    """The fields by which a row is compared with what there is, in this order."""
    given = body.get("duplicate_check_fields")
    if given is None:
        return [call.module.unique, *sorted(call.unique.get(call.module.name, ()))]
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise RequestError(errors.INVALID_DATA.about(expected_data_type="jsonarray", api_name="duplicate_check_fields"))
    if len(given) > MAX_ROWS or any(search.identifying_place(call.module, name) is None for name in given):
        raise RequestError(errors.INVALID_DATA.about(api_name="duplicate_check_fields"))
    return given


def _identifying(call: Call, checks: Sequence[str]) -> set[str]:
    """The fields whose values are held: by which this request looks, and by which others that write them may look."""
    contact_points = {name for name, type_ in call.module.types.items() if type_ in ("email", "phone")}
    return {call.module.unique, *checks} | contact_points


@dataclass(frozen=True, slots=True)
class _Match:
    """The record that a row means.

    Attributes:
        field: by which field.
        revision: that it had when it was found; None where the row names it by its id.
    """

    id: int
    field: str
    revision: int | None = None

    def holds(self, record: Aggregate | None) -> bool:
        """Whether the record, locked by now, is sure to have still what it was found by."""
        return record is not None and self.revision in (None, record.record.revision)


async def _match(call: Call, session: AsyncSession, row: Row, checks: Sequence[str]) -> _Match | None:
    """The first record that a row means; None for a new one."""
    if row.body is None:
        return None
    if row.body.get("id") not in (None, ""):
        given = str(row.body["id"])
        own = (await call.resolve(session, [given])).get(given)
        return None if own is None else _Match(own, "id")
    for name in checks:
        value = row.body.get(name)
        if not is_something(value):
            continue
        try:
            where = search.having(call.module, name, value)
            found = await uniqueness.holder(session, call.actor, call.module.kind, where)
        except Refused:
            continue  # it is not of the form of its field, which the row itself will be told
        if found is not None:
            return _Match(found.id, name, found.revision)
    return None
