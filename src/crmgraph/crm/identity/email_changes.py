"""How the email by which somebody comes in becomes another one: whoever takes the new one shows that they own it.

Who has corrected a contact's email has not moved the login, which is the person's own: a login that followed by itself
would let in whoever may write the contact. So a code goes to the new email, and bringing it back moves the login. The
former email is told, which is how a person whose login somebody takes hears of it.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Forbidden, NotFound, Taken, Unauthenticated, refuse
from crmgraph.crm.identity import credentials, verification_codes
from crmgraph.crm.identity.credentials import Person, email_faults, find_person
from crmgraph.crm.identity.emails import EmailTemplate
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.outbox import WINDOW, Outbox
from crmgraph.crm.identity.staff import write_email
from crmgraph.crm.identity.throttle import Kind, Throttle, account_of
from crmgraph.crm.models import Credential, Door, EmailKind, PartyKind, Purpose, Staff
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.crm.values.text import clean_email, email_key
from crmgraph.db.database import Database
from crmgraph.security import Passwords


class EmailChanges:
    """Moves logins from one email to another.

    Its methods open their own transactions: never call them inside one.

    Args:
        region: see `Actor`.
    """

    def __init__(
        self, db: Database, passwords: Passwords, throttle: Throttle, outbox: Outbox, region: str | None
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._throttle = throttle
        self._outbox = outbox
        self._region = region

    async def request(self, actor: Actor, email: str, password: str, *, address: str) -> None:
        """Mail a code for `confirm` to the email by which the actor wants to come in from now on.

        An email that opens the doors to somebody else gets the news that it does, and the answer does not tell.

        Args:
            password: the actor's own.
            address: the network address that asks.

        Raises:
            Unauthenticated: of the current password: it is another one; without a path: the actor has no credential.
            Invalid, Missing: of the email.
            Throttled: too many tries or emails of late.
            MailNotConfigured: nothing can be mailed.
        """
        self._require(email)
        async with self._db.read() as session:
            person = await find_person(session, Credential.id == actor.credential_id)
        if person is None:
            raise Unauthenticated
        tried = await self._throttle.reserve(Kind.PASSWORD, str(person.credential_id), Source(address))
        if not await self._passwords.verify(person.password_hash, password):
            raise Unauthenticated(("current_password",))
        await self._db.transact(lambda session: self._throttle.take_back(session, tried))
        await self._mail(person, email, address)

    async def request_for(self, actor: Actor, contact_id: int, email: str, *, address: str) -> None:
        """The same for the login of a contact, by staff, to one of the emails that the contact has.

        Raises:
            Forbidden: the actor is no staff.
            NotFound: of the contact: there is none, or it has no login; of the email: the contact has none like this.
            Invalid, Throttled, MailNotConfigured: see `request`.
        """
        if not actor.is_staff:
            raise Forbidden(("contact",))
        self._require(email)
        key = email_key(email)
        async with self._db.read() as session:
            person = await find_person(session, Credential.contact_id == contact_id)
            if person is None:
                raise NotFound(("contact",))
            contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, contact_id, parts=["emails"])
        if not any(row.active and row.address_key == key for row in contact.emails):
            raise NotFound(("email",))
        await self._mail(person, email, address)

    async def confirm(self, code: str, *, address: str) -> None:
        """Let the email to which this code was mailed be the one to come in by. Logins go on.

        The contact has it too, verified, in the place of the former one unless it stood there already; so has the
        staff member. Every other code of the login dies, and the former email gets the news.

        Raises:
            Unauthenticated: of the code: it is unknown, used or too old, or there is nobody any more whom it is for.
            Taken: of the code: the email opens the doors to somebody else by now.
            Throttled: too many failures from this address.
        """
        tried = await self._throttle.reserve(Kind.CODE, "", Source(address))

        async def work(session: AsyncSession) -> None:
            redeemed = await verification_codes.redeem(session, Purpose.EMAIL, code)
            person = None
            if redeemed is not None and redeemed.credential_id is not None:
                person = await find_person(session, Credential.id == redeemed.credential_id, lock=True)
            if redeemed is None or person is None:
                raise Unauthenticated(("code",))
            try:
                await credentials.move(session, person.credential_id, redeemed.email)
            except Taken:
                raise Taken(("code",)) from None
            await self._follow(session, person, redeemed.email)
            await self._throttle.take_back(session, tried)
            await self._store(session, EmailTemplate.EMAIL_CHANGED, person.email, None)

        await self._db.transact(work)
        self._outbox.wake()

    def _require(self, email: str) -> None:
        self._outbox.require()
        refuse(email_faults(email))

    async def _mail(self, person: Person, email: str, address: str) -> None:
        await self._throttle.reserve(Kind.RESET, account_of(email), Source(address))

        async def work(session: AsyncSession) -> None:
            holder = await credentials.holder_of(session, email_key(email))
            if holder is None:
                await self._store(session, EmailTemplate.CHANGE_EMAIL, clean_email(email), person.credential_id)
            else:
                await self._store(session, EmailTemplate.ALREADY_KNOWN, holder, None)

        await self._db.transact(work)
        self._outbox.wake()

    async def _store(self, session: AsyncSession, template: EmailTemplate, to: str, credential_id: int | None) -> None:
        code = await self._outbox.put(session, template, to)
        await verification_codes.issue(
            session, Purpose.EMAIL, to, email_key(to), code, WINDOW, credential_id=credential_id
        )

    async def _follow(self, session: AsyncSession, person: Person, email: str) -> None:
        """Let the contact or staff member have the email by which they come in now."""
        if person.staff_id is not None:
            staff = await session.scalar(select(Staff).where(Staff.id == person.staff_id))
            if staff is not None:
                write_email(staff, email)
            return
        if person.contact_id is None:
            return
        actor = person.actor(Door.GRAPHQL, "", self._region)
        contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, person.contact_id, lock=True)
        key, former = email_key(email), email_key(person.email)
        active = [row for row in contact.emails if row.active]
        same = [row.id for row in active if row.address_key == key]
        if not same:
            replaced = next((row.id for row in active if row.address_key == former), None)
            edits = RowEdits(add=[{"kind": EmailKind.PERSONAL, "address": email, "primary": True}])
            if replaced is not None:
                edits = RowEdits(update=[(replaced, {"address": email})])
            await parties.update(Transaction(session), actor, contact, Edit(emails=edits))
            same = [row.id for row in contact.emails if row.active and row.address_key == key]
        verified = [(row.id, {"verified": True}) for row in contact.emails if row.id in same and not row.verified]
        await parties.update(Transaction(session), actor, contact, Edit(emails=RowEdits(update=verified)))
