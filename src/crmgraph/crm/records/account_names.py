"""The name of its account that a contact repeats, by which lists are sorted: kept here, in the transaction that writes.

Whoever joins an account takes its name, which nobody can change until that is committed; whoever changes the name gives
it to all contacts who are there by then. So of two at once, the second one finds what the first one has written.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Account, Contact


async def take(session: AsyncSession, joining: Iterable[Contact], made: Mapping[int, str]) -> None:
    """Let contacts have the names of the accounts that they join.

    Args:
        joining: contacts that come, or whose account has changed.
        made: {id: the name key} of accounts that are written along with them.
    """
    joining = list(joining)
    named = {contact.account_id for contact in joining if contact.account_id is not None} - made.keys()
    names = dict(made)
    if named:
        # In the order of their ids, in which everybody locks several.
        query = select(Account.id, Account.name_key).where(Account.id.in_(named), Account.deleted_at.is_(None))
        rows = await session.execute(query.order_by(Account.id).with_for_update(read=True))
        names |= {row.id: row.name_key for row in rows}
        if gone := named - names.keys():
            names |= await _lead_on(session, joining, gone)
    for contact in joining:
        key = "" if contact.account_id is None else names.get(contact.account_id, "")
        if contact.account_name_key != key:
            contact.account_name_key = key


async def _lead_on(session: AsyncSession, joining: Iterable[Contact], gone: set[int]) -> dict[int, str]:
    """Let contacts join the accounts into which others were merged that are not there any more.

    Returns:
        {id: the name key} of those.
    """
    former = aliased(Account)
    query = select(former.id, Account.id, Account.name_key).join(Account, Account.id == former.merged_into_id)
    query = query.where(former.id.in_(gone), Account.deleted_at.is_(None)).order_by(Account.id)
    rows = (await session.execute(query.with_for_update(read=True, of=Account))).all()
    heirs = {own_id: heir for own_id, heir, _ in rows}
    for contact in joining:
        if contact.account_id in heirs:
            contact.account_id = heirs[contact.account_id]
    return {heir: key for _, heir, key in rows}


async def give(session: AsyncSession, names: Mapping[int, str]) -> None:
    """Let the contacts of accounts have the names that these have now.

    Args:
        names: {id: the name key}, empty for accounts that were deleted.
    """
    if not names:
        return
    table: Any = Contact.__table__
    stale = (table.c.account_id == bindparam("own"), table.c.account_name_key != bindparam("key"))
    giving = update(table).where(*stale).values(account_name_key=bindparam("key"))
    values = [{"own": account_id, "key": key} for account_id, key in sorted(names.items())]
    await (await session.connection()).execute(giving, values)
