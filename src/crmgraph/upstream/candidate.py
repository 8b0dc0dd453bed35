"""What this store would have said to a call that was passed on: by its own doors, and without a trace.

Reads only: the database is opened so that nothing can be written, nothing is counted, and the throttle is not asked.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from sqlalchemy import true
from starlette.routing import Route

from crmgraph.crm.core import Core
from crmgraph.crm.identity.identity import Identity
from crmgraph.crm.identity.token_holders import Holder, Holders
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.authorization import Standing
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.crm.usage import UsageCounts
from crmgraph.db.database import Database
from crmgraph.db.shares import Shares
from crmgraph.http.charsets import path_of
from crmgraph.upstream.compare import ComparedAnswer
from crmgraph.upstream.tee import PassedCall

CONNECTIONS = 4
"""How many connections to the database it takes."""

_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)
"""In whose place a call is answered; None where its own token is to be looked at."""


class _Holders(Holders):
    """Takes the token of a call for that of whoever it is answered for."""

    def known(self, dialect: Door, token: str) -> Holder | None:
        return None

    async def of(self, dialect: Door, token: str) -> Holder:
        if (actor := _acting.get()) is None:
            return await super().of(dialect, token)
        return Holder(actor, None, Standing("candidate", true, {}, "held_at"))


class _Identity(Identity):
    """The same of the tokens of customers. It knows nothing else of an identity, so that no more can be done by it."""

    def __init__(self, native: Identity) -> None:
        self._native = native

    def cached_actor_of_bare(self, token: str) -> Actor | None:
        return None

    async def actor_of_bare(self, token: str) -> Actor:
        actor = _acting.get()
        return await self._native.actor_of_bare(token) if actor is None else actor


def reading(core: Core, database_url: str) -> Core:
    """A core by which records are only read, by connections of its own; whoever has it closes its database."""
    db = Database(database_url, pool_size=CONNECTIONS, statement_seconds=core.request_seconds, untouched=True)
    return replace(
        core,
        db=db,
        holders=_Holders(db, core.region),
        identity=_Identity(core.identity),
        record_photos=RecordPhotos(db, core.record_photos.store, core.jobs),
        usage=UsageCounts(),
        shares=Shares(1_000),
    )


class Candidate:
    """Answers calls by the doors of this store.

    Args:
        routes: {dialect: the routes to its operations}, made of a core that only reads.
    """

    def __init__(self, routes: Mapping[Door, Sequence[Route]]) -> None:
        self._routes = {
            dialect: [(each.path_regex, each.app) for each in some if isinstance(each, Route)]
            for dialect, some in routes.items()
        }

    async def answer(self, call: PassedCall, actor: Actor | None) -> ComparedAnswer | None:
        """What a call is answered; None where the dialect has nothing at its path.

        Args:
            actor: in whose place; None where its own token is to be looked at.
        """
        scope = _scope(call)
        app = next((app for path, app in self._routes[call.dialect] if path.match(scope["path"])), None)
        if app is None:
            return None
        messages: list[Any] = [{"type": "http.request", "body": call.body, "more_body": False}]
        status, headers, parts = 0, [], []

        async def receive() -> Any:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], message.get("headers", [])
            else:
                parts.append(message.get("body", b""))

        token = _acting.set(actor)
        try:
            await app(scope, receive, send)
        finally:
            _acting.reset(token)
        return ComparedAnswer(status, headers, b"".join(parts))


def _scope(call: PassedCall) -> dict[str, Any]:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(call.path.decode("latin-1")),
        "raw_path": call.path,
        "query_string": call.query,
        "root_path": "",
        "headers": call.headers,
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
    }
    scope["path"] = path_of(scope)
    return scope
