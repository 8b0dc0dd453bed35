"""What a person who has come in is given: the tokens of one login, at each door in its own form."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.identity import sessions
from crmgraph.crm.identity.credentials import Person
from crmgraph.crm.models import Door, now
from crmgraph.crm.policy import Actor
from crmgraph.security import BadToken, Keys, new_token

BARE_LIFETIME = dt.timedelta(days=30)
"""How long a Covalense token is good, as in the sample of its documentation."""


@dataclass(frozen=True, slots=True)
class Login:
    """A person who has come in.

    Attributes:
        refresh_token: None at the door of Covalense, whose tokens are not refreshed.
        expires_at: when the access token stops being good.
        device_token: by which the device is known when it comes again; None where none was asked for.
    """

    actor: Actor
    email: str
    session_id: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: dt.datetime
    device_token: str | None = field(default=None, repr=False)


class Tokens:
    """Issues the tokens of logins, and reads which login a token is of.

    Args:
        access: how long an access token is good.
        refresh: how long a login lasts after its last refresh.
        region: see `Actor`.
    """

    def __init__(self, keys: Keys, access: dt.timedelta, refresh: dt.timedelta, region: str | None) -> None:
        self._keys = keys
        self._access = access
        self._refresh = refresh
        self._region = region

    async def let_in(self, session: AsyncSession, person: Person, door: Door) -> Login:
        """A new login of this person with its tokens."""
        lifetime = self._refresh if door is Door.GRAPHQL else BARE_LIFETIME
        session_id = await sessions.start(session, person.credential_id, door, lifetime)
        refresh_token = None
        if door is Door.GRAPHQL:
            await sessions.add_refresh_token(session, session_id, refresh_token := new_token())
        return self._login(person, door, session_id, refresh_token, now())

    async def renew(
        self, session: AsyncSession, person: Person, spent: sessions.Spent, refresh_token: str
    ) -> Login | None:
        """New tokens of a login for a refresh token, the same ones however often it was spent within its grace.

        They follow from the token, our secret and the moment: nothing that opens a door is kept to be told again.

        Returns:
            None when the tokens of the first time cannot be found.
        """
        followers = self._keys.followers(refresh_token)
        if spent.again:
            follower = await sessions.which(session, followers)
            if follower is None:
                return None
        else:
            follower = followers[0]
            await sessions.add_refresh_token(session, spent.session_id, follower)
        return self._login(person, Door.GRAPHQL, spent.session_id, follower, spent.at)

    def _login(self, person: Person, door: Door, session_id: str, refresh_token: str | None, at: dt.datetime) -> Login:
        expires_at = at + (self._access if door is Door.GRAPHQL else BARE_LIFETIME)
        times = {"iat": int(at.timestamp()), "exp": int(expires_at.timestamp())}
        if door is Door.GRAPHQL:
            access_token = self._keys.sign({"sub": str(person.credential_id), "sid": session_id, **times})
        else:
            access_token = self._keys.sign_bare({"sub": person.email, "jti": session_id, **times})
        return Login(
            actor=person.actor(door, session_id, self._region),
            email=person.email,
            session_id=session_id,
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=dt.datetime.fromtimestamp(times["exp"], dt.UTC),
        )

    def login_of(self, token: str) -> str:
        """The login that an access token of GraphQL's door is of.

        Raises:
            Unauthenticated: it does not hold, with its `reason`.
        """
        try:
            return _text(self._keys.read(token).get("sid"))
        except BadToken as bad:
            raise Unauthenticated(reason=bad.reason) from None

    def expires_at(self, token: str) -> dt.datetime:
        """When an access token of GraphQL's door stops being good.

        Raises:
            Unauthenticated: it does not hold.
        """
        try:
            return dt.datetime.fromtimestamp(self._keys.read(token)["exp"], dt.UTC)
        except BadToken as bad:
            raise Unauthenticated(reason=bad.reason) from None

    def login_of_bare(self, token: str) -> str:
        """The login that a token of Covalense's door is of.

        Raises:
            Unauthenticated: it does not hold, with its `reason`.
        """
        try:
            return _text(self._keys.read_bare(token).get("jti"))
        except BadToken as bad:
            raise Unauthenticated(reason=bad.reason) from None


def _text(claim: Any) -> str:
    if not isinstance(claim, str):
        raise BadToken("malformed")
    return claim
