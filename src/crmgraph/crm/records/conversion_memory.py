"""What a conversion has done is remembered for as long as it can be undone."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import ConvertedLead, ConvertedNote
from crmgraph.crm.records.aggregates import ROWS, Aggregate
from crmgraph.crm.records.change_log import plain
from crmgraph.crm.records.edits import Edit


class Handed(NamedTuple):
    """What has gone over from the lead to the contact.

    Attributes:
        notes: their ids.
        photo: whether the photo has.
    """

    notes: Sequence[int]
    photo: bool


class Before:
    """What an edit is about to change of a record, which is taken before it is carried out.

    Args:
        known: None for a record that is made.
    """

    def __init__(self, known: Aggregate | None, edit: Edit) -> None:
        self._made = known is None
        self._values: dict[str, Any] = {}
        self._extra_fields: dict[str, dict[str, Any]] = {}
        self._rows: dict[str, set[int]] = {}
        if known is None:
            return
        record = known.record
        self._values = {
            name: plain(getattr(record, name)) for name, new in edit.values.items() if getattr(record, name) != new
        }
        for dialect, keys in edit.extra_fields.items():
            kept = record.extra_fields.get(dialect, {})
            old = {key: kept.get(key) for key, new in keys.items() if kept.get(key) != new}
            if old:
                self._extra_fields[dialect] = old
        self._rows = {part: {row.id for row in getattr(known, part)} for part in ROWS}

    def of(self, record: Aggregate) -> dict[str, Any]:
        """What to keep, of the record as it was written."""
        added = {
            part: [row.id for row in getattr(record, part) if row.id not in ids] for part, ids in self._rows.items()
        }
        return {
            "id": record.id,
            "revision": record.record.revision,
            "made": self._made,
            "values": self._values,
            "extra_fields": self._extra_fields,
            "added": {part: ids for part, ids in added.items() if ids},
        }


async def remember(
    session: AsyncSession,
    lead: Aggregate,
    handed: Handed,
    contact: Aggregate,
    account: Aggregate | None,
    before: tuple[Before, Before | None],
) -> None:
    """Keep what it takes to undo a conversion that was written.

    Args:
        account: the one that was written into.
        before: of the contact and of that account.
    """
    of_contact, of_account = before
    kept = {
        "lead": lead.record.revision,
        "photo": handed.photo,
        "contact": of_contact.of(contact),
        "account": of_account.of(account) if account is not None and of_account is not None else None,
    }
    await session.execute(insert(ConvertedLead).values(lead_id=lead.id, before=kept))
    if handed.notes:
        rows = [{"lead_id": lead.id, "note_id": each} for each in handed.notes]
        await session.execute(insert(ConvertedNote), rows)
