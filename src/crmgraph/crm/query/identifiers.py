"""Records by what identifies them in the world: identity documents, registration numbers, emails and phones.

Identity documents find a contact only for those who may see them on it: to anybody else an answer would confirm a
guessed number.
"""

from collections.abc import Collection, Mapping
from typing import Any

import phonenumbers
from sqlalchemy import ColumnElement, Select, Text, and_, cast, false, func, literal, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Account, Contact, Email, PartyKind, Phone, Role
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, Actor, visible
from crmgraph.crm.values.phone_numbers import parse_phone
from crmgraph.crm.values.text import email_key, fault_of

_OWN: dict[type, frozenset[str]] = {
    Contact: frozenset({"number", "id_number", "passport_number", "social_security_number"}),
    Account: frozenset({"number", "vat_number", "registration_number"}),
}
_MODELS: dict[PartyKind, Any] = {PartyKind.CONTACT: Contact, PartyKind.ACCOUNT: Account}

NAMES = frozenset({"id", "email", "phone"}).union(*_OWN.values())
"""What contacts and accounts can be looked up by; `email` and `phone` are those of any of their rows."""

MAX_AREA_CODE = 6
"""The longest code of a country or area that is looked for in front of a number."""


async def identify_each(
    session: AsyncSession, actor: Actor, wanted: Collection[tuple[str, str | int]], *, limit: int = 2
) -> dict[tuple[str, str | int], list[tuple[PartyKind, int]]]:
    """What `identify` answers to each of these (name, value) by itself, in one statement; none at all for none.

    Args:
        wanted: names of numbers and documents, or `id`.
        limit: the most that are told of each.
    """
    known = [(name, value) for name, value in wanted if isinstance(value, int) or not fault_of(value)]
    queries = []
    for kind, model in _MODELS.items():
        for name in sorted({name for name, _ in known} & (_OWN[model] | {"id"})):
            column = getattr(model, name)
            query = select(
                literal(kind.value).label("kind"),
                model.id.label("id"),
                literal(name).label("name"),
                cast(column, Text).label("value"),
            )
            conditions = [visible(actor, model), column.in_([value for of, value in known if of == name])]
            if name in IDENTITY_DOCUMENTS:
                conditions.append(_documents_visible(actor))
            queries.append(query.where(*conditions))
    found: dict[tuple[str, str | int], list[tuple[PartyKind, int]]] = {pair: [] for pair in wanted}
    if queries:
        by_text = {(name, str(value)): (name, value) for name, value in known}
        both = union_all(*queries).subquery()
        place = func.row_number().over(partition_by=(both.c.name, both.c.value), order_by=both.c.id)
        placed = select(both, place.label("place")).subquery()
        rows = await session.execute(
            select(placed.c.kind, placed.c.id, placed.c.name, placed.c.value)
            .where(placed.c.place <= limit)
            .order_by(placed.c.id)
        )
        for kind_value, party_id, name, value in rows:
            found[by_text[name, value]].append((PartyKind(kind_value), party_id))
    return found


async def identify(
    session: AsyncSession, actor: Actor, wanted: Mapping[str, str | int], *, offset: int = 0, limit: int = 2
) -> list[tuple[PartyKind, int]]:
    """The live contacts and accounts that the actor may see and that answer to all of `wanted`, in one statement.

    Args:
        wanted: {one of `NAMES`: value}. Numbers and documents are compared as they stand, outer blanks aside; emails
            without case, phones in any spelling.

    Returns:
        The kind and id of each, in the order in which they were made.
    """
    queries = [
        select(model.id.label("id"), literal(kind.value).label("kind")).where(*_conditions(actor, model, wanted))
        for kind, model in _MODELS.items()
        if wanted.keys() <= _OWN[model] | {"id", "email", "phone"}
    ]
    if not queries:
        return []
    both = union_all(*queries).subquery()
    query: Select[Any] = select(both.c.kind, both.c.id).order_by(both.c.id).offset(offset).limit(limit)
    return [(PartyKind(kind), found) for kind, found in await session.execute(query)]


def _conditions(actor: Actor, model: Any, wanted: Mapping[str, str | int]) -> list[ColumnElement[bool]]:
    conditions = [visible(actor, model)]
    if IDENTITY_DOCUMENTS & wanted.keys():
        conditions.append(_documents_visible(actor))
    for name, value in wanted.items():
        text = value.strip() if isinstance(value, str) else value
        if isinstance(text, str) and (not text or fault_of(text)):
            return [false()]
        match name:
            case "email":
                conditions.append(_has(model, Email, Email.address_key == email_key(str(text))))
            case "phone":
                conditions.append(_has(model, Phone, _dialled(str(text), actor.region)))
            case _:
                conditions.append(getattr(model, name) == text)
    return conditions


def _documents_visible(actor: Actor) -> ColumnElement[bool]:
    """`policy.may_see_identity` as a condition on contacts."""
    if actor.is_staff:
        return true() if actor.role is Role.ADMIN or actor.sees_identity else false()
    return Contact.id == actor.contact_id


def _has(model: Any, child: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    among: ColumnElement[bool] = model.id.in_(select(child.party_id).where(child.active, condition))
    return among


def _dialled(raw: str, region: str | None) -> ColumnElement[bool]:
    forms = parse_phone(raw, region)
    either = [Phone.e164 == forms.e164] if forms.e164 else []
    either += [Phone.digits == forms.digits] if forms.digits else []
    return or_(false(), *either, *_in_full(forms.digits or ""))


def _in_full(digits: str) -> list[ColumnElement[bool]]:
    """The rows whose number is this one without the code of its country, or its area, and without 00 before it.

    That is how a number is told in full that was written for its own country, whether or not it can be dialled.
    """
    number = digits.lstrip("0")
    if not number:
        return []
    found: list[ColumnElement[bool]] = [Phone.digits.in_([number, f"00{number}"])]
    for length in range(1, min(len(number), MAX_AREA_CODE + 1)):
        code, rest = number[:length], number[length:]
        placed: ColumnElement[bool] = Phone.area_code.in_([code, f"+{code}", f"00{code}"])
        if regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code)):
            here = or_(Phone.country.in_(regions), Phone.e164.startswith(f"+{code}"))
            placed = or_(placed, and_(Phone.area_code.is_(None), here))
        found.append(and_(Phone.digits == rest, placed))
    return found
