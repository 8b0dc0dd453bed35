"""The words for what is refused: one table from the core's refusals, used in payloads and at the top level alike."""

from dataclasses import dataclass

from graphql import GraphQLError

from crmgraph.crm import errors as core
from crmgraph.crm.errors import Refused
from crmgraph.crm.records.rules import AMOUNT_DIGITS
from crmgraph.graph.schema.enums import ErrorCode


class BadInput(GraphQLError):
    """Arguments that nothing can be done with, told at the top level."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


@dataclass(frozen=True, slots=True)
class Words:
    """How one kind of refusal is told.

    Attributes:
        message: with `{it}` for the field that it is about, and the facts of the refusal by their names.
    """

    code: ErrorCode
    message: str


WORDS: dict[type[Refused], Words] = {
    core.NotFound: Words(ErrorCode.NOT_FOUND, "{it} names nothing that is here."),
    core.Ambiguous: Words(ErrorCode.AMBIGUOUS, "{it} names several records: name one by its id."),
    core.Missing: Words(ErrorCode.REQUIRED, "{it} is required."),
    core.Invalid: Words(ErrorCode.INVALID, "{it} is not valid."),
    core.Taken: Words(ErrorCode.TAKEN, "{it} belongs to another record, and has to be unique."),
    core.Unauthenticated: Words(ErrorCode.UNAUTHENTICATED, "Sign in first."),
    core.Throttled: Words(ErrorCode.THROTTLED, "Too many tries: try again in {retry_after} seconds."),
    core.Forbidden: Words(ErrorCode.FORBIDDEN, "You may not do this."),
    core.TooLarge: Words(ErrorCode.TOO_LARGE, "{it} has more than {limit:,} {unit}."),
    core.UnsupportedImage: Words(ErrorCode.UNSUPPORTED_IMAGE, "{it} is no JPEG, PNG, GIF, WebP or BMP image."),
    core.Stale: Words(
        ErrorCode.STALE, "The record has changed since you read it: read it again, its revision is {current} now."
    ),
    core.Conflicting: Words(ErrorCode.CONFLICTING, "{it} contradicts what is there."),
    core.Circular: Words(
        ErrorCode.CYCLE, "{it} would put a record above itself: name one that is not below it, {limit} levels at most."
    ),
    core.Locked: Words(ErrorCode.LOCKED, "A process holds this record: {holder}."),
    core.NotApproved: Words(ErrorCode.NOT_APPROVED, "This record awaits approval."),
    core.Unavailable: Words(ErrorCode.UNAVAILABLE, "Something that is needed does not answer: try again later."),
    core.MailNotConfigured: Words(
        ErrorCode.MAIL_NOT_CONFIGURED,
        "This needs an email to be sent, and this service sends none: its operator can set it up.",
    ),
}
"""Every refusal of the core; `Several` is told as the refusals that it holds."""

REASONS: dict[str, str] = {
    "form": "{it} does not have the right form.",
    "type": "{it} is a value of another type.",
    "too_long": "{it} has more than {limit:,} {unit}.",
    "too_deep": "{it} is nested deeper than {limit} levels.",
    "control": "{it} holds characters that cannot be kept, e.g. NUL, or a line break where there is one line.",
    "key": "{it} holds a name that is empty, or has control characters in it.",
    "email": "{it} is no email address, e.g. ada@example.com.",
    "country": "{it} is no code of ISO 3166-1: {write}.",
    "contradiction": "{it} is another country than that of `country`: leave one of them out.",
    "date": "{it} is no date, e.g. 1990-12-31.",
    "negative": "{it} is less than 0: write 0 or more.",
    "decimals": "{it} has more than {limit} decimals: write e.g. 1250000.5.",
    "number": f"{{it}} is no number that can be kept: write one of at most {AMOUNT_DIGITS} digits before the point.",
    "choice": "{it} is none of the values to choose from.",
    "password": "{it} has fewer than {limit} characters: choose e.g. four words that have nothing to do with each"
    " other.",
    "guessable": "{it} is guessed first: choose none that is common or made of your name or email, but"
    " e.g. four words that have nothing to do with each other.",
    "reference": "{it} names no record that is here.",
    "order": "{it} is in the wrong order.",
    "unknown": "{it} is not known by this name.",
    "converted": "This lead has been converted already.",
    "minted": "{it} is an id that only we give out.",
}
"""The words for what is invalid, by the core's reason."""

_BIRTH_DATE = {
    "birth_day": "{it} is no day of that month: write 1 to 31, and no more than the month has.",
    "birth_month": "{it} is no month: write 1 to 12.",
    "birth_year": "{it} is no year: write 1 to 9999.",
}
"""The same, of the parts of a birth date."""

REASON_CODES: dict[str, ErrorCode] = {"guessable": ErrorCode.PASSWORD_TOO_COMMON}
"""The codes of what is invalid for a reason that programs tell apart; of any other it is that of `Invalid`."""


def code_of(refused: Refused) -> ErrorCode:
    """The code of one refusal."""
    reason = refused.reason if isinstance(refused, core.Invalid) else ""
    return REASON_CODES.get(reason, WORDS[type(refused)].code)


def message_of(refused: Refused, place: str) -> str:
    """What to tell a person about one refusal: which field, what is wrong with it and, where it is not plain, what is
    expected.

    Args:
        place: where in the input the fault lies, e.g. `emails.add.0.address`; empty where it is about the whole.
    """
    it = f"`{place}`" if place else "This"
    words = WORDS[type(refused)].message
    match refused:
        case core.Invalid(reason="country", meant=meant):
            write = "e.g. DE" if meant is None else f"write {meant}"
            name = ", or put the name into `countryName`" if refused.path[:1] == ("addresses",) else ""
            return REASONS["country"].format(it=it, write=write + name)
        case core.Invalid(path=(*_, "account" | "lead"), reason="choice"):
            return f"{it} is named beside another record: name one."
        case core.Invalid(reason="date", path=(*_, str(part))) if part in _BIRTH_DATE:
            return _BIRTH_DATE[part].format(it=it)
        case core.Invalid():
            return REASONS[refused.reason].format(it=it, limit=refused.limit, unit=refused.unit)
        case core.TooLarge():
            return words.format(it=it, limit=refused.limit, unit=refused.unit or "items")
        case core.Forbidden() if place:
            return f"You may not give {it}."
        case core.Unauthenticated(path=("code",)):
            return f"{it} is not good, or not any more."
        case core.Unauthenticated(path=("current_password",)):
            return f"{it} is not your password."
        case core.Unauthenticated(path=("password",)):
            return "The email address or the password is wrong."
        case core.Unauthenticated(path=("refresh_token",)):
            return f"{it} is not good, or not any more: sign in again."
        case core.Conflicting(path=("account",)):
            return "The contact belongs to another account: name that one or none, or give `overwrite` to move them."
        case core.Taken(path=("email",)):
            return "There is a login with this email already."
    return words.format(it=it, **vars(refused))
