"""The dialect of Covalense "Csmart", a layer over vtiger: nine services for the self-care portal of a customer."""

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.lookup import IdCandidates, minted
from crmgraph.dialects.covalense import fields
from crmgraph.dialects.covalense.api import API, VIEWING, mounts
from crmgraph.dialects.covalense.codecs import ACCOUNT, CONTACT, USER, number_in
from crmgraph.dialects.covalense.comparing import COMPARING
from crmgraph.dialects.covalense.openapi import openapi
from crmgraph.dialects.covalense.places import DIALECT
from crmgraph.dialects.covalense.upstream import PASSING, TELLING
from crmgraph.mapping import FieldMap
from crmgraph.rest import operation_names

_MODULES = {PartyKind.CONTACT: (CONTACT, "record"), PartyKind.ACCOUNT: (ACCOUNT, "record"), None: (USER, "user")}


def id_candidates(kind: PartyKind | None, text: str) -> IdCandidates | None:
    """What an id stands for, as `12x95809` or as the number alone; of the kind None, of a user."""
    module, space = _MODULES.get(kind, ("", ""))
    number = number_in(module, text.strip())
    return None if number is None or not module else IdCandidates(DIALECT, ((space, number),), minted(number))


def tables() -> dict[PartyKind, FieldMap]:
    """The field maps; the addresses of photos stand for themselves."""
    return {PartyKind.CONTACT: fields.tables("").contacts, PartyKind.ACCOUNT: fields.ACCOUNTS}


busy, nowhere = API.busy, API.nowhere
operations = operation_names(API)

__all__ = [
    "COMPARING",
    "PASSING",
    "TELLING",
    "VIEWING",
    "busy",
    "id_candidates",
    "mounts",
    "nowhere",
    "openapi",
    "operations",
    "tables",
]
