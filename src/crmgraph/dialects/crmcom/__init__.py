"""CRM.COM Web API v2: contact information of persons (contacts) and companies (accounts)."""

from crmgraph.crm.models import PartyKind
from crmgraph.dialects.crmcom.api import busy, mounts
from crmgraph.dialects.crmcom.document import openapi


def href(kind: PartyKind | None, value: str) -> str | None:
    """The path under which a record is shown; leads have none."""
    if kind not in (PartyKind.CONTACT, PartyKind.ACCOUNT):
        return None
    return f"/crmapi/rest/v2/contact_information/show?contact_information_identifier=id={value}"


__all__ = ["busy", "href", "mounts", "openapi"]
