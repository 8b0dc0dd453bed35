"""Reading a request of GraphQL over HTTP: its media types, its parameters, and the files of an upload."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from starlette.datastructures import QueryParams, UploadFile
from starlette.requests import Request as HttpRequest

from crmgraph.crm.core import Core
from crmgraph.crm.errors import TooLarge
from crmgraph.graph.documents.bulk import without_items
from crmgraph.graph.documents.preparation import Excess, Request
from crmgraph.graph.documents.trusted import BadDocument, Documents
from crmgraph.graph.edge.variables import BULK, MAX_LEVELS, excess_of
from crmgraph.http import reading
from crmgraph.http.headers import header_of
from crmgraph.http.streaming import StreamedForm

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
GUARDS = ("graphql-preflight", "graphql-require-preflight", "apollo-require-preflight", "x-requested-with")
"""Headers that a form on another site cannot send: one of them has to come with an upload."""
MAX_MEDIA_TYPES = 1_000
"""The longest Content-Type and Accept, in characters; both are remembered."""
MAX_FILE_PATHS = 100
"""The most places that the map of an upload puts its files at."""


IMPORTS = "createImport"
"""The mutation whose files may be longer than any other request."""
MARGIN = 4 * 1024 * 1024
"""Bytes that a form may have besides its files."""
MayImport: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether whoever sends a request may bring in files that long."""


class BadRequest(Exception):
    """A request that is none of GraphQL over HTTP."""

    def __init__(
        self,
        message: str,
        status: int = 400,
        code: str = "BAD_REQUEST",
        facts: Mapping[str, Any] | None = None,
        **headers: str,
    ) -> None:
        super().__init__(message)
        self.facts = facts or {}
        self.message = message
        self.status = status
        self.code = code
        self.headers = headers


async def read(
    core: Core, http: HttpRequest, files: list[UploadFile], may_import: MayImport
) -> tuple[dict[str, Any], bool]:
    """The parameters of a request, and whether something of it was not read; its files are added to `files`, to be
    closed in the end.

    A file that is longer than any that is taken is not read to its end: whoever is handed it refuses it by its length.

    Raises:
        BadRequest: it is none of GraphQL over HTTP.
        TooLarge: there is more of it than is taken.
        ClientDisconnect: the client went away.
    """
    method = http.scope["method"]
    if method in ("GET", "HEAD"):
        return _from_query(http), False
    if method != "POST":
        raise BadRequest("Ask by GET or POST.", 405, "METHOD_NOT_ALLOWED", Allow="GET, HEAD, POST, OPTIONS")
    kind, charset = _content_type(header_of(http.scope, b"content-type")[:MAX_MEDIA_TYPES])
    if kind == JSON and charset in ("utf-8", "utf8"):
        return await _body(http, core), False
    if kind == "multipart/form-data":
        if not any(guard in http.headers for guard in GUARDS):
            raise BadRequest("An upload needs the header GraphQL-Preflight: 1.", code="PREFLIGHT_REQUIRED")
        return await _from_form(http, core, files, may_import)
    raise BadRequest("Send application/json in UTF-8.", 415, "UNSUPPORTED_MEDIA_TYPE")


async def _body(http: HttpRequest, core: Core) -> dict[str, Any]:
    """The parameters in the body. Of somebody who says who they are it may be a bulk write, which a thread reads."""
    data = await reading.body(http, core.max_body_bytes)
    if len(data) < reading.MAX_VALUES or not (
        header_of(http.scope, b"authorization") and reading.has_more_values(data, reading.MAX_VALUES)
    ):
        return _object(data)
    return await asyncio.to_thread(_object, data, BULK.values)


@lru_cache(maxsize=64)
def _content_type(header: str) -> tuple[str, str]:
    """(media type, charset)."""
    kind, *parameters = (part.strip().lower() for part in header.split(";"))
    charset = next((part[8:].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    return kind, charset


@lru_cache(maxsize=64)
def accepted(header: str) -> str:
    """The media type of the answer: what is accepted by name first, application/json otherwise.

    Args:
        header: Accept.

    Raises:
        BadRequest: neither of ours is accepted.
    """
    kinds = [part.split(";")[0].strip().lower() for part in header.split(",")]
    for kind in kinds:
        if kind in (GRAPHQL_JSON, JSON):
            return kind
    if not {"*/*", "application/*", "", "text/event-stream"} & set(kinds):
        raise BadRequest(f"The answer is {GRAPHQL_JSON} or {JSON}.", 406, "NOT_ACCEPTABLE")
    return JSON


def _from_query(http: HttpRequest) -> dict[str, Any]:
    given: dict[str, Any] = dict(_query(http))
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _json(given[name].encode(errors="replace")) if given[name] else None
    return given


def _query(http: HttpRequest) -> QueryParams:
    try:
        return reading.query(http)
    except reading.Malformed:
        raise BadRequest("The parameters of the address are text in UTF-8: é is %C3%A9.") from None


def _json(data: bytes, most: int = reading.MAX_VALUES) -> Any:
    try:
        return reading.json(data, most=most)
    except reading.TooMany as too_many:
        raise BadRequest(f"This has more than {too_many.limit:,} {too_many.what}.") from None
    except (reading.Malformed, RecursionError):
        raise BadRequest("This is not JSON.") from None


def _object(data: bytes, most: int = reading.MAX_VALUES) -> dict[str, Any]:
    value = _json(data, most)
    if not isinstance(value, dict):
        raise BadRequest("The body is a JSON object with a query; operations come one at a time.")
    return value


def mapping_of(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"`{name}` is an object.")
    return value


def request_of(given: dict[str, Any], documents: Documents) -> Request:
    try:
        named = documents.named(given)
    except BadDocument as bad:
        raise BadRequest(bad.message, bad.status, bad.code) from None
    query, name = named.text, given.get("operationName")
    if not isinstance(query, str):
        raise BadRequest("`query` is a text, and has to be there.")
    if name is not None and not isinstance(name, str):
        raise BadRequest("`operationName` is a text.")
    variables = mapping_of(given.get("variables"), "variables")
    if "extensions" in given:
        mapping_of(given["extensions"], "extensions")
    excess = excess_of(variables)
    if excess is not None:
        # Who asks, and for what, is known later: one of the staff may have more items written.
        if (beyond := excess_of(variables, BULK)) is not None:
            raise too_much(beyond if "bulk" in query else excess)
        if excess_of(without_items(variables)) is not None:
            raise too_much(excess)
    return Request(query, variables, name, excess, named.persisted)


def too_much(excess: Excess) -> BadRequest:
    """The refusal of variables of which there is too much."""
    return BadRequest(excess.message, facts=excess.facts)


async def _from_form(
    http: HttpRequest, core: Core, files: list[UploadFile], may_import: MayImport
) -> tuple[dict[str, Any], bool]:
    """The operation of a multipart request, with its files put where the map says; see `read`.

    Raises:
        TooLarge: there is more of it than is taken, beside one file that is too long.
    """
    begun = await _begun(http, core, files, may_import)
    if begun.streams:
        await _streamed(http, begun, files)
        return _placed(begun.form.fields, dict(begun.form.files)), False
    limit = core.max_body_bytes + core.max_photo_bytes
    data, is_cut = await reading.up_to(limit, begun.read, begun.rest)
    try:
        form = await reading.parse_form(http.headers, data)
    except reading.TooMany as too_many:
        raise BadRequest(f"The form has more than {too_many.limit:,} {too_many.what}.") from None
    except reading.Malformed:
        if is_cut:
            raise TooLarge((), limit) from None
        raise BadRequest("The form cannot be read.") from None
    files += [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    # Files come last (multipart request specification): the one that was cut can be told from one that was too many.
    if is_cut and not (files and (files[-1].size or 0) > core.max_photo_bytes):
        raise TooLarge((), limit)
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    return _placed(texts, {name: value for name, value in form.items() if isinstance(value, UploadFile)}), is_cut


@dataclass(slots=True)
class _Begun:
    """A form up to its first file.

    Attributes:
        read: the bytes of it.
        rest: the pieces that follow.
        streams: whether its files are read to disk: they are to be imported, by somebody who may.
    """

    form: StreamedForm
    read: list[bytes]
    rest: reading.Pieces
    streams: bool = False


async def _begun(http: HttpRequest, core: Core, files: list[UploadFile], may_import: MayImport) -> _Begun:
    try:
        form = StreamedForm(
            http.headers["content-type"], max_fields=core.max_body_bytes, max_files=core.max_import_bytes
        )
    except reading.Malformed:
        raise BadRequest("The form cannot be read.") from None
    begun = _Begun(form, [], reading.Pieces(http))
    async for piece in begun.rest:
        begun.read.append(piece)
        try:
            form.feed(piece)
        except (reading.Malformed, reading.TooMany, TooLarge):
            break  # told by whoever reads it as a whole
        finally:
            files += [file for _, file in form.files if file not in files]
        if form.files:
            begun.streams = IMPORTS in form.fields.get("operations", "") and await may_import()
            break
    return begun


async def _streamed(http: HttpRequest, begun: _Begun, files: list[UploadFile]) -> None:
    """Read the files of a form to disk.

    Raises:
        TooLarge: they have more bytes than are taken.
        BadRequest: the form cannot be read.
    """
    form = begun.form
    declared = http.headers.get("content-length", "")
    if declared.isascii() and declared.isdecimal() and int(declared[:15]) > form.max_files + MARGIN:
        raise TooLarge((), form.max_files)
    try:
        async for piece in begun.rest:
            form.feed(piece)
        form.end()
    except reading.TooMany as too_many:
        raise BadRequest(f"The form has more than {too_many.limit:,} {too_many.what}.") from None
    except reading.Malformed:
        raise BadRequest("The form cannot be read.") from None
    finally:
        files += [file for _, file in form.files if file not in files]


def _placed(texts: Mapping[str, str], files: Mapping[str, UploadFile]) -> dict[str, Any]:
    """The operation of a form, with its files where the map says."""
    parts = {}
    for name in ("operations", "map"):
        text = texts.get(name)
        if text is None:
            raise BadRequest(f"The form has no `{name}`.")
        parts[name] = _object(text.encode(errors="replace"))
    placed = 0
    for key, paths in parts["map"].items():
        file = files.get(key)
        if file is None:
            raise BadRequest(f"The form has no file `{key[:40]}`.")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise BadRequest("`map` has a list of paths for each file.")
        placed += len(paths)
        if placed > MAX_FILE_PATHS:
            raise BadRequest(f"`map` has at most {MAX_FILE_PATHS} paths.")
        for path in paths:
            _put(parts["operations"], path.split("."), file)
    return parts["operations"]


def _put(operations: dict[str, Any], path: list[str], file: UploadFile) -> None:
    """Put a file where a null stands."""
    place: Any = operations
    if path[0] != "variables" or len(path) > MAX_LEVELS:
        raise BadRequest("`map` points at something that is no variable.")
    for i, step in enumerate(path):
        key: Any = step
        if isinstance(place, list):
            key = int(step) if step.isascii() and step.isdecimal() and len(step) < 6 else len(place)
        known = key < len(place) if isinstance(place, list) else isinstance(place, dict) and key in place
        if not known:
            raise BadRequest("`map` points at something that is not there.")
        if i == len(path) - 1:
            if place[key] is not None:
                raise BadRequest("`map` points at something that is not null.")
            place[key] = file
        else:
            place = place[key]
