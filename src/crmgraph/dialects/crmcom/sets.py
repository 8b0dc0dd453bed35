"""The sets of a record that requests change: which rows they are, and how a request names one of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from crmgraph.dialects.crmcom import contact_points
from crmgraph.dialects.crmcom.response_formats import SHOW
from crmgraph.mapping import FieldMap


@dataclass(frozen=True, slots=True)
class RowSet:
    """One of a record's sets.

    Attributes:
        names: in requests: the documented one, and the one that answers have.
        rows: what the rows are called here.
        target: under which external ids point at them; None for relations.
        identifier: the field by which a request names a row that is there.
        fields: of one row, as requests have them.
        required: what a row that comes has to have, as requests call it.
    """

    names: tuple[str, ...]
    rows: str
    target: str | None
    identifier: str
    fields: FieldMap
    required: Mapping[str, str]


SETS = (
    RowSet(
        ("address_set", "addresses_set"),
        "addresses",
        "address",
        "address_identifier",
        contact_points.address(SHOW),
        {"type": "kind", "street_name": "street"},
    ),
    RowSet(
        ("phone_set", "phones_set"),
        "phones",
        "phone",
        "phone_identifier",
        contact_points.phone(SHOW),
        {"type": "kind", "number": "raw"},
    ),
    RowSet(
        ("email_set", "emails_set"),
        "emails",
        "email",
        "email_identifier",
        contact_points.email(SHOW),
        {"type": "kind", "email_address": "address"},
    ),
    RowSet(
        ("relation_set",),
        "relations",
        None,
        "relation_identifier",
        contact_points.relation(SHOW),
        {"type": "kind", "contact_information_identifier": "given"},
    ),
)
"""The sets that a request may change."""
