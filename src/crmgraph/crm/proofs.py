"""Codes that are mailed: whoever brings one back owns the address. Kept by digest, good once, for a while."""

import datetime as dt

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Proof, Purpose, now
from crmgraph.security import digest, new_token


async def issue(
    session: AsyncSession,
    purpose: Purpose,
    email: str,
    key: str,
    lifetime: dt.timedelta,
    *,
    credential_id: int | None = None,
    contact_id: int | None = None,
) -> str:
    """A new code for this email. A code with neither credential nor contact proves nothing and costs the same time.

    Of reset codes, the former ones of the email die; codes of signups do not: each is for a record of its own.
    """
    at = now()
    dead = Proof.expires_at < at
    if purpose is Purpose.RESET:
        dead = or_(dead, (Proof.email_key == key) & (Proof.purpose == purpose))
    await session.execute(delete(Proof).where(dead))
    code = new_token()
    await session.execute(
        insert(Proof).values(
            digest=digest(code),
            purpose=purpose,
            email=email,
            email_key=key,
            credential_id=credential_id,
            contact_id=contact_id,
            created_at=at,
            expires_at=at + lifetime,
        )
    )
    return code


async def is_good(session: AsyncSession, purpose: Purpose, code: str) -> bool:
    """Whether this code would be redeemed now."""
    return await session.scalar(select(Proof.digest).where(*_good(purpose, code))) is not None


async def redeem(session: AsyncSession, purpose: Purpose, code: str) -> Proof | None:
    """Use a code up: what it proves, or None when it is no good. Of two at the same moment one gets it."""
    redeemed = update(Proof).where(*_good(purpose, code)).values(used_at=now()).returning(Proof)
    return (await session.scalars(redeemed)).one_or_none()


async def void_resets(session: AsyncSession, key: str) -> None:
    """Make the reset codes of an email worthless: its password has changed by other means."""
    await session.execute(delete(Proof).where(Proof.email_key == key, Proof.purpose == Purpose.RESET))


def _good(purpose: Purpose, code: str) -> tuple[ColumnElement[bool], ...]:
    return Proof.digest == digest(code), Proof.purpose == purpose, Proof.used_at.is_(None), Proof.expires_at > now()
