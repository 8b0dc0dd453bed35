"""Lookup: how a caller names a record, and which one is meant."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ScalarSelect, literal, not_, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.errors import Ambiguous, NotFound
from crmgraph.crm.models import FIRST_MINTED_ID, Email, ExternalId, PartyKind
from crmgraph.crm.models.records import CLAIMED
from crmgraph.crm.policy import MODELS, Actor, visible
from crmgraph.crm.records.aggregates import PARTS, Aggregate, load_one_for_change
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.crm.values.text import email_key


@dataclass(frozen=True, slots=True)
class IdCandidates:
    """What an id that a dialect prints may stand for. The first of these that anything has is meant.

    Attributes:
        external_ids: (space, value): what it may be called in the system that it came from.
        own: an id of ours.
        number: what people call a record by, in dialects that print it in the place of an id.
    """

    dialect: str
    external_ids: tuple[tuple[str, str], ...]
    own: int | None = None
    number: str | None = None


def spellings(text: str) -> tuple[str, ...]:
    """A text as it came, in capitals and in small letters: ids are found in any case, the very spelling first."""
    return tuple(dict.fromkeys((text, text.upper(), text.lower())))


def minted(digits: str) -> int | None:
    """The id of ours that decimal digits are; None where they are none that we give out."""
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 16:
        return None
    return number if FIRST_MINTED_ID <= (number := int(digits)) < 2**53 else None


@dataclass(frozen=True, slots=True)
class Ref:
    """How a caller names a record: by exactly one of these.

    Attributes:
        external: an id as a dialect prints it.
    """

    id: int | None = None
    number: str | None = None
    email: str | None = None
    external: IdCandidates | None = None


async def find(session: AsyncSession, actor: Actor, kind: PartyKind, ref: Ref) -> int:
    """The id of the live record that `ref` names and the actor may see.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    model = MODELS[kind]
    query = select(model.id).where(visible(actor, model)).limit(2)
    if ref.id is not None:
        query = query.where(model.id == ref.id)
    elif ref.number is not None:
        query = query.where(model.number == ref.number)
    elif ref.email is not None:
        query = _of_email(query, actor, model, ref.email)
    elif ref.external is not None:
        if (meant := _meant(model, ref.external)) is None:
            raise NotFound
        query = select(model.id).where(visible(actor, model), model.id == meant)
    else:
        raise NotFound
    found = (await session.scalars(query)).all()
    if not found:
        raise NotFound
    if len(found) > 1:
        raise Ambiguous
    return found[0]


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
    if ref.number is not None and record.record.number != ref.number:
        raise NotFound
    if ref.email is not None and email_key(ref.email) not in {row.address_key for row in record.emails}:
        raise NotFound
    return record


def _of_email(query: Any, actor: Actor, model: Any, email: str) -> Any:
    """The records of a query that have an email: what customers claim of themselves counts for nothing beside what the
    office or an import knows."""
    having = select(Email.party_id).where(Email.address_key == email_key(email), Email.active)
    query = query.where(model.id.in_(having))
    if not actor.is_staff:
        return query  # who sees their own record alone learns nothing of others
    known = having.where(not_(CLAIMED))
    other = aliased(model)
    some = select(other.id).where(other.deleted_at.is_(None), other.id.in_(known)).exists()
    return query.where(or_(model.id.in_(known), not_(some)))


def _meant(model: Any, candidates: IdCandidates) -> ScalarSelect[Any] | None:
    """The query of the id of the one record that a printed id stands for; None where it can stand for none."""
    places: list[Any] = [
        select(ExternalId.party_id.label("id"), literal(place).label("place"))
        .join(model, model.id == ExternalId.party_id)
        .where(
            ExternalId.dialect == candidates.dialect,
            ExternalId.space == space,
            ExternalId.value == value,
            ExternalId.live.is_(True),
        )
        for place, (space, value) in enumerate(candidates.external_ids)
    ]
    last = len(places)
    if candidates.own is not None:
        places.append(select(model.id, literal(last)).where(model.id == candidates.own))
    if candidates.number is not None:
        named = model.number.in_(spellings(candidates.number))
        places.append(select(model.id, literal(last + 1)).where(named, model.deleted_at.is_(None)))
    if not places:
        return None
    either = union_all(*places).subquery()
    return select(either.c.id).order_by(either.c.place, either.c.id).limit(1).scalar_subquery()
