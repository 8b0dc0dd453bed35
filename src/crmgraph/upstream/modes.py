"""Who answers which call just now, and what is set of upstreams: every process knows it a second after it was said."""

import asyncio
from typing import Any

from crmgraph.crm import upstreams
from crmgraph.crm.models import Door, Mode
from crmgraph.crm.records import local_changes
from crmgraph.crm.upstream_settings import value_of
from crmgraph.crm.upstreams import Modes, modes_of
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background

EVERY = 1.0
"""After how many seconds the switches are looked at again."""


class Current:
    """The switches and settings, as they were read last; a database that is away leaves them as they are."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._last = -1
        self._modes: dict[Door, Modes] = {}
        self._shadowed: frozenset[Door] = frozenset()
        self._options: dict[Door, dict[str, Any]] = {}

    def of(self, dialect: Door, operation: str, caller: str) -> Mode:
        """Who answers a call."""
        return self._modes.get(dialect, Modes()).of(operation, caller)

    def is_shadowed(self, dialect: Door) -> bool:
        """Whether the answers to any calls of a dialect are compared."""
        return dialect in self._shadowed

    def setting(self, dialect: Door, key: str) -> Any:
        """What holds of a setting in `upstream_settings`."""
        return value_of(self._options.get(dialect, {}), key)

    async def read(self) -> None:
        """Read them: the settings, and the switches if there are new ones."""
        async with self._db.read() as session:
            last, self._options = await upstreams.what_is_set(session)
            if last != self._last:
                self._modes = modes_of(await upstreams.all_switches(session))
                self._shadowed = frozenset(d for d, m in self._modes.items() if Mode.SHADOW in m.by.values())
                self._last = last
        local_changes.hold(self._db, self._options, self._modes)

    async def keep_reading(self) -> None:
        """Read them again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.read()
            except Exception as error:
                log_background(error, "upstream")
