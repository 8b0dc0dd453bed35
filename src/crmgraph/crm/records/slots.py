"""Slots: which row of a record a flat dialect shows under which of its fields.

A slot is a mark on the row, not a place in the list: a row takes the first free slot when it comes, changes its kind or
is activated, and has it until it goes, is deactivated or becomes another kind. Nothing moves up when a slot falls free.
See docs/decisions/slots.md.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from crmgraph.crm.models import Account, Address, Email, Phone

FIRST, SECOND = _OF_PEOPLE = ("FIRST", "SECOND")
"""The slots of emails, and of the addresses of people (a contact's mailing and other address), whatever their kind."""

SLOTTED = frozenset({"phones", "emails", "addresses"})
"""The lists whose rows bear slots."""


def slots_for(record: type, row: Any) -> tuple[str, ...]:
    """The slots that a row can bear, the best first; each is borne by one row of a record.

    Args:
        record: Contact, Account or Lead.
        row: a Phone, Email, Address or Relation.
    """
    model = type(row)
    if model is Phone or (model is Address and record is Account):
        return (row.kind,)
    return _OF_PEOPLE if model in (Email, Address) else ()


def vacate(record: type, rows: Iterable[Any]) -> None:
    """Take the slots from rows that may bear them no longer."""
    for row in rows:
        if row.slot is not None and (not row.active or row.slot not in slots_for(record, row)):
            row.slot = None


def assign(record: type, rows: Iterable[Any], arrived: Sequence[Any]) -> dict[int, str]:
    """{place in `arrived`: the slot that the row gets}.

    Args:
        rows: all of the record.
        arrived: those of them that look for a slot, in the order of the list. What they bear is what they wish for: a
            new row bears the slot that it was written to, or had on another record.
    """
    looking = {id(row) for row in arrived}
    taken = {row.slot for row in rows if row.slot is not None and id(row) not in looking}
    found: dict[int, str] = {}
    open_ones = [(i, row, slots_for(record, row)) for i, row in enumerate(arrived) if row.active]
    for i, row, fit in open_ones:
        if (wish := row.slot) is not None and wish in fit and wish not in taken:
            taken.add(wish)
            found[i] = wish
    for i, _, fit in open_ones:
        for slot in fit if i not in found else ():
            if slot not in taken:
                taken.add(slot)
                found[i] = slot
                break
    return found
