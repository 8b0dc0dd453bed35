"""Who answers which call just now, as every process knows it a second after it was said."""

import asyncio

from crmgraph.crm import upstreams
from crmgraph.crm.models import Door, Mode
from crmgraph.crm.upstreams import Modes, modes_of
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background

EVERY = 1.0
"""After how many seconds the switches are looked at again."""


class Current:
    """The switches, as they were read last; a database that is away leaves them as they are."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._last = -1
        self._modes: dict[Door, Modes] = {}
        self._shadowed: frozenset[Door] = frozenset()

    def of(self, dialect: Door, operation: str, caller: str) -> Mode:
        """Who answers a call."""
        return self._modes.get(dialect, Modes()).of(operation, caller)

    def is_shadowed(self, dialect: Door) -> bool:
        """Whether the answers to any calls of a dialect are compared."""
        return dialect in self._shadowed

    async def read(self) -> None:
        """Read them, if there are new ones."""
        async with self._db.read() as session:
            last = await upstreams.last_switch(session)
            if last != self._last:
                self._modes = modes_of(await upstreams.all_switches(session))
                self._shadowed = frozenset(d for d, m in self._modes.items() if Mode.SHADOW in m.by.values())
                self._last = last

    async def keep_reading(self) -> None:
        """Read them again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.read()
            except Exception as error:
                log_background(error, "upstream")
