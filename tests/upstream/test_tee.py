"""Calls that were passed on are told to another process, once the client has its answer, and within bounds."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from crmgraph.crm.models import Door, Mode
from crmgraph.upstream.listening import AlreadyListeningError, Consumer, Listener
from crmgraph.upstream.tee import HEAD, LONGEST_BODY, MOST_CALLS, OLDEST, CallQueue, PassedCall, Tee
from tests.upstream.conftest import Front, asked, request
from tests.upstream.test_switching import answer


@pytest.fixture
async def heard(front: Front) -> AsyncIterator["asyncio.Queue[PassedCall]"]:
    """What is heard of calls to Zoho, of which the organisation is in SHADOW."""
    calls: asyncio.Queue[PassedCall] = asyncio.Queue()
    socket = front.folder / "var" / "upstream.sock"
    listener = Listener(socket, {"compare": Consumer(calls.put)})
    await listener.start()
    assert socket.stat().st_mode & 0o777 == 0o600
    words = ("--operation", "GET /crm/v2/org", "--why", "a try")
    assert front.run("upstream", "switch", "zoho", "SHADOW", "--force", *words).returncode == 0
    await asyncio.sleep(1.5)
    yield calls
    await listener.close()
    assert not socket.exists()
    assert front.run("upstream", "switch", "zoho", "PROXY", *words).returncode == 0
    await asyncio.sleep(1.5)


async def test_a_call_in_shadow_is_told_with_its_answer(front: Front, heard: "asyncio.Queue[PassedCall]") -> None:
    def ask(method: str, path: str, told: bytes, body: bytes | None = None) -> None:
        front.ask(request(method, path, {"Authorization": "Zoho-oauthtoken 1000.x"}, body), told)

    def run() -> None:
        ask("GET", "/crm/v2/users", answer({}))  # in PROXY: nobody hears of it
        ask("GET", "/crm/v2/org?x=%20", answer({"org": []}, "X-Old: 1"))
        ask("POST", "/oauth/v2/token", answer({"access_token": "1000.new"}), b"client_secret=s3cret")
        ask("PUT", "/crm/v2/Leads/5", answer({"data": []}), b'{"data": [{}]}')
        ask("GET", "/crm/v2/org", answer({"org": "x" * LONGEST_BODY}))

    await asyncio.to_thread(run)
    first, write, long = [await asyncio.wait_for(heard.get(), 5) for _ in range(3)]
    assert heard.empty()
    assert (first.dialect, first.operation, first.caller) == (
        Door.ZOHO,
        "GET /crm/v2/org",
        f"unknown:{first.caller[8:]}",
    )
    assert (first.mode, first.method, first.path, first.query) == (Mode.SHADOW, "GET", b"/crm/v2/org", b"x=%20")
    assert (b"authorization", b"Zoho-oauthtoken 1000.x") in first.headers
    assert (first.status, first.answer, first.whole) == (200, b'{"org": []}', True)
    assert (b"X-Old", b"1") in first.answer_headers
    assert abs(first.at - time.time()) < 10
    assert (write.mode, write.method, write.path, write.body) == (
        Mode.PROXY,
        "PUT",
        b"/crm/v2/Leads/5",
        b'{"data": [{}]}',
    )
    assert (long.operation, long.whole, long.answer) == ("GET /crm/v2/org", False, b"")


async def test_nobody_who_listens_costs_a_client_nothing(front: Front) -> None:
    words = ("--operation", "GET /crm/v2/org", "--why", "a try")
    assert front.run("upstream", "switch", "zoho", "SHADOW", "--force", *words).returncode == 0
    await asyncio.sleep(1.5)
    front.old.answers.put(answer({}))
    status, _, _ = await asyncio.to_thread(asked, front.port, request("GET", "/crm/v2/org"))
    assert status == b"HTTP/1.1 200 OK"
    assert front.run("upstream", "switch", "zoho", "PROXY", *words).returncode == 0
    for _ in range(40):  # counts come up to five seconds late
        told = json.loads(front.run("upstream", "report", "zoho", "--json").stdout)
        if told["dropped"]:
            break
        await asyncio.sleep(0.25)
    assert told["reasons"]["dropped: nobody listened: `crmgraph upstream run` does"] >= 1


def call(*, at: float | None = None, answer: bytes = b"") -> PassedCall:
    now = time.time() if at is None else at
    return PassedCall(
        Door.ZOHO, "GET /crm/v2/org", "x", Mode.SHADOW, ("slow",), now, "GET", b"/", b"", [], b"", 200, [], answer
    )


async def test_what_waits_is_bounded_in_number_bytes_and_age() -> None:
    dropped: list[PassedCall] = []
    waiting = CallQueue(dropped.append)
    for _ in range(MOST_CALLS + 5):
        waiting.put(call())
    assert (len(waiting), len(dropped)) == (MOST_CALLS, 5)

    dropped.clear()
    waiting = CallQueue(dropped.append)
    for _ in range(40):
        waiting.put(call(answer=bytes(LONGEST_BODY)))
    assert (len(waiting), len(dropped)) == (31, 9)

    dropped.clear()
    waiting = CallQueue(dropped.append)
    old, new = call(at=time.time() - OLDEST - 1), call()
    waiting.put(old)
    waiting.put(new)
    assert await waiting.next() is new and dropped == [old]


async def test_another_users_socket_is_told_nothing_and_another_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: asyncio.Queue[PassedCall] = asyncio.Queue()
    dropped: asyncio.Queue[PassedCall] = asyncio.Queue()
    listener = Listener(tmp_path / "sock", {"slow": Consumer(heard.put)})
    await listener.start()
    with monkeypatch.context() as other:
        other.setattr(os, "geteuid", lambda: os.getuid() + 1)
        tee = Tee(tmp_path / "sock", lambda call, reason: dropped.put_nowait(call))
        tee.offer(call())
        await asyncio.wait_for(dropped.get(), 5)
        await tee.close()
    assert heard.empty()
    tee = Tee(tmp_path / "sock")
    tee.offer(call())
    await asyncio.wait_for(heard.get(), 5)
    await tee.close()
    await listener.close()

    (tmp_path / "crmgraph.db").write_text("all there is")
    with pytest.raises(OSError, match="in use"):
        await Listener(tmp_path / "crmgraph.db", {}).start()
    assert (tmp_path / "crmgraph.db").read_text() == "all there is"


async def test_frames_that_are_none_end_their_connection_alone(tmp_path: Path) -> None:
    heard: asyncio.Queue[PassedCall] = asyncio.Queue()
    listener = Listener(tmp_path / "sock", {"slow": Consumer(heard.put)})
    await listener.start()
    for frame in (
        HEAD.pack(2**32 - 1, 0, 0),
        HEAD.pack(2, LONGEST_BODY + 1, 0),
        HEAD.pack(2, 0, 0) + b"[]",
        HEAD.pack(4, 0, 0) + b"null",
        HEAD.pack(3, 0, 0) + b"\xff\xff\xff",
    ):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "sock")
        writer.write(frame)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    tee = Tee(tmp_path / "sock")
    tee.offer(call())
    await asyncio.wait_for(heard.get(), 5)
    await tee.close()
    await listener.close()


async def test_one_process_listens_and_a_slow_consumer_holds_up_no_other(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    dropped: list[PassedCall] = []
    heard: list[PassedCall] = []

    async def never(_: PassedCall) -> None:
        await asyncio.Event().wait()

    async def hear(each: PassedCall) -> None:
        heard.append(each)

    listener = Listener(socket, {"slow": Consumer(never, dropped.append), "quick": Consumer(hear)})
    await listener.start()
    with pytest.raises(AlreadyListeningError):
        await Listener(socket, {}).start()
    tee = Tee(socket)
    for n in range(2 * MOST_CALLS):
        tee.offer(replace(call(), wanted_by=("slow", "quick")))
        if n % 100 == 0:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        while len(heard) < 2 * MOST_CALLS:
            await asyncio.sleep(0.01)
    assert len(dropped) == MOST_CALLS - 1  # one is being looked at
    await listener.close()
    # Whoever listens next is found again.
    listener = Listener(socket, {"quick": Consumer(hear)})
    await listener.start()
    heard.clear()
    async with asyncio.timeout(10):
        while not heard:
            tee.offer(replace(call(), wanted_by=("quick",)))
            await asyncio.sleep(0.2)
    await tee.close()
    await listener.close()
