"""What goes on beside the servers where old CRMs stand behind: they are read, and what passes by is looked at."""

import asyncio
import os
import signal

from crmgraph.cli.comparing import comparing
from crmgraph.cli.console import DemoOption, fail, out, require_kind, run, settings_of, wired
from crmgraph.cli.pull import pulling
from crmgraph.logs import configure

NICE = 10
"""How far it stands back behind the servers of the machine."""
AT_ONCE = 2
"""How many answers are compared at the same time."""


def run_(demo: DemoOption = False) -> None:
    """Read the old CRMs at their intervals, compare the answers in SHADOW with what this store would have said, and
    apply what answers tell.

    It goes on until it is told to end (SIGTERM or Ctrl-C).

    One is enough for a machine, however many servers run there.
    """
    settings = settings_of(demo)

    async def until_told() -> None:
        from crmgraph.registry import DIALECTS
        from crmgraph.upstream.front import COMPARE, HARVEST
        from crmgraph.upstream.harvest import Harvester
        from crmgraph.upstream.listening import AlreadyListeningError, Consumer, Listener

        ended = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, ended.set)
        async with wired(settings) as (core, _):
            await require_kind(core.db, settings)
            async with pulling(core, settings) as pullers, comparing(core, settings, pullers) as comparer:
                telling = {
                    each.door: telling for each in DIALECTS if (telling := each.implementation.telling) is not None
                }
                consumers = {
                    COMPARE: Consumer(comparer.look, comparer.dropped, at_once=AT_ONCE),
                    HARVEST: Harvester(core, telling).consumer(),
                }
                listener = Listener(settings.upstream_socket, consumers)
                try:
                    await listener.start()
                except AlreadyListeningError:
                    fail(f"{settings.upstream_socket}: another `crmgraph upstream run` listens there.")
                except OSError as error:
                    fail(f"{settings.upstream_socket}: {error.strerror or error}; see CRMGRAPH_UPSTREAM_SOCKET.")
                os.nice(NICE)
                out.print(f"crmgraph listens at {settings.upstream_socket}.", markup=False, highlight=False)
                configure(settings.log_level, settings.log_format)
                await ended.wait()
                await listener.close()

    run(until_told(), settings)
