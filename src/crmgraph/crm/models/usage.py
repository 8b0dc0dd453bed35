"""Who calls which operation of a legacy API, and names which field of it: counts of a day."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, now, one_of
from crmgraph.crm.models.identity import Door
from crmgraph.crm.models.records import PartyKind


class Way(StrEnum):
    """What a call names a field for."""

    READ = "READ"
    """It asks for this field by name; answers that tell all fields say nothing of what is needed."""
    SOUGHT = "SOUGHT"
    """It finds or sorts records by it."""
    WRITTEN = "WRITTEN"


class Mode(StrEnum):
    """Who answers a call."""

    OFF = "OFF"
    """This store, and nothing stands behind it."""
    PROXY = "PROXY"
    """The old CRM, to which the call is passed on."""
    SHADOW = "SHADOW"
    """The old CRM; afterwards its answer is compared with what this store would have said."""


class Usage(Base):
    """The calls of one caller to one operation on one day (UTC), by who answered and how they ended."""

    __tablename__ = "usage"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    dialect: Mapped[Door] = mapped_column(one_of(Door), primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    """Method and path template, e.g. `GET /crm/v2/{module}/{id}`; `usage.NOWHERE` where there is none."""
    caller: Mapped[str] = mapped_column(primary_key=True)
    """`client:ID` and `staff:ID` of whoever is known by that, `customers` together, or `unknown`."""
    mode: Mapped[Mode] = mapped_column(one_of(Mode), primary_key=True, default=Mode.OFF)
    refused: Mapped[bool] = mapped_column(primary_key=True)
    """Whether the answers are refusals, in the dialect's own terms."""
    calls: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Of the bodies of the answers."""
    microseconds: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[dt.datetime] = mapped_column(default=now)
    last_at: Mapped[dt.datetime] = mapped_column(default=now)
    user_agent: Mapped[str | None]
    network: Mapped[str | None]
    """From where a call came lately: a /24 of IPv4, a /48 of IPv6."""


class UsageField(Base):
    """How often one caller named one field in calls to one operation on one day (UTC)."""

    __tablename__ = "usage_field"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    dialect: Mapped[Door] = mapped_column(one_of(Door), primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    caller: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[PartyKind] = mapped_column(one_of(PartyKind), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    """In the dialect's words, e.g. `Last_Name`; `usage.OTHER_FIELDS` for those that its map does not know."""
    way: Mapped[Way] = mapped_column(one_of(Way), primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[dt.datetime] = mapped_column(default=now)
    last_at: Mapped[dt.datetime] = mapped_column(default=now)
