"""What Valomnia answers when something is wrong: `{"error", "error_description"}` with the status of its documents.

The texts down to `server_error` are the vendor's own; where its documents are silent, ours are in their manner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crmgraph.crm import errors
from crmgraph.crm.errors import HeldUpstream, Invalid, Missing, Refused, Throttled

LABELS = {"first_name": "firstName", "last_name": "lastName", "account_id": "customerId"}
"""The columns that a request has to bring, in the vendor's words."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is no success.

    Attributes:
        status: of HTTP.
        headers: that go with it.
    """

    status: int
    error: str
    description: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, str]:
        """The answer's body."""
        return {"error": self.error, "error_description": self.description}


SAVE_FAILED = Failure(400, "save_failed", "Failed to save instance.")
DELETE_FAILED = Failure(400, "delete_failed", "Failed to delete instance.")
FILE_TOO_LARGE = Failure(400, "exceeded_file_size", "image size should not exceed 2Mo")
UNSUPPORTED_FILE = Failure(400, "unsupported_file_type", "image format not supported.")
BUSY = Failure(503, "service_unavailable", "Oops! Too many requests at once, try again in a moment.")
SERVER_ERROR = Failure(500, "server_error", "Oops! Something went wrong...")

MALFORMED = Failure(400, "malformed_request", "The body of the request could not be read.")
MALFORMED_QUERY = Failure(400, "malformed_request", "The parameters of the address are not text in UTF-8.")
TOO_LARGE = Failure(413, "request_too_large", "The request is too large.")
NO_SESSION = Failure(401, "unauthorized", "A valid session is required: log in at /j_spring_security_check.")
LOGIN_FAILED = Failure(
    401, "authentication_failed", "Sorry, we were not able to find a user with that username and password."
)
FORBIDDEN = Failure(403, "forbidden", "You are not allowed to do this.")
OTHER_SITE = Failure(403, "forbidden", "This request comes from a page of another site.")
NO_RESOURCE = Failure(404, "not_found", "The requested resource doesn't exist.")
NO_PHOTO = Failure(404, "not_found", "The requested photo doesn't exist.")


def missing_param(name: str) -> Failure:
    """A required parameter is absent or blank."""
    return Failure(400, "missing_param", f"{name} parameter is missing")


def invalid_param_type(name: str) -> Failure:
    """A parameter cannot be read as what it has to be."""
    return Failure(
        400, "invalid_param_type", f"The type of parameter {name} you provided is not valid for this request."
    )


def not_found(what: str, value: str, by: str = "id") -> Failure:
    """No such record: `what` is contact or customer."""
    return Failure(404, "not_found", f"The {what} with the {by} {value} doesn't exist.")


def method_not_allowed(method: str, allowed: Sequence[str]) -> Failure:
    """A method that the resource does not know; `allowed` are those that it does."""
    headers = {"Allow": ", ".join(dict.fromkeys(allowed))}
    return Failure(405, "method_not_allowed", f"The method {method} is not allowed for this resource.", headers)


def throttled(retry_after: int) -> Failure:
    """Too many failed logins; `retry_after` in seconds."""
    return Failure(
        429, "too_many_requests", "Too many failed logins, try again later.", {"Retry-After": str(retry_after)}
    )


WORDS: dict[type[Refused], Failure] = {
    errors.Several: SAVE_FAILED,
    errors.NotFound: NO_RESOURCE,
    errors.Ambiguous: SAVE_FAILED,
    errors.Missing: SAVE_FAILED,
    errors.Invalid: SAVE_FAILED,
    errors.Taken: SAVE_FAILED,
    errors.Unauthenticated: NO_SESSION,
    errors.Throttled: throttled(0),
    errors.Forbidden: FORBIDDEN,
    errors.TooLarge: TOO_LARGE,
    errors.TooMany: throttled(0),
    errors.UnsupportedImage: UNSUPPORTED_FILE,
    errors.Stale: SAVE_FAILED,
    errors.Conflicting: SAVE_FAILED,
    errors.AlreadyDone: SAVE_FAILED,
    errors.Circular: SAVE_FAILED,
    errors.Locked: SAVE_FAILED,
    errors.NotApproved: SAVE_FAILED,
    errors.Unavailable: SERVER_ERROR,
    errors.HeldUpstream: SAVE_FAILED,
    errors.MailNotConfigured: SERVER_ERROR,
}
"""The words for a refusal of the core where nothing more is known of it."""


def worded(refused: Refused, operation: str = "update", customer: str = "") -> Failure:
    """The one answer to a refusal. Of several faults the one that the vendor's list has first is told.

    Args:
        operation: what is done to the contact: create or update.
        customer: the customer's id as the request has it.
    """
    found = [_worded(fault, operation, customer) for fault in refused.all]
    return min(found, key=lambda failure: _RANK.get(failure.error, len(_RANK)))


_RANK = {
    error: rank for rank, error in enumerate(("missing_param", "not_found", "email_validation_error", "country_error"))
}


def _worded(fault: Refused, operation: str, customer: str) -> Failure:
    match fault:
        case HeldUpstream():
            return Failure(503, "service_unavailable", f"{fault.title} holds this record: it is to be changed there.")
        case Throttled():
            return throttled(fault.retry_after)
        case Missing(path=(column,)) if column in LABELS:
            return missing_param(LABELS[str(column)])
        case Invalid(path=("account_id",), reason="reference"):
            return not_found("customer", customer)
        case Invalid(reason="email"):
            return Failure(400, "email_validation_error", f"Failed to {operation} the contact : incorrect Email format")
        case Invalid(reason="country"):
            return Failure(400, "country_error", f"Failed to {operation} the contact : incorrect country code")
        case errors.TooLarge(path=("photo",)):
            return FILE_TOO_LARGE
    return WORDS[type(fault)]
