"""Records and staff by what they are called, for doors that name things so: the one of the name, or none."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Select, Text, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Account, Contact, Credential, Staff
from crmgraph.crm.policy import Actor, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.parameters import Several
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.text import email_key, fault_of
from crmgraph.db.database import database_of
from crmgraph.db.pool import Row

MAX_WORDS = 8
"""The most words of a person's name that are told apart into a first and a last name."""

Called: TypeAlias = tuple[str | None, str | None]
"""A name, and of staff an email, which goes before the name."""


async def find_named(
    session: AsyncSession, actor: Actor, model: type, name: str | None, email: str | None = None
) -> int | None:
    """The id of the only one that is called so; None when there is none or several. See `find_each_named`."""
    return (await find_each_named(session, actor, model, [(name, email)])).get((name, email))


async def find_each_named(
    session: AsyncSession, actor: Actor, model: type, wanted: Iterable[Called]
) -> dict[Called, int]:
    """The ids of those that the actor may see and that are each the only one that is called so.

    It takes one statement, however many are asked for; of staff one for names and one for emails.

    Args:
        model: Account; Contact, by first and last name together; or Staff, of those who are active.
        wanted: names are compared as a search for them compares them; of staff, as they are written.
    """
    keys: dict[Called, set[Hashable]] = {}
    for name, email in wanted:
        spelled, address = (name or "").strip(), (email or "").strip()
        if not fault_of(spelled, line=False) and not fault_of(address, line=False):
            keys[name, email] = set(_keys(model, spelled, address))
    asked = {key for of_one in keys.values() for key in of_one}
    found = await _FINDERS[model](session, actor, asked) if asked else {}
    only = {}
    for called, of_one in keys.items():
        ids = {own_id for key in of_one for own_id in found.get(key, ())}
        if len(ids) == 1:
            (only[called],) = ids
    return only


def _keys(model: type, name: str, email: str) -> Iterator[Hashable]:
    """By what somebody is found: any of it."""
    if model is Staff:
        yield from [("email", email_key(email))] if email else [("name", name)] if name else []
    elif model is Account:
        yield from [key] if (key := fold(name)) else []
    else:
        words = name.split()
        for i in range(min(len(words), MAX_WORDS)):
            first, last = " ".join(words[:i]), fold(" ".join(words[i:]))
            # Who has no first name is called by the last one alone.
            if last and (not first or fold(first)):
                yield fold(first) if first else None, last


async def _accounts(session: AsyncSession, actor: Actor, keys: Collection[Any]) -> dict[Hashable, set[int]]:
    def build(sql: Sql) -> Any:
        query: Any = select(Account.id, Account.name_key).where(visible(with_parameters(actor), Account))
        return _few(query.where(sql.among(Account.name_key, bindparam("keys", type_=Several(Text())))))

    rows = await _rows(session, "accounts named", build, {"keys": list(keys)}, actor)
    return _by_key((key, own_id) for own_id, key in rows)


async def _contacts(session: AsyncSession, actor: Actor, keys: Collection[Any]) -> dict[Hashable, set[int]]:
    first, last = Contact.first_name_key, Contact.last_name_key

    def build(sql: Sql) -> Any:
        names = bindparam("firsts", type_=Several(Text())), bindparam("lasts", type_=Several(Text()))
        query = select(Contact.id, Contact.first_name.is_(None).label("none"), first, last)
        query = query.where(visible(with_parameters(actor), Contact), sql.among(last, names[1]))
        return _few(query.where(or_(sql.among(first, names[0]), Contact.first_name.is_(None))))

    values = {"firsts": [one for one, _ in keys if one is not None], "lasts": list({other for _, other in keys})}
    rows = await _rows(session, "contacts named", build, values, actor)
    return _by_key(((None if none else one, other), own_id) for own_id, none, one, other in rows)


async def _staff(session: AsyncSession, actor: Actor, keys: Collection[Any]) -> dict[Hashable, set[int]]:
    """Of emails those that stand on the staff, and those by which they come in."""
    found: dict[Hashable, set[int]] = {}
    listed = bindparam("keys", type_=Several(Text()))

    def of_name(sql: Sql) -> Any:
        query = select(Staff.id, Staff.name)
        return query.where(Staff.active, sql.among(Staff.name, listed))

    def of_email(sql: Sql) -> Any:
        login = (Credential.staff_id == Staff.id) & Credential.live.is_(True)
        query = select(Staff.id, Staff.email_key, Credential.email_key).outerjoin(Credential, login)
        return query.where(Staff.active, or_(*(sql.among(c, listed) for c in (Staff.email_key, Credential.email_key))))

    for kind, build in (("name", of_name), ("email", of_email)):
        if wanted := [value for of, value in keys if of == kind]:
            rows = await _rows(session, ("staff of", kind), build, {"keys": wanted}, actor)
            found |= _by_key(((kind, key), own_id) for own_id, *of_one in rows for key in of_one)
    return found


_FINDERS: dict[Any, Callable[[AsyncSession, Actor, Collection[Any]], Awaitable[dict[Hashable, set[int]]]]] = {
    Account: _accounts,
    Contact: _contacts,
    Staff: _staff,
}
"""{model: finds those who are found by keys}."""


def _few(query: Any) -> Select[Any]:
    """The first two of each name: more are as good as two."""
    every = query.subquery()
    own_id, *names = every.c
    number = func.row_number().over(partition_by=names, order_by=own_id).label("number")
    firsts = select(every, number).subquery()
    return select(*(each for each in firsts.c if each.name != "number")).where(firsts.c.number <= 2)


async def _rows(
    session: AsyncSession, key: Hashable, build: Callable[[Sql], Any], values: dict[str, Any], actor: Actor
) -> Sequence[Row]:
    sql = Sql(Contact, database_of(session).is_sqlite)
    parameters = values | visibility_values(actor)
    return await snapshots.rows_of(session, (key, visibility_key(actor)), lambda: build(sql), parameters)


def _by_key(found: Iterable[tuple[Hashable, int]]) -> dict[Hashable, set[int]]:
    ids: dict[Hashable, set[int]] = defaultdict(set)
    for key, own_id in found:
        ids[key].add(own_id)
    return ids
