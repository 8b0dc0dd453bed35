"""The upstreams as they are when a server starts: a front for each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from crmgraph.crm import upstreams
from crmgraph.crm.core import Core
from crmgraph.crm.models import Door
from crmgraph.db.errors import NOT_MIGRATED, diagnose, log_away, log_background
from crmgraph.rest.passing import DialectFacts
from crmgraph.upstream.places import Network

if TYPE_CHECKING:
    from crmgraph.upstream.building import Fronts

Spoken: TypeAlias = Callable[[], Mapping[Door, DialectFacts]]
"""What has to be known of the dialects that are spoken; they are loaded for it."""
AT_MOST = 2.0
"""How long a call waits until it is known which upstreams there are, in seconds."""
EVERY = 1.0
"""After how many seconds it is looked again which there are, while that is not known."""


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
    fronts: dict[str, ASGIApp] = field(default_factory=dict)
    is_read: bool = False
    _built: "Fronts | None" = None
    _reading: asyncio.Task[None] | None = None
    _flight: asyncio.Task[None] | None = None

    async def open(self, core: Core, inner: ASGIApp, spoken: Spoken, networks: Sequence[Network]) -> None:
        """Make a front for each upstream that there is. Where the database does not answer, as soon as it does."""
        try:
            await self._read(core, inner, spoken, networks)
        except Exception as error:
            log_background(error, "upstream")

            def look() -> Awaitable[Exception | None]:
                return self._look(core, inner, spoken, networks)

            self.fronts |= {
                each.dialect: _Undecided(self, inner, each, facts.away, look) for each, facts in spoken().items()
            }
            reading = self._read_later(look)
            self._reading = asyncio.get_running_loop().create_task(reading, name="background: upstreams")

    async def _read_later(self, look: Callable[[], Awaitable[Exception | None]]) -> None:
        while not self.is_read:
            await asyncio.sleep(EVERY)
            if (error := await look()) is not None:
                log_background(error, "upstream")

    async def _look(self, core: Core, inner: ASGIApp, spoken: Spoken, networks: Sequence[Network]) -> Exception | None:
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

    async def _read(self, core: Core, inner: ASGIApp, spoken: Spoken, networks: Sequence[Network]) -> None:
        async with core.db.read() as session:
            found = await upstreams.all_upstreams(session)
        if not found:
            self.is_read = True
            self.fronts.clear()
            return
        # Nothing of it is loaded without an upstream.
        from crmgraph.upstream.building import fronts_of

        self._built = await fronts_of(found, core, inner, spoken(), networks, self.socket)
        self.fronts.clear()
        self.fronts |= self._built.by_dialect
        self.is_read = True

    async def close(self) -> None:
        """End what is kept open."""
        for task in filter(None, (self._reading, self._flight)):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
        if self._built is not None:
            await self._built.close()


class _Undecided:
    """Answers the calls of a dialect while it is not known whether they are passed on."""

    def __init__(
        self,
        upstreams: Upstreams,
        inner: ASGIApp,
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
