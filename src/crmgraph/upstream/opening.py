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
from crmgraph.db.errors import NOT_MIGRATED, diagnose, log_away, log_background
from crmgraph.rest.passing import Passing
from crmgraph.upstream.callers import Callers
from crmgraph.upstream.forward import Client
from crmgraph.upstream.front import App, Receive, Scope, Send, UpstreamFront
from crmgraph.upstream.modes import EVERY, Current
from crmgraph.upstream.places import Network, read_base, resolve, tls_of
from crmgraph.upstream.tee import Tee


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


AT_MOST = 2.0
"""How long a call waits until it is known which upstreams there are, in seconds."""


@dataclass(slots=True)
class Upstreams:
    """What answers in front of dialects, by their names; nothing where there is no upstream.

    While it is not known which there are, since the database does not answer, calls of every dialect wait for it within
    `AT_MOST`, and are told that it is away: what another store holds is neither told nor written by this one.

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
    _flight: asyncio.Task[None] | None = None
    _modes: asyncio.Task[None] | None = None

    async def open(self, core: Core, inner: App, spoken: Mapping[Door, Spoken], networks: Sequence[Network]) -> None:
        """Make a front for each upstream that there is. Where the database does not answer, as soon as it does."""
        try:
            await self._read(core, inner, spoken, networks)
        except Exception as error:
            log_background(error, "upstream")

            def look() -> Awaitable[Exception | None]:
                return self._look(core, inner, spoken, networks)

            self.fronts |= {each.dialect: _Undecided(self, inner, each, spoken[each].away, look) for each in spoken}
            reading = self._read_later(look)
            self._reading = asyncio.get_running_loop().create_task(reading, name="background: upstreams")

    async def _read_later(self, look: Callable[[], Awaitable[Exception | None]]) -> None:
        while not self.is_read:
            await asyncio.sleep(EVERY)
            if (error := await look()) is not None:
                log_background(error, "upstream")

    async def _look(
        self, core: Core, inner: App, spoken: Mapping[Door, Spoken], networks: Sequence[Network]
    ) -> Exception | None:
        """Look which there are, once for all who ask meanwhile; why that is not known, where it is not in time."""
        if self.is_read:
            return None
        if self._flight is None or self._flight.done():
            reading = self._read(core, inner, spoken, networks)
            self._flight = asyncio.get_running_loop().create_task(reading, name="background: upstreams")
        flight = self._flight
        await asyncio.wait({flight}, timeout=AT_MOST)
        if not flight.done():
            return TimeoutError("the database does not answer in time")
        error = flight.exception()
        return error if isinstance(error, Exception) else None

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
        self._modes = asyncio.get_running_loop().create_task(modes.keep_reading(), name="background: upstreams")

    def _client(self, url: str, insecure: bool, networks: Sequence[Network]) -> Client:
        base = read_base(url, insecure=insecure)

        def addresses() -> Awaitable[Sequence[str]]:
            return resolve(base, networks)

        client = Client(base, addresses, tls_of(base))
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """End what is kept open."""
        for task in filter(None, (self._reading, self._flight, self._modes)):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
        if self._tee is not None:
            await self._tee.close()
        for each in self._clients:
            each.close()


class _Undecided:
    """Answers the calls of a dialect while it is not known whether they are passed on."""

    def __init__(
        self,
        upstreams: Upstreams,
        inner: App,
        dialect: Door,
        away: Callable[[], Response],
        look: Callable[[], Awaitable[Exception | None]],
    ) -> None:
        self._upstreams = upstreams
        self._inner = inner
        self._dialect = dialect
        self._away = away
        self._look = look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = await self._look()
        if error is None:
            await self._upstreams.fronts.get(self._dialect.dialect, self._inner)(scope, receive, send)
        elif diagnose(error).reason == NOT_MIGRATED:
            # A database without the tables has no upstreams, and the dialect tells it as the fault that it is.
            await self._inner(scope, receive, send)
        else:
            log_away(error, self._dialect.dialect)
            await self._away()(scope, receive, send)
