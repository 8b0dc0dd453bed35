"""Staff: who they are, and how they come in."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    literal,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Ambiguous, Invalid, Missing, NotFound, Refused, refuse
from crmgraph.crm.identity import credentials
from crmgraph.crm.identity.credentials import add_credential
from crmgraph.crm.models import Account, Contact, Credential, ExternalId, Lead, LegacyClient, Role, Staff
from crmgraph.crm.query import snapshots
from crmgraph.crm.records.lookup import Ref, RefShape, meant, the_one
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.text import clean_email, email_key, fault_of, is_blank, is_email


async def add_staff(
    session: AsyncSession,
    name: str,
    email: str | None,
    role: Role,
    password_hash: str | None,
    sees_identity: bool = False,
) -> Staff:
    """A new staff member, who comes in with this email and the password of the hash.

    Args:
        password_hash: None for one who owns records and does not come in.
        sees_identity: whether an agent may see identity documents.

    Raises:
        Missing, Invalid: of the name, the email or the role.
        Taken: the email opens the doors to somebody else.
    """
    faults: list[Refused] = []
    if is_blank(name):
        faults.append(Missing(("name",)))
    elif fault := fault_of(name):
        faults.append(Invalid(("name",), *fault))
    if email is None and password_hash is not None:
        faults.append(Missing(("email",)))
    elif email is not None and (fault_of(email) or not is_email(email)):
        faults.append(Invalid(("email",), "email"))
    if role is Role.CUSTOMER:
        faults.append(Invalid(("role",), "choice"))
    refuse(faults)
    staff = Staff(name=name, name_key=fold(name), role=role, sees_identity=sees_identity)
    if email is not None:
        write_email(staff, email)
    session.add(staff)
    await session.flush()
    if email is not None and password_hash is not None:
        await add_credential(session, email=email, password_hash=password_hash, staff_id=staff.id)
    return staff


def write_email(staff: Staff, email: str) -> None:
    """Let this be the email of a staff member, and what they are looked up by; it says nothing of how they come in."""
    staff.email, staff.email_key = clean_email(email), email_key(email)


async def named(session: AsyncSession, who: str) -> Staff:
    """The staff member of this id or email, whether or not they come in.

    Raises:
        NotFound: there is none.
        Ambiguous: several have this email and none comes in by it.
    """
    if who.isascii() and who.isdecimal():
        found = await session.get(Staff, int(who)) if len(who) < 19 else None
        if found is None:
            raise NotFound(("id",))
        return found
    key = email_key(who)
    if not key or fault_of(who):
        raise NotFound(("email",))
    found_all = list(await session.scalars(select(Staff).where(_of_email(literal(key, Text()))).limit(2)))
    if not found_all:
        raise NotFound(("email",))
    if len(found_all) > 1:
        raise Ambiguous(("email",))
    return found_all[0]


def _of_email(key: ColumnElement[str]) -> ColumnElement[bool]:
    """That a staff member comes in by an email or, where nobody does, has it."""
    held = select(Credential.staff_id).where(Credential.email_key == key, Credential.staff_id.is_not(None))
    return or_(Staff.id.in_(held), and_(not_(held.exists()), Staff.email_key == key))


async def find(session: AsyncSession, ref: Ref) -> int:
    """The id of the staff member whom `ref` names: by an id of ours, an email, or an id elsewhere.

    Raises:
        NotFound: there is none.
        Ambiguous: several have this email and none comes in by it.
    """
    shape = ref.shape

    def query() -> Select[Any]:
        return select(Staff.id).where(*conditions(shape, "ref_")).limit(literal_column("2", Integer()))

    return the_one(await snapshots.rows_of(session, ("reference", Staff, shape), query, ref.parameters("ref_")))


def conditions(shape: RefShape, prefix: str) -> list[ColumnElement[bool]]:
    """The conditions under which a reference names a staff member, see `lookup.conditions`."""
    match shape.by:
        case "email":
            return [_of_email(bindparam(f"{prefix}email", type_=Text()))]
        case "external":
            return [Staff.id == meant(Staff, ExternalId.staff_id, shape, prefix)]
    return [Staff.id == bindparam(f"{prefix}id", type_=BigInteger())]


async def put_password(session: AsyncSession, staff: Staff, password_hash: str) -> None:
    """Let this be the password of a staff member: their logins end. Who could not come in can from now on.

    Whom another system made an administrator comes in as an agent: who may what is decided here.

    Raises:
        Missing: of the email: there is none to come in by.
        Taken: the email opens the doors to somebody else.
    """
    credential_id = await session.scalar(select(Credential.id).where(Credential.staff_id == staff.id))
    if credential_id is not None:
        await credentials.put_password(session, credential_id, password_hash)
    elif staff.email is None:
        raise Missing(("email",))
    else:
        if await session.scalar(select(ExternalId.id).where(ExternalId.staff_id == staff.id).limit(1)) is not None:
            staff.role = Role.AGENT
        await add_credential(session, email=staff.email, password_hash=password_hash, staff_id=staff.id)


async def put_email(session: AsyncSession, staff: Staff, email: str) -> None:
    """Let this be the email of a staff member, and what they come in by if they do.

    Raises:
        Invalid: of the email: it is none.
        Taken: the email opens the doors to somebody else.
    """
    if not is_email(email):
        raise Invalid(("email",), "email")
    credential_id = await session.scalar(select(Credential.id).where(Credential.staff_id == staff.id))
    if credential_id is not None:
        await credentials.move(session, credential_id, email)
    write_email(staff, email)


async def members(
    session: AsyncSession,
    *,
    active: bool | None = True,
    role: Role | None = None,
    only: int | None = None,
    offset: int = 0,
    limit: int = 200,
) -> tuple[list[Staff], bool]:
    """A page of the staff in the order they came, and whether there are more.

    Args:
        active: those who are, those who are no longer, or None for both.
        role: those who have it; None for all.
        only: the one member of this id.
    """
    query = select(Staff).order_by(Staff.id).offset(offset).limit(limit + 1)
    if active is not None:
        query = query.where(Staff.active.is_(active))
    if role is not None:
        query = query.where(Staff.role == role)
    if only is not None:
        query = query.where(Staff.id == only)
    found = list(await session.scalars(query))
    return found[:limit], len(found) > limit


async def switch(session: AsyncSession, staff_id: int, active: bool) -> None:
    """Let a staff member in, or keep them and every client that acts as them out.

    Raises:
        NotFound: there is none.
    """
    changed = await session.execute(update(Staff).where(Staff.id == staff_id).values(active=active).returning(Staff.id))
    if changed.first() is None:
        raise NotFound(("id",))


async def unnamed(session: AsyncSession, email: str | None, dialect: str, space: str) -> int | None:
    """The one member of the staff who has this email, and no external id in this space of a dialect."""
    if (given := email_or_none(email)) is None:
        return None
    named = select(ExternalId.staff_id).where(ExternalId.dialect == dialect, ExternalId.space == space)
    query = select(Staff.id).where(
        Staff.email_key == email_key(given), Staff.id.not_in(named.where(ExternalId.staff_id.is_not(None)))
    )
    found = list(await session.scalars(query.limit(2)))
    return found[0] if len(found) == 1 else None


def email_or_none(email: str | None) -> str | None:
    """An email that somebody can have; None for any other text."""
    return email if email is not None and not fault_of(email) and is_email(email) else None


async def follow(
    session: AsyncSession, staff_id: int, name: str | None, email: str | None, role: Role, *, active: bool
) -> bool:
    """Let a member of the staff be what another system says; whether that changed anything.

    Who comes in here is left alone, by a login of their own or by programs that act as them: nobody elsewhere keeps
    them out, or gives them rights.

    Args:
        name, email: what is none stays as it is.
    """
    member = await session.get(Staff, staff_id)
    own = select(Credential.staff_id).where(Credential.staff_id == staff_id)
    logins = own.union(select(LegacyClient.staff_id).where(LegacyClient.staff_id == staff_id))
    if member is None or await session.scalar(logins) is not None:
        return False
    before = (member.name, member.email, member.role, member.active)
    if name is not None and not is_blank(name) and not fault_of(name):
        member.name, member.name_key = name, fold(name)
    if (given := email_or_none(email)) is not None:
        write_email(member, given)
    member.role, member.active = role, active
    if member.name != before[0]:
        for model in (Contact, Account, Lead):
            await session.execute(update(model).where(model.owner_id == staff_id).values(owner_key=member.name_key))
    return before != (member.name, member.email, member.role, member.active)
