"""What a vendor's document asks for and schemathesis takes for a fault: each named, with the reason.

The documents of the dialects cannot say these things in the words of OpenAPI, or the vendor says them otherwise than
HTTP does. Everything else that schemathesis finds is a fault.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from schemathesis.core.failures import Failure

CONFIGURATION: dict[str, dict[str, Any]] = {
    # Zoho's page "Insert Records": rows are carried out or refused one by one, and 202 says that one was refused.
    "zoho": {"checks": {"negative_data_rejection": {"expected-statuses": ["202", "4xx"]}}},
}
"""{door: how schemathesis is set for it}."""

REFUSED: dict[str, tuple[str, ...]] = {
    "covalense": (
        # Its page "Login" answers 400 where HTTP has 401; its gateway takes a token for a header like any other.
        "Invalid username/password",
        "Header 'token' not present",
        # 401 and 403 make its clients log in again, so that what a customer may not change is 400 too.
        "the user may not change it",
        "it is not the user's own",
        # Its page "KYC": the registration stands in one of three places.
        "Header 'Data' not present",
        "Request body is not readable as JSON",
        # Base64 of an image, or the name of the one that is there.
        "it is neither an image nor the name of the stored one",
        "it is no image that can be read",
        # Everything is text there, also what is a number, a day, a choice, an email or the id of a record.
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
    "zoho": (
        # Its pages answer 400 INVALID_DATA where HTTP has 404.
        "the id given seems to be invalid",
        # "Search Records": one of four parameters has to be there, and criteria have a grammar of their own.
        '"REQUIRED_PARAM_MISSING","details":{"param":"criteria"}',
        '"INVALID_QUERY"',
        # "Revoke Refresh Tokens": a token that is not there is 400.
        '"error":"invalid_token"',
        # A custom field is one that some record has.
        '"INVALID_DATA","details":{"param":"sort_by"}',
    ),
    "crmcom": (),
    "valomnia": (
        # Its page "Create a contact" names these refusals of texts.
        '"error":"country_error"',
        '"error":"email_validation_error"',
        '"error":"unsupported_file_type"',
        # It is a reference with useExternalId, which a form says in a field of its own, and a Long without.
        "The type of parameter customerId you provided",
    ),
}
"""{door: what it says to a request that its document takes for right}, by regular expressions of the answer."""

_OTHER_METHOD = ('"INVALID_REQUEST_METHOD"', "HTTPMETHODNOTALLOWEDEXCEPTION")
"""Zoho's page "Status Codes" has 400 for a method that is another one; CRM.COM has 200 for everything."""


def carried_out(answer: bytes) -> bool:
    """Whether an answer of CRM.COM, which is 200 in any case, says that the request was carried out."""
    return bool(json.loads(answer)["status"]["code"] == "OK")


def unexplained(door: str) -> Callable[..., bool]:
    """What schemathesis asks of each failure: whether it is one."""
    refused = re.compile("|".join(map(re.escape, REFUSED[door])) or "(?!)")

    def filter_failure(context: Any, failure: Failure, case: Any, response: Any) -> bool:
        told = response.content.decode("utf-8", "replace")
        match type(failure).__name__:
            case "RejectedPositiveData":
                return refused.search(told) is None
            case "UnsupportedMethodResponse":
                return not any(word in told for word in _OTHER_METHOD)
            case "AcceptedNegativeData" if door == "crmcom":
                return "json" not in response.headers["content-type"][0] or carried_out(response.content)
            case "IgnoredAuth":
                # Who has no token is answered 400 at Covalense's gateway and 200 at CRM.COM: a test sees to it.
                return door not in ("covalense", "crmcom")
        return True

    return filter_failure
