"""Records by what identifies them in the world: identity documents, registration numbers, emails and phones.

Identity documents find a contact only for those who may see them on it: to anybody else an answer would confirm a
guessed number.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import phonenumbers
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Account, Contact, Email, PartyKind, Phone, Role
from crmgraph.crm.policy import (
    IDENTITY_DOCUMENTS,
    Actor,
    visibility_key,
    visibility_values,
    visible,
    with_parameters,
)
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.conditions import MAX_VALUES, And, By, Compare, HasPoint, Op, Or, Point, Where
from crmgraph.crm.query.resolution import resolve
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.values.phone_numbers import parse_phone
from crmgraph.crm.values.text import fault_of
from crmgraph.db.database import database_of

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
    given: dict[str, list[str | int]] = {}
    for name, value in wanted:
        if isinstance(value, int) or not fault_of(value):
            given.setdefault(name, []).append(value)
    asked = {
        (kind, name): resolve(_one_of(getattr(model, name), given[name]), actor.region)
        for kind, model in _MODELS.items()
        for name in sorted(given.keys() & (_OWN[model] | {"id"}))
    }
    found: dict[tuple[str, str | int], list[tuple[PartyKind, int]]] = {pair: [] for pair in wanted}
    if not asked:
        return found
    sqlite = database_of(session).is_sqlite

    def build() -> Select[Any]:
        whose = with_parameters(actor)
        queries = []
        for i, ((kind, name), each) in enumerate(asked.items()):
            model = _MODELS[kind]
            documents = [_documents_visible(whose)] if name in IDENTITY_DOCUMENTS else []
            query = select(
                literal(kind.value).label("kind"),
                model.id.label("id"),
                literal(name).label("name"),
                cast(getattr(model, name), Text).label("value"),
            )
            shape = Sql(model, sqlite, f"v{i}_").where(each.shape)
            queries.append(query.where(visible(whose, model), *documents, shape))
            if name == "number":
                # Those of records that were merged lead to others.
                heir = aliased(model)
                columns = (literal(kind.value), heir.id, literal(name), model.number)
                led = select(*columns).join(heir, heir.id == model.merged_into_id).where(shape)
                seen = heir.id.in_(select(model.id).where(visible(whose, model)).correlate(None))
                queries.append(led.where(seen, model.merged_into_id.is_not(None), heir.number != model.number))
        both = union_all(*queries).subquery()
        place = func.row_number().over(partition_by=(both.c.name, both.c.value), order_by=both.c.id)
        placed = select(both, place.label("place")).subquery()
        told = select(placed.c.kind, placed.c.id, placed.c.name, placed.c.value)
        return told.where(placed.c.place <= bindparam("most", type_=BigInteger())).order_by(placed.c.id)

    key = ("identified each", tuple((*of, each.shape) for of, each in asked.items()), visibility_key(actor))
    values = visibility_values(actor) | {"most": limit}
    for i, each in enumerate(asked.values()):
        values |= each.parameters(f"v{i}_")
    meant = {(name, str(value)): (name, value) for name, of in given.items() for value in of}
    for kind_value, party_id, name, value in await snapshots.rows_of(session, key, build, values, chosen=True):
        found[meant[name, value]].append((PartyKind(kind_value), party_id))
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
    kinds = {kind: model for kind, model in _MODELS.items() if wanted.keys() <= _OWN[model] | {"id", "email", "phone"}}
    given = {name: value.strip() if isinstance(value, str) else value for name, value in wanted.items()}
    if not kinds or any(isinstance(value, str) and (not value or fault_of(value)) for value in given.values()):
        return []
    asked = {kind: resolve(_where(model, given, actor.region), actor.region) for kind, model in kinds.items()}
    sqlite = database_of(session).is_sqlite

    def build() -> Select[Any]:
        whose = with_parameters(actor)
        documents = [_documents_visible(whose)] if IDENTITY_DOCUMENTS & given.keys() else []
        both = union_all(
            *(
                select(model.id.label("id"), literal(kind.value).label("kind")).where(
                    visible(whose, model), *documents, Sql(model, sqlite).where(asked[kind].shape)
                )
                for kind, model in kinds.items()
            )
        ).subquery()
        query = select(both.c.kind, both.c.id).order_by(both.c.id)
        return query.limit(bindparam("size", type_=BigInteger())).offset(bindparam("begin", type_=BigInteger()))

    key = ("identified", tuple((kind, each.shape) for kind, each in asked.items()), visibility_key(actor))
    values = visibility_values(actor) | {"size": limit, "begin": offset}
    for each in asked.values():
        values |= each.parameters("v")  # of both kinds the same
    found = await snapshots.rows_of(session, key, build, values, chosen=True)
    return [(PartyKind(kind), party_id) for kind, party_id in found]


def _one_of(column: Any, values: Sequence[str | int]) -> Where:
    """Whether a column is one of any number of values, of which a comparison takes so many."""
    parts = (values[i : i + MAX_VALUES] for i in range(0, len(values), MAX_VALUES))
    return Or(tuple(Compare(column, Op.IN, part, By.EXACT) for part in parts))


def _where(model: Any, wanted: Mapping[str, str | int], region: str | None) -> Where:
    parts: list[Where] = []
    for name, value in wanted.items():
        match name:
            case "email":
                parts.append(Compare(Point(Email.address), Op.EQUALS, value))
            case "phone":
                parts.append(HasPoint(Phone, Or((Compare(Phone.raw, Op.EQUALS, value), *_in_full(str(value), region)))))
            case _:
                parts.append(Compare(getattr(model, name), Op.EQUALS, value, By.EXACT))
    return And(tuple(parts))


def _documents_visible(actor: Actor) -> ColumnElement[bool]:
    """`policy.may_see_identity` as a condition on contacts."""
    if actor.is_staff:
        return true() if actor.role is Role.ADMIN or actor.sees_identity else false()
    return Contact.id == actor.contact_id


def _in_full(raw: str, region: str | None) -> list[Where]:
    """The phones whose number is this one without the code of its country, or its area, and without 00 before it.

    That is how a number is told in full that was written for its own country, whether or not it can be dialled.
    """
    number = parse_phone(raw, region).digits.lstrip("0")
    if not number:
        return []
    found: list[Where] = [Compare(Phone.digits, Op.IN, [number, f"00{number}"], By.EXACT)]
    for length in range(1, min(len(number), MAX_AREA_CODE + 1)):
        code, rest = number[:length], number[length:]
        placed: Where = Compare(Phone.area_code, Op.IN, [code, f"+{code}", f"00{code}"], By.EXACT)
        if regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code)):
            country = Compare(Phone.country, Op.IN, regions, By.EXACT)
            here = Or((country, Compare(Phone.e164, Op.STARTS_WITH, f"+{code}", By.EXACT)))
            placed = Or((placed, And((Compare(Phone.area_code, Op.IS_NULL, True), here))))
        found.append(And((Compare(Phone.digits, Op.EQUALS, rest, By.EXACT), placed)))
    return found
