"""Login, refresh and logout: how a person comes in, at whichever door, and who holds a token."""

import datetime as dt
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.identity import credentials, sessions
from crmgraph.crm.identity.credentials import Person, find_person, find_unchanged, person_of_session, signed_in
from crmgraph.crm.identity.email_changes import EmailChanges
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.outbox import Outbox
from crmgraph.crm.identity.password_changes import PasswordChanges
from crmgraph.crm.identity.signups import Signups
from crmgraph.crm.identity.throttle import Kind, Limits, Throttle, account_of, login_key
from crmgraph.crm.identity.tokens import Login, Tokens
from crmgraph.crm.models import Credential, Door
from crmgraph.crm.policy import Actor
from crmgraph.db.database import Database
from crmgraph.recent import Recent
from crmgraph.security import Keys, Passwords

__all__ = ["Identity", "Login"]

KEPT_ACTORS = 10_000
"""How many holders of access tokens are remembered."""


class Identity:
    """How people come in.

    Its methods open their own transactions, since passwords are hashed between two of them and never inside one: never
    call them inside a transaction.

    Args:
        limits: of failures, shared by every door.
        signup_confirm: whether a signup has to be confirmed by a mailed code, and then never tells who is known.
        access_seconds: how long an access token is good.
        refresh_days: how long a login lasts after its last refresh.
        refresh_grace: for how many seconds a spent refresh token gets the same answer again.
        region: see `Actor`.

    Attributes:
        throttle: for doors that count a try beside the methods here.
        signups: how people become customers.
        passwords: how people come in by another password.
        emails: how people come in by another email.
    """

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
        self._refresh = dt.timedelta(days=refresh_days)
        self._grace = dt.timedelta(seconds=refresh_grace)
        self._tokens = Tokens(keys, dt.timedelta(seconds=access_seconds), self._refresh, region)
        self.throttle = Throttle(db, limits, keys)
        self.signups = Signups(
            db, passwords, self.throttle, outbox, self._tokens, confirm=signup_confirm, region=region
        )
        self.passwords = PasswordChanges(db, passwords, self.throttle, outbox, region)
        self.emails = EmailChanges(db, passwords, self.throttle, outbox, region)
        self._db = db
        self._passwords = passwords
        self._region = region
        self._known: Recent[str, Actor] = Recent(KEPT_ACTORS)

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
        if not await self._passwords.verify(person.password_hash if person else None, password) or person is None:
            raise Unauthenticated
        rehashed = None
        if self._passwords.needs_rehash(person.password_hash):
            rehashed = await self._passwords.hash(password)
        compared = person

        async def work(session: AsyncSession) -> Login:
            # Once more and locked: a password that was changed in the meantime lets nobody in.
            person = await find_unchanged(session, compared)
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

    async def actor_of(self, access_token: str) -> Actor:
        """Whoever holds this access token of GraphQL's door, in one statement.

        Raises:
            Unauthenticated: it does not hold, with its `reason`, or its login has ended.
        """
        try:
            actor = await self._actor(self._tokens.login_of(access_token), Door.GRAPHQL)
        except Unauthenticated:
            self._known.drop(access_token)
            raise
        self._known.keep(access_token, actor)
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

    def expires_at(self, access_token: str) -> dt.datetime:
        """When an access token of GraphQL's door stops being good.

        Raises:
            Unauthenticated: it does not hold.
        """
        return self._tokens.expires_at(access_token)

    async def actor_of_bare(self, token: str) -> Actor:
        """Whoever holds this token of Covalense's door, in one statement.

        Raises:
            Unauthenticated: it does not hold, with its `reason`, or its login has ended.
        """
        self._known.drop(token)
        actor = await self._actor(self._tokens.login_of_bare(token), Door.COVALENSE)
        self._known.keep(token, actor)
        return actor

    def cached_actor_of_bare(self, token: str) -> Actor | None:
        """The same of whoever held this token when `actor_of_bare` was last asked; see `cached_actor`."""
        known = self._known.get(token)
        if known is None or known.door is not Door.COVALENSE:
            return None
        try:
            self._tokens.login_of_bare(token)
        except Unauthenticated:
            return None
        return known

    async def email_of(self, actor: Actor) -> str:
        """The email by which the actor comes in.

        Raises:
            Unauthenticated: the actor has no credential any more.
        """
        async with self._db.read() as session:
            person = await find_person(session, Credential.id == actor.credential_id)
        return _found(person).email

    async def _actor(self, session_id: str, door: Door) -> Actor:
        person = await signed_in(self._db, session_id, door)
        return _found(person).actor(door, session_id, self._region)


def _found(person: Person | None) -> Person:
    if person is None:
        raise Unauthenticated
    return person
