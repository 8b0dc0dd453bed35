"""Who may come in: staff, credentials, sessions, verification codes, clients, and the throttle's memory."""

import datetime as dt
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Document, Flag, Folded, Key, now, one_of


class Role(StrEnum):
    """What a signed-in person is: a customer sees themselves, an agent every record, an administrator staff too."""

    CUSTOMER = "CUSTOMER"
    AGENT = "AGENT"
    ADMIN = "ADMIN"


class Door(StrEnum):
    """Through which of the APIs somebody came.

    A dialect has its title and a description beside its value. What the graph and the commands say of dialects comes
    from here.

    Attributes:
        title: of a dialect, as people call it; empty where it is none.
        description: of a dialect: what it is and where it answers.
    """

    title: str  # type: ignore[assignment]  # str has a method of this name, which nobody wants of a door
    description: str

    def __new__(cls, value: str, title: str = "", description: str = "") -> "Door":
        door = str.__new__(cls, value)
        door._value_, door.title, door.description = value, title, description
        return door

    GRAPHQL = "GRAPHQL"
    COVALENSE = "COVALENSE", "Covalense", "Covalense customer engagement services, below /crm/v1."
    ZOHO = "ZOHO", "Zoho CRM", "Zoho CRM, below /crm/v2."
    CRMCOM = "CRMCOM", "CRM.COM", "CRM.COM, below /crmapi/rest/v2."
    VALOMNIA = "VALOMNIA", "Valomnia", "Valomnia, below /api."
    IMPORT = "IMPORT"
    UPSTREAM = "UPSTREAM"
    OPERATOR = "OPERATOR"

    @property
    def is_dialect(self) -> bool:
        """Whether a legacy dialect is spoken there."""
        return bool(self.title)

    @property
    def dialect(self) -> str:
        """The name of the dialect, under which external ids and extra fields are kept; it stands in addresses too."""
        return self.value.lower()


class Purpose(StrEnum):
    """What a mailed code proves."""

    RESET = "RESET"
    CONFIRM = "CONFIRM"
    EMAIL = "EMAIL"
    """That the email by which somebody wants to come in from now on is theirs."""


class Staff(Base):
    """An employee: owns records, works on them, and acts for a legacy client."""

    __tablename__ = "staff"
    __table_args__ = (
        Index("ix_staff_email_key", "email_key"),
        Index("ix_staff_name_key_id", "name_key", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    name: Mapped[str]
    name_key: Mapped[Folded] = mapped_column(server_default="")
    email: Mapped[str | None]
    email_key: Mapped[Folded] = mapped_column(server_default="")
    """The email as it is looked up; empty where there is none. `staff.write_email` writes both."""
    role: Mapped[Role] = mapped_column(one_of(Role), default=Role.AGENT)
    sees_identity: Mapped[Flag]
    """Whether identity documents are shown to this agent; administrators always see them."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Credential(Base):
    """An email and a password that open the doors to one contact or one staff member.

    `live` is null until its signup is confirmed and once the contact is deleted: then it does not hold the email.
    """

    __tablename__ = "credential"
    __table_args__ = (
        Index("uq_credential_email_key_live", "email_key", "live", unique=True),
        Index("uq_credential_contact_id", "contact_id", unique=True),
        Index("uq_credential_staff_id", "staff_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    email: Mapped[str]
    email_key: Mapped[Folded]
    password_hash: Mapped[str]
    password_set_at: Mapped[dt.datetime | None]
    """When the password was set last, null for the first one; devices that came in before it are strangers again."""
    confirmed: Mapped[bool] = mapped_column(default=True)
    email_verified: Mapped[bool] = mapped_column("proved", key="email_verified", default=True)
    """Whether somebody has shown that they own the email; false for a signup that needed no confirmation."""
    live: Mapped[bool | None] = mapped_column(default=True)
    contact_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contact.id"))
    staff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Login(Base):
    """The email by which a contact comes in, where it has a login: of its credential, to be read beside its rows."""

    __table__ = (
        select(Credential.id, Credential.contact_id.label("party_id"), Credential.email, Credential.email_key)
        .where(Credential.live.is_(True), Credential.confirmed.is_(True))
        .subquery("login")
    )
    __mapper_args__ = {"primary_key": [__table__.c.id]}

    if TYPE_CHECKING:
        id: Mapped[int]
        party_id: Mapped[int]
        email: Mapped[str]
        email_key: Mapped[str]


class Session(Base):
    """One login, from which tokens are issued until it ends; `id` is unguessable."""

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(primary_key=True)
    credential_id: Mapped[int] = mapped_column(BigId, ForeignKey("credential.id"), index=True)
    door: Mapped[Door] = mapped_column(one_of(Door))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    ended_at: Mapped[dt.datetime | None]


class RefreshToken(Base):
    """A refresh token by its digest. Each is spent once; a spent one that comes again ends its session."""

    __tablename__ = "refresh_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), index=True)
    spent_at: Mapped[dt.datetime | None]


class VerificationCode(Base):
    """A code that was mailed, by its digest: whoever returns it owns the address."""

    __tablename__ = "proof"
    __table_args__ = (Index("ix_proof_email_key_purpose", "email_key", "purpose"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(one_of(Purpose))
    email: Mapped[str]
    email_key: Mapped[Folded]
    credential_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("credential.id"))
    contact_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contact.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class Attempt(Base):
    """A failed login, signup or reset, remembered by subject for as long as the throttle looks back."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_subject_at", "subject", "at"), {"sqlite_autoincrement": True})

    id: Mapped[Key]
    subject: Mapped[str]
    at: Mapped[dt.datetime] = mapped_column(default=now, index=True)


class KnownAddress(Base):
    """A network address that somebody came in from by one credential or legacy client, by its keyed digest."""

    __tablename__ = "known_address"

    digest: Mapped[str] = mapped_column(primary_key=True)
    credential_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("credential.id"), index=True)
    client_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("legacy_client.id", ondelete="CASCADE"), index=True)
    seen_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)


class LegacyClient(Base):
    """A program that speaks one legacy dialect: its secrets, its grants, and the staff member it acts as."""

    __tablename__ = "legacy_client"
    __table_args__ = (
        Index("uq_legacy_client_dialect_login_organisation", "dialect", "login", "organisation", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    dialect: Mapped[Door] = mapped_column(one_of(Door))
    name: Mapped[str]
    login: Mapped[str]
    organisation: Mapped[str] = mapped_column(default="", server_default=text("''"))
    secret_hash: Mapped[str]
    grants: Mapped[list[str]] = mapped_column(Document, default=list)
    staff_id: Mapped[int] = mapped_column(BigId, ForeignKey("staff.id"))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class LegacyToken(Base):
    """A token that a legacy client holds, by its digest: access, refresh, a grant code, or a Web API key."""

    __tablename__ = "legacy_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(BigId, ForeignKey("legacy_client.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    grants: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime | None] = mapped_column(index=True)
    issued_by: Mapped[str | None]
    """The digest of the refresh token or key that it was issued for: it ends with it."""
    revoked: Mapped[Flag]
