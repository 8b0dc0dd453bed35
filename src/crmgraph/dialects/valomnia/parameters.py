"""The parameters of a request: its query, its form in either encoding (or, leniently, a JSON object), and the image."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.requests import Request

from crmgraph.crm.errors import TooLarge
from crmgraph.crm.values.text import fault_of, is_blank
from crmgraph.dialects.valomnia.errors import (
    FILE_TOO_LARGE,
    MALFORMED,
    MALFORMED_QUERY,
    UNSUPPORTED_FILE,
    invalid_param_type,
    missing_param,
)
from crmgraph.dialects.valomnia.fields import read_long
from crmgraph.http import reading
from crmgraph.mapping import Unreadable
from crmgraph.rest import RequestError

MAX_IMAGE_BYTES = 2 * 1024 * 1024
"""The vendor's "2Mo"."""
YES = ("true", "on", "yes", "1")
"""The words, in any case, that turn a switch on."""


@dataclass(frozen=True, slots=True)
class Image:
    """A file that came as `imageFile`."""

    data: bytes
    file_name: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a request brings.

    Attributes:
        texts: {name: value}, of a name that comes twice the last; the body wins over the query.
    """

    texts: Mapping[str, str]
    image: Image | None = None

    def text(self, name: str) -> str:
        """The value without outer blanks; "" when it is not there."""
        return self.texts.get(name, "").strip()

    def required(self, name: str) -> str:
        """The same, which has to be there.

        Raises:
            RequestError: missing_param.
        """
        if is_blank(found := self.text(name)):
            raise RequestError(missing_param(name))
        return found

    def line(self, name: str) -> str:
        """The same as `text`, of which the store can have the like.

        Raises:
            RequestError: invalid_param_type.
        """
        found = self.text(name)
        if fault_of(found):
            raise RequestError(invalid_param_type(name))
        return found

    def filter(self, name: str) -> str:
        """The same as `line`, to look for. A blank is nothing to look for: it is not the same as not to filter.

        Raises:
            RequestError: invalid_param_type.
        """
        found = self.line(name)
        if not found and self.texts.get(name):
            raise RequestError(invalid_param_type(name))
        return found

    def whole(self, name: str, default: int, least: int) -> int:
        """The number under this name, which has 31 bits.

        Raises:
            RequestError: invalid_param_type: it is none, or below `least`.
        """
        if not (text := self.text(name)):
            return default
        found = long(name, text)
        if not least <= found < 2**31:
            raise RequestError(invalid_param_type(name))
        return found

    def flag(self, name: str) -> bool:
        """Whether the switch is on. What is no word for that is off, as it was there."""
        return self.text(name).lower() in YES

    def moment(self, name: str) -> dt.datetime | None:
        """The time under this name, in UTC where it names no zone; None when it is not there.

        Raises:
            RequestError: invalid_param_type.
        """
        if not (text := self.text(name)):
            return None
        try:
            # A plus that was not escaped has come as a blank.
            found = dt.datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            raise RequestError(invalid_param_type(name)) from None


def long(name: str, text: str) -> int:
    """The number that a parameter of the type Long is.

    Raises:
        RequestError: invalid_param_type.
    """
    try:
        return read_long(text)
    except Unreadable:
        raise RequestError(invalid_param_type(name)) from None


def of_query(request: Request) -> Parameters:
    """The parameters of a request that has no body."""
    return Parameters(_query(request))


async def of_body(request: Request, max_bytes: int) -> Parameters:
    """The parameters of a request with a body.

    Args:
        max_bytes: the most that a body may have besides an image.

    Raises:
        RequestError: it cannot be read, or its image is too large or none at all.
        TooLarge: it is too long.
    """
    query = _query(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        try:
            data = await reading.body(request, max_bytes + MAX_IMAGE_BYTES)
        except TooLarge:
            raise RequestError(FILE_TOO_LARGE) from None
        form = await _form(request.headers, data)
        try:
            return Parameters(query | _texts(form), await _image(form))
        finally:
            await form.close()
    data = await reading.body(request, max_bytes)
    if data.lstrip().startswith(b"{"):
        return Parameters(query | _of_json(request.headers, data))
    try:
        return Parameters(query | _last(await reading.fields(request.headers, data)))
    except reading.Malformed:
        raise RequestError(MALFORMED) from None


def _query(request: Request) -> dict[str, str]:
    try:
        return _last(reading.query(request).multi_items())
    except reading.Malformed:
        raise RequestError(MALFORMED_QUERY) from None


async def _form(headers: Headers, data: bytes) -> FormData:
    try:
        return await reading.parse_form(headers, data)
    except reading.Malformed:
        raise RequestError(MALFORMED) from None


def _texts(form: FormData) -> dict[str, str]:
    return _last((name, value) for name, value in form.multi_items() if isinstance(value, str))


async def _image(form: FormData) -> Image | None:
    """The image of a form; None where the field is empty, as browsers send one that nobody filled."""
    given = [value for name, value in form.multi_items() if name.strip() == "imageFile"]
    if not given:
        return None
    if not isinstance(file := given[-1], UploadFile):
        if file.strip():
            raise RequestError(UNSUPPORTED_FILE)
        return None
    data = await file.read(MAX_IMAGE_BYTES + 1)
    if not data and not file.filename:
        return None
    return Image(data, file.filename or "")


def _of_json(headers: Headers, data: bytes) -> dict[str, str]:
    try:
        body = reading.json(data, reading.charset(headers))
    except reading.Malformed:
        raise RequestError(MALFORMED) from None
    return _last((name, _as_text(value)) for name, value in body.items())


def _as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
    raise RequestError(MALFORMED)


def _last(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.strip(): value for name, value in items}
