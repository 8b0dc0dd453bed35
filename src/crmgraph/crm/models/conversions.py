"""Conversions of leads: what it takes to undo them."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Document, now


class ConvertedLead(Base):
    """A lead that was converted, while that can be undone."""

    __tablename__ = "converted_lead"

    lead_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"), primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    before: Mapped[dict[str, Any]] = mapped_column(Document)
    """{"lead": revision, "photo": whether it went over, "contact": ..., "account": ...}, of each record that was
    written into {"id", "revision", "made", "values": {column: old}, "extra_fields": {dialect: {key: old}}, "added":
    {list: ids of rows}}, with the revisions after the conversion."""


class ConvertedNote(Base):
    """A note that went over to the contact."""

    __tablename__ = "converted_note"

    lead_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("converted_lead.lead_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    note_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
