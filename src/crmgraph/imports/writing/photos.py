"""Photos that come with records: they follow after the transaction of their batch, for to render images takes long."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from crmgraph.crm.errors import Refused
from crmgraph.crm.models import ImportRow, Outcome, Photo
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.imports.records import Warned
from crmgraph.imports.writing.batches import Row
from crmgraph.imports.writing.ids import Named


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
        for row in rows:
            own_id = ids.get((row.record.kind, row.record.key))
            if row.record.photo is not None and own_id is not None:
                await self._take_one(actor, row, own_id)

    async def _take_one(self, actor: Actor, row: Row, own_id: int) -> None:
        record, photo = row.record, row.record.photo
        own = (ImportRow.import_id == actor.import_id) & (ImportRow.party_id == own_id)
        async with self.photos.db.read() as session:
            query = select(ImportRow.outcome, Photo.party_id).outerjoin(Photo, Photo.party_id == ImportRow.party_id)
            outcome, has_one = (await session.execute(query.where(own))).one_or_none() or (None, None)
        if outcome is not Outcome.CREATED:
            if row.outcome is not Outcome.UNCHANGED:
                record.warnings.append(Warned("PHOTO_DROPPED", reason="the record was known already"))
            return
        if photo is None or has_one is not None:
            return
        try:
            await self.photos.set(actor, record.kind, own_id, photo.data, max_bytes=self.max_bytes)
        except Refused as refused:
            record.warnings.append(Warned("PHOTO_DROPPED", reason=type(refused).__name__))
            return
        model: Any = MODELS[record.kind]
        revision = select(model.revision).where(model.id == own_id).scalar_subquery()
        async with self.photos.db.begin() as session:
            await session.execute(update(ImportRow).where(own).values(revision=revision))
