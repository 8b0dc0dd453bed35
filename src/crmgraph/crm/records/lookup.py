"""Lookup: how a caller names a record, and which one is meant."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    literal_column,
    not_,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.errors import Ambiguous, NotFound
from crmgraph.crm.models import MINTED_IDS, Email, ExternalId, PartyKind
from crmgraph.crm.models.contact_points import CLAIMED
from crmgraph.crm.policy import (
    KINDS,
    MODELS,
    Actor,
    gone_for,
    visibility_key,
    visibility_values,
    visible,
    with_parameters,
)
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.former_ids import inherited, numbered, standing
from crmgraph.crm.records.aggregates import PARTS, Aggregate, load_one_for_change
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.crm.values.text import email_key

IMPORTED = "imported"
"""The space of a dialect's ids that lie where we mint ours, so that the two never meet (Zoho's of 13 to 15 digits).
They are found where nothing of ours is meant, and printed at no door of the dialect."""


@dataclass(frozen=True, slots=True)
class IdCandidates:
    """What an id that a dialect prints may stand for. The first of these that anything has is meant.

    Attributes:
        external_ids: (space, value): what it may be called in the system that it came from.
        own: an id of ours.
        number: what people call a record by, in dialects that print it in the place of an id.
        imported: what it may be called there where it lies among the ids of ours, see `IMPORTED`.
    """

    dialect: str
    external_ids: tuple[tuple[str, str], ...]
    own: int | None = None
    number: str | None = None
    imported: str | None = None


def spellings(text: str) -> tuple[str, ...]:
    """A text as it came, in capitals and in small letters: ids are found in any case, the very spelling first."""
    return tuple(dict.fromkeys((text, text.upper(), text.lower())))


def minted(digits: str) -> int | None:
    """The id of ours that decimal digits are; None where they are none that we give out."""
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 20:
        return None
    return number if (number := int(digits)) in MINTED_IDS else None


By: TypeAlias = Literal["id", "number", "email", "external"]


@dataclass(frozen=True, slots=True)
class RefShape:
    """What of a reference changes the text of the statement that looks for it; all else are values of parameters.

    Attributes:
        by: the attribute of `Ref` that is given.
        external_ids, own, numbers, imported: of an id elsewhere, how many of each it may stand for.
        deleted: see `Ref`.
    """

    by: By
    external_ids: int = 0
    own: int = 0
    numbers: int = 0
    imported: int = 0
    deleted: bool = False

    @property
    def is_unique(self) -> bool:
        """Whether no two records answer to such a reference."""
        return self.by == "id" if self.deleted else self.by != "email"


_SHAPES = {(by, deleted): RefShape(by, deleted=deleted) for by in get_args(By) for deleted in (False, True)}


@dataclass(frozen=True, slots=True)
class Ref:
    """How a caller names a record: by exactly one of these.

    Attributes:
        external: an id as a dialect prints it.
        deleted: whether records that were deleted are meant as well: then several may answer to any name but an id.
    """

    id: int | None = None
    number: str | None = None
    email: str | None = None
    external: IdCandidates | None = None
    deleted: bool = False

    @property
    def shape(self) -> RefShape:
        """What statement looks for it."""
        if self.external is not None:
            given = self.external
            numbers = 0 if given.number is None else len(spellings(given.number))
            known = (int(given.own is not None), numbers, int(given.imported is not None))
            return RefShape("external", len(given.external_ids), *known, self.deleted)
        by: By = "email" if self.email is not None else "number" if self.number is not None else "id"
        return _SHAPES[by, self.deleted]

    def parameters(self, prefix: str) -> dict[str, Any]:
        """The values of the parameters of `conditions`."""
        match self:
            case Ref(external=IdCandidates() as external):
                values: dict[str, Any] = {f"{prefix}dialect": external.dialect, f"{prefix}own": external.own}
                values |= {f"{prefix}imported": external.imported}
                for i, (space, value) in enumerate(external.external_ids):
                    values |= {f"{prefix}space{i}": space, f"{prefix}value{i}": value}
                numbers = () if external.number is None else spellings(external.number)
                return values | {f"{prefix}number{i}": number for i, number in enumerate(numbers)}
            case Ref(email=str() as email):
                return {f"{prefix}email": email_key(email)}
            case Ref(number=str() as number):
                return {f"{prefix}number": number}
        return {f"{prefix}id": self.id}


async def find(session: AsyncSession, actor: Actor, kind: PartyKind, ref: Ref) -> int:
    """The id of the record that `ref` names and the actor may see.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    model, shape = MODELS[kind], ref.shape

    def query() -> Select[Any]:
        whose = with_parameters(actor)
        named = conditions(whose, model, shape, "ref_")
        seen = visible(whose, model, deleted=shape.deleted)
        return select(model.id).where(seen, *named).limit(literal_column("2", Integer()))

    values = visibility_values(actor) | ref.parameters("ref_")
    rows = await snapshots.rows_of(session, ("reference", kind, visibility_key(actor), shape), query, values)
    return the_one(rows)


async def find_deleted(session: AsyncSession, actor: Actor, kind: PartyKind, ref: Ref) -> int:
    """The id of the deleted record that `ref` names, for staff.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    model = MODELS[kind]
    named = replace(ref, deleted=True)

    def query() -> Select[Any]:
        conditions_ = conditions(actor, model, named.shape, "ref_")
        # What was merged into another is brought back by undoing that.
        gone = (gone_for(actor, model), model.merged_into_id.is_(None))
        return select(model.id).where(*gone, *conditions_).limit(literal_column("2", Integer()))

    key = ("deleted reference", kind, visibility_key(actor), named.shape)
    return the_one(await snapshots.rows_of(session, key, query, named.parameters("ref_")))


def the_one(rows: Sequence[Sequence[Any]]) -> int:
    """The id in the only row of an answer.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    if not rows:
        raise NotFound
    if len(rows) > 1:
        raise Ambiguous
    found: int = rows[0][0]
    return found


def conditions(actor: Actor, model: Any, shape: RefShape, prefix: str) -> list[ColumnElement[bool]]:
    """The conditions on a live record under which a reference names it, with the parameters of `Ref.parameters`.

    Args:
        actor: who looks for it; that they may see the record is another condition.
    """
    match shape.by:
        case "number" if shape.deleted:
            given = bindparam(f"{prefix}number", type_=Text())
            own = (model.number == given) & model.merged_into_id.is_(None)
            return [or_(own, model.id == numbered(model, given))]
        case "number":
            return [model.id == numbered(model, bindparam(f"{prefix}number", type_=Text()))]
        case "email":
            return _of_email(actor, model, bindparam(f"{prefix}email", type_=Text()), deleted=shape.deleted)
        case "external" if shape.deleted:
            return [model.id.in_(select(_places(model, ExternalId.party_id, shape, prefix).subquery().c.id))]
        case "external":
            return [model.id == meant(model, ExternalId.party_id, shape, prefix)]
    return [model.id == inherited(model, f"{prefix}id")]


async def find_for_change(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, ref: Ref, *, parts: Collection[str] = PARTS
) -> Aggregate:
    """The live record that `ref` names, to be changed, see `load_for_change`. An id needs no looking up first.

    Raises:
        NotFound: there is none, or it answers to the name no more when it can be taken.
        Ambiguous: there are several.
    """
    if ref.id is not None:
        return await load_one_for_change(unit, actor, kind, ref.id, parts=parts)
    found = await find(unit.session, actor, kind, ref)
    wanted = {*parts, "emails"} if ref.email is not None else parts
    record = await load_one_for_change(unit, actor, kind, found, parts=wanted)
    # Ids elsewhere go with the record alone; the others may have been given to another meanwhile.
    if ref.number is not None and record.record.number != ref.number and await _gave_up(unit, actor, kind, ref, found):
        raise NotFound
    if ref.email is not None and email_key(ref.email) not in {row.address_key for row in record.emails}:
        raise NotFound
    return record


async def _gave_up(unit: UnitOfWork, actor: Actor, kind: PartyKind, ref: Ref, found: int) -> bool:
    """Whether a record that was found by a number answers to it no more: neither has it, nor inherited it."""
    return await find(unit.session, actor, kind, ref) != found


def _of_email(actor: Actor, model: Any, key: Any, *, deleted: bool) -> list[ColumnElement[bool]]:
    """That a record has an email: what customers claim of themselves counts for nothing beside what the office or an
    import knows."""
    having = select(Email.party_id).where(Email.address_key == key, Email.active)
    found = [model.id.in_(having)]
    if actor.is_staff and not deleted:  # who sees their own record alone learns nothing of others
        known = having.where(not_(CLAIMED))
        other = aliased(model)
        some = select(other.id).where(other.deleted_at.is_(None), other.id.in_(known)).exists()
        found.append(or_(model.id.in_(known), not_(some)))
    return found


def _places(model: Any, target: Any, shape: RefShape, prefix: str) -> Any:
    """(id, place) of the rows that a printed id may stand for; that at the first place is meant.

    Args:
        model: of the rows: records of one kind, or the staff.
        target: the column of `ExternalId` that names them.
    """

    def called(place: int, space: Any, value: str) -> Any:
        return (
            select(target.label("id"), literal_column(str(place), Integer()).label("place"))
            .join(model, model.id == target)
            .where(
                ExternalId.dialect == bindparam(f"{prefix}dialect", type_=Text()),
                ExternalId.space == space,
                ExternalId.value == bindparam(f"{prefix}{value}", type_=Text()),
                *([] if shape.deleted else [ExternalId.live.is_(True)]),
            )
        )

    places: list[Any] = [
        called(place, bindparam(f"{prefix}space{place}", type_=Text()), f"value{place}")
        for place in range(shape.external_ids)
    ]
    last = len(places)
    if shape.own:
        given = bindparam(f"{prefix}own", type_=BigInteger())
        own = model.id == (standing(model, given) if model in KINDS else given)
        places.append(select(model.id, literal_column(str(last), Integer())).where(own))
    if shape.numbers:
        spelled = [bindparam(f"{prefix}number{i}", type_=Text()) for i in range(shape.numbers)]
        named = or_(*(model.number == each for each in spelled))
        last_place = literal_column(str(last + 1), Integer())
        live = [] if shape.deleted else [model.deleted_at.is_(None)]
        places.append(select(model.id, last_place).where(named, *live))
    if shape.imported:
        places.append(called(last + 2, literal_column(f"'{IMPORTED}'", Text()), "imported"))
    return (
        union_all(*places)
        if places
        else select(cast(null(), BigInteger()).label("id"), literal_column("0").label("place"))
    )


def meant(model: Any, target: Any, shape: RefShape, prefix: str) -> ColumnElement[Any]:
    """The id of the one row that a printed id stands for; null where it can stand for none.

    Args:
        model, target: see `_places`.
    """
    if not (shape.external_ids or shape.own or shape.numbers or shape.imported):
        return cast(null(), BigInteger())
    either = _places(model, target, shape, prefix).subquery()
    return select(either.c.id).order_by(either.c.place, either.c.id).limit(literal_column("1")).scalar_subquery()
