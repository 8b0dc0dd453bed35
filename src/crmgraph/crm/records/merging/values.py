"""What the record that stays takes of one that goes: values of columns, and what one dialect alone knows.

It keeps what it has, fills what it lacks, and takes what the caller chose. Of consent the strictest holds. Whatever it
does not take is told.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from crmgraph.crm.models.columns import Preferences, derived
from crmgraph.crm.policy import Record

_BOOKKEEPING = frozenset(
    {"id", "number", "revision", "created_at", "updated_at", "deleted_at", "merged_into_id", "extra_fields"}
    | {"created_by_id", "modified_by_id", "converted_at", "converted_contact_id", "converted_account_id"}
    | {"locked_by"}
)
"""The columns that tell of the record itself, and that no other one has a use for."""

TOGETHER: tuple[tuple[str, ...], ...] = (
    ("birth_day", "birth_month", "birth_year"),
    ("id_number", "id_country"),
    ("passport_number", "passport_country"),
    ("social_security_number", "social_security_country"),
    ("registration_number", "registration_country"),
)
"""Columns that say one thing together: halves of two records would say a third."""

STRICTER: dict[str, bool] = {
    "email_opt_out": True,
    "sms_opt_out": True,
    "do_not_call": True,
    "do_not_disturb": True,
    "direct_marketing": False,
    "affiliate_marketing": False,
}
"""{column of a consent: the value by which somebody is left alone}: whoever said so once is."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A value of the record that goes which the other does not take.

    Attributes:
        path: as a history has it, e.g. `job_title` or `phones.1000000001.notes`.
        given: the value.
        kept: what stands in its place; None where nothing does.
    """

    path: str
    given: Any
    kept: Any


@dataclass(slots=True)
class Taken:
    """What the record that stays takes of one that goes.

    Attributes:
        values: {column: value} that it has otherwise now.
        extra_fields: {dialect: {key: value}}, likewise.
    """

    values: dict[str, Any] = field(default_factory=dict)
    extra_fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)


@cache
def choosable(model: Any) -> frozenset[str]:
    """The columns of which a caller may choose whose value the merged record has; nobody chooses away a refusal."""
    return _told(model) - STRICTER.keys()


@cache
def _told(model: Any) -> frozenset[str]:
    """The columns that say something of whom a record is about."""
    names = {each.key for each in model.__mapper__.column_attrs}
    return frozenset(names - _BOOKKEEPING - derived(model))


def group_of(column: str) -> tuple[str, ...]:
    """The columns that are chosen with this one."""
    return next((group for group in TOGETHER if column in group), (column,))


def united(stays: Record, goes: Record, chosen: Collection[str], *, besides: Collection[str] = ()) -> Taken:
    """What one record takes of the other.

    Args:
        chosen: the columns whose value is that of the record that goes, blank or not.
        besides: columns that are decided elsewhere.
    """
    taken = Taken()
    done = set(besides)
    for column in sorted(_told(type(stays))):
        if column in done:
            continue
        if column in STRICTER:
            _unite_consent(taken, stays, goes, column)
            continue
        group = group_of(column)
        done.update(group)
        _unite(taken, stays, goes, group, is_chosen=any(name in chosen for name in group))
    _unite_extra_fields(taken, stays, goes)
    return taken


def _unite_consent(taken: Taken, stays: Record, goes: Record, column: str) -> None:
    kept, given, strict = getattr(stays, column), getattr(goes, column), STRICTER[column]
    if given is strict or kept is None:
        if given is not None and given is not kept:
            taken.values[column] = given
    elif given is not None and given is not kept and strict is False:
        taken.dropped.append(Dropped(column, given, kept))


def _unite(taken: Taken, stays: Record, goes: Record, group: tuple[str, ...], *, is_chosen: bool) -> None:
    kept = {name: getattr(stays, name) for name in group}
    given = {name: getattr(goes, name) for name in group}
    fits = all(kept[name] is None or given[name] in (None, kept[name]) for name in group)
    if is_chosen or fits:
        wanted = given if is_chosen else {name: kept[name] if kept[name] is not None else given[name] for name in group}
        taken.values |= {name: value for name, value in wanted.items() if value != kept[name]}
        return
    for name in group:
        if given[name] not in (None, kept[name]) and not _is_no_wish(name, given[name]):
            taken.dropped.append(Dropped(name, given[name], kept[name]))


def _is_no_wish(name: str, given: Any) -> bool:
    """Whether a value is a switch that nobody has ever turned on."""
    return given is False and (name in Preferences.__annotations__ or name == "decision_maker")


def _unite_extra_fields(taken: Taken, stays: Record, goes: Record) -> None:
    for dialect, keys in goes.extra_fields.items():
        kept = stays.extra_fields.get(dialect, {})
        for key, value in keys.items():
            if key not in kept:
                taken.extra_fields.setdefault(dialect, {})[key] = value
            elif kept[key] != value:
                taken.dropped.append(Dropped(f"remainder.{dialect}.{key}", value, kept[key]))
