"""The steps of an import that was brought in by a request, as a worker does them: read, write, undo.

A step may be begun again, by another worker where one has died: an analysis from the start, writing behind the last
batch, an undo with what is left. What was cancelled meanwhile is noticed by its lease.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.job_queue import Done, Result, Retry
from crmgraph.crm.models import Import, ImportRow, ImportState, ImportTold, Outcome, Staff, now
from crmgraph.crm.policy import Actor
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.crm.retention import KEPT_FILES
from crmgraph.crm.tasks import Tasks, result_of
from crmgraph.db.database import Database
from crmgraph.db.errors import is_away, log_background
from crmgraph.imports import records, stated
from crmgraph.imports.analysis import Rows, Watched, analysis_of
from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import Event, StaffRef
from crmgraph.imports.reports import Report
from crmgraph.imports.requests import IMPORT
from crmgraph.imports.writing import leases, runs
from crmgraph.imports.writing.batches import How
from crmgraph.imports.writing.leases import ImportBusy
from crmgraph.imports.writing.photos import Photos
from crmgraph.imports.writing.runs import Progress, Run
from crmgraph.imports.writing.undo import summary_of, undo
from crmgraph.photos import StoreAway

FILES_GONE = "The files are not there any more: import them anew."
DISMISSED = "Whoever has brought the files in may not import any more."
FAULT = "It has failed by a fault of ours."
MOST_TRIES = 5
"""Workers that may die of an import, one after the other, before it is given up."""
DIED = (
    f"Whoever carried it out has died {MOST_TRIES} times, and could not say of what: the files may take more memory "
    "than there is. What is in stays."
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The files of an import, ready to be read.

    Attributes:
        region: as of `Actor`.
    """

    reading: Reading
    importer: Staff
    how: How
    region: str | None


class _GivenUp(Exception):
    """An import that cannot go on, in words for whoever has asked for it."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Carries imports out.

    Attributes:
        tasks: whose files and region hold.
        max_photo_bytes: the longest photo that is taken.
    """

    tasks: Tasks
    photos: RecordPhotos
    max_photo_bytes: int

    @property
    def _db(self) -> Database:
        return self.tasks.db

    async def run(self, payload: Mapping[str, Any]) -> Result:
        """Do one step of an import."""
        import_id = payload["import"]
        found = await self._begun(import_id, payload["generation"])
        if found is None:
            return Done()
        if found.tries > MOST_TRIES:
            await self._fail(import_id, DIED)
            return Done()
        try:
            return await self._carry_out(found, payload["step"])
        finally:
            # Whatever came of it, this worker is there to tell.
            await self._db.transact(lambda session: _note(session, import_id, tries=0))

    async def _begun(self, import_id: int, generation: int) -> Import | None:
        """An import of which a step begins; None where that is not to be done any more."""
        own = update(Import).where(Import.id == import_id, Import.generation == generation)
        begun = own.values(tries=Import.tries + 1).returning(Import)
        async with self._db.begin() as session:
            return await session.scalar(begun)

    async def _carry_out(self, found: Import, step: str) -> Result:
        import_id = found.id
        steps = {"analyse": self._analyse, "run": self._write, "undo": self._undo, "preview undo": self._preview_undo}
        try:
            with tempfile.TemporaryDirectory(prefix="crmgraph-import-") as folder:
                await steps[step](found, Path(folder))
        except ImportBusy:
            # Another one is carried out, or this one was cancelled or taken over, and then there is nothing to do.
            return Retry("another import is carried out")
        except StoreAway as away:
            return Retry(away.reason)
        except _GivenUp as why:
            await self._fail(import_id, str(why))
        except Exception as error:
            if is_away(error):
                return Retry(type(error).__name__)
            log_background(error, IMPORT)
            await self._fail(import_id, FAULT)
        return Done()

    async def _fail(self, import_id: int, why: str) -> None:
        still = (ImportState.ANALYSING, ImportState.RUNNING, ImportState.UNDOING)
        failed = update(Import).where(Import.id == import_id, Import.state.in_(still))
        failed = failed.values(state=ImportState.FAILED, fault=why, claimed_until=None, finished_at=now())
        async with self._db.begin() as session:
            await session.execute(failed.execution_options(synchronize_session=False))

    # --- reading

    async def _open(self, found: Import, folder: Path) -> "_Opened":
        """The files of an import, as whoever has brought them has said how to read them."""
        paths = []
        for n, each in enumerate(found.files):
            (folder / str(n)).mkdir()
            paths.append(folder / str(n) / each["name"])
            if not await self.tasks.files.fetch(each["object"], paths[-1]):
                raise _GivenUp(FILES_GONE)
        async with self._db.read() as session:
            staff = list(await session.scalars(select(Staff).where(Staff.active).order_by(Staff.id)))
        importer = next((each for each in staff if each.id == found.staff_id), None)
        if importer is None:
            raise _GivenUp(DISMISSED)
        options = stated.options_of(found.options)
        named = [records.Staff(each.email, each.name, each is importer) for each in staff if each.email]
        finder = runs.Finder(self._db)
        reading = await asyncio.to_thread(open_set, paths, options, named, stored=finder.stored)
        ids = {each.email: each.id for each in staff if each.email}
        mode = found.options.get("mode", "upsert")
        how = How(mode, stated.match_by(found.options), ids, StaffRef(importer.email or ""))
        return _Opened(reading, importer, how, options.region or self.tasks.region)

    def _run(self, opened: "_Opened", import_id: int | None, told: runs.Told) -> Run:
        return Run(
            self._db,
            runs.actor_of(opened.importer, import_id, opened.region),
            opened.reading,
            opened.how,
            photos=Photos(self.photos, self.max_photo_bytes),
            told=told,
            progress=lambda progress: None,
        )

    async def _analyse(self, found: Import, folder: Path) -> None:
        if found.state is not ImportState.ANALYSING:
            return
        opened = await self._open(found, folder)
        with closing(opened.reading) as reading:
            report, rows = Report(reading, folder / "report"), Rows()
            watched = [Watched(part) for part in reading.parts]
            progress = Progress()
            try:
                if not reading.is_open:
                    progress = await self._run(opened, None, _both(report, rows)).carry_out()
            finally:
                report.close()
            state = ImportState.ASKING if reading.is_open else ImportState.READY
            analysis = analysis_of(reading, watched, rows, progress.counts)
        refused = await self._kept_refusals(folder / "report")

        async def work(session: AsyncSession) -> None:
            own = (Import.id == found.id, Import.state == ImportState.ANALYSING, Import.generation == found.generation)
            told = update(Import).where(*own).values(state=state, analysis=analysis, refused=refused)
            if await session.scalar(told.returning(Import.id)) is not None:
                await _store_rows(session, found.id, rows)

        await self._db.transact(work)

    async def _kept_refusals(self, folder: Path) -> dict[str, Any] | None:
        """What is to be stored of the refused rows, as they stood; None where there are none."""
        paths = await asyncio.to_thread(lambda: sorted(folder.glob("refused*")))
        if not paths:
            return None
        path = paths[0]
        if len(paths) > 1:
            path = await asyncio.to_thread(_zipped, paths, folder / "refused.zip")
        size = path.stat().st_size
        kept_as = await self.tasks.files.keep("imports", path)
        return result_of(path.name, "application/octet-stream", size, kept_as, life=KEPT_FILES["imports"])

    # --- writing

    async def _write(self, found: Import, folder: Path) -> None:
        if found.state is not ImportState.RUNNING:
            return
        opened = await self._open(found, folder)
        report_in = folder / "report"

        def outcome(rows: Rows, refused: Mapping[str, Any] | None) -> runs.Store:
            return lambda session: _store_outcome(session, found.id, rows, refused)

        with closing(opened.reading) as reading:
            if not await leases.take_over(self._db, found.id, ImportState.RUNNING, only=(ImportState.RUNNING,)):
                return  # it was cancelled
            report, rows = Report(reading, report_in), Rows()
            run = self._run(opened, found.id, _both(report, rows))
            try:
                try:
                    await run.carry_out()
                finally:
                    report.close()
                async with run.lease_kept():
                    refused = await self._kept_refusals(report_in)
                await run.end(outcome(rows, refused))
            except ImportBusy:
                # It may have been cancelled: what is in is told.
                await self._db.transact(outcome(rows, await self._kept_refusals(report_in)))
                raise

    # --- undoing

    async def _undo(self, found: Import, folder: Path) -> None:
        if found.state is not ImportState.UNDOING:
            return
        actor = await self._actor(found)
        if not await leases.take_over(self._db, found.id, ImportState.UNDOING, only=(ImportState.UNDOING,)):
            return
        await undo(self._db, actor, found.id)

    async def _preview_undo(self, found: Import, folder: Path) -> None:
        done = await undo(self._db, await self._actor(found), found.id, dry_run=True)
        told = update(Import).where(Import.id == found.id, Import.state != ImportState.UNDOING)
        async with self._db.begin() as session:
            await session.execute(told.values(undone=summary_of(done, dry_run=True)))

    async def _actor(self, found: Import) -> Actor:
        async with self._db.read() as session:
            importer = await session.get_one(Staff, found.staff_id)
        return runs.actor_of(importer, found.id, self.tasks.region)


async def _note(session: AsyncSession, import_id: int, **values: Any) -> None:
    noted = update(Import).where(Import.id == import_id).values(**values)
    await session.execute(noted.execution_options(synchronize_session=False))


def _both(report: Report, rows: Rows) -> runs.Told:
    def told(event: Event, outcome: Outcome) -> None:
        report.take(event, outcome)
        rows.take(event, outcome)

    return told


async def _store_rows(session: AsyncSession, import_id: int, rows: Rows) -> None:
    """Store the first rows of each outcome in place of those that are there."""
    await session.execute(delete(ImportTold).where(ImportTold.import_id == import_id))
    stored = [
        {"import_id": import_id, "outcome": outcome, "rows": each} for outcome, each in rows.by_outcome.items() if each
    ]
    if stored:
        await session.execute(insert(ImportTold), stored)


async def _store_outcome(session: AsyncSession, import_id: int, rows: Rows, refused: Mapping[str, Any] | None) -> None:
    """Store what became of the first rows of each outcome, with the records that they are now."""
    told = [row for outcome in (Outcome.CREATED, Outcome.UPDATED) for row in rows.by_outcome.get(outcome, ())]
    by_key: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in told:
        row["id"] = None
        by_key.setdefault((row["kind"], row["key"]), []).append(row)
    query = select(ImportRow.id, ImportRow.kind, ImportRow.key, ImportRow.party_id)
    query = query.where(ImportRow.import_id == import_id).order_by(ImportRow.id).limit(runs.KNOWN_PAGE)
    last = 0
    while by_key and (page := (await session.execute(query.where(ImportRow.id > last))).all()):
        for last, kind, key, own_id in page:  # noqa: B007 - the last one counts
            for row in by_key.pop((kind.value, key), ()):
                row["id"] = own_id
    await _store_rows(session, import_id, rows)
    await session.execute(update(Import).where(Import.id == import_id).values(refused=refused))


def _zipped(paths: Sequence[Path], into: Path) -> Path:
    """Files as one archive."""
    from zipfile import ZIP_DEFLATED, ZipFile

    with ZipFile(into, "w", ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)
    return into
