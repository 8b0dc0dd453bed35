"""A store that reads an old CRM, and what its own Zoho door answers of it."""

import ipaddress
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import func, select

from crmgraph.crm.core import Core
from crmgraph.crm.identity import clients
from crmgraph.crm.models import Change, Contact, Door, Parked, PullMark, Staff, Upstream
from crmgraph.dialects.zoho import PULLING
from crmgraph.upstream.pull import Puller, Report
from crmgraph.upstream.reading import opened
from tests.upstream.old_crm import SCOPES, OldCrm

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
LISTS: Mapping[str, Mapping[str, str]] = {
    "users": {},
    "Accounts": {},
    "Contacts": {},
    "Leads": {"converted": "both", "approved": "both"},
    "Notes": {},
}
SECRETS = ("client_id", "client_secret", "refresh_token")


@dataclass(frozen=True)
class Reader:
    """A store in front of an old CRM.

    Attributes:
        client: of its doors, without a network.
    """

    core: Core
    client: httpx.AsyncClient

    async def behind(self, url: str, **options: Any) -> "Reader":
        """The same with an old CRM at this address."""
        async with self.core.db.begin() as session:
            await session.merge(
                Upstream(dialect=Door.ZOHO, base_url=url, accounts_url=None, insecure=True, options=options)
            )
        return self

    def puller(self) -> AbstractAsyncContextManager[Puller]:
        """Who reads it."""
        return opened(self.core, LOOPBACK, Door.ZOHO, PULLING)

    async def pull(self, **how: Any) -> Report:
        """Read it once."""
        async with self.puller() as puller:
            return await puller.run(**how)

    async def token(self, email: str = "ada@old.example") -> dict[str, str]:
        """The header of a Zoho client of the store who acts as one of the users that were read."""
        async with self.core.db.begin() as session:
            staff = await session.scalar(select(Staff.id).where(Staff.email_key == email))
            assert staff is not None
            made = await clients.add_client(session, Door.ZOHO, "t", "1000.T", "x", staff, SCOPES, "")
        token = await clients.issue(self.core.db, made, "access", seconds=None, grants=SCOPES, token="1000.here")
        return {"Authorization": f"Zoho-oauthtoken {token}"}

    async def marks(self) -> dict[str, PullMark]:
        """How far the lists were read."""
        async with self.core.db.read() as session:
            return {mark.source: mark for mark in await session.scalars(select(PullMark))}

    async def parked(self) -> list[tuple[str, str, str, int]]:
        """What was not taken: (list, id there, code, tries)."""
        async with self.core.db.read() as session:
            rows = await session.scalars(select(Parked).order_by(Parked.source, Parked.home_id))
            return [(row.source, row.home_id, row.code, row.tries) for row in rows]

    async def counts(self) -> tuple[int, int]:
        """How many changes are in the log, and the sum of the revisions of contacts."""
        async with self.core.db.read() as session:
            changes = await session.scalar(select(func.count()).select_from(Change))
            return changes or 0, await session.scalar(select(func.sum(Contact.revision))) or 0

    async def listed(self, path: str, token: Mapping[str, str]) -> list[dict[str, Any]]:
        """All that its Zoho door lists."""
        found: list[dict[str, Any]] = []
        for page in range(1, 1000):
            query = {**LISTS.get(path, {}), "page": str(page)}
            answer = await self.client.get(f"/crm/v2/{path}", params=query, headers=dict(token))
            if answer.status_code == 204:
                break
            found += rows_of(answer)
            if not answer.json()["info"]["more_records"]:
                break
        return found


def old_list(old: OldCrm, path: str) -> list[dict[str, Any]]:
    """All that the old CRM lists."""
    found: list[dict[str, Any]] = []
    with old.client() as client:
        for page in range(1, 1000):
            query = {**LISTS.get(path, {}), "page": str(page)}
            answer = client.get(f"/crm/v2/{path}", params=query, headers=old.zoho)
            if answer.status_code == 204:
                break
            found += rows_of(answer)
            if not answer.json()["info"]["more_records"]:
                break
    return found


def rows_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The rows of a page. The key of a photo is each store's own."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    rows: list[dict[str, Any]] = body.get("data") or body["users"]
    for row in rows:
        if "Record_Image" in row:
            row["Record_Image"] = row["Record_Image"] is not None
    return rows
