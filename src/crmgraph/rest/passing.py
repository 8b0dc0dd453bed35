"""What is seen of a call that is passed on to the old CRM: who makes it. A dialect says how, as data."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response

from crmgraph.crm.models import PartyKind, Way


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request, or an answer, as far as it is looked at.

    Attributes:
        headers: by their names in small letters; of several of one name the last.
        query: the raw query of a request.
        body: its first bytes; empty where it is not looked at.
    """

    headers: Mapping[str, str]
    query: bytes = b""
    body: bytes = b""

    def asked(self) -> dict[str, str]:
        """What the query brings."""
        return dict(parse_qsl(self.query.decode("latin-1")))

    def parameters(self) -> dict[str, Any]:
        """What the query and the body bring, whether that is a form or an object of JSON."""
        return self.asked() | (self.json() or dict(parse_qsl(self.body.decode("latin-1"))))

    def json(self) -> dict[str, Any]:
        """The object in the body; empty where there is none."""
        try:
            read = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return read if isinstance(read, dict) else {}


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that an answer gives.

    Attributes:
        caller: who holds it from now on.
        seconds: how long it is good.
    """

    token: str
    caller: str
    seconds: int


Named: TypeAlias = tuple[PartyKind, str, Way]
"""A field that a call names: whose, its name, and what for."""
NamedBy: TypeAlias = Callable[[str, str, HttpMessage], Iterable[Named]]
TokenOf: TypeAlias = Callable[[HttpMessage], str | None]
GrantedBy: TypeAlias = Callable[[HttpMessage, HttpMessage], Granted | None]


@dataclass(frozen=True, slots=True)
class Passing:
    """How the callers of a dialect are known while its calls are passed on.

    Attributes:
        token: that a request brings; None where it brings none.
        logins: the operations whose answers give tokens, as they are counted.
        granted: the token that the answer to a login gives, of the request and the answer; None where it gives none.
        in_body: whether the token of a request may stand in its body.
        named: the fields that a request names, of its operation, its path and itself; as those that are answered here
            count them.
        accounts: the beginning of the paths that are of the accounts server, where there is one.
    """

    token: TokenOf
    logins: frozenset[str]
    granted: GrantedBy
    named: NamedBy
    in_body: bool = False
    accounts: str = ""


@dataclass(frozen=True, slots=True)
class DialectFacts:
    """What has to be known of a dialect to pass its calls on.

    Attributes:
        operation_of: what a call is counted as, of its method and path.
        away: what it answers where there is no answer.
        telling: the operations whose answers tell of records.
    """

    passing: Passing
    operation_of: Callable[[str, str], str]
    away: Callable[[], Response]
    telling: frozenset[str] = frozenset()
