"""Multipart forms by RFC 7578, read from bytes that are there."""

import tempfile
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers, UploadFile

from crmgraph.http.charsets import UTF_8, WIDE, Malformed, TooMany, declared, decoded

MAX_FIELDS = 1_000
"""The most fields of a form."""
MAX_FILES = 20
"""The most files of a form."""
MAX_HEADERS = 16
"""The most headers that one part of a form has."""


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


def parse(content_type: str, data: bytes) -> list[tuple[str, UploadFile | str]]:
    """The fields and files of a form by RFC 7578.

    Texts are in the charset of their part, else that of the part `_charset_`, else that of the form; names always in
    that of the form.

    Raises:
        TooMany: there are more fields, files or parts than are read.
        Malformed: it is no such form, or holds bytes that are not of its charset.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Malformed("no boundary")
    parts = _parts(boundary, data)
    named: list[tuple[str, bytes | None, _Part]] = []
    default = declared(content_type) or UTF_8
    encoding = UTF_8 if default.startswith(WIDE) else default
    for part in parts:
        options = parse_options_header(part.header(b"content-disposition"))[1]
        if b"name" not in options:
            raise Malformed("a part without a name")
        named.append((decoded(options[b"name"], encoding), options.get(b"filename"), part))
        if options[b"name"] == b"_charset_":
            default = declared(f"text/plain; charset={decoded(bytes(part.data), 'ascii')}") or default
    if sum(file_name is not None for _, file_name, _ in named) > MAX_FILES:
        raise TooMany("files", MAX_FILES)
    if sum(file_name is None for _, file_name, _ in named) > MAX_FIELDS:
        raise TooMany("fields", MAX_FIELDS)
    texts = {
        i: decoded(bytes(part.data), declared(part.header(b"content-type")) or default)
        for i, (_, file_name, part) in enumerate(named)
        if file_name is None
    }
    file_names = {i: decoded(file_name, encoding) for i, (_, file_name, _) in enumerate(named) if file_name is not None}
    return [(name, texts[i] if i in texts else _file(part, file_names[i])) for i, (name, _, part) in enumerate(named)]


def _file(part: "_Part", name: str) -> UploadFile:
    """The file in a part, to be closed with its form."""
    file = tempfile.SpooledTemporaryFile(max_size=len(part.data) + 1)  # noqa: SIM115 - closed with its form
    file.write(part.data)
    file.seek(0)
    headers = Headers(raw=part.headers)
    return UploadFile(file, size=len(part.data), filename=name, headers=headers)  # type: ignore[arg-type]  # a file for all that it does


def _parts(boundary: bytes, data: bytes) -> list[_Part]:
    parts: list[_Part] = []

    def begin() -> None:
        if len(parts) >= MAX_FIELDS + MAX_FILES:
            raise TooMany("parts", MAX_FIELDS + MAX_FILES)
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
