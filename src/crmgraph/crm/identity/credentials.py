"""Who may come in: credentials, and the person each of them opens the doors to."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.errors import Invalid, Missing, Path, Refused, Taken
from crmgraph.crm.identity import known_sources, pending_signups, sessions, verification_codes
from crmgraph.crm.models import Contact, Credential, Door, Email, Role, SalesOrder, Session, Staff, now
from crmgraph.crm.models.contact_points import CLAIMED
from crmgraph.crm.policy import Actor
from crmgraph.crm.values.text import clean_email, email_key, fault_of, is_blank, is_email
from crmgraph.db.database import Database

NO_LOGIN = ""
"""In place of the hash of a password: a signup that waits for its confirmation, and then has no login of its own."""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer or a staff member who may come in."""

    credential_id: int
    email: str
    password_hash: str = field(repr=False)
    contact_id: int | None
    account_id: int | None
    staff_id: int | None
    role: Role | None
    sees_identity: bool | None
    email_verified: bool
    """Whether they have shown that they own the email."""

    def actor(self, door: Door, session_id: str, region: str | None) -> Actor:
        """This person, acting in one login."""
        return Actor(
            door=door,
            role=self.role or Role.CUSTOMER,
            credential_id=self.credential_id,
            session_id=session_id,
            contact_id=self.contact_id,
            account_id=self.account_id,
            staff_id=self.staff_id,
            sees_identity=bool(self.sees_identity),
            region=region,
        )


_PEOPLE = (
    select(
        Credential.id,
        Credential.email,
        Credential.password_hash,
        Credential.contact_id,
        Contact.account_id,
        Credential.staff_id,
        Staff.role,
        Staff.sees_identity,
        Credential.email_verified,
    )
    .outerjoin(Contact, Contact.id == Credential.contact_id)
    .outerjoin(Staff, Staff.id == Credential.staff_id)
    .where(
        Credential.live.is_(True),
        Credential.confirmed.is_(True),
        or_(and_(Contact.id.is_not(None), Contact.deleted_at.is_(None)), Staff.active.is_(True)),
    )
)


async def find_person(
    session: AsyncSession, *conditions: ColumnElement[bool], customer: bool = False, lock: bool = False
) -> Person | None:
    """Whoever may come in and answers to the conditions, which name one credential at most.

    Args:
        customer: staff are nobody here.
        lock: hold the credential until the transaction ends.
    """
    query = _PEOPLE.where(*conditions)
    if customer:
        query = query.where(Credential.contact_id.is_not(None))
    if lock:
        query = query.with_for_update(of=Credential)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Person(*row)


async def find_unchanged(session: AsyncSession, person: Person) -> Person | None:
    """The person, locked, as long as the password is the one that was read; None once it is another one."""
    return await find_person(
        session,
        Credential.id == person.credential_id,
        Credential.password_hash == person.password_hash,
        lock=True,
    )


def _of_session() -> Any:
    return _PEOPLE.join(Session, Session.credential_id == Credential.id).where(
        Session.id == bindparam("session_id"),
        Session.door == bindparam("door"),
        Session.ended_at.is_(None),
        Session.expires_at > bindparam("at"),
    )


async def person_of_session(session: AsyncSession, session_id: str, door: Door) -> Person | None:
    """Whose login this is, while it lasts, in one statement."""
    row = (await session.execute(_of_session(), _named(session_id, door))).one_or_none()
    return None if row is None else Person(*row)


async def signed_in(db: Database, session_id: str, door: Door) -> Person | None:
    """The same beside any transaction, by a statement that is compiled once: every request asks it."""
    rows = await db.fetch_compiled("person of session", _of_session, _named(session_id, door))
    return Person(*rows[0]) if rows else None


def _named(session_id: str, door: Door) -> dict[str, Any]:
    return {"session_id": session_id, "door": door, "at": now()}


async def holder_of(session: AsyncSession, key: str) -> str | None:
    """The email, as it was given, of the credential that holds it; None when it is free."""
    return await session.scalar(select(Credential.email).where(Credential.email_key == key, Credential.live.is_(True)))


async def add_credential(
    session: AsyncSession,
    *,
    email: str,
    password_hash: str,
    contact_id: int | None = None,
    staff_id: int | None = None,
    confirmed: bool = True,
    email_verified: bool = True,
) -> int:
    """Open the doors to a contact or a staff member, who has no credential yet.

    The transaction may go on when the email is taken.

    Args:
        password_hash: `NO_LOGIN` where none is asked for, of one that is not confirmed.
        confirmed: False opens nothing, holds no email and hides the contact until `confirm` is called.
        email_verified: whether somebody has shown that they own the email.

    Returns:
        The credential's id.

    Raises:
        Taken: the email opens the doors to somebody else.
    """
    insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    statement = insert(Credential).values(
        email=email.strip(),
        email_key=email_key(email),
        password_hash=password_hash,
        contact_id=contact_id,
        staff_id=staff_id,
        confirmed=confirmed,
        email_verified=email_verified,
        live=True if confirmed else None,
        created_at=now(),
    )
    # One statement: of two at the same moment, the second waits and finds the email taken.
    statement = statement.on_conflict_do_nothing(index_elements=[Credential.email_key, Credential.live])
    added: int | None = await session.scalar(statement.returning(Credential.id))
    if added is None:
        raise Taken(("email",))
    if not confirmed and contact_id is not None:
        await pending_signups.hide(session, contact_id)
    return added


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A signup that waits no longer.

    Attributes:
        person: whom it lets in; None where it asked for no login of its own.
    """

    contact_id: int
    person: Person | None


async def confirm(session: AsyncSession, credential_id: int) -> Confirmed | None:
    """Show the records of a signup that waits, and open the doors to whom it asks it for; None where it is gone.

    One that came with an order lets nobody in where its email opens the doors to somebody else by now: the order is not
    lost, and the email stays whose it is.

    Raises:
        Taken: the email opens the doors to somebody else by now, and no order came with it.
    """
    other = aliased(Credential)
    held = select(other.id).where(other.email_key == Credential.email_key, other.live.is_(True)).exists()
    ordered = select(SalesOrder.id).where(SalesOrder.contact_id == Contact.id).exists()
    query = (
        select(Contact.id, Credential.password_hash, and_(ordered, held))
        .join(Credential, Credential.contact_id == Contact.id)
        .where(Credential.id == credential_id, Credential.confirmed.is_(False))
        .with_for_update()
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    waiting, password_hash, only_ordered = row
    if password_hash == NO_LOGIN or only_ordered:
        # Nothing of it is left that could keep the contact from a first login.
        await verification_codes.forget(session, credential_id)
        await session.execute(delete(Credential).where(Credential.id == credential_id))
        await pending_signups.reveal(session, waiting)
        return Confirmed(waiting, None)
    try:
        await session.execute(
            update(Credential)
            .where(Credential.id == credential_id)
            .values(live=True, confirmed=True, email_verified=True)
        )
    except IntegrityError:
        # Where another confirmation has just won and an order came with this one, the code shows it the next time.
        raise Taken(("email",)) from None
    await pending_signups.reveal(session, waiting)
    return Confirmed(waiting, await find_person(session, Credential.id == credential_id))


async def first_login(session: AsyncSession, contact_id: int, email: str, password_hash: str) -> Person | None:
    """Open the doors to a contact that came without a login, unless it is gone or has one by now.

    Raises:
        Taken: the email opens the doors to somebody else.
    """
    free = select(Contact.id).where(Contact.id == contact_id, Contact.deleted_at.is_(None)).with_for_update()
    if await session.scalar(free) is None:
        return None
    if await session.scalar(select(Credential.id).where(Credential.contact_id == contact_id)) is not None:
        return None
    credential_id = await add_credential(session, email=email, password_hash=password_hash, contact_id=contact_id)
    return await find_person(session, Credential.id == credential_id)


async def known_of(session: AsyncSession, credential_id: int | None, contact_id: int | None) -> list[str]:
    """The email and the names of whose password is to be set, by exactly one of the ids: it must not be one of them."""
    names = (Contact.first_name, Contact.middle_name, Contact.last_name, Contact.nickname)
    query: Any = select(*names).where(Contact.id == contact_id)
    if credential_id is not None:
        query = (
            select(Credential.email, Staff.name, *names)
            .outerjoin(Contact, Contact.id == Credential.contact_id)
            .outerjoin(Staff, Staff.id == Credential.staff_id)
            .where(Credential.id == credential_id)
        )
    row = (await session.execute(query)).one_or_none()
    return [text for text in row or () if text]


async def keep_hash(session: AsyncSession, credential_id: int, password_hash: str) -> None:
    """Keep another hash of the same password."""
    await session.execute(update(Credential).where(Credential.id == credential_id).values(password_hash=password_hash))


async def put_password(
    session: AsyncSession, credential_id: int, password_hash: str, *, keep: str | None = None
) -> None:
    """Let this be the password: logins with the former one end, but the one to keep, and mailed codes are void.

    Devices and addresses that came in by the former one are known no more.
    """
    key = await session.scalar(
        update(Credential)
        .where(Credential.id == credential_id)
        .values(password_hash=password_hash, password_set_at=now())
        .returning(Credential.email_key)
    )
    await sessions.end_all(session, credential_id, keep=keep)
    await known_sources.forget(session, credential_id)
    await verification_codes.void(session, credential_id, key or "")


async def move(session: AsyncSession, credential_id: int, email: str) -> None:
    """Let somebody come in by this email, which was verified to be theirs, instead of the former one.

    Their logins go on; mailed codes are void, and devices and addresses that came in by the former one are strangers.

    Raises:
        Taken: the email opens the doors to somebody else.
    """
    former = await session.scalar(select(Credential.email_key).where(Credential.id == credential_id))
    key = email_key(email)
    values = {"email": clean_email(email), "email_key": key, "email_verified": True}
    moved = update(Credential).where(Credential.id == credential_id).values(values)
    try:
        await session.execute(moved)
    except IntegrityError:
        raise Taken(("email",)) from None
    await verification_codes.void(session, credential_id, key, former or "")
    await known_sources.forget(session, credential_id)


async def sole_contact_of(session: AsyncSession, key: str, *, known: bool) -> tuple[int, str] | None:
    """(id, email as it stands there) of the one live contact that has this email and never had a credential.

    What a person gave at a signup or in their own profile counts for nothing beside what the office or an import knows,
    until it is verified: or anybody could keep an imported person from their first login. Several contacts do not say
    who asks, and one that has a login has it already. Where only one of them had it from the office or an import, that
    one is meant: to have confirmed a signup of one's own does not shut the way to what was known before.

    Args:
        known: hear only what the office or an import knows.
    """
    query = (
        select(Contact.id, Email.address, Email.active, CLAIMED.label("weak"), Credential.id, Email.self_given)
        .join(Email, Email.party_id == Contact.id)
        .outerjoin(Credential, Credential.contact_id == Contact.id)
        .where(Email.address_key == key, Contact.deleted_at.is_(None), Credential.confirmed.is_not(False))
        .order_by(CLAIMED, Contact.id, Email.rank, Email.id)
        .limit(200)
    )
    rows = (await session.execute(query)).all()
    told = [row for row in rows if not row.weak] or ([] if known else rows)
    if len({row[0] for row in told}) > 1:
        told = [row for row in told if not row.self_given]
    if len({row[0] for row in told}) != 1:
        return None
    return next(((row[0], row.address) for row in told if row.active and row[4] is None), None)


async def verify_email(session: AsyncSession, credential_id: int) -> None:
    """Note that whoever comes in by this credential owns its email."""
    await session.execute(update(Credential).where(Credential.id == credential_id).values(email_verified=True))


async def release(session: AsyncSession, key: str) -> None:
    """Take an email from a login for which it was never verified: somebody else has shown that it is theirs."""
    unverified = (Credential.email_key == key, Credential.live.is_(True), Credential.email_verified.is_(False))
    released = update(Credential).where(*unverified).values(live=None).returning(Credential.id)
    for credential_id in (await session.scalars(released)).all():
        await sessions.end_all(session, credential_id)
        await known_sources.forget(session, credential_id)


def email_faults(email: str) -> list[Refused]:
    """What is wrong with the email that somebody wants to sign in by."""
    path: Path = ("email",)
    if is_blank(email):
        return [Missing(path)]
    if fault := fault_of(email):
        return [Invalid(path, *fault)]
    return [] if is_email(email) else [Invalid(path, "email")]
