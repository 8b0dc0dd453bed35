"""Zoho's words for what is refused: one table from the core's refusals, and the errors of requests as a whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crmgraph.crm import errors
from crmgraph.crm.errors import Refused
from crmgraph.dialects.zoho.fields import EXPECTED


@dataclass(frozen=True, slots=True)
class Failure:
    """What Zoho says of a fault.

    Attributes:
        status: of the whole request; a fault of one row among several is answered 202.
        details: facts in Zoho's words.
        part: which part of Zoho's servers says it: application, parser, gate or gateway.
    """

    code: str
    message: str
    status: int = 400
    details: Mapping[str, Any] = field(default_factory=dict)
    part: str = "application"

    def body(self) -> dict[str, Any]:
        """The error as a row of an answer, or the whole of one."""
        return {"code": self.code, "details": dict(self.details), "message": self.message, "status": "error"}

    def about(self, **details: Any) -> "Failure":
        """The same with other details."""
        return Failure(self.code, self.message, self.status, details, self.part)


INVALID_MODULE = Failure("INVALID_MODULE", "the module name given seems to be invalid")
INVALID_BODY = Failure("INVALID_DATA", "body", details={"expected_data_type": "jsonobject"}, part="parser")
INVALID_REQUEST_METHOD = Failure(
    "INVALID_REQUEST_METHOD", "The http request method type is not a valid one", part="gateway"
)
INVALID_URL_PATTERN = Failure(
    "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one", 404, part="gateway"
)
OAUTH_SCOPE_MISMATCH = Failure("OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL", 401, part="gate")
INVALID_TOKEN = Failure("INVALID_TOKEN", "invalid oauth token", 401, part="gate")
AUTHENTICATION_FAILURE = Failure("AUTHENTICATION_FAILURE", "Authentication failed", 401, part="gate")
INTERNAL_ERROR = Failure("INTERNAL_ERROR", "Internal server error occurred.", 500)
INVALID_DATA = Failure("INVALID_DATA", "invalid data")
INVALID_ID = Failure("INVALID_DATA", "the id given seems to be invalid")
EXTERNAL_NOT_FOUND = Failure("INVALID_DATA", "the external field given seems to be invalid")
INVALID_RELATION = Failure(
    "INVALID_DATA", "the relation name given seems to be invalid", details={"resource_path_index": 2}
)
INVALID_QUERY = Failure("INVALID_QUERY", "invalid query formed")
REQUIRED_PARAM_MISSING = Failure("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing")
CIRCULAR = Failure("INVALID_DATA", "the record given cannot be above itself")
MANDATORY_NOT_FOUND = Failure("MANDATORY_NOT_FOUND", "required field not found")
DUPLICATE_DATA = Failure("DUPLICATE_DATA", "duplicate data")
PATTERN_NOT_MATCHED = Failure("PATTERN_NOT_MATCHED", "Please check whether the input values are correct")
NO_PERMISSION = Failure("NO_PERMISSION", "permission denied", 403)
NOT_APPROVED = Failure("NOT_APPROVED", "cannot update record that is not approved yet")
RECORD_LOCKED = Failure("RECORD_LOCKED", "cannot update record that is not approved yet")
CONVERTED_RECORD = Failure("CONVERTED_RECORD", "can't update the converted record")
ID_ALREADY_CONVERTED = Failure("ID_ALREADY_CONVERTED", "id already converted")
LIMIT_EXCEEDED = Failure("LIMIT_EXCEEDED", "the limit is exceeded")
FILE_TOO_LARGE = Failure("FILE_SIZE_MORE_THAN_ALLOWED_SIZE", "the size of the file is more than the allowed size", 413)
BODY_TOO_LARGE = Failure("LIMIT_EXCEEDED", "the request body is too large", 413)
BUSY = Failure("TOO_MANY_REQUESTS", "You have made too many requests continuously", 503)
TOO_MANY_REQUESTS = Failure("TOO_MANY_REQUESTS", "You have made too many requests continuously", 429)
ALREADY_MODIFIED = Failure("ALREADY_MODIFIED", "the record has been modified since the given time", 412)


def held_by(title: str) -> Failure:
    """A record that another CRM holds, which would not learn of the change."""
    return Failure("RECORD_LOCKED", f"cannot update record that {title} holds")


def refused_parameter(name: str) -> Failure:
    """A parameter that asks for what there is none of, e.g. a custom view (`cvid`)."""
    return Failure("INVALID_DATA", f"the {name} given seems to be invalid", details={"param": name})


class Spoken:
    """How refusals are told of one record.

    Args:
        name_of: the caller's word for a path of the core; None when the fault is about the whole.
        types: {api_name: data_type}.
        record_id: the id of the record, as it is printed; None for a new one.
        id_of: how the id of another record is printed.
    """

    def __init__(
        self,
        name_of: Callable[[errors.Path], str | None],
        types: Mapping[str, str],
        record_id: str | None,
        id_of: Callable[[int], str],
    ) -> None:
        self.name_of = name_of
        self.types = types
        self.record_id = record_id
        self.id_of = id_of

    def error(self, refused: Refused) -> Failure:
        """The first fault of a refusal in Zoho's words: Zoho tells one at a time."""
        first = refused.all[0]
        for kind in type(first).__mro__:
            if kind in WORDS:
                return WORDS[kind](first, self)
        raise first

    def about_field(self, error: Failure, refused: Refused, **facts: Any) -> Failure:
        """The error with the field that it is about."""
        return error.about(**facts, api_name=self.name_of(refused.path) or "data")

    def about_record(self, error: Failure, **facts: Any) -> Failure:
        """The error with the record that it is about."""
        return error.about(**facts, **({"id": self.record_id} if self.record_id is not None else {}))


def _invalid(refused: Any, spoken: Spoken) -> Failure:
    if refused.reason == "converted":
        return spoken.about_record(CONVERTED_RECORD)
    if refused.reason == "too_long":
        return spoken.about_field(INVALID_DATA, refused, maximum_length=refused.limit)
    if refused.reason == "key":
        return spoken.about_field(INVALID_DATA, refused)
    if refused.reason in ("form", "control", "country"):
        return spoken.about_field(PATTERN_NOT_MATCHED, refused)
    kind = spoken.types.get(spoken.name_of(refused.path) or "", "text")
    return spoken.about_field(INVALID_DATA, refused, expected_data_type=EXPECTED.get(kind, kind))


def _taken(refused: Any, spoken: Spoken) -> Failure:
    facts = {} if refused.existing is None else {"id": spoken.id_of(refused.existing)}
    named = spoken.about_field(DUPLICATE_DATA, refused)
    return named.about(**named.details, **facts)


def _conflicting(refused: Any, spoken: Spoken) -> Failure:
    facts = {} if refused.existing is None else {"id": spoken.id_of(refused.existing)}
    named = spoken.about_field(INVALID_DATA, refused)
    return named.about(**named.details, **facts)


WORDS: dict[type[Refused], Callable[[Any, Spoken], Failure]] = {
    errors.NotFound: lambda refused, spoken: spoken.about_record(INVALID_ID),
    errors.Ambiguous: lambda refused, spoken: spoken.about_record(DUPLICATE_DATA),
    errors.Missing: lambda refused, spoken: spoken.about_field(MANDATORY_NOT_FOUND, refused),
    errors.Invalid: _invalid,
    errors.Taken: _taken,
    errors.Unauthenticated: lambda refused, spoken: INVALID_TOKEN,
    errors.Throttled: lambda refused, spoken: TOO_MANY_REQUESTS,
    errors.Forbidden: lambda refused, spoken: NO_PERMISSION.about(permissions=[]),
    errors.TooLarge: lambda refused, spoken: spoken.about_field(LIMIT_EXCEEDED, refused, limit=refused.limit),
    errors.TooMany: lambda refused, spoken: TOO_MANY_REQUESTS,
    errors.UnsupportedImage: lambda refused, spoken: INVALID_DATA.about(expected_data_type="image", api_name="file"),
    errors.Stale: lambda refused, spoken: spoken.about_record(ALREADY_MODIFIED),
    errors.Conflicting: _conflicting,
    errors.AlreadyDone: lambda refused, spoken: DUPLICATE_DATA.about(api_name="Idempotency-Key"),
    errors.Circular: lambda refused, spoken: spoken.about_field(CIRCULAR, refused),
    errors.Locked: lambda refused, spoken: spoken.about_record(RECORD_LOCKED, action=refused.holder),
    errors.NotApproved: lambda refused, spoken: spoken.about_record(NOT_APPROVED),
    errors.Unavailable: lambda refused, spoken: INTERNAL_ERROR,
    errors.HeldUpstream: lambda refused, spoken: spoken.about_record(held_by(refused.title)),
    errors.MailNotConfigured: lambda refused, spoken: INTERNAL_ERROR,
}
"""Every kind of refusal; `Several` is told by its first fault."""


def worded(refused: Refused) -> Failure:
    """A refusal of a whole request, where no field has a name in it."""
    if isinstance(refused, errors.TooLarge) and not refused.path:
        return BODY_TOO_LARGE.about(limit=refused.limit)
    return Spoken(lambda path: None, {}, None, str).error(refused)
