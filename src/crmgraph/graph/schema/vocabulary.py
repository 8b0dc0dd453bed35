"""The words of the schema for what the core calls by columns: in inputs, in the paths of faults, and in histories."""

from typing import Any

from strawberry.utils.str_converters import to_camel_case

from crmgraph.crm.errors import Path
from crmgraph.crm.models.columns import Preferences
from crmgraph.crm.policy import IDENTITY_DOCUMENTS
from crmgraph.graph.schema.ids import Prefix, encode

REFERENCES = {
    "owner": ("owner_id", Prefix.USER),
    "account": ("account_id", Prefix.ACCOUNT),
    "reports_to": ("reports_to_id", Prefix.CONTACT),
    "parent": ("parent_id", Prefix.ACCOUNT),
    "primary_contact": ("primary_contact_id", Prefix.CONTACT),
}
"""{input field: (column, what its id is of)}."""

PARTS = {
    "birth_date": {"day": "birth_day", "month": "birth_month", "year": "birth_year"},
    "identity_documents": {name: name for name in sorted(IDENTITY_DOCUMENTS)},
    "preferences": {name: name for name in Preferences.__annotations__},
}
"""{input field that is an object: {its field: column}}."""

ROWS = {"phones": Prefix.PHONE, "emails": Prefix.EMAIL, "addresses": Prefix.ADDRESS}
"""{list of an input: what its ids are of}."""

_PLACES: dict[str, tuple[str, ...]] = {column: (name,) for name, (column, _) in REFERENCES.items()} | {
    column: (part, name) for part, names in PARTS.items() for name, column in names.items()
}
_LISTS = {**ROWS, "relations": Prefix.RELATION, "notes": Prefix.NOTE}
_IDS = dict(REFERENCES.values()) | {
    "converted_contact_id": Prefix.CONTACT,
    "converted_account_id": Prefix.ACCOUNT,
}


def graph_path(path: Path) -> list[str]:
    """Where in the arguments of a mutation something lies, in the words of the schema.

    Args:
        path: in the words of the core.
    """
    steps = ["input"]
    for step in path:
        if isinstance(step, int):
            steps.append(str(step))
        else:
            steps += map(to_camel_case, _PLACES.get(step, (step,)))
    return steps


def lead_field(name: str) -> str:
    """A field of a lead, or a place below it, in the words of the schema."""
    # What one dialect alone knows has that dialect's names.
    return name if name.startswith("remainder.") else ".".join(map(to_camel_case, name.split(".")))


def history_path(path: str) -> str:
    """The field that a change touched, e.g. `account` or `phones.pho_1000000001.raw`.

    Args:
        path: as the change log has it.
    """
    first, *rest = path.split(".")
    if first == "remainder":
        # What one dialect alone knows has that dialect's names.
        return path
    if first in _LISTS and rest:
        return ".".join([first, encode(_LISTS[first], int(rest[0])), *map(to_camel_case, rest[1:])])
    return ".".join(map(to_camel_case, _PLACES.get(first, (first.removesuffix("_id"),))))


def history_value(path: str, value: Any) -> Any:
    """A value of the change log; what names another record is its global id.

    Args:
        path: as the change log has it.
    """
    if isinstance(value, int) and path in _IDS:
        return encode(_IDS[path], value)
    if isinstance(value, dict) and not path.startswith("remainder"):
        return {to_camel_case(name): inner for name, inner in value.items()}
    return value
