"""Reading HTTP requests within bounds: bytes are counted as they arrive, and nothing that a client sends is trusted."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes

import orjson
from starlette.datastructures import FormData, Headers, QueryParams
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from crmgraph.crm.errors import TooLarge
from crmgraph.http import multipart
from crmgraph.http.charsets import UTF_8, WIDE, Malformed, TooMany, UnknownCharset, declared, decoded
from crmgraph.http.deadline import not_counted
from crmgraph.http.headers import header_of
from crmgraph.http.multipart import MAX_FIELDS
from crmgraph.http.sharing import given_back, holds

FORM_ON_LOOP = 64 * 1024
"""The longest urlencoded form, in bytes, that is read on the event loop: a megabyte takes a tenth of a second."""
MAX_VALUES = 10_000
"""The most values in a JSON text, those of all its lists and objects together."""
_EVERY_ASCII = bytes(range(128))
_NOTHING = QueryParams()


def charset(headers: Headers) -> str:
    """The charset that a request declares, as Python's codecs call it; UTF-8 when it declares none.

    Raises:
        UnknownCharset: it is none that we read.
    """
    return declared(headers.get("content-type", "")) or UTF_8


def query(request: Request) -> QueryParams:
    """The parameters in the address of a request, in the charset that it declares for its body, else in UTF-8.

    Raises:
        Malformed: bytes that are escaped there are not of that charset.
    """
    given: bytes = request.scope.get("query_string", b"")
    if not given:
        return _NOTHING
    return QueryParams(urlencoded(given, declared(header_of(request.scope, b"content-type")) or UTF_8))


def urlencoded(data: bytes, encoding: str = UTF_8) -> list[tuple[str, str]]:
    """The names and values of an urlencoded form (or query), as many times as they come.

    Args:
        encoding: see `charset`.

    Raises:
        TooMany: more than `MAX_FIELDS`.
        Malformed: bytes that are not of the charset.
    """
    if encoding.startswith(WIDE):
        data, encoding = decoded(data, encoding).removeprefix("\ufeff").encode(), UTF_8
    if data.count(b"&") >= MAX_FIELDS:
        raise TooMany("fields", MAX_FIELDS)
    if b"%" not in data and b"+" not in data and data.isascii():
        # Nothing is escaped, as in most of what programs send.
        named = [each.partition("=") for each in data.decode().split("&") if each]
        return [(name, value) for name, _, value in named]
    try:
        return parse_qsl(
            quote_from_bytes(data, safe=_EVERY_ASCII),
            keep_blank_values=True,
            encoding=encoding,
            errors="strict",
        )
    except ValueError as error:
        raise Malformed(str(error)) from None


class Pieces:
    """The body of a request as it comes; see `body`.

    Attributes:
        more: whether there is more of it than what was given.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self.more = True

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        """The next piece.

        Raises:
            ClientDisconnect: the client went away.
        """
        if not self.more:
            raise StopAsyncIteration
        with not_counted(self._request):
            message = await self._request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.more = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


async def up_to(limit: int, read: Sequence[bytes], rest: Pieces) -> tuple[bytes, bool]:
    """The first bytes of a body of which some pieces were read, and whether there are more of it, which are not read.

    Raises:
        ClientDisconnect: the client went away.
    """
    chunks = [*read]
    length = sum(map(len, chunks))
    while rest.more and length <= limit:
        async for piece in rest:
            chunks.append(piece)
            length += len(piece)
            break
    data = b"".join(chunks)
    return (data[:limit], True) if length > limit else (data, False)


async def beginning(request: Request, limit: int) -> tuple[bytes, bool]:
    """The first bytes of the body of a request, and whether there are more of it, which are not read; see `body`.

    Raises:
        ClientDisconnect: the client went away.
        Crowded: its caller has too much else in hand by now.
    """
    if holds(request):
        async with given_back(request):
            with not_counted(request):
                data = await _received(request, limit)
    else:
        data = await _received(request, limit)
    return (data[:limit], True) if len(data) > limit else (data, False)


async def _received(request: Request, limit: int) -> bytes:
    """The body of a request; of one that is longer than `limit` so much that this is known."""
    message = await request.receive()
    data: bytes = message.get("body", b"")
    if message["type"] != "http.disconnect" and not message.get("more_body", False):
        return data
    chunks: list[bytes] = []
    length = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        length += len(chunk)
        chunks.append(chunk)
        if length > limit or not message.get("more_body", False):
            return b"".join(chunks)
        message = await request.receive()


async def body(request: Request, limit: int) -> bytes:
    """The body of a request, whose time on the way does not count to the request's deadline.

    Args:
        limit: the most bytes that are taken.

    Raises:
        TooLarge: it is longer, by its own account or in fact; the rest is not read.
        ClientDisconnect: the client went away.
        Crowded: its caller has too much else in hand by now.
    """
    declared = header_of(request.scope, b"content-length")
    if declared.isascii() and declared.isdecimal() and (len(declared) > 15 or int(declared) > limit):
        raise TooLarge((), limit)
    data = (await beginning(request, limit + 1))[0] if holds(request) else await _received(request, limit)
    if len(data) > limit:
        raise TooLarge((), limit)
    return data


def json(data: bytes, encoding: str = UTF_8, most: int = MAX_VALUES) -> Any:
    """The value that the bytes are the JSON of, whatever the Content-Type; of a key that comes twice, the last.

    What is no JSON blank and stands in pasted examples (U+00A0, a byte order mark) is passed over outside strings.

    Args:
        encoding: see `charset`.
        most: the most values.

    Raises:
        TooMany: there are more values in it.
        Malformed: they are not JSON, or nested too deep, or with numbers that nothing can hold.
    """
    if encoding != UTF_8:
        data = decoded(data, encoding).removeprefix("\ufeff").encode()
    if has_more_values(data, most):
        raise TooMany("values", most)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if b"\xc2\xa0" not in data and not data.startswith(b"\xef\xbb\xbf"):
            raise Malformed(str(error)) from None
    try:
        return orjson.loads(_plain_blanks(data.decode("utf-8-sig")))
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from None


def has_more_values(data: bytes, limit: int) -> bool:
    """Whether a JSON text has more values than `limit`, by what stands before each: a comma or an opening bracket.

    It is counted before anything is made of the text, since a million small lists take a second to make.
    """
    if len(data) < limit or sum(map(data.count, (b",", b"[", b"{"))) < limit:
        return False
    if data.count(b'"') == 0:
        return True
    bare = data.replace(rb"\\", b"").replace(rb"\"", b"")
    # A value brings two strings at most, itself and its key.
    if bare.count(b'"') > 4 * limit:
        return True
    outside = b"".join(bare.split(b'"')[::2])
    return sum(map(outside.count, (b",", b"[", b"{"))) >= limit


def _plain_blanks(text: str) -> str:
    """The JSON text with U+00A0 outside strings as plain blanks."""
    pieces = text.split('"')
    inside = False
    for i, piece in enumerate(pieces):
        if not inside:
            pieces[i] = piece.replace("\xa0", " ")
        # A quote that a backslash escapes does not end the string.
        escaped = inside and (len(piece) - len(piece.rstrip("\\"))) % 2 == 1
        if not escaped:
            inside = not inside
    return '"'.join(pieces)


async def form(request: Request, limit: int) -> FormData:
    """The fields and files of a form, urlencoded or multipart.

    Args:
        limit: the most bytes that are taken.

    Raises:
        Malformed: it is no form, or one with too many parts.
        TooLarge: the body is longer than `limit`.
    """
    return await parse_form(request.headers, await body(request, limit))


async def fields(headers: Headers, data: bytes) -> list[tuple[str, str]]:
    """The fields of an urlencoded form, whatever its Content-Type; a long one is read beside the event loop.

    Raises:
        TooMany, Malformed: see `urlencoded`.
    """
    encoding = charset(headers)
    if len(data) <= FORM_ON_LOOP:
        return urlencoded(data, encoding)
    return await asyncio.to_thread(urlencoded, data, encoding)


async def parse_form(headers: Headers, data: bytes) -> FormData:
    """The form that these bytes are, by the Content-Type in `headers`; an empty one when it names none.

    Raises:
        TooMany: there are more fields or files than are read.
        Malformed: it is no form, or one with bytes that are not of its charset.
    """
    content_type = headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return FormData(multipart.parse(content_type, data))
    if kind == "application/x-www-form-urlencoded":
        return FormData([*await fields(headers, data)])
    return FormData()


def address(request: HTTPConnection) -> str:
    """The address a request came from. Proxies that are trusted have been taken off by the server already."""
    client = request.scope.get("client")
    return str(client[0]) if client else ""


__all__ = [
    "UTF_8",
    "ClientDisconnect",
    "Malformed",
    "Pieces",
    "TooMany",
    "UnknownCharset",
    "address",
    "beginning",
    "body",
    "charset",
    "fields",
    "form",
    "json",
    "parse_form",
    "query",
    "up_to",
    "urlencoded",
]
