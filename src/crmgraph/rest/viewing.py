"""A record as a dialect shows it, to somebody who is let in already: by the very operation that its clients call."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from crmgraph.crm.core import Core
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.db.shares import Shares
from crmgraph.mapping import FieldMap
from crmgraph.rest.front import Api, Front, unchecked


@dataclass(frozen=True, slots=True)
class Shown:
    """The request by which a dialect shows a record.

    Attributes:
        path: below the prefix of the API.
        query: the parameters.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Viewing:
    """How a dialect shows one record, as data.

    Attributes:
        api: of the operation that does.
        shown: of the kind of record and our id, the request; None where the dialect shows no such records.
        read: reads what the call brings, as `admit` of the API does besides letting somebody in.
        acts: whoever acts there for a caller, of the caller and the id of the record.
        rows: {phones, emails or addresses: the fields of one}, where the dialect tells all rows and not slots of them.
    """

    api: Api
    shown: Callable[[PartyKind, int], Shown | None]
    read: Callable[[Any], Awaitable[None]] = unchecked
    acts: Callable[[Actor, int], Actor] = lambda actor, _: actor
    rows: Mapping[str, FieldMap] = field(default_factory=dict)


class RecordView:
    """Shows records as one dialect does.

    Args:
        viewing: how it shows one.
    """

    def __init__(self, core: Core, viewing: Viewing) -> None:
        self.viewing = viewing
        # Whoever asks holds their share of the worker already.
        self._core = replace(core, shares=Shares(1_000))
        self._front = Front(self._core, replace(viewing.api, before=unchecked, admit=viewing.read))

    async def of(self, actor: Actor, kind: PartyKind, number: int) -> Response:
        """What the dialect answers when it is asked for a record.

        Args:
            actor: who asks, through whichever door; they see what they may.
            number: our id of the record.
        """
        viewing = self.viewing
        shown = viewing.shown(kind, number)
        if shown is None:
            return viewing.api.nowhere()
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"{viewing.api.prefix}{shown.path}",
            "query_string": urlencode(shown.query).encode(),
            "headers": [],
        }
        call = viewing.api.call(self._core, Request(scope))
        call.actor = replace(viewing.acts(actor, number), door=Door(viewing.api.door.upper()))
        return await self._front.answer(call)
