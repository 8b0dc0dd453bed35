"""Which fields a call of Covalense's names, told without carrying it out."""

from collections.abc import Iterator

from crmgraph.crm.models import PartyKind, Way
from crmgraph.dialects.covalense.fields import ACCOUNTS, tables
from crmgraph.rest.passing import HttpMessage, Named

_WRITTEN = {
    "PUT /crm/v1/profile/contact": (PartyKind.CONTACT, tables("").contacts),
    "PUT /crm/v1/profile/account": (PartyKind.ACCOUNT, ACCOUNTS),
}


def named(operation: str, path: str, request: HttpMessage) -> Iterator[Named]:
    """The fields that a customer changes."""
    if operation in _WRITTEN:
        kind, fields = _WRITTEN[operation]
        yield from ((kind, name, Way.WRITTEN) for name in fields.known_names(request.json()))
