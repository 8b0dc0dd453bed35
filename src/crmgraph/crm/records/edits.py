"""What a caller wants changed, in the words of the models and in nobody's dialect."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from crmgraph.crm.errors import Refused

Row = dict[str, Any]
"""Columns of one child row by attribute name. Absent keeps, None clears."""


@dataclass(slots=True)
class RowEdits:
    """Changes of one list of child rows. Rows that are not named stay as they are."""

    add: list[Row] = field(default_factory=list)
    update: list[tuple[int, Row]] = field(default_factory=list)
    remove: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.add or self.update or self.remove)


class ExternalIdValue(NamedTuple):
    """What a record is called in another system.

    Attributes:
        system: a dialect, or the name of any other system, in lower case.
        space: within which the value names one thing, e.g. `record`.
    """

    system: str
    space: str
    value: str


@dataclass(slots=True)
class ExternalIdEdits:
    """External ids that a record gets and loses. Those that it has already, or has not, change nothing.

    Attributes:
        faults: what is wrong with those of them that nothing can be called, told with all that is wrong with the edit.
    """

    add: list[ExternalIdValue] = field(default_factory=list)
    remove: list[ExternalIdValue] = field(default_factory=list)
    faults: list[Refused] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.add or self.remove or self.faults)


@dataclass(slots=True)
class Edit:
    """A change of one record with its rows.

    Attributes:
        values: columns of the record by attribute name. Absent keeps, None clears.
        phones, emails, addresses, relations: changes of its rows.
        external_ids: what it is called elsewhere from now on, and no longer.
        notes: notes that come with it, from whoever has checked them.
        extra_fields: {dialect: {key: value}}, merged key by key into what is kept; None takes a key out.
    """

    values: dict[str, Any] = field(default_factory=dict)
    phones: RowEdits = field(default_factory=RowEdits)
    emails: RowEdits = field(default_factory=RowEdits)
    addresses: RowEdits = field(default_factory=RowEdits)
    relations: RowEdits = field(default_factory=RowEdits)
    external_ids: ExternalIdEdits = field(default_factory=ExternalIdEdits)
    notes: list[Row] = field(default_factory=list)
    extra_fields: dict[str, dict[str, Any]] = field(default_factory=dict)

    def lists(self) -> dict[str, RowEdits]:
        """The lists of rows that change, by their names."""
        named = (
            ("phones", self.phones),
            ("emails", self.emails),
            ("addresses", self.addresses),
            ("relations", self.relations),
        )
        return {name: edits for name, edits in named if edits.add or edits.update or edits.remove}


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a record was made and changed in the system that it comes from, and by whom. None is as if it were here.

    Attributes:
        created_by_id, modified_by_id: of members of the staff that there are, active or not.
        state: {column: value} of what no door writes, since only processes do: whether a lead is approved, locked or
            converted, and to what. Who gives it, even an empty one, tells how a record stands elsewhere: no state in
            which the record is here keeps it from being changed.
    """

    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    created_by_id: int | None = None
    modified_by_id: int | None = None
    state: Mapping[str, Any] | None = None

    def given(self) -> dict[str, Any]:
        """What is said, {column: value}."""
        values = {name: getattr(self, name) for name in _STAMPED}
        return {name: value for name, value in values.items() if value is not None} | dict(self.state or {})


_STAMPED = tuple(each.name for each in fields(Stamp) if each.name != "state")
