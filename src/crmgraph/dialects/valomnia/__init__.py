"""The Valomnia dialect: contacts and customers of a sales force, below /api/{version}, behind a session cookie."""

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.lookup import IdCandidates
from crmgraph.dialects.valomnia.api import API, VIEWING, mounts
from crmgraph.dialects.valomnia.comparing import COMPARING
from crmgraph.dialects.valomnia.fields import CONTACT, CONTACTS, CUSTOMER, USERS
from crmgraph.dialects.valomnia.identifiers import by_id, customer_candidates
from crmgraph.dialects.valomnia.openapi import openapi
from crmgraph.dialects.valomnia.upstream import PASSING, PULLING, TELLING
from crmgraph.mapping import FieldMap
from crmgraph.rest import operation_names

_ROOTS = {PartyKind.CONTACT: "contacts", PartyKind.ACCOUNT: "customers"}


def href(kind: PartyKind | None, value: str) -> str | None:
    """The path under which a record is served; leads have none, and a customer's name is no number."""
    root = None if kind is None else _ROOTS.get(kind)
    return f"/api/v1.0/{root}/{value}" if root is not None and value.isdecimal() else None


def id_candidates(kind: PartyKind | None, text: str) -> IdCandidates | None:
    """What an id stands for, or the reference of a customer or user; of the kind None, of a user."""
    match kind:
        case PartyKind.CONTACT:
            return by_id(CONTACTS, text)
        case PartyKind.ACCOUNT:
            return customer_candidates(text)
        case None:
            return by_id(USERS, text, references=True)
    return None


def tables() -> dict[PartyKind, FieldMap]:
    """The field maps."""
    return {PartyKind.CONTACT: CONTACT, PartyKind.ACCOUNT: CUSTOMER}


busy, nowhere = API.busy, API.nowhere
operations = operation_names(API)

__all__ = [
    "COMPARING",
    "PASSING",
    "PULLING",
    "TELLING",
    "VIEWING",
    "busy",
    "href",
    "id_candidates",
    "mounts",
    "nowhere",
    "openapi",
    "operations",
    "tables",
]
