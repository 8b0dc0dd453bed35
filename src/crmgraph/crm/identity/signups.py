"""Signup: how a person becomes a customer with a login of their own."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Taken, Unauthenticated, refuse
from crmgraph.crm.identity import credentials, verification_codes
from crmgraph.crm.identity.credentials import email_faults, find_person
from crmgraph.crm.identity.emails import EmailTemplate
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.outbox import WINDOW, Outbox
from crmgraph.crm.identity.password_changes import password_faults
from crmgraph.crm.identity.throttle import Kind, Throttle, account_of
from crmgraph.crm.identity.tokens import Login, Tokens
from crmgraph.crm.identity.verified_emails import note_verified
from crmgraph.crm.models import Credential, Door, EmailKind, Purpose, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import registration
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.values.text import email_key
from crmgraph.db.database import Database
from crmgraph.security import Passwords


class Signups:
    """Registers customers.

    Its methods open their own transactions, since a password is hashed before one and never inside it: never call them
    inside a transaction. `admit` alone belongs to the transaction of its caller.

    Args:
        confirm: whether a signup has to be confirmed by a mailed code, and then never tells who is known.
        region: see `Actor`.
    """

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        throttle: Throttle,
        outbox: Outbox,
        tokens: Tokens,
        *,
        confirm: bool,
        region: str | None,
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._throttle = throttle
        self._outbox = outbox
        self._tokens = tokens
        self._confirm = confirm
        self._region = region

    async def sign_up(
        self, edit: Edit, account_edit: Edit | None, email: str, password: str, *, address: str
    ) -> Login | None:
        """Register a customer: a contact with this email, an account of their own when asked for, and a login.

        It joins no contact and no account that exists. With confirmation, the answer is None for every email and takes
        the same time: an email holds either the code for `confirm` or the news that there is a login already.

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
        if self._confirm:
            self._outbox.require()
        own = [email, *registration.names_of(edit, account_edit)]
        faults = email_faults(email) + await password_faults(self._passwords, "password", password, own)
        faults += registration.faults_of(edit, account_edit)
        refuse(faults)
        edit = _with_email(edit, email)
        tried = await self._throttle.reserve(Kind.SIGNUP, account_of(email), Source(address))
        password_hash = await self._passwords.hash(password)
        if self._confirm:
            await self._sign_up_by_mail(edit, account_edit, email, password_hash)
            return None

        async def work(session: AsyncSession) -> Login:
            credential_id = await self._register(session, edit, account_edit, email, password_hash)
            await self._throttle.let_in(session, tried, credential_id=credential_id)
            person = await find_person(session, Credential.id == credential_id)
            if person is None:
                raise Unauthenticated
            login = await self._tokens.let_in(session, person, Door.GRAPHQL)
            return replace(login, device_token=self._throttle.sources.token(tried.account, None))

        return await self._db.transact(work)

    async def admit(
        self, session: AsyncSession, contact_id: int, email: str, password_hash: str | None
    ) -> Callable[[], None] | None:
        """Give a contact, in the transaction that makes it, the login that its signup asks for.

        A known email gets none, which nobody is told but its owner: for doors whose signup always makes its records.
        With confirmation, the records and the login wait for `confirm`, whether or not there is to be a login.

        Args:
            password_hash: None where no login is asked for.

        Returns:
            What to call once the transaction is committed: it lets the email go that this has stored. None where
            there is none.

        Raises:
            MailNotConfigured: it has to be confirmed, and nothing can be mailed.
        """
        if self._confirm:
            self._outbox.require()
        key = email_key(email)
        known = await credentials.holder_of(session, key)
        login = password_hash if known is None else None
        if not self._confirm:
            if login is not None:
                with suppress(Taken):  # somebody else has just got it: no login here either
                    await credentials.add_credential(
                        session, email=email, password_hash=login, contact_id=contact_id, email_verified=False
                    )
            return None
        waiting = await credentials.add_credential(
            session,
            email=email,
            password_hash=login or credentials.NO_LOGIN,
            contact_id=contact_id,
            confirmed=False,
            email_verified=False,
        )
        template = EmailTemplate.CONFIRM if known is None else EmailTemplate.CONFIRM_KNOWN
        await self._mail_confirmation(session, template, known or email.strip(), key, waiting)
        return self._outbox.wake

    async def confirm(self, code: str) -> Login | None:
        """Show the records of somebody who has signed up and brings the code from the email, and let them in.

        Returns:
            The login; None where the signup asked for none, or its email had one.

        Raises:
            Unauthenticated: of the code: it is unknown, used or too old, or the contact is gone.
            Taken: of the email: somebody else has confirmed it first, and no order came with this signup.
        """

        async def work(session: AsyncSession) -> Login | None:
            redeemed = await verification_codes.redeem(session, Purpose.CONFIRM, code)
            if redeemed is None or redeemed.credential_id is None:
                raise Unauthenticated(("code",))
            confirmed = await credentials.confirm(session, redeemed.credential_id)
            if confirmed is None:
                raise Unauthenticated(("code",))
            person = confirmed.person
            if person is None:
                owner = Actor(Door.GRAPHQL, Role.CUSTOMER, contact_id=confirmed.contact_id, region=self._region)
                await note_verified(session, owner, redeemed.email_key)
                return None
            await note_verified(session, person.actor(Door.GRAPHQL, "", self._region), email_key(person.email))
            login = await self._tokens.let_in(session, person, Door.GRAPHQL)
            return replace(login, device_token=self._throttle.sources.token(account_of(person.email), None))

        return await self._db.transact(work)

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
            email_verified=False,
        )


def _with_email(edit: Edit, email: str) -> Edit:
    """The edit with this email among its rows, as the first when it was not there."""
    if any(email_key(row["address"]) == email_key(email) for row in edit.emails.add):
        return edit
    row = {"kind": EmailKind.PERSONAL, "address": email.strip(), "primary": True}
    return replace(edit, emails=replace(edit.emails, add=[*edit.emails.add, row]))
