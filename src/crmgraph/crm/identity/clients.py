"""Legacy clients: programs that speak one dialect, act as one staff member and hold tokens, kept by digest."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, Missing, NotFound, Refused, Taken, Unauthenticated, refuse
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.throttle import Kind, Throttle, of_client
from crmgraph.crm.identity.token_holders import actor_of_client as actor_of_client
from crmgraph.crm.models import Door, LegacyClient, LegacyToken, Staff, now
from crmgraph.crm.policy import Actor
from crmgraph.crm.values.text import fault_of, is_blank
from crmgraph.db.database import Database
from crmgraph.security import Passwords, digest, new_token

WEB_API_KEY = "web_api_key"
"""The kind of the token that a client of CRM.COM's shows instead of a user name and a password."""


async def add_client(
    session: AsyncSession,
    dialect: Door,
    name: str,
    login: str,
    secret_hash: str,
    staff_id: int,
    grants: Collection[str],
    organisation: str = "",
) -> int:
    """The id of a new client.

    Args:
        login: its user name or client id, unique with the organisation within the dialect.
        secret_hash: of its password or client secret.
        staff_id: whom it acts as.
        grants: what it may do, in the dialect's own words.

    Raises:
        Missing, Invalid: a text that is absent or cannot be kept, or no such staff member.
        Taken: the login.
    """
    faults: list[Refused] = []
    for key, value in (("name", name), ("login", login), ("organisation", organisation)):
        if is_blank(value) and key != "organisation":
            faults.append(Missing((key,)))
        elif fault := fault_of(value):
            faults.append(Invalid((key,), *fault))
    if await session.scalar(select(Staff.id).where(Staff.id == staff_id, Staff.active.is_(True))) is None:
        faults.append(Invalid(("staff_id",), "reference"))
    refuse(faults)
    insert_or_not = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    statement = insert_or_not(LegacyClient).values(
        dialect=dialect,
        name=name,
        login=login,
        organisation=organisation,
        secret_hash=secret_hash,
        grants=sorted(grants),
        staff_id=staff_id,
        active=True,
        created_at=now(),
    )
    statement = statement.on_conflict_do_nothing(
        index_elements=[LegacyClient.dialect, LegacyClient.login, LegacyClient.organisation]
    )
    added: int | None = await session.scalar(statement.returning(LegacyClient.id))
    if added is None:
        raise Taken(("login",))
    return added


async def all_clients(session: AsyncSession) -> list[LegacyClient]:
    """Every client, by dialect and login, those that are kept out too."""
    order = (LegacyClient.dialect, LegacyClient.login, LegacyClient.organisation)
    return list(await session.scalars(select(LegacyClient).order_by(*order)))


async def named(session: AsyncSession, dialect: Door, login: str, organisation: str = "") -> LegacyClient:
    """The client of this login, locked.

    Raises:
        NotFound: there is none.
    """
    query = select(LegacyClient).where(
        LegacyClient.dialect == dialect, LegacyClient.login == login, LegacyClient.organisation == organisation
    )
    found = None if fault_of(login) or fault_of(organisation) else await session.scalar(query.with_for_update())
    if found is None:
        raise NotFound(("login",))
    return found


async def rotate(session: AsyncSession, client: LegacyClient, secret_hash: str) -> None:
    """Give a client another secret. The former one and every token that the client holds are good no longer."""
    client.secret_hash = secret_hash
    await session.execute(delete(LegacyToken).where(LegacyToken.client_id == client.id))


async def end_key(session: AsyncSession, client: LegacyClient) -> bool:
    """End the Web API key of a client with the tokens that were given for it; whether it had one."""
    own = delete(LegacyToken).where(LegacyToken.client_id == client.id)
    ended = (await session.scalars(own.where(LegacyToken.kind == WEB_API_KEY).returning(LegacyToken.digest))).all()
    await session.execute(own.where(LegacyToken.issued_by.in_(ended)))
    return bool(ended)


async def set_key(session: AsyncSession, client: LegacyClient, key: str) -> None:
    """Give a client, which is locked, a Web API key in the place of the one that it has.

    Args:
        key: the text of the key, unguessable.
    """
    await end_key(session, client)
    session.add(LegacyToken(digest=digest(key), client_id=client.id, kind=WEB_API_KEY))


async def with_keys(session: AsyncSession) -> set[int]:
    """The ids of the clients that have a Web API key."""
    return set(await session.scalars(select(LegacyToken.client_id).where(LegacyToken.kind == WEB_API_KEY)))


async def switch(session: AsyncSession, dialect: Door, login: str, organisation: str, active: bool) -> None:
    """Let a client in, or keep it out with every token that it holds.

    Raises:
        NotFound: there is no such client.
    """
    named = (LegacyClient.dialect == dialect, LegacyClient.login == login, LegacyClient.organisation == organisation)
    changed = await session.execute(update(LegacyClient).where(*named).values(active=active).returning(LegacyClient.id))
    if changed.first() is None:
        raise NotFound(("login",))


async def client_login(
    db: Database,
    passwords: Passwords,
    dialect: Door,
    login: str,
    secret: str,
    organisation: str,
    address: str,
    throttle: Throttle,
) -> LegacyClient:
    """The active client whom this login and secret name. It opens its own transactions.

    Args:
        organisation: "" where the dialect has none.
        address: the network address that asks.

    Raises:
        Unauthenticated: there is no such client or the secret is another one, which takes the same time.
        Throttled: too many failures of this login or from this address.
    """
    known = not (fault_of(login) or fault_of(organisation))
    tried = await throttle.reserve(Kind.CLIENT, of_client(dialect, login, organisation), Source(address))
    client = None
    if known:
        async with db.read() as session:
            client = await session.scalar(
                select(LegacyClient)
                .join(Staff, Staff.id == LegacyClient.staff_id)
                .where(
                    LegacyClient.dialect == dialect,
                    LegacyClient.login == login,
                    LegacyClient.organisation == organisation,
                    LegacyClient.active.is_(True),
                    Staff.active.is_(True),
                )
            )
    if not await passwords.verify(client.secret_hash if client else None, secret) or client is None:
        raise Unauthenticated
    client_id = client.id

    async def work(session: AsyncSession) -> None:
        await throttle.let_in(session, tried, client_id=client_id)

    await db.transact(work)
    return client


async def holder_of_key(db: Database, dialect: Door, key: str, address: str, throttle: Throttle) -> Actor:
    """Whoever has this Web API key. It opens its own transactions.

    A key is as long as a token and made by us, so that nobody finds one by trying: a right one is always heard,
    whatever strangers have tried from its address, and a wrong one counts with the address.

    Args:
        address: the network address that asks.

    Raises:
        Unauthenticated: no active client has this key.
        Throttled: it is wrong, and too many from this address were.
    """
    try:
        return await actor_of_client(db, dialect, key, kind=WEB_API_KEY)
    except Unauthenticated:
        await throttle.reserve(Kind.KEY, "", Source(address))
        raise


async def issue(
    db: Database,
    client_id: int,
    kind: str,
    *,
    seconds: int | None,
    grants: Collection[str] | None = None,
    token: str | None = None,
    issued_by: str | None = None,
) -> str:
    """A token for a client, in its own transaction. Those of the client that have expired go.

    Args:
        kind: access, refresh, `WEB_API_KEY`, or the dialect's word for a grant code.
        seconds: how long it is good; None for ever.
        grants: fewer than the client has; None for all that it has at any time.
        token: the text of the token, unguessable; made when None.
        issued_by: the refresh token or key that it is issued for, with which it ends.

    Raises:
        Taken: the token that was given exists.
    """
    at = now()
    text = token or new_token()

    async def work(session: AsyncSession) -> None:
        await session.execute(
            delete(LegacyToken).where(
                LegacyToken.client_id == client_id, or_(LegacyToken.expires_at < at, LegacyToken.revoked.is_(True))
            )
        )
        insert_or_not = insert_sqlite if db.is_sqlite else insert_postgresql
        statement = insert_or_not(LegacyToken).values(
            digest=digest(text),
            client_id=client_id,
            kind=kind,
            grants={} if grants is None else {"only": sorted(grants)},
            created_at=at,
            expires_at=None if seconds is None else at + dt.timedelta(seconds=seconds),
            issued_by=None if issued_by is None else digest(issued_by),
            revoked=False,
        )
        statement = statement.on_conflict_do_nothing(index_elements=[LegacyToken.digest])
        if await session.scalar(statement.returning(LegacyToken.digest)) is None:
            raise Taken(("token",))

    await db.transact(work)
    return text


async def revoke(
    db: Database, token: str, *, dialect: Door | None = None, kinds: Collection[str] | None = None
) -> bool:
    """End a token, and those that were issued for it, in its own transaction; whether it was good until now.

    Of two at the same moment one is told so: a code is used once.

    Args:
        dialect: in which it has to be one; None for any.
        kinds: of which it has to be one; None for any.
    """
    named = [
        LegacyToken.digest == digest(token),
        LegacyToken.revoked.is_(False),
        or_(LegacyToken.expires_at.is_(None), LegacyToken.expires_at > now()),
    ]
    if dialect is not None:
        named.append(LegacyToken.client_id.in_(select(LegacyClient.id).where(LegacyClient.dialect == dialect)))
    if kinds is not None:
        named.append(LegacyToken.kind.in_(kinds))
    end = update(LegacyToken).values(revoked=True)

    async def work(session: AsyncSession) -> int | None:
        client_id = await session.scalar(end.where(*named).returning(LegacyToken.client_id))
        if client_id is not None:
            issued = (LegacyToken.client_id == client_id, LegacyToken.issued_by == digest(token))
            await session.execute(end.where(*issued))
        return client_id

    return await db.transact(work) is not None
