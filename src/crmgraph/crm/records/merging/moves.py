"""What belongs to a record that goes, or names it, goes over to the record that stays: in a constant number of
statements, however much it is. Which rows they were is kept with the merge, so that they can go back.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, case, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import (
    Account,
    Change,
    Contact,
    Credential,
    DismissedDuplicate,
    ExternalId,
    Lead,
    MergedRow,
    Note,
    PartyKind,
    Photo,
    Relation,
    SalesOrder,
    VerificationCode,
    now,
)
from crmgraph.crm.policy import MODELS, Actor, Record
from crmgraph.crm.records import local_changes
from crmgraph.crm.records.external_ids import minted_names
from crmgraph.db.database import database_of

_AS_IT_IS = {"synchronize_session": False}

NAMING: dict[PartyKind, tuple[Any, ...]] = {
    PartyKind.CONTACT: (
        Note.party_id,
        Contact.reports_to_id,
        Account.primary_contact_id,
        Lead.converted_contact_id,
        Relation.other_id,
        SalesOrder.contact_id,
    ),
    PartyKind.ACCOUNT: (
        Note.party_id,
        Contact.account_id,
        Account.parent_id,
        Lead.converted_account_id,
        Relation.other_id,
        SalesOrder.account_id,
    ),
    PartyKind.LEAD: (Note.party_id,),
}
"""The columns that name a record of each kind, beside those of its contact points."""


ROW_IDS: dict[str, Any] = {
    "phones": ExternalId.phone_id,
    "emails": ExternalId.email_id,
    "addresses": ExternalId.address_id,
}
"""{list: the column by which an external id names a row of it}."""


@dataclass(frozen=True, slots=True)
class Way:
    """From which record to which, in which merge."""

    session: AsyncSession
    merge_id: int
    kind: PartyKind
    goes: int
    stays: int

    async def run(self, statement: Any) -> Any:
        return await self.session.execute(statement, execution_options=_AS_IT_IS)

    async def keep(self, part: str) -> None:
        """Remember that the two have exchanged what each has one of."""
        await self.session.execute(insert(MergedRow).values(merge_id=self.merge_id, part=part, row_id=self.goes))


async def require_free(session: AsyncSession, actor: Actor, column: Any, *mine: ColumnElement[bool]) -> None:
    """Let a column of these rows name another record, where no old CRM holds them: it would not learn of that.

    Raises:
        HeldUpstream: it holds one.
    """
    if column.class_ in MODELS.values():
        await local_changes.require_found_free(session, actor, select(column.class_.id).where(*mine))
    elif column.class_ is Relation:
        await local_changes.require_found_free(session, actor, select(Relation.party_id).where(*mine))


async def move(way: Way, name_key: str) -> dict[str, int]:
    """Let whatever names the record that goes name the other: rows of notes, records, relations and orders, the log,
    ids elsewhere and records that were merged into it before.

    Args:
        name_key: of the record that stays, which contacts of an account repeat.

    Returns:
        {part: how many rows} of what was moved.
    """
    moved: dict[str, int] = {}
    for column in NAMING[way.kind]:
        part = part_of(column)
        model = column.class_
        mine = [column == way.goes]
        if column is not Note.party_id and hasattr(model, "id"):
            # What they name of each other is decided with their values.
            own = model.party_id if model is Relation else model.id
            mine.append(own.not_in([way.goes, way.stays]))
        rows = select(literal(way.merge_id, BigInteger()), literal(part, Text()), model.id).where(*mine)
        kept = insert(MergedRow).from_select(["merge_id", "part", "row_id"], rows, include_defaults=False)
        moved[part] = (await way.run(kept)).rowcount
        if moved[part]:
            values: dict[str, Any] = {column.key: way.stays}
            if column is Contact.account_id:
                values["account_name_key"] = name_key
            await way.run(update(model).where(*mine).values(values))
    if way.kind is PartyKind.CONTACT:
        codes = update(VerificationCode).where(VerificationCode.contact_id == way.goes)
        await way.run(codes.values(contact_id=way.stays))
    log = update(Change).where(Change.party_id == way.goes)
    await way.run(log.values(party_id=way.stays, former_id=func.coalesce(Change.former_id, way.goes)))
    model = MODELS[way.kind]
    await way.run(update(model).where(model.merged_into_id == way.goes).values(merged_into_id=way.stays))
    await _keep_apart(way)
    return moved


async def _keep_apart(way: Way) -> None:
    """Let what was said not to be the same as the record that goes not be the same as the other."""
    one, other = DismissedDuplicate.one_id, DismissedDuplicate.other_id
    said = select(one, other).where(or_(one == way.goes, other == way.goes))
    apart = {first if second == way.goes else second for first, second in await way.session.execute(said)}
    rows = [
        {"one_id": min(each, way.stays), "other_id": max(each, way.stays), "at": now()} for each in apart - {way.stays}
    ]
    if rows:
        insert_ = insert_sqlite if database_of(way.session).is_sqlite else insert_postgresql
        await way.run(insert_(DismissedDuplicate).values(rows).on_conflict_do_nothing())


def part_of(column: Any) -> str:
    """What `MergedRow.part` calls a column."""
    return f"{column.class_.__tablename__}.{column.key}"


async def move_ids(way: Way, record: Record) -> None:
    """Let whatever the record was called lead to the other: what came from elsewhere, and what dialects print of it."""
    mine = update(ExternalId).where(ExternalId.party_id == way.goes, ExternalId.live.is_(True))
    await way.run(mine.values(party_id=way.stays, former_id=func.coalesce(ExternalId.former_id, way.goes)))
    rows = [
        {
            "dialect": each.system,
            "space": each.space,
            "value": each.value,
            "live": True,
            "party_id": way.stays,
            "former_id": way.goes,
            "alias": True,
        }
        for each in minted_names(way.kind, record)
    ]
    insert_ = insert_sqlite if database_of(way.session).is_sqlite else insert_postgresql
    await way.run(insert_(ExternalId).values(rows).on_conflict_do_nothing())


async def move_row_ids(way: Way, part: str, twins: list[tuple[int, Any]]) -> None:
    """Let the ids of rows that stay behind lead to those that are the same."""
    if (column := ROW_IDS.get(part)) is None:
        return
    led = {row_id: twin.id for row_id, twin in twins}
    moving = update(ExternalId).where(column.in_(led))
    await way.run(moving.values({column.key: case(led, value=column), "former_id": way.goes}))


async def swap_photos(session: AsyncSession, one: int, other: int) -> None:
    """Let two records have each other's photo, of which either may have none."""
    table: Any = Photo.__table__
    both = table.c.party_id.in_([one, other])
    rows = [dict(row) for row in (await session.execute(select(table).where(both))).mappings()]
    await session.execute(delete(table).where(both))
    swapped = [row | {"party_id": other if row["party_id"] == one else one} for row in rows]
    if swapped:
        await session.execute(insert(table), swapped)


async def swap_logins(session: AsyncSession, one: int, other: int) -> None:
    """Let two contacts have each other's login, of which either may have none."""
    query = select(Credential.id, Credential.contact_id).where(Credential.contact_id.in_([one, other]))
    found = list((await session.execute(query)).all())
    if len(found) > 1:
        # No two may be of one contact at any time.
        await _give(session, found[0].id, None)
        found.reverse()
    for row in found:
        await _give(session, row.id, other if row.contact_id == one else one)


async def _give(session: AsyncSession, credential_id: int, contact_id: int | None) -> None:
    giving = update(Credential).where(Credential.id == credential_id).values(contact_id=contact_id)
    await session.execute(giving, execution_options=_AS_IT_IS)
