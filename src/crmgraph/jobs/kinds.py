"""What is done in the background: one row for each kind of job."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from crmgraph.crm.identity.outbox import EMAIL, WINDOW, Outbox
from crmgraph.crm.job_queue import Done, Result, Retry
from crmgraph.crm.records.duplicates.upkeep import keep_up
from crmgraph.crm.records.record_photos import REMOVE_PHOTO, RecordPhotos
from crmgraph.crm.retention import Retention, purge_files, purge_photos, purge_rows
from crmgraph.crm.search import vocabulary
from crmgraph.db.database import Database
from crmgraph.photos import KeptFiles, StoreAway

FORGETTING = 86_400.0
"""How often words go that nobody has any more, in seconds: each of them is looked up."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job, and how it is run.

    Attributes:
        name: as it stands in `Job.kind`, in the log and in metrics.
        handler: does one job, given its payload. It may be run a second time for a job that was done, when a worker
            dies before that was noted. It returns how it did; an exception, which is logged, counts as `Retry`.
        at_once: how many a process runs at the same time; 0 leaves them to others.
        seconds: how long one attempt may take.
        first_retry: seconds until the second attempt; each further wait is twice as long.
        longest_retry: the longest wait between two attempts, in seconds.
        window: for how long after it was stored a job is tried, before it fails for good.
        every: seconds between the end of one run and the next, for a recurring job: it has one row in the table, is
            stored by the runner and never fails for good. None for all others; 0 for one that is switched off.
        lasting: whether it takes minutes: a process that stops begins none, and leaves what it has in hand to others.
        failure: the event in the log of an attempt that failed.
    """

    name: str
    handler: Callable[[Mapping[str, Any]], Awaitable[Result]]
    at_once: int = 1
    seconds: float = 60.0
    first_retry: float = 15.0
    longest_retry: float = 3600.0
    window: dt.timedelta = dt.timedelta(days=1)
    every: float | None = None
    lasting: bool = False
    failure: str = "a job was not done"

    @property
    def stays(self) -> bool:
        """Whether it is left to other processes by one that stops."""
        return self.every is not None or self.lasting

    def pause(self, attempts: int) -> float:
        """Seconds to wait after so many attempts, before any jitter."""
        return min(self.longest_retry, self.first_retry * 2.0 ** min(attempts - 1, 30))


def kinds(
    db: Database,
    outbox: Outbox,
    photos: RecordPhotos,
    files: KeptFiles,
    keep: Retention,
    *,
    purge_seconds: float,
    duplicates_seconds: float = 0.0,
    further: Sequence[Kind] = (),
) -> tuple[Kind, ...]:
    """The table of what is done in the background.

    Args:
        files: of imports and exports.
        keep: how long things are kept.
        purge_seconds: how often what is not kept is removed; 0 is never.
        duplicates_seconds: how often records that have changed are compared with others; 0 is never.
        further: what stands on more than the core.
    """

    async def purge(_: Mapping[str, Any]) -> Result:
        log.info("purged", **await purge_rows(db, keep))
        return Done()

    async def sweep_photos(_: Mapping[str, Any]) -> Result:
        try:
            log.info("purged", photos=await purge_photos(db, photos.store, keep), files=await purge_files(files))
        except StoreAway as away:
            return Retry(away.reason)
        return Done()

    async def forget_words(_: Mapping[str, Any]) -> Result:
        log.info("purged", words=await vocabulary.forget(db))
        return Done()

    async def compare(_: Mapping[str, Any]) -> Result:
        log.info("compared", **await keep_up(db))
        return Done()

    purging = 1 if purge_seconds else 0
    return (
        Kind(EMAIL, outbox.deliver, at_once=4 if outbox.sends else 0, window=WINDOW, failure="mail not sent"),
        Kind(REMOVE_PHOTO, photos.take_out, at_once=4, failure="a removed photo is still in the store"),
        Kind("purge", purge, at_once=purging, seconds=3600.0, every=purge_seconds),
        Kind("forget words", forget_words, at_once=purging, seconds=3600.0, every=FORGETTING),
        Kind(
            "sweep photos",
            sweep_photos,
            at_once=purging,
            seconds=6 * 3600.0,
            every=purge_seconds,
            failure="the photo store does not answer",
        ),
        Kind(
            "duplicates",
            compare,
            at_once=1 if duplicates_seconds else 0,
            seconds=6 * 3600.0,
            every=duplicates_seconds,
        ),
        *further,
    )
