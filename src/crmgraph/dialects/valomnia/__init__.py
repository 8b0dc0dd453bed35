"""The Valomnia dialect: contacts and customers of a sales force, below /api/{version}, behind a session cookie."""

from crmgraph.crm.models import PartyKind
from crmgraph.dialects.valomnia.api import busy, mounts
from crmgraph.dialects.valomnia.openapi import openapi

_ROOTS = {PartyKind.CONTACT: "contacts", PartyKind.ACCOUNT: "customers"}


def href(kind: PartyKind | None, value: str) -> str | None:
    """The path under which a record is served; leads have none, and a customer's name is no number."""
    root = None if kind is None else _ROOTS.get(kind)
    return f"/api/v1.0/{root}/{value}" if root is not None and value.isdecimal() else None


__all__ = ["busy", "href", "mounts", "openapi"]
