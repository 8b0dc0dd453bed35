"""The upstreams as they are when a server starts: a front for each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.responses import Response

from crmgraph.crm import upstreams
from crmgraph.crm.core import Core
from crmgraph.crm.models import Door
from crmgraph.db.errors import log_background
from crmgraph.rest.passing import Passing
from crmgraph.upstream.callers import Callers
from crmgraph.upstream.forward import Client
from crmgraph.upstream.front import App, UpstreamFront
from crmgraph.upstream.modes import EVERY, Current
from crmgraph.upstream.places import Network, read_base, resolve, tls_of
from crmgraph.upstream.tee import Tee
from crmgraph.upstream.telling import keep_telling


@dataclass(frozen=True, slots=True)
class Spoken:
    """What of a dialect is known beside its own room.

    Attributes:
        operation_of: what a call is counted as, of its method and path.
        away: what it answers where there is no answer.
        telling: the operations whose answers tell of records.
    """

    passing: Passing
    operation_of: Callable[[str, str], str]
    away: Callable[[], Response]
    telling: frozenset[str] = frozenset()


@dataclass(slots=True)
class Upstreams:
    """What answers in front of dialects, by their names; nothing where there is no upstream.

    Attributes:
        socket: at which another process hears of calls that were passed on.
        is_read: whether it is known by now which there are.
    """

    socket: Path
    fronts: dict[str, App] = field(default_factory=dict)
    is_read: bool = False
    _clients: list[Client] = field(default_factory=list)
    _tee: Tee | None = None
    _reading: asyncio.Task[None] | None = None
    _telling: asyncio.Task[None] | None = None

    async def open(self, core: Core, inner: App, spoken: Mapping[Door, Spoken], networks: Sequence[Network]) -> None:
        """Make a front for each upstream that there is. Where the database does not answer, as soon as it does."""
        try:
            await self._read(core, inner, spoken, networks)
        except Exception as error:
            log_background(error, "upstream")
            reading = self._read_later(core, inner, spoken, networks)
            self._reading = asyncio.get_running_loop().create_task(reading, name="background: upstreams")

    async def _read_later(
        self, core: Core, inner: App, spoken: Mapping[Door, Spoken], networks: Sequence[Network]
    ) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._read(core, inner, spoken, networks)
                return
            except Exception as error:
                log_background(error, "upstream")

    async def _read(self, core: Core, inner: App, spoken: Mapping[Door, Spoken], networks: Sequence[Network]) -> None:
        async with core.db.read() as session:
            found = await upstreams.all_upstreams(session)
        if not found:
            self.is_read = True
            self.fronts.clear()
            return
        modes = Current(core.db)
        await modes.read()
        fronts: dict[str, App] = {}
        self._tee = tee = Tee(self.socket)
        for each in found:
            if each.dialect not in spoken:
                continue
            known = spoken[each.dialect]
            client = self._client(each.base_url, each.insecure, networks)
            accounts = self._client(each.accounts_url, each.insecure, networks) if each.accounts_url else None
            fronts[each.dialect.dialect] = UpstreamFront(
                inner,
                each.dialect,
                known.operation_of,
                known.passing,
                client,
                accounts,
                callers=Callers(core.db, each.dialect),
                modes=modes,
                usage=core.usage,
                public_url=core.public_url,
                away=known.away,
                tee=tee,
                telling=known.telling,
            )
        self.fronts.clear()
        self.fronts |= fronts
        self.is_read = True
        self._reading = asyncio.get_running_loop().create_task(modes.keep_reading(), name="background: upstreams")
        self._telling = asyncio.get_running_loop().create_task(keep_telling(core.db), name="background: upstreams")

    def _client(self, url: str, insecure: bool, networks: Sequence[Network]) -> Client:
        base = read_base(url, insecure=insecure)

        def addresses() -> Awaitable[Sequence[str]]:
            return resolve(base, networks)

        client = Client(base, addresses, tls_of(base))
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """End what is kept open."""
        for task in (self._reading, self._telling):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._tee is not None:
            await self._tee.close()
        for each in self._clients:
            each.close()
