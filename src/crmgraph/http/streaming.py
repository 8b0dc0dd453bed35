"""Multipart forms by RFC 7578 that are read as they come: their fields in memory, their files on disk."""

import tempfile
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers, UploadFile

from crmgraph.crm.errors import TooLarge
from crmgraph.http.charsets import UTF_8, WIDE, Malformed, TooMany, declared, decoded
from crmgraph.http.multipart import MAX_FIELDS, MAX_FILES, MAX_HEADERS


class StreamedForm:
    """A form, part by part. Its files are closed by whoever has asked for them.

    Args:
        content_type: of the request.
        max_fields: bytes that all fields together may have.
        max_files: the same of files.

    Attributes:
        fields: {name: text} of those that have ended, the first of each name.
        files: (name, file) of those that have begun.

    Raises:
        Malformed: it names no boundary.
    """

    def __init__(self, content_type: str, *, max_fields: int, max_files: int) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise Malformed("no boundary")
        self.fields: dict[str, str] = {}
        self.files: list[tuple[str, UploadFile]] = []
        self.max_files = max_files
        self._max_fields = max_fields
        self._encoding = declared(content_type) or UTF_8
        self._names = UTF_8 if self._encoding.startswith(WIDE) else self._encoding
        self._headers: list[tuple[bytes, bytes]] = []
        self._header = [b"", b""]
        self._name = ""
        self._is_whole = False
        self._text: bytearray | None = None
        self._count = self._field_bytes = self._file_bytes = 0
        handlers: Any = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add,
            "on_part_end": self._end,
            "on_end": self._finish,
        }
        self._parser = MultipartParser(boundary, handlers, max_header_count=MAX_HEADERS)

    def feed(self, data: bytes) -> None:
        """Read the next bytes.

        Raises:
            Malformed: it is no such form.
            TooMany: there are more fields or files than are read.
            TooLarge: there are more bytes of them than are taken.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise Malformed(str(error)) from None

    def end(self) -> None:
        """There is no more of it.

        Raises:
            Malformed: something is missing.
        """
        try:
            self._parser.finalize()
        except FormParserError as error:
            raise Malformed(str(error)) from None
        if not self._is_whole:
            raise Malformed("no last boundary")
        for _, file in self.files:
            file.file.seek(0)

    def _begin(self) -> None:
        self._headers, self._header, self._text = [], [b"", b""], None

    def _add_header(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _end_header(self) -> None:
        self._headers.append((self._header[0].lower(), self._header[1]))
        self._header = [b"", b""]

    def _end_headers(self) -> None:
        given = next((value for key, value in self._headers if key == b"content-disposition"), b"").decode("latin-1")
        options = parse_options_header(given)[1]
        if b"name" not in options:
            raise Malformed("a part without a name")
        self._name = decoded(options[b"name"], self._names)
        self._count += 1
        if self._count > MAX_FIELDS:
            raise TooMany("parts", MAX_FIELDS)
        if (file_name := options.get(b"filename")) is None:
            self._text = bytearray()
            return
        if len(self.files) >= MAX_FILES:
            raise TooMany("files", MAX_FILES)
        file: Any = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever has asked for the form
        self.files.append(
            (
                self._name,
                UploadFile(file, size=0, filename=decoded(file_name, self._names), headers=Headers(raw=self._headers)),
            )
        )

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._text is not None:
            self._field_bytes += end - start
            if self._field_bytes > self._max_fields:
                raise TooLarge((), self._max_fields)
            self._text += data[start:end]
            return
        self._file_bytes += end - start
        if self._file_bytes > self.max_files:
            raise TooLarge((), self.max_files)
        _, file = self.files[-1]
        file.file.write(data[start:end])
        file.size = (file.size or 0) + end - start

    def _end(self) -> None:
        if self._text is not None:
            content_type = next((value for key, value in self._headers if key == b"content-type"), b"")
            encoding = declared(content_type.decode("latin-1")) or self._encoding
            self.fields.setdefault(self._name, decoded(bytes(self._text), encoding))

    def _finish(self) -> None:
        self._is_whole = True
