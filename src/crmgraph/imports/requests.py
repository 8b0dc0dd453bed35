"""What staff ask of an import without being at the command line: each step is stored, and done by a worker."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Conflicting, Forbidden, Invalid, Missing, NotFound, TooMany, Unavailable
from crmgraph.crm.job_queue import JobQueue
from crmgraph.crm.models import Import, ImportState, Outcome, Role, Staff, now
from crmgraph.crm.policy import Actor, may_see_identity, require_staff
from crmgraph.crm.values.text import email_key
from crmgraph.db.database import Database
from crmgraph.photos import KeptFiles, StoreAway

IMPORT = "import"
"""The kind of the jobs."""
MOST_OPEN = 10
"""Imports of one of the staff that are neither done nor given up."""
MOST_REFUSED = 0.2
"""The share of rows that may be refused without anybody having accepted it."""
CHUNK = 1024 * 1024
_OPEN = (ImportState.ANALYSING, ImportState.ASKING, ImportState.READY, ImportState.RUNNING)
_BEFORE = (ImportState.ANALYSING, ImportState.ASKING, ImportState.READY)
"""Nothing was written yet."""
_STARTING = (ImportState.READY, ImportState.FAILED, ImportState.CANCELLED)
_UNDOING = (ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED, ImportState.UNDOING)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+")
_MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that came with a request.

    Attributes:
        name: as the client calls it.
        file: at its beginning.
    """

    name: str
    file: BinaryIO


def may_see_rows(actor: Actor, staff_id: int) -> bool:
    """Whether somebody may see what stands in the files of an import: who has brought them, and who may see whatever
    may stand in them, identity documents too."""
    return actor.is_staff and (actor.staff_id == staff_id or may_see_identity(actor, 0))


@dataclass(frozen=True, slots=True)
class Imports:
    """The imports of one store. What reads and writes them opens its own transactions.

    Attributes:
        files: where uploads lie.
    """

    db: Database
    queue: JobQueue
    files: KeptFiles

    async def create(self, actor: Actor, uploads: Sequence[Uploaded], options: Mapping[str, Any]) -> Import:
        """Store files, and let them be read. No record is written.

        Raises:
            Unauthenticated, Forbidden: the actor is none of the staff.
            Missing: there is no file.
            TooMany: they have as many imports in hand as one may have.
            Unavailable: the store does not answer.
        """
        require_staff(actor)
        if not uploads:
            raise Missing(("files",))
        await self.db.transact(lambda session: self._require_room(session, actor))
        kept: list[dict[str, Any]] = []
        try:
            for each in uploads:
                kept.append(await self._kept(each))  # noqa: PERF401 - what is kept by then is forgotten where one fails

            async def work(session: AsyncSession) -> Import:
                staff_id = await self._require_room(session, actor)
                await _require_owner(session, options)
                made = Import(
                    files=kept, options=dict(options), staff_id=staff_id, state=ImportState.ANALYSING, generation=1
                )
                session.add(made)
                await session.flush()
                await self._enqueue(session, made.id, "analyse", 1)
                return made

            made = await self.db.transact(work)
        except BaseException as error:
            await asyncio.shield(self._forget(kept))
            if isinstance(error, StoreAway):
                raise Unavailable from error
            raise
        self.queue.wake()
        return made

    async def update(self, actor: Actor, import_id: int, options: Mapping[str, Any]) -> Import:
        """Read the files anew with other options.

        Args:
            options: that are stored over those that are known; of columns, each by itself.

        Raises:
            Unauthenticated, Forbidden, NotFound: see `_own`.
            Conflicting: it was started already.
        """

        async def work(session: AsyncSession) -> Import:
            found = await self._own(session, actor, import_id)
            if found.state not in _BEFORE:
                raise Conflicting(("import",))
            await _require_owner(session, options)
            columns = {**found.options.get("columns", {}), **options.get("columns", {})}
            if "columns" in options and not options["columns"]:
                columns = {}
            found.options = {**found.options, **options, "columns": columns}
            found.state, found.tries = ImportState.ANALYSING, 0
            found.generation += 1
            await self._enqueue(session, found.id, "analyse", found.generation)
            return found

        found = await self.db.transact(work)
        self.queue.wake()
        return found

    async def start(self, actor: Actor, import_id: int, accept_refused: int | None) -> Import:
        """Let an import be written; one that has failed or was cancelled goes on behind its last batch.

        Args:
            accept_refused: how many rows may be refused; a fifth of all without it.

        Raises:
            Unauthenticated, Forbidden, NotFound: see `_own`.
            Conflicting: it cannot be started as it is, or more rows would be refused.
        """

        async def work(session: AsyncSession) -> Import:
            found = await self._own(session, actor, import_id)
            if found.state not in _STARTING or found.analysis is None:
                raise Conflicting(("import",))
            planned = found.analysis["planned"]
            rows = sum(sum(each.values()) for each in planned.values())
            refused = sum(each.get(Outcome.REFUSED, 0) for each in planned.values())
            if refused > (rows * MOST_REFUSED if accept_refused is None else accept_refused):
                raise Conflicting(("accept_refused",))
            found.state, found.fault, found.finished_at = ImportState.RUNNING, None, None
            found.tries = 0
            found.started_at = found.started_at or now()
            await self._enqueue(session, found.id, "run", found.generation)
            return found

        found = await self.db.transact(work)
        self.queue.wake()
        return found

    async def cancel(self, actor: Actor, import_id: int) -> Import:
        """End an import after the batch that is being written; what is in stays. One that has ended stays as it is.

        Raises:
            Unauthenticated, Forbidden, NotFound: see `_own`.
        """
        gone: list[dict[str, Any]] = []

        async def work(session: AsyncSession) -> Import:
            found = await self._own(session, actor, import_id)
            gone.clear()
            if found.state in _OPEN:
                if found.started_at is None:
                    gone.extend(found.files)
                # Whoever carries it out finds its lease gone, and writes nothing more.
                found.state, found.claimed_until, found.finished_at = ImportState.CANCELLED, None, now()
            return found

        found = await self.db.transact(work)
        await self._forget(gone)
        return found

    async def undo(self, actor: Actor, import_id: int, *, dry_run: bool) -> Import:
        """Let an import be taken back.

        Args:
            dry_run: only tell what would become of the records.

        Raises:
            Unauthenticated, Forbidden, NotFound: see `_own`.
            Conflicting: there is nothing to be undone, or it is being carried out.
        """

        async def work(session: AsyncSession) -> Import:
            found = await self._own(session, actor, import_id)
            if found.state not in _UNDOING or (found.claimed_until is not None and found.claimed_until > now()):
                raise Conflicting(("import",))
            found.undone, found.tries = None, 0
            if not dry_run:
                found.state, found.fault, found.finished_at = ImportState.UNDOING, None, None
            await self._enqueue(session, found.id, "preview undo" if dry_run else "undo", found.generation)
            return found

        found = await self.db.transact(work)
        self.queue.wake()
        return found

    async def _own(self, session: AsyncSession, actor: Actor, import_id: int) -> Import:
        """An import that the actor may change, locked: their own, or any for an administrator.

        Raises:
            Unauthenticated, Forbidden: they are none of the staff, or it is another's.
            NotFound: there is none.
        """
        require_staff(actor)
        found = await session.scalar(select(Import).where(Import.id == import_id).with_for_update())
        if found is None:
            raise NotFound(("import",))
        if found.staff_id != actor.staff_id and actor.role is not Role.ADMIN:
            raise Forbidden(("import",))
        return found

    async def _require_room(self, session: AsyncSession, actor: Actor) -> int:
        staff_id = await session.scalar(select(Staff.id).where(Staff.id == actor.staff_id).with_for_update())
        if staff_id is None:
            raise NotFound
        count = select(func.count()).where(Import.staff_id == staff_id, Import.state.in_(_OPEN))
        if (await session.scalar(count) or 0) >= MOST_OPEN:
            raise TooMany((), MOST_OPEN)
        return staff_id

    async def _enqueue(self, session: AsyncSession, import_id: int, step: str, generation: int) -> None:
        payload = {"import": import_id, "step": step, "generation": generation}
        await self.queue.enqueue(session, IMPORT, payload)

    async def _kept(self, uploaded: Uploaded) -> dict[str, Any]:
        digest, size = await asyncio.to_thread(_fingerprint, uploaded.file)
        name = await self.files.keep("imports", uploaded.file)
        called = safe_name(uploaded.name)
        return {"name": called, "path": called, "object": name, "bytes": size, "sha256": digest}

    async def _forget(self, kept: Sequence[Mapping[str, Any]]) -> None:
        for each in kept:
            try:
                await self.files.remove(each["object"])
            except StoreAway:
                return  # it goes when its time has passed


async def _require_owner(session: AsyncSession, options: Mapping[str, Any]) -> None:
    """Let options pass whose owner is one of the staff.

    Raises:
        Invalid: nobody of the staff has this email.
    """
    if (owner := options.get("owner")) is not None:
        emails = await session.scalars(select(Staff.email).where(Staff.active, Staff.email.is_not(None)))
        if email_key(owner) not in {email_key(each) for each in emails if each}:
            raise Invalid(("options", "owner"), "reference")


def _fingerprint(file: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while piece := file.read(CHUNK):
        digest.update(piece)
        size += len(piece)
    file.seek(0)
    return digest.hexdigest(), size


def safe_name(given: str) -> str:
    """What a file is called here: the last part of a client's own name, by whose end it is known what it may be."""
    name = _UNSAFE.sub("/", given).rpartition("/")[2].strip(" .")
    return name[-_MAX_NAME:] or "file"
