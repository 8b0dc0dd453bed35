"""A person who registers themself: a contact of their own and, when asked for, an account that is theirs."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Refused, refuse
from crmgraph.crm.models import Account, Contact, Door, PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.rules import check_edit
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction

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
    written = WriteSet(Transaction(session), Actor(door=door, region=region))
    account = None
    if account_edit is not None:
        try:
            account = await written.create(PartyKind.ACCOUNT, account_edit, signing_up=True)
        except Refused as refused:
            refuse(_of_account(refused.all))
            raise
        # It comes with them, and so is theirs to be referred to.
        edit = replace(edit, values={**edit.values, "account_id": account.id})
    contact = await written.create(PartyKind.CONTACT, edit, signing_up=True)
    if account is not None:
        # Each names the other, so one of them is told last.
        written.amend(account, {"primary_contact_id": contact.id})
    await written.write()
    return contact, account


def _of_account(faults: Iterable[Refused]) -> list[Refused]:
    found = list(faults)
    for fault in found:
        fault.path = (ACCOUNT, *fault.path)
    return found
