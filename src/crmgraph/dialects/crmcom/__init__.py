"""CRM.COM Web API v2: contact information of persons (contacts) and companies (accounts)."""

from crmgraph.crm.models import Account, Contact, PartyKind
from crmgraph.crm.records.lookup import IdCandidates, minted, spellings
from crmgraph.dialects.crmcom.api import API, IMAGES, VIEWING, mounts
from crmgraph.dialects.crmcom.codecs import read_id
from crmgraph.dialects.crmcom.comparing import COMPARING
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.fields import fields_of
from crmgraph.dialects.crmcom.openapi import openapi
from crmgraph.dialects.crmcom.upstream import PASSING, TELLING
from crmgraph.mapping import FieldMap
from crmgraph.rest import operation_names


def href(kind: PartyKind | None, value: str) -> str | None:
    """The path under which a record is shown; leads have none."""
    if kind not in (PartyKind.CONTACT, PartyKind.ACCOUNT):
        return None
    return f"/crmapi/rest/v2/contact_information/show?contact_information_identifier=id={value}"


def id_candidates(kind: PartyKind | None, text: str) -> IdCandidates | None:
    """What an id stands for, in either case; of the kind None, of a user."""
    given = text.strip()
    if kind is None:  # whose ids are printed in decimal digits
        return IdCandidates(DIALECT, tuple(("user", each) for each in spellings(given)), minted(given))
    return IdCandidates(DIALECT, tuple(("record", each) for each in spellings(given)), read_id(given))


def tables() -> dict[PartyKind, FieldMap]:
    """The field maps; what requests bring is the same in every response format."""
    return {PartyKind.CONTACT: fields_of(Contact), PartyKind.ACCOUNT: fields_of(Account)}


busy, nowhere = API.busy, API.nowhere
operations = operation_names(API, IMAGES)

__all__ = [
    "COMPARING",
    "PASSING",
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
