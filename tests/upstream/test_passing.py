"""What is passed on to the old CRM, and back: the very bytes, but for what belongs to a connection."""

import json
import queue
import re
import socket
import threading
import time

import pytest

from crmgraph.upstream.connection import UpstreamError
from crmgraph.upstream.forward import Client
from crmgraph.upstream.places import BadPlaceError, Base
from tests.upstream.conftest import Front, asked, request

OK = b"HTTP/1.1 200 OK\r\nDate: Tue, 01 Dec 2026 00:00:00 GMT\r\nX-Odd_Name: a  b\r\nContent-Length: 2\r\n\r\n{}"


def test_a_request_arrives_as_it_was_sent(front: Front) -> None:
    wanted = (
        b"GET /crm/v2/Leads/5%2F6//x?fields=A%20b&x=%C3%BC&x=&=1 HTTP/1.1\r\nHOST: crm.example\r\n"
        b"aUthorization: Zoho-oauthtoken 1000.x\r\nX-Two: 1\r\nx-two: 2\r\nX-Latin: \xfc\r\n"
        b"Accept-Encoding: gzip, br\r\nConnection: close, X-Hop\r\nX-Hop: mine\r\nTE: trailers\r\n\r\n"
    )
    sent, _ = front.ask(wanted, OK)
    assert sent == (
        b"GET /crm/v2/Leads/5%2F6//x?fields=A%20b&x=%C3%BC&x=&=1 HTTP/1.1\r\n"
        + f"HOST: 127.0.0.1:{front.old.port}\r\n".encode()
        + b"aUthorization: Zoho-oauthtoken 1000.x\r\nX-Two: 1\r\nx-two: 2\r\nX-Latin: \xfc\r\n"
        b"Accept-Encoding: gzip, br\r\n\r\n"
    )


def test_an_answer_comes_back_as_it_was_given(front: Front) -> None:
    answer = (
        b"HTTP/1.1 418 I'm a teapot\r\nServer: Old/1\r\nSet-Cookie: a=1\r\nSET-COOKIE: b=2\r\n"
        b"Date: Mon, 30 Nov 2026 10:00:00 GMT\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\n\x1f\x8b\x00\xff!"
    )
    _, (status, headers, body) = front.ask(request("GET", "/api/v1.0/contacts/5"), answer)
    assert status.startswith(b"HTTP/1.1 418 ")
    assert headers == [
        b"Server: Old/1",
        b"Set-Cookie: a=1",
        b"SET-COOKIE: b=2",
        b"Date: Mon, 30 Nov 2026 10:00:00 GMT",
        b"Content-Encoding: gzip",
        b"Content-Length: 5",
        b"connection: close",
    ]
    assert body == b"\x1f\x8b\x00\xff!"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 99\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
            b"abcde",
        ),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    ],
    ids=["204", "304", "100", "chunked", "until it closes", "1.0"],
)
def test_every_framing_of_an_answer_is_understood(front: Front, answer: bytes, told: bytes) -> None:
    _, (_, headers, body) = front.ask(request("GET", "/crm/v2/Leads"), answer)
    if b"transfer-encoding: chunked" in [each.lower() for each in headers]:
        body = b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?)\r\n", body, re.DOTALL))
    assert body == told


def test_a_head_has_no_body(front: Front) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
    sent, (status, headers, body) = front.ask(request("HEAD", "/crm/v2/Leads"), answer)
    assert sent.startswith(b"HEAD /crm/v2/Leads ")
    assert (status, body) == (b"HTTP/1.1 200 OK", b"")
    assert b"Content-Length: 1234" in headers


def test_bodies_of_any_length_go_through_and_none_is_kept_in_memory(front: Front) -> None:
    body = bytes(range(256)) * 8_192  # 2 MiB
    sent, _ = front.ask(request("PUT", "/crm/v2/Leads", {"Content-Type": "x/y"}, body), OK)
    assert sent.partition(b"\r\n\r\n")[2] == body
    large = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (8 * len(body)) + 8 * body
    _, (_, _, back) = front.ask(request("GET", "/crm/v2/Leads"), large)
    assert back == 8 * body


def test_a_body_in_chunks_goes_on_in_chunks(front: Front) -> None:
    wanted = (
        b"POST /crm/v2/Leads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    )
    sent, _ = front.ask(wanted, OK)
    head, _, body = sent.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head.split(b"\r\n")
    assert b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?)\r\n", body, re.DOTALL)) == b"abcdefg"


HEAD = b"POST /crm/v2/Leads HTTP/1.1\r\nHost: x\r\n"
TWO_WAYS: dict[str, bytes] = {
    "two lengths": HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "two lengths in one": HEAD + b"Content-Length: 4, 5\r\n\r\nabcde",
    "a length with a sign": HEAD + b"Content-Length: +4\r\n\r\nabcd",
    "a length that is none": HEAD + b"Content-Length: 4a\r\n\r\nabcd",
    "length and chunks": HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "a coding that is not the last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    "a folded header": b"GET /crm/v2/Leads HTTP/1.1\r\nHost: x\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a bare LF": b"GET /crm/v2/Leads HTTP/1.1\r\nHost: x\nX-Evil: 1\r\n\r\n",
    "a bare CR": b"GET /crm/v2/Leads HTTP/1.1\r\nHost: x\r\nX-A: b\rX-Evil: 1\r\n\r\n",
    "NUL in a header": b"GET /crm/v2/Leads HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n\r\n",
    "NUL in a path": b"GET /crm/v2/Le\0ads HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank in a path": b"GET /crm/v2/Leads /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long head": b"GET /crm/v2/Leads HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "a body cut short": HEAD + b"Content-Length: 10\r\n\r\nabc",
    "chunks cut short": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
}


@pytest.mark.parametrize("wanted", TWO_WAYS.values(), ids=TWO_WAYS)
def test_what_could_be_read_in_two_ways_never_arrives(front: Front, wanted: bytes) -> None:
    with socket.create_connection(("127.0.0.1", front.port), 20) as sock:
        sock.sendall(wanted)
        sock.shutdown(socket.SHUT_WR)
        told = b""
        while part := sock.recv(65536):
            told += part
    # Of a body that is bad on its way the beginning has gone on already, and was cut short there too.
    assert told == b"" or told.split(b" ")[1] in (b"400", b"431"), told
    # Whatever came before this one would stand before it.
    sent, _ = front.ask(request("GET", "/crm/v2/Leads/1"), OK)
    assert sent.startswith(b"GET /crm/v2/Leads/1 HTTP/1.1\r\n")
    assert front.old.requests.empty()


def test_a_client_that_calls_the_length_a_header_of_its_connection_sends_one_request(front: Front) -> None:
    body = b"GET /crm/v2/Leads HTTP/1.1\r\nHost: hidden\r\n\r\n"
    head = "POST /crm/v2/Contacts HTTP/1.1\r\nHost: crm.example\r\nConnection: close, Content-Length\r\n"
    sent, _ = front.ask(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, OK)
    assert f"Content-Length: {len(body)}".encode() in sent
    assert sent.endswith(b"\r\n\r\n" + body)
    with pytest.raises(queue.Empty):
        front.old.requests.get(timeout=0.1)


@pytest.mark.parametrize("together", [True, False])
def test_what_an_old_crm_says_unasked_answers_nobody(front: Front, together: bool) -> None:
    unasked, said = b"HTTP/1.1 500 Unasked\r\nContent-Length: 6\r\n\r\nforged", threading.Event()

    def both(connection: socket.socket) -> None:
        if together:
            connection.sendall(OK + unasked)
        else:
            connection.sendall(OK)
            time.sleep(0.1)
            connection.sendall(unasked)
        said.set()

    for answer in (both, OK):
        _, (status, _, body) = front.ask(request("GET", "/crm/v2/Leads"), answer)
        assert (status, body) == (b"HTTP/1.1 200 OK", b"{}")
        assert said.wait(5)
        time.sleep(0.05)


def test_a_client_keeps_its_connection_after_an_answer_without_its_body(front: Front) -> None:
    wanted = b"GET /crm/v2/Leads HTTP/1.1\r\nHost: crm.example\r\n\r\n"
    with socket.create_connection(("127.0.0.1", front.port), 10) as sock:
        for _ in range(2):
            front.old.answers.put(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n")
            sock.sendall(wanted)
            assert sock.recv(65536) == b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"


def test_a_status_that_there_is_not_is_no_answer(front: Front) -> None:
    for status in (b"099", b"600", b"999"):
        answer = b"HTTP/1.1 %b Odd\r\nContent-Length: 0\r\n\r\n" % status
        _, (told, _, _) = front.ask(request("GET", "/crm/v2/Leads"), answer)
        assert told.split()[1] in (b"500", b"502", b"503")


@pytest.mark.parametrize(
    "path",
    [
        "/crm/v2/Leads",
        "/crm/v1/profile/contact",
        "/crmapi/rest/v2/contact_information/show",
        "/api/v1.0/contacts",
    ],
)
def test_a_header_with_control_characters_is_no_answer(front: Front, path: str) -> None:
    def told(head: bytes) -> tuple[bytes, bytes]:
        _, (status, _, body) = front.ask(request("GET", path), head + b"Content-Length: 2\r\n\r\n{}")
        return status, body

    away = told(b"no HTTP at all\r\n")
    assert told(b"HTTP/1.1 200 OK\r\nX-Odd: a\x01b\r\n") == told(b"HTTP/1.1 200 OK\r\nX-Odd: a\x7fb\r\n") == away
    assert told(b"HTTP/1.1 200 OK\r\nX-Odd: a\tb\xff\r\n") == (b"HTTP/1.1 200 OK", b"{}")
    assert away != (b"HTTP/1.1 200 OK", b"{}")


def test_a_line_break_in_a_path_stays_escaped(front: Front) -> None:
    sent, _ = front.ask(request("GET", "/crm/v2/Leads/%0d%0aX-Evil:%201"), OK)
    assert sent.split(b"\r\n")[0] == b"GET /crm/v2/Leads/%0d%0aX-Evil:%201 HTTP/1.1"
    assert b"\r\nX-Evil" not in sent


def test_zohos_tokens_come_from_its_accounts_server_and_lead_back_to_us(front: Front) -> None:
    token = {"access_token": "1000.new", "api_domain": f"http://127.0.0.1:{front.old.port}", "expires_in": 3600}
    body = json.dumps(token).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    form = b"grant_type=refresh_token&client_id=1000.CLIENT&client_secret=s3cret&refresh_token=r"
    wanted = request("POST", "/oauth/v2/token", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    sent, (_, headers, back) = front.ask(wanted, answer)
    assert sent.startswith(b"POST /accounts/oauth/v2/token HTTP/1.1\r\n") and sent.endswith(form)
    told = json.loads(back)
    assert told == token | {"api_domain": "https://crm.example"}
    assert f"Content-Length: {len(back)}".encode() in headers


def test_redirects_to_the_old_crm_lead_to_us(front: Front) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{front.old.port}/login/x\r\nContent-Length: 0\r\n\r\n"
    _, (_, headers, _) = front.ask(request("GET", "/api/v1.0/contacts"), answer.encode())
    assert b"Location: https://crm.example/login/x" in headers


def test_connections_are_kept_and_one_that_has_ended_loses_nothing(front: Front) -> None:
    front.ask(request("GET", "/crm/v2/Leads"), OK)
    made = front.old.connections
    front.ask(request("GET", "/crm/v2/Leads"), OK)
    assert front.old.connections == made

    def end(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)

    front.old.answers.put(end)  # whatever comes by the kept connection is lost
    front.old.answers.put(OK)
    status, _, _ = asked(front.port, request("GET", "/crm/v2/Leads"))
    assert status == b"HTTP/1.1 200 OK"
    assert front.old.connections == made + 1


def test_a_write_is_never_sent_twice(front: Front) -> None:
    front.ask(request("GET", "/crm/v2/Leads"), OK)
    while not front.old.requests.empty():
        front.old.requests.get()

    def end(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)

    front.old.answers.put(end)
    status, _, body = asked(front.port, request("POST", "/crm/v2/Leads", {}, b'{"data": []}'))
    assert (status, json.loads(body)["code"]) == (b"HTTP/1.1 500 Internal Server Error", "INTERNAL_ERROR")
    time.sleep(0.2)
    assert front.old.requests.qsize() == 1
    front.old.answers.put(OK)
    asked(front.port, request("GET", "/crm/v2/Leads"))


def test_clients_who_hang_up_are_not_held_against_the_old_crm(front: Front) -> None:
    head = b"POST /crm/v2/Leads HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"
    for _ in range(15):
        with socket.create_connection(("127.0.0.1", front.port), 20) as sock:
            sock.sendall(head)
            assert front.old.broken.empty()
        front.old.broken.get(timeout=10)  # and so is the request that it was sent
    assert front.ask(request("GET", "/crm/v2/Leads"), OK)[1][0] == b"HTTP/1.1 200 OK"
    assert front.old.requests.empty()


@pytest.mark.parametrize("begun", [False, True], ids=["no answer yet", "in the middle of its answer"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_hangs_up_ends_a_read_of_the_old_crm_and_never_a_write(front: Front, method: str, begun: bool) -> None:
    ended: queue.Queue[bytes] = queue.Queue()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
    begin = threading.Event()

    def slow(connection: socket.socket) -> None:
        if begun:
            connection.sendall(head + b"ab")
        begin.set()
        connection.settimeout(0.2)
        try:
            ended.put(connection.recv(1))
        except TimeoutError:
            ended.put(b"goes on")
            connection.sendall(b"cd" if begun else head + b"abcd")
        except ConnectionResetError:
            ended.put(b"")

    front.old.answers.put(slow)
    with socket.create_connection(("127.0.0.1", front.port), 20) as sock:
        sock.sendall(request(method, "/crm/v2/Leads", {}, b"{}" if method == "POST" else None))
        assert begin.wait(10)
        if begun:
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert ended.get(timeout=10) == (b"" if method == "GET" else b"goes on")
    front.old.requests.get(timeout=10)
    assert front.ask(request("GET", "/crm/v2/Leads"), OK)[1][0] == b"HTTP/1.1 200 OK"


def test_an_answer_that_breaks_off_breaks_off_for_the_client(front: Front) -> None:
    def part(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        connection.shutdown(socket.SHUT_RDWR)

    _, (status, headers, body) = front.ask(request("GET", "/crm/v2/Leads"), part)
    assert (status, body) == (b"HTTP/1.1 200 OK", b"abc")
    assert b"Content-Length: 10" in headers


async def test_an_upstream_whose_name_leads_nowhere_just_now_is_away() -> None:
    async def addresses() -> list[str]:
        raise BadPlaceError("old.example: has no address: Temporary failure in name resolution")

    client = Client(Base("http", "old.example", 80), addresses, None)
    with pytest.raises(UpstreamError, match="has no address") as told:
        await client.send(b"POST", b"/", [], None, framed=False)
    assert not told.value.sent
