"""User errors: refusals as a part of the schema, with the facts that belong to each kind."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import select
from strawberry.utils.str_converters import to_snake_case

from crmgraph.crm import errors as core
from crmgraph.crm import models
from crmgraph.crm.errors import Path, Refused
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import KINDS
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.conversion import Conversion
from crmgraph.crm.records.duplicates import finding
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.enums import ErrorCode, LegacyDialect
from crmgraph.graph.schema.errors import facts_of, message_of, words_of
from crmgraph.graph.schema.root_fields import resolves
from crmgraph.graph.schema.scalars import JSON
from crmgraph.graph.schema.types.audit import Change
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.vocabulary import graph_path, lead_field

if TYPE_CHECKING:
    from crmgraph.graph.schema.types.record import Record


MAX_CHANGES = 20
"""How many changes of a record are told to whoever comes too late."""

_Record = Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")]


@strawberry.interface(
    description="Why an input was refused, and then nothing was written. Types whose names end in `Warning` stand "
    "beside what was done: there is something to know of it."
)
class UserError:
    message: str = strawberry.field(description="What is wrong, for a person to read.")
    path: list[str] = strawberry.field(
        description="Where in the arguments it is, from `input` down, with the places in lists counted from 0."
    )
    code: ErrorCode = strawberry.field(description="What is wrong, for a program.")


@strawberry.type(description="An input that is wrong by itself, or that you may not give.")
class InputError(UserError):
    pass


@strawberry.type(description="A value outside of what is taken, with whichever of the bounds hold.")
class RangeError(UserError):
    limit_length: int | None = strawberry.field(
        default=None, description="The most characters of a text, or decimals of an amount, that are taken."
    )
    least: JSON | None = strawberry.field(
        default=None, description="The least that is taken: a number, or of a password the characters that it has."
    )
    most: JSON | None = strawberry.field(default=None, description="The most that is taken.")


@strawberry.type(description="A value that is none of those to choose from, or more than one where one is wanted.")
class ChoiceError(UserError):
    choices: list[str] = strawberry.field(description="What there is to choose from.")


@strawberry.type(description="A value that another record has and that is unique.")
class DuplicateError(UserError):
    kind: strawberry.Private[PartyKind]
    existing_id: strawberry.Private[int | None]

    @resolves("The record that has it; null when you may not see it.", Node | None)
    async def existing(self, info: Info) -> Any:
        return await info.context.record(self.kind, self.existing_id)


@strawberry.type(description="A change of a record that is not any more as it was read.")
class StaleError(UserError):
    kind: strawberry.Private[PartyKind | None]
    record_id: strawberry.Private[int | None]
    since: strawberry.Private[int]
    current: int = strawberry.field(description="The revision that the record has now.")

    @resolves("The record as it is now; null when you may not see it.", _Record | None)
    async def record(self, info: Info) -> Any:
        return None if self.kind is None else await info.context.record(self.kind, self.record_id)

    @resolves(
        "What has changed since it was read, the latest first, 20 changes at most; staff see it.",
        list[Change] | None,
    )
    async def changes(self, info: Info) -> Any:
        context = info.context
        if self.record_id is None or not context.actor.is_staff:
            return None
        query = (
            select(models.Change)
            .where(
                models.Change.party_id == self.record_id,
                # Not what was changed of another one before that was merged into it.
                models.Change.former_id.is_(None),
                models.Change.revision > self.since,
            )
            .order_by(models.Change.id.desc())
            .limit(MAX_CHANGES)
        )
        async with context.core.db.read() as session:
            return list(await session.scalars(query))


@strawberry.type(description="More than is taken. Whichever of the limits holds is given.")
class TooLargeError(UserError):
    limit_bytes: int | None = strawberry.field(default=None, description="The most bytes that are taken.")
    limit_pixels: int | None = strawberry.field(default=None, description="The most pixels that are taken.")
    limit_items: int | None = strawberry.field(default=None, description="The most items that are taken.")


@strawberry.type(description="Too many tries of late.")
class ThrottledError(UserError):
    retry_after_seconds: int = strawberry.field(description="After how many seconds another try is heard.")


@strawberry.type(description="A record that a process holds.")
class LockedError(UserError):
    holder: str = strawberry.field(description="Who holds it, in its own word.")


@strawberry.type(description="A change of which the old CRM would not learn that holds the record.")
class UpstreamError(UserError):
    upstream: LegacyDialect = strawberry.field(description="Behind which API that CRM stands.")


@strawberry.type(description="A record that is named and contradicts another one that is.")
class ConflictError(UserError):
    kind: strawberry.Private[PartyKind]
    existing_id: strawberry.Private[int | None]

    @resolves(
        "What it contradicts, e.g. the account that the contact belongs to; null when you may not see it.", Node | None
    )
    async def existing(self, info: Info) -> Any:
        return await info.context.record(self.kind, self.existing_id)


@strawberry.type(description="A value of a lead that no record took when it was converted. The lead keeps it.")
class LeftOutWarning(UserError):
    field: str = strawberry.field(description="Which field of the lead, e.g. `company`.")
    given: JSON = strawberry.field(description="What the lead has there.")
    kept: JSON | None = strawberry.field(
        description="What the record that it joined has instead; null where there is no such record."
    )


@strawberry.type(description="A record that may be the same as one that was made.")
class DuplicateWarning(UserError):
    kind: strawberry.Private[PartyKind]
    existing_id: strawberry.Private[int]

    @resolves("The record that may be the same; null when you may not see it.", Node | None)
    async def existing(self, info: Info) -> Any:
        return await info.context.record(self.kind, self.existing_id)


@strawberry.type(
    description="A contact whose primary email is not, or not any more, the one by which the person signs in. "
    "`changeEmail` moves the login."
)
class LoginEmailWarning(UserError):
    login_email: str = strawberry.field(description="The email that still opens the login.")


TYPES = (
    InputError,
    RangeError,
    ChoiceError,
    DuplicateError,
    StaleError,
    TooLargeError,
    ThrottledError,
    LockedError,
    UpstreamError,
    ConflictError,
    LeftOutWarning,
    DuplicateWarning,
    LoginEmailWarning,
)
"""Everything that implements the interface."""


def warnings_of(done: Conversion) -> list[UserError]:
    """What there is to know of a conversion that was carried out."""
    told: list[UserError] = [
        LeftOutWarning(
            message=f"The lead's {lead_field(left.field)} was not taken: it stays on the lead.",
            path=["input", "lead"],
            code=ErrorCode.LEFT_OUT,
            field=lead_field(left.field),
            given=left.given,
            kept=left.kept,
        )
        for left in done.left_out
    ]
    told += login_warnings(done.contact, "contact")
    return told + [
        DuplicateWarning(
            message=f"There is {_ARTICLES[kind]} that may be the same: name it in `{kind.value.lower()}` to join it.",
            path=["input", "lead"],
            code=ErrorCode.POSSIBLE_DUPLICATE,
            kind=kind,
            existing_id=existing,
        )
        for kind, existing in done.duplicates
    ]


def login_warnings(changed: Aggregate, *place: str | int) -> list[UserError]:
    """What there is to know of a record whose emails have changed.

    Args:
        place: in the input, of the value that changed them; `emails` where nothing is said.
    """
    email = changed.parted_login
    if email is None:
        return []
    message = f"The login still opens by {email}, which is not the primary email: `changeEmail` moves the login."
    return [
        LoginEmailWarning(
            message=message,
            path=graph_path(place or ("emails",)),
            code=ErrorCode.OTHER_LOGIN_EMAIL,
            login_email=email,
        )
    ]


async def may_be_the_same(context: Context, kind: PartyKind, own_id: int) -> list[UserError]:
    """What there is to know of a record that looks like others; nothing for anybody but staff."""
    if not context.actor.is_staff:
        return []
    async with context.read() as session:
        found = await finding.like(session, kind, own_id)
    return [
        DuplicateWarning(
            message=f"It may be the same as another one: {', '.join(each.name for each in reasons if each.name)}.",
            path=["input"],
            code=ErrorCode.POSSIBLE_DUPLICATE,
            kind=kind,
            existing_id=other,
        )
        for other, _, reasons in found
    ]


_ARTICLES = {
    PartyKind.CONTACT: "a contact with an email of the lead",
    PartyKind.ACCOUNT: "an account of the company's name",
}


def user_errors(refused: Refused, kind: PartyKind, *, under: Path = ()) -> list[UserError]:
    """What to tell about every fault of a refusal.

    Args:
        kind: of what record an existing one would be.
        under: where in the input the record stands that was refused.
    """
    return [_user_error(fault, kind, under) for fault in refused.all]


def _user_error(fault: Refused, kind: PartyKind, under: Path) -> UserError:
    path = graph_path((*under, *fault.path))
    told: dict[str, Any] = {
        "message": message_of(fault, ".".join(path[1:])),
        "code": words_of(fault).code,
        "path": path,
    }
    match fault:
        case core.Taken():
            return DuplicateError(**told, kind=kind, existing_id=fault.existing)
        case core.Conflicting():
            return ConflictError(**told, kind=PartyKind(fault.kind), existing_id=fault.existing)
        case core.Stale():
            record = fault.record
            of = (None, None) if record is None else (KINDS[type(record)], record.id)
            return StaleError(**told, current=fault.current, since=fault.since, kind=of[0], record_id=of[1])
        case core.Throttled():
            return ThrottledError(**told, retry_after_seconds=fault.retry_after)
        case core.Locked():
            return LockedError(**told, holder=fault.holder)
        case core.HeldUpstream():
            return UpstreamError(**told, upstream=LegacyDialect(fault.upstream.dialect))
        case core.TooMany():
            return TooLargeError(**told, limit_items=fault.limit)
        case core.TooLarge():
            limit: dict[str, Any] = {f"limit_{fault.unit or 'items'}": fault.limit}
            return TooLargeError(**told, **limit)
    facts = facts_of(fault)
    if "choices" in facts:
        return ChoiceError(**told, **facts)
    if facts:
        return RangeError(**told, **{to_snake_case(name): value for name, value in facts.items()})
    return InputError(**told)
