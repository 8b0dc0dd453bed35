"""Contact points: the phones, emails and addresses of a record."""

from enum import StrEnum

from sqlalchemy import Index, and_, false, text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.attached import Child
from crmgraph.crm.models.columns import DERIVED, Base, Flag, Folded, one_of


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
        Index(
            "ix_phone_slot_digits_party_id",
            "slot",
            "digits",
            "party_id",
            postgresql_where=text("slot IS NOT NULL"),
            sqlite_where=text("slot IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    kind: Mapped[PhoneKind] = mapped_column(one_of(PhoneKind))
    raw: Mapped[str]
    e164: Mapped[str | None]
    digits: Mapped[str] = mapped_column(default="", info=DERIVED)
    extension: Mapped[str | None] = mapped_column(info=DERIVED)
    valid: Mapped[bool] = mapped_column(default=False, server_default=false(), info=DERIVED)
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
        Index("ix_address_country_party_id", "country", "party_id"),
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
