"""The words for what is refused: one table from the core's refusals, used in payloads and at the top level alike."""

from dataclasses import dataclass

from graphql import GraphQLError

from crmgraph.crm import errors as core
from crmgraph.crm.errors import Refused
from crmgraph.graph.schema.enums import ErrorCode


class BadInput(GraphQLError):
    """Arguments that nothing can be done with, told at the top level."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


@dataclass(frozen=True, slots=True)
class Words:
    """How one kind of refusal is told."""

    code: ErrorCode
    message: str


WORDS: dict[type[Refused], Words] = {
    core.NotFound: Words(ErrorCode.NOT_FOUND, "There is no such thing here."),
    core.Ambiguous: Words(ErrorCode.AMBIGUOUS, "Several records answer to this: name one by its id."),
    core.Missing: Words(ErrorCode.REQUIRED, "This is required."),
    core.Invalid: Words(ErrorCode.INVALID, "This is not valid."),
    core.Taken: Words(ErrorCode.TAKEN, "This belongs to another record."),
    core.Unauthenticated: Words(ErrorCode.UNAUTHENTICATED, "Sign in first."),
    core.Throttled: Words(ErrorCode.THROTTLED, "Too many tries: wait a while."),
    core.Forbidden: Words(ErrorCode.FORBIDDEN, "You may not do this."),
    core.TooLarge: Words(ErrorCode.TOO_LARGE, "This is more than is taken."),
    core.UnsupportedImage: Words(ErrorCode.UNSUPPORTED_IMAGE, "This is no JPEG, PNG, GIF, WebP or BMP image."),
    core.Stale: Words(ErrorCode.STALE, "The record has changed since you read it."),
    core.Conflicting: Words(ErrorCode.CONFLICTING, "This contradicts what is there."),
    core.Circular: Words(ErrorCode.CYCLE, "A record cannot stand above itself: name one that is not below it."),
    core.Locked: Words(ErrorCode.LOCKED, "A process holds this record."),
    core.NotApproved: Words(ErrorCode.NOT_APPROVED, "This record awaits approval."),
    core.Unavailable: Words(ErrorCode.UNAVAILABLE, "Something that is needed does not answer: try again later."),
    core.MailNotConfigured: Words(
        ErrorCode.MAIL_NOT_CONFIGURED,
        "This needs an email to be sent, and this service sends none: its operator can set it up.",
    ),
}
"""Every refusal of the core; `Several` is told as the refusals that it holds."""

REASONS: dict[str, str] = {
    "form": "This does not have the right form.",
    "type": "This is a value of another type.",
    "too_long": "This is longer than {limit}.",
    "too_deep": "This is nested deeper than {limit}.",
    "control": "This holds characters that cannot be kept.",
    "key": "A name in this is empty or holds control characters.",
    "email": "This is no email address.",
    "country": "This is no code of ISO 3166-1, e.g. DE.",
    "contradiction": "This is another country than that of `country`: leave one of them out.",
    "date": "This is no date.",
    "negative": "This is less than 0.",
    "decimals": "An amount has at most {limit} decimals, e.g. 1250000.5.",
    "number": "This is no number that can be kept.",
    "choice": "This is none of the values to choose from.",
    "password": "A password has at least {limit} characters.",
    "guessable": "This password is guessed first: choose none that is common or made of your name or email, but"
    " e.g. four words that have nothing to do with each other.",
    "reference": "There is no such record here.",
    "order": "These are in the wrong order.",
    "unknown": "Nothing is known by this name.",
    "converted": "This lead has been converted already.",
    "minted": "This id cannot come from elsewhere.",
}
"""The words for what is invalid, by the core's reason."""


REASON_CODES: dict[str, ErrorCode] = {"guessable": ErrorCode.PASSWORD_TOO_COMMON}
"""The codes of what is invalid for a reason that programs tell apart; of any other it is that of `Invalid`."""


def code_of(refused: Refused) -> ErrorCode:
    """The code of one refusal."""
    reason = refused.reason if isinstance(refused, core.Invalid) else ""
    return REASON_CODES.get(reason, WORDS[type(refused)].code)


def message_of(refused: Refused) -> str:
    """What to tell a person about one refusal."""
    match refused:
        case core.Invalid(reason="country", meant=meant):
            write = "e.g. DE" if meant is None else f"write {meant}"
            name = ", or put the name into countryName" if refused.path[:1] == ("addresses",) else ""
            return f"This is no code of ISO 3166-1: {write}{name}."
        case core.Invalid():
            return REASONS[refused.reason].format(limit=refused.limit)
        case core.Unauthenticated(path=("code",)):
            return "This code is not good, or not any more."
        case core.Unauthenticated(path=("current_password",)):
            return "This is not your password."
        case core.Unauthenticated(path=("password",)):
            return "The email address or the password is wrong."
        case core.Unauthenticated(path=("refresh_token",)):
            return "This token is not good, or not any more."
        case core.Conflicting(path=("account",)):
            return "The contact belongs to another account: name that one or none, or give `overwrite` to move them."
        case core.Taken(path=("email",)):
            return "There is a login with this email already."
    return WORDS[type(refused)].message
