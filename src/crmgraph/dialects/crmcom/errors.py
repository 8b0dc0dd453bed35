"""What CRM.COM answers when it carries nothing out: a status object whose code is not OK, with HTTP 200.

The form of a code, COM.CRM.EXCEPTION.<AREA>.<NAME>EXCEPTION, is the vendor's; no list of the vendor's is public, so
that every code here is ours. docs/dialects/crmcom.md lists them, and a test compares it with `CODES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crmgraph.crm import errors as crm
from crmgraph.crm.errors import Path, Refused

NameOf = Callable[[Path], str | None]


def _code(area: str, name: str) -> str:
    return f"COM.CRM.EXCEPTION.{area}.{name}EXCEPTION"


UNKNOWN_METHOD = _code("WEBAPI", "METHODNOTFOUND")
WRONG_VERB = _code("WEBAPI", "HTTPMETHODNOTALLOWED")
MALFORMED = _code("WEBAPI", "MALFORMEDREQUEST")
TOO_LARGE = _code("WEBAPI", "REQUESTTOOLARGE")
UNAVAILABLE = _code("WEBAPI", "SERVICEUNAVAILABLE")
UNEXPECTED = _code("WEBAPI", "UNEXPECTED")
INVALID_TOKEN = _code("SECURITY", "INVALIDTOKEN")
INVALID_LOGIN = _code("SECURITY", "INVALIDCREDENTIALS")
THROTTLED = _code("SECURITY", "TOOMANYATTEMPTS")
DENIED = _code("SECURITY", "ACCESSDENIED")
NOT_FOUND = _code("CONTACTINFORMATION", "NOTFOUND")
AMBIGUOUS = _code("CONTACTINFORMATION", "MORETHANONEFOUND")
MISSING = _code("CONTACTINFORMATION", "MANDATORYFIELDMISSING")
INVALID = _code("CONTACTINFORMATION", "INVALIDFIELDVALUE")
TAKEN = _code("CONTACTINFORMATION", "VALUEALREADYUSED")
NO_IMAGE = _code("CONTACTINFORMATION", "UNSUPPORTEDIMAGE")
CHANGED = _code("CONTACTINFORMATION", "CHANGEDMEANWHILE")
LOCKED = _code("CONTACTINFORMATION", "LOCKED")
NOT_APPROVED = _code("CONTACTINFORMATION", "NOTAPPROVED")

CODES = {
    UNKNOWN_METHOD: "There is no such method.",
    WRONG_VERB: "The method is there, and called by GET or by POST, whichever the request is not.",
    MALFORMED: "The body is neither a JSON object nor a form.",
    TOO_LARGE: "The request, the file or one of its lists is larger than what is taken.",
    UNAVAILABLE: "The database or the photo store does not answer; try again later.",
    UNEXPECTED: "A fault of ours, which was logged.",
    INVALID_TOKEN: "No token, or one that does not hold, or no longer.",
    INVALID_LOGIN: "No such user in this organisation, or another password; or no such Web API key.",
    THROTTLED: "Too many failed logins or wrong keys; the answer has a Retry-After header.",
    DENIED: "The user may not call this method, or not change this field.",
    NOT_FOUND: "No contact information, item or photo answers to the identifier, or none that the user may see.",
    AMBIGUOUS: "More than one answers to the identifier.",
    MISSING: "A mandatory field is not there, or set to null.",
    INVALID: "A field has a value that it cannot have.",
    TAKEN: "A value that has to be unique belongs to another contact information.",
    NO_IMAGE: "The file is no image that can be read.",
    CHANGED: "Somebody else has changed it meanwhile.",
    LOCKED: "A process holds it.",
    NOT_APPROVED: "It awaits approval.",
}
"""Every code, and what it means."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is answered when nothing was carried out: a status object, and no data.

    Attributes:
        message: for people.
        description: more of it, where there is more.
        headers: of the answer.
        status: of HTTP.
    """

    code: str
    message: str
    description: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


NO_METHOD = Failure(UNKNOWN_METHOD, "There is no such method")
UNREADABLE = Failure(MALFORMED, "The body is neither a JSON object nor a form")
NO_TOKEN = Failure(INVALID_TOKEN, "The token is mandatory")
WRONG_LOGIN = Failure(INVALID_LOGIN, "The username, the password or the organisation is not valid")
WRONG_KEY = Failure(INVALID_LOGIN, "The key is not valid")
AWAY = Failure(UNAVAILABLE, "The service is not available")
BUSY = replace(AWAY, status=503)
"""Alone of all failures not with HTTP 200, for proxies."""
FAULT = Failure(UNEXPECTED, "An unexpected error occurred")


def wrong_verb(allowed: Sequence[str]) -> Failure:
    """The method is called by another verb."""
    verb = ", ".join(allowed)
    return Failure(WRONG_VERB, f"The method is called by {verb}", headers={"Allow": verb})


def denied(method: str) -> Failure:
    """The user has no grant of this method."""
    return Failure(DENIED, f"The user may not call {method}")


REASONS = {
    "form": "its form is not known",
    "type": "it is of another type",
    "too_long": "it is longer than {limit} characters",
    "too_deep": "it is nested deeper than {limit} levels",
    "control": "it holds characters that cannot be kept",
    "key": "a name in it is empty or holds control characters",
    "email": "it is no email address",
    "country": "there is no such country",
    "contradiction": "it names another country than its code does",
    "date": "it is no date",
    "negative": "it is less than 0",
    "decimals": "it has more than {limit} decimals",
    "number": "it is no number in range",
    "choice": "it is none of the values that it may have",
    "password": "it has fewer than {limit} characters",
    "guessable": "it is too common, or made of a name or an email",
    "reference": "there is no such thing",
    "order": "its order is not known",
    "unknown": "its field is not known",
    "minted": "it is an id that only this server gives out",
    "converted": "it has become a contact",
}
"""What is wrong with a value, by the reason of `Invalid`."""


def _invalid(refused: Any) -> str:
    return REASONS.get(refused.reason, REASONS["form"]).format(limit=refused.limit)


def _too_large(refused: Any) -> str:
    is_list = refused.path and "extra_fields" not in refused.path
    return f"more than {refused.limit} {refused.unit or ('items' if is_list else 'bytes')}"


WORDS: dict[type[Refused], tuple[str, Callable[[Any], str]]] = {
    crm.NotFound: (NOT_FOUND, lambda _: "not found"),
    crm.Ambiguous: (AMBIGUOUS, lambda _: "more than one found"),
    crm.Missing: (MISSING, lambda _: "mandatory"),
    crm.Invalid: (INVALID, _invalid),
    crm.Taken: (TAKEN, lambda _: "belongs to another contact information"),
    crm.Unauthenticated: (INVALID_TOKEN, lambda _: "the token is not valid"),
    crm.Throttled: (THROTTLED, lambda refused: f"too many attempts, try again in {refused.retry_after} seconds"),
    crm.Forbidden: (DENIED, lambda _: "the user may not do this"),
    crm.TooLarge: (TOO_LARGE, _too_large),
    crm.TooMany: (THROTTLED, lambda _: "too much of this is in hand"),
    crm.UnsupportedImage: (NO_IMAGE, lambda _: "it is no image that can be read"),
    crm.Stale: (CHANGED, lambda _: "changed meanwhile"),
    crm.Conflicting: (INVALID, lambda _: "contradicts what is there"),
    crm.AlreadyDone: (TAKEN, lambda _: "the request was carried out before, and its answer is not kept"),
    crm.Circular: (INVALID, lambda _: "cannot stand above itself"),
    crm.Locked: (LOCKED, lambda _: "locked"),
    crm.NotApproved: (NOT_APPROVED, lambda _: "awaits approval"),
    crm.Unavailable: (UNAVAILABLE, lambda _: "the service is not available"),
    crm.HeldUpstream: (UNAVAILABLE, lambda refused: f"{refused.title} holds it and would not learn of the change"),
    crm.MailNotConfigured: (UNAVAILABLE, lambda _: "the service sends no mail"),
}
"""{refusal: (its code, its words after the name of the field)}. `Several` is coded by its first fault, and its
description has all of them."""


def _no_names(_: Path) -> None:
    return None


def worded(refused: Refused, name_of: NameOf = _no_names) -> Failure:
    """The answer to a refusal.

    Args:
        name_of: the caller's own word for what is refused.
    """
    lines = [_line(each, name_of) for each in refused.all]
    first = refused.all[0]
    headers = {"Retry-After": str(first.retry_after)} if isinstance(first, crm.Throttled) else {}
    return Failure(WORDS[type(first)][0], lines[0], "\n".join(lines) if len(lines) > 1 else "", headers)


def _line(refused: Refused, name_of: NameOf) -> str:
    words = WORDS[type(refused)][1](refused)
    name = name_of(refused.path) or next((str(s) for s in reversed(refused.path) if isinstance(s, str)), "")
    sentence = f"{name[:100]}: {words}" if name else words
    return sentence[:1].upper() + sentence[1:] if not name else sentence
