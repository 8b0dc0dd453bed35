"""Who last set a value, and when: read from the change log, whatever the door was."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Change, Credential, ExternalId, LegacyClient, Staff


@dataclass(frozen=True, slots=True)
class Setting:
    """One value's last change.

    Attributes:
        by: the staff member who made it, or for whom a program did; None for a customer, an import or an operator.
        external_id: their id in the dialect; None when they were added here.
    """

    at: dt.datetime
    by: Staff | None
    external_id: str | None


async def last_set(session: AsyncSession, party_id: int, fields: Collection[str], dialect: str) -> dict[str, Setting]:
    """{field: its last change} of those fields of one record that were ever set, in one statement a field.

    Args:
        fields: as the change log names them, e.g. `direct_marketing`.
        dialect: whose external ids are wanted.
    """
    found = {}
    author_id = func.coalesce(LegacyClient.staff_id, Credential.staff_id)
    for field in fields:
        query = (
            select(Change.at, Staff, ExternalId.value)
            .outerjoin(LegacyClient, LegacyClient.id == Change.client_id)
            .outerjoin(Credential, Credential.id == Change.credential_id)
            .outerjoin(Staff, Staff.id == author_id)
            .outerjoin(ExternalId, (ExternalId.staff_id == Staff.id) & (ExternalId.dialect == dialect))
            # The log's fields are few a change, and the index has narrowed it down to one record's.
            .where(Change.party_id == party_id, cast(Change.fields, Text).contains(f'"{field}"', autoescape=True))
            .order_by(Change.id.desc())
            .limit(1)
        )
        if (row := (await session.execute(query)).one_or_none()) is not None:
            found[field] = Setting(*row)
    return found
