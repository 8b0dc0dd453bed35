"""Whether requests may be sent here: a list of checks, each of which names what is wrong in a few words."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import text

from crmgraph.db.database import Database
from crmgraph.db.errors import diagnose
from crmgraph.migrations import head, is_newer, revision_of
from crmgraph.photos import PhotoStore

log = structlog.get_logger(__name__)

CHECK_SECONDS = 5.0
"""How long one check may take."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be well before requests can be served.

    Attributes:
        name: what it is, e.g. `database`.
        ask: answers what is wrong with it, e.g. `read-only`, in words that anybody may read; None where all is well.
    """

    name: str
    ask: Callable[[], Awaitable[str | None]]


def database_check(db: Database) -> Check:
    """Whether the database answers, takes changes, and has the tables of this version. Nothing is written."""

    async def ask() -> str | None:
        try:
            writable = _may_write(Path(str(db.url.database))) if db.is_sqlite else await _takes_changes(db)
            found = await revision_of(db)
        except Exception as error:
            diagnosis = diagnose(error)
            if not diagnosis.is_away:
                raise
            return diagnosis.reason
        if found != head():
            return "of a newer version" if is_newer(found) else "not migrated"
        return None if writable else "read-only"

    return Check("database", ask)


def photo_check(store: PhotoStore) -> Check:
    """Whether the photo store keeps what it is given; why it does not is for the log alone."""

    async def ask() -> str | None:
        if (fault := await store.fault()) is None:
            return None
        log.warning("the photo store does not answer", reason=fault)
        return "does not keep photos"

    return Check("photo store", ask)


async def _takes_changes(db: Database) -> bool:
    async with db.read() as session:
        return bool(await session.scalar(text("SELECT current_setting('transaction_read_only') = 'off'")))


def _may_write(path: Path) -> bool:
    # SQLite writes a log beside its file.
    return not path.exists() or (os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK))


async def faults(checks: Sequence[Check]) -> list[str]:
    """What is wrong, e.g. `database read-only`: all checks are made at once, and told in their order."""
    return [fault for fault in await asyncio.gather(*map(_made, checks)) if fault is not None]


async def _made(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            fault = await check.ask()
    except TimeoutError:
        fault = "too slow"
    except Exception:
        log.exception("a check of health failed", check=check.name)
        fault = "in an unknown state: see the log"
    return None if fault is None else f"{check.name} {fault}"
