"""What Covalense answers when it carries nothing out: the envelopes, and the words for every refusal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from crmgraph.crm import errors as crm
from crmgraph.crm.errors import Path, Refused
from crmgraph.dialects.covalense import jjwt
from crmgraph.rest import RequestError

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request was not carried out.

    Attributes:
        status: of HTTP, and `statusCode` of the envelope.
        code: `errorCode`. Where the gateway before the services refuses, the status stands in it once more.
        message: `errorMessage`.
        headers: of the answer.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Result:
        """The envelope, in which the result comes before the success."""
        return {"response": {"result": _arguments(str(self.status), self.code, self.message), "success": "false"}}


class Downstream(Failure):
    """A fault of ours, of which there is one envelope, whatever the status of HTTP: the success comes before the
    result."""

    @property
    def body(self) -> Result:
        """The envelope."""
        return {"response": {"success": "false", "result": _arguments("500", self.code, self.message)}}


def _arguments(status: str, code: str, message: str) -> Result:
    return {"arguments": {"statusCode": status, "errorCode": code, "errorMessage": message}}


DOWNSTREAM = Downstream(500, "Downstream error", "- Not Able to connect with CRM.")
BUSY = replace(DOWNSTREAM, status=503)
NO_SERVICE = Failure(404, "404 NOT_FOUND", "Service not found.")


def method_not_supported(method: str, allowed: Sequence[str]) -> Failure:
    """What the gateway says to a method that the service at this path does not have."""
    text = f"Request method '{method}' not supported"
    return Failure(405, "405 METHOD_NOT_ALLOWED", text, {"Allow": ", ".join(sorted(allowed))})


def bad_request(message: str) -> Failure:
    """What a service says to a body that it cannot carry out."""
    return Failure(400, "BAD_REQUEST", message)


def missing_header(name: str) -> Failure:
    """What the gateway says when a header is not there."""
    return Failure(400, "400 BAD_REQUEST", f"Header '{name}' not present in the request.")


def missing(name: str) -> Failure:
    """What a service says when an attribute of the body is not there, or holds nothing."""
    return bad_request(f"Attribute '{name}' not found in request.")


def invalid(name: str, why: str) -> Failure:
    """What a service says when it cannot take the value of an attribute."""
    return bad_request(f"Attribute '{name}' is not valid: {why}.")


def invalid_token(message: str) -> Failure:
    """What the gateway says to a token that does not hold, in the words of its library, jjwt."""
    return Failure(401, "INVALID_TOKEN", message)


WRONG_PASSWORD = "Invalid username/password"  # noqa: S105 - what is said about a password

REASONS = {
    "form": "its form is not known",
    "type": "it has to be text",
    "too_long": "it is longer than {limit} characters",
    "too_deep": "it is nested deeper than {limit} levels",
    "control": "it holds characters that cannot be kept",
    "key": "a name in it is empty or holds control characters",
    "email": "it is no email address",
    "country": "it is no country",
    "contradiction": "it names another country than its code does",
    "date": "it is no date of the form yyyy-mm-dd",
    "negative": "it is less than 0",
    "decimals": "it has more than {limit} decimals",
    "number": "it is no number in range",
    "choice": "it is none of the values that it may have",
    "password": "it has fewer than {limit} characters",
    "guessable": "it is too common, or made of a name or an email: choose one that nobody guesses",
    "reference": "it names no record",
    "order": "its order is not known",
    "unknown": "it is not known",
    "minted": "it is an id that only we give out",
}
"""What is wrong with a value, by the reason of `Invalid`."""

NameOf = Callable[[Path], str | None]


def _name(refused: Refused, name_of: NameOf) -> str:
    return name_of(refused.path) or str(next((step for step in reversed(refused.path) if isinstance(step, str)), ""))


def _invalid(refused: Any, name_of: NameOf) -> Failure:
    why = REASONS.get(refused.reason, REASONS["form"]).format(limit=refused.limit)
    return invalid(_name(refused, name_of), why)


def _too_large(refused: Any, name_of: NameOf) -> Failure:
    if refused.path[:1] == ("extra_fields",) and len(refused.path) == 2:
        return bad_request(f"The attributes that only this service knows have more than {refused.limit} bytes.")
    unit = refused.unit or ("entries" if refused.path[-1:] in (("phones",), ("emails",), ("addresses",)) else "bytes")
    if not refused.path:
        return bad_request(f"The request is larger than {refused.limit} bytes.")
    return invalid(_name(refused, name_of), f"it has more than {refused.limit} {unit}")


def _forbidden(refused: Refused, name_of: NameOf) -> Failure:
    # 401 and 403 would make an old client log its user in again and again: it is the input that has to change.
    if not refused.path:
        return bad_request("The user may not change this record.")
    return invalid(_name(refused, name_of), "the user may not change it")


def _throttled(refused: Any, _: NameOf) -> Failure:
    seconds = refused.retry_after
    text = f"Too many attempts. Try again in {seconds} seconds."
    return Failure(429, "TOO_MANY_REQUESTS", text, {"Retry-After": str(seconds)})


def _held(refused: Any, _: NameOf) -> Failure:
    return bad_request(f"{refused.title} holds the record and would not learn of the change.")


def _whole(message: str) -> Callable[[Refused, NameOf], Failure]:
    return lambda refused, name_of: bad_request(message)


def _value(why: str) -> Callable[[Refused, NameOf], Failure]:
    return lambda refused, name_of: invalid(_name(refused, name_of), why)


WORDS: dict[type[Refused], Callable[[Any, NameOf], Failure]] = {
    crm.NotFound: _whole("Record not found."),
    crm.Ambiguous: _whole("Several records answer to the request."),
    crm.Missing: lambda refused, name_of: missing(_name(refused, name_of)),
    crm.Invalid: _invalid,
    crm.Taken: _value("it belongs to another record"),
    crm.Unauthenticated: lambda refused, name_of: invalid_token(jjwt.ENDED),
    crm.Throttled: _throttled,
    crm.Forbidden: _forbidden,
    crm.TooLarge: _too_large,
    crm.TooMany: _whole("There is too much of this in hand."),
    crm.UnsupportedImage: _value("it is no image that can be read"),
    crm.Stale: _whole("The record was changed by another user."),
    crm.Conflicting: _value("it contradicts the record"),
    crm.AlreadyDone: _whole("The request was carried out before, and its answer is not kept."),
    crm.Circular: _value("a record cannot stand above itself"),
    crm.Locked: _whole("The record is locked."),
    crm.NotApproved: _whole("The record awaits approval."),
    crm.Unavailable: lambda refused, name_of: DOWNSTREAM,
    crm.HeldUpstream: _held,
    crm.MailNotConfigured: _whole("This needs an email to be sent, and the service sends none."),
}
"""The words for each refusal. `Several` is told by its first fault, for the envelope has room for one."""


def _no_names(_: Path) -> None:
    return None


def worded(refused: Refused, name_of: NameOf = _no_names) -> Failure:
    """The answer to a refusal.

    Args:
        name_of: the caller's own word for what is refused.
    """
    first = refused.all[0]
    return WORDS[type(first)](first, name_of)


@contextmanager
def naming(name_of: NameOf) -> Iterator[None]:
    """Tell refusals inside the block in the caller's own words.

    Raises:
        RequestError: what was refused.
    """
    try:
        yield
    except Refused as refused:
        raise RequestError(worded(refused, name_of)) from None
