"""Passwords: how they are changed by who knows the former one, by a mailed code, and by an operator."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, NotFound, Refused, Unauthenticated, refuse
from crmgraph.crm.identity import credentials, verification_codes
from crmgraph.crm.identity.credentials import Person, find_person, find_unchanged
from crmgraph.crm.identity.emails import EmailTemplate
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.outbox import WINDOW, Outbox
from crmgraph.crm.identity.throttle import Kind, Throttle, account_of, login_key
from crmgraph.crm.identity.verified_emails import note_verified
from crmgraph.crm.models import Credential, Door, Purpose
from crmgraph.crm.policy import Actor
from crmgraph.crm.values.text import email_key
from crmgraph.db.database import Database
from crmgraph.security import Passwords


class PasswordChanges:
    """Changes and resets passwords.

    Its methods open their own transactions, since a password is hashed between two of them and never inside one: never
    call them inside a transaction.

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

    async def change(self, actor: Actor, old: str, new: str, *, address: str) -> None:
        """Change one's own password. One's other logins end.

        Args:
            address: the network address that asks.

        Raises:
            Unauthenticated: of the current password: it is another one; without a path: the actor has no credential.
            Invalid: of the new password.
            Throttled: too many failures of this credential, which nobody but who is signed in can cause.
        """
        if actor.credential_id is None:
            raise Unauthenticated
        refuse(await password_faults(self._passwords, "new_password", new))
        async with self._db.read() as session:
            person = await find_person(session, Credential.id == actor.credential_id)
            if person is None:
                raise Unauthenticated
            own = await credentials.known_of(session, person.credential_id, None)
        refuse(await password_faults(self._passwords, "new_password", new, own))
        tried = await self._throttle.reserve(Kind.PASSWORD, str(person.credential_id), Source(address))
        if not await self._passwords.verify(person.password_hash, old):
            raise Unauthenticated(("current_password",))
        password_hash = await self._passwords.hash(new)

        async def work(session: AsyncSession) -> None:
            if await find_unchanged(session, person) is None:
                raise Unauthenticated(("current_password",))
            await credentials.put_password(session, person.credential_id, password_hash, keep=actor.session_id)
            await self._throttle.take_back(session, tried)
            await self._know(session, person, address)

        await self._db.transact(work)

    async def request_reset(self, email: str, *, address: str) -> None:
        """Mail a code for `reset` to whoever has a login by this email, or to the one contact that has it.

        Neither the answer nor the time tells whether there is one. The former code of the email dies. Every request
        counts as a try; whoever is refused for too many has an email whose code is still good.

        Raises:
            Throttled: too many emails of late.
            MailNotConfigured: nothing can be mailed.
        """
        self._outbox.require()
        await self._throttle.reserve(Kind.RESET, account_of(email), Source(address))
        key = login_key(email)
        if key is None:
            return

        async def work(session: AsyncSession) -> None:
            person = await find_person(session, Credential.email_key == key)
            contact = await credentials.sole_contact_of(session, key, known=person is not None)
            to, target = None, {}
            if contact is not None and (person is None or not person.email_verified):
                to, target = contact[1], {"contact_id": contact[0]}
            elif person is not None:
                to, target = person.email, {"credential_id": person.credential_id}
            code = await self._outbox.put(session, EmailTemplate.RESET, to)
            await verification_codes.issue(session, Purpose.RESET, to or email, key, code, WINDOW, **target)

        await self._db.transact(work)
        self._outbox.wake()

    async def reset(self, code: str, new_password: str, *, address: str) -> None:
        """Set a password by the code from an email, which gives a contact without a login one. All logins end.

        Raises:
            Unauthenticated: of the code: it is unknown, used or too old, or there is nobody any more whom it is for.
            Invalid: of the new password; the code stays good.
            Taken: of the email: somebody else has signed up with it since.
            Throttled: too many failures from this address.
        """
        refuse(await password_faults(self._passwords, "new_password", new_password))
        tried = await self._throttle.reserve(Kind.CODE, "", Source(address))
        async with self._db.read() as session:
            good = await verification_codes.find(session, Purpose.RESET, code)
            if good is None:
                raise Unauthenticated(("code",))
            own = await credentials.known_of(session, good.credential_id, good.contact_id)
        if faults := await password_faults(self._passwords, "new_password", new_password, [good.email, *own]):
            await self._db.transact(lambda session: self._throttle.take_back(session, tried))
            refuse(faults)
        password_hash = await self._passwords.hash(new_password)

        async def work(session: AsyncSession) -> None:
            redeemed = await verification_codes.redeem(session, Purpose.RESET, code)
            person = None
            if redeemed is not None and redeemed.credential_id is not None:
                person = await find_person(session, Credential.id == redeemed.credential_id, lock=True)
                if person is not None:
                    await credentials.put_password(session, person.credential_id, password_hash)
                    await credentials.verify_email(session, person.credential_id)
            elif redeemed is not None and redeemed.contact_id is not None:
                # Of a login for which the email was never verified, whose code this would be otherwise.
                await credentials.release(session, redeemed.email_key)
                person = await credentials.first_login(session, redeemed.contact_id, redeemed.email, password_hash)
            if person is None:
                raise Unauthenticated(("code",))
            await note_verified(session, person.actor(Door.GRAPHQL, "", self._region), email_key(person.email))
            await self._throttle.take_back(session, tried)
            await self._know(session, person, address)

        await self._db.transact(work)

    async def set(self, email: str, password: str) -> None:
        """Set the password of a login without any proof: for operators, and for a closed network that asks for it.

        Raises:
            NotFound: of the email: nobody comes in by it.
            Invalid: of the password.
        """
        refuse(await password_faults(self._passwords, "password", password, [email]))
        key = login_key(email)
        if key is None:
            raise NotFound(("email",))
        password_hash = await self._passwords.hash(password)

        async def work(session: AsyncSession) -> None:
            person = await find_person(session, Credential.email_key == key, lock=True)
            if person is None:
                raise NotFound(("email",))
            await credentials.put_password(session, person.credential_id, password_hash)

        await self._db.transact(work)

    async def _know(self, session: AsyncSession, person: Person, address: str) -> None:
        """Know the address of somebody who has just proved who they are: their next login is no stranger's."""
        await self._throttle.sources.note(
            session, account_of(person.email), address, credential_id=person.credential_id
        )


async def password_faults(passwords: Passwords, name: str, password: str, own: Collection[str] = ()) -> list[Refused]:
    """The fault of a password that somebody wants, if there is any, under this name of the input.

    Args:
        own: names and emails of theirs, by which others would guess first.
    """
    fault = await passwords.fault(password, own)
    return [] if fault is None else [Invalid((name,), *fault)]
