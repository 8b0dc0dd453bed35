"""The tables of the store."""

from sqlalchemy.orm import configure_mappers

from crmgraph.crm.models.access import (
    Attempt,
    Credential,
    Door,
    KnownAddress,
    LegacyClient,
    LegacyToken,
    Proof,
    Purpose,
    RefreshToken,
    Role,
    Session,
    Staff,
)
from crmgraph.crm.models.columns import FIRST_MINTED_ID, Base, now
from crmgraph.crm.models.ledger import Action, Change, Counter, SalesOrder
from crmgraph.crm.models.party import (
    Account,
    AccountKind,
    Address,
    AddressKind,
    Approval,
    Contact,
    Email,
    EmailKind,
    ExternalId,
    Lead,
    Note,
    Party,
    PartyKind,
    Phone,
    PhoneKind,
    Photo,
    Relation,
)

# Settled now, once: a class whose mapper waits for its first query has no attributes yet.
configure_mappers()

__all__ = [
    "FIRST_MINTED_ID",
    "Account",
    "AccountKind",
    "Action",
    "Address",
    "AddressKind",
    "Approval",
    "Attempt",
    "Base",
    "Change",
    "Contact",
    "Counter",
    "Credential",
    "Door",
    "Email",
    "EmailKind",
    "ExternalId",
    "KnownAddress",
    "Lead",
    "LegacyClient",
    "LegacyToken",
    "Note",
    "Party",
    "PartyKind",
    "Phone",
    "PhoneKind",
    "Photo",
    "Proof",
    "Purpose",
    "RefreshToken",
    "Relation",
    "Role",
    "SalesOrder",
    "Session",
    "Staff",
    "now",
]
