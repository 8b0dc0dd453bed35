"""The tables of the store."""

from sqlalchemy.orm import configure_mappers

from crmgraph.crm.models.attached import ExternalId, Note, Photo, Relation
from crmgraph.crm.models.audit import Action, Change, Counter, Installation, SalesOrder
from crmgraph.crm.models.columns import FIRST_MINTED_ID, MINTED_IDS, Base, derived, now, values_of
from crmgraph.crm.models.comparison import AcceptedDifference, Compared, DifferenceSort, Divergence, Verdict
from crmgraph.crm.models.contact_points import CLAIMED, Address, AddressKind, Email, EmailKind, Phone, PhoneKind
from crmgraph.crm.models.conversions import ConvertedLead, ConvertedNote
from crmgraph.crm.models.duplicates import DismissedDuplicate, Duplicate
from crmgraph.crm.models.folded import FOLDED
from crmgraph.crm.models.idempotency import IdempotencyKey
from crmgraph.crm.models.identity import (
    Attempt,
    Credential,
    Door,
    KnownAddress,
    LegacyClient,
    LegacyToken,
    Login,
    Purpose,
    RefreshToken,
    Role,
    Session,
    Staff,
    VerificationCode,
)
from crmgraph.crm.models.imports import Import, ImportRow, ImportState, ImportTold, Outcome
from crmgraph.crm.models.jobs import Job
from crmgraph.crm.models.merges import Merge, MergedRow
from crmgraph.crm.models.records import Account, AccountKind, Approval, Contact, Lead, Party, PartyKind
from crmgraph.crm.models.search import (
    COMPLETE,
    PARTED,
    SEARCHED_AS,
    TERM_KINDS,
    SearchField,
    SearchPart,
    SearchTerm,
    TermKind,
)
from crmgraph.crm.models.tasks import JobState, Task
from crmgraph.crm.models.upstream import LearnedToken, Parked, PullMark, Switch, Upstream, UpstreamSecret
from crmgraph.crm.models.usage import Mode, Usage, UsageField, Way

# Settled now, once: a class whose mapper waits for its first query has no attributes yet.
configure_mappers()

__all__ = [
    "CLAIMED",
    "COMPLETE",
    "FIRST_MINTED_ID",
    "FOLDED",
    "MINTED_IDS",
    "PARTED",
    "SEARCHED_AS",
    "TERM_KINDS",
    "AcceptedDifference",
    "Account",
    "AccountKind",
    "Action",
    "Address",
    "AddressKind",
    "Approval",
    "Attempt",
    "Base",
    "Change",
    "Compared",
    "Contact",
    "ConvertedLead",
    "ConvertedNote",
    "Counter",
    "Credential",
    "DifferenceSort",
    "DismissedDuplicate",
    "Divergence",
    "Door",
    "Duplicate",
    "Email",
    "EmailKind",
    "ExternalId",
    "IdempotencyKey",
    "Import",
    "ImportRow",
    "ImportState",
    "ImportTold",
    "Installation",
    "Job",
    "JobState",
    "KnownAddress",
    "Lead",
    "LearnedToken",
    "LegacyClient",
    "LegacyToken",
    "Login",
    "Merge",
    "MergedRow",
    "Mode",
    "Note",
    "Outcome",
    "Parked",
    "Party",
    "PartyKind",
    "Phone",
    "PhoneKind",
    "Photo",
    "PullMark",
    "Purpose",
    "RefreshToken",
    "Relation",
    "Role",
    "SalesOrder",
    "SearchField",
    "SearchPart",
    "SearchTerm",
    "Session",
    "Staff",
    "Switch",
    "Task",
    "TermKind",
    "Upstream",
    "UpstreamSecret",
    "Usage",
    "UsageField",
    "Verdict",
    "VerificationCode",
    "Way",
    "derived",
    "now",
    "values_of",
]
