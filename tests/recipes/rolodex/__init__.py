"""The Rolodex: cards of people, read and written by programs. Nobody speaks it; it shows what a dialect takes."""

from crmgraph.dialects.rolodex.api import API, mounts
from crmgraph.dialects.rolodex.fields import CARD
from crmgraph.dialects.rolodex.openapi import openapi

from crmgraph.crm.models import PartyKind
from crmgraph.mapping import FieldMap


def tables() -> dict[PartyKind, FieldMap]:
    """The field maps."""
    return {PartyKind.CONTACT: CARD}


busy, nowhere = API.busy, API.nowhere

__all__ = ["busy", "mounts", "nowhere", "openapi", "tables"]
