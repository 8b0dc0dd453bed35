"""CRM.COM Web API v2: contact information of persons (contacts) and companies (accounts)."""

from crmgraph.dialects.crmcom.api import mounts
from crmgraph.dialects.crmcom.document import openapi

__all__ = ["mounts", "openapi"]
