"""What records may share, and who shares it: emails, phones, ids of other systems, the name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Text, bindparam, cast, func, literal, literal_column, not_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import CLAIMED, Account, Email, ExternalId, Lead, PartyKind, Phone
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.parameters import Several
from crmgraph.crm.records.duplicates.likeness import Profile
from crmgraph.crm.records.external_ids import CONTENT
from crmgraph.db.database import database_of

MAX_BLOCK = 20
"""The most records that are compared because they share something."""
MAX_NAMESAKES = 3
"""The same, where it is the name alone: one that more have says nothing of whether two of them are one."""
MIN_EXTERNAL = 6
"""The shortest id of another system that tells anything, in characters."""

ROWS = 4
"""How many rows of a record may have the same, for all who share it to be told; they are read without being sorted."""

Shared: TypeAlias = tuple[str, str]
"""(field of a profile, value) that records share."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of rows that belong to records, of which two records may have the same.

    Attributes:
        row: the model of the rows.
        only: which rows count.
    """

    row: Any
    column: Any
    only: ColumnElement[bool]


FIELDS: Mapping[str, Field] = {
    "emails": Field(Email, Email.address_key, Email.active & not_(CLAIMED) & (Email.address_key > "")),
    "phones": Field(Phone, Phone.e164, Phone.active & Phone.e164.is_not(None)),
    "external": Field(
        ExternalId,
        ExternalId.value,
        ExternalId.live.is_(True)
        & ExternalId.alias.is_(False)
        & (ExternalId.dialect != CONTENT)
        & (func.length(ExternalId.value) >= MIN_EXTERNAL),
    ),
}
"""{field of a profile: where its values stand}."""


def name_of(kind: PartyKind) -> Any:
    """The column by which names of records of a kind are compared."""
    model: Any = MODELS[kind]
    return model.name_key if model is Account else model.full_name_key


def compared(kind: PartyKind) -> list[ColumnElement[bool]]:
    """Which records of a kind are compared at all: live ones, and of leads those that are not converted."""
    model: Any = MODELS[kind]
    return [model.deleted_at.is_(None), *([Lead.converted_at.is_(None)] if model is Lead else [])]


def shared_by(profile: Profile) -> Iterator[Shared]:
    """What of a record others may share."""
    for field in FIELDS:
        yield from ((field, value) for value in getattr(profile, field))
    if profile.name:
        yield "name", profile.name


async def holders(session: AsyncSession, kind: PartyKind, profiles: Iterable[Profile]) -> dict[Shared, set[int]]:
    """Who has what these records have, in one statement. Of what more than are ever compared have, a few too many are
    told, and the others are not read: one value that all have costs no more than another, and hides none."""
    asked: dict[str, set[str]] = defaultdict(set)
    for profile in profiles:
        for field, value in shared_by(profile):
            asked[field].add(value)
    if not asked:
        return {}
    model: Any = MODELS[kind]
    sqlite = database_of(session).is_sqlite
    joined = func.group_concat if sqlite else func.string_agg

    def build() -> Any:
        queries = []
        for field in sorted(asked):
            listed = (func.json_each if sqlite else func.unnest)(bindparam(field, type_=Several(Text())))
            values = listed.table_valued("value") if sqlite else listed.table_valued("value").render_derived()
            if field == "name":
                query, column = select(model.id), name_of(kind)
            else:
                of = FIELDS[field]
                query = select(of.row.party_id).join(model, model.id == of.row.party_id).where(of.only)
                column = of.column
            each = query.where(column == values.c.value, *compared(kind)).correlate(values)
            ids = each.limit(literal_column(str((most(field) + 1) * ROWS))).subquery()
            told = select(joined(cast(ids.c[0], Text), literal_column("','"))).scalar_subquery()
            queries.append(select(literal(field), values.c.value, told))
        return union_all(*queries)

    values: dict[str, Any] = {field: sorted(given) for field, given in asked.items()}
    rows = await snapshots.rows_of(session, ("holders", kind, tuple(sorted(asked))), build, values)
    return {(field, value): {int(each) for each in ids.split(",")} for field, value, ids in rows if ids}


def most(field: str) -> int:
    """The most records that are compared because they share a value of a field."""
    return MAX_NAMESAKES if field == "name" else MAX_BLOCK
