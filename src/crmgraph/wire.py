"""Reading HTTP requests within bounds: bytes are counted as they arrive, and nothing that a client sends is trusted."""

from collections.abc import AsyncGenerator
from typing import Any

import orjson
from starlette.datastructures import FormData, Headers
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from crmgraph.crm.errors import TooLarge

MAX_FIELDS = 1_000
"""The most fields of a form."""
MAX_FILES = 20
"""The most files of a form."""
MAX_VALUES = 10_000
"""The most values in a JSON text, those of all its lists and objects together."""


class Malformed(Exception):
    """A body that is not what its door reads."""


class TooMany(Malformed):
    """A body with more parts than are read; nothing was made of it.

    Attributes:
        what: of which there are too many: values or fields.
        limit: the most that are read.
    """

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"it has more than {limit:,} {what}")
        self.what = what
        self.limit = limit


async def body(request: Request, limit: int) -> bytes:
    """The body of a request.

    Args:
        limit: the most bytes that are taken.

    Raises:
        TooLarge: it is longer, by its own account or in fact; the rest is not read.
        ClientDisconnect: the client went away.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdecimal() and (len(declared) > 15 or int(declared) > limit):
        raise TooLarge((), limit)
    chunks: list[bytes] = []
    length = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        length += len(chunk)
        if length > limit:
            raise TooLarge((), limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def json(data: bytes) -> Any:
    """The value that the bytes are the JSON of, whatever the Content-Type; of a key that comes twice, the last.

    What is no JSON blank and stands in pasted examples (U+00A0, a byte order mark) is passed over outside strings.

    Raises:
        TooMany: there are more than `MAX_VALUES` values in it.
        Malformed: they are not JSON, or nested too deep, or with numbers that nothing can hold.
    """
    if _has_more_values(data, MAX_VALUES):
        raise TooMany("values", MAX_VALUES)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if b"\xc2\xa0" not in data and not data.startswith(b"\xef\xbb\xbf"):
            raise Malformed(str(error)) from None
    try:
        return orjson.loads(_plain_blanks(data.decode("utf-8-sig")))
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from None


def _has_more_values(data: bytes, limit: int) -> bool:
    """Whether a JSON text has more values than `limit`, by what stands before each: a comma or an opening bracket.

    It is counted before anything is made of the text, since a million small lists take a second to make.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) < limit:
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


async def parse_form(headers: Headers, data: bytes) -> FormData:
    """The form that these bytes are, by the Content-Type in `headers`; an empty one when it names none.

    Raises:
        TooMany: an urlencoded one has more than `MAX_FIELDS` fields.
        Malformed: it is no form, or a multipart one with too many parts.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield data
        yield b""

    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded" and data.count(b"&") >= MAX_FIELDS:
        raise TooMany("fields", MAX_FIELDS)
    try:
        if kind == "multipart/form-data":
            parser = MultiPartParser(
                headers, stream(), max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=len(data) + 1
            )
            return await parser.parse()
        if kind == "application/x-www-form-urlencoded":
            return await FormParser(headers, stream()).parse()
    except (MultiPartException, UnicodeError, KeyError, ValueError) as error:
        raise Malformed(str(error)) from None
    return FormData()


def address(request: Request) -> str:
    """The address a request came from. Proxies that are trusted have been taken off by the server already."""
    return request.client.host if request.client is not None else ""


__all__ = ["ClientDisconnect", "Malformed", "TooMany", "address", "body", "form", "json", "parse_form"]
