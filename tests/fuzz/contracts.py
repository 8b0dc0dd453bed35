"""What a vendor's document asks for and schemathesis takes for a fault: each named, with where it stands and why.

The documents of the dialects cannot say these things in the words of OpenAPI, or the vendor says them otherwise than
HTTP does. Everything else that schemathesis finds is a fault.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemathesis.core.failures import Failure


@dataclass(frozen=True, slots=True)
class Explained:
    """Answers that are right although schemathesis takes them for faults.

    Attributes:
        source: where that stands: a recorded example of the vendor's, by the name of its file in
            `tests/dialects/<door>/exchanges`, or a section of `docs/dialects/<door>.md`, by its heading.
        why: in a few words.
        words: what the answers say; a recorded example says all of them.
    """

    source: str
    why: str
    words: tuple[str, ...]


REFUSED: dict[str, tuple[Explained, ...]] = {
    "covalense": (
        Explained("post_login.client_error", "a wrong password is 400, not 401", ("Invalid username/password",)),
        Explained(
            "What is checked, in this order",
            "the gateway takes a token for a header like any other; the registration stands in one of three places",
            ("Header 'token' not present", "Header 'Data' not present", "Request body is not readable as JSON"),
        ),
        Explained(
            "Errors",
            "401 and 403 make its clients log in again: what a customer may not change is 400 too",
            ("the user may not change it", "it is not the user's own"),
        ),
        Explained(
            "Pictures",
            "base64 of an image, or the name of the one that is there",
            ("it is neither an image nor the name of the stored one", "it is no image that can be read"),
        ),
        Explained(
            "Where the values live",
            "every value is text, also what is a number, a day, a choice, an email or the id of a record",
            (
                "it is no number in range",
                "it is no date",
                "it is none of the values that it may have",
                "it is no email address",
                "it names no record",
                "it has fewer than",
                "it is too common",
                "it holds characters that cannot be kept",
                "a name in it is empty or holds control characters",
            ),
        ),
    ),
    "zoho": (
        Explained("Records", "an unknown id is 400, not 404", ("the id given seems to be invalid",)),
        Explained(
            "Searching", "a custom field is one that some record has", ('"INVALID_DATA","details":{"param":"sort_by"}',)
        ),
        Explained(
            "Searching",
            "one of four parameters has to be there, and criteria have a grammar of their own",
            ('"REQUIRED_PARAM_MISSING","details":{"param":"criteria"}', '"INVALID_QUERY"'),
        ),
        Explained("Who may do what", "a token to revoke that is not there is 400", ('"error":"invalid_token"',)),
    ),
    "crmcom": (),
    "valomnia": (
        Explained("update.country_error", "a country is text", ('"error":"country_error"',)),
        Explained("update.email_validation_error", "an email is text", ('"error":"email_validation_error"',)),
        Explained("update.unsupported_file_type", "a photo is a file", ('"error":"unsupported_file_type"',)),
        Explained(
            "update.invalid_param_type",
            "a reference with useExternalId, which a form says in a field of its own, and a Long without",
            ("The type of parameter customerId you provided",),
        ),
    ),
}
"""{door: what it says to a request that its document takes for right}."""

OTHER_METHOD: dict[str, Explained] = {
    "zoho": Explained("invalid_request_method", "a method that is another one is 400", ('"INVALID_REQUEST_METHOD"',)),
    "crmcom": Explained("Refusals", "every answer is 200", ("HTTPMETHODNOTALLOWEDEXCEPTION",)),
}
"""{door: what it says to a method that is another one, where HTTP has 405}."""

ROWS = Explained("mandatory_not_found", "rows are carried out or refused one by one: 202", ('"MANDATORY_NOT_FOUND"',))
"""What Zoho answers where a row is refused."""

CONFIGURATION: dict[str, dict[str, Any]] = {
    "zoho": {"checks": {"negative_data_rejection": {"expected-statuses": ["202", "4xx"]}}},  # ROWS
}
"""{door: how schemathesis is set for it}."""

IGNORED_TOKENS: dict[str, Explained] = {
    "covalense": Explained("What is checked, in this order", "who has no token is answered 400 at the gateway", ()),
    "crmcom": Explained("Refusals", "every answer is 200", ()),
}
"""{door: why who has no token is not answered 401}: a test sees to what they are told."""


def explained(door: str) -> list[Explained]:
    """Everything that is taken for right at a door."""
    others = [table[door] for table in (OTHER_METHOD, IGNORED_TOKENS) if door in table]
    return [*REFUSED[door], *others, *([ROWS] if door == "zoho" else [])]


def carried_out(answer: bytes) -> bool:
    """Whether an answer of CRM.COM, which is 200 in any case, says that the request was carried out."""
    return bool(json.loads(answer)["status"]["code"] == "OK")


def unexplained(door: str) -> Callable[..., bool]:
    """What schemathesis asks of each failure: whether it is one."""
    words = [each for refused in REFUSED[door] for each in refused.words]
    refused = re.compile("|".join(map(re.escape, words)) or "(?!)")
    other_method = OTHER_METHOD[door].words if door in OTHER_METHOD else ()

    def filter_failure(context: Any, failure: Failure, case: Any, response: Any) -> bool:
        told = response.content.decode("utf-8", "replace")
        match type(failure).__name__:
            case "RejectedPositiveData":
                return refused.search(told) is None
            case "UnsupportedMethodResponse":
                return not any(word in told for word in other_method)
            case "AcceptedNegativeData" if door == "crmcom":
                return "json" not in response.headers["content-type"][0] or carried_out(response.content)
            case "IgnoredAuth":
                return door not in IGNORED_TOKENS
        return True

    return filter_failure
