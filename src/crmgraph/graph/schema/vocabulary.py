"""The words of the schema for what the core calls by columns: in inputs, in the paths of faults, and in histories."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from crmgraph.crm.errors import Path
from crmgraph.crm.models import PartyKind
from crmgraph.crm.models.columns import FIRST_MINTED_ID, Base, Moment, Preferences
from crmgraph.crm.policy import IDENTITY_DOCUMENTS
from crmgraph.graph.schema.ids import PREFIXES, Prefix, encode
from crmgraph.graph.schema.scalars import printed_moment

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
_MERGED = ("merged", "merged_into", "unmerged")
"""What a history calls the records of a merge, before their kind: of the one that stays, and of the one that goes."""
_IDS = dict(REFERENCES.values()) | {
    "created_by_id": Prefix.USER,
    "modified_by_id": Prefix.USER,
    "converted_contact_id": Prefix.CONTACT,
    "converted_account_id": Prefix.ACCOUNT,
    **{f"{word}_{kind.value.lower()}_id": prefix for kind, prefix in PREFIXES.items() for word in _MERGED},
}

_ROW_FIELDS = {"party_id": "on"} | {name: name.removesuffix("_id") for name in (*_IDS, "other_id")}
_ROW_FIELDS = {name: to_camel_case(field) for name, field in _ROW_FIELDS.items()}
"""{column of a row that names something: its field}."""

_MOMENTS = frozenset(
    column.name for table in Base.metadata.tables.values() for column in table.c if isinstance(column.type, Moment)
)
"""The columns that hold points in time."""


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
    if first == "external_ids":
        # Systems and their spaces have names of their own.
        return ".".join([to_camel_case(first), *rest])
    if first in _LISTS and rest:
        row, *below = rest
        if below[:1] != ["remainder"]:
            below = [_ROW_FIELDS.get(name) or to_camel_case(name) for name in below]
        return ".".join([first, encode(_LISTS[first], int(row)), *below])
    return ".".join(map(to_camel_case, _PLACES.get(first, (first.removesuffix("_id"),))))


def is_reference(path: str) -> bool:
    """Whether the values of a field of the change log name somebody or something.

    Args:
        path: as the change log has it.
    """
    first, *rest = path.split(".")
    name = rest[-1] if rest else first
    return first != "remainder" and rest[1:2] != ["remainder"] and (name in _IDS or name in ("party_id", "other_id"))


def history_value(path: str, value: Any, kinds: Mapping[int, PartyKind], *, is_new: bool) -> Any:
    """A value of the change log in the words of the schema: what names something is its global id.

    Args:
        path: as the change log has it.
        kinds: of the records that relations name, by their ids.
        is_new: whether it is the later one of two.
    """
    first, *rest = path.split(".")
    if "remainder" in (first, *rest[1:2]):
        # What one dialect alone knows has that dialect's words.
        return value
    if first in _LISTS and not rest[1:]:
        return _history_row(value, kinds) if isinstance(value, dict) else value
    name = rest[-1] if rest else first
    if name == "party_id":
        # A note moves when a lead is converted, and never otherwise.
        prefix = Prefix.CONTACT if is_new else Prefix.LEAD
        return encode(prefix, value) if isinstance(value, int) else value
    if name == "left_out":
        return None if value is None else [lead_field(each) for each in value]
    return _history_column(name, value, kinds)


def _history_row(row: dict[str, Any], kinds: Mapping[int, PartyKind]) -> dict[str, Any]:
    return {
        _ROW_FIELDS.get(name) or to_camel_case(name): _history_column(name, value, kinds) for name, value in row.items()
    }


def _history_column(name: str, value: Any, kinds: Mapping[int, PartyKind]) -> Any:
    if name == "other_id":
        kind = kinds.get(value)
        return None if kind is None else encode(PREFIXES[kind], value)
    if isinstance(value, int) and name in _IDS:
        return encode(_IDS[name], value)
    if isinstance(value, str) and name in _MOMENTS:
        return printed_moment(dt.datetime.fromisoformat(value))
    return value


def example_of(path: Path) -> str | None:
    """What may be given at a place of an input; None where that is plain, or nobody can say.

    Args:
        path: in the words of the core.
    """
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return None
    is_row = names[1:] in (["update", "id"], ["remove"])
    prefix = ROWS.get(names[0]) if is_row else _NAMING.get(names[-1])
    return _EXAMPLES.get(names[-1]) if prefix is None else encode(prefix, FIRST_MINTED_ID + 1)


_NAMING = (
    _IDS
    | {name: prefix for name, (_, prefix) in REFERENCES.items()}
    | {"contact": Prefix.CONTACT, "lead": Prefix.LEAD, "note": Prefix.NOTE}
    | {"job": Prefix.JOB, "import": Prefix.IMPORT, "import_": Prefix.IMPORT}
)
"""{step of a path that names something: what its ids are of}."""

_EXAMPLES = {
    "last_name": "Curie",
    "name": "Acme Ltd",
    "raw": "+49 30 90123456",
    "address": "ada@example.com",
    "email": "ada@example.com",
    "content": "Called at noon",
}
