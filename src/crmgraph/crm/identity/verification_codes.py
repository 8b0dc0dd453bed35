"""Codes that are mailed: whoever brings one back owns the address. Kept by digest, good once, for a while."""

import datetime as dt

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Purpose, VerificationCode, now
from crmgraph.security import digest

LIFETIMES = {
    Purpose.RESET: dt.timedelta(hours=1),
    Purpose.CONFIRM: dt.timedelta(days=1),
    Purpose.EMAIL: dt.timedelta(hours=1),
}
"""How long a code is good once its email is on its way."""


async def issue(
    session: AsyncSession,
    purpose: Purpose,
    email: str,
    key: str,
    code: str,
    waiting: dt.timedelta,
    *,
    credential_id: int | None = None,
    contact_id: int | None = None,
) -> None:
    """Make this a good code for this email. With neither credential nor contact it proves nothing, at the same cost.

    Of reset codes, the former ones of the email die; codes of signups do not: each is for a record of its own.

    Args:
        waiting: how long its email may wait to be sent; the lifetime begins anew when it is, see `sent`.
    """
    at = now()
    dead = VerificationCode.expires_at < at
    if purpose is Purpose.RESET:
        dead = or_(dead, (VerificationCode.email_key == key) & (VerificationCode.purpose == purpose))
    await session.execute(delete(VerificationCode).where(dead))
    await session.execute(
        insert(VerificationCode).values(
            digest=digest(code),
            purpose=purpose,
            email=email,
            email_key=key,
            credential_id=credential_id,
            contact_id=contact_id,
            created_at=at,
            expires_at=at + waiting + LIFETIMES[purpose],
        )
    )


async def is_wanted(session: AsyncSession, code: str) -> bool:
    """Whether an email with this code says anything: a later one, a login or the lapse of time may have voided it."""
    good = (
        VerificationCode.digest == digest(code),
        VerificationCode.used_at.is_(None),
        VerificationCode.expires_at > now(),
    )
    return await session.scalar(select(VerificationCode.digest).where(*good)) is not None


async def sent(session: AsyncSession, code: str) -> None:
    """Let the lifetime of a code begin: its email is on its way."""
    at = now()
    for purpose, lifetime in LIFETIMES.items():
        mine = (VerificationCode.digest == digest(code), VerificationCode.purpose == purpose)
        await session.execute(update(VerificationCode).where(*mine).values(expires_at=at + lifetime))


async def find(session: AsyncSession, purpose: Purpose, code: str) -> VerificationCode | None:
    """What this code would show if it were redeemed now; None when it is no good."""
    return (await session.scalars(select(VerificationCode).where(*_good(purpose, code)))).one_or_none()


async def redeem(session: AsyncSession, purpose: Purpose, code: str) -> VerificationCode | None:
    """Use a code up: what it proves, or None when it is no good. Of two at the same moment one gets it."""
    redeemed = update(VerificationCode).where(*_good(purpose, code)).values(used_at=now()).returning(VerificationCode)
    return (await session.scalars(redeemed)).one_or_none()


async def void(session: AsyncSession, credential_id: int, *keys: str) -> None:
    """Make worthless what would still change a login: the reset codes of its emails, and its changes of the email."""
    resets = VerificationCode.email_key.in_(keys) & (VerificationCode.purpose == Purpose.RESET)
    changes = (VerificationCode.credential_id == credential_id) & (VerificationCode.purpose == Purpose.EMAIL)
    await session.execute(delete(VerificationCode).where(or_(resets, changes)))


async def forget(session: AsyncSession, credential_id: int) -> None:
    """Remove every code of a credential that is to go itself."""
    await session.execute(delete(VerificationCode).where(VerificationCode.credential_id == credential_id))


def _good(purpose: Purpose, code: str) -> tuple[ColumnElement[bool], ...]:
    return (
        VerificationCode.digest == digest(code),
        VerificationCode.purpose == purpose,
        VerificationCode.used_at.is_(None),
        VerificationCode.expires_at > now(),
    )
