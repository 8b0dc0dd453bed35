"""What is read: roots, and the batch functions of the loaders, one statement each."""

import base64
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import aliased

from bench.peers.book.database import sessions
from bench.peers.book.models import Account, Address, Contact, Email, Phone
from bench.peers.text import after, fold


@dataclass
class Page:
    """Some rows, and whether there are more."""

    rows: list[Contact]
    more: bool

    @classmethod
    def of(cls, rows: Sequence[Contact], first: int) -> "Page":
        return cls(list(rows[:first]), len(rows) > first)


def cursor_of(contact: Contact) -> str:
    """The cursor that names this contact's place."""
    return base64.b64encode(str(contact.id).encode()).decode()


async def contact(contact_id: int) -> Contact | None:
    """The live contact of this id."""
    async with sessions() as session:
        return await session.scalar(select(Contact).where(Contact.id == contact_id, Contact.deleted_at.is_(None)))


async def newest_contacts(first: int, cursor: str | None) -> Page:
    """Contacts from the newest on, behind `cursor`."""
    query = select(Contact).where(Contact.deleted_at.is_(None))
    if cursor is not None:
        last = select(Contact.created_at, Contact.id).where(Contact.id == int(base64.b64decode(cursor)))
        query = query.where(tuple_(Contact.created_at, Contact.id) < last.scalar_subquery())
    query = query.order_by(Contact.created_at.desc(), Contact.id.desc()).limit(first + 1)
    async with sessions() as session:
        return Page.of((await session.scalars(query)).all(), first)


async def contacts_named(first: int, prefix: str, city: str) -> Page:
    """Contacts whose last name starts with `prefix` and who have an address in `city`, by last name."""
    key = fold(prefix)
    there = select(Address.id).where(Address.party_id == Contact.id, Address.active, Address.city_key == fold(city))
    query = (
        select(Contact)
        .where(Contact.deleted_at.is_(None), Contact.last_name_key >= key, Contact.last_name_key < after(key))
        .where(there.exists())
        .order_by(Contact.last_name_key, Contact.id)
        .limit(first + 1)
    )
    async with sessions() as session:
        return Page.of((await session.scalars(query)).all(), first)


async def accounts(first: int) -> Sequence[Account]:
    """The first accounts by id."""
    async with sessions() as session:
        query = select(Account).where(Account.deleted_at.is_(None)).order_by(Account.id).limit(first)
        return (await session.scalars(query)).all()


async def accounts_by_id(ids: list[int]) -> list[Account | None]:
    """For a loader: the accounts of these ids."""
    async with sessions() as session:
        found = await session.scalars(select(Account).where(Account.id.in_(ids), Account.deleted_at.is_(None)))
        by_id = {account.id: account for account in found}
    return [by_id.get(i) for i in ids]


async def emails_of(party_ids: list[int]) -> list[list[Email]]:
    """For a loader: the emails of these contacts."""
    return await _children(Email, party_ids)


async def phones_of(party_ids: list[int]) -> list[list[Phone]]:
    """For a loader: the phones of these contacts."""
    return await _children(Phone, party_ids)


async def addresses_of(party_ids: list[int]) -> list[list[Address]]:
    """For a loader: the addresses of these contacts."""
    return await _children(Address, party_ids)


async def _children(model: Any, party_ids: list[int]) -> list[list[Any]]:
    query = select(model).where(model.party_id.in_(party_ids)).order_by(model.party_id, model.rank, model.id)
    by_party: dict[int, list[Any]] = defaultdict(list)
    async with sessions() as session:
        for row in await session.scalars(query):
            by_party[row.party_id].append(row)
    return [by_party[i] for i in party_ids]


async def contacts_of_accounts(keys: list[tuple[int, int]]) -> list[Page]:
    """For a loader: the first contacts of accounts. A key is the account's id and how many are wanted."""
    first = max(count for _, count in keys)
    place = func.row_number().over(partition_by=Contact.account_id, order_by=Contact.id).label("place")
    ranked = (
        select(Contact, place)
        .where(Contact.account_id.in_([account for account, _ in keys]), Contact.deleted_at.is_(None))
        .subquery()
    )
    entity = aliased(Contact, ranked)
    query = select(entity).where(ranked.c.place <= first + 1).order_by(entity.account_id, entity.id)
    by_account: dict[int | None, list[Contact]] = defaultdict(list)
    async with sessions() as session:
        for row in await session.scalars(query):
            by_account[row.account_id].append(row)
    return [Page.of(by_account[account], count) for account, count in keys]
