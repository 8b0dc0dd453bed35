"""The fronts of the upstreams that there are. What passes calls on is loaded with this module, and not without one."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from crmgraph.crm.comparisons import ComparisonCounts, keep_storing
from crmgraph.crm.core import Core
from crmgraph.crm.models import Door, Upstream, Verdict
from crmgraph.rest.passing import DialectFacts
from crmgraph.upstream.callers import Callers
from crmgraph.upstream.forward import Client
from crmgraph.upstream.front import UpstreamFront
from crmgraph.upstream.modes import Current
from crmgraph.upstream.places import Network, read_base, resolve, tls_of
from crmgraph.upstream.tee import PassedCall, Tee, is_counted
from crmgraph.upstream.telling import keep_telling


@dataclass(slots=True)
class Fronts:
    """The fronts, by the names of their dialects, and what is kept open for them."""

    by_dialect: dict[str, ASGIApp]
    clients: list[Client]
    tee: Tee
    tasks: Sequence[asyncio.Task[None]]

    async def close(self) -> None:
        """End what is kept open."""
        for task in self.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.tee.close()
        for each in self.clients:
            each.close()


async def fronts_of(
    found: Sequence[Upstream],
    core: Core,
    inner: ASGIApp,
    spoken: Mapping[Door, DialectFacts],
    networks: Sequence[Network],
    socket: Path,
) -> Fronts:
    """A front for each upstream of a dialect that is spoken.

    Args:
        inner: this store's own answer.
        networks: private networks in which upstreams may be.
        socket: at which another process hears of calls that were passed on.

    Raises:
        BadPlaceError: the address of one is none any more.
    """
    modes = Current(core.db)
    await modes.read()
    clients: list[Client] = []
    counts = ComparisonCounts()

    def dropped(call: PassedCall, reason: str) -> None:
        if is_counted(call):
            counts.add(call.dialect, call.operation, call.caller, Verdict.DROPPED, reason)

    tee = Tee(socket, dropped)

    def client(url: str, insecure: bool) -> Client:
        base = read_base(url, insecure=insecure)

        def addresses() -> Awaitable[Sequence[str]]:
            return resolve(base, networks)

        clients.append(Client(base, addresses, tls_of(base)))
        return clients[-1]

    fronts: dict[str, ASGIApp] = {}
    for each in found:
        if (known := spoken.get(each.dialect)) is None:
            continue
        fronts[each.dialect.dialect] = UpstreamFront(
            inner,
            each.dialect,
            known.operation_of,
            known.passing,
            client(each.base_url, each.insecure),
            client(each.accounts_url, each.insecure) if each.accounts_url else None,
            callers=Callers(core.db, each.dialect),
            modes=modes,
            usage=core.usage,
            public_url=core.public_url,
            away=known.away,
            tee=tee,
            telling=known.telling,
        )
    loop = asyncio.get_running_loop()
    running = (modes.keep_reading(), keep_telling(core.db), keep_storing(counts, core.db))
    return Fronts(fronts, clients, tee, [loop.create_task(each, name="background: upstreams") for each in running])
