"""Run background jobs, and nothing else."""

import asyncio
import signal

from crmgraph.cli.console import DemoOption, out, require_kind, run, settings_of, wired
from crmgraph.db.url import without_secrets
from crmgraph.logs import configure

POLL = 1.0
"""After how many seconds the table is looked at: what is run here, servers have stored, and nobody calls for it."""


def work(demo: DemoOption = False) -> None:
    """Run background jobs until it is told to end (SIGTERM or Ctrl-C): emails, purging, sweeping photos."""
    settings = settings_of(demo)

    async def until_told() -> None:
        ended = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, ended.set)
        async with wired(settings, poll=POLL) as (core, runner):
            await require_kind(core.db, settings)
            out.print(
                f"crmgraph runs the jobs of {without_secrets(settings.database_url)}.", markup=False, highlight=False
            )
            configure(settings.log_level, settings.log_format)
            runner.start()
            await ended.wait()

    run(until_told(), settings)
