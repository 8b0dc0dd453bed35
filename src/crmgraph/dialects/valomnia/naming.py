"""Which fields a call of Valomnia's names, told without carrying it out."""

from collections.abc import Iterator

from crmgraph.crm.models import PartyKind, Way
from crmgraph.dialects.valomnia.fields import CONTACT
from crmgraph.rest.passing import HttpMessage, Named

_LIST = "GET /api/{version}/contacts"
_WRITTEN = frozenset({"POST /api/{version}/contacts", "POST /api/{version}/contacts/{id}"})
_FILTERS = frozenset({"firstName", "lastName", "dateCreated", "lastUpdated"})
_FORM = "application/x-www-form-urlencoded"


def named(operation: str, path: str, request: HttpMessage) -> Iterator[Named]:
    """The fields by which a list is filtered and sorted, and those of a form that writes; not of one with a picture."""
    if operation == _LIST and request.query:
        given = request.asked()
        sought = {name.partition("_")[0] for name in given} & _FILTERS
        sought |= CONTACT.known_names({given["sort"]} - {"id"}) if "sort" in given else set()
        yield from ((PartyKind.CONTACT, name, Way.SOUGHT) for name in sought)
    elif operation in _WRITTEN and request.headers.get("content-type", "").lower().startswith(_FORM):
        yield from ((PartyKind.CONTACT, name, Way.WRITTEN) for name in CONTACT.known_names(request.parameters()))
