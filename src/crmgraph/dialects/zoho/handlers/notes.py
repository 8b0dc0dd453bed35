"""Notes: on one record, and all of them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm.errors import NotFound, Refused, refuse
from crmgraph.crm.models import Note, PartyKind
from crmgraph.crm.records import aggregates, external_ids, notes
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.lookup import minted
from crmgraph.crm.records.notes import Noted
from crmgraph.dialects.zoho import answers, codecs, errors, lookups
from crmgraph.dialects.zoho.errors import Spoken
from crmgraph.dialects.zoho.fields import (
    DIALECT,
    MODULES,
    NOTE_FIELDS,
    NOTE_LAYOUT,
    NOTES,
    OF_KIND,
    Module,
    canonical,
    note_id,
)
from crmgraph.dialects.zoho.handlers import records
from crmgraph.dialects.zoho.handlers.writing import done
from crmgraph.dialects.zoho.requests import MAX_ROWS, Call
from crmgraph.mapping import Decoded, decode, linked
from crmgraph.rest import RequestError

_TYPES = {one.field.name: one.type for one in NOTES}


async def of_record(call: Call) -> Response:
    """A page of the notes on one record, the newest first."""
    paging, given, since = call.paging(), call.params["id"], call.told_from()
    async with call.core.db.read() as session:
        party_id = (await call.resolve(session, [given])).get(given)
        try:
            if party_id is None:
                raise NotFound
            found, more = await notes.of_record(
                session,
                call.actor,
                call.module.kind,
                party_id,
                since=since,
                offset=paging.offset,
                limit=paging.per_page,
            )
        except NotFound:
            return answers.empty(call)
        data = await _encoded(call, session, found)
    return _page(call, data, paging.info(len(data), more))


async def everywhere(call: Call) -> Response:
    """A page of all notes, or those of given ids: the newest first, as long as nobody asks for the oldest."""
    paging, ids, since = call.paging(), call.words("ids"), call.told_from()
    order = {"oldest_first": not records.is_descending(call)}
    async with call.core.db.read() as session:
        only = None if not ids else list((await _own(session, ids)).values())
        found, more = await notes.page(
            session, call.actor, since=since, offset=paging.offset, limit=paging.per_page, only=only, **order
        )
        data = await _encoded(call, session, found)
    return _page(call, data, paging.info(len(data), more))


async def get(call: Call) -> Response:
    """One note, be it by itself or on the record in the path."""
    async with call.core.db.read() as session:
        try:
            given = call.params["note_id"]
            found = [await notes.get(session, call.actor, (await _own(session, [given])).get(given, 0))]
            if not _is_on(await _record(call, session), found[0].kind, found[0].record.id):
                raise NotFound
        except NotFound:
            return answers.empty(call)
        data = await _encoded(call, session, found)
    return answers.done({"data": data}, call)


async def _record(call: Call, session: AsyncSession) -> tuple[PartyKind, int] | None:
    """The record on which the path says that its note is, 0 for none that there is; None where it says nothing."""
    given = call.params.get("id")
    return None if given is None else (call.module.kind, (await call.resolve(session, [given])).get(given, 0))


def _is_on(wanted: tuple[PartyKind, int] | None, kind: PartyKind, party_id: int) -> bool:
    return wanted is None or wanted == (kind, party_id)


async def add_to_record(call: Call) -> Response:
    """New notes on the record in the path."""
    rows = call.rows(await call.body())
    return await _add(call, [(row, call.module, call.params["id"]) for row in rows])


async def add(call: Call) -> Response:
    """New notes, each on the record that it names by `$se_module` and `Parent_Id`."""
    rows = call.rows(await call.body())
    return await _add(call, [(row, *_parent(row)) for row in rows])


def _parent(row: Any) -> tuple[Module | None, str | None]:
    if not isinstance(row, dict):
        return None, None
    parent = row.get("Parent_Id")
    given = parent.get("id") if isinstance(parent, dict) else parent
    named = row.get("$se_module") or row.get("se_module")
    digits = codecs.id_digits(given)
    return MODULES.get(canonical(named)) if isinstance(named, str) else None, digits


async def _add(call: Call, rows: Sequence[tuple[Any, Module | None, str | None]]) -> Response:
    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        outcomes: list[Note | dict[str, Any]] = []
        known = await call.resolve(session, [digits for _, _, digits in rows if digits is not None])
        resolved = await lookups.resolve(
            session, call.actor, NOTE_FIELDS, lookups.wanted(NOTE_FIELDS, [row for row, _, _ in rows])
        )
        for row, module, digits in rows:
            if not isinstance(row, dict):
                outcomes.append(_no_object())
                continue
            if module is None or digits is None:
                name = "Parent_Id" if digits is None else "$se_module"
                outcomes.append(errors.MANDATORY_NOT_FOUND.about(api_name=name).body())
                continue
            loaded = await aggregates.load(
                session, call.actor, module.kind, [known.get(digits, 0)], lock=True, parts=()
            )
            if not loaded:
                outcomes.append(errors.INVALID_ID.about(id=digits, api_name="Parent_Id").body())
                continue
            (aggregate,) = loaded.values()
            decoded, spoken = _read(row, resolved, None)
            try:
                refuse(decoded.faults)
                outcomes.append(await notes.add(session, call.actor, aggregate, decoded.edit.values))
            except Refused as refused:
                outcomes.append(spoken.error(refused).body())
        return await _details(call, session, outcomes, "record added")

    return answers.rows(await call.core.db.transact(work), call, 201)


async def update_one(call: Call) -> Response:
    """Change the note in the path."""
    (row,) = call.rows(await call.body(), most=1)
    return await _update(call, [(row, call.params["note_id"])])


async def update_many(call: Call) -> Response:
    """Change notes that name themselves by their id."""
    rows = call.rows(await call.body())
    return await _update(call, [(row, row.get("id") if isinstance(row, dict) else None) for row in rows])


async def _update(call: Call, rows: Sequence[tuple[Any, Any]]) -> Response:
    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        outcomes: list[Note | dict[str, Any]] = []
        record = await _record(call, session)
        resolved = await lookups.resolve(
            session, call.actor, NOTE_FIELDS, lookups.wanted(NOTE_FIELDS, [row for row, _ in rows])
        )
        own = await _own(session, [str(given) for _, given in rows])
        for row, given in rows:
            if not isinstance(row, dict):
                outcomes.append(_no_object())
                continue
            if given in (None, ""):
                outcomes.append(errors.MANDATORY_NOT_FOUND.about(api_name="id").body())
                continue
            decoded, spoken = _read(row, resolved, str(given))
            try:
                refuse(decoded.faults)
                note, aggregate = await notes.lock(session, call.actor, own.get(str(given), 0))
                if not _is_on(record, aggregate.kind, aggregate.id):
                    raise NotFound
                await notes.change(session, call.actor, note, aggregate, decoded.edit.values)
                outcomes.append(note)
            except Refused as refused:
                outcomes.append(spoken.error(refused).body())
        return await _details(call, session, outcomes, "record updated")

    return answers.rows(await call.core.db.transact(work), call)


async def delete_one(call: Call) -> Response:
    """Delete the note in the path."""
    return await _delete(call, [call.params["note_id"]])


async def delete_many(call: Call) -> Response:
    """Delete the notes of the ids in the query."""
    ids = call.words("ids")
    if not ids:
        raise RequestError(errors.REQUIRED_PARAM_MISSING.about(param="ids"))
    if len(ids) > MAX_ROWS:
        raise RequestError(errors.INVALID_DATA.about(maximum_length=MAX_ROWS, param="ids"))
    return await _delete(call, ids)


async def _delete(call: Call, ids: Sequence[str]) -> Response:
    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        data = []
        record = await _record(call, session)
        own = await _own(session, ids)
        for given in ids:
            try:
                note, aggregate = await notes.lock(session, call.actor, own.get(given, 0))
                if not _is_on(record, aggregate.kind, aggregate.id):
                    raise NotFound
            except Refused as refused:
                data.append(Spoken(lambda path: None, _TYPES, given, str).error(refused).body())
                continue
            await notes.remove(session, call.actor, note, aggregate)
            data.append(done({"id": given}, "record deleted"))
        return data

    return answers.rows(await call.core.db.transact(work), call)


def _read(row: dict[str, Any], resolved: Any, digits: str | None) -> tuple[Decoded, Spoken]:
    """What a row wants of its note, and how its refusal is told."""
    body = {name: value for name, value in row.items() if not name.startswith("$")}
    decoded = decode(NOTE_FIELDS, body, None, resolved)
    if decoded.edit.values.get("owner_id", 0) is None:
        del decoded.edit.values["owner_id"]
    decoded.names.setdefault(("content",), "Note_Content")
    return decoded, Spoken(decoded.name_of, _TYPES, digits, str)


def _no_object() -> dict[str, Any]:
    return errors.INVALID_DATA.about(expected_data_type="jsonobject", api_name="data").body()


async def _own(session: AsyncSession, given: Collection[str]) -> dict[str, int]:
    """{id as it was given: our id} of notes; what is no id is left out. Ours take no statement."""
    named = {one: digits for one in given if (digits := codecs.id_digits(one)) is not None}
    known = {one: own for one, digits in named.items() if (own := minted(digits)) is not None}
    elsewhere = {digits for one, digits in named.items() if one not in known}
    called = await notes.called(session, DIALECT, elsewhere) if elsewhere else {}
    return known | {one: called[digits] for one, digits in named.items() if digits in called}


async def _encoded(call: Call, session: AsyncSession, found: Sequence[Noted]) -> list[dict[str, Any]]:
    around = await _around(call, session, [one.note for one in found])
    parents = await external_ids.of_records(session, DIALECT, {one.record.id for one in found}) if found else {}
    return [
        {
            **NOTE_LAYOUT.encode(one.note, around),
            "Parent_Id": {"name": codecs.full_name(one.record), "id": parents[one.record.id]},
            "$se_module": OF_KIND[one.kind].name,
            "$attachments": None,
            "$editable": True,
            "$is_shared_to_client": False,
            "$size": None,
            "$state": "save",
            "$voice_note": False,
        }
        for one in found
    ]


async def _around(call: Call, session: AsyncSession, written: Sequence[Note]) -> EncodingContext:
    people = {i for note in written for i in (note.owner_id, note.created_by_id, note.modified_by_id) if i is not None}
    if call.actor.staff_id is not None:
        people.add(call.actor.staff_id)  # who stands for the owner of a note that nobody owns
    return await external_ids.of_staff(session, call.actor, DIALECT, people)


async def _details(
    call: Call, session: AsyncSession, outcomes: Sequence[Note | dict[str, Any]], message: str
) -> list[dict[str, Any]]:
    around = await _around(call, session, [one for one in outcomes if isinstance(one, Note)])
    return [one if isinstance(one, dict) else done(_written(one, around), message) for one in outcomes]


def _written(note: Note, around: EncodingContext) -> dict[str, Any]:
    return {
        "Modified_Time": codecs.moment(note.updated_at),
        "Modified_By": codecs.lookup(linked(around, "staff", note.modified_by_id)),
        "Created_Time": codecs.moment(note.created_at),
        "id": note_id(note),
        "Created_By": codecs.lookup(linked(around, "staff", note.created_by_id)),
    }


def _page(call: Call, data: list[dict[str, Any]], info: dict[str, Any]) -> Response:
    if not data:
        return answers.empty(call, 204 if call.told_from() is None else 304)
    return answers.done({"data": data, "info": info}, call)
