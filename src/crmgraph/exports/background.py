"""Exports that somebody has asked for: written to a file in the background, and kept for a day."""

import asyncio
import datetime as dt
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from crmgraph.crm.job_queue import Done, Result, Retry
from crmgraph.crm.models import JobState, PartyKind, Task, now
from crmgraph.crm.policy import Actor, may_see_identity
from crmgraph.crm.query import offset_pages
from crmgraph.crm.query.conditions import Where
from crmgraph.crm.tasks import Tasks, result_of
from crmgraph.db.errors import is_away, log_background
from crmgraph.exports import writing
from crmgraph.mapping import FieldMap
from crmgraph.photos import PhotoStore, StoreAway

EXPORT = "export"
"""The kind of the jobs."""
NOTED_EVERY = 1.0
"""Seconds between two notes of how far an export is, at which it is also seen that it was cancelled."""
PAGE = 100
"""Records that are read at once: the process may be one that serves, and others are let in between."""
PATIENCE = dt.timedelta(hours=1)
"""For how long an export is tried while the database or the store is away."""

log = structlog.get_logger(__name__)


class Exporter:
    """Carries exports out.

    Args:
        photos: those of archives.
        where_of: what a filter of the graph, in JSON, asks for.
        tables_of: what a dialect calls the values of each kind of record.
    """

    def __init__(
        self,
        tasks: Tasks,
        photos: PhotoStore,
        where_of: Callable[[PartyKind, Any], Where],
        tables_of: Callable[[str], Mapping[PartyKind, FieldMap]],
    ) -> None:
        self._tasks = tasks
        self._photos = photos
        self._where_of = where_of
        self._tables_of = tables_of

    async def run(self, payload: Mapping[str, Any]) -> Result:
        """Carry out one export; whatever was written of it before is written anew."""
        task_id = payload["task"]
        begun = await self._tasks.start(task_id)
        if begun is None:
            return Done()
        task, actor = begun
        identity = task.given["identity"]
        if actor is None or (identity and not may_see_identity(actor, 0)):
            return self._failed(task_id, "FORBIDDEN", "Whoever has asked for it may not do so any more.")
        try:
            result = await self._written(task, replace(actor, sees_identity=identity))
        except StoreAway as away:
            reason = away.reason
        except Exception as error:
            if not is_away(error):
                log_background(error, EXPORT)
                return self._failed(task_id, "INTERNAL", "The export has failed by a fault of ours.")
            reason = type(error).__name__
        else:
            if result is None:
                return Done()
            return Done(lambda session: self._tasks.end(session, task_id, JobState.DONE, **result))
        if now() - task.created_at < PATIENCE:
            return Retry(reason)
        return self._failed(task_id, "UNAVAILABLE", "Something that is needed does not answer: try again later.")

    def _failed(self, task_id: int, code: str, message: str) -> Done:
        faults = [{"row": None, "code": code, "message": message}]
        return Done(lambda session: self._tasks.end(session, task_id, JobState.FAILED, faults=faults))

    async def _written(self, task: Task, actor: Actor) -> dict[str, Any] | None:
        """What is to be noted of an export that is done; None of one that was cancelled."""
        given = task.given
        kind, form = PartyKind(given["kind"]), given["form"]
        where = None if given["filter"] is None else self._where_of(kind, given["filter"])
        fields = None if given["dialect"] is None else self._tables_of(given["dialect"])[kind]
        async with self._tasks.db.read() as session:
            total = await offset_pages.count(session, actor, kind, where)
        count = 0

        def told(done: int) -> None:
            nonlocal count
            count += done

        with tempfile.TemporaryDirectory(prefix="crmgraph-export-") as folder:
            path = Path(folder) / "export"
            asked = writing.ExportRequest(
                (kind,), form, where, fields, excel=given["excel"], size=PAGE, photos=self._photos
            )
            work = asyncio.create_task(writing.write(self._tasks.db, actor, asked, path, told=told))
            try:
                while not work.done():
                    if not await self._tasks.note(task.id, count, max(total, count)):
                        return None
                    await asyncio.wait([work], timeout=NOTED_EVERY)
                await work
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            size = path.stat().st_size
            name = await self._tasks.files.keep("exports", path)
        suffix, type_ = writing.FILES[form]
        saved_as = f"{writing.NAMES[kind]}-{task.created_at:%Y-%m-%d}.{suffix}"
        return {"done": count, "total": count, "result": result_of(saved_as, type_, size, name)}
