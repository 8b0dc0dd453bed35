"""Calls of an old CRM that we make ourselves: within what it bears, and with nothing of it taken unbounded.

`Retry-After` is kept to by all calls; whatever else fails is tried again after a time at random, which grows (full
jitter, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A connection is made to the very
address that was checked, see `places`.
"""

import asyncio
import datetime as dt
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
import stamina

from crmgraph.crm.models import now
from crmgraph.rest.pulling import Access, Answer, Asked, BadAnswerError, Granted
from crmgraph.upstream.places import BadPlaceError, Base, Network, resolve, tls_of

T = TypeVar("T")

LONGEST_ANSWER = 32 * 1024 * 1024
"""The most bytes of an answer that are read."""
CONNECT, FIRST_BYTE, WHOLE = 5.0, 30.0, 120.0
"""Seconds for a connection, between two parts of an answer, and for a call altogether."""
TRIES = 10
"""How often a call is tried."""
BAD_ANSWERS = 3
"""How often one is tried whose answers make no sense."""
SHORTEST, LONGEST = 0.25, 30.0
"""The longest wait after a first failure, and after many, in seconds."""
PATIENCE = 15 * 60.0
"""The longest `Retry-After` that is waited for, in seconds; with a longer one the reading ends for now."""
LONGEST_PATIENCE = 24 * 60 * 60.0
"""The longest `Retry-After` that is believed, in seconds: who tells milliseconds is called again tomorrow."""
ADDRESSES_FOR = 60.0
"""For how many seconds the addresses of a name are known."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_LOGIN = Granted({}, 0.0)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs the address of each call, in which a token may stand


class CallError(Exception):
    """A call that came to nothing, in words for people.

    Attributes:
        until: before when the upstream wants no call.
    """

    def __init__(self, message: str, until: dt.datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class _FailedError(Exception):
    """A try that failed, and is worth another one."""


class Calls:
    """A client of one upstream.

    Args:
        base: where it answers.
        accounts: where it gives tokens, where that is elsewhere.
        networks: private networks that may be called.
        secrets: of `access`, by name.
        at_once: how many calls at the same time.

    Attributes:
        made: how many calls were made.
    """

    def __init__(
        self,
        base: Base,
        accounts: Base | None,
        networks: Sequence[Network],
        access: Access,
        secrets: Mapping[str, str],
        *,
        at_once: int,
    ) -> None:
        self._base = base
        self._accounts = accounts
        self._networks = networks
        self._access = access
        self._secrets = secrets
        self._places = asyncio.Semaphore(at_once)
        self._most: int | None = None
        self.made = 0
        self._not_before = 0.0
        self._addresses: dict[str, tuple[str, float]] = {}
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._login = _NO_LOGIN
        self._good_until = 0.0
        self._logging_in = asyncio.Lock()
        self._at_once = at_once

    def allow(self, left: int | None, not_before: dt.datetime | None) -> None:
        """Make so many more calls at most.

        Args:
            left: None where nobody counts.
            not_before: before when the upstream wanted no call.
        """
        self._most = None if left is None else self.made + left
        if not_before is not None:
            seconds = (not_before - now()).total_seconds()
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    async def close(self) -> None:
        """End what is kept open."""
        for each in self._clients.values():
            await each.aclose()

    async def read(self, asked: Asked, meant: Callable[[Answer], T]) -> tuple[T, Answer]:
        """Call, and understand what comes back.

        Args:
            meant: what an answer means; BadAnswerError where it makes no sense, which is asked again a few times.

        Raises:
            CallError: nothing came that makes sense.
        """
        for last in (*(False,) * (BAD_ANSWERS - 1), True):
            answer = await self._authorized(asked)
            try:
                return meant(answer), answer
            except BadAnswerError as bad:
                if last:
                    raise CallError(f"GET {asked.path}: {bad}") from None
        raise AssertionError("unreachable")

    async def _authorized(self, asked: Asked) -> Answer:
        answer = await self._tried(self._base, asked, await self._logged_in())
        if self._access.ended(answer):
            self._good_until = 0.0
            answer = await self._tried(self._base, asked, await self._logged_in())
            if self._access.ended(answer):
                raise CallError(f"GET {asked.path}: refused, HTTP {answer.status}, with a login that was just given")
        return answer

    async def _logged_in(self) -> Granted:
        """What goes with each call; one login for all of them."""
        async with self._logging_in:
            if time.monotonic() >= self._good_until:
                asked = self._access.ask(self._secrets)
                base = self._accounts if self._access.at_accounts and self._accounts is not None else self._base
                answer = await self._tried(base, asked, _NO_LOGIN)
                try:
                    self._login = self._access.granted(answer)
                except BadAnswerError as bad:
                    raise CallError(f"login: {bad}") from None
                self._good_until = time.monotonic() + self._login.seconds
            return self._login

    async def _tried(self, base: Base, asked: Asked, login: Granted) -> Answer:
        waits = 0

        def pause(error: Exception) -> float | bool:
            nonlocal waits
            waits += 1
            if not isinstance(error, _FailedError):
                return False
            return random.uniform(0.0, min(LONGEST, SHORTEST * 2.0**waits))  # noqa: S311 - nobody is to be kept from guessing it

        method = "GET" if asked.form is None else "POST"
        try:
            async for attempt in stamina.retry_context(on=pause, attempts=TRIES, timeout=None):
                with attempt:
                    return await self._once(base, method, asked, login)
        except _FailedError as failed:
            raise CallError(f"{method} {asked.path}: {failed}, {TRIES} times") from None
        raise AssertionError("unreachable")

    async def _once(self, base: Base, method: str, asked: Asked, login: Granted) -> Answer:
        async with self._places:
            address = await self._address(base)
            await self._until_wanted()
            if self._most is not None and self.made >= self._most:
                raise CallError("half of the calls of a day are made: the others are left to clients")
            self.made += 1
            try:
                async with asyncio.timeout(WHOLE):
                    answer = await self._sent(base, address, method, asked, login)
            except TimeoutError:
                raise _FailedError(f"no whole answer in {WHOLE:.0f} seconds") from None
            except httpx.TransportError as error:
                self._addresses.pop(base.host, None)
                raise _FailedError(str(error) or type(error).__name__) from None
            if answer.status in _AGAIN:
                self._note_wait(answer)
                raise _FailedError(f"HTTP {answer.status}")
            return answer

    async def _sent(self, base: Base, address: str, method: str, asked: Asked, login: Granted) -> Answer:
        host = f"[{address}]" if ":" in address else address
        headers = {"Host": base.authority, "User-Agent": "crmgraph", "Accept-Encoding": "identity", **asked.headers}
        async with self._client(base).stream(
            method,
            f"{base.scheme}://{host}:{base.port}{base.path}{asked.path}",
            params={**asked.query, **login.query},
            data=asked.form,
            headers={**headers, **login.headers},
            extensions={"sni_hostname": base.host},
        ) as response:
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > LONGEST_ANSWER:
                    raise CallError(f"{method} {asked.path}: an answer of more than {LONGEST_ANSWER:,} bytes")
            return Answer(response.status_code, dict(response.headers), bytes(body))

    def _client(self, base: Base) -> httpx.AsyncClient:
        key = str(base)
        if key not in self._clients:
            self._clients[key] = httpx.AsyncClient(
                verify=tls_of(base) or False,
                timeout=httpx.Timeout(FIRST_BYTE, connect=CONNECT),
                limits=httpx.Limits(max_connections=self._at_once, keepalive_expiry=5.0),
                trust_env=False,
            )
        return self._clients[key]

    async def _address(self, base: Base) -> str:
        known = self._addresses.get(base.host)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        try:
            found = await resolve(base, self._networks)
        except BadPlaceError as bad:
            raise CallError(str(bad)) from None
        self._addresses[base.host] = (found[0], time.monotonic() + ADDRESSES_FOR)
        return found[0]

    async def _until_wanted(self) -> None:
        """Wait until the upstream wants calls again."""
        while (left := self._not_before - time.monotonic()) > 0:
            if left > PATIENCE:
                until = now() + dt.timedelta(seconds=left)
                raise CallError(f"it wants no call before {until:%Y-%m-%dT%H:%M:%SZ}", until)
            await asyncio.sleep(left)

    def _note_wait(self, answer: Answer) -> None:
        seconds = _retry_after(answer)
        if seconds is not None:
            self._not_before = max(self._not_before, time.monotonic() + min(seconds, LONGEST_PATIENCE))


def _retry_after(answer: Answer) -> float | None:
    """Seconds, of a number of them or of a time (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        return (parsedate_to_datetime(text) - (answer.date or now())).total_seconds()
    except (TypeError, ValueError):
        return None
