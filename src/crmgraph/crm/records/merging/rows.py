"""The contact points and relations of a record that goes: they move to the record that stays, unless it has them.

A row that moves keeps its id, with all that names it, and takes the first free slot of its new record. One that the
other has already stays behind; what only it says of them both is filled in, and what differs is told.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from crmgraph.crm.errors import Refused, TooLarge
from crmgraph.crm.models import Email, Phone, derived, values_of
from crmgraph.crm.records.aggregates import ROWS, Aggregate
from crmgraph.crm.records.change_log import Changes, RowPath, plain
from crmgraph.crm.records.contact_points import complete_numbers, region_of
from crmgraph.crm.records.keys import derive_of_rows, name_key
from crmgraph.crm.records.lead_values import IDENTITIES
from crmgraph.crm.records.merging.values import Dropped
from crmgraph.crm.records.rules import MAX_ROWS
from crmgraph.crm.records.slots import SLOTTED, assign

_OWN = frozenset({"id", "party_id", "rank", "slot", "active", "extra_fields"}) | {
    "e164",
    "raw",
    "address",
    "verified",
    "self_given",
}
"""What two rows that are one have each of its own, or what they are one by, besides what is derived."""


def _relation(row: Any) -> Any:
    return row.kind.casefold(), row.other_id, sorted(row.given.items(), key=str)


_SAME: dict[str, Any] = {**IDENTITIES, "relations": _relation}


@dataclass(slots=True)
class MovedRows:
    """What became of the rows of a record that goes.

    Attributes:
        moved: those that belong to the other now.
        twins: {list: (id of the row that stays behind, the row of the other)} of those that it had.
        parted: relations of the other to the record that goes, which would be to itself.
        filled: {list: {id: {column: (old, new)}}} of rows of the other.
    """

    moved: dict[str, list[Any]] = field(default_factory=dict)
    twins: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    parted: list[Any] = field(default_factory=list)
    filled: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def touched(self) -> list[Any]:
        """The rows to be written."""
        return [row for rows in self.moved.values() for row in rows]


def too_many(stays: Aggregate, goes: Aggregate) -> list[Refused]:
    """The faults of lists that would be longer than any may be."""
    faults: list[Refused] = []
    for part in ROWS:
        mine, theirs = getattr(stays, part), getattr(goes, part)
        if len(mine) + sum(_twin(stays, part, row) is None for row in theirs) > MAX_ROWS:
            faults.append(TooLarge((part,), MAX_ROWS))
    return faults


def unite_rows(stays: Aggregate, goes: Aggregate, changes: Changes, region: str | None) -> MovedRows:
    """Move the rows of one record to another, in memory, and note what changes of that.

    Args:
        region: where numbers are dialled that name no country, of records without an address.
    """
    done = MovedRows()
    key = name_key(stays.record)
    for part in ROWS:
        if part == "relations":
            _part(stays, goes, done, changes)
        arrived = []
        for row in list(getattr(goes, part)):
            twin = _twin(stays, part, row)
            if part == "relations" and row.other_id == stays.id:
                done.dropped.append(Dropped(f"relations.{row.id}", row.kind, None))
            elif twin is not None:
                _fill(done, part, row, twin, changes)
            else:
                arrived.append(row)
        _arrive(stays, part, arrived, changes, key)
        if arrived:
            done.moved[part] = arrived
    complete_numbers(stays.phones, region_of(stays.addresses) or region)
    left = {part: [row for row in getattr(goes, part) if row.party_id == goes.id] for part in SLOTTED}
    derive_of_rows(goes.record, left)
    return done


def _twin(stays: Aggregate, part: str, row: Any) -> Any | None:
    """The row of a record that is this very one; one that is out of use is none for one that is in use."""
    of = _SAME[part]
    rows = getattr(stays, part)
    return next((each for each in rows if of(each) == of(row) and (each.active or not row.active)), None)


def _part(stays: Aggregate, goes: Aggregate, done: MovedRows, changes: Changes) -> None:
    """Take away the relations of the record that stays to the one that goes."""
    for row in [row for row in stays.relations if row.other_id == goes.id]:
        stays.relations.remove(row)
        changes.removed(RowPath("relations", row), row)
        done.parted.append(row)


def _arrive(stays: Aggregate, part: str, arrived: list[Any], changes: Changes, key: str) -> None:
    rows: list[Any] = getattr(stays, part)
    last = max((row.rank for row in rows), default=-1)
    for place, row in enumerate(arrived, start=1):
        row.party_id = stays.id
        row.rank = last + place
        if part == "addresses" and row.name_key != key:
            row.name_key = key
        rows.append(row)
    if part in SLOTTED:
        found = assign(type(stays.record), rows, arrived)
        for place, row in enumerate(arrived):
            if row.slot != found.get(place):
                row.slot = found.get(place)
    for row in arrived:
        changes.added(RowPath(part, row), row)


def _fill(done: MovedRows, part: str, row: Any, twin: Any, changes: Changes) -> None:
    """Let the row that stays say what only the other one says."""
    done.twins.setdefault(part, []).append((row.id, twin))
    filled: dict[str, Any] = {}
    path = RowPath(part, twin)
    own = _OWN | derived(row.__class__)
    for name, given in values_of(row).items():
        kept = getattr(twin, name)
        if name in own or given in (None, kept) or part == "relations":
            continue
        if kept is None:
            filled[name] = (plain(kept), plain(given))
            changes.column(path / name, kept, given)
            setattr(twin, name, given)
        else:
            done.dropped.append(Dropped(f"{part}.{row.id}.{name}", given, kept))
    if isinstance(row, Phone) and row.raw != twin.raw:
        done.dropped.append(Dropped(f"{part}.{row.id}.raw", row.raw, twin.raw))
    if isinstance(row, Email):
        if row.address != twin.address:
            done.dropped.append(Dropped(f"{part}.{row.id}.address", row.address, twin.address))
        # Whoever has shown that it is theirs has shown it of the one person that both are.
        for name, holds in (("verified", True), ("self_given", False)):
            if getattr(row, name) is holds and getattr(twin, name) is not holds:
                filled[name] = (not holds, holds)
                changes.column(path / name, not holds, holds)
                setattr(twin, name, holds)
    merged = deepcopy(twin.extra_fields)
    for dialect, keys in row.extra_fields.items():
        mine = merged.setdefault(dialect, {})
        for name, value in keys.items():
            if name not in mine:
                mine[name] = deepcopy(value)
            elif mine[name] != value:
                done.dropped.append(Dropped(f"{part}.{row.id}.remainder.{dialect}.{name}", value, mine[name]))
    if merged != twin.extra_fields:
        filled["extra_fields"] = (twin.extra_fields, merged)
        for dialect, keys in merged.items():
            for name, value in keys.items():
                changes.column(
                    path / f"remainder.{dialect}.{name}", twin.extra_fields.get(dialect, {}).get(name), value
                )
        twin.extra_fields = merged
    if filled:
        done.filled.setdefault(part, {})[twin.id] = filled
