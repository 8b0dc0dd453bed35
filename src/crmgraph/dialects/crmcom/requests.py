"""A request to the Web API: its method, and the parameters of its query and its body."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData

from crmgraph import rest
from crmgraph.crm.errors import Invalid, Missing
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.dialects.crmcom.codecs import text
from crmgraph.dialects.crmcom.lookups import IDENTIFIER, Pair, read_identifier
from crmgraph.dialects.crmcom.response_formats import PLAIN, ResponseFormat
from crmgraph.http import reading
from crmgraph.mapping import Unreadable
from crmgraph.rest import Operation

NOBODY = Actor(Door.CRMCOM)
MULTIPART_BYTES = 64 * 1024
"""What a multipart body has besides its file, at most."""


@dataclass(frozen=True, slots=True)
class Method(Operation):
    """One method.

    Attributes:
        fmt: of its answers.
        open: whether it needs no token.
        uploads: whether its body may be as long as a photo.
        granted_as: the method whose grant it asks for, when not its own.
    """

    fmt: ResponseFormat = PLAIN
    open: bool = False
    uploads: bool = False
    granted_as: str = ""

    @property
    def grant(self) -> str:
        """The grant that its caller needs."""
        return self.granted_as or self.path.removeprefix("/")


@dataclass
class Call(rest.Call):
    """A request.

    Attributes:
        actor: nobody before the login.
        given: its parameters, of the query and of the body, once they have been read.
        token: that it came with.
    """

    operation: Method = field(init=False)
    actor: Actor = NOBODY
    given: Mapping[str, Any] = field(init=False, default_factory=dict)
    token: str = field(init=False, default="")
    _files: FormData = field(init=False, default_factory=FormData)

    async def close(self) -> None:
        """Let go of the files of a form."""
        await self._files.close()

    async def read(self) -> None:
        """Read the parameters.

        Raises:
            Malformed: the query is no text, or the body neither a form nor a JSON object.
            TooLarge: the body is longer than the bound.
        """
        body = await self._body() if self.operation.method == "POST" else {}
        self.given = {name.strip(): value for name, value in (*reading.query(self.request).items(), *body.items())}

    async def _body(self) -> Mapping[str, Any]:
        """The parameters in the body: of a form, or a JSON object whatever the Content-Type says."""
        core, headers = self.core, self.request.headers
        limit = core.max_photo_bytes + MULTIPART_BYTES if self.operation.uploads else core.max_body_bytes
        data = await self.data(limit)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        bare = data.lstrip(b" \t\r\n\xc2\xa0\xef\xbb\xbf")
        if kind == "multipart/form-data" or (kind == "application/x-www-form-urlencoded" and not bare.startswith(b"{")):
            self._files = await reading.parse_form(headers, data)
            return dict(self._files.multi_items())
        if not bare:
            return {}
        body = reading.json(data, reading.charset(headers))
        if not isinstance(body, dict):
            raise reading.Malformed("no object")
        return body

    @property
    def key(self) -> str:
        """The Web API key: the user name of HTTP Basic (RFC 7617), whose password is left empty and not looked at.

        Public clients send it without the colon too, and the scheme in lower case.

        Raises:
            Missing, Invalid: there is none, or it is written in another way.
        """
        if (authorization := self.request.headers.get("authorization")) is None:
            raise Missing(("key",))
        scheme, _, encoded = authorization.strip().partition(" ")
        try:
            pair = (
                base64.b64decode(encoded.strip(), validate=True).decode("latin-1") if scheme.lower() == "basic" else ""
            )
        except ValueError:
            pair = ""
        key = pair.partition(":")[0].strip()
        if not key:
            raise Invalid(("key",), "form")
        return key

    def text(self, name: str) -> str:
        """A mandatory parameter.

        Raises:
            Missing, Invalid: it is not there, or no text.
        """
        try:
            value = text(self.given.get(name))
        except Unreadable as unreadable:
            raise Invalid((name,), unreadable.reason) from None
        if not value:
            raise Missing((name,))
        return value

    @property
    def fields_set(self) -> list[str]:
        """The keys that an answer is to have, written with commas or as a list; none for all.

        Raises:
            Invalid: it is neither.
        """
        given = self.given.get("fields_set")
        names = given.split(",") if isinstance(given, str) else given or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise Invalid(("fields_set",), "type")
        return [name.strip() for name in names if name.strip()]

    @property
    def identifier(self) -> Pair:
        """Whom it is about; see `read_identifier`."""
        return read_identifier(self.given.get(IDENTIFIER))
