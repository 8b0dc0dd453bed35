"""One call of the API: who makes it, on which module, and its parameters and body read as leniently as Zoho does."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from crmgraph.crm.core import Core
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import external_ids
from crmgraph.crm.records.parties import minted
from crmgraph.dialects.zoho import codecs, errors
from crmgraph.dialects.zoho.answers import Failed
from crmgraph.dialects.zoho.fields import DIALECT, Module
from crmgraph.http import reading
from crmgraph.mapping import Unreadable

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


@dataclass(frozen=True, slots=True)
class Call:
    """A call by somebody who may make it.

    Attributes:
        expires_at: when the token stops being good; None for never.
        given: what the query brought.
        params: what the path brought, e.g. {"id": "738964000002148061"}.
        modules: the module that the path names, if any.
        unique: {module: the fields that no two of its records may share}.
    """

    core: Core
    request: Request
    actor: Actor
    expires_at: dt.datetime | None
    given: Mapping[str, str]
    params: Mapping[str, str]
    named: Module | None
    unique: Mapping[str, frozenset[str]]

    @property
    def module(self) -> Module:
        """The module that the path names."""
        if self.named is None:
            raise Failed(errors.INVALID_MODULE)
        return self.named

    def query(self, name: str) -> str | None:
        """A parameter of the address; None when it is absent or empty. Of several, the last."""
        return self.given.get(name) or None

    def flag(self, name: str, default: bool | None) -> bool | None:
        """A parameter that is true, false, or both (None).

        Raises:
            Failed: it is something else.
        """
        given = self.query(name)
        if given is None:
            return default
        known = {"true": True, "false": False, "both": None}
        if given.strip().lower() not in known:
            raise Failed(errors.INVALID_DATA.about(expected_data_type="boolean", param=name))
        return known[given.strip().lower()]

    def words(self, name: str) -> list[str]:
        """A parameter that is a list with commas."""
        return [word.strip() for word in (self.query(name) or "").split(",") if word.strip()]

    def paging(self) -> Paging:
        """The part of a list that is asked for; no page is longer than Zoho's. Page 0 is the first, as several clients
        count.

        Raises:
            Failed: a number is none.
        """
        numbers = {}
        for name, default in (("page", 1), ("per_page", MAX_PAGE)):
            given = (self.query(name) or str(default)).strip()
            least = 0 if name == "page" else 1
            if not given.isascii() or not given.isdecimal() or int(given[:12]) < least or len(given) > 12:
                raise Failed(errors.INVALID_DATA.about(expected_data_type="integer", param=name))
            numbers[name] = int(given)
        return Paging(max(numbers["page"], 1), min(numbers["per_page"], MAX_PAGE))

    def since(self, header: str) -> dt.datetime | None:
        """The time in a header, in ISO 8601 or as HTTP writes it; None when it is absent or unreadable."""
        given = self.request.headers.get(header, "").strip()
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

    def seen_until(self) -> dt.datetime | None:
        """The last moment whose changes the caller of a list has seen (`If-Modified-Since`), to the second.

        What is printed as changed at that very second has been seen.
        """
        since = self.since("If-Modified-Since")
        return None if since is None else since.replace(microsecond=999999)

    async def body(self) -> dict[str, Any]:
        """The JSON object of the body, whatever the Content-Type.

        Raises:
            Failed: it is none.
            TooLarge: it is longer than is taken.
        """
        try:
            data = await reading.body(self.request, self.core.max_body_bytes)
            body = reading.json(data, reading.charset(self.request.headers))
        except reading.Malformed:
            raise Failed(errors.INVALID_BODY) from None
        if not isinstance(body, dict):
            raise Failed(errors.INVALID_BODY)
        return body

    def rows(self, body: Mapping[str, Any], most: int = MAX_ROWS) -> list[Any]:
        """The rows of a body.

        Raises:
            Failed: there are none, or more than are taken.
        """
        if "data" not in body:
            raise Failed(errors.MANDATORY_NOT_FOUND.about(api_name="data"))
        rows = body["data"]
        if not isinstance(rows, list) or not rows:
            raise Failed(errors.INVALID_DATA.about(expected_data_type="jsonarray", api_name="data"))
        if len(rows) > most:
            raise Failed(errors.INVALID_DATA.about(maximum_length=most, api_name="data"))
        return rows

    async def resolve(self, session: AsyncSession, given: Collection[str], space: str = "record") -> dict[str, int]:
        """{id as it was given: our id} of the records (or users), in one statement; what is no id is left out."""
        named = {one: home for one in given if (home := codecs.home_id(one)) is not None}
        found = await external_ids.resolve(session, DIALECT, {(space, home) for home in named.values()})
        known = {}
        for one, home in named.items():
            own = found.get((space, home)) or minted(home)
            if own is not None:
                known[one] = own
        return known
