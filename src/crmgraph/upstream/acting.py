"""In whose place a call is answered here that the old CRM has answered: its tokens are not ours.

Whoever is known here by the same name acts for themselves: a client by its login, a customer by the email in the token,
one of the staff by theirs. For any other program somebody acts who may read everything and exists nowhere else.
"""

from collections.abc import Mapping
from typing import Any

from cachetools import TTLCache
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.identity import credentials
from crmgraph.crm.models import Contact, Credential, Door, LegacyClient, Role, Staff
from crmgraph.crm.policy import Actor
from crmgraph.crm.values.text import email_key
from crmgraph.db.database import Database
from crmgraph.rest.comparing import Comparing
from crmgraph.rest.passing import HttpMessage

KNOWN, KNOWN_SECONDS = 1_000, 30.0
"""Of how many callers it is remembered who acts for them, and for how long."""
NO_CUSTOMER = "the customer who asks is not here"
NO_STAFF = "compare_as names nobody of the staff"
NOBODY = "the answer is about whoever asks, who is nobody here: set compare_as"


class Acting:
    """Finds who acts for a caller.

    Args:
        region: as of `Actor`.
    """

    def __init__(self, db: Database, region: str | None) -> None:
        self._db = db
        self._region = region
        self._known: TTLCache[tuple[Any, ...], Actor | str] = TTLCache(KNOWN, KNOWN_SECONDS)

    async def of(
        self,
        dialect: Door,
        caller: str,
        request: HttpMessage,
        comparing: Comparing,
        compare_as: str | None,
        personal: bool,
    ) -> Actor | str | None:
        """Who acts, None where nobody needs to; or why nobody does.

        Args:
            compare_as: the email of one of the staff who acts for all programs.
            personal: whether the answer is about whoever asks.
        """
        customer = comparing.customer(request) if comparing.of_customers else None
        if comparing.of_customers and customer is None:
            return None  # nobody says who asks, there and here
        key = (dialect, caller, customer, compare_as, personal)
        if (known := self._known.get(key)) is None:
            async with self._db.read() as session:
                if comparing.of_customers:
                    known = await self._customer(session, dialect, customer)
                else:
                    known = await self._program(session, dialect, caller, comparing, compare_as, personal)
            self._known[key] = known
        return known

    async def _customer(self, session: AsyncSession, dialect: Door, email: str | None) -> Actor | str:
        key = email_key(email) if email else ""
        if not key:
            return NO_CUSTOMER
        person = await credentials.find_person(session, Credential.email_key == key, customer=True)
        if person is not None:
            return person.actor(dialect, "", self._region)
        sole = await credentials.sole_contact_of(session, key, known=False)
        if sole is None:
            return NO_CUSTOMER
        account = await session.scalar(select(Contact.account_id).where(Contact.id == sole[0]))
        return Actor(dialect, Role.CUSTOMER, contact_id=sole[0], account_id=account, region=self._region)

    async def _program(
        self,
        session: AsyncSession,
        dialect: Door,
        caller: str,
        comparing: Comparing,
        compare_as: str | None,
        personal: bool,
    ) -> Actor | str:
        members = select(Staff.id, Staff.sees_identity)
        if compare_as:
            row = (await session.execute(members.where(Staff.email_key == email_key(compare_as)))).first()
            if row is None:
                return NO_STAFF
        else:
            login, _, organisation = caller.partition("@")
            named = (LegacyClient.login == caller) & (LegacyClient.organisation == "")
            if organisation:
                named |= (LegacyClient.login == login) & (LegacyClient.organisation == organisation)
            clients = members.join(LegacyClient, LegacyClient.staff_id == Staff.id)
            row = (await session.execute(clients.where(LegacyClient.dialect == dialect, named))).first()
            if row is None and organisation:
                row = (await session.execute(members.where(Staff.email_key == email_key(caller)))).first()
        if row is None and personal:
            return NOBODY
        # All that can be read: what the caller may not, the old CRM has refused.
        return Actor(
            dialect,
            Role.AGENT,
            staff_id=None if row is None else row.id,
            sees_identity=True if row is None else row.sees_identity,
            grants=comparing.grants,
            region=self._region,
        )


def query_of(request: HttpMessage) -> Mapping[str, str]:
    """The parameters of a request, as texts."""
    return {name: value for name, value in request.parameters().items() if isinstance(value, str)}
