"""Where somebody has come in from before: devices, by a signed token that a login gives them, and network addresses.

To be known opens no door: it only says with whose failures a try counts. Tokens are not kept. Addresses are, for a
while and a bounded number of each credential and client, by keyed digest: nobody reads them out of the database.
"""

import datetime as dt
import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Credential, KnownAddress, now
from crmgraph.crm.models.columns import Moment
from crmgraph.security import BadToken, Keys

KEPT = 20
"""How many addresses of one credential or client are remembered, the latest."""
SEEN_AGAIN = dt.timedelta(days=1)
"""How old the note of an address may be before it is written anew: most logins write none."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a try comes from.

    Attributes:
        address: the network address.
        device: the token that the device was given when it came in before; None without one.
    """

    address: str
    device: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a source.

    Attributes:
        device: the id of the device; None where its token is none of this account's, or not any more.
        address: whether somebody came in from its network by this account.
        fresh: whether its network need not be noted again yet.
    """

    device: str | None = None
    address: bool = False
    fresh: bool = False


def network_of(address: str) -> str:
    """The network that counts as one address: an IPv6 network of 64 bits, else the address itself."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ascii(address)[1:-1][:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(ip), 64), strict=False).network_address) + "/64"
        ip = ip.ipv4_mapped
    return str(ip)


class KnownSources:
    """The devices and addresses that have come in.

    An account is whom a try is about: the key of an email, or a legacy client; see `Throttle.reserve`.

    Args:
        keys: sign the tokens and make the digests; those of retired secrets hold still.
        lifetime: after how long without a login a source is known no more.
    """

    def __init__(self, keys: Keys, lifetime: dt.timedelta) -> None:
        self._keys = keys
        self._lifetime = lifetime

    async def find(self, session: AsyncSession, account: str, source: Source) -> Known:
        """What is known of a source: in one statement whoever the account is, in two for a token of its own."""
        at = now()
        digests = self._digests(account, source.address)
        query = select(KnownAddress.digest, KnownAddress.seen_at).where(
            KnownAddress.digest.in_(digests), KnownAddress.seen_at > at - self._lifetime
        )
        seen: dict[str, dt.datetime] = {row.digest: row.seen_at for row in await session.execute(query)}
        # What is known by a retired secret only is noted again, by the current one.
        fresh = digests[0] in seen and seen[digests[0]] > at - SEEN_AGAIN
        return Known(await self._device(session, account, source.device), bool(seen), fresh)

    def token(self, account: str, device: str | None) -> str:
        """A token for a device that has come in by this account.

        Args:
            device: its id, when it is known; then the former token is as good as this one until its own end.
        """
        at = now()
        return self._keys.sign_device(
            {
                "acc": self._keys.marks(f"{account}\ndevice")[0],
                "dev": device or secrets.token_urlsafe(12),
                "at": int(at.timestamp() * 1_000_000),
                "exp": int((at + self._lifetime).timestamp()),
            }
        )

    async def note(
        self,
        session: AsyncSession,
        account: str,
        address: str,
        *,
        credential_id: int | None = None,
        client_id: int | None = None,
    ) -> None:
        """Note that somebody came in from this address, by exactly one of the ids. The oldest beyond `KEPT` go."""
        insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
        owner: dict[str, Any] = {"credential_id": credential_id, "client_id": client_id, "seen_at": now()}
        noted = insert(KnownAddress).values(digest=self._digests(account, address)[0], **owner)
        await session.execute(noted.on_conflict_do_update(index_elements=[KnownAddress.digest], set_=owner))
        if credential_id is not None:
            own = KnownAddress.credential_id == credential_id
        else:
            own = KnownAddress.client_id == client_id
        latest = select(KnownAddress.digest).where(own).order_by(KnownAddress.seen_at.desc()).limit(KEPT)
        await session.execute(delete(KnownAddress).where(own, KnownAddress.digest.not_in(latest)))

    async def sweep(self, session: AsyncSession) -> None:
        """Forget the addresses that nobody has come in from for long."""
        await session.execute(delete(KnownAddress).where(KnownAddress.seen_at < now() - self._lifetime))

    async def _device(self, session: AsyncSession, account: str, token: str | None) -> str | None:
        if not token:
            return None
        try:
            claims = self._keys.read_device(token)
        except BadToken:
            return None
        device, at = claims.get("dev"), claims.get("at")
        if claims.get("acc") not in self._keys.marks(f"{account}\ndevice") or not isinstance(device, str):
            return None
        # A token from before the password was set is of nobody: it may be the reason why another one was chosen.
        set_at = func.coalesce(Credential.password_set_at, Credential.created_at, type_=Moment())
        query = select(set_at).where(Credential.email_key == account, Credential.live.is_(True))
        since = await session.scalar(query)
        return device if since is not None and int(since.timestamp() * 1_000_000) <= int(at or 0) else None

    def _digests(self, account: str, address: str) -> list[str]:
        return self._keys.marks(f"{account}\naddress\n{network_of(address)}")


async def forget(session: AsyncSession, credential_id: int) -> None:
    """Let no address of a credential be known any more: its password or its email has changed."""
    await session.execute(delete(KnownAddress).where(KnownAddress.credential_id == credential_id))
