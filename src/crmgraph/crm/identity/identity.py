"""Signup, login, refresh, and the change and reset of passwords: how a person comes in, at whichever door."""

import datetime as dt
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import cast

from cachetools import LRUCache
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import (
    Invalid,
    MailNotConfigured,
    Missing,
    NotFound,
    Path,
    Refused,
    Taken,
    Unauthenticated,
    refuse,
)
from crmgraph.crm.identity import credentials, sessions, verification_codes
from crmgraph.crm.identity.credentials import Person, find_person, person_of_session, signed_in
from crmgraph.crm.identity.email_changes import EmailChanges
from crmgraph.crm.identity.emails import EmailTemplate
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.outbox import WINDOW, Outbox
from crmgraph.crm.identity.throttle import Kind, Limits, Throttle, account_of, login_key
from crmgraph.crm.identity.tokens import Login, Tokens
from crmgraph.crm.models import Credential, Door, EmailKind, PartyKind, Purpose, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, parties, registration
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.crm.values.text import email_key, fault_of, is_blank, is_email
from crmgraph.db.database import Database
from crmgraph.security import Keys, Passwords

__all__ = ["Identity", "Login"]

KEPT_ACTORS = 10_000
"""How many holders of access tokens are remembered."""


class Identity:
    """How people come in.

    Its methods open their own sessions and transactions, unlike the rest of the core, because passwords are hashed
    between two of them and never inside one. Never call them inside a transaction.

    Args:
        limits: of failures, shared by every door.
        signup_confirm: whether a signup has to be confirmed by a mailed code, and then never tells who is known.
        access_seconds: how long an access token is good.
        refresh_days: how long a login lasts after its last refresh.
        refresh_grace: for how many seconds a spent refresh token gets the same answer again.
        region: see `Actor`.

    Attributes:
        passwords, throttle: for doors that hash a secret or count a try beside the methods here.
        emails: how people come in by another email.
    """

    add_credential = staticmethod(credentials.add_credential)

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        keys: Keys,
        outbox: Outbox,
        limits: Limits,
        *,
        signup_confirm: bool,
        access_seconds: int = 900,
        refresh_days: int = 30,
        refresh_grace: float = 10,
        region: str | None,
    ) -> None:
        self.passwords = passwords
        self.throttle = Throttle(db, limits, keys)
        self.emails = EmailChanges(db, passwords, self.throttle, outbox, region)
        self._db = db
        self._outbox = outbox
        self._confirm = signup_confirm
        self._refresh = dt.timedelta(days=refresh_days)
        self._grace = dt.timedelta(seconds=refresh_grace)
        self._tokens = Tokens(keys, dt.timedelta(seconds=access_seconds), self._refresh, region)
        self._region = region
        self._known: LRUCache[str, Actor] = LRUCache(KEPT_ACTORS)

    async def signup(
        self, edit: Edit, account_edit: Edit | None, email: str, password: str, *, address: str
    ) -> Login | None:
        """Register a customer: a contact with this email, an account of their own when asked for, and a login.

        It joins no contact and no account that exists. With confirmation, the answer is None for every email and takes
        the same time: an email holds either the code for `confirm_signup` or the news that there is a login already.

        Args:
            edit: of the contact; the email is added unless it is among its rows.
            account_edit: of the account; None for none.
            address: the network address that asks.

        Returns:
            The login, or None with confirmation.

        Raises:
            Refused: every fault of the form of the input at once; those of the account under `registration.ACCOUNT`.
            Taken: of the email, without confirmation.
            Throttled: too many tries.
            MailNotConfigured: it has to be confirmed, and nothing can be mailed.
        """
        self._require_mail(needed=self._confirm)
        own = [email, *registration.names_of(edit, account_edit)]
        faults = _email_faults(email) + await self._password_faults("password", password, own)
        faults += registration.faults_of(edit, account_edit)
        refuse(faults)
        edit = _with_email(edit, email)
        tried = await self.throttle.reserve(Kind.SIGNUP, account_of(email), Source(address))
        password_hash = await self.passwords.hash(password)
        if self._confirm:
            await self._sign_up_by_mail(edit, account_edit, email, password_hash)
            return None

        async def work(session: AsyncSession) -> Login:
            credential_id = await self._register(session, edit, account_edit, email, password_hash)
            await self.throttle.let_in(session, tried, credential_id=credential_id)
            person = await find_person(session, Credential.id == credential_id)
            login = await self._tokens.let_in(session, _found(person), Door.GRAPHQL)
            return replace(login, device_token=self.throttle.sources.token(tried.account, None))

        return await self._db.transact(work)

    async def admit(
        self, session: AsyncSession, contact_id: int, email: str, password_hash: str | None
    ) -> Callable[[], None] | None:
        """Give a contact, in the transaction that makes it, the login that its signup asks for.

        A known email gets none, which nobody is told but its owner: for doors whose signup always makes its records.
        With confirmation, the records and the login wait for `confirm_signup`, whether or not there is to be a login.

        Args:
            password_hash: None where no login is asked for.

        Returns:
            What to call once the transaction is committed: it lets the email go that this has stored. None where
            there is none.

        Raises:
            MailNotConfigured: it has to be confirmed, and nothing can be mailed.
        """
        self._require_mail(needed=self._confirm)
        key = email_key(email)
        known = await credentials.holder_of(session, key)
        login = password_hash if known is None else None
        if not self._confirm:
            if login is not None:
                with suppress(Taken):  # somebody else has just got it: no login here either
                    await credentials.add_credential(
                        session, email=email, password_hash=login, contact_id=contact_id, proved=False
                    )
            return None
        waiting = await credentials.add_credential(
            session,
            email=email,
            password_hash=login or credentials.NO_LOGIN,
            contact_id=contact_id,
            confirmed=False,
            proved=False,
        )
        template = EmailTemplate.CONFIRM if known is None else EmailTemplate.CONFIRM_KNOWN
        await self._mail_confirmation(session, template, known or email.strip(), key, waiting)
        return self._outbox.wake

    async def confirm_signup(self, code: str) -> Login | None:
        """Show the records of somebody who has signed up and brings the code from the email, and let them in.

        Returns:
            The login; None where the signup asked for none, or its email had one.

        Raises:
            Unauthenticated: of the code: it is unknown, used or too old, or the contact is gone.
            Taken: of the email: somebody else has confirmed it first, and no order came with this signup.
        """

        async def work(session: AsyncSession) -> Login | None:
            proof = await verification_codes.redeem(session, Purpose.CONFIRM, code)
            if proof is None or proof.credential_id is None:
                raise Unauthenticated(("code",))
            confirmed = await credentials.confirm(session, proof.credential_id)
            if confirmed is None:
                raise Unauthenticated(("code",))
            person = confirmed.person
            if person is None:
                owner = Actor(Door.GRAPHQL, Role.CUSTOMER, contact_id=confirmed.contact_id, region=self._region)
                await self._note_verified(session, owner, proof.email_key)
                return None
            await self._verify_email(session, person)
            login = await self._tokens.let_in(session, person, Door.GRAPHQL)
            return replace(login, device_token=self.throttle.sources.token(account_of(person.email), None))

        return await self._db.transact(work)

    async def login(
        self, email: str, password: str, *, address: str, device: str | None = None, door: Door = Door.GRAPHQL
    ) -> Login:
        """Let somebody in by email and password: customers at every door, staff at GraphQL's.

        Args:
            address: the network address that asks.
            device: the token that a former login gave this device, whose tries count apart from those of strangers.
            door: GRAPHQL or COVALENSE.

        Raises:
            Unauthenticated: no such person, or another password; which of them neither the text nor the time tells.
            Throttled: too many failures.
        """
        tried = await self.throttle.reserve(Kind.LOGIN, account_of(email), Source(address, device))
        customer = door is not Door.GRAPHQL
        person = None
        if (key := login_key(email)) is not None:
            async with self._db.read() as session:
                person = await find_person(session, Credential.email_key == key, customer=customer)
        if not await self.passwords.verify(person.password_hash if person else None, password) or person is None:
            raise Unauthenticated
        rehashed = None
        if self.passwords.needs_rehash(person.password_hash):
            rehashed = await self.passwords.hash(password)
        compared = person

        async def work(session: AsyncSession) -> Login:
            # Once more and locked: a password that was changed in the meantime lets nobody in.
            person = await _unchanged(session, compared)
            if person is None:
                raise Unauthenticated
            if rehashed is not None:
                await credentials.keep_hash(session, person.credential_id, rehashed)
            await self.throttle.let_in(session, tried, credential_id=person.credential_id)
            login = await self._tokens.let_in(session, person, door)
            if customer:
                return login
            return replace(login, device_token=self.throttle.sources.token(tried.account, tried.known.device))

        return await self._db.transact(work)

    async def refresh(self, refresh_token: str) -> Login:
        """New tokens for a refresh token, which is thereby spent. The login lasts as long again as a new one.

        Within a few seconds (`refresh_grace`) the same token gets the same answer: tabs of one browser share it.

        Raises:
            Unauthenticated: it is unknown, its login has ended, or it was spent before, which ends the login.
        """

        async def work(session: AsyncSession) -> Login | None:
            spent = await sessions.spend(session, refresh_token, self._refresh, self._grace)
            person = None if spent is None else await person_of_session(session, spent.session_id, Door.GRAPHQL)
            if spent is None or person is None:
                return None
            return await self._tokens.renew(session, person, spent, refresh_token)

        login = await self._db.transact(work)
        # Raised after the commit: the end of a login whose token came twice must stay.
        if login is None:
            raise Unauthenticated
        return login

    async def logout(self, actor: Actor) -> None:
        """End the actor's login; its tokens are good no longer.

        Raises:
            Unauthenticated: the actor has no login.
        """
        if (session_id := actor.session_id) is None:
            raise Unauthenticated
        await self._db.transact(lambda session: sessions.end(session, session_id))

    async def change_password(self, actor: Actor, old: str, new: str, *, address: str) -> None:
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
        refuse(await self._password_faults("new_password", new))
        async with self._db.read() as session:
            person = await find_person(session, Credential.id == actor.credential_id)
            if person is None:
                raise Unauthenticated
            own = await credentials.known_of(session, person.credential_id, None)
        refuse(await self._password_faults("new_password", new, own))
        tried = await self.throttle.reserve(Kind.PASSWORD, str(person.credential_id), Source(address))
        if not await self.passwords.verify(person.password_hash, old):
            raise Unauthenticated(("current_password",))
        password_hash = await self.passwords.hash(new)

        async def work(session: AsyncSession) -> None:
            if await _unchanged(session, person) is None:
                raise Unauthenticated(("current_password",))
            await credentials.put_password(session, person.credential_id, password_hash, keep=actor.session_id)
            await self.throttle.take_back(session, tried)
            await self._know(session, person, address)

        await self._db.transact(work)

    async def request_reset(self, email: str, *, address: str) -> None:
        """Mail a code for `reset_password` to whoever has a login by this email, or to the one contact that has it.

        Neither the answer nor the time tells whether there is one. The former code of the email dies. Every request
        counts as a try; whoever is refused for too many has an email whose code is still good.

        Raises:
            Throttled: too many emails of late.
            MailNotConfigured: nothing can be mailed.
        """
        self._require_mail()
        await self.throttle.reserve(Kind.RESET, account_of(email), Source(address))
        key = login_key(email)
        if key is None:
            return

        async def work(session: AsyncSession) -> None:
            person = await find_person(session, Credential.email_key == key)
            contact = await credentials.sole_contact_of(session, key, known=person is not None)
            to, target = None, {}
            if contact is not None and (person is None or not person.proved):
                to, target = contact[1], {"contact_id": contact[0]}
            elif person is not None:
                to, target = person.email, {"credential_id": person.credential_id}
            code = await self._outbox.put(session, EmailTemplate.RESET, to)
            await verification_codes.issue(session, Purpose.RESET, to or email, key, code, WINDOW, **target)

        await self._db.transact(work)
        self._outbox.wake()

    async def reset_password(self, code: str, new_password: str, *, address: str) -> None:
        """Set a password by the code from an email, which gives a contact without a login one. All logins end.

        Raises:
            Unauthenticated: of the code: it is unknown, used or too old, or there is nobody any more whom it is for.
            Invalid: of the new password; the code stays good.
            Taken: of the email: somebody else has signed up with it since.
            Throttled: too many failures from this address.
        """
        refuse(await self._password_faults("new_password", new_password))
        tried = await self.throttle.reserve(Kind.CODE, "", Source(address))
        async with self._db.read() as session:
            good = await verification_codes.find(session, Purpose.RESET, code)
            if good is None:
                raise Unauthenticated(("code",))
            own = await credentials.known_of(session, good.credential_id, good.contact_id)
        if faults := await self._password_faults("new_password", new_password, [good.email, *own]):
            await self._db.transact(lambda session: self.throttle.take_back(session, tried))
            refuse(faults)
        password_hash = await self.passwords.hash(new_password)

        async def work(session: AsyncSession) -> None:
            proof = await verification_codes.redeem(session, Purpose.RESET, code)
            person = None
            if proof is not None and proof.credential_id is not None:
                person = await find_person(session, Credential.id == proof.credential_id, lock=True)
                if person is not None:
                    await credentials.put_password(session, person.credential_id, password_hash)
                    await credentials.prove(session, person.credential_id)
            elif proof is not None and proof.contact_id is not None:
                # Of a login for which the email was never proved, whose code this would be otherwise.
                await credentials.release(session, proof.email_key)
                person = await credentials.first_login(session, proof.contact_id, proof.email, password_hash)
            if person is None:
                raise Unauthenticated(("code",))
            await self._verify_email(session, person)
            await self.throttle.take_back(session, tried)
            await self._know(session, person, address)

        await self._db.transact(work)

    async def set_password(self, email: str, password: str) -> None:
        """Set the password of a login without any proof: for operators, and for a closed network that asks for it.

        Raises:
            NotFound: of the email: nobody comes in by it.
            Invalid: of the password.
        """
        refuse(await self._password_faults("password", password, [email]))
        key = login_key(email)
        if key is None:
            raise NotFound(("email",))
        password_hash = await self.passwords.hash(password)

        async def work(session: AsyncSession) -> None:
            person = await find_person(session, Credential.email_key == key, lock=True)
            if person is None:
                raise NotFound(("email",))
            await credentials.put_password(session, person.credential_id, password_hash)

        await self._db.transact(work)

    async def actor_of(self, access_token: str) -> Actor:
        """Whoever holds this access token of GraphQL's door, in one statement.

        Raises:
            Unauthenticated: it does not hold, with its `reason`, or its login has ended.
        """
        try:
            actor = await self._actor(self._tokens.login_of(access_token), Door.GRAPHQL)
        except Unauthenticated:
            self._known.pop(access_token, None)
            raise
        self._known[access_token] = actor
        return actor

    def cached_actor(self, access_token: str) -> Actor | None:
        """Whoever held this access token of GraphQL's door when `actor_of` was last asked; None when it was not.

        Nothing may be told to them, or written for them, before `authorization.still_authorized` has been asked: by the
        same statement that reads or writes, which spares a statement for each request.
        """
        known = self._known.get(access_token)
        if known is not None:
            try:
                self._tokens.login_of(access_token)
            except Unauthenticated:
                return None
        return known

    async def actor_of_bare(self, token: str) -> Actor:
        """Whoever holds this token of Covalense's door, in one statement.

        Raises:
            Unauthenticated: it does not hold, with its `reason`, or its login has ended.
        """
        return await self._actor(self._tokens.login_of_bare(token), Door.COVALENSE)

    async def email_of(self, actor: Actor) -> str:
        """The email by which the actor comes in.

        Raises:
            Unauthenticated: the actor has no credential any more.
        """
        async with self._db.read() as session:
            person = await find_person(session, Credential.id == actor.credential_id)
        return _found(person).email

    def _require_mail(self, *, needed: bool = True) -> None:
        if needed and not self._outbox.sends:
            raise MailNotConfigured

    async def _actor(self, session_id: str, door: Door) -> Actor:
        person = await signed_in(self._db, session_id, door)
        return _found(person).actor(door, session_id, self._region)

    async def _sign_up_by_mail(self, edit: Edit, account_edit: Edit | None, email: str, password_hash: str) -> None:
        """Register somebody who will confirm it; for an email that is known do the same work, and undo it."""
        key = email_key(email)

        async def work(session: AsyncSession) -> None:
            known = await credentials.holder_of(session, key)
            async with session.begin_nested() as savepoint:
                waiting: int | None = await self._register(session, edit, account_edit, email, password_hash)
                if known is not None:
                    await savepoint.rollback()
                    waiting = None
            template = EmailTemplate.CONFIRM if known is None else EmailTemplate.ALREADY_KNOWN
            await self._mail_confirmation(session, template, known or email.strip(), key, waiting)

        await self._db.transact(work)
        self._outbox.wake()

    async def _mail_confirmation(
        self, session: AsyncSession, template: EmailTemplate, to: str, key: str, waiting: int | None
    ) -> None:
        """Store the email of a signup: the code for the credential that waits, or the news that there is one."""
        code = await self._outbox.put(session, template, to)
        await verification_codes.issue(session, Purpose.CONFIRM, to, key, code, WINDOW, credential_id=waiting)

    async def _register(
        self, session: AsyncSession, edit: Edit, account_edit: Edit | None, email: str, password_hash: str
    ) -> int:
        contact, _ = await registration.register(session, Door.GRAPHQL, edit, account_edit, region=self._region)
        return await credentials.add_credential(
            session,
            email=email,
            password_hash=password_hash,
            contact_id=contact.id,
            confirmed=not self._confirm,
            proved=False,
        )

    async def _password_faults(self, name: str, password: str, own: Collection[str] = ()) -> list[Refused]:
        fault = await self.passwords.fault(password, own)
        return [] if fault is None else [Invalid((name,), *fault)]

    async def _know(self, session: AsyncSession, person: Person, address: str) -> None:
        """Know the address of somebody who has just proved who they are: their next login is no stranger's."""
        await self.throttle.sources.note(session, account_of(person.email), address, credential_id=person.credential_id)

    async def _verify_email(self, session: AsyncSession, person: Person) -> None:
        """Note on the contact that its email was proved to be theirs."""
        if person.contact_id is None:
            return
        await self._note_verified(session, person.actor(Door.GRAPHQL, "", self._region), email_key(person.email))

    async def _note_verified(self, session: AsyncSession, actor: Actor, key: str) -> None:
        contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, cast(int, actor.contact_id), lock=True)
        proved = [row.id for row in contact.emails if row.address_key == key and not row.verified]
        edit = Edit(emails=RowEdits(update=[(row_id, {"verified": True}) for row_id in proved]))
        await parties.update(Transaction(session), actor, contact, edit)


def _found(person: Person | None) -> Person:
    if person is None:
        raise Unauthenticated
    return person


async def _unchanged(session: AsyncSession, person: Person) -> Person | None:
    """The person, locked, as long as the password is the one that was compared."""
    return await find_person(
        session,
        Credential.id == person.credential_id,
        Credential.password_hash == person.password_hash,
        lock=True,
    )


def _email_faults(email: str) -> list[Refused]:
    path: Path = ("email",)
    if is_blank(email):
        return [Missing(path)]
    if fault := fault_of(email):
        return [Invalid(path, *fault)]
    return [] if is_email(email) else [Invalid(path, "email")]


def _with_email(edit: Edit, email: str) -> Edit:
    """The edit with this email among its rows, as the first when it was not there."""
    if any(email_key(row["address"]) == email_key(email) for row in edit.emails.add):
        return edit
    row = {"kind": EmailKind.PERSONAL, "address": email.strip(), "primary": True}
    return replace(edit, emails=replace(edit.emails, add=[*edit.emails.add, row]))
