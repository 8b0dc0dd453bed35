"""Photos that come with records: they follow after the transaction of their batch, for to render images takes long."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import ImportRow, Outcome, PartyKind, Photo
from crmgraph.crm.models.columns import Moment
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.imports.records import Warned
from crmgraph.imports.writing.batches import Row
from crmgraph.imports.writing.ids import Named

TOGETHER = 50
"""Photos that are given in one transaction."""


@dataclass(frozen=True, slots=True)
class Photos:
    """Gives new records their photos.

    Attributes:
        photos: where they go.
        max_bytes: the longest that is taken.
    """

    photos: RecordPhotos
    max_bytes: int

    async def take(self, actor: Actor, rows: Iterable[Row], ids: Mapping[Named, int]) -> None:
        """Give those records photos that this import has made and that have none; of all others it is told."""
        named = ((row, ids.get((row.record.kind, row.record.key))) for row in rows if row.record.photo is not None)
        brought = {own_id: row for row, own_id in named if own_id is not None}
        made = await self._made(actor, brought) if brought else {}
        for own_id, row in brought.items():
            if own_id not in made and row.outcome is not Outcome.UNCHANGED:
                row.record.warnings.append(Warned("PHOTO_DROPPED", reason="the record was known already"))
        for kind in PartyKind:
            bare = (own_id for own_id, has_photo in made.items() if not has_photo)
            of_kind = sorted(own_id for own_id in bare if brought[own_id].record.kind is kind)
            for begin in range(0, len(of_kind), TOGETHER):
                await self._give(actor, kind, {each: brought[each] for each in of_kind[begin : begin + TOGETHER]})

    async def _made(self, actor: Actor, brought: Mapping[int, Row]) -> dict[int, bool]:
        """{a record that the import has made: whether it has a photo by now}, of these."""
        own = (ImportRow.import_id == actor.import_id) & ImportRow.party_id.in_(brought)
        query = select(ImportRow.party_id, Photo.party_id.is_not(None))
        query = query.outerjoin(Photo, Photo.party_id == ImportRow.party_id)
        async with self.photos.db.read() as session:
            rows = await session.execute(query.where(own, ImportRow.outcome == Outcome.CREATED))
            return dict(rows.all())

    async def _give(self, actor: Actor, kind: PartyKind, rows: Mapping[int, Row]) -> None:
        images = {own_id: row.record.photo.data for own_id, row in rows.items() if row.record.photo is not None}

        async def note(session: AsyncSession, revisions: dict[int, int]) -> None:
            """What the import has left is what it is with its photo."""
            own = (ImportRow.import_id == actor.import_id) & (ImportRow.party_id.in_(revisions))
            revision = case(revisions, value=ImportRow.party_id)
            if revisions:
                await session.execute(update(ImportRow).where(own).values(revision=revision))
            # They were changed at the source when it says so, and not by the photo that came along.
            times = {each: at for each in revisions if (at := rows[each].record.updated_at) is not None}
            if times:
                model: Any = MODELS[kind]
                changed = case({each: literal(at, Moment()) for each, at in times.items()}, value=model.id)
                await session.execute(update(model).where(model.id.in_(times)).values(updated_at=changed))

        photos = {own_id: row.record.photo for own_id, row in rows.items()}
        names = {own_id: photo.name for own_id, photo in photos.items() if photo is not None and photo.name}
        refused = await self.photos.give(actor, kind, images, max_bytes=self.max_bytes, then=note, names=names)
        for own_id, why in refused.items():
            rows[own_id].record.warnings.append(Warned("PHOTO_DROPPED", reason=type(why).__name__))
