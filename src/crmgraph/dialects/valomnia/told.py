"""Answers of Valomnia as edits: the tables that print records, read the other way, values that nobody can send too."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crmgraph.crm.models import Account, AddressKind, Contact
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import ExternalIdValue
from crmgraph.crm.records.external_ids import REFERENCE
from crmgraph.crm.records.slots import FIRST
from crmgraph.crm.values.countries import country_code
from crmgraph.dialects.valomnia.fields import CONTACT, CUSTOMER, CUSTOMERS, DIALECT, USERS
from crmgraph.mapping import Codec, Computed, Decoded, Field, FieldMap, Link, Primary, Resolved, Slot, decode


def _id(value: Any) -> str | None:
    given = value.get("id") if isinstance(value, dict) else None
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else None


def _country(value: Any) -> str | None:
    return country_code(value.strip()) if isinstance(value, str) and len(value.strip()) == 2 else None


_LINKS: dict[str, Any] = {
    "user": Link(Contact.owner_id, "staff", USERS),
    "customer": Link(Contact.account_id, "party", CUSTOMERS),
    "parentCustomer": Link(Account.parent_id, "party", CUSTOMERS),
}
"""What is told in brief of another one, by its id."""
_TIMES = ("dateCreated", "lastUpdated")


def _told(fields: FieldMap) -> FieldMap:
    """The table of what answers tell, of the one that prints them."""
    found = []
    for each in fields.fields:
        at, codec = each.at, each.codec
        if each.name in _LINKS:
            found.append(Field(each.name, _LINKS[each.name], Codec(_id)))
            continue
        if isinstance(at, Computed) or each.name in _TIMES or each.name == "customerId":
            continue
        if isinstance(at, Primary):
            at = Slot(at.rows, at.column, FIRST, AddressKind.BUSINESS)
        if each.name.lower().endswith("country"):
            codec = Codec(_country)
        found.append(replace(each, at=at, codec=codec, writable=True))
    return FieldMap(fields.dialect, fields.model, found, unknown=False)


TOLD_CONTACT, TOLD_CUSTOMER = _told(CONTACT), _told(CUSTOMER)


def decode_customer(body: Mapping[str, Any], aggregate: Aggregate | None, resolved: Resolved) -> Decoded:
    """A customer, whom its own books call by its reference."""
    decoded = decode(TOLD_CUSTOMER, body, aggregate, resolved)
    if isinstance(reference := body.get("reference"), str) and reference.strip():
        decoded.edit.external_ids.add.append(ExternalIdValue(DIALECT, REFERENCE, reference))
    return decoded
