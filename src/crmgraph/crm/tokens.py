"""What a person who has come in is given: the tokens of one login, at each door in its own form."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import logins
from crmgraph.crm.credentials import Person
from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.models import Door, now
from crmgraph.crm.policy import Actor
from crmgraph.security import BadToken, Keys

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
        session_id = await logins.start(session, person.credential_id, door, lifetime)
        return await self.issue(session, person, door, session_id)

    async def issue(self, session: AsyncSession, person: Person, door: Door, session_id: str) -> Login:
        """New tokens of a login."""
        at = now()
        expires_at = at + (self._access if door is Door.GRAPHQL else BARE_LIFETIME)
        times = {"iat": int(at.timestamp()), "exp": int(expires_at.timestamp())}
        refresh_token = None
        if door is Door.GRAPHQL:
            access_token = self._keys.sign({"sub": str(person.credential_id), "sid": session_id, **times})
            refresh_token = await logins.add_refresh_token(session, session_id)
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
