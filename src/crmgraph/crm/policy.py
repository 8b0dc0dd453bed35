"""Who may see and change what: one policy, asked by every door."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, bindparam, exists, false, or_, select

from crmgraph.crm.errors import Forbidden, NotFound, Unauthenticated
from crmgraph.crm.models import Account, Contact, Credential, Door, Lead, PartyKind, Role

Record: TypeAlias = Contact | Account | Lead
RecordType: TypeAlias = type[Contact] | type[Account] | type[Lead]

MODELS: dict[PartyKind, RecordType] = {
    PartyKind.CONTACT: Contact,
    PartyKind.ACCOUNT: Account,
    PartyKind.LEAD: Lead,
}
KINDS: dict[type, PartyKind] = {model: kind for kind, model in MODELS.items()}

IDENTITY_DOCUMENTS = frozenset(
    {
        "id_number",
        "id_country",
        "passport_number",
        "passport_country",
        "social_security_number",
        "social_security_country",
    }
)
"""The columns that only the person and staff with the right may see."""

_OFFICE_ONLY: dict[PartyKind, frozenset[str]] = {
    PartyKind.CONTACT: frozenset(
        {"number", "owner_id", "account_id", "reports_to_id", "life_cycle_state", "category", "privacy_level"}
    ),
    PartyKind.ACCOUNT: frozenset(
        {
            "number",
            "owner_id",
            "parent_id",
            "primary_contact_id",
            "kind",
            "account_type",
            "ownership",
            "rating",
            "segment",
            "platform",
            "status",
        }
    ),
    PartyKind.LEAD: frozenset(),
}
"""The columns that a customer may read on their own records and only staff may change."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and through which door.

    Attributes:
        door: the door they came through.
        role: None when nobody is signed in.
        contact_id: the customer's own contact.
        account_id: the account of that contact, when it has one.
        staff_id: the staff member who is signed in or whom a legacy client acts as.
        import_id: the import that they carry out.
        region: ISO 3166-1 alpha-2 of the place whose telephone numbers need no country code; None when unknown.
    """

    door: Door
    role: Role | None = None
    credential_id: int | None = None
    session_id: str | None = None
    contact_id: int | None = None
    account_id: int | None = None
    staff_id: int | None = None
    client_id: int | None = None
    import_id: int | None = None
    sees_identity: bool = False
    grants: frozenset[str] = field(default_factory=frozenset)
    region: str | None = None
    derived: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What follows from all that, by name, as it was first asked for: an actor is kept for many requests."""

    @property
    def principal(self) -> tuple[str, int] | None:
        """What stands for whoever acts, however often they came in; None when nobody is signed in."""
        if self.client_id is not None:
            return "client", self.client_id
        if self.staff_id is not None:
            return "staff", self.staff_id
        return None if self.contact_id is None else ("contact", self.contact_id)

    @property
    def is_staff(self) -> bool:
        """Whether they see and change every record."""
        return self.role in (Role.AGENT, Role.ADMIN)


def visible(actor: Actor, model: RecordType, *, deleted: bool = False) -> ColumnElement[bool]:
    """The condition under which a live row of `model` exists for this actor.

    A customer sees their own contact and its account, staff every record, anybody else nothing.

    Args:
        deleted: whether deleted records are meant as well, which nobody but staff sees.
    """
    if actor.is_staff:
        live = model.deleted_at.is_(None)
        return or_(live, gone(model)) if deleted else live
    if actor.role is Role.CUSTOMER:
        own = {Contact: actor.contact_id, Account: actor.account_id}.get(model)
        if own is not None:
            return (model.id == own) & model.deleted_at.is_(None)
    return false()


def row_visible(actor: Actor, model: Any, *, deleted: bool = False) -> ColumnElement[bool]:
    """The condition under which a row of `model` exists for this actor: that the record does to which it belongs.

    Args:
        deleted: see `visible`.
    """
    return or_(
        *(
            model.party_id.in_(select(kind.id).where(kind.id == model.party_id, visible(actor, kind, deleted=deleted)))
            for kind in MODELS.values()
        )
    )


def waits(model: RecordType) -> ColumnElement[bool]:
    """The condition that a hidden row of `model` is of a signup that waits for its confirmation, and was not deleted.

    See `identity/pending_signups.py`: nobody sees it.
    """
    person = {Contact: Contact.id, Account: Account.primary_contact_id}.get(model)
    if person is None:
        return false()
    return exists().where(Credential.contact_id == person, Credential.confirmed.is_(False))


def gone(model: RecordType) -> ColumnElement[bool]:
    """The condition that a row of `model` was deleted, and is not merely hidden until a signup is confirmed."""
    return model.deleted_at.is_not(None) & ~waits(model)


def gone_for(actor: Actor, model: RecordType) -> ColumnElement[bool]:
    """The condition that a row of `model` was deleted, and that the actor may know of it: staff may."""
    return gone(model) if actor.is_staff else false()


def visibility_key(actor: Actor) -> tuple[object, ...]:
    """What of an actor changes the text of a statement that `with_parameters` was used for."""
    known: tuple[object, ...] | None = actor.derived.get("visibility key")
    if known is None:
        absent = (actor.contact_id is None, actor.account_id is None, actor.staff_id is None)
        known = actor.derived["visibility key"] = (actor.role, *absent, actor.sees_identity)
    return known


def with_parameters(actor: Actor) -> Actor:
    """The actor with parameters in place of what is their own: one statement serves all with the same visibility key.

    The parameters are those of `visibility_values`.
    """

    def own(name: str, value: int | None) -> Any:
        return None if value is None else bindparam(name, type_=BigInteger())

    return replace(
        actor,
        contact_id=own("own_contact", actor.contact_id),
        account_id=own("own_account", actor.account_id),
        staff_id=own("own_staff", actor.staff_id),
        credential_id=own("own_credential", actor.credential_id),
    )


def visibility_values(actor: Actor) -> dict[str, int | None]:
    """The values of the parameters of `with_parameters`."""
    return {
        "own_contact": actor.contact_id,
        "own_account": actor.account_id,
        "own_staff": actor.staff_id,
        "own_credential": actor.credential_id,
    }


def sees_all(actor: Actor) -> bool:
    """Whether `visible` leaves nothing out but deleted records."""
    return actor.is_staff


def may_see(actor: Actor, kind: PartyKind, party_id: int) -> bool:
    """Whether this live record exists for the actor."""
    if actor.is_staff:
        return True
    if actor.role is not Role.CUSTOMER:
        return False
    own = {PartyKind.CONTACT: actor.contact_id, PartyKind.ACCOUNT: actor.account_id}.get(kind)
    return own is not None and own == party_id


def may_see_identity(actor: Actor, contact_id: int) -> bool:
    """Whether the actor may see the identity documents of this contact."""
    if actor.is_staff:
        return actor.role is Role.ADMIN or actor.sees_identity
    return actor.role is Role.CUSTOMER and actor.contact_id == contact_id


class Permission(StrEnum):
    """What somebody may do with a record."""

    UPDATE = "UPDATE"
    DELETE = "DELETE"
    RESTORE = "RESTORE"
    MERGE = "MERGE"
    CONVERT = "CONVERT"
    UNCONVERT = "UNCONVERT"
    SEE_IDENTITY = "SEE_IDENTITY"
    ERASE = "ERASE"


def permissions(
    actor: Actor,
    kind: PartyKind,
    party_id: int,
    *,
    deleted: bool,
    merged: bool = False,
    primary_contact_id: int | None = None,
    held: bool = False,
    workable: bool = True,
    converted: bool = False,
) -> list[Permission]:
    """What the actor, who sees a record, may do with it as it is now; with a deleted one, bring it back.

    UPDATE says that there is something of it which they may change, not that this is everything.

    Args:
        merged: of a deleted one, whether it was merged into another: undoing that brings it back.
        primary_contact_id: of an account.
        held: of a lead, whether a process holds it.
        workable: of a lead, whether it is approved and was not converted.
        converted: of a lead.
    """
    if deleted:
        return [Permission.RESTORE] if actor.is_staff and not merged else []
    person = party_id if kind is PartyKind.CONTACT else primary_contact_id
    may = {
        Permission.UPDATE: actor.is_staff or (person is not None and person == actor.contact_id),
        Permission.DELETE: actor.is_staff and not held,
        Permission.MERGE: actor.is_staff and workable and not held,
        Permission.CONVERT: actor.is_staff and kind is PartyKind.LEAD and workable and not held,
        Permission.UNCONVERT: actor.is_staff and converted and not held,
        Permission.SEE_IDENTITY: kind is PartyKind.CONTACT and may_see_identity(actor, party_id),
    }
    return [permission for permission in Permission if may.get(permission)]


def require_staff(actor: Actor) -> None:
    """Let staff pass.

    Raises:
        Unauthenticated: when nobody is signed in.
        Forbidden: when it is a customer.
    """
    if actor.role is None:
        raise Unauthenticated
    if not actor.is_staff:
        raise Forbidden


def check_documents(actor: Actor, model: RecordType, values: dict[str, Any]) -> list[Forbidden]:
    """What of a new record's columns the actor may not give it: identity documents, without the right to see them."""
    if model is not Contact or not actor.is_staff or may_see_identity(actor, 0):
        return []
    return [Forbidden((name,)) for name in sorted(IDENTITY_DOCUMENTS) if values.get(name) is not None]


def check_change(actor: Actor, record: Record, changed: dict[str, Any]) -> list[Forbidden]:
    """What of this change of a record's columns the actor may not do.

    Args:
        changed: the columns whose value would differ afterwards.

    Returns:
        A fault for each column that is not theirs to change.

    Raises:
        NotFound: when the record does not exist for the actor.
        Forbidden: when they may see it and not change it at all.
    """
    if actor.is_staff:
        hidden = (
            IDENTITY_DOCUMENTS & changed.keys()
            if isinstance(record, Contact) and record.id is not None and not may_see_identity(actor, record.id)
            else frozenset()
        )
        return [Forbidden((name,)) for name in sorted(hidden)]
    kind = KINDS[type(record)]
    if not may_see(actor, kind, record.id):
        raise NotFound
    if isinstance(record, Account) and record.primary_contact_id != actor.contact_id:
        raise Forbidden
    return [Forbidden((name,)) for name in sorted(_OFFICE_ONLY[kind] & changed.keys())]
