"""Records and staff by what they are called, for doors that name things so: the one of the name, or none."""

from typing import Any

from sqlalchemy import Select, Text, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Account, Contact, Credential, PartyKind, Staff
from crmgraph.crm.policy import Actor
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.conditions import And, Compare, Op, Or, Where
from crmgraph.crm.query.offset_pages import find_ids
from crmgraph.crm.values.text import email_key, fault_of

MAX_WORDS = 8
"""The most words of a person's name that are told apart into a first and a last name."""


async def find_named(
    session: AsyncSession, actor: Actor, model: type, name: str | None, email: str | None = None
) -> int | None:
    """The id of the only one that the actor may see and that is called so; None when there is none or several.

    Args:
        model: Account; Contact, by first and last name together; or Staff, of those who are active.
        name: compared as a search for that name compares it; of staff, as it is written.
        email: of staff, and then before the name.
    """
    name, email = (name or "").strip(), (email or "").strip()
    if fault_of(name, line=False) or fault_of(email, line=False):
        return None
    if model is Staff:
        found = await _staff(session, name, email)
    elif not name:
        return None
    elif model is Account:
        found = (await find_ids(session, actor, PartyKind.ACCOUNT, Compare(Account.name, Op.EQUALS, name), limit=2)).ids
    else:
        found = (await find_ids(session, actor, PartyKind.CONTACT, _person(name), limit=2)).ids
    return found[0] if len(found) == 1 else None


async def _staff(session: AsyncSession, name: str, email: str) -> list[int]:
    if not (email or name):
        return []

    def build() -> Select[Any]:
        query = select(Staff.id).where(Staff.active).limit(2)
        if not email:
            return query.where(Staff.name == bindparam("name", type_=Text()))
        key = bindparam("key", type_=Text())
        login = select(Credential.staff_id).where(Credential.email_key == key, Credential.live.is_(True))
        return query.where(or_(Staff.email_key == key, Staff.id.in_(login)))

    values = {"key": email_key(email)} if email else {"name": name}
    found = await snapshots.rows_of(session, ("staff named", *values), build, values)
    return [staff_id for (staff_id,) in found]


def _person(name: str) -> Where:
    """Whose first and last name together are this, wherever the one ends and the other begins."""
    words = name.split()
    either: list[Where] = []
    for i in range(min(len(words), MAX_WORDS)):
        first, last = " ".join(words[:i]), " ".join(words[i:])
        # A comparison with nothing asks for those who have none.
        of_first = Compare(Contact.first_name, Op.EQUALS, first or None)
        either.append(And((of_first, Compare(Contact.last_name, Op.EQUALS, last))))
    return Or(tuple(either))
