"""Which fields a call of CRM.COM's Web API names, told without carrying it out."""

from collections.abc import Iterator, Mapping
from typing import Any

from crmgraph.crm.models import Account, Contact, PartyKind, Way
from crmgraph.dialects.crmcom.fields import fields_of
from crmgraph.dialects.crmcom.lookups import IDENTIFIER
from crmgraph.dialects.crmcom.sets import SETS
from crmgraph.rest.passing import HttpMessage, Named

_WRITTEN = frozenset(f"POST /crmapi/rest/v2/contact_information/{name}" for name in ("create", "update"))
_BESIDE = frozenset({IDENTIFIER, "token", "fields_set"})
"""What stands in a body beside the fields of the record."""


def written(model: type, body: Mapping[str, Any]) -> set[str]:
    """The fields of a contact or an account that a body brings, those of its parts included."""
    names = {
        f"{name}.{inner}" if inner else name
        for name, value in body.items()
        for inner in (value if isinstance(value, Mapping) and name != IDENTIFIER else ("",))
    }
    sets = {name for each in SETS for name in each.names}
    return fields_of(model).known_names(names - {IDENTIFIER}, sets)


def named(operation: str, path: str, request: HttpMessage) -> Iterator[Named]:
    """The fields that a body brings. What is changed counts as a contact unless the body says that it is a company."""
    if operation in _WRITTEN:
        body = {name: value for name, value in request.json().items() if name not in _BESIDE}
        is_account = body.get("type") == "COMPANY"
        kind = PartyKind.ACCOUNT if is_account else PartyKind.CONTACT
        yield from ((kind, name, Way.WRITTEN) for name in written(Account if is_account else Contact, body))
