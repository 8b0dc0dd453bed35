"""Heads that are kept leave nothing open, and are found by the whole request alone."""

from typing import Any

import pytest

from crmgraph.http.heads import KEPT_BYTES, MAX_HEAD, MAX_REQUEST, Heads

LINE = b"POST /a?b=c HTTP/1.1\r\n"


def kept(
    heads: Heads, *headers: tuple[bytes, bytes], body: bytes = b"", read: int | None = None, **scope: Any
) -> bytes:
    """A request that was read."""
    data = LINE + b"".join(b"%b: %b\r\n" % each for each in headers) + b"\r\n" + body
    found = {"method": "POST", "path": "/a", "raw_path": b"/a", "query_string": b"b=c", "http_version": "1.1"}
    lower = [(name.lower(), value) for name, value in headers]
    heads.keep(data, len(body) if read is None else read, b"/a?b=c", found | scope | {"headers": lower}, [*headers])
    return data


def test_a_head_is_found_with_a_body_of_its_length() -> None:
    heads = Heads()
    data = kept(heads, (b"Content-Length", b"2"), body=b"{}")
    for same in (data, data[:-2] + b"[]"):
        head = heads.of(same)
        assert head is not None
        assert (head.url, head.headers, head.spelled, same[head.end :]) == (
            b"/a?b=c",
            ((b"content-length", b"2"),),
            ((b"Content-Length", b"2"),),
            same[-2:],
        )
        assert head.address == {"method": "POST", "path": "/a", "raw_path": b"/a", "query_string": b"b=c"}
    for other in (data[:-1], data + b"x", data[:-2], data[:9], b"", data.replace(b"/a", b"/b"), data.lower()):
        assert heads.of(other) is None, other


@pytest.mark.parametrize(
    "header",
    [
        (b"Connection", b"close"),
        (b"connection", b"keep-alive, Upgrade"),
        (b"Upgrade", b"websocket"),
        (b"Expect", b"100-continue"),
        (b"Transfer-Encoding", b"chunked"),
    ],
)
def test_a_head_that_leaves_something_open_is_not_kept(header: tuple[bytes, bytes]) -> None:
    heads = Heads()
    assert heads.of(kept(heads, header)) is None
    assert heads.of(kept(heads, (b"Connection", b"Keep-Alive"))) is not None


def test_what_is_long_or_old_or_was_read_otherwise_is_not_kept() -> None:
    heads = Heads()
    assert heads.of(kept(heads, body=b"x" * MAX_REQUEST)) is None
    assert heads.of(kept(heads, (b"a", b"b" * MAX_HEAD))) is None
    assert heads.of(kept(heads, http_version="1.0")) is None
    assert heads.of(kept(heads, body=b"5\r\nabcde\r\n0\r\n\r\n", read=5)) is None


def test_the_heads_that_came_last_are_kept_within_their_bytes() -> None:
    heads = Heads()
    first = kept(heads, (b"a", b"0"))
    for number in range(KEPT_BYTES // (4 * len(first)) + 1):
        last = kept(heads, (b"a", b"%d" % number))
    assert heads.of(first) is None
    assert heads.of(last) is not None
