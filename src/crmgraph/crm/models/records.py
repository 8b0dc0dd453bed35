"""The records: contacts, accounts and leads under one slim registry."""

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from crmgraph.crm.models.columns import (
    Base,
    BigId,
    Document,
    Flag,
    Folded,
    Key,
    Named,
    Preferences,
    now,
    one_of,
)


class PartyKind(StrEnum):
    """The three kinds of record."""

    CONTACT = "CONTACT"
    ACCOUNT = "ACCOUNT"
    LEAD = "LEAD"


class AccountKind(StrEnum):
    """Whether an account stands for one person or for a business."""

    INDIVIDUAL = "INDIVIDUAL"
    BUSINESS = "BUSINESS"


class Approval(StrEnum):
    """Whether a lead may be worked on yet."""

    APPROVED = "APPROVED"
    AWAITING = "AWAITING"


class Party(Base):
    """One identity for every contact, account and lead; their tables share its id as primary and foreign key."""

    __tablename__ = "party"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[Key]
    kind: Mapped[PartyKind] = mapped_column(one_of(PartyKind))


class Record:
    """What all three kinds have. A row is live while `deleted_at` is null.

    So it is set while the signup that made the record waits for its confirmation, see
    `crm/identity/pending_signups.py`.
    """

    number: Mapped[str]
    number_key: Mapped[Folded]
    """The number as it is sorted: by what its digits say, so that CON9 comes before CON10."""
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    deleted_at: Mapped[dt.datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(BigId)
    """Of a deleted one, the record of its kind that it was merged into: at the end of the way, never one that was
    merged on."""
    description: Mapped[str | None]
    email_opt_out: Mapped[Flag]
    email_opt_out_key: Mapped[Folded]
    email_key: Mapped[Folded]
    phone_key: Mapped[Folded]
    city_key: Mapped[Folded]
    """Of the primary email, phone and address, by which lists are sorted; see `records/keys.py`."""
    owner_key: Mapped[Folded]
    """The name key of the owner."""
    extra_fields: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """What one dialect alone knows, as it came: {dialect: {key: value}}."""

    @declared_attr
    def id(cls) -> Mapped[int]:
        return mapped_column(BigId, ForeignKey("party.id"), primary_key=True, autoincrement=False)

    @declared_attr
    def owner_id(cls) -> Mapped[int | None]:
        return mapped_column(BigId, ForeignKey("staff.id"), index=True)

    @declared_attr
    def created_by_id(cls) -> Mapped[int | None]:
        return mapped_column(BigId, ForeignKey("staff.id"))

    @declared_attr
    def modified_by_id(cls) -> Mapped[int | None]:
        return mapped_column(BigId, ForeignKey("staff.id"))


def _live(name: str, *columns: str, unique: bool = False) -> Index:
    """An index over live rows only: deleted records free their uniques and cost the lists nothing."""
    where = text("deleted_at IS NULL")
    return Index(name, *columns, unique=unique, postgresql_where=where, sqlite_where=where)


def _sorted(table: str, *keys: str) -> list[Index]:
    """The indexes of lists that are sorted by a key each."""
    return [_live(f"ix_{table}_{key}_id", key, "id") for key in keys]


def _having(name: str, condition: str) -> Index:
    """An index of the live rows alone of which a condition holds, in the words of PostgreSQL."""
    sqlite = condition.replace("IS true", "IS 1")
    return Index(
        name,
        "id",
        postgresql_where=text(f"{condition} AND deleted_at IS NULL"),
        sqlite_where=text(f"{sqlite} AND deleted_at IS NULL"),
    )


def _deleted(table: str) -> Index:
    """The index of deleted records, in the order in which they are listed."""
    where = text("deleted_at IS NOT NULL")
    return Index(f"ix_{table}_deleted_at_id", "deleted_at", "id", postgresql_where=where, sqlite_where=where)


def _merged(table: str) -> tuple[Index, Index]:
    """The indexes of records that were merged into others: by those, and by the numbers that lead to them."""
    where = text("merged_into_id IS NOT NULL")
    into, number = (
        Index(f"ix_{table}_{name}", column, postgresql_where=where, sqlite_where=where)
        for name, column in (("merged_into_id", "merged_into_id"), ("number_merged", "number"))
    )
    return into, number


_PRIMARY = ("owner_key", "email_key", "phone_key", "city_key")
_CONTACT_FLAGS = ("email_opt_out", "do_not_call", "sms_opt_out", "direct_marketing", "affiliate_marketing")


class Contact(Record, Named, Preferences, Base):
    """A person."""

    __tablename__ = "contact"
    __table_args__ = (
        _live("uq_contact_number", "number", unique=True),
        _live("ix_contact_created_at_id", "created_at", "id"),
        _live("ix_contact_updated_at_id", "updated_at", "id"),
        _live("ix_contact_last_name_key_id", "last_name_key", "id"),
        _live("ix_contact_first_name_key_last_name_key_id", "first_name_key", "last_name_key", "id"),
        _live("ix_contact_full_name_key_id", "full_name_key", "id"),
        _live("ix_contact_number_key_id", "number_key", "id"),
        _live("ix_contact_account_name_key_id", "account_name_key", "id"),
        # Of deleted ones too: they are looked through for whoever names an account that goes for good.
        Index("ix_contact_account_id_id", "account_id", "id"),
        _live("ix_contact_account_id_last_name_key_id", "account_id", "last_name_key", "id"),
        _live("ix_contact_account_id_created_at_id", "account_id", "created_at", "id"),
        _live("ix_contact_account_id_updated_at_id", "account_id", "updated_at", "id"),
        _live("ix_contact_job_title_key_id", "job_title_key", "id"),
        _live("ix_contact_owner_id_id", "owner_id", "id"),
        *_sorted("contact", *_PRIMARY, "category_key", "life_cycle_state_key"),
        *_sorted("contact", *(f"{name}_key" for name in _CONTACT_FLAGS)),
        *(_having(f"ix_contact_{name}", f"{name} IS true") for name in _CONTACT_FLAGS),
        _deleted("contact"),
        *_merged("contact"),
        Index("ix_contact_id_number", "id_number"),
        Index("ix_contact_passport_number", "passport_number"),
        Index("ix_contact_social_security_number", "social_security_number"),
    )

    nickname: Mapped[str | None]
    gender: Mapped[str | None]
    birth_day: Mapped[int | None]
    birth_month: Mapped[int | None]
    birth_year: Mapped[int | None]
    job_title: Mapped[str | None]
    job_title_key: Mapped[Folded]
    department: Mapped[str | None]
    language: Mapped[str | None]
    assistant: Mapped[str | None]
    decision_maker: Mapped[Flag]
    source: Mapped[str | None]
    twitter: Mapped[str | None]
    skype: Mapped[str | None]
    do_not_call: Mapped[Flag]
    do_not_call_key: Mapped[Folded]
    sms_opt_out: Mapped[Flag]
    sms_opt_out_key: Mapped[Folded]
    direct_marketing: Mapped[bool | None]
    direct_marketing_key: Mapped[Folded]
    affiliate_marketing: Mapped[bool | None]
    affiliate_marketing_key: Mapped[Folded]
    life_cycle_state: Mapped[str | None]
    life_cycle_state_key: Mapped[Folded]
    category: Mapped[str | None]
    category_key: Mapped[Folded]
    privacy_level: Mapped[str | None]
    residence_country: Mapped[str | None]
    id_number: Mapped[str | None]
    id_country: Mapped[str | None]
    passport_number: Mapped[str | None]
    passport_country: Mapped[str | None]
    social_security_number: Mapped[str | None]
    social_security_country: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("account.id"))
    account_name_key: Mapped[Folded]
    """The name key of the account, by which contacts are sorted along an index; empty while the account is deleted.
    `records/account_names.py` keeps it."""
    reports_to_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contact.id"), index=True)

    account: Mapped["Account | None"] = relationship(foreign_keys=[account_id], lazy="raise", viewonly=True)


class Account(Record, Preferences, Base):
    """A company, a household or one person as a customer."""

    __tablename__ = "account"
    __table_args__ = (
        _live("uq_account_number", "number", unique=True),
        _live("ix_account_created_at_id", "created_at", "id"),
        _live("ix_account_updated_at_id", "updated_at", "id"),
        _live("ix_account_name_key_id", "name_key", "id"),
        _live("ix_account_number_key_id", "number_key", "id"),
        _live("ix_account_owner_id_id", "owner_id", "id"),
        _live("ix_account_kind", "kind"),
        *_sorted("account", *_PRIMARY, "status_key", "industry_key", "kind_key", "account_type_key"),
        *_sorted("account", "segment_key", "rating_key", "email_opt_out_key", "sms_opt_out_key"),
        *(_having(f"ix_account_{name}", f"{name} IS true") for name in ("email_opt_out", "sms_opt_out")),
        _deleted("account"),
        *_merged("account"),
        Index("ix_account_registration_number", "registration_number"),
        Index("ix_account_vat_number", "vat_number"),
    )

    name: Mapped[str | None]
    name_key: Mapped[Folded]
    kind: Mapped[AccountKind | None] = mapped_column(one_of(AccountKind))
    kind_key: Mapped[Folded]
    account_type: Mapped[str | None]
    account_type_key: Mapped[Folded]
    industry: Mapped[str | None]
    industry_key: Mapped[Folded]
    sector: Mapped[str | None]
    website: Mapped[str | None]
    employees: Mapped[int | None] = mapped_column(BigId)
    annual_revenue: Mapped[Decimal | None]
    ownership: Mapped[str | None]
    rating: Mapped[str | None]
    rating_key: Mapped[Folded]
    site: Mapped[str | None]
    sic_code: Mapped[str | None]
    ticker_symbol: Mapped[str | None]
    registration_number: Mapped[str | None]
    registration_country: Mapped[str | None]
    vat_number: Mapped[str | None]
    tax_number: Mapped[str | None]
    established_on: Mapped[dt.date | None]
    status: Mapped[str | None]
    status_key: Mapped[Folded]
    segment: Mapped[str | None]
    segment_key: Mapped[Folded]
    platform: Mapped[str | None]
    language: Mapped[str | None]
    sms_opt_out: Mapped[Flag]
    sms_opt_out_key: Mapped[Folded]
    parent_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("account.id"), index=True)
    primary_contact_id: Mapped[int | None] = mapped_column(
        BigId, ForeignKey("contact.id", use_alter=True, name="fk_account_primary_contact_id_contact"), index=True
    )


class Lead(Record, Named, Base):
    """A person or company that may become a customer; converting it makes a contact and an account."""

    __tablename__ = "lead"
    __table_args__ = (
        _live("uq_lead_number", "number", unique=True),
        _live("ix_lead_created_at_id", "created_at", "id"),
        _live("ix_lead_updated_at_id", "updated_at", "id"),
        _live("ix_lead_last_name_key_id", "last_name_key", "id"),
        _live("ix_lead_first_name_key_last_name_key_id", "first_name_key", "last_name_key", "id"),
        _live("ix_lead_full_name_key_id", "full_name_key", "id"),
        _live("ix_lead_number_key_id", "number_key", "id"),
        _live("ix_lead_status_key_id", "status_key", "id"),
        _live("ix_lead_owner_id_id", "owner_id", "id"),
        _live("ix_lead_company_key_id", "company_key", "id"),
        _live("ix_lead_job_title_key_id", "job_title_key", "id"),
        _live("ix_lead_approval", "approval"),
        *_sorted("lead", *_PRIMARY, "source_key", "rating_key", "approval_key"),
        *_sorted("lead", "converted_key", "email_opt_out_key"),
        _having("ix_lead_email_opt_out", "email_opt_out IS true"),
        _having("ix_lead_open", "converted_at IS NULL"),
        _having("ix_lead_converted", "converted_at IS NOT NULL"),
        _deleted("lead"),
        *_merged("lead"),
    )

    company: Mapped[str | None]
    company_key: Mapped[Folded]
    job_title: Mapped[str | None]
    job_title_key: Mapped[Folded]
    status: Mapped[str | None]
    status_key: Mapped[Folded]
    source: Mapped[str | None]
    source_key: Mapped[Folded]
    rating: Mapped[str | None]
    rating_key: Mapped[Folded]
    industry: Mapped[str | None]
    annual_revenue: Mapped[Decimal | None]
    employees: Mapped[int | None] = mapped_column(BigId)
    website: Mapped[str | None]
    twitter: Mapped[str | None]
    skype: Mapped[str | None]
    approval: Mapped[Approval] = mapped_column(one_of(Approval), default=Approval.APPROVED)
    approval_key: Mapped[Folded]
    locked_by: Mapped[str | None]
    """The process that holds the lead, in that process's own word; null when nobody does."""
    converted_at: Mapped[dt.datetime | None]
    converted_key: Mapped[Folded]
    converted_contact_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contact.id"), index=True)
    converted_account_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("account.id"), index=True)
