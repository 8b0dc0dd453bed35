"""Which addresses are called: never one that only we can reach, however it is spelled."""

import socket
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from crmgraph.upstream.connection import UpstreamError
from crmgraph.upstream.forward import Client
from crmgraph.upstream.places import BadPlaceError, read_base, read_networks, resolve
from tests.upstream.conftest import Front, request

PRIVATE = "an address of a private network"
PLACES: Mapping[str, str] = {
    "http://169.254.169.254": f"169.254.169.254 is {PRIVATE}",
    "https://10.0.0.1": f"10.0.0.1 is {PRIVATE}: CRMGRAPH_UPSTREAM_NETWORKS names those that may be called, e.g. 10.1",
    "https://localhost": "localhost is ",
    "https://2130706433": f"2130706433 is 127.0.0.1, which is {PRIVATE}",
    "https://0x7f000001": f"0x7f000001 is 127.0.0.1, which is {PRIVATE}",
    "https://0177.0.0.1": f"0177.0.0.1 is 127.0.0.1, which is {PRIVATE}",
    "https://127.1": f"127.1 is 127.0.0.1, which is {PRIVATE}",
    "https://0.0.0.0": f"0.0.0.0 is {PRIVATE}",
    "https://100.64.0.1": f"100.64.0.1 is {PRIVATE}",
    "https://224.0.0.1": f"224.0.0.1 is {PRIVATE}",
    "https://[::1]": f"::1 is {PRIVATE}",
    "https://[::]": f":: is {PRIVATE}",
    "https://[fd00::1]": f"fd00::1 is {PRIVATE}",
    "https://[fe80::1]": f"fe80::1 is {PRIVATE}",
    "https://[::ffff:10.0.0.1]": PRIVATE,
    "https://[::ffff:a9fe:a9fe]": PRIVATE,
    "https://[64:ff9b::a9fe:a9fe]": PRIVATE,
    "https://[2002:a00:1::]": PRIVATE,
    "http://8.8.8.8": "http is for the loopback interface alone",
    "file:///etc/passwd": "is no address of https",
    "ftp://example.com": "is no address of https",
    "//example.com": "is no address of https",
    "https://user:pw@example.com": "has more than a host, a port and a path",
    "https://example.com/?x=1": "has more than a host, a port and a path",
    "https://": "is no address of https",
    "https://example.com:99999": "is no address, e.g.",
    "https://nobody.invalid": "nobody.invalid: has no address",
}


@pytest.mark.parametrize("url", PLACES)
async def test_no_address_is_called_that_only_we_can_reach(url: str) -> None:
    with pytest.raises(BadPlaceError) as refused:
        await resolve(read_base(url, insecure=True), read_networks(["192.168.7.0/24"]))
    assert PLACES[url] in str(refused.value)


async def test_private_networks_are_called_that_are_named() -> None:
    networks = read_networks(["10.0.0.0/8", "127.0.0.0/8"])
    assert await resolve(read_base("https://10.0.0.1"), networks) == ["10.0.0.1"]
    assert await resolve(read_base("http://127.0.0.1:1", insecure=True), networks) == ["127.0.0.1"]
    with pytest.raises(BadPlaceError, match="http is for the loopback interface alone"):
        await resolve(read_base("http://10.0.0.1", insecure=True), networks)


class Names:
    """A name server that says something else each time that it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        each = self.answers.pop(0) if host == "old.example" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in each]


async def test_a_name_that_comes_to_lead_inside_is_not_called_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.05)
        port = inside.getsockname()[1]
        base = read_base(f"https://old.example:{port}")
        # Good when it is checked, and bad in between; and one bad address among good ones is enough.
        for answers in ([["93.184.216.34"], ["127.0.0.1"]], [["93.184.216.34"], ["93.184.216.34", "10.0.0.1"]]):
            names = Names(*answers)
            monkeypatch.setattr(socket, "getaddrinfo", names)
            assert await resolve(base) == ["93.184.216.34"]
            client = Client(base, partial(resolve, base), None)
            with pytest.raises(UpstreamError, match="private network") as refused:
                await client.send(b"GET", b"/", [], None, framed=False)
            assert (refused.value.sent, names.asked) == (False, ["old.example"] * 2)
        with pytest.raises(TimeoutError):
            inside.accept()


async def test_what_is_connected_to_is_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        base = read_base(f"http://old.example:{inside.getsockname()[1]}", insecure=True)
        networks = read_networks(["127.0.0.0/8"])
        # It would lead elsewhere if it were asked for once more.
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        monkeypatch.setattr(socket, "getaddrinfo", names)
        client = Client(base, partial(resolve, base, networks), None)
        monkeypatch.setattr("crmgraph.upstream.forward.FIRST_BYTE_SECONDS", 0.05)
        with pytest.raises(UpstreamError, match="takes too long"):
            await client.send(b"GET", b"/", [], None, framed=False)
        assert names.asked.count("old.example") == 1
        inside.accept()[0].close()


def test_a_redirect_inside_is_passed_on_and_not_followed(front: Front) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.05)
        location = f"http://127.0.0.1:{inside.getsockname()[1]}/secret".encode()
        answer = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
        _, (status, headers, _) = front.ask(request("GET", "/crm/v2/Leads"), answer)
        assert (status, b"Location: " + location in headers) == (b"HTTP/1.1 302 Found", True)
        with pytest.raises(TimeoutError):
            inside.accept()
    assert front.old.requests.empty()
