"""The dialect of Covalense "Csmart", a layer over vtiger: nine services for the self-care portal of a customer."""

from crmgraph.dialects.covalense.api import busy, mounts
from crmgraph.dialects.covalense.document import openapi

__all__ = ["busy", "mounts", "openapi"]
