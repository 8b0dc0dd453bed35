"""Events: of what is told of the log, what each subscriber has asked for, as long as they may see it.

What several subscribers have asked for alike is made once: the selection is carried out for somebody with their rights
who is nobody in particular, so that nothing of one can be in what another is told.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from hashlib import blake2b
from inspect import isawaitable
from typing import Any

import orjson
import structlog
from graphql import (
    ExecutionResult,
    GraphQLError,
    create_source_event_stream,
    execute_subscription_event,
    located_error,
)
from strawberry.execution import optimized_is_awaitable

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused
from crmgraph.crm.feed.hub import FeedEntry
from crmgraph.crm.models import now
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.authorization import lasting
from crmgraph.db.errors import is_away, log_away
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.edge.responses import body_of
from crmgraph.graph.execution.engine import Answer, TookTooLong
from crmgraph.graph.execution.sliced import SlicedExecutor
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.schema import schema
from crmgraph.graph.schema.types.feed import event_of

AT_ONCE = 2
"""How many events of a worker are worked on at once, of all subscribers: the others wait."""
SWEEP_SECONDS = 10.0
"""How often it is asked whether those may still listen to whom nothing is told."""
PAUSE = 1.0
"""After how many seconds something is tried again, where the database is away."""

log = structlog.get_logger(__name__)

ContextOf = Callable[[Actor], Context]


class Failed(Exception):
    """A subscription that ends with errors.

    Args:
        errors: as a client is told them.
    """

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors


class Ended(Exception):
    """Who has subscribed may not act like this any more: their login has ended, or their token has expired."""


class Permits:
    """Knows who still may listen; many are asked about by one statement."""

    def __init__(self, core: Core) -> None:
        self._db = core.db
        self._asking: dict[Actor, asyncio.Future[bool]] = {}
        self._watched: dict[Actor, set[asyncio.Event]] = {}
        self._sweeping: asyncio.Task[None] | None = None
        # The loop itself holds tasks weakly.
        self._tasks: set[asyncio.Task[None]] = set()

    async def still(self, actor: Actor) -> bool:
        """Whether somebody may act as they do now."""
        asked = self._asking.get(actor)
        if asked is None:
            asked = self._asking[actor] = asyncio.get_running_loop().create_future()
            if len(self._asking) == 1:
                task = asyncio.create_task(self._ask(), name="background:permits")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(asked)

    @contextmanager
    def watching(self, actor: Actor) -> Iterator[asyncio.Event]:
        """An event that is set when somebody may not act as they do any more."""
        ended = asyncio.Event()
        self._watched.setdefault(actor, set()).add(ended)
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep(), name="background:permits")
        try:
            yield ended
        finally:
            self._watched[actor].discard(ended)
            if not self._watched[actor]:
                del self._watched[actor]

    async def _ask(self) -> None:
        await asyncio.sleep(0)  # for all who are told of the same event
        asking, self._asking = self._asking, {}
        found = await self._lasting(list(asking))
        for actor, asked in asking.items():
            if not asked.done():
                asked.set_result(actor in found)

    async def _sweep(self) -> None:
        while self._watched:
            await asyncio.sleep(SWEEP_SECONDS)
            actors = list(self._watched)
            found = await self._lasting(actors)
            for actor in actors:
                if actor not in found:
                    for ended in self._watched.get(actor, ()):
                        ended.set()

    async def _lasting(self, actors: list[Actor]) -> set[Actor]:
        while True:
            try:
                return await lasting(self._db, actors)
            except Exception as error:
                if not is_away(error):
                    log.exception("nobody knows who may listen")
                    return set()
                log_away(error, "feed")
            await asyncio.sleep(PAUSE)


class Events:
    """Makes the answers of subscriptions."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._permits = Permits(core)
        self._working = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def until_ended(self, actor: Actor, expires_at: dt.datetime) -> AsyncIterator[asyncio.Task[Any]]:
        """A task that is done when somebody's token has expired or their login has ended."""
        with self._permits.watching(actor) as ended:

            async def wait() -> None:
                try:
                    async with asyncio.timeout((expires_at - now()).total_seconds()):
                        await ended.wait()
                except TimeoutError:
                    pass

            task = asyncio.create_task(wait())
            try:
                yield task
            finally:
                task.cancel()

    async def answers(self, prepared: PreparedOperation, context_of: ContextOf, actor: Actor) -> AsyncIterator[bytes]:
        """The answers of a subscription, as JSON.

        Raises:
            Failed: it has come to an end with errors.
            Ended: see there.
        """
        source = await self._source(prepared, context_of(actor))
        key = _key(prepared, actor)
        entries = aiter(source)
        try:
            while (told := await self._next(prepared, entries)) is not None:
                if not await self._permits.still(actor):
                    raise Ended
                making = told.answers.get((key, told.gap))
                if making is None:
                    making = asyncio.create_task(self._answer(prepared, context_of(_nobody_like(actor)), told))
                    told.answers[key, told.gap] = making
                yield await asyncio.shield(making)
        finally:
            await entries.aclose()

    async def _source(self, prepared: PreparedOperation, context: Context) -> Any:
        executor = _executor(prepared, context)
        if isinstance(executor, list):
            raise Failed(_told(prepared, executor))
        found = create_source_event_stream(executor)
        source = await found if isawaitable(found) else found
        if isinstance(source, ExecutionResult):
            raise Failed(_told(prepared, source.errors or []))
        return source

    async def _next(self, prepared: PreparedOperation, entries: Any) -> FeedEntry | None:
        try:
            found: FeedEntry | None = await anext(entries, None)
        except (GraphQLError, Refused) as error:
            raise Failed(_told(prepared, [located_error(error)])) from None
        except Exception as error:
            raise Failed(_told(prepared, [located_error(error)])) from error
        return found

    async def _answer(self, prepared: PreparedOperation, context: Context, told: FeedEntry) -> bytes:
        while True:
            try:
                async with self._working, asyncio.timeout(self._core.request_seconds):
                    result = await self._executed(prepared, context, told)
                errors = result.errors or []
                answer = Answer(result.data, errors, ran=True)
                if not any(error.original_error is not None and is_away(error.original_error) for error in errors):
                    return orjson.dumps(body_of(answer))
                log_away(next(error.original_error for error in errors if error.original_error is not None), "feed")
            except TimeoutError:
                return orjson.dumps(body_of(Answer(None, [TookTooLong(self._core.request_seconds)], ran=True)))
            finally:
                context.committed()
            await asyncio.sleep(PAUSE)

    async def _executed(self, prepared: PreparedOperation, context: Context, told: FeedEntry) -> ExecutionResult:
        executor = _executor(prepared, context, event_of(told))
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        found = execute_subscription_event(executor)
        return await found if isawaitable(found) else found


def _executor(prepared: PreparedOperation, context: Context, root: Any = None) -> Any:
    return SlicedExecutor.build(
        schema.graphql_core,
        prepared.document.ast,
        root_value=root,
        context_value=context,
        raw_variable_values=dict(prepared.request.variables),
        operation_name=prepared.request.operation_name or None,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # theirs says bool
        hide_suggestions=True,
    )


def _told(prepared: PreparedOperation, errors: list[GraphQLError]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body_of(Answer(None, errors, ran=False, cost=prepared.cost))["errors"]
    return found


def _nobody_like(actor: Actor) -> Actor:
    """Somebody with the same rights, who is nobody in particular."""
    return replace(actor, credential_id=None, session_id=None, staff_id=None, contact_id=None, account_id=None)


def _key(prepared: PreparedOperation, actor: Actor) -> Hashable:
    """What tells the answers of subscribers apart."""
    request = prepared.request
    variables = blake2b(orjson.dumps(dict(request.variables), option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
    return prepared.document.digest, request.operation_name or "", variables, _nobody_like(actor)
