"""Zoho CRM's API v2: leads, contacts and accounts as Zoho's clients know them."""

from collections.abc import Iterable

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.lookup import IdCandidates, minted
from crmgraph.dialects.zoho import codecs
from crmgraph.dialects.zoho.api import ACCOUNTS_API, API, VIEWING, mounts
from crmgraph.dialects.zoho.comparing import COMPARING
from crmgraph.dialects.zoho.fields import DIALECT, MODULES, OF_KIND
from crmgraph.dialects.zoho.openapi import openapi
from crmgraph.dialects.zoho.search import identifying_place
from crmgraph.dialects.zoho.upstream import PASSING, PULLING, TELLING
from crmgraph.mapping import FieldMap
from crmgraph.rest import operation_names
from crmgraph.suggestions import suggestion


def href(kind: PartyKind | None, value: str) -> str | None:
    """The path under which a record is served."""
    return None if kind is None else f"{API.prefix}/{OF_KIND[kind].name}/{value}"


def id_candidates(kind: PartyKind | None, text: str) -> IdCandidates | None:
    """What an id stands for; of the kind None, of a user."""
    digits = codecs.id_digits(text)
    space = "user" if kind is None else "record"
    return None if digits is None else IdCandidates(DIALECT, ((space, digits),), minted(digits))


def tables() -> dict[PartyKind, FieldMap]:
    """The field maps."""
    return {kind: module.fields for kind, module in OF_KIND.items()}


def unique_fields(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """{module: fields} of names like Leads.Mobile.

    Raises:
        ValueError: there is no such module or field.
    """
    found: dict[str, set[str]] = {}
    for name in names:
        module, _, field = name.partition(".")
        known = MODULES.get(module)
        if known is None or known.fields.field(field) is None or identifying_place(known, field) is None:
            every = [
                f"{each.name}.{one.name}"
                for each in MODULES.values()
                for one in each.fields.fields
                if identifying_place(each, one.name) is not None
            ]
            hint = suggestion(name, every) or ", e.g. Leads.Mobile"
            raise ValueError(f"Zoho has no field {name} whose values could be unique{hint}")
        found.setdefault(module, set()).add(field)
    return {module: frozenset(fields) for module, fields in found.items()}


busy, nowhere = API.busy, API.nowhere
operations = operation_names(API, ACCOUNTS_API)

__all__ = [
    "COMPARING",
    "PASSING",
    "PULLING",
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
    "unique_fields",
]
