"""A person who registers themself: a contact of their own and, when asked for, an account that is theirs."""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Refused, refuse
from crmgraph.crm.models import Account, Change, Contact, Door, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.rules import check_edit

ACCOUNT = "account"
"""What the paths of the account's faults start with."""


def faults_of(edit: Edit, account_edit: Edit | None) -> list[Refused]:
    """Every fault of the form of both edits, whose values are brought into the form the store keeps."""
    faults = check_edit(Contact, edit, creating=True)
    if account_edit is not None:
        faults += _of_account(check_edit(Account, account_edit, creating=True))
    return faults


def names_of(edit: Edit, account_edit: Edit | None) -> list[str]:
    """The names that the edits bring, whose values may be of any type still: nobody's password is one of them."""
    given = [edit.values, account_edit.values if account_edit is not None else {}]
    columns = ("first_name", "middle_name", "last_name", "nickname", "name")
    names = (values.get(column) for values in given for column in columns)
    return [name for name in names if isinstance(name, str)]


async def register(
    session: AsyncSession, door: Door, edit: Edit, account_edit: Edit | None, *, region: str | None
) -> tuple[aggregates.Aggregate, aggregates.Aggregate | None]:
    """The new contact, and the new account whose primary contact it is.

    Args:
        edit: of the contact. It joins no account that exists.
        account_edit: of the account; None for none.
        region: see `Actor`.

    Raises:
        Refused: what is wrong with the edits; paths of the account's start with `ACCOUNT`.
    """
    actor = Actor(door=door, region=region)
    if account_edit is None:
        return await parties.create(session, actor, PartyKind.CONTACT, edit, signing_up=True), None
    try:
        account = await parties.create(session, actor, PartyKind.ACCOUNT, account_edit, signing_up=True)
    except Refused as refused:
        refuse(_of_account(refused.all))
        raise
    # From here on the account is theirs to see, and so to be referred to.
    actor = replace(actor, role=Role.CUSTOMER, account_id=account.id)
    edit = replace(edit, values={**edit.values, "account_id": account.id})
    contact = await parties.create(session, actor, PartyKind.CONTACT, edit, signing_up=True)
    await _make_primary(session, account, contact)
    return contact, account


async def _make_primary(session: AsyncSession, account: aggregates.Aggregate, contact: aggregates.Aggregate) -> None:
    # Each names the other, so one of them is told last: within its first revision, and in the same line of the log.
    cast(Account, account.record).primary_contact_id = contact.id
    change = (await session.scalars(select(Change).where(Change.party_id == account.id))).one()
    change.fields = [*change.fields, {"field": "primary_contact_id", "old": None, "new": contact.id}]
    await session.flush()


def _of_account(faults: Iterable[Refused]) -> list[Refused]:
    found = list(faults)
    for fault in found:
        fault.path = (ACCOUNT, *fault.path)
    return found
