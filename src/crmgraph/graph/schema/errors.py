"""The words for what is refused: one table from the core's refusals, used in payloads and at the top level alike.

A refusal is told by a code, by its facts, and in a sentence for people that names the field, says what is expected and,
where that is not plain, gives an example.
"""

from dataclasses import dataclass
from typing import Any

from crmgraph.crm import errors as core
from crmgraph.crm.errors import Refused
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.rules import AMOUNT_DIGITS
from crmgraph.graph.schema.enums import ErrorCode
from crmgraph.graph.schema.vocabulary import example_of


@dataclass(frozen=True, slots=True)
class Words:
    """How one kind of refusal is told.

    Attributes:
        message: with `{it}` for the field that it is about, and the facts of the refusal by their names.
    """

    code: ErrorCode
    message: str


_NOTHING = "{it} names nothing that is here{example}."

WORDS: dict[type[Refused], Words] = {
    core.NotFound: Words(ErrorCode.NOT_FOUND, _NOTHING),
    core.Ambiguous: Words(ErrorCode.AMBIGUOUS, "{it} names several records: name one by its id{example}."),
    core.Missing: Words(ErrorCode.REQUIRED, "{it} is required{example}."),
    core.Invalid: Words(ErrorCode.INVALID, "{it} is not valid."),
    core.Taken: Words(ErrorCode.TAKEN, "{it} belongs to another record, and has to be unique."),
    core.Unauthenticated: Words(ErrorCode.UNAUTHENTICATED, "Sign in first."),
    core.Throttled: Words(ErrorCode.THROTTLED, "Too many tries: try again in {retry_after} seconds."),
    core.Forbidden: Words(ErrorCode.FORBIDDEN, "You may not do this."),
    core.TooLarge: Words(ErrorCode.TOO_LARGE, "{it} has more than {limit:,} {unit}."),
    core.TooMany: Words(
        ErrorCode.TOO_MANY, "You have {limit} of these in hand: wait until one of them has ended, or cancel one."
    ),
    core.UnsupportedImage: Words(ErrorCode.UNSUPPORTED_IMAGE, "{it} is no JPEG, PNG, GIF, WebP or BMP image."),
    core.Stale: Words(
        ErrorCode.STALE, "The record has changed since you read it: read it again, its revision is {current} now."
    ),
    core.Conflicting: Words(ErrorCode.CONFLICTING, "{it} contradicts what is there."),
    core.AlreadyDone: Words(ErrorCode.ALREADY_DONE, "This was carried out before, and what was answered is not kept."),
    core.Circular: Words(
        ErrorCode.CYCLE, "{it} would put a record above itself: name one that is not below it, {limit} levels at most."
    ),
    core.Locked: Words(ErrorCode.LOCKED, "A process holds this record: {holder}."),
    core.NotApproved: Words(ErrorCode.NOT_APPROVED, "This record awaits approval."),
    core.Unavailable: Words(ErrorCode.UNAVAILABLE, "Something that is needed does not answer: try again later."),
    core.HeldUpstream: Words(
        ErrorCode.UNAVAILABLE,
        "{title} holds this record and would not learn of the change: change it there until this service writes back.",
    ),
    core.MailNotConfigured: Words(
        ErrorCode.MAIL_NOT_CONFIGURED,
        "This needs an email to be sent, and this service sends none: its operator can set it up.",
    ),
}
"""Every refusal of the core; `Several` is told as the refusals that it holds."""

_NO_NUMBER = f"{{it}} is no number that can be kept: write one of at most {AMOUNT_DIGITS} digits before the point."

REASONS: dict[str, Words] = {
    "form": Words(ErrorCode.INVALID, "{it} does not have the right form."),
    "type": Words(ErrorCode.INVALID, "{it} is a value of another type."),
    "too_long": Words(ErrorCode.TOO_LONG, "{it} has more than {limit:,} {unit}."),
    "too_deep": Words(ErrorCode.TOO_LARGE, "{it} is nested deeper than {limit} levels."),
    "control": Words(
        ErrorCode.BAD_CHARACTERS,
        "{it} holds characters that cannot be kept, e.g. NUL, or a line break where there is one line.",
    ),
    "key": Words(ErrorCode.BAD_CHARACTERS, "{it} holds a name that is empty, or has control characters in it."),
    "email": Words(ErrorCode.NOT_AN_EMAIL, "{it} is no email address, e.g. ada@example.com."),
    "country": Words(ErrorCode.NOT_A_COUNTRY, "{it} is no code of ISO 3166-1: {write}."),
    "contradiction": Words(
        ErrorCode.CONFLICTING, "{it} is another country than that of `country`: leave one of them out."
    ),
    "date": Words(ErrorCode.NOT_A_DATE, "{it} is no date, e.g. 1990-12-31."),
    "negative": Words(ErrorCode.OUT_OF_RANGE, "{it} is less than 0: write 0 or more."),
    "decimals": Words(ErrorCode.TOO_LONG, "{it} has more than {limit} decimals: write e.g. 1250000.5."),
    "number": Words(ErrorCode.NOT_A_NUMBER, _NO_NUMBER),
    "choice": Words(ErrorCode.CHOOSE_ONE, "{it} is none of the values to choose from{choose}."),
    "one_of": Words(ErrorCode.CHOOSE_ONE, "{it} takes exactly one of {choose}."),
    "zone": Words(ErrorCode.NOT_A_TIME_ZONE, "{it} names no time zone, e.g. Europe/Berlin."),
    "dialect_space": Words(ErrorCode.CONFLICTING, "{it} belongs to a `system`: a dialect knows its own."),
    "password": Words(
        ErrorCode.PASSWORD_TOO_SHORT,
        "{it} has fewer than {limit} characters: choose e.g. four words that have nothing to do with each other.",
    ),
    "guessable": Words(
        ErrorCode.PASSWORD_TOO_COMMON,
        "{it} is guessed first: choose none that is common or made of your name or email, but"
        " e.g. four words that have nothing to do with each other.",
    ),
    "reference": Words(ErrorCode.NOT_FOUND, _NOTHING),
    "order": Words(ErrorCode.INVALID, "{it} is in the wrong order."),
    "unknown": Words(ErrorCode.INVALID, "{it} is not known by this name."),
    "converted": Words(ErrorCode.ALREADY_CONVERTED, "This lead has been converted already."),
    "again": Words(ErrorCode.REPEATED, "{it} is given again: leave it out."),
    "beside": Words(ErrorCode.CHOOSE_ONE, "{it} is named beside another record: name one."),
    "same": Words(ErrorCode.CONFLICTING, "{it} is the record that stays: name another one."),
    "two_logins": Words(
        ErrorCode.CONFLICTING,
        "Both contacts have a login, and one has one at most: say whose stays by `take`, with the field `login`.",
    ),
    "final": Words(ErrorCode.NOT_FOUND, "This merge was more than 30 days ago: it cannot be undone any more."),
    "not_converted": Words(ErrorCode.CONFLICTING, "This lead is not converted: there is nothing to undo."),
    "settled": Words(
        ErrorCode.NOT_FOUND,
        "What this lead was before its conversion is not kept, or was kept for 30 days: it cannot be undone any more.",
    ),
    "merged_on": Words(
        ErrorCode.CONFLICTING, "The record that it was merged into was merged itself since: undo that merge first."
    ),
    "minted": Words(ErrorCode.INVALID, "{it} is an id that only we give out."),
}
"""The words for what is invalid, by the core's reason."""

_BIRTH_DATE = {
    "birth_day": "{it} is no day of that month: write {least} to {most}.",
    "birth_month": "{it} is no month: write {least} to {most}.",
    "birth_year": "{it} is no year: write {least} to {most}.",
}
"""The same, of the parts of a birth date."""

_OF_EXPORTS = {
    "format": "is none that `as` goes with: give CSV or XLSX.",
    "excel": "is of CSV alone: leave it out, or give CSV as `format`.",
    "contacts": "is a filter of another kind of record: give one of those of `kind`.",
    "accounts": "is a filter of another kind of record: give one of those of `kind`.",
    "leads": "is a filter of another kind of record: give one of those of `kind`.",
    "deleted": "asks for deleted records, which no export has: leave it out.",
}
"""{field: what is wrong with it}, of exports whose parts do not go together."""

_CONVERTED = {"LEAD": "The lead", "CONTACT": "The contact that came of the lead", "ACCOUNT": "Its account"}
"""What has changed since a conversion."""


def words_of(refused: Refused) -> Words:
    """How one refusal is told."""
    if isinstance(refused, core.Invalid):
        words = REASONS[refused.reason]
        if refused.reason == "number" and refused.most is not None:
            return Words(ErrorCode.OUT_OF_RANGE, words.message)
        return words
    return WORDS[type(refused)]


def choices_of(refused: Refused) -> list[str] | None:
    """What there was to choose from, of a refusal that is about a choice."""
    match refused:
        case core.Invalid(reason="beside"):
            return [kind.value.lower() for kind in PartyKind]
        case core.Invalid(reason="choice" | "one_of", choices=choices) if choices:
            return list(choices)
    return None


def facts_of(refused: Refused) -> dict[str, Any]:
    """What programs are to know of one refusal, by the names of the schema; bounds that nothing has are left out."""
    match refused:
        case core.Invalid(reason="too_long" | "decimals", limit=limit):
            return {"limitLength": limit}
        case core.Invalid(reason="password", limit=limit):
            return {"least": limit}
        case core.Invalid(reason="beside" | "choice" | "one_of"):
            choices = choices_of(refused)
            return {} if choices is None else {"choices": choices}
        case core.Invalid():
            bounds = {"least": refused.least, "most": refused.most}
            return {name: value for name, value in bounds.items() if value is not None}
        case core.TooLarge():
            return {f"limit{(refused.unit or 'items').title()}": refused.limit}
        case core.TooMany():
            return {"limitItems": refused.limit}
        case core.Throttled():
            return {"retryAfterSeconds": refused.retry_after}
        case core.Stale():
            return {"current": refused.current}
        case core.Locked():
            return {"holder": refused.holder}
        case core.HeldUpstream():
            return {"upstream": refused.upstream.value}
    return {}


def message_of(refused: Refused, place: str) -> str:
    """What to tell a person about one refusal: which field, what is wrong with it, what is expected, and an example
    where it is not plain.

    Args:
        place: where in the input the fault lies, e.g. `emails.add.0.address`; empty where it is about the whole.
    """
    it = f"`{place}`" if place else "This"
    words = words_of(refused).message
    match refused:
        case core.Invalid(reason="country", meant=meant):
            write = "e.g. DE" if meant is None else f"write {meant}"
            name = ", or put the name into `countryName`" if refused.path[:1] == ("addresses",) else ""
            return words.format(it=it, write=write + name)
        case core.Invalid(reason="choice" | "one_of", choices=choices):
            named = [f"`{each}`" for each in choices]
            if refused.reason == "one_of":
                return words.format(it=it, choose=" and ".join(named))
            return words.format(it=it, choose=f": give one of {', '.join(named)}" if named else "")
        case core.Invalid(reason="date", path=(*_, str(part))) if part in _BIRTH_DATE:
            return _BIRTH_DATE[part].format(it=it, least=refused.least, most=refused.most)
        case core.TooLarge():
            return words.format(it=it, limit=refused.limit, unit=refused.unit or "items")
        case core.HeldUpstream(title=title):
            return words.format(title=title)
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
        case core.Stale(what=what) if what:
            of = _CONVERTED[what]
            return (
                f"{of} has changed since the conversion, which cannot be undone: its revision is {refused.current} now."
            )
        case core.Conflicting(path=("lead",)):
            return "What came of the lead is named by something else by now: the conversion cannot be undone."
        case core.Conflicting(path=(*_, str(name))) if name in _OF_EXPORTS:
            return f"{it} {_OF_EXPORTS[name]}"
        case core.Conflicting(path=("account",)):
            return "The contact belongs to another account: name that one or none, or give `overwrite` to move them."
        case core.Taken(path=("email",)):
            return "There is a login with this email already."
    return words.format(it=it, example=_example(refused.path), **vars(refused))


def _example(path: core.Path) -> str:
    example = example_of(path)
    return "" if example is None else f": give e.g. {example}"
