"""A port between two servers that does to some calls what networks and busy servers do; with a log of what passed.

    with FaultPort(old_crm.port, seed=7) as port:
        port.do(Delay(0.2), share=0.05)                                   # 5 % of all calls, by the seed
        port.do(Reset(), nth={3})                                         # the third call from now on
        port.do(Reset(sent=True), share=0.02)                             # the server has it, and its answer is lost
        port.do(HalfBody(), nth={5}, where="GET /crm/v2/Leads")           # counted among these calls alone
        port.do(Reply(429, {"Retry-After": "1"}), share=0.1)              # the server is not asked
        port.do(Reply(204), where="GET /crm/v2/users")
        port.skew = 300.0                                                 # its Date is five minutes ahead
        ...
        assert [each.fault for each in port.log] == [...]
        port.clear()                                                      # from now on everything passes

The first fault that was given and that holds for a call is done. All else passes byte for byte, but for `Date` with a
skew. It runs in a thread of its own, and is told of from any.
"""

import asyncio
import email.utils
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeAlias

import httptools


@dataclass(frozen=True, slots=True)
class Delay:
    """The server gets the request so many seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset.

    Attributes:
        sent: whether the server has got the request, and has carried it out; else it knows nothing.
    """

    sent: bool = False


@dataclass(frozen=True, slots=True)
class HalfBody:
    """The answer ends in the middle of its body, with the connection; at once where it has none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Another answer in place of the server's, which is not asked."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Fault: TypeAlias = Delay | Reset | HalfBody | Reply


@dataclass(frozen=True, slots=True)
class Passed:
    """A call that came.

    Attributes:
        at: when it had come whole, or had ended in the middle; seconds since 1970, by the clock of the test.
        request: its very bytes.
        whole: whether it was.
        fault: what was done to it.
        status: of the answer that the caller got; 0 where there was none.
    """

    at: float
    method: str
    target: str
    request: bytes
    whole: bool
    fault: Fault | None
    status: int


@dataclass(slots=True)
class _Rule:
    fault: Fault
    share: float
    nth: frozenset[int]
    where: str
    dice: random.Random
    seen: int = 0

    def holds(self, call: str) -> bool:
        if self.where and not re.match(self.where, call):
            return False
        self.seen += 1
        return self.seen in self.nth if self.nth else self.dice.random() < self.share


class FaultPort:
    """A port in front of a server on the loopback interface.

    Args:
        target: the port of the server; may be set anew.
        seed: of what is done to a share of the calls.

    Attributes:
        port: where it listens.
        log: what came, in its order.
        skew: how many seconds the clock of the server is ahead, as its `Date` tells.
    """

    def __init__(self, target: int, seed: int = 1) -> None:
        self.target = target
        self.port = 0
        self.log: list[Passed] = []
        self.skew = 0.0
        self._seed = seed
        self._rules: list[_Rule] = []
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "FaultPort":
        self._thread.start()
        self._listening.wait(10)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """The base address of the server, through this port."""
        return f"http://127.0.0.1:{self.port}"

    def do(self, fault: Fault, *, share: float = 1.0, nth: Collection[int] = (), where: str = "") -> None:
        """Do something to calls from now on.

        Args:
            share: to which share of them.
            nth: to which of them, counted from 1; then `share` says nothing.
            where: a regular expression that the beginning of `GET /path?query` matches.
        """
        dice = random.Random(f"{self._seed} {len(self._rules)}")
        self._rules.append(_Rule(fault, share, frozenset(nth), where, dice))

    def clear(self) -> None:
        """Let everything pass, with an empty log."""
        self._rules, self.skew = [], 0.0
        self.log.clear()

    def calls(self, where: str = "") -> list[str]:
        """What came whole, as `GET /path?query`."""
        told = [f"{each.method} {each.target}" for each in self.log if each.whole]
        return [each for each in told if re.match(where, each)]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = _Server()
        try:
            while True:
                read = _Read(is_request=True)
                await read.whole(reader)
                if not read.raw:
                    return
                call = f"{read.method} {read.target}"
                fault = next((rule.fault for rule in self._rules if rule.holds(call)), None) if read.complete else None
                answer = await self._answer(read, fault, server) if read.complete else None
                status = answer.status if answer is not None else 0
                # Before the answer, so that whoever has it finds it here.
                self.log.append(Passed(time.time(), read.method, read.target, read.raw, read.complete, fault, status))
                if answer is None:
                    _reset(writer)
                    return
                writer.write(answer.raw)
                await writer.drain()
                if not answer.keeps:
                    return
        except OSError:
            _reset(writer)
        finally:
            writer.close()
            server.close()

    async def _answer(self, read: "_Read", fault: Fault | None, server: "_Server") -> "_Answer | None":
        """What the caller gets; None where its connection is reset."""
        match fault:
            case Reply():
                return _Answer(fault.status, _spelled(fault), keeps=True)
            case Reset(sent=False):
                return None
            case Delay():
                await asyncio.sleep(fault.seconds)
        told = await server.ask(self.target, read)
        if not told.raw or isinstance(fault, Reset):
            return None
        raw = self._skewed(told.raw)
        if isinstance(fault, HalfBody):
            head = raw.index(b"\r\n\r\n") + 4
            return _Answer(told.status, raw[: head + (len(raw) - head) // 2], keeps=False)
        return _Answer(told.status, raw, told.keeps)

    def _skewed(self, raw: bytes) -> bytes:
        if not self.skew:
            return raw
        head, separator, body = raw.partition(b"\r\n\r\n")

        def ahead(found: re.Match[bytes]) -> bytes:
            moment = email.utils.parsedate_to_datetime(found[2].decode()).timestamp() + self.skew
            return found[1] + email.utils.formatdate(moment, usegmt=True).encode()

        return re.sub(rb"(?im)^(date: )([^\r]+)", ahead, head) + separator + body


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST, as a crashed or overloaded server does."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _spelled(reply: Reply) -> bytes:
    length = {} if reply.status in (204, 304) else {"Content-Length": str(len(reply.body))}
    date = {"Date": email.utils.formatdate(usegmt=True)}
    lines = [
        f"HTTP/1.1 {reply.status} Whatever",
        *(f"{n}: {v}" for n, v in (date | dict(reply.headers) | length).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + reply.body


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    raw: bytes
    keeps: bool


class _Server:
    """The connection to the server that goes with one of a caller's."""

    def __init__(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, port: int, read: "_Read") -> "_Read":
        """Its answer; without bytes where it has ended the connection."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", port)
        self._streams[1].write(read.raw)
        answer = _Read(is_request=False, head_only=read.method == "HEAD")
        await answer.whole(self._streams[0])
        return answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


class _Read:
    """A message that comes in, with its very bytes."""

    def __init__(self, *, is_request: bool, head_only: bool = False) -> None:
        self.raw = b""
        self.complete = self.keeps = False
        self.method = self.target = ""
        self.status = 0
        self._head_only = head_only
        self._framed = False
        self._parser = httptools.HttpRequestParser(self) if is_request else httptools.HttpResponseParser(self)

    async def whole(self, reader: asyncio.StreamReader) -> None:
        """Read until it is whole, or its connection ends. Nobody here sends a second message before the answer."""
        parts = []
        try:
            while not self.complete and (part := await reader.read(65536)):
                parts.append(part)
                self._parser.feed_data(part)
        except (httptools.HttpParserError, OSError):
            pass
        self.raw = b"".join(parts)
        if self.status and not self._framed and not self.complete:
            self.complete, self.keeps = True, False  # it ends with its connection

    def on_url(self, url: bytes) -> None:
        self.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._framed |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        if isinstance(self._parser, httptools.HttpRequestParser):
            self.method = self._parser.get_method().decode()
            return
        self.status = self._parser.get_status_code()
        self.keeps = self._parser.should_keep_alive()
        if self._head_only or self.status in (204, 304):
            self.complete = True

    def on_message_complete(self) -> None:
        self.complete = True
