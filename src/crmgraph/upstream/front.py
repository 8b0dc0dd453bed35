"""In front of a dialect that has an upstream: a call is answered by this store, or passed on to the old CRM as it is.

What is passed on goes through unchanged, in both directions: method, path, query, headers in their order and spelling,
body; back come status, headers and body, as they arrive. Changed are only what belongs to a connection (RFC 9110,
section 7.6.1), `Host`, and addresses of the old CRM's that would lead clients past us.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, TypeAlias

import structlog
from starlette.responses import Response

from crmgraph.crm import upstream_settings
from crmgraph.crm.models import Door, Mode
from crmgraph.crm.usage import Called, UsageCounts
from crmgraph.http.passing import BARE, HUNG_UP, SPELLED, TRANSPARENT
from crmgraph.rest.passing import HttpMessage, Named, Passing
from crmgraph.upstream.callers import Callers
from crmgraph.upstream.connection import HungUp, UpstreamError, Waiting
from crmgraph.upstream.forward import Answer, Client
from crmgraph.upstream.modes import Current
from crmgraph.upstream.tee import PassedCall, Tap, Tee

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Pairs: TypeAlias = list[tuple[bytes, bytes]]

LOOKED_AT = 64 * 1024
"""How much of a body is looked at, in bytes: of logins, and where the token stands in the body."""
COMPARE, HARVEST = "compare", "harvest"
"""What calls are wanted by whose answers are compared, and those whose answers are applied to the store."""
FAILURES, PAUSE = 10, 5.0
"""After how many failures in a row calls are refused at once, and for how many seconds."""

_OF_THE_CONNECTION = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that only read (RFC 9110, section 9.2.1)."""
_HUNG_UP = 499
"""What a call is counted as whose answer nobody hears."""

_EXPECT = frozenset({b"expect"})
_EXPECT_AND_CODINGS = _EXPECT | {b"accept-encoding"}

log = structlog.get_logger(__name__)


class _Spelled(bytes):
    """The name of a header as the upstream spelled it: the server would write it in small letters."""

    def lower(self) -> "_Spelled":
        return self


class _Length(_Spelled):
    """The same of `Content-Length`, which the server looks for."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and bytes(self).lower() == bytes(other).lower()

    def __hash__(self) -> int:
        return hash(bytes(self).lower())


class UpstreamFront:
    """Answers the calls of one dialect.

    Args:
        inner: this store's own answer.
        operation_of: what a call is counted as, of its method and path.
        passing: how its callers are known.
        client, accounts: pass calls on to the old CRM, and to its accounts server where that is another one.
        public_url: the address under which clients reach us.
        away: what is answered where the old CRM does not answer.
        tee: is told of calls that somebody wants to look at afterwards.
        telling: the operations whose answers tell of records.
    """

    def __init__(
        self,
        inner: App,
        dialect: Door,
        operation_of: Callable[[str, str], str],
        passing: Passing,
        client: Client,
        accounts: Client | None,
        *,
        callers: Callers,
        modes: Current,
        usage: UsageCounts,
        public_url: str,
        away: Callable[[], Response],
        tee: Tee,
        telling: frozenset[str] = frozenset(),
    ) -> None:
        self._inner = inner
        self._dialect = dialect
        self._operation_of = operation_of
        self._passing = passing
        self._client = client
        self._accounts = accounts
        self._callers = callers
        self._modes = modes
        self._usage = usage
        self._public_url = public_url.encode()
        self._away = away
        self._tee = tee
        self._telling = telling
        self._failures = 0
        self._until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        operation = self._operation_of(scope["method"], scope["path"])
        body = _Body(scope, receive)
        is_login = operation in self._passing.logins
        if is_login or (self._passing.in_body and body.there):
            await body.look()
        request = HttpMessage(_texts(scope["headers"]), scope["query_string"], body.looked_at)
        caller = await self._callers.of(self._passing.token(request))
        mode = self._modes.of(self._dialect, operation, caller)
        if mode is Mode.OFF:
            await self._inner(scope, body.receive, send)
            return
        scope[TRANSPARENT] = True
        if (bare := scope.get("state", {}).get(BARE)) is not None:
            bare()
        wanted_by = () if is_login else self._wanted_by(mode, operation, scope["method"])
        tap = Tap() if wanted_by else None
        status, size = await self._pass_on(scope, body, send, request if is_login else None, tap)
        agent, client = request.headers.get("user-agent"), scope.get("client")
        refused = not 200 <= status < 400
        caller = self._callers.counted(caller, refused=refused)
        fields: Iterable[Named] = ()
        if not refused and (scope["query_string"] or body.there):
            seen = HttpMessage(request.headers, request.query, body.beginning())
            fields = self._passing.named(operation, scope["path"], seen)
        seconds = time.perf_counter() - start
        called = Called(self._dialect, operation, caller, refused, size, seconds, fields, mode)
        self._usage.add(called, time.time(), lambda: (agent, client[0] if client else None))
        if tap is not None and tap.status:
            self._tee.offer(self._passed(scope, operation, caller, mode, wanted_by, tap))

    def _wanted_by(self, mode: Mode, operation: str, method: str) -> tuple[str, ...]:
        """Who looks at a call afterwards: reads are compared, writes make what is compared stale, and some answers tell
        of records."""
        writes = method not in ("GET", "HEAD")
        compared = mode is Mode.SHADOW or (writes and self._modes.is_shadowed(self._dialect))
        harvested = operation in self._telling and self._modes.setting(self._dialect, upstream_settings.HARVEST)
        return (COMPARE,) * compared + (HARVEST,) * harvested

    def _passed(
        self, scope: Scope, operation: str, caller: str, mode: Mode, wanted_by: tuple[str, ...], tap: Tap
    ) -> PassedCall:
        return PassedCall(
            self._dialect,
            operation,
            caller,
            mode,
            wanted_by,
            time.time(),
            scope["method"],
            scope["raw_path"],
            scope["query_string"],
            list(scope["headers"]),
            b"".join(tap.body),
            tap.status,
            tap.headers,
            b"".join(tap.answer),
            tap.whole,
        )

    async def _pass_on(
        self, scope: Scope, body: "_Body", send: Send, login: HttpMessage | None, tap: Tap | None
    ) -> tuple[int, int]:
        """Pass a call on, and its answer back. Returns the status, and the length of the body of the answer.

        Args:
            login: the request, where its answer is to be looked at.
            tap: keeps what passes through, where somebody looks at it afterwards.
        """
        path = scope["raw_path"]
        to_accounts = self._accounts is not None and scope["path"].startswith(self._passing.accounts)
        client = self._accounts if self._accounts is not None and to_accounts else self._client
        if time.monotonic() < self._until:
            return await self._refuse(scope, send)
        target = client.base.path.encode() + path + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = self._request_headers(scope, client, body, login is not None)
        waiting = None
        if not body.there and scope["method"] in _SAFE and "state" in scope:
            # A write goes on: nobody could say what has become of it.
            waiting = Waiting()
            scope["state"][HUNG_UP] = waiting.hang_up
        try:
            parts = body.parts(tap) if body.there else None
            answer = await client.send(
                scope["method"].encode(), target, headers, parts, framed=body.framed, waiting=waiting
            )
        except HungUp:
            return _HUNG_UP, 0
        except UpstreamError as error:
            self._failures += 1
            if self._failures >= FAILURES:
                self._until = time.monotonic() + PAUSE
            log.warning("the upstream does not answer", dialect=self._dialect.dialect, reason=str(error))
            return await self._refuse(scope, send)
        self._failures = 0
        try:
            if login is not None:
                return await self._answer_login(scope, client, answer, login, send)
            return await self._answer(client, answer, send, tap)
        finally:
            if waiting is not None:
                waiting.end()
            client.release(answer)

    async def _refuse(self, scope: Scope, send: Send) -> tuple[int, int]:
        response = self._away()
        await response(scope, _nothing, send)
        return max(response.status_code, 500), len(response.body)

    async def _answer(self, client: Client, answer: Answer, send: Send, tap: Tap | None) -> tuple[int, int]:
        headers = self._answer_headers(client, answer)
        if tap is not None:
            tap.status, tap.headers = answer.status, list(answer.headers)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        size, more = 0, True
        try:
            while more:
                part, more = await answer.part()
                size += len(part)
                if tap is not None:
                    tap.part(part, of_answer=True)
                await send({"type": "http.response.body", "body": part, "more_body": more})
        except HungUp:
            if tap is not None:
                tap.cut()
            return _HUNG_UP, size
        except UpstreamError as error:
            # The server ends the connection of an answer that is not ended: so its client knows.
            if tap is not None:
                tap.cut()
            log.warning("the answer of the upstream breaks off", dialect=self._dialect.dialect, reason=str(error))
            return answer.status, size
        return answer.status, size

    async def _answer_login(
        self, scope: Scope, client: Client, answer: Answer, request: HttpMessage, send: Send
    ) -> tuple[int, int]:
        """Read the answer to a login as a whole: it gives a token, and may name addresses of the old CRM's."""
        try:
            body = await answer.whole(LOOKED_AT)
        except UpstreamError as error:
            log.warning("the answer of the upstream breaks off", dialect=self._dialect.dialect, reason=str(error))
            return await self._refuse(scope, send)
        seen = HttpMessage(_texts(answer.headers), body=body)
        if 200 <= answer.status < 400 and (granted := self._passing.granted(request, seen)) is not None:
            await self._callers.learn(granted)
        body = body.replace(_origin(self._client), self._public_url)
        headers = [
            (name, str(len(body)).encode() if name == b"content-length" else value)
            for name, value in self._answer_headers(client, answer)
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return answer.status, len(body)

    def _request_headers(self, scope: Scope, client: Client, body: "_Body", login: bool) -> Pairs:
        spelled = scope.get("state", {}).get(SPELLED) or scope["headers"]
        # `Expect` is answered by the server; what a login says is read.
        dropped = _dropped_of(scope["headers"]) | (_EXPECT_AND_CODINGS if login else _EXPECT)
        headers: Pairs = []
        for name, value in spelled:
            small = name.lower()
            if small == b"host":
                headers.append((name, client.base.authority.encode()))
            elif small not in dropped:
                headers.append((name, value))
        if body.there and not body.framed:
            headers.append((b"Transfer-Encoding", b"chunked"))
        return headers

    def _answer_headers(self, client: Client, answer: Answer) -> Pairs:
        dropped = _dropped_of(answer.headers)
        headers: Pairs = []
        for name, value in answer.headers:
            small = name.lower()
            if small in dropped:
                continue
            if small == b"location":
                value = value.replace(_origin(client), self._public_url, 1)
            headers.append((_Length(name) if small == b"content-length" else _Spelled(name), value))
        return headers


class _Body:
    """The body of a request, of which the beginning may be looked at before it is passed on.

    Attributes:
        there: whether it has one.
        framed: whether its length is known.
        looked_at: its first bytes; empty where it is longer than what is looked at.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        names = {name for name, _ in scope["headers"]}
        self.framed = b"content-length" in names
        self.there = self.framed or b"transfer-encoding" in names
        self.looked_at = b""
        self._receive = receive
        self._taken: list[Message] = []
        self._passed: list[bytes] = []
        self._size = 0

    def beginning(self) -> bytes:
        """What has been passed on of it; empty where that is longer than what is looked at."""
        return b"".join(self._passed)

    async def look(self) -> None:
        """Read it, as far as it is looked at."""
        size, more = 0, self.there
        while more and size <= LOOKED_AT:
            message = await self._receive()
            self._taken.append(message)
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        if not more and size <= LOOKED_AT:
            self.looked_at = b"".join(message.get("body", b"") for message in self._taken)

    async def receive(self) -> Message:
        """The next message, of those that were looked at and then of those that come."""
        return self._taken.pop(0) if self._taken else await self._receive()

    async def parts(self, tap: Tap | None = None) -> AsyncIterator[bytes]:
        """Its parts as they come, kept by the tap. Where the client hangs up, it is cut short for the upstream too."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise HungUp
            if part := message.get("body", b""):
                self._size += len(part)
                if self._size <= LOOKED_AT:
                    self._passed.append(part)
                else:
                    self._passed.clear()
                if tap is not None:
                    tap.part(part, of_answer=False)
                yield part
            if not message.get("more_body", False):
                return


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _texts(headers: Any) -> Mapping[str, str]:
    return {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _dropped_of(headers: Any) -> frozenset[bytes]:
    """The headers that are of the connection, those that `Connection` names among them.

    The length of a body is none of them, whatever `Connection` names: without it the body would be the next request.
    """
    named = [value for name, value in headers if name.lower() == b"connection"]
    if not named:
        return _OF_THE_CONNECTION
    names = {each.strip().lower() for each in b",".join(named).split(b",") if each.strip()}
    return _OF_THE_CONNECTION | (names - {b"content-length"})


def _origin(client: Client) -> bytes:
    return f"{client.base.scheme}://{client.base.authority}".encode()
