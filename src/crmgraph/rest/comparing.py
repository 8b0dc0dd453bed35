"""How an answer of the old CRM is compared with what this store would have said. A dialect says it as data.

A field is named by its path: `data[].Owner.name`, with `[]` for whatever stands in a list. In a pattern `*` stands for
one name, `**` for any number of them, none among them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from crmgraph.rest.passing import HttpMessage

TRANSPORT = frozenset(
    {
        "age",
        "alt-svc",
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "etag",
        "keep-alive",
        "server",
        "set-cookie",
        "transfer-encoding",
        "vary",
        "via",
        "x-request-id",
    }
)
"""Headers that are of the server or of one answer, at every dialect: they are not compared."""


def _by_status(status: int, body: Any) -> str:
    return str(status)


def _unauthorized(status: int, body: Any) -> bool:
    return status in (401, 403)


def _nothing(status: int, body: Any) -> bool:
    return False


def _everybody(operation: str, query: Mapping[str, str]) -> bool:
    return False


def _nobody(request: HttpMessage) -> str | None:
    return None


AnswerPredicate: TypeAlias = Callable[[int, Any], bool]


@dataclass(frozen=True, slots=True)
class Comparing:
    """How answers of a dialect are compared.

    Attributes:
        grants: of whoever asks this store in the place of a caller: all that reads.
        headers: not compared, besides `TRANSPORT`; in small letters.
        ignored: patterns of the fields that are of one answer or one server, e.g. tokens.
        keys: patterns of the fields of which only counts whether they hold anything, e.g. the addresses of photos.
        links: patterns of the fields that are addresses, of which only path and query are compared.
        seconds: patterns of the fields that are times, compared to the second.
        modified: what the field of a record is called that says when it was changed last.
        outcome: how an answer ended, of its HTTP status and body: alone compared where the caller was refused.
        refuses: whether an answer refuses the caller for who it is, and not for what it asks.
        lacks: whether an answer of this store says that there is no such module or operation here.
        is_personal: whether the answer depends on who asks, of the operation and the query.
        of_customers: whether callers are customers, and no programs.
        customer: the email of the customer who asks, which the token of a request names; "" where it names none, None
            where there is no token.
        secrets: parameters of the query that are tokens.
        plain: parameters of the query, besides `logs.HARMLESS`, whose values name records and no people.
        sends: {header of a request that an answer depends on: what is told in its place; "" for the value itself}.
    """

    grants: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    seconds: tuple[str, ...] = ()
    modified: str = ""
    outcome: Callable[[int, Any], str] = _by_status
    refuses: AnswerPredicate = _unauthorized
    lacks: AnswerPredicate = _nothing
    is_personal: Callable[[str, Mapping[str, str]], bool] = _everybody
    of_customers: bool = False
    customer: Callable[[HttpMessage], str | None] = _nobody
    secrets: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    sends: Mapping[str, str] = field(default_factory=dict)
