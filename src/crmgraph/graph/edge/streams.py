"""Subscriptions as a stream of server-sent events, by the protocol GraphQL over SSE (of the library graphql-sse,
PROTOCOL.md), each in a request of its own: its distinct connections mode."""

import asyncio
import datetime as dt
from collections.abc import Hashable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import lru_cache

import orjson
import structlog
from starlette.types import Receive, Scope, Send

from crmgraph.crm.policy import Actor
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.edge.events import ContextOf, Ended, Events, Failed
from crmgraph.http.subscribers import Subscribers

EVENT_STREAM = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
"""How often something is sent where nothing happens, so that nobody in between takes the connection for dead."""
COMPLETE = b"event: complete\ndata: \n\n"

log = structlog.get_logger(__name__)


@lru_cache(maxsize=64)
def _kinds(accepted: str) -> frozenset[str]:
    return frozenset(part.partition(";")[0].strip().lower() for part in accepted.split(","))


def takes_stream(accepted: str) -> bool:
    """Whether a client takes a stream of events.

    Args:
        accepted: Accept.
    """
    return EVENT_STREAM in _kinds(accepted)


def only_stream(accepted: str) -> bool:
    """Whether it takes nothing else: then queries and mutations are streams of one answer."""
    return _kinds(accepted) == {EVENT_STREAM}


def event(body: bytes) -> bytes:
    """One answer as an event. JSON has no line breaks."""
    return b"event: next\ndata: " + body + b"\n\n"


@dataclass(frozen=True, slots=True)
class EventStream:
    """The response to a subscription.

    Attributes:
        caller: for whom it counts.
        expires_at: when the token of the request stops being good.
        headers: beside those of a stream.
    """

    events: Events
    subscribers: Subscribers
    caller: Hashable
    prepared: PreparedOperation
    context_of: ContextOf
    actor: Actor
    expires_at: dt.datetime
    headers: list[tuple[bytes, bytes]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what happens until the client goes, the caller may not listen any more, or the server ends.

        A stream that the client is to open anew just ends: after `complete` no client would.

        Raises:
            TooManySubscribers: of this caller, or of all. Nothing was sent then.
        """
        with self.subscribers.joined(), self.subscribers.of(self.caller):
            state = scope.get("state", {})
            if (in_hand := state.get("in_hand")) is not None:
                in_hand.release()
            headers = [(b"content-type", f"{EVENT_STREAM}; charset=utf-8".encode()), (b"x-accel-buffering", b"no")]
            await send({"type": "http.response.start", "status": 200, "headers": headers + self.headers})
            sending = _Sending(send)
            await sending(b":\n\n")
            draining: asyncio.Event = state["watch"].draining if "watch" in state else asyncio.Event()
            async with self.events.until_ended(self.actor, self.expires_at) as ended:
                tasks = {
                    asyncio.create_task(self._tell(sending)),
                    asyncio.create_task(_beat(sending)),
                    asyncio.create_task(_gone(receive)),
                    asyncio.create_task(draining.wait()),
                }
                try:
                    await asyncio.wait({*tasks, ended}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(OSError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, sending: "_Sending") -> None:
        try:
            answers = self.events.answers(self.prepared, self.context_of, self.actor)
            async with aclosing(answers):  # type: ignore[type-var]  # it is a generator, by its function's word an iterator
                async for answer in answers:
                    await sending(event(answer))
            await sending(COMPLETE)
        except Failed as failed:
            await sending(event(orjson.dumps({"errors": failed.errors})) + COMPLETE)
        except Ended:
            pass
        except Exception:
            log.exception("unexpected fault", door="graphql")


class _Sending:
    """Sends parts of a body, one after the other."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = asyncio.Lock()

    async def __call__(self, part: bytes) -> None:
        async with self._lock:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})


async def _beat(sending: _Sending) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await sending(b":\n\n")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
