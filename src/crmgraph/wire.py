"""Reading HTTP requests within bounds: bytes are counted as they arrive, and nothing that a client sends is trusted.

Text is in the charset that the Content-Type declares, else in UTF-8. Bytes that it has no characters for are refused:
nothing is guessed, and nothing is replaced.
"""

import codecs
import tempfile
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import FormData, Headers, QueryParams, UploadFile
from starlette.requests import ClientDisconnect, Request

from crmgraph.crm.errors import TooLarge
from crmgraph.deadline import not_counted

MAX_FIELDS = 1_000
"""The most fields of a form."""
MAX_FILES = 20
"""The most files of a form."""
MAX_VALUES = 10_000
"""The most values in a JSON text, those of all its lists and objects together."""
MAX_HEADERS = 16
"""The most headers that one part of a form has."""

UTF_8 = "utf-8"
_CHARSETS = frozenset(
    {"ascii", "big5", "big5hkscs", "cp437", "cp850", "cp858", "cp866", "cp874", "cp932", "cp949", "euc_jp", "euc_kr"}
    | {"gb18030", "gb2312", "gbk", "iso2022_jp", "koi8-r", "koi8-u", "mac-roman", "shift_jis", "tis-620"}
    | {"utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le", UTF_8, "utf-8-sig"}
    | {f"cp125{n}" for n in range(9)}
    | {f"iso8859-{n}" for n in range(1, 17) if n != 12}
)
"""The charsets that are read, as Python's codecs call them: those of the Encoding Standard, and the usual others."""
_WIDE = ("utf-16", "utf-32")
"""Charsets that are no superset of ASCII: what is escaped in a form in one of them is UTF-8, as browsers send it."""
_EVERY_ASCII = bytes(range(128))


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


class UnknownCharset(Malformed):
    """A charset that is declared and that we do not read."""


def charset(headers: Headers) -> str:
    """The charset that a request declares, as Python's codecs call it; UTF-8 when it declares none.

    Raises:
        UnknownCharset: it is none that we read.
    """
    return _declared(headers.get("content-type", "")) or UTF_8


def _declared(content_type: str) -> str | None:
    lowered = content_type.lower()
    if "charset" not in lowered:
        return None
    if lowered.endswith("charset=utf-8"):
        return UTF_8
    given = Message()
    given["content-type"] = content_type
    # The tuple is of RFC 2231's charset*=, which HTTP does not have.
    name = given.get_param("charset", "")
    if not isinstance(name, str) or not name.strip():
        return None
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        raise UnknownCharset(name[:40]) from None
    if found not in _CHARSETS:
        raise UnknownCharset(name[:40])
    # Whoever says ISO-8859-1 means windows-1252, which has characters where that has control codes (Encoding Standard).
    return "cp1252" if found == "iso8859-1" else found


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError:
        raise Malformed(f"not {encoding}") from None


def query(request: Request) -> QueryParams:
    """The parameters in the address of a request, in the charset that it declares for its body, else in UTF-8.

    Raises:
        Malformed: bytes that are escaped there are not of that charset.
    """
    given: bytes = request.scope.get("query_string", b"")
    return QueryParams(urlencoded(given, charset(request.headers))) if given else QueryParams()


def urlencoded(data: bytes, encoding: str = UTF_8) -> list[tuple[str, str]]:
    """The names and values of an urlencoded form (or query), as many times as they come.

    Args:
        encoding: see `charset`.

    Raises:
        TooMany: more than `MAX_FIELDS`.
        Malformed: bytes that are not of the charset.
    """
    if encoding.startswith(_WIDE):
        data, encoding = _text(data, encoding).removeprefix("\ufeff").encode(), UTF_8
    if data.count(b"&") >= MAX_FIELDS:
        raise TooMany("fields", MAX_FIELDS)
    try:
        return parse_qsl(
            quote_from_bytes(data, safe=_EVERY_ASCII),
            keep_blank_values=True,
            encoding=encoding,
            errors="strict",
        )
    except ValueError as error:
        raise Malformed(str(error)) from None


async def body(request: Request, limit: int) -> bytes:
    """The body of a request, whose time on the way does not count to the request's deadline.

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
    with not_counted(request):
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


def json(data: bytes, encoding: str = UTF_8) -> Any:
    """The value that the bytes are the JSON of, whatever the Content-Type; of a key that comes twice, the last.

    What is no JSON blank and stands in pasted examples (U+00A0, a byte order mark) is passed over outside strings.

    Args:
        encoding: see `charset`.

    Raises:
        TooMany: there are more than `MAX_VALUES` values in it.
        Malformed: they are not JSON, or nested too deep, or with numbers that nothing can hold.
    """
    if encoding != UTF_8:
        data = _text(data, encoding).removeprefix("\ufeff").encode()
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
        Malformed: it is no form, a multipart one with too many parts, or one with bytes that are not of its charset.
    """
    content_type = headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return FormData(_multipart(content_type, data))
    if kind == "application/x-www-form-urlencoded":
        return FormData([*urlencoded(data, charset(headers))])
    return FormData()


class _Part:
    """One part of a multipart form as it comes."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.name = self.value = b""
        self.data = bytearray()

    def end_header(self) -> None:
        self.headers.append((self.name.lower(), self.value))
        self.name = self.value = b""

    def header(self, name: bytes) -> str:
        return next((value for key, value in self.headers if key == name), b"").decode("latin-1")


def _multipart(content_type: str, data: bytes) -> list[tuple[str, UploadFile | str]]:
    """The fields and files of a form by RFC 7578.

    Texts are in the charset of their part, else that of the part `_charset_`, else that of the form; names always in
    that of the form.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Malformed("no boundary")
    parts = _parts(boundary, data)
    named: list[tuple[str, bytes | None, _Part]] = []
    default = _declared(content_type) or UTF_8
    encoding = UTF_8 if default.startswith(_WIDE) else default
    for part in parts:
        options = parse_options_header(part.header(b"content-disposition"))[1]
        if b"name" not in options:
            raise Malformed("a part without a name")
        named.append((_text(options[b"name"], encoding), options.get(b"filename"), part))
        if options[b"name"] == b"_charset_":
            default = _declared(f"text/plain; charset={_text(bytes(part.data), 'ascii')}") or default
    if sum(file_name is not None for _, file_name, _ in named) > MAX_FILES:
        raise Malformed("too many files")
    if sum(file_name is None for _, file_name, _ in named) > MAX_FIELDS:
        raise Malformed("too many fields")
    texts = {
        i: _text(bytes(part.data), _declared(part.header(b"content-type")) or default)
        for i, (_, file_name, part) in enumerate(named)
        if file_name is None
    }
    file_names = {i: _text(file_name, encoding) for i, (_, file_name, _) in enumerate(named) if file_name is not None}
    return [(name, texts[i] if i in texts else _file(part, file_names[i])) for i, (name, _, part) in enumerate(named)]


def _file(part: "_Part", name: str) -> UploadFile:
    """The file in a part, to be closed with its form."""
    file = tempfile.SpooledTemporaryFile(max_size=len(part.data) + 1)  # noqa: SIM115
    file.write(part.data)
    file.seek(0)
    return UploadFile(file, size=len(part.data), filename=name, headers=Headers(raw=part.headers))  # type: ignore[arg-type]


def _parts(boundary: bytes, data: bytes) -> list[_Part]:
    parts: list[_Part] = []

    def begin() -> None:
        if len(parts) >= MAX_FIELDS + MAX_FILES:
            raise Malformed("too many parts")
        parts.append(_Part())

    def name(given: bytes, start: int, end: int) -> None:
        parts[-1].name += given[start:end]

    def value(given: bytes, start: int, end: int) -> None:
        parts[-1].value += given[start:end]

    def content(given: bytes, start: int, end: int) -> None:
        parts[-1].data += given[start:end]

    handlers: Any = {
        "on_part_begin": begin,
        "on_header_field": name,
        "on_header_value": value,
        "on_header_end": lambda: parts[-1].end_header(),
        "on_part_data": content,
    }
    try:
        parser = MultipartParser(boundary, handlers, max_header_count=MAX_HEADERS)
        parser.write(data)
        parser.finalize()
    except FormParserError as error:
        raise Malformed(str(error)) from None
    return parts


def address(request: Request) -> str:
    """The address a request came from. Proxies that are trusted have been taken off by the server already."""
    return request.client.host if request.client is not None else ""


__all__ = [
    "ClientDisconnect",
    "Malformed",
    "TooMany",
    "UnknownCharset",
    "address",
    "body",
    "charset",
    "form",
    "json",
    "parse_form",
    "query",
    "urlencoded",
]
