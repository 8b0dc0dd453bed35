"""Create, update and delete: each row told apart, all of them in one transaction and one write set."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm.errors import NotFound, Refused, Stale, Taken, refuse
from crmgraph.crm.models import Lead, Way
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.authorization import Lapsed
from crmgraph.crm.query.conditions import Where
from crmgraph.crm.query.former_ids import heirs
from crmgraph.crm.records import aggregates, external_ids, uniqueness
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.holders import Holders
from crmgraph.crm.records.leads import require_workable
from crmgraph.crm.records.lookup import minted
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.told import load_told_for_change
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork
from crmgraph.crm.values.text import is_blank
from crmgraph.dialects.zoho import answers, codecs, errors, lookups, search
from crmgraph.dialects.zoho.errors import Failure, Spoken
from crmgraph.dialects.zoho.fields import DIALECT
from crmgraph.dialects.zoho.requests import MAX_ROWS, Call
from crmgraph.mapping import Decoded, Resolved, decode, linked
from crmgraph.rest import RequestError


@dataclass(slots=True)
class Row:
    """One row of a write, and what became of it.

    Attributes:
        body: what it wants; None when it is no object.
        named_id: the id it names its record by.
        record: the record that it is to change; None for a new one.
        decoded: what it wants in our words, of the record at the revision `decoded_at`.
        done: the record as it is now.
        message: what was done.
        refused: why nothing was done, in our words or already in Zoho's.
        told: what stands in the answer besides.
    """

    body: dict[str, Any] | None
    named_id: str | None = None
    record: Aggregate | None = None
    decoded: Decoded = field(default_factory=Decoded)
    decoded_at: tuple[int, int] | None = None
    done: Aggregate | None = None
    message: str = ""
    refused: Refused | Failure | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def existing(self) -> int | None:
        """The record that has a unique value already."""
        first = self.refused.all[0] if isinstance(self.refused, Refused) else None
        return first.existing if isinstance(first, Taken) else None


@dataclass(frozen=True, slots=True)
class Writing:
    """What the rows of one request have in common.

    Attributes:
        written: the set in which they are decided.
        holders: who has the values that tell records apart.
        resolved: our ids of whatever the rows name.
        loaded: the records that the rows are about, by id, as they are by now.
    """

    call: Call
    unit: UnitOfWork
    written: WriteSet
    holders: Holders
    resolved: Resolved
    loaded: dict[int, Aggregate] = field(default_factory=dict)

    async def load(self, ids: Collection[int]) -> None:
        """Load records to be changed, those of them that there are; for one that was merged since, the other one."""
        if not ids:
            return
        kind, actor = self.call.module.kind, self.call.actor
        found = await aggregates.load_for_change(self.unit, actor, kind, ids)
        led = await heirs(self.unit.session, actor, MODELS[kind], set(ids) - found.keys())
        if more := set(led.values()) - found.keys() - self.loaded.keys():
            found |= await aggregates.load_for_change(self.unit, actor, kind, more)
        for aggregate in found.values():
            self.take(aggregate)
        self.loaded.update({own_id: self.loaded[heir] for own_id, heir in led.items() if heir in self.loaded})

    async def tell(self, named_id: str | None) -> tuple[Aggregate | None, EncodingContext | None]:
        """One record to be changed, and what it and its last author are called."""
        actor, digits = self.call.actor, codecs.id_digits(named_id)
        if digits is None:
            return None, None
        external = ("record", [digits])
        found = await load_told_for_change(
            self.unit,
            actor,
            DIALECT,
            self.call.module.kind,
            minted(digits),
            external=external,
            staff=actor.staff_id,
        )
        if found is None:
            return None, None
        self.take(found[0])
        return found

    def take(self, aggregate: Aggregate) -> None:
        """Know of a record that was loaded, made or changed."""
        self.loaded[aggregate.id] = aggregate
        self.holders.take(aggregate)

    async def expect(self, planned: Iterable[tuple[Row, Aggregate | None]]) -> None:
        """Read at once what it takes to decide rows.

        Args:
            planned: (a row, the record that it will change); None for a new one.
        """
        planned = [(row, aggregate) for row, aggregate in planned if row.refused is None]
        await self.holders.look_for(where for row, _ in planned for _, where in _unique_values(self.call, row))
        kind = self.call.module.kind
        edits = [(kind, aggregate, _read(self, row, aggregate).edit) for row, aggregate in planned]
        await self.written.expect(edits)


async def create(call: Call) -> Response:
    """New records, up to 100."""
    wanted = call.rows(await call.body())

    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        rows = [read_row(given) for given in wanted]
        writing = await begin(call, Transaction(session), rows)
        await writing.expect((row, None) for row in rows)
        for row in rows:
            with attempted(row):
                await create_row(writing, row)
        return await write_rows(writing, rows)

    return answers.rows(await call.core.db.transact(work), call, 201)


async def update_one(call: Call) -> Response:
    """Change the record in the path."""
    (given,) = call.rows(await call.body(), most=1)
    row = read_row(given)
    row.named_id = call.params["id"]
    data = await _update(call, [row])
    if isinstance(data, Lapsed):
        return answers.empty(call)
    if isinstance(row.refused, NotFound):
        raise RequestError(errors.INVALID_ID.about(id=row.named_id))
    if isinstance(row.refused, Stale):
        raise RequestError(errors.ALREADY_MODIFIED.about(id=row.named_id))
    return answers.rows(data, call)


async def update_many(call: Call) -> Response:
    """Change records that name themselves by their id."""
    rows = [read_row(given) for given in call.rows(await call.body())]
    for row in rows:
        if row.body is not None and row.body.get("id") in (None, ""):
            row.refused = errors.MANDATORY_NOT_FOUND.about(api_name="id")
        elif row.body is not None:
            row.named_id = str(row.body["id"])
    data = await _update(call, rows)
    return answers.empty(call) if isinstance(data, Lapsed) else answers.rows(data, call)


async def _update(call: Call, rows: list[Row]) -> list[dict[str, Any]] | Lapsed:
    given = [(row, row.refused) for row in rows]

    async def work(unit: UnitOfWork) -> list[dict[str, Any]]:
        # Where another writer came first, nothing stays of what was done until then.
        for row, refused in given:
            row.refused, row.record, row.decoded_at, row.done = refused, None, None, None
        writing = await begin(call, unit, rows)
        around = None
        if unit.locks:
            named = await call.resolve(unit.session, [row.named_id for row in rows if row.named_id is not None])
            await writing.load(set(named.values()))
            planned = [(row, writing.loaded.get(named.get(row.named_id or "", 0))) for row in rows]
        else:
            # One record, which is read with all that its answer names.
            aggregate, around = await writing.tell(rows[0].named_id)
            planned = [(rows[0], aggregate)]
        await writing.expect((row, aggregate) for row, aggregate in planned if aggregate is not None)
        since = call.since("If-Unmodified-Since")
        for row, aggregate in planned:
            with attempted(row):
                await change_row(writing, row, aggregate, since)
        return await write_rows(writing, rows, around)

    if len(rows) == 1:
        return await call.revise(work)
    return await call.core.db.transact(lambda session: work(Transaction(session)))


async def delete_one(call: Call) -> Response:
    """Delete the record in the path."""
    return await _delete(call, [call.params["id"]])


async def delete_many(call: Call) -> Response:
    """Delete the records of the ids in the query."""
    ids = call.words("ids")
    if not ids:
        raise RequestError(errors.REQUIRED_PARAM_MISSING.about(param="ids"))
    if len(ids) > MAX_ROWS:
        raise RequestError(errors.INVALID_DATA.about(maximum_length=MAX_ROWS, param="ids"))
    return await _delete(call, ids)


async def _delete(call: Call, ids: Sequence[str]) -> Response:
    kind = call.module.kind

    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        data = []
        unit = Transaction(session)
        named = await call.resolve(session, ids)
        loaded = await aggregates.load_for_change(unit, call.actor, kind, set(named.values()), parts=())
        written = WriteSet(unit, call.actor)
        await written.expect((kind, each, Edit()) for each in loaded.values())
        for given in ids:
            aggregate = loaded.pop(named.get(given, 0), None)
            if aggregate is None:
                data.append(errors.INVALID_ID.about(id=given).body())
                continue
            try:
                written.remove(aggregate)
                data.append(done({"id": given}, "record deleted"))
            except Refused as refused:
                data.append(Spoken(call.module.name_of, call.module.types, given, str).error(refused).body())
        await written.write()
        return data

    return answers.rows(await call.core.db.transact(work), call)


def done(details: dict[str, Any], message: str, **told: Any) -> dict[str, Any]:
    """The answer of a row that went well."""
    return {"code": "SUCCESS", **told, "details": details, "message": message, "status": "success"}


def read_row(given: Any) -> Row:
    """A row of a request; one that is no object has failed already."""
    if isinstance(given, dict):
        # What begins with a dollar is Zoho's own state of a record, which clients send back with it.
        return Row({name: value for name, value in given.items() if not name.startswith("$")})
    return Row(None, refused=errors.INVALID_DATA.about(expected_data_type="jsonobject", api_name="data"))


async def begin(call: Call, unit: UnitOfWork, rows: Collection[Row], identifying: Collection[str] = ()) -> Writing:
    """Lock the values that are looked for before the rows are written, and resolve everything that the rows name.

    Args:
        identifying: the fields by which records are looked for, besides those that have to be unique.
    """
    module = call.module
    bodies = [row.body for row in rows if row.body is not None]
    call.names(module.kind, Way.WRITTEN, module.fields.known_names({name for body in bodies for name in body}))
    names = call.unique.get(module.name, frozenset()).union(identifying)
    values = [(name, value) for body in bodies for name in names if is_something(value := body.get(name))]
    looked_for = [search.having(module, name, value) for name, value in values]
    if looked_for:
        await uniqueness.lock(await unit.transaction(), call.actor, module.kind, looked_for)
    resolved: Resolved = {}
    if wanted := lookups.wanted(module.fields, bodies):  # no session is opened for nothing
        resolved = await lookups.resolve(unit.session, call.actor, module.fields, wanted)
    return Writing(call, unit, WriteSet(unit, call.actor), Holders(unit, call.actor, module.kind), resolved)


@contextmanager
def attempted(row: Row) -> Iterator[None]:
    """Do a row's work, and keep its refusal for the answer. The core refuses before it writes: other rows stand."""
    try:
        yield
    except Refused as refused:
        row.refused = refused


async def create_row(writing: Writing, row: Row) -> None:
    """Make a row's record, unless the row has failed already.

    Raises:
        Refused: what is wrong with the row; nothing of it is written.
    """
    if row.refused is not None:
        return
    decoded = _read(writing, row, None)
    refuse(decoded.faults)
    await _check_unique(writing, row, None)
    row.done = await writing.written.create(writing.call.module.kind, decoded.edit)
    row.message = "record added"
    writing.take(row.done)


async def change_row(writing: Writing, row: Row, aggregate: Aggregate | None, since: dt.datetime | None = None) -> None:
    """Change a row's record, unless the row has failed already.

    Args:
        aggregate: the record, loaded for the change; None where there is none.
        since: the time after which the record must not have changed.

    Raises:
        Refused: what is wrong with the row; nothing of it is written.
    """
    if row.refused is not None:
        return
    if aggregate is None:
        raise NotFound
    if isinstance(aggregate.record, Lead):
        require_workable(aggregate.record)  # this is told before anything that is wrong with the values
    if since is not None and aggregate.record.updated_at.replace(microsecond=0) > since:
        raise Stale((), aggregate.record.revision)
    row.record = aggregate
    decoded = _read(writing, row, aggregate)
    refuse(decoded.faults)
    await _check_unique(writing, row, aggregate.id)
    await writing.written.update(aggregate, decoded.edit)
    row.done = aggregate
    row.message = "record updated"
    writing.take(aggregate)


def _read(writing: Writing, row: Row, aggregate: Aggregate | None) -> Decoded:
    """What a row wants of a record as it is now. Every record has an owner there, the caller's employee by default."""
    at = (0, 0) if aggregate is None else (aggregate.id, aggregate.record.revision)
    if row.decoded_at == at:
        return row.decoded
    call = writing.call
    row.decoded, row.decoded_at = decode(call.module.fields, row.body or {}, aggregate, writing.resolved), at
    values = row.decoded.edit.values
    if aggregate is None and values.get("owner_id") is None:
        values["owner_id"] = call.actor.staff_id
    elif aggregate is not None and (values.get("owner_id", 0) is None or _is_told_as_owner(call, row, aggregate)):
        del values["owner_id"]  # an empty one changes nothing
    return row.decoded


def _is_told_as_owner(call: Call, row: Row, aggregate: Aggregate) -> bool:
    """Whether a row sends the owner back that was printed of a record which nobody owns: that changes nothing.

    Who only names an id assigns the record.
    """
    given, own = (row.body or {}).get("Owner"), row.decoded.edit.values.get("owner_id")
    told = isinstance(given, dict) and given.keys() == {"name", "id", "email"}
    return told and aggregate.record.owner_id is None and own is not None and own == call.actor.staff_id


def _unique_values(call: Call, row: Row) -> Iterator[tuple[str, Where]]:
    """(field, who has the value) of those values of a row that no two records may share."""
    for name in sorted(call.unique.get(call.module.name, ())):
        if is_something(value := (row.body or {}).get(name)):
            yield name, search.having(call.module, name, value)


async def _check_unique(writing: Writing, row: Row, own_id: int | None) -> None:
    for name, where in _unique_values(writing.call, row):
        other = await writing.holders.first(where, own_id)
        if other is not None:
            row.decoded.names[(name,)] = name
            raise Taken((name,), other)


def is_something(value: Any) -> bool:
    """Whether a value can be compared with others: a text that is not empty, or a number."""
    return not is_blank(value) if isinstance(value, str) else isinstance(value, int | float)


async def write_rows(
    writing: Writing, rows: Sequence[Row], around: EncodingContext | None = None
) -> list[dict[str, Any]]:
    """Write what was decided; the answers of all rows.

    Args:
        around: what the records name, where that has been read with them.
    """
    await writing.written.write()
    unit = writing.unit
    if around is None:
        changed = [row.done for row in rows if row.done is not None]
        around = await external_ids.encoding_context(unit.session, writing.call.actor, DIALECT, changed)
    existing = {writing.written.id_of(row.existing) for row in rows if row.existing is not None}
    others = await external_ids.of_records(unit.session, DIALECT, existing) if existing else {}
    return [_tell(writing, row, around, others) for row in rows]


def _tell(writing: Writing, row: Row, around: EncodingContext, others: Mapping[int, str]) -> dict[str, Any]:
    if isinstance(row.refused, Failure):
        return row.refused.body()
    if row.refused is not None:
        module = writing.call.module
        spoken = Spoken(
            lambda path: row.decoded.name_of(path) or module.name_of(path),
            module.types,
            row.named_id or (None if row.record is None else str(row.record.id)),
            lambda own: others[writing.written.id_of(own)],
        )
        return spoken.error(row.refused).body()
    assert row.done is not None  # noqa: S101 - every row is done or refused
    return done(details(row.done, around), row.message, **row.told)


def details(aggregate: Aggregate, around: EncodingContext) -> dict[str, Any]:
    """What is told of a record that was written."""
    record = aggregate.record
    return {
        "Modified_Time": codecs.moment(record.updated_at),
        "Modified_By": codecs.lookup(linked(around, "staff", record.modified_by_id)),
        "Created_Time": codecs.moment(record.created_at),
        "id": around.external_id("party", record.id) or str(record.id),
        "Created_By": codecs.lookup(linked(around, "staff", record.created_by_id)),
    }
