"""The records: contacts, accounts and leads under one slim registry, with the rows that hang off them."""

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, and_, false, text
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


class PhoneKind(StrEnum):
    """What a phone number is for."""

    LANDLINE = "LANDLINE"
    MOBILE = "MOBILE"
    FAX = "FAX"
    HOME = "HOME"
    OTHER = "OTHER"
    ASSISTANT = "ASSISTANT"
    CUSTOM4 = "CUSTOM4"
    CUSTOM5 = "CUSTOM5"


class EmailKind(StrEnum):
    """What an email address is for."""

    PERSONAL = "PERSONAL"
    BUSINESS = "BUSINESS"
    CUSTOM1 = "CUSTOM1"
    CUSTOM2 = "CUSTOM2"
    CUSTOM3 = "CUSTOM3"
    CUSTOM4 = "CUSTOM4"
    CUSTOM5 = "CUSTOM5"


class AddressKind(StrEnum):
    """What a postal address is for."""

    HOME = "HOME"
    BUSINESS = "BUSINESS"
    POBOX = "POBOX"
    BILLING = "BILLING"
    SHIPPING = "SHIPPING"
    OTHER = "OTHER"
    CUSTOM1 = "CUSTOM1"
    CUSTOM2 = "CUSTOM2"
    CUSTOM3 = "CUSTOM3"
    CUSTOM4 = "CUSTOM4"
    CUSTOM5 = "CUSTOM5"


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


class Child:
    """A row that belongs to one record and stands in its list at `rank` (0 first)."""

    id: Mapped[Key]
    rank: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    extra_fields: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)

    @declared_attr
    def party_id(cls) -> Mapped[int]:
        return mapped_column(BigId, ForeignKey("party.id"))


class ContactPoint(Child):
    """A phone, an email or an address."""

    slot: Mapped[str | None]
    """Under which of their fields flat dialects show the row, see `crm/records/slots.py`; null where none does."""


def _slots(table: str) -> Index:
    """Each slot of a record is borne by one row."""
    return Index(f"uq_{table}_party_id_slot", "party_id", "slot", unique=True)


class Phone(ContactPoint, Base):
    """A phone number: as it was given, and in E.164 where its region is known."""

    __tablename__ = "phone"
    __table_args__ = (
        Index("ix_phone_party_id_rank_id", "party_id", "rank", "id"),
        _slots("phone"),
        Index("ix_phone_e164", "e164"),
        Index("ix_phone_digits_party_id", "digits", "party_id"),
        {"sqlite_autoincrement": True},
    )

    kind: Mapped[PhoneKind] = mapped_column(one_of(PhoneKind))
    raw: Mapped[str]
    e164: Mapped[str | None]
    digits: Mapped[str] = mapped_column(default="")
    extension: Mapped[str | None]
    valid: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether numbers like `e164` are given out."""
    country: Mapped[str | None]
    """ISO 3166-1 alpha-2, when it was given for this number; the region of `e164` otherwise."""
    area_code: Mapped[str | None]
    notes: Mapped[str | None]


class Email(ContactPoint, Base):
    """An email address: as it was given, and folded for look-ups."""

    __tablename__ = "email"
    __table_args__ = (
        Index("ix_email_party_id_rank_id", "party_id", "rank", "id"),
        _slots("email"),
        Index("ix_email_address_key_party_id", "address_key", "party_id"),
        {"sqlite_autoincrement": True},
    )

    kind: Mapped[EmailKind] = mapped_column(one_of(EmailKind))
    address: Mapped[str]
    address_key: Mapped[Folded]
    verified: Mapped[Flag]
    self_given: Mapped[Flag]
    """Whether a signup or the person's own profile gave it: until it is verified, it tells nothing of its owner."""
    notes: Mapped[str | None]


CLAIMED = and_(Email.self_given.is_(True), Email.verified.is_(False))
"""Of an email: a signup or the person's own profile gave it, and nobody has shown that it is theirs."""


class Address(ContactPoint, Base):
    """A postal address. `country` is ISO 3166-1 alpha-2 where `country_name`, the text as given, names one."""

    __tablename__ = "address"
    __table_args__ = (
        Index("ix_address_party_id_rank_id", "party_id", "rank", "id"),
        _slots("address"),
        Index(
            "ix_address_city_key_name_key_party_id",
            "city_key",
            "name_key",
            "party_id",
            postgresql_where=text("active"),
            sqlite_where=text("active = 1"),
        ),
        Index("ix_address_country", "country"),
        *(
            Index(
                f"ix_address_{name}", name, "party_id", postgresql_where=text("active"), sqlite_where=text("active = 1")
            )
            for name in ("state_key", "postal_code_key")
        ),
        {"sqlite_autoincrement": True},
    )

    kind: Mapped[AddressKind] = mapped_column(one_of(AddressKind))
    care_of: Mapped[str | None]
    street: Mapped[str | None]
    street_number: Mapped[str | None]
    floor: Mapped[str | None]
    apartment: Mapped[str | None]
    area: Mapped[str | None]
    district: Mapped[str | None]
    municipality: Mapped[str | None]
    city: Mapped[str | None]
    city_key: Mapped[Folded]
    state: Mapped[str | None]
    state_key: Mapped[Folded]
    postal_code: Mapped[str | None]
    postal_code_key: Mapped[Folded]
    country: Mapped[str | None]
    country_name: Mapped[str | None]
    po_box: Mapped[str | None]
    po_box_postal_code: Mapped[str | None]
    notes: Mapped[str | None]
    name_key: Mapped[Folded]
    """The name key of the record it belongs to, repeated here so that city with name is one index."""


class Relation(Child, Base):
    """How a contact stands to somebody else: a record, or an identifier that nobody here answers to."""

    __tablename__ = "relation"
    __table_args__ = (Index("ix_relation_party_id_rank_id", "party_id", "rank", "id"), {"sqlite_autoincrement": True})

    kind: Mapped[str]
    other_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("party.id"), index=True)
    given: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """The identifier as it was given, {name: value}."""


class Note(Base):
    """A note written on a record."""

    __tablename__ = "note"
    __table_args__ = (Index("ix_note_party_id_id", "party_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[Key]
    party_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"))
    title: Mapped[str | None]
    content: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    owner_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
    created_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
    modified_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
    extra_fields: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)


class Photo(Base):
    """The photo of a record; its bytes lie in the photo store under `key`."""

    __tablename__ = "photo"

    party_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(unique=True)
    file_name: Mapped[str]
    content_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


_FORMER = text("former_id IS NOT NULL")


class ExternalId(Base):
    """The external id of a record, a staff member or a child row, in one dialect's space of ids.

    Exactly one of the five targets is set. `live` is null once the record is deleted, which frees the value.

    What led to a record that was merged into another leads to that one: it has a `former_id`, and no dialect prints it.
    """

    __tablename__ = "external_id"
    __table_args__ = (
        Index("uq_external_id_dialect_space_value_live", "dialect", "space", "value", "live", unique=True),
        Index("ix_external_id_value_dialect", "value", "dialect"),
        Index("ix_external_id_former_id", "former_id", postgresql_where=_FORMER, sqlite_where=_FORMER),
        CheckConstraint(
            " + ".join(
                f"CASE WHEN {target}_id IS NULL THEN 0 ELSE 1 END"
                for target in ("party", "staff", "phone", "email", "address")
            )
            + " = 1",
            name="one_target",
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    dialect: Mapped[str]
    space: Mapped[str]
    value: Mapped[str]
    live: Mapped[bool | None] = mapped_column(default=True)
    party_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("party.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"), index=True)
    phone_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("phone.id", ondelete="CASCADE"), index=True)
    email_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("email.id", ondelete="CASCADE"), index=True)
    address_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("address.id", ondelete="CASCADE"), index=True)
    former_id: Mapped[int | None] = mapped_column(BigId)
    """The record that was merged into the one it leads to now."""
    alias: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is how a dialect prints an id or a number of ours, which was nobody's external id."""


FOLDED: dict[Any, Any] = {
    Contact.first_name: Contact.first_name_key,
    Contact.last_name: Contact.last_name_key,
    Contact.job_title: Contact.job_title_key,
    Contact.category: Contact.category_key,
    Contact.life_cycle_state: Contact.life_cycle_state_key,
    Account.name: Account.name_key,
    Account.account_type: Account.account_type_key,
    Account.industry: Account.industry_key,
    Account.rating: Account.rating_key,
    Account.segment: Account.segment_key,
    Account.status: Account.status_key,
    Lead.first_name: Lead.first_name_key,
    Lead.last_name: Lead.last_name_key,
    Lead.company: Lead.company_key,
    Lead.job_title: Lead.job_title_key,
    Lead.status: Lead.status_key,
    Lead.source: Lead.source_key,
    Lead.rating: Lead.rating_key,
    Address.city: Address.city_key,
    Address.state: Address.state_key,
    Address.postal_code: Address.postal_code_key,
}
"""{column: the column of its search key}, of all that people search by. What writes the one brings up the other:
`keys.derive` of records, `contact_points.derive` of addresses."""
