"""Upsert: rows change the records that they have a value in common with, and create the others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm.errors import Refused
from crmgraph.crm.query.conditions import Where
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.dialects.zoho import answers, errors, search
from crmgraph.dialects.zoho.handlers.writing import (
    Row,
    Writing,
    attempted,
    begin,
    change_row,
    create_row,
    is_something,
    read_row,
    write_rows,
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
        writing = await begin(call, Transaction(session), rows, _identifying(call, checks))
        matching = await _Matching.begin(writing, rows, checks)
        matches = [await matching.first(row) for row in rows]
        await writing.load({match.id for match in matches if match is not None})
        await writing.expect([(row, (await matching.record(row))[0]) for row in rows])
        for row in rows:
            # Anew for each: a row before this one may have become what this one asks for, or be it no more.
            aggregate, field = await matching.record(row)
            row.told = {"duplicate_field": field, "action": "insert" if aggregate is None else "update"}
            with attempted(row):
                if aggregate is None:
                    await create_row(writing, row)
                else:
                    await change_row(writing, row, aggregate)
        return await write_rows(writing, rows)

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
    """The record that a row means, and by which field."""

    id: int
    field: str


@dataclass(frozen=True, slots=True)
class _Matching:
    """Which records the rows of a request mean.

    Attributes:
        checks: the fields by which a row is compared.
        named: our ids of the ids that rows give.
    """

    writing: Writing
    checks: Sequence[str]
    named: Mapping[str, int]

    @classmethod
    async def begin(cls, writing: Writing, rows: Sequence[Row], checks: Sequence[str]) -> "_Matching":
        """Ask for all that the rows are compared with."""
        given = [own_id for row in rows if (own_id := _given_id(row)) is not None]
        named = await writing.call.resolve(writing.unit.session, given) if given else {}
        matching = cls(writing, checks, named)
        unnamed = (row for row in rows if _given_id(row) is None)
        await writing.holders.look_for(where for row in unnamed for _, where in matching._values(row))
        return matching

    def _values(self, row: Row) -> Iterator[tuple[str, Where]]:
        for name in self.checks:
            if is_something(value := (row.body or {}).get(name)):
                yield name, search.having(self.writing.call.module, name, value)

    async def first(self, row: Row) -> _Match | None:
        """The first record that a row means; None for a new one."""
        if (given := _given_id(row)) is not None:
            return _Match(self.named[given], "id") if given in self.named else None
        for name, where in self._values(row):
            try:
                found = await self.writing.holders.first(where)
            except Refused:
                continue  # it is not of the form of its field, which the row itself will be told
            if found is not None:
                return _Match(found, name)
        return None

    async def record(self, row: Row) -> tuple[Aggregate | None, str | None]:
        """The record that a row means by now, locked, and by which field; None for a new one."""
        loaded = self.writing.loaded
        while (match := await self.first(row)) is not None and match.id not in loaded:
            await self.writing.load([match.id])
            if match.id not in loaded:
                self.writing.holders.leave(match.id)  # it is gone since it was found
                if match.field == "id":
                    return None, None
        return (None, None) if match is None else (loaded[match.id], match.field)


def _given_id(row: Row) -> str | None:
    given = (row.body or {}).get("id")
    return None if given in (None, "") else str(given)
