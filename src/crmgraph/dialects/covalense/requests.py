"""A request to Covalense: what it brings, read within bounds and with its names taken loosely."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request

from crmgraph import rest
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.dialects.covalense.codecs import text
from crmgraph.dialects.covalense.errors import REASONS, bad_request, invalid, missing
from crmgraph.http import reading
from crmgraph.mapping import Unreadable, loosely
from crmgraph.rest import Operation, RequestError

NO_OBJECT = "Request body is not a JSON object."
NO_TEXT = "Request parameter is not readable as text in UTF-8."
NO_JSON = "Request body is not readable as JSON."


ANYBODY = Actor(Door.COVALENSE)


class Attributes:
    """The attributes of an object, by names in any spelling: `acctInfo`, `AcctInfo` and `acct_info` are one."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self._by_key = {loosely(name): (name, value) for name, value in body.items()}

    def value(self, name: str) -> Any:
        """What stands under this name; None when nothing does."""
        return self._by_key.get(loosely(name), (name, None))[1]

    def written(self, name: str) -> str:
        """This name as the caller has spelled it."""
        return self._by_key.get(loosely(name), (name, None))[0]

    def text(self, name: str) -> str | None:
        """The same as text, None for nothing.

        Raises:
            RequestError: it is no text.
        """
        try:
            return text(self.value(name))
        except Unreadable as unreadable:
            raise RequestError(invalid(self.written(name), REASONS[unreadable.reason])) from None

    def required(self, name: str) -> str:
        """The same, which has to be there.

        Raises:
            RequestError: it is no text, or not there.
        """
        found = self.text(name)
        if found is None:
            raise RequestError(missing(name))
        return found

    def object(self, name: str) -> dict[str, Any]:
        """The object under this name; an empty one for nothing.

        Raises:
            RequestError: it is something else.
        """
        value = self.value(name)
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            raise RequestError(invalid(self.written(name), "it has to be an object"))
        return value


def parsed(data: bytes, headers: Headers | None = None) -> dict[str, Any]:
    """The JSON object that these bytes are; an empty one for no bytes.

    Args:
        headers: of a request whose body it is, which may declare a charset.

    Raises:
        RequestError: they are something else.
    """
    if not data.strip():
        return {}
    try:
        body = reading.json(data, reading.charset(headers) if headers is not None else reading.UTF_8)
    except reading.Malformed:
        raise RequestError(bad_request(NO_JSON)) from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise RequestError(bad_request(NO_OBJECT))
    return body


def query_of(request: Request) -> QueryParams:
    """The parameters of the address.

    Raises:
        RequestError: bytes that are escaped there are no text.
    """
    try:
        return reading.query(request)
    except reading.Malformed:
        raise RequestError(bad_request(NO_TEXT)) from None


def has_body(request: Request) -> bool:
    """Whether the headers of a request say that it has a body (RFC 9112, section 6)."""
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0").strip() != "0"


@dataclass(frozen=True, slots=True)
class Service(Operation):
    """One service.

    Attributes:
        headers: what it asks for besides `authorization.HEADERS`; with `token`, only the customer whom it was issued to
            is served.
    """

    headers: tuple[str, ...] = ()


@dataclass
class Call(rest.Call):
    """A request.

    Attributes:
        actor: the customer of the token; somebody unknown where a service asks for none.
    """

    operation: Service = field(init=False)
    actor: Actor = ANYBODY

    @cached_property
    def query(self) -> QueryParams:
        """The parameters of the address, see `query_of`."""
        return query_of(self.request)

    async def attributes(self) -> Attributes:
        """What the body brings.

        Raises:
            RequestError: it is no JSON object.
            TooLarge: it is longer than the bound.
        """
        return Attributes(parsed(await self.data(self.core.max_body_bytes), self.request.headers))
