"""Keys by which clients tell that two requests are one, and the answers that go with them."""

import datetime as dt

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, now


class IdempotencyKey(Base):
    """A key of a caller, which is written in the transaction that does what its request wants, and goes after a day.

    It holds no secret: of the request a digest that nobody makes without ours, and no answer with a token in it.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created_at", "created_at"),)

    caller: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Who has sent it: one of the staff, a contact, a client; an address where nobody is signed in."""
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    owner: Mapped[str] = mapped_column(String(32))
    """The one request that may go on with it."""
    digest: Mapped[str] = mapped_column(String(64))
    """Of all that the request said."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    status: Mapped[int | None]
    """Of the answer; null until it is known, 0 of one that is not kept."""
    content_type: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
