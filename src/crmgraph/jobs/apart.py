"""Jobs in processes of their own: what takes minutes of a core leaves the process that serves to its requests."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import orjson

from crmgraph.crm.job_queue import Done, Result, Retry

PROGRAM = "crmgraph.cli.apart"
"""The module that is run: it reads what is asked of it and prints how it went, both as JSON."""


async def run_apart(settings: Mapping[str, Any], kind: str, payload: Mapping[str, Any]) -> Result:
    """Run a job in a process of its own, which ends with the task that waits for it.

    Args:
        settings: of the process, as JSON. They go through a pipe: nobody sees them in a list of processes.
        kind: a key of `assembly.handlers`.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", PROGRAM, stdin=pipe, stdout=pipe)
    try:
        asked = orjson.dumps({"settings": settings, "kind": kind, "payload": payload})
        said, _ = await process.communicate(asked)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        return Retry("its process has ended before it was done")
    reason = orjson.loads(said)["retry"]
    return Done() if reason is None else Retry(reason)
