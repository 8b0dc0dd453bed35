"""One call of the API: who makes it, on which module, and its parameters and body read as leniently as Zoho does."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph import rest
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import external_ids
from crmgraph.crm.records.lookup import minted
from crmgraph.dialects.zoho import codecs, errors
from crmgraph.dialects.zoho.fields import DIALECT, MODULES, Module
from crmgraph.http import reading
from crmgraph.http.headers import header_of
from crmgraph.mapping import Unreadable
from crmgraph.rest import RequestError

_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)
MAX_ROWS = 100
"""The most records of one write."""
MAX_PAGE = 200
"""The longest page."""


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is asked for."""

    page: int
    per_page: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page

    def info(self, count: int, more: bool) -> dict[str, Any]:
        """What stands beside the part in the answer."""
        return {"per_page": self.per_page, "count": count, "page": self.page, "more_records": more}


ANYBODY = Actor(Door.ZOHO)


@dataclass(frozen=True, slots=True)
class Operation(rest.Operation):
    """One operation.

    Attributes:
        actions: what has to be granted, of READ, CREATE, UPDATE and DELETE.
        area: in which part of the scopes: modules, settings, users or org.
        topic: which part of the area; None is the module in the path.
        parameters: of the query.
        also: a further topic of the area that has to be granted.
        refused: parameters that Zoho has and that ask for what there is nothing of here: they are not passed over.
    """

    actions: tuple[str, ...] = ()
    area: str = "modules"
    topic: str | None = None
    parameters: tuple[str, ...] = ()
    also: str | None = None
    refused: tuple[str, ...] = ()


@dataclass
class Call(rest.Call):
    """A call, by somebody who may make it.

    Attributes:
        actor: nobody in particular before the token was looked at.
        expires_at: when the token stops being good; None for never.
        given: what the query brought.
        unique: {module: the fields that no two of its records may share}.
    """

    operation: Operation = field(init=False)
    actor: Actor = ANYBODY
    expires_at: dt.datetime | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    unique: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """What its path begins with: a module, or what stands beside them; "" for nothing."""
        return self.path.split("/")[1]

    @property
    def module(self) -> Module:
        """The module that the path names."""
        return MODULES[self.params["module"]]

    def read_query(self) -> None:
        """Read what the query brings.

        Raises:
            RequestError: bytes that are escaped there are no text.
        """
        try:
            self.given = reading.query(self.request)
        except reading.Malformed:
            raise RequestError(errors.INVALID_DATA.about(expected_data_type="text", param="query")) from None

    def query(self, name: str) -> str | None:
        """A parameter of the address; None when it is absent or empty. Of several, the last."""
        return self.given.get(name) or None

    def flag(self, name: str, default: bool | None) -> bool | None:
        """A parameter that is true, false, or both (None).

        Raises:
            RequestError: it is something else.
        """
        given = self.query(name)
        if given is None:
            return default
        known = {"true": True, "false": False, "both": None}
        if given.strip().lower() not in known:
            raise RequestError(errors.INVALID_DATA.about(expected_data_type="boolean", param=name))
        return known[given.strip().lower()]

    def words(self, name: str) -> list[str]:
        """A parameter that is a list with commas."""
        return [word.strip() for word in (self.query(name) or "").split(",") if word.strip()]

    def paging(self) -> Paging:
        """The part of a list that is asked for; no page is longer than Zoho's. Page 0 is the first, as several clients
        count.

        Raises:
            RequestError: a number is none.
        """
        numbers = {}
        for name, default in (("page", 1), ("per_page", MAX_PAGE)):
            given = (self.query(name) or str(default)).strip()
            least = 0 if name == "page" else 1
            if not given.isascii() or not given.isdecimal() or int(given[:12]) < least or len(given) > 12:
                raise RequestError(errors.INVALID_DATA.about(expected_data_type="integer", param=name))
            numbers[name] = int(given)
        return Paging(max(numbers["page"], 1), min(numbers["per_page"], MAX_PAGE))

    def since(self, header: str) -> dt.datetime | None:
        """The time in a header, in ISO 8601 or as HTTP writes it; None when it is absent or unreadable."""
        given = header_of(self.request.scope, header.lower().encode()).strip()
        if not given:
            return None
        try:
            return codecs.read_moment(given)
        except Unreadable:
            pass
        try:
            read = parsedate_to_datetime(given)
            return read.replace(tzinfo=dt.UTC) if read.tzinfo is None else read.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            return None

    def told_from(self) -> dt.datetime | None:
        """From which moment on the caller of a list is told what was changed (`If-Modified-Since`).

        What was changed in the second of the mark is told again: times are printed to the second, and something else
        may have been changed in it since the caller asked. So is what was changed as long before it as a request may
        last: it may have been committed only after the caller asked.
        """
        since = self.since("If-Modified-Since")
        if since is None:
            return None
        lasting = dt.timedelta(seconds=self.core.request_seconds)
        return since.replace(microsecond=0) - min(lasting, since - _FIRST)

    async def body(self) -> dict[str, Any]:
        """The JSON object of the body, whatever the Content-Type.

        Raises:
            RequestError: it is none.
            TooLarge: it is longer than is taken.
        """
        try:
            data = await self.data(self.core.max_body_bytes)
            body = reading.json(data, reading.charset(self.request.headers))
        except reading.Malformed:
            raise RequestError(errors.INVALID_BODY) from None
        if not isinstance(body, dict):
            raise RequestError(errors.INVALID_BODY)
        return body

    def rows(self, body: Mapping[str, Any], most: int = MAX_ROWS) -> list[Any]:
        """The rows of a body.

        Raises:
            RequestError: there are none, or more than are taken.
        """
        if "data" not in body:
            raise RequestError(errors.MANDATORY_NOT_FOUND.about(api_name="data"))
        rows = body["data"]
        if not isinstance(rows, list) or not rows:
            raise RequestError(errors.INVALID_DATA.about(expected_data_type="jsonarray", api_name="data"))
        if len(rows) > most:
            raise RequestError(errors.INVALID_DATA.about(maximum_length=most, api_name="data"))
        return rows

    async def resolve(self, session: AsyncSession, given: Collection[str], space: str = "record") -> dict[str, int]:
        """{id as it was given: our id} of the records (or users), in one statement; what is no id is left out."""
        named = {one: digits for one in given if (digits := codecs.id_digits(one)) is not None}
        found = await external_ids.resolve(session, DIALECT, {(space, digits) for digits in named.values()})
        known = {}
        for one, digits in named.items():
            own = found.get((space, digits)) or minted(digits)
            if own is not None:
                known[one] = own
        return known
