"""The program of a job in a process of its own, see `crmgraph.jobs.apart`; no command for people."""

import asyncio
import os
import sys
from typing import Any

import orjson

from crmgraph.assembly import build, close, handlers
from crmgraph.cli import NICE
from crmgraph.crm.job_queue import Done, Retry
from crmgraph.crm.records import local_changes
from crmgraph.logs import configure
from crmgraph.settings import Settings


async def _run(settings: Settings, kind: str, payload: Any) -> str | None:
    """Do a job, to its end; why it is to be tried again, None where it is done."""
    core, runner = build(settings)
    try:
        await local_changes.read(core.db)
        result = await handlers(core)[kind](payload)
        if isinstance(result, Done) and result.write is not None:
            async with core.db.begin() as session:
                await result.write(session)
    finally:
        await close(core, runner)
    return None if isinstance(result, Done) else result.reason if isinstance(result, Retry) else "it was given up"


def main() -> None:
    """Read what is asked, and print how it went."""
    os.nice(NICE)
    asked = orjson.loads(sys.stdin.buffer.read())
    settings = Settings(**asked["settings"])
    configure(settings.log_level, settings.log_format)
    reason = asyncio.run(_run(settings, asked["kind"], asked["payload"]))
    sys.stdout.buffer.write(orjson.dumps({"retry": reason}))


if __name__ == "__main__":
    main()
