"""Logins: each is a row from which tokens are issued until it ends, and whose refresh tokens are spent once."""

import datetime as dt

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, RefreshToken, Session, now
from crmgraph.security import digest, new_token


async def start(session: AsyncSession, credential_id: int, door: Door, lifetime: dt.timedelta) -> str:
    """The id of a new login. What is left of the credential's former ones, which have ended, goes."""
    at = now()
    await session.execute(
        delete(Session).where(
            Session.credential_id == credential_id, or_(Session.expires_at < at, Session.ended_at.is_not(None))
        )
    )
    session_id = new_token()
    await session.execute(
        insert(Session).values(
            id=session_id, credential_id=credential_id, door=door, created_at=at, expires_at=at + lifetime
        )
    )
    return session_id


async def end(session: AsyncSession, session_id: str) -> None:
    """End one login; nothing when it has ended."""
    await session.execute(
        update(Session).where(Session.id == session_id, Session.ended_at.is_(None)).values(ended_at=now())
    )


async def end_all(session: AsyncSession, credential_id: int, *, keep: str | None = None) -> None:
    """End every login of a credential but the one to keep."""
    query = update(Session).where(Session.credential_id == credential_id, Session.ended_at.is_(None))
    if keep is not None:
        query = query.where(Session.id != keep)
    await session.execute(query.values(ended_at=now()))


async def add_refresh_token(session: AsyncSession, session_id: str) -> str:
    """A refresh token of this login."""
    token = new_token()
    await session.execute(insert(RefreshToken).values(digest=digest(token), session_id=session_id))
    return token


async def spend(session: AsyncSession, refresh_token: str, lifetime: dt.timedelta) -> str | None:
    """Spend a refresh token: its login, which lasts for another `lifetime`, or None when it was not to be spent.

    One that was spent before has two holders, one of them a thief: its login ends, and the caller has to commit that.
    Of two at the same moment, the second waits for the first and finds the token spent.
    """
    at = now()
    mine = RefreshToken.digest == digest(refresh_token)
    session_id = await session.scalar(
        update(RefreshToken)
        .where(mine, RefreshToken.spent_at.is_(None))
        .values(spent_at=at)
        .returning(RefreshToken.session_id)
    )
    if session_id is None:
        reused = await session.scalar(select(RefreshToken.session_id).where(mine))
        if reused is not None:
            await end(session, reused)
        return None
    await session.execute(
        delete(RefreshToken).where(RefreshToken.session_id == session_id, RefreshToken.spent_at < at - lifetime)
    )
    extended = (
        update(Session)
        .where(Session.id == session_id, Session.ended_at.is_(None), Session.expires_at > at)
        .values(expires_at=at + lifetime)
        .returning(Session.id)
    )
    return await session.scalar(extended)
