"""Our tables as declarative models, with the columns that the operations use: which spares the peers the others."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The declarative base."""

    type_annotation_map = {  # noqa: RUF012 - the name and form are SQLAlchemy's
        int: BigInteger(),
        str: Text(),
        dt.datetime: DateTime(timezone=True),
        list[dict[str, Any]]: JSON().with_variant(JSONB(), "postgresql"),
    }


class Contact(Base):
    """A person."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str]
    revision: Mapped[int]
    first_name: Mapped[str | None]
    middle_name: Mapped[str | None]
    last_name: Mapped[str | None]
    last_name_key: Mapped[str]
    job_title: Mapped[str | None]
    department: Mapped[str | None]
    language: Mapped[str | None]
    account_id: Mapped[int | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    deleted_at: Mapped[dt.datetime | None]
    modified_by_id: Mapped[int | None]

    @property
    def full_name(self) -> str:
        return " ".join(filter(None, (self.first_name, self.middle_name, self.last_name)))


class Account(Base):
    """A company."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    industry: Mapped[str | None]
    deleted_at: Mapped[dt.datetime | None]


class Email(Base):
    """An email address of a contact."""

    __tablename__ = "email"

    id: Mapped[int] = mapped_column(primary_key=True)
    party_id: Mapped[int]
    rank: Mapped[int]
    kind: Mapped[str]
    address: Mapped[str]


class Phone(Base):
    """A phone number of a contact."""

    __tablename__ = "phone"

    id: Mapped[int] = mapped_column(primary_key=True)
    party_id: Mapped[int]
    rank: Mapped[int]
    kind: Mapped[str]
    raw: Mapped[str]
    e164: Mapped[str | None]
    digits: Mapped[str]


class Address(Base):
    """A postal address of a contact."""

    __tablename__ = "address"

    id: Mapped[int] = mapped_column(primary_key=True)
    party_id: Mapped[int]
    rank: Mapped[int]
    kind: Mapped[str]
    active: Mapped[bool]
    street: Mapped[str | None]
    city: Mapped[str | None]
    city_key: Mapped[str]
    postal_code: Mapped[str | None]
    country: Mapped[str | None]


class Change(Base):
    """A row of the change log."""

    __tablename__ = "change"

    id: Mapped[int] = mapped_column(primary_key=True)
    party_id: Mapped[int]
    kind: Mapped[str]
    action: Mapped[str]
    revision: Mapped[int]
    at: Mapped[dt.datetime]
    door: Mapped[str]
    credential_id: Mapped[int | None]
    fields: Mapped[list[dict[str, Any]]]
