"""The mutation: a contact's first name and a phone's number change in one transaction, with their row of the log."""

import datetime as dt
import os
from typing import Any

from sqlalchemy import select

from bench.peers.book.database import sessions
from bench.peers.book.models import Change, Contact, Phone

STAFF_ID = int(os.environ["BENCH_STAFF_ID"])
CREDENTIAL_ID = int(os.environ["BENCH_CREDENTIAL_ID"])


async def rename(contact_id: int, first_name: str | None, phone_id: int, raw: str) -> Contact:
    """Change a contact; what changes nothing writes nothing.

    Raises:
        NoResultFound: there is no such contact, or no such phone of it.
    """
    fields: list[dict[str, Any]] = []
    async with sessions() as session, session.begin():
        query = select(Contact).where(Contact.id == contact_id, Contact.deleted_at.is_(None)).with_for_update()
        contact = (await session.scalars(query)).one()
        phone = (await session.scalars(select(Phone).where(Phone.id == phone_id, Phone.party_id == contact_id))).one()
        if contact.first_name != first_name:
            fields.append({"field": "first_name", "old": contact.first_name, "new": first_name})
            contact.first_name = first_name
        if phone.raw != raw:
            fields.append({"field": f"phones.{phone_id}.raw", "old": phone.raw, "new": raw})
            phone.raw = raw
            phone.digits = "".join(c for c in raw if c.isdigit())
            phone.e164 = f"+{phone.digits}"
        if fields:
            contact.revision += 1
            contact.updated_at = dt.datetime.now(dt.UTC)
            contact.modified_by_id = STAFF_ID
            session.add(
                Change(
                    party_id=contact_id,
                    kind="CONTACT",
                    action="UPDATED",
                    revision=contact.revision,
                    at=contact.updated_at,
                    door="GRAPHQL",
                    credential_id=CREDENTIAL_ID,
                    fields=fields,
                )
            )
    return contact
