"""The photo of a record: set, removed and read, with its bytes in the photo store and its row in the database."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import structlog
from sqlalchemy import exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph import photos
from crmgraph.crm.errors import HeldUpstream, NotFound, Refused, TooLarge, Unavailable, UnsupportedImage
from crmgraph.crm.job_queue import Done, JobQueue, Result, Retry
from crmgraph.crm.models import Change, PartyKind, Photo
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records import aggregates, local_changes
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.checks import require_revision
from crmgraph.crm.records.photo_rows import entry_of, load, log_change, require_changeable, row_of
from crmgraph.db.database import Database
from crmgraph.photos import FORMATS, NotAnImage, PhotoStore, Rendered, StoreAway, TooLargeImage, new_key, render

log = structlog.get_logger(__name__)

REMOVE_PHOTO = "remove photo"
"""The kind of the jobs that take a photo out of the store which no record has any more."""
PATH = ("photo",)
"""Where in an edit the fault of a photo lies."""


@dataclass(slots=True)
class Staged:
    """A photo on its way to a record; see `RecordPhotos.staged`.

    Attributes:
        file_name: what the client calls it, None when it does not say or nothing harmless is left.
        same: the record's photo, when it is this very image already.
        key: where it lies in the store.
        party_id: the record it was attached to.
        replaces: whether there was another photo, for which a job is stored.
        source: see `Photo.source`.
    """

    rendered: Rendered
    file_name: str | None
    same: Photo | None = None
    key: str | None = None
    party_id: int | None = None
    replaces: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True)
class RecordPhotos:
    """Photos of records.

    `set`, `give`, `staged` and `remove` open their own transactions, since what takes long, decoding and the store,
    has to happen around them and not inside.

    Attributes:
        db: where the rows are.
        store: where the bytes are.
        jobs: take the bytes of a photo that was replaced or removed out of the store.
    """

    db: Database
    store: PhotoStore
    jobs: JobQueue

    async def set(
        self,
        actor: Actor,
        kind: PartyKind,
        party_id: int,
        data: bytes,
        *,
        max_bytes: int,
        file_name: str | None = None,
        formats: frozenset[str] | None = None,
    ) -> Photo:
        """Give a record a photo, in place of the one it has. The photo that it has already changes nothing.

        Args:
            data: the file as it came.
            max_bytes: the most bytes that are taken.
            file_name: the client's own name of the file, for a dialect that gives it back; what is harmless of it
                is kept.
            formats: which formats are taken, of `photos.FORMATS`; None takes them all.

        Raises:
            NotFound, Forbidden: no such record for the actor, or not theirs to change.
            Locked: a process holds the record.
            TooLarge: more bytes or pixels than are taken.
            UnsupportedImage: no image of these formats, or a damaged one.
            Unavailable: the photo store does not answer.
        """
        async with self.staged(
            actor, kind, party_id, data, max_bytes=max_bytes, file_name=file_name, formats=formats
        ) as staged:
            if staged.same is not None:
                return staged.same

            async def work(session: AsyncSession) -> Photo:
                aggregate = await load(session, actor, kind, party_id, lock=True)
                return await self.attach(session, actor, aggregate, staged)

            return await self.db.transact(work)

    async def give(
        self,
        actor: Actor,
        kind: PartyKind,
        images: Mapping[int, bytes],
        *,
        max_bytes: int,
        then: Callable[[AsyncSession, dict[int, int]], Awaitable[None]],
        names: Mapping[int, str] = MappingProxyType({}),
        sources: Mapping[int, str] = MappingProxyType({}),
    ) -> dict[int, Refused]:
        """Give many records of a kind their photos in one transaction, of few statements; who has one keeps it.

        Args:
            images: {id of a record: the file as it came}.
            max_bytes: the most bytes of each that are taken.
            then: called in the transaction with {id: revision} of the records that have got theirs.
            names: {id: what its file is called}, of which what is harmless is kept.
            sources: {id: `Photo.source`}, of those that come from an old CRM: they are no change of their own, and the
                record keeps the time of its last one.

        Returns:
            {id: why it has none}, as of `set`.
        """
        refused: dict[int, Refused] = {}
        ready: dict[int, tuple[str, Rendered]] = {}
        given: dict[int, int] = {}
        for party_id, data in images.items():
            try:
                rendered = await _render(data, max_bytes, FORMATS)
                key = new_key(rendered.extension)
                await self.store.save(key, rendered)
            except StoreAway as away:
                refused[party_id] = _unavailable(away)
            except Refused as unfit:
                refused[party_id] = unfit
            else:
                ready[party_id] = (key, rendered)

        async def work(session: AsyncSession) -> None:
            given.clear()
            entries = []
            found = await aggregates.load(session, actor, kind, list(ready), lock=True, parts=("photo",))
            held = await local_changes.held(session, actor, found)
            for party_id, aggregate in found.items():
                try:
                    require_changeable(actor, aggregate)
                    if party_id in held:
                        raise HeldUpstream((), held[party_id])
                except Refused as unfit:
                    refused[party_id] = unfit
                    continue
                if aggregate.photo is None:
                    key, rendered = ready[party_id]
                    name = photos.safe_file_name(names.get(party_id, ""), rendered.content_type)
                    photo = row_of(party_id, kind, key, rendered, name)
                    photo.source = sources.get(party_id)
                    session.add(photo)
                    entries.append(
                        entry_of(actor, aggregate, None, photo.file_name, told=party_id in sources).columns()
                    )
                    given[party_id] = aggregate.record.revision
            await session.flush()
            if entries:
                await session.execute(insert(Change), entries)
            await then(session, given)

        try:
            if ready:
                await self.db.transact(work)
        finally:
            # Once the commit is under way only the database knows how it went, and a row must not lose its bytes.
            for party_id, (key, _) in ready.items():
                if party_id not in given:
                    self.store.discard(key, party_id=party_id)
        return refused

    @asynccontextmanager
    async def staged(
        self,
        actor: Actor,
        kind: PartyKind,
        party_id: int | None,
        data: bytes,
        *,
        max_bytes: int,
        file_name: str | None = None,
        formats: frozenset[str] | None = None,
    ) -> AsyncIterator["Staged"]:
        """A photo that is decoded and lies in the store, for `attach` inside a transaction that also does other things.

        Enter it before the transaction and leave it after: what was not attached is taken out of the store again, in
        the background, and the job that takes out the photo in whose place it came is begun.

        Args:
            party_id: None for a record that is yet to be made. The others are as in `set`.

        Raises:
            Refused: as in `set`.
        """
        before = None
        if party_id is not None:
            async with self.db.read() as session:
                before = (await load(session, actor, kind, party_id)).photo
        rendered = await _render(data, max_bytes, FORMATS if formats is None else formats)
        name = photos.safe_file_name(file_name or "", rendered.content_type)
        staged = Staged(rendered, name)
        if before is not None and before.file_name == (
            name or photos.file_name(kind, before.party_id, before.content_type)
        ):
            staged.same = before if await self._holds(before, rendered) else None
        if staged.same is not None:
            yield staged
            return
        staged.key = new_key(rendered.extension)
        try:
            await self.store.save(staged.key, rendered)
        except StoreAway as away:
            raise _unavailable(away) from None
        try:
            yield staged
        finally:
            # Once the commit is under way only the database knows how it went, and a row must not lose its bytes.
            if staged.party_id is None:
                self.store.discard(staged.key, party_id=party_id)
        if staged.replaces:
            self.jobs.wake()

    async def attach(
        self, session: AsyncSession, actor: Actor, aggregate: Aggregate, staged: "Staged", *, touched: bool = False
    ) -> Photo:
        """Make a staged photo the record's own, as the last step of the transaction; nothing when it is already.

        Args:
            aggregate: made in this transaction, or loaded with `lock` and its photo; its photo is brought up to date.
            touched: whether this transaction has counted its revision of the record.
        """
        if staged.same is not None:
            return staged.same
        assert staged.key is not None  # noqa: S101 - only a photo that is the same has no key of its own
        await local_changes.require_free(session, actor, [aggregate.id])
        record, former = aggregate.record, aggregate.photo
        former_key, former_name = (None, None) if former is None else (former.key, former.file_name)
        made = row_of(record.id, aggregate.kind, staged.key, staged.rendered, staged.file_name)
        made.source = staged.source
        told = staged.source is not None
        aggregate.photo = await session.merge(made)
        await log_change(session, actor, aggregate, former_name, made.file_name, touched=touched, told=told)
        if former_key is not None:
            await self._leave(session, former_key)
        staged.party_id, staged.replaces = record.id, former_key is not None
        return aggregate.photo

    async def remove(
        self,
        actor: Actor,
        kind: PartyKind,
        party_id: int,
        *,
        if_revision: int | None = None,
        dry_run: bool = False,
        told: bool = False,
    ) -> bool:
        """Take the photo of a record away. Returns False, with nothing changed, when it has none.

        Args:
            if_revision: the revision of the record that the caller read; another one now is refused.
            dry_run: whether to find out why it cannot be, and to change nothing.
            told: whether an old CRM tells so: the record keeps the time of its last change.

        Raises:
            Stale: the record has another revision.
            NotFound, Forbidden: no such record for the actor, or not theirs to change.
            Locked: a process holds the record.
        """

        async def work(session: AsyncSession) -> Photo | None:
            aggregate = await load(session, actor, kind, party_id, lock=True)
            require_revision(aggregate.record, if_revision)
            if aggregate.photo is not None:
                await local_changes.require_free(session, actor, [aggregate.id])
            photo = None if dry_run else aggregate.photo
            if photo is not None:
                await session.delete(photo)
                await log_change(session, actor, aggregate, photo.file_name, None, told=told)
                await self._leave(session, photo.key)
            return photo

        if await self.db.transact(work) is None:
            return False
        self.jobs.wake()
        return True

    async def read(self, key: str, size: str) -> tuple[Photo, bytes]:
        """The photo under a key, whoever asks: the key is the secret.

        Args:
            size: `original`, `medium` or `small`.

        Raises:
            NotFound: no live record has a photo of this key, or there is no such size.
            Unavailable: the photo store does not answer.
        """
        live = (exists().where(model.id == Photo.party_id, model.deleted_at.is_(None)) for model in MODELS.values())
        async with self.db.read() as session:
            photo = await session.scalar(select(Photo).where(Photo.key == key, or_(*live)))
        if photo is None:
            raise NotFound
        try:
            data = await self.store.read(key, size)
        except StoreAway as away:
            raise _unavailable(away) from None
        if data is None:
            raise NotFound
        return photo, data

    async def take_out(self, payload: Mapping[str, Any]) -> Result:
        """Do a job of the kind `REMOVE_PHOTO`: take a photo out of the store. What is not there is not missed."""
        try:
            await self.store.remove(payload["key"])
        except StoreAway as away:
            return Retry(away.reason)
        return Done()

    async def _leave(self, session: AsyncSession, key: str) -> None:
        """Let a photo that its record has no more go from the store, once the transaction is committed."""
        await self.jobs.enqueue(session, REMOVE_PHOTO, {"key": key})

    async def _holds(self, photo: Photo, rendered: Rendered) -> bool:
        """Whether the record's photo is this very image."""
        original = rendered.sizes["original"]
        if (photo.content_type, photo.size_bytes) != (rendered.content_type, len(original)):
            return False
        try:
            return await self.store.read(photo.key, "original") == original
        except StoreAway as away:
            raise _unavailable(away) from None


def _unavailable(away: StoreAway) -> Unavailable:
    """The refusal, once its cause is in the log: the doors have no words for it, and clients no use."""
    log.warning("the photo store does not answer", reason=away.reason)
    return Unavailable(PATH)


async def _render(data: bytes, max_bytes: int, formats: frozenset[str]) -> Rendered:
    try:
        return await render(data, max_bytes=max_bytes, formats=formats)
    except TooLargeImage as error:
        raise TooLarge(PATH, error.limit, error.unit) from None
    except NotAnImage:
        raise UnsupportedImage(PATH) from None
