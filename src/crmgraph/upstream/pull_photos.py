"""Photos of an upstream, which follow after their records: to render images takes long, and each is a call."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import NotFound, Refused
from crmgraph.crm.models import Door, Parked, PartyKind, Photo
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.db.database import Database
from crmgraph.rest.pulling import Answer, BadAnswerError, Pulling
from crmgraph.upstream import marks
from crmgraph.upstream.apply import LOOKUP, Fault, actor_of
from crmgraph.upstream.calls import Calls
from crmgraph.upstream.marks import Lease


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A photo that was fetched.

    Attributes:
        row: what told of it.
        own_id: of its record.
        data: None where there is none there.
        refused: the status by which it was refused; 0 where it was not.
    """

    row: Parked
    own_id: int
    data: bytes | None
    name: str | None
    refused: int = 0

    @property
    def kind(self) -> PartyKind:
        return PartyKind(self.row.body["kind"])

    @property
    def source(self) -> str:
        return str(self.row.body["photo"])


async def fetch_photos(
    db: Database,
    photos: RecordPhotos,
    max_bytes: int,
    door: Door,
    pulling: Pulling,
    calls: Calls,
    rows: Sequence[Parked],
    lease: Lease,
) -> dict[str, int]:
    """Fetch the photos that rows tell of, and give them to their records; {outcome: how many}.

    Raises:
        CallError: the upstream does not answer.
    """
    own = await _own_ids(db, door, pulling, rows)
    answered = await asyncio.gather(*(_fetch(calls, pulling, row, own[row.id]) for row in rows if row.id in own))
    fetched = [each for each in answered if not each.refused]
    having = await _having(db, [each.own_id for each in fetched])
    actor, refused = actor_of(None), dict[int, Fault]()
    done: set[int] = set()
    given = 0
    for kind in PartyKind:
        new = {e.own_id: e for e in fetched if e.kind is kind and e.data is not None and e.own_id not in having}
        if new:
            given += await _give(photos, actor, kind, new, max_bytes, refused)
    for each in fetched:
        if each.own_id in having:
            given += await _replace(db, photos, actor, each, max_bytes, refused)
    by_row = {each.row.id: each for each in fetched}
    faults = {row.id: Fault(LOOKUP, "its record is not here") for row in rows if row.id not in own}
    faults |= {row_id: refused[each.own_id] for row_id, each in by_row.items() if each.own_id in refused}
    faults |= {e.row.id: Fault("PHOTO", f"Record_Image: HTTP {e.refused}") for e in answered if e.refused}
    done = {row.id for row in rows} - faults.keys()

    async def note(session: AsyncSession) -> None:
        await lease.keep(session)
        await marks.unpark(session, door, marks.PHOTOS, [row.home_id for row in rows if row.id in done])
        await marks.put_off(session, faults)

    await db.transact(note)
    return {"photos": given} | ({"refused": len(faults)} if faults else {})


async def _own_ids(db: Database, door: Door, pulling: Pulling, rows: Sequence[Parked]) -> dict[int, int]:
    """{id of a row: that of its record}."""
    async with db.read() as session:
        named = {(pulling.space, str(row.body["id"])) for row in rows}
        found = await external_ids.resolve(session, door.dialect, named)
    own = {row.id: found.get((pulling.space, str(row.body["id"]))) for row in rows}
    return {row_id: own_id for row_id, own_id in own.items() if own_id is not None}


async def _having(db: Database, ids: Sequence[int]) -> set[int]:
    async with db.read() as session:
        return set(await session.scalars(select(Photo.party_id).where(Photo.party_id.in_(ids))))


async def _fetch(calls: Calls, pulling: Pulling, row: Parked, own_id: int) -> _Fetched:
    if row.body["photo"] is None:
        return _Fetched(row, own_id, None, None)
    assert pulling.photo is not None  # noqa: S101 - whoever asks has looked

    def read(answer: Answer) -> tuple[bytes | None, str | None, int]:
        if answer.status == 200 and answer.body:
            return answer.body, _file_name(answer.headers), 0
        if answer.status in (204, 404) or (answer.status == 400 and b"INVALID_ID" in answer.body):
            return None, None, 0
        if 400 <= answer.status < 500:
            return None, None, answer.status
        raise BadAnswerError(f"HTTP {answer.status}")

    asked = pulling.photo(PartyKind(row.body["kind"]), str(row.body["id"]))
    (data, name, refused), _ = await calls.read(asked, read)
    return _Fetched(row, own_id, data, name, refused)


def _file_name(headers: Mapping[str, str]) -> str | None:
    """What an answer calls its file (RFC 6266)."""
    for part in headers.get("content-disposition", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "filename*":
            return unquote(value.rpartition("''")[2].strip('"'))
        if name.lower() == "filename":
            return value.strip('"')
    return None


async def _give(
    photos: RecordPhotos,
    actor: Actor,
    kind: PartyKind,
    new: Mapping[int, _Fetched],
    max_bytes: int,
    refused: dict[int, Fault],
) -> int:
    count = 0

    async def then(session: AsyncSession, given: dict[int, int]) -> None:
        nonlocal count
        count = len(given)

    unfit = await photos.give(
        actor,
        kind,
        {own_id: each.data or b"" for own_id, each in new.items()},
        max_bytes=max_bytes,
        then=then,
        names={own_id: each.name for own_id, each in new.items() if each.name},
        sources={own_id: each.source for own_id, each in new.items()},
    )
    refused |= {own_id: _fault(why) for own_id, why in unfit.items()}
    return count


async def _replace(
    db: Database, photos: RecordPhotos, actor: Actor, each: _Fetched, max_bytes: int, refused: dict[int, Fault]
) -> int:
    """Put a photo in the place of the one that the record has, or take that away."""
    try:
        if each.data is None:
            return int(await photos.remove(actor, each.kind, each.own_id, told=True))
        async with photos.staged(
            actor, each.kind, each.own_id, each.data, max_bytes=max_bytes, file_name=each.name
        ) as staged:
            staged.source = each.source

            async def work(session: AsyncSession) -> Any:
                loaded = await aggregates.load(session, actor, each.kind, [each.own_id], lock=True, parts=("photo",))
                if each.own_id not in loaded:
                    raise NotFound
                photo = loaded[each.own_id].photo
                if staged.same is not None and photo is not None:
                    photo.source = each.source
                    return
                await photos.attach(session, actor, loaded[each.own_id], staged)

            await db.transact(work)
            return int(staged.same is None)
    except Refused as why:
        refused[each.own_id] = _fault(why)
        return 0


def _fault(refused: Refused) -> Fault:
    return Fault("PHOTO", f"Record_Image: {type(refused).__name__}")
