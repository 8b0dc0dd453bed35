"""How people and programs come in: signup, login, refresh, passwords, legacy clients, and the throttle over all."""

import asyncio
import base64
import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crmgraph.crm.errors import (
    Invalid,
    Missing,
    NotFound,
    Refused,
    Several,
    Taken,
    Throttled,
    Unauthenticated,
)
from crmgraph.crm.identity import clients, credentials, verification_codes
from crmgraph.crm.identity.identity import Identity
from crmgraph.crm.identity.outbox import EMAIL, Outbox
from crmgraph.crm.identity.staff import add_staff
from crmgraph.crm.identity.throttle import Limits, Throttle
from crmgraph.crm.job_queue import JobQueue
from crmgraph.crm.models import (
    Account,
    Attempt,
    Change,
    Contact,
    Credential,
    Door,
    Email,
    EmailKind,
    KnownAddress,
    LegacyClient,
    LegacyToken,
    PartyKind,
    Purpose,
    RefreshToken,
    Role,
    Session,
    Staff,
    VerificationCode,
    now,
)
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, lookup, parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.db.database import Database
from crmgraph.jobs import Kind, Runner
from crmgraph.security import Keys, Passwords, digest, new_token
from tests.conftest import statements

HERE = "192.0.2.1"
SECRET = "a secret of thirty-two characters"
RAVI = "Ravi@Example.com"
PASSWORD = "correct horse"
OTHER = "battery staple"


@dataclass
class Mailbox:
    """Mail that keeps what it is given."""

    runner: Runner | None = None
    kept: list[tuple[str, str, str]] = field(default_factory=list)

    async def send(self, to: str, subject: str, text: str) -> None:
        self.kept.append((to, subject, text))

    async def sent(self) -> list[tuple[str, str, str]]:
        """Every email that was sent."""
        assert self.runner is not None
        await self.runner.run_due()
        return self.kept

    async def code(self) -> str:
        """The code in the last email."""
        found = re.search(r"^[\w-]{43}$", (await self.sent())[-1][2], re.MULTILINE)
        assert found is not None
        return found[0]


class Counting(Passwords):
    """Passwords that count how often they are asked."""

    verified = 0
    hashed = 0
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What happens once, while a password is being compared."""

    async def verify(self, kept: str | None, password: str) -> bool:
        self.verified += 1
        matches = await super().verify(kept, password)
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            await meanwhile()
        return matches

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return await super().hash(password)


@pytest.fixture
async def passwords() -> AsyncIterator[Counting]:
    made = Counting(2, memory_kib=8, passes=1, parallelism=1)
    yield made
    made.close()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def identity(db: Database, passwords: Counting, mailbox: Mailbox) -> Identity:
    """Signups without confirmation."""
    return make(db, passwords, mailbox)


@pytest.fixture
def confirming(db: Database, passwords: Counting, mailbox: Mailbox) -> Identity:
    """Signups with confirmation."""
    return make(db, passwords, mailbox, signup_confirm=True)


def make(db: Database, passwords: Passwords, mailbox: Mailbox, **changed: Any) -> Identity:
    settings: dict[str, Any] = {"signup_confirm": False, "region": "IN"}
    limits = changed.pop("limits", Limits())
    keys = changed.pop("keys", Keys(SECRET))
    queue = JobQueue(db)
    outbox = Outbox(db, queue, keys, mailbox, "https://crm.example")
    mailbox.runner = Runner(db, queue, [Kind(EMAIL, outbox.deliver)])
    return Identity(db, passwords, keys, outbox, limits, **settings | changed)


def person(last_name: str = "Emos") -> Edit:
    return Edit(values={"first_name": "Ravi", "last_name": last_name})


async def sign_up(identity: Identity, email: str = RAVI, password: str = PASSWORD) -> Any:
    login = await identity.signups.sign_up(person(), None, email, password, address=HERE)
    assert login is not None
    return login


async def rows(db: Database, model: Any, *conditions: Any) -> list[Any]:
    async with db.read() as session:
        return list(await session.scalars(select(model).where(*conditions)))


async def count(db: Database, *models: Any) -> list[int]:
    async with db.read() as session:
        return [await session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


async def change(db: Database, statement: Any) -> None:
    async with db.begin() as session:
        await session.execute(statement)


async def imported(db: Database, email: str = RAVI, **columns: Any) -> int:
    """A contact that nobody signed up for."""
    edit = Edit(values={"last_name": "Emos"}, emails=RowEdits(add=[{"kind": "PERSONAL", "address": email} | columns]))
    async with db.begin() as session:
        actor = Actor(door=Door.IMPORT, role=Role.ADMIN)
        return (await parties.create(session, actor, PartyKind.CONTACT, edit)).id


async def employ(db: Database, passwords: Passwords, email: str = "agent@example.com", **given: Any) -> int:
    password_hash = await passwords.hash(PASSWORD)
    async with db.begin() as session:
        staff = await add_staff(session, "Ann", email, given.pop("role", Role.AGENT), password_hash, **given)
    return staff.id


async def refused(call: Any) -> tuple[type, tuple[Any, ...]]:
    with pytest.raises(Refused) as caught:
        await call
    return type(caught.value), caught.value.path


# Signup


async def test_a_signup_makes_a_contact_with_its_email_and_lets_them_in(db: Database, identity: Identity) -> None:
    login = await sign_up(identity, " Ravi@Example.com ")
    [contact] = await rows(db, Contact)
    [email] = await rows(db, Email)
    [credential] = await rows(db, Credential)
    assert (contact.first_name, contact.last_name, contact.account_id, contact.revision) == ("Ravi", "Emos", None, 1)
    assert (email.party_id, email.address, email.kind) == (contact.id, RAVI, EmailKind.PERSONAL)
    assert (credential.email, credential.email_key, credential.contact_id) == (RAVI, "ravi@example.com", contact.id)
    assert credential.password_hash.startswith("$argon2id$")
    assert login.email == RAVI
    assert login.actor == Actor(
        door=Door.GRAPHQL,
        role=Role.CUSTOMER,
        credential_id=credential.id,
        session_id=login.session_id,
        contact_id=contact.id,
        region="IN",
    )
    assert await identity.actor_of(login.access_token) == login.actor
    assert await identity.email_of(login.actor) == RAVI
    assert await count(db, Account, Attempt, VerificationCode) == [0, 0, 0]


async def test_a_signup_with_an_account_becomes_its_primary_contact_in_one_revision(
    db: Database, identity: Identity
) -> None:
    login = await identity.signups.sign_up(person(), Edit(values={"name": "Emos & Co"}), RAVI, PASSWORD, address=HERE)
    [account] = await rows(db, Account)
    [contact] = await rows(db, Contact)
    assert login is not None
    assert (login.actor.contact_id, login.actor.account_id) == (contact.id, account.id)
    assert (account.primary_contact_id, contact.account_id) == (contact.id, account.id)
    assert (account.revision, contact.revision) == (1, 1)
    changes = await rows(db, Change, Change.party_id == account.id)
    assert [each.fields for each in changes] == [
        [
            {"field": "name", "old": None, "new": "Emos & Co"},
            {"field": "primary_contact_id", "old": None, "new": contact.id},
        ]
    ]
    assert await identity.actor_of(login.access_token) == login.actor


async def test_an_email_that_is_among_the_rows_is_not_added_again(db: Database, identity: Identity) -> None:
    edit = person()
    edit.emails = RowEdits(
        add=[
            {"kind": EmailKind.BUSINESS, "address": "office@example.com"},
            {"kind": EmailKind.BUSINESS, "address": "ravi@example.com"},
        ]
    )
    await identity.signups.sign_up(edit, None, RAVI, PASSWORD, address=HERE)
    assert [each.address for each in await rows(db, Email)] == ["office@example.com", "ravi@example.com"]


async def test_every_fault_of_a_signup_comes_at_once_and_nothing_is_written(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    edit = Edit(values={"first_name": "Ravi", "birth_day": 40})
    edit.emails = RowEdits(add=[{"kind": EmailKind.BUSINESS, "address": "no address"}])
    with pytest.raises(Several) as caught:
        await identity.signups.sign_up(edit, Edit(values={"website": "x\x00"}), "nobody", "short", address=HERE)
    assert [(type(each), each.path) for each in caught.value.all] == [
        (Invalid, ("email",)),
        (Invalid, ("password",)),
        (Missing, ("last_name",)),
        (Invalid, ("emails", "add", 0, "address")),
        (Invalid, ("birth_day",)),
        (Invalid, ("account", "website")),
        (Missing, ("account", "name")),
    ]
    assert await count(db, Contact, Account, Credential, Attempt) == [0, 0, 0, 0]
    assert passwords.hashed == 0


@pytest.mark.parametrize("email", ["", "  ", "x\x00@example.com", "\ud800@example.com", "x" * 2000 + "@example.com"])
async def test_an_email_that_cannot_be_kept_is_refused_by_name(identity: Identity, email: str) -> None:
    kind, path = await refused(identity.signups.sign_up(person(), None, email, PASSWORD, address=HERE))
    assert (kind, path) == (Invalid if email.strip() else Missing, ("email",))


async def test_without_confirmation_a_taken_email_is_told_and_counts_as_a_failure(
    db: Database, identity: Identity
) -> None:
    await sign_up(identity)
    before = await count(db, Contact, Email, Credential, Session, Change)
    assert await refused(sign_up(identity, "RAVI@example.COM", OTHER)) == (Taken, ("email",))
    assert await count(db, Contact, Email, Credential, Session, Change) == before
    assert sorted(each.subject for each in await rows(db, Attempt)) == [
        "signup:ravi@example.com",
        "signup:ravi@example.com|192.0.2.1",
        "signup|192.0.2.1",
    ]


async def test_of_signups_with_one_email_at_the_same_moment_one_succeeds(db: Database, identity: Identity) -> None:
    done = await asyncio.gather(*(sign_up(identity) for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Login", "Taken", "Taken", "Taken"]
    assert await count(db, Contact, Credential, Session) == [1, 1, 1]


async def test_one_mailbox_has_one_login_however_it_is_spelled(db: Database, identity: Identity) -> None:
    for one, others in (
        (
            "eva@münchen.example",
            ["EVA@xn--mnchen-3ya.example", "eva@mu\u0308nchen.example", "\u00a0eva@münchen.example\t"],
        ),
        ("rené@example.com", ["rene\u0301@example.com", "RENÉ@Example.com"]),
        ("max@example.jp", ["max@ｅｘａｍｐｌｅ.jp"]),
    ):
        made = await sign_up(identity, one)
        for other in others:
            with pytest.raises(Taken):
                await sign_up(identity, other)
            again = await identity.login(other, PASSWORD, address=HERE)
            assert again.actor.credential_id == made.actor.credential_id


async def test_two_mailboxes_have_two_logins(db: Database, identity: Identity) -> None:
    for one, other in (("x@faß.de", "x@fass.de"), ("strauß@example.com", "strauss@example.com")):
        first, second = await sign_up(identity, one), await sign_up(identity, other)
        assert first.actor.contact_id != second.actor.contact_id
        again = await identity.login(other, PASSWORD, address=HERE)
        assert again.actor.credential_id == second.actor.credential_id


async def test_an_email_reaches_an_address_that_came_with_blanks(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    for blank in ("\u00a0", "\t", "\u3000"):
        address = f"eva{ord(blank)}@example.com"
        edit = Edit(
            {"last_name": "Eva"}, emails=RowEdits(add=[{"kind": EmailKind.PERSONAL, "address": address + blank}])
        )
        async with db.begin() as session:
            await parties.create(session, Actor(Door.OPERATOR, Role.ADMIN), PartyKind.CONTACT, edit)
        await identity.passwords.request_reset(blank + address, address=HERE)
        assert (await mailbox.sent())[-1][0] == address
    assert {row.address for row in await rows(db, Email)} == {
        "eva160@example.com",
        "eva9@example.com",
        "eva12288@example.com",
    }


async def test_a_signup_joins_neither_a_contact_nor_an_account_that_exists(db: Database, identity: Identity) -> None:
    known = await imported(db)
    login = await sign_up(identity)
    assert login.actor.contact_id != known
    async with db.begin() as session:
        actor = Actor(door=Door.IMPORT, role=Role.ADMIN)
        account = await parties.create(session, actor, PartyKind.ACCOUNT, Edit(values={"name": "Acme"}))
    edit = person()
    edit.values["account_id"] = account.id
    call = identity.signups.sign_up(edit, None, "else@example.com", PASSWORD, address=HERE)
    assert await refused(call) == (Invalid, ("account_id",))
    assert await count(db, Contact) == [2]


async def test_with_confirmation_the_code_of_the_email_opens_the_door(
    db: Database, confirming: Identity, mailbox: Mailbox
) -> None:
    assert await confirming.signups.sign_up(person(), None, RAVI, PASSWORD, address=HERE) is None
    [(to, subject, _)] = await mailbox.sent()
    assert (to, subject) == (RAVI, "Confirm your email address")
    assert await refused(confirming.login(RAVI, PASSWORD, address=HERE)) == (Unauthenticated, ())
    code = await mailbox.code()
    assert [each.digest for each in await rows(db, VerificationCode)] == [digest(code)]
    login = await confirming.signups.confirm(code)
    assert await confirming.actor_of(login.access_token) == login.actor
    assert [each.verified for each in await rows(db, Email)] == [True]
    assert (await confirming.login(RAVI, PASSWORD, address=HERE)).actor.contact_id == login.actor.contact_id
    assert await refused(confirming.signups.confirm(code)) == (Unauthenticated, ("code",))


async def test_with_confirmation_a_known_email_answers_the_same_and_only_the_email_differs(
    db: Database, confirming: Identity, mailbox: Mailbox, passwords: Counting
) -> None:
    await confirming.signups.sign_up(person(), None, RAVI, PASSWORD, address=HERE)
    await confirming.signups.confirm(await mailbox.code())
    before = await count(db, Contact, Email, Credential, Change, Session)
    with statements(db) as known:
        assert await confirming.signups.sign_up(person(), None, "ravi@example.com", OTHER, address=HERE) is None
    assert (await mailbox.sent())[-1][:2] == (RAVI, "You already have a login")
    assert await count(db, Contact, Email, Credential, Change, Session) == before
    with statements(db) as unknown:
        assert await confirming.signups.sign_up(person(), None, "new@example.com", OTHER, address=HERE) is None
    assert (await mailbox.sent())[-1][:2] == ("new@example.com", "Confirm your email address")
    # The same statements, but that the first signup is undone where the second is kept.
    assert [each for each in known if not each.startswith("ROLLBACK TO")] == unknown
    assert passwords.hashed == 3
    assert (await confirming.login(RAVI, PASSWORD, address=HERE)).email == RAVI


async def test_a_signup_that_nobody_confirmed_keeps_nobody_else_out(
    db: Database, confirming: Identity, mailbox: Mailbox
) -> None:
    await confirming.signups.sign_up(person("Mallory"), None, RAVI, OTHER, address="198.51.100.9")
    hers = await mailbox.code()
    await confirming.signups.sign_up(person("Emos"), None, RAVI, PASSWORD, address=HERE)
    login = await confirming.signups.confirm(await mailbox.code())
    [contact] = await rows(db, Contact, Contact.id == login.actor.contact_id)
    assert contact.last_name == "Emos"
    assert await refused(confirming.signups.confirm(hers)) == (Taken, ("email",))
    assert await refused(confirming.login(RAVI, OTHER, address=HERE)) == (Unauthenticated, ())


async def test_a_code_is_good_for_its_purpose_and_its_time_only(
    db: Database, confirming: Identity, mailbox: Mailbox
) -> None:
    await confirming.signups.sign_up(person(), None, RAVI, PASSWORD, address=HERE)
    code = await mailbox.code()
    assert await refused(confirming.passwords.reset(code, OTHER, address=HERE)) == (Unauthenticated, ("code",))
    [kept] = await rows(db, VerificationCode)
    assert dt.timedelta() <= kept.expires_at - kept.created_at - dt.timedelta(days=1) < dt.timedelta(minutes=1)
    await change(db, update(VerificationCode).values(expires_at=now()))
    assert await refused(confirming.signups.confirm(code)) == (Unauthenticated, ("code",))
    assert [each.live for each in await rows(db, Credential)] == [None]


async def test_of_confirmations_of_one_email_at_the_same_moment_one_succeeds(
    db: Database, confirming: Identity, mailbox: Mailbox
) -> None:
    codes = []
    for _ in range(3):
        await confirming.signups.sign_up(person(), None, RAVI, PASSWORD, address=HERE)
        codes.append(await mailbox.code())
    done = await asyncio.gather(*(confirming.signups.confirm(code) for code in codes), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Login", "Taken", "Taken"]
    assert sorted(str(each.live) for each in await rows(db, Credential)) == ["None", "None", "True"]


# Login


async def test_an_unknown_email_and_a_wrong_password_are_one_answer_and_one_amount_of_work(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    login = await sign_up(identity)
    await sign_up(identity, "gone@example.com")
    await change(
        db,
        update(Credential).where(Credential.email_key == "gone@example.com").values(live=None),
    )
    seen = []
    for email in (RAVI, "nobody@example.com", "gone@example.com"):
        passwords.verified = 0
        with statements(db) as made:
            answer = await refused(identity.login(email, OTHER, address=HERE))
        seen.append((answer, passwords.verified, len(made)))
    assert seen == [((Unauthenticated, ()), 1, seen[0][2])] * 3
    for odd in ("", "x\x00", "\ud800", "x" * 5000):
        passwords.verified = 0
        assert await refused(identity.login(odd, PASSWORD, address=HERE)) == (Unauthenticated, ())
        assert passwords.verified == 1
    assert await count(db, Session) == [2]
    assert (await identity.login(" rAVI@example.com", PASSWORD, address=HERE)).actor.contact_id == (
        login.actor.contact_id
    )


async def test_a_deleted_contact_cannot_come_in_any_more(db: Database, identity: Identity) -> None:
    login = await sign_up(identity)
    async with db.begin() as session:
        actor = Actor(door=Door.OPERATOR, role=Role.ADMIN)
        contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, login.actor.contact_id, lock=True)
        await parties.remove(session, actor, contact)
    assert await refused(identity.actor_of(login.access_token)) == (Unauthenticated, ())
    assert await refused(identity.refresh(login.refresh_token)) == (Unauthenticated, ())
    assert await refused(identity.login(RAVI, PASSWORD, address=HERE)) == (Unauthenticated, ())
    assert await refused(identity.passwords.change(login.actor, PASSWORD, OTHER, address=HERE)) == (Unauthenticated, ())
    assert (await sign_up(identity)).actor.contact_id != login.actor.contact_id


async def test_staff_come_in_by_graphql_and_not_by_covalense(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    staff_id = await employ(db, passwords, sees_identity=True)
    login = await identity.login("agent@example.com", PASSWORD, address=HERE)
    actor = login.actor
    assert (actor.role, actor.staff_id, actor.contact_id, actor.sees_identity) == (Role.AGENT, staff_id, None, True)
    assert await identity.actor_of(login.access_token) == actor
    call = identity.login("agent@example.com", PASSWORD, address=HERE, door=Door.COVALENSE)
    assert await refused(call) == (Unauthenticated, ())
    await change(db, update(Staff).values(active=False))
    assert await refused(identity.actor_of(login.access_token)) == (Unauthenticated, ())
    assert await refused(identity.login("agent@example.com", PASSWORD, address=HERE)) == (Unauthenticated, ())


async def test_a_token_of_one_door_is_refused_at_the_other(db: Database, identity: Identity) -> None:
    here = await sign_up(identity)
    there = await identity.login(RAVI, PASSWORD, address=HERE, door=Door.COVALENSE)
    assert there.refresh_token is None
    assert (await identity.actor_of_bare(there.access_token)).door is Door.COVALENSE
    with pytest.raises(Unauthenticated) as caught:
        await identity.actor_of(there.access_token)
    assert caught.value.reason == "signature"
    with pytest.raises(Unauthenticated) as caught:
        await identity.actor_of_bare(here.access_token)
    assert caught.value.reason == "signature"
    with pytest.raises(Unauthenticated) as caught:
        await identity.actor_of_bare("no token")
    assert caught.value.reason == "periods:0"
    # A token with the right signature that names a login of another door.
    exp = int(now().timestamp()) + 60
    forged = Keys(SECRET).sign_bare({"sub": RAVI, "jti": here.session_id, "exp": exp})
    assert await refused(identity.actor_of_bare(forged)) == (Unauthenticated, ())
    forged = Keys(SECRET).sign({"sub": "1", "sid": there.session_id, "exp": exp})
    assert await refused(identity.actor_of(forged)) == (Unauthenticated, ())
    assert await refused(identity.actor_of(Keys(SECRET).sign({"sub": "1", "exp": exp}))) == (Unauthenticated, ())


async def test_a_covalense_token_has_the_claims_of_the_sample_for_thirty_days(identity: Identity) -> None:
    await sign_up(identity)
    login = await identity.login(RAVI, PASSWORD, address=HERE, door=Door.COVALENSE)
    header, claims, _ = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in login.access_token.split(".")
    )
    assert header == b'{"alg":"HS256"}'
    issued = json.loads(claims)
    assert list(issued) == ["sub", "jti", "iat", "exp"]
    assert (issued["sub"], issued["jti"]) == (RAVI, login.session_id)
    assert issued["exp"] - issued["iat"] == 30 * 24 * 3600
    assert login.expires_at.timestamp() == issued["exp"]


async def test_a_login_shows_none_of_its_tokens_when_printed(identity: Identity) -> None:
    login = await sign_up(identity)
    assert login.access_token not in repr(login)
    assert login.refresh_token not in repr(login)


async def test_a_token_is_good_after_its_secret_was_retired(
    db: Database, identity: Identity, passwords: Counting, mailbox: Mailbox
) -> None:
    login = await sign_up(identity)
    bare = await identity.login(RAVI, PASSWORD, address=HERE, door=Door.COVALENSE)
    rotated = make(db, passwords, mailbox, keys=Keys("a new secret, again long enough to be", [SECRET]))
    assert await rotated.actor_of(login.access_token) == login.actor
    assert await rotated.actor_of_bare(bare.access_token) == bare.actor


async def test_an_actor_is_found_in_one_statement(db: Database, identity: Identity) -> None:
    login = await sign_up(identity)
    bare = await identity.login(RAVI, PASSWORD, address=HERE, door=Door.COVALENSE)
    with statements(db) as made:
        await identity.actor_of(login.access_token)
        await identity.actor_of_bare(bare.access_token)
    assert len(made) == 2


async def test_a_hash_at_a_former_cost_is_made_anew_at_login(
    db: Database, mailbox: Mailbox, identity: Identity
) -> None:
    await sign_up(identity)
    [before] = await rows(db, Credential)
    dearer = Passwords(2, memory_kib=16, passes=1, parallelism=1)
    await make(db, dearer, mailbox).login(RAVI, PASSWORD, address=HERE)
    [after] = await rows(db, Credential)
    assert dearer.needs_rehash(before.password_hash) is True
    assert dearer.needs_rehash(after.password_hash) is False
    await make(db, dearer, mailbox).login(RAVI, PASSWORD, address=HERE)
    assert [each.password_hash for each in await rows(db, Credential)] == [after.password_hash]
    dearer.close()


# Refresh and logout


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_login(db: Database, identity: Identity) -> None:
    first = await sign_up(identity)
    apart = await identity.login(RAVI, PASSWORD, address=HERE)
    second = await identity.refresh(first.refresh_token)
    assert second.actor == first.actor
    assert second.refresh_token != first.refresh_token
    third = await identity.refresh(second.refresh_token)
    assert await identity.actor_of(third.access_token) == first.actor
    await age(db, 11)
    assert await refused(identity.refresh(first.refresh_token)) == (Unauthenticated, ())
    assert await refused(identity.refresh(third.refresh_token)) == (Unauthenticated, ())
    for token in (first.access_token, third.access_token):
        assert await refused(identity.actor_of(token)) == (Unauthenticated, ())
    assert await identity.actor_of(apart.access_token) == apart.actor
    for unknown in ("", "unknown", "\ud800", first.access_token):
        assert await refused(identity.refresh(unknown)) == (Unauthenticated, ())


async def age(db: Database, seconds: int) -> None:
    """Let the tokens that are spent have been spent so much earlier."""
    async with db.begin() as session:
        for each in await session.scalars(select(RefreshToken).where(RefreshToken.spent_at.is_not(None))):
            each.spent_at -= dt.timedelta(seconds=seconds)


async def test_refreshes_with_one_token_at_the_same_moment_get_one_answer_and_the_login_goes_on(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    # Two of them, as in two processes.
    processes = [make(db, passwords, mailbox), make(db, passwords, mailbox)]
    login = await sign_up(processes[0])
    for _ in range(20):
        token = login.refresh_token
        done = await asyncio.gather(*(processes[n % 2].refresh(token) for n in range(8)))
        assert len({(each.access_token, each.refresh_token, each.expires_at) for each in done}) == 1
        login = done[0]
        assert login.refresh_token != token
    assert await processes[1].actor_of(login.access_token) == login.actor
    assert len(await rows(db, RefreshToken, RefreshToken.spent_at.is_(None))) == 1
    assert await count(db, RefreshToken, Session) == [21, 1]


async def test_a_spent_token_gets_the_same_answer_for_its_grace_only(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox)
    first = await sign_up(identity)
    second = await identity.refresh(first.refresh_token)
    await age(db, 9)
    with statements(db) as made:
        again = await identity.refresh(first.refresh_token)
    assert again.refresh_token == second.refresh_token
    assert again.actor == second.actor
    assert len(made) == 4
    # A successor that is spent meanwhile is told still, and gets its own answer.
    third = await identity.refresh(second.refresh_token)
    assert (await identity.refresh(first.refresh_token)).refresh_token == second.refresh_token
    assert (await identity.refresh(second.refresh_token)).refresh_token == third.refresh_token
    # The secret was changed in between.
    rotated = make(db, passwords, mailbox, keys=Keys("a new secret, again long enough to be", [SECRET]))
    assert (await rotated.refresh(second.refresh_token)).refresh_token == third.refresh_token
    lost = make(db, passwords, mailbox, keys=Keys("a new secret, again long enough to be"))
    assert await refused(lost.refresh(second.refresh_token)) == (Unauthenticated, ())
    assert await identity.actor_of(third.access_token) == first.actor
    await age(db, 11)
    assert await refused(identity.refresh(second.refresh_token)) == (Unauthenticated, ())
    assert await refused(identity.refresh(third.refresh_token)) == (Unauthenticated, ())
    assert await refused(identity.actor_of(third.access_token)) == (Unauthenticated, ())


async def test_without_a_grace_a_token_that_comes_twice_ends_the_login(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox, refresh_grace=0)
    login = await sign_up(identity)
    done = await asyncio.gather(*(identity.refresh(login.refresh_token) for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Login"] + ["Unauthenticated"] * 3
    assert await refused(identity.actor_of(login.access_token)) == (Unauthenticated, ())
    assert await count(db, RefreshToken) == [2]


async def test_the_grace_gives_nothing_of_a_login_that_has_ended(identity: Identity) -> None:
    login = await sign_up(identity)
    renewed = await identity.refresh(login.refresh_token)
    await identity.logout(renewed.actor)
    assert await refused(identity.refresh(login.refresh_token)) == (Unauthenticated, ())


async def test_a_login_lasts_thirty_days_after_its_last_refresh(db: Database, identity: Identity) -> None:
    login = await sign_up(identity)
    await change(db, update(Session).values(expires_at=now() + dt.timedelta(hours=1)))
    login = await identity.refresh(login.refresh_token)
    [kept] = await rows(db, Session)
    assert dt.timedelta(days=29, hours=23) < kept.expires_at - now() <= dt.timedelta(days=30)
    await change(db, update(Session).values(expires_at=now()))
    assert await refused(identity.actor_of(login.access_token)) == (Unauthenticated, ())
    assert await refused(identity.refresh(login.refresh_token)) == (Unauthenticated, ())


async def test_what_is_left_of_ended_logins_goes_with_the_next_one(db: Database, identity: Identity) -> None:
    login = await sign_up(identity)
    await identity.logout(login.actor)
    await identity.login(RAVI, PASSWORD, address=HERE)
    assert await count(db, Session, RefreshToken) == [1, 1]


async def test_a_logout_ends_one_login(identity: Identity) -> None:
    first, second = await sign_up(identity), await identity.login(RAVI, PASSWORD, address=HERE)
    await identity.logout(first.actor)
    assert await refused(identity.actor_of(first.access_token)) == (Unauthenticated, ())
    assert await refused(identity.refresh(first.refresh_token)) == (Unauthenticated, ())
    assert await identity.actor_of(second.access_token) == second.actor
    assert await refused(identity.logout(Actor(door=Door.GRAPHQL))) == (Unauthenticated, ())


# Passwords


async def test_a_changed_password_ends_the_other_logins_and_voids_reset_codes(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    mine, other = await sign_up(identity), await identity.login(RAVI, PASSWORD, address=HERE, door=Door.COVALENSE)
    await identity.passwords.request_reset(RAVI, address=HERE)
    code = await mailbox.code()
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.change(mine.actor, PASSWORD, OTHER, address=HERE)
    assert len(await mailbox.sent()) == 1, "an email whose code is void is not sent"
    assert await identity.actor_of(mine.access_token) == mine.actor
    assert await refused(identity.actor_of_bare(other.access_token)) == (Unauthenticated, ())
    assert await refused(identity.login(RAVI, PASSWORD, address=HERE)) == (Unauthenticated, ())
    assert await refused(identity.passwords.reset(code, PASSWORD, address=HERE)) == (Unauthenticated, ("code",))
    assert (await identity.login(RAVI, OTHER, address=HERE)).actor.contact_id == mine.actor.contact_id


async def test_a_wrong_current_password_changes_nothing_and_counts(db: Database, identity: Identity) -> None:
    login = await sign_up(identity)
    [before] = await rows(db, Credential)
    call = identity.passwords.change(login.actor, OTHER, "a third one", address=HERE)
    assert await refused(call) == (Unauthenticated, ("current_password",))
    assert await refused(identity.passwords.change(login.actor, PASSWORD, "short", address=HERE)) == (
        Invalid,
        ("new_password",),
    )
    [after] = await rows(db, Credential)
    assert after.password_hash == before.password_hash
    assert [each.subject for each in await rows(db, Attempt)] == [f"password:{login.actor.credential_id}"]


async def test_a_password_that_changes_while_it_is_compared_lets_nobody_in_and_changes_nothing(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    login = await sign_up(identity)
    passwords.meanwhile = lambda: identity.passwords.set(RAVI, OTHER)
    assert await refused(identity.login(RAVI, PASSWORD, address=HERE)) == (Unauthenticated, ())
    assert await count(db, Session) == [1]
    passwords.meanwhile = lambda: identity.passwords.set(RAVI, PASSWORD)
    call = identity.passwords.change(login.actor, OTHER, "a third one", address=HERE)
    assert await refused(call) == (Unauthenticated, ("current_password",))
    assert (await identity.login(RAVI, PASSWORD, address=HERE)).email == RAVI


async def test_a_credential_that_is_not_confirmed_lets_nobody_in(db: Database, identity: Identity) -> None:
    login = await sign_up(identity)
    await change(db, update(Credential).values(confirmed=False))
    assert await refused(identity.login(RAVI, PASSWORD, address=HERE)) == (Unauthenticated, ())
    assert await refused(identity.actor_of(login.access_token)) == (Unauthenticated, ())


async def test_a_client_without_a_credential_has_no_password_to_change(identity: Identity) -> None:
    client = Actor(door=Door.ZOHO, role=Role.AGENT, staff_id=1, client_id=1)
    assert await refused(identity.passwords.change(client, PASSWORD, OTHER, address=HERE)) == (Unauthenticated, ())


async def test_a_reset_sets_the_password_once_and_ends_every_login(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    login = await sign_up(identity)
    await identity.passwords.request_reset("RAVI@example.com", address=HERE)
    [(to, subject, text)] = await mailbox.sent()
    assert (to, subject) == (RAVI, "Choose a new password")
    assert "https://crm.example" in text
    code = await mailbox.code()
    [kept] = await rows(db, VerificationCode)
    assert kept.digest == digest(code)
    assert dt.timedelta() <= kept.expires_at - kept.created_at - dt.timedelta(hours=1) < dt.timedelta(minutes=1)
    assert await refused(identity.passwords.reset(code, "short", address=HERE)) == (Invalid, ("new_password",))
    await identity.passwords.reset(code, OTHER, address=HERE)
    assert await refused(identity.actor_of(login.access_token)) == (Unauthenticated, ())
    assert await refused(identity.passwords.reset(code, PASSWORD, address=HERE)) == (Unauthenticated, ("code",))
    assert (await identity.login(RAVI, OTHER, address=HERE)).actor.contact_id == login.actor.contact_id
    assert [each.verified for each in await rows(db, Email)] == [True]


async def test_the_former_code_dies_with_the_next_and_an_old_one_by_itself(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    await sign_up(identity)
    await identity.passwords.request_reset(RAVI, address=HERE)
    former = await mailbox.code()
    await identity.passwords.request_reset(RAVI, address=HERE)
    assert await refused(identity.passwords.reset(former, OTHER, address=HERE)) == (Unauthenticated, ("code",))
    await change(db, update(VerificationCode).values(expires_at=now()))
    assert await refused(identity.passwords.reset(await mailbox.code(), OTHER, address=HERE)) == (
        Unauthenticated,
        ("code",),
    )
    assert (await identity.login(RAVI, PASSWORD, address=HERE)).email == RAVI


async def test_a_request_for_a_reset_does_the_same_for_every_email_and_sends_no_email_to_a_stranger(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    await sign_up(identity)
    with statements(db) as known:
        await identity.passwords.request_reset(RAVI, address=HERE)
    with statements(db) as unknown:
        await identity.passwords.request_reset("nobody@example.com", address=HERE)
    assert known == unknown
    assert [each[0] for each in await mailbox.sent()] == [RAVI]
    await identity.passwords.request_reset("x\x00", address=HERE)
    assert len(await mailbox.sent()) == 1


async def test_an_imported_person_with_a_unique_email_gets_a_first_login(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    contact_id = await imported(db)
    await identity.passwords.request_reset("ravi@example.com", address=HERE)
    assert (await mailbox.sent())[0][0] == RAVI
    await identity.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    login = await identity.login(RAVI, PASSWORD, address=HERE)
    assert (login.actor.contact_id, login.actor.role) == (contact_id, Role.CUSTOMER)
    [contact] = await rows(db, Contact)
    assert contact.revision == 2
    [email] = await rows(db, Email)
    assert email.verified is True


async def test_an_email_that_is_not_unique_or_not_in_use_gives_no_first_login(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    await imported(db)
    await imported(db)
    await imported(db, "old@example.com", active=False)
    for email in (RAVI, "old@example.com"):
        await identity.passwords.request_reset(email, address=HERE)
    assert await mailbox.sent() == []
    assert await count(db, Credential) == [0]


async def test_a_strangers_unconfirmed_signup_does_not_keep_an_imported_person_out(
    db: Database, confirming: Identity, mailbox: Mailbox
) -> None:
    contact_id = await imported(db)
    await confirming.signups.sign_up(person("Mallory"), None, RAVI, OTHER, address=HERE)
    await confirming.passwords.request_reset(RAVI, address=HERE)
    await confirming.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    assert (await confirming.login(RAVI, PASSWORD, address=HERE)).actor.contact_id == contact_id


async def test_a_first_login_is_not_given_twice_or_to_a_deleted_contact(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    contact_id = await imported(db)
    await identity.passwords.request_reset(RAVI, address=HERE)
    async with db.begin() as session:
        actor = Actor(door=Door.OPERATOR, role=Role.ADMIN)
        contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, contact_id, lock=True)
        await parties.remove(session, actor, contact)
    call = identity.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    assert await refused(call) == (Unauthenticated, ("code",))
    assert await count(db, Credential) == [0]


async def test_a_contact_with_two_emails_gets_one_first_login(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    add = [{"kind": "PERSONAL", "address": address} for address in ("one@example.com", "two@example.com")]
    async with db.begin() as session:
        actor = Actor(door=Door.IMPORT, role=Role.ADMIN)
        edit = Edit(values={"last_name": "Emos"}, emails=RowEdits(add=add))
        await parties.create(session, actor, PartyKind.CONTACT, edit)
    codes = []
    for row in add:
        await identity.passwords.request_reset(row["address"], address=HERE)
        codes.append(await mailbox.code())
    await identity.passwords.reset(codes[1], PASSWORD, address=HERE)
    assert await refused(identity.passwords.reset(codes[0], OTHER, address=HERE)) == (Unauthenticated, ("code",))
    assert [each.email for each in await rows(db, Credential)] == ["two@example.com"]
    await identity.passwords.request_reset("one@example.com", address=HERE)
    assert len(await mailbox.sent()) == 2


async def test_of_resets_with_one_code_at_the_same_moment_one_succeeds(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    await imported(db)
    await identity.passwords.request_reset(RAVI, address=HERE)
    code = await mailbox.code()
    done = await asyncio.gather(
        *(identity.passwords.reset(code, f"{PASSWORD} {n}", address=HERE) for n in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["NoneType"] + ["Unauthenticated"] * 3
    assert await count(db, Credential) == [1]


async def test_an_operator_sets_the_password_of_a_login_and_of_nobody_else(db: Database, identity: Identity) -> None:
    login = await sign_up(identity)
    await identity.passwords.set(RAVI, OTHER)
    assert await refused(identity.actor_of(login.access_token)) == (Unauthenticated, ())
    assert (await identity.login(RAVI, OTHER, address=HERE)).email == RAVI
    await imported(db, "else@example.com")
    for email in ("else@example.com", "x\x00"):
        assert await refused(identity.passwords.set(email, OTHER)) == (NotFound, ("email",))
    assert await refused(identity.passwords.set(RAVI, "short")) == (Invalid, ("password",))
    assert await count(db, Credential) == [1]


async def test_a_credential_for_a_taken_email_is_refused_and_the_transaction_goes_on(
    db: Database, identity: Identity
) -> None:
    await sign_up(identity)
    contact_id = await imported(db, "else@example.com")
    async with db.begin() as session:
        with pytest.raises(Taken):
            await credentials.add_credential(
                session, contact_id=contact_id, email="ravi@example.com", password_hash="h"
            )
        await session.execute(update(Contact).where(Contact.id == contact_id).values(nickname="kept"))
    assert len(await rows(db, Contact, Contact.nickname == "kept")) == 1
    assert await count(db, Credential) == [1]


# Whose an email is


async def given(db: Database, email: str) -> int:
    """A contact of somebody who signed up without a password, e.g. at the door of Covalense."""
    edit = Edit(values={"last_name": "Mallory"}, emails=RowEdits(add=[{"kind": "PERSONAL", "address": email}]))
    async with db.begin() as session:
        actor = Actor(door=Door.COVALENSE)
        return (await parties.create(session, actor, PartyKind.CONTACT, edit, signing_up=True)).id


async def test_what_strangers_and_customers_say_keeps_no_imported_person_from_their_first_login(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    contact_id = await imported(db)
    await given(db, RAVI)
    eve = await sign_up(identity, "eve@example.com", OTHER)
    async with db.begin() as session:
        contact = await aggregates.load_one(session, eve.actor, PartyKind.CONTACT, eve.actor.contact_id, lock=True)
        edit = Edit(emails=RowEdits(add=[{"kind": "PERSONAL", "address": RAVI}]))
        await parties.update(Transaction(session), eve.actor, contact, edit)
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    login = await identity.login(RAVI, PASSWORD, address=HERE)
    assert login.actor.contact_id == contact_id
    again = await identity.login("eve@example.com", OTHER, address=HERE)
    assert again.actor.contact_id == eve.actor.contact_id


async def test_a_signup_that_nobody_had_to_confirm_gives_the_email_to_whom_it_is_verified_to_be_of(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    contact_id = await imported(db)
    stranger = await sign_up(identity, RAVI, OTHER)
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    assert (await identity.login(RAVI, PASSWORD, address=HERE)).actor.contact_id == contact_id
    assert await refused(identity.login(RAVI, OTHER, address=HERE)) == (Unauthenticated, ())
    assert await refused(identity.actor_of(stranger.access_token)) == (Unauthenticated, ())
    assert await refused(identity.refresh(stranger.refresh_token)) == (Unauthenticated, ())


async def test_a_login_whose_email_was_verified_keeps_it_whatever_is_imported(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    login = await sign_up(identity)
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.reset(await mailbox.code(), OTHER, address=HERE)
    await imported(db)
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    assert (await identity.login(RAVI, PASSWORD, address=HERE)).actor.contact_id == login.actor.contact_id


async def test_a_login_that_moved_to_another_email_keeps_it_and_its_devices_are_strangers_there(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    login = await sign_up(identity)
    async with db.begin() as session:
        await credentials.move(session, login.actor.credential_id, "new@example.com")
    assert await count(db, KnownAddress) == [0]
    await imported(db, "new@example.com")
    await identity.passwords.request_reset("new@example.com", address=HERE)
    await identity.passwords.reset(await mailbox.code(), OTHER, address=HERE)
    assert (await identity.login("new@example.com", OTHER, address=HERE)).actor.contact_id == login.actor.contact_id


async def test_where_the_office_knows_nobody_a_registration_without_a_login_gets_its_first_one(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    contact_id = await given(db, RAVI)
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    assert (await identity.login(RAVI, PASSWORD, address=HERE)).actor.contact_id == contact_id


async def test_what_the_office_writes_is_the_offices_word(db: Database, identity: Identity, mailbox: Mailbox) -> None:
    contact_id = await given(db, "wrong@example.com")
    await given(db, RAVI)
    async with db.begin() as session:
        actor = Actor(door=Door.GRAPHQL, role=Role.AGENT)
        contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, contact_id, lock=True)
        edit = Edit(emails=RowEdits(update=[(contact.emails[0].id, {"address": RAVI})]))
        await parties.update(Transaction(session), actor, contact, edit)
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.reset(await mailbox.code(), PASSWORD, address=HERE)
    assert (await identity.login(RAVI, PASSWORD, address=HERE)).actor.contact_id == contact_id


async def test_nobody_sees_a_signup_that_waits_and_a_number_given_meanwhile_stays(
    db: Database, confirming: Identity, mailbox: Mailbox
) -> None:
    await confirming.signups.sign_up(person(), Edit(values={"name": "Emos & Co"}), RAVI, PASSWORD, address=HERE)
    [contact] = await rows(db, Contact)
    [account] = await rows(db, Account)
    admin = Actor(door=Door.GRAPHQL, role=Role.ADMIN)
    async with db.read() as session:
        for kind, ref in (
            (PartyKind.CONTACT, lookup.Ref(id=contact.id)),
            (PartyKind.CONTACT, lookup.Ref(email=RAVI)),
            (PartyKind.CONTACT, lookup.Ref(number=contact.number)),
            (PartyKind.ACCOUNT, lookup.Ref(id=account.id)),
        ):
            assert await refused(lookup.find(session, admin, kind, ref)) == (NotFound, ())
    async with db.begin() as session:
        edit = Edit(values={"last_name": "Other", "number": contact.number})
        other = await parties.create(session, admin, PartyKind.CONTACT, edit)
    before = now()
    login = await confirming.signups.confirm(await mailbox.code())
    shown = {each.id: each for each in await rows(db, Contact)}
    assert shown[other.id].number == contact.number != shown[contact.id].number
    assert shown[contact.id].deleted_at is None
    [account] = await rows(db, Account)
    assert account.deleted_at is None
    assert account.updated_at >= before
    assert (login.actor.contact_id, login.actor.account_id) == (contact.id, account.id)


# Staff and legacy clients


async def test_staff_are_checked_before_they_are_added(db: Database, passwords: Counting) -> None:
    async with db.begin() as session:
        with pytest.raises(Several) as caught:
            await add_staff(session, " ", "nobody", Role.CUSTOMER, None)
    assert [(type(each), each.path) for each in caught.value.all] == [
        (Missing, ("name",)),
        (Invalid, ("email",)),
        (Invalid, ("role",)),
    ]
    await employ(db, passwords)
    assert await refused(employ(db, passwords, "AGENT@example.com")) == (Taken, ("email",))
    assert await count(db, Staff, Credential) == [1, 1]
    async with db.begin() as session:
        await add_staff(session, "Owner", None, Role.AGENT, None)
    assert await count(db, Staff, Credential) == [2, 1]


async def client(db: Database, passwords: Passwords, **given: Any) -> int:
    settings: dict[str, Any] = {
        "dialect": Door.ZOHO,
        "name": "ERP",
        "login": "1000.ABC",
        "staff_id": given.pop("staff_id", None) or await employ(db, passwords),
        "grants": ["ZohoCRM.modules.ALL", "ZohoCRM.users.READ"],
    } | given
    secret_hash = await passwords.hash(PASSWORD)
    async with db.begin() as session:
        return await clients.add_client(session, secret_hash=secret_hash, **settings)


async def test_a_client_comes_in_by_its_secret_and_acts_for_its_staff_member(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    staff_id = await employ(db, passwords, role=Role.ADMIN)
    client_id = await client(db, passwords, staff_id=staff_id)
    found = await clients.client_login(db, passwords, Door.ZOHO, "1000.ABC", PASSWORD, "", HERE, identity.throttle)
    assert (found.id, found.name, found.staff_id) == (client_id, "ERP", staff_id)
    assert await count(db, Attempt) == [0]
    token = await clients.issue(db, client_id, "access", seconds=3600)
    with statements(db) as made:
        actor = await clients.actor_of_client(db, Door.ZOHO, token, region="IN")
    assert len(made) == 1
    assert actor == Actor(
        door=Door.ZOHO,
        role=Role.AGENT,
        staff_id=staff_id,
        client_id=client_id,
        grants=frozenset({"ZohoCRM.modules.ALL", "ZohoCRM.users.READ"}),
        region="IN",
    )
    assert [each.digest for each in await rows(db, LegacyToken)] == [digest(token)]


async def test_an_unknown_client_and_a_wrong_secret_are_one_answer_and_share_the_throttle(
    db: Database, passwords: Counting
) -> None:
    await client(db, passwords, organisation="acme")
    throttle = Throttle(db, Limits(per_account=3), Keys(SECRET))
    passwords.verified = 0

    async def come(login: str, secret: str, organisation: str = "acme", dialect: Door = Door.ZOHO) -> LegacyClient:
        return await clients.client_login(db, passwords, dialect, login, secret, organisation, HERE, throttle)

    for wrong in (
        come("1000.ABC", OTHER),
        come("1000.abc", PASSWORD),
        come("1000.ABC", PASSWORD, "other"),
        come("1000.ABC", PASSWORD, dialect=Door.CRMCOM),
        come("x\x00", PASSWORD),
    ):
        assert await refused(wrong) == (Unauthenticated, ())
    assert passwords.verified == 5
    for _ in range(2):
        assert await refused(come("1000.ABC", OTHER)) == (Unauthenticated, ())
    assert await refused(come("1000.ABC", PASSWORD)) == (Throttled, ())
    await change(db, update(Attempt).values(at=now() - dt.timedelta(seconds=901)))
    assert (await come("1000.ABC", PASSWORD)).login == "1000.ABC"
    await change(db, update(LegacyClient).values(active=False))
    assert await refused(come("1000.ABC", PASSWORD)) == (Unauthenticated, ())


async def test_a_client_is_checked_before_it_is_added(db: Database, passwords: Counting) -> None:
    staff_id = await employ(db, passwords)
    await client(db, passwords, staff_id=staff_id)
    assert await refused(client(db, passwords, staff_id=staff_id)) == (Taken, ("login",))
    assert await refused(client(db, passwords, staff_id=1)) == (Invalid, ("staff_id",))
    assert await refused(client(db, passwords, staff_id=staff_id, login="")) == (Missing, ("login",))
    await client(db, passwords, staff_id=staff_id, dialect=Door.CRMCOM)
    await client(db, passwords, staff_id=staff_id, organisation="acme")
    assert await count(db, LegacyClient) == [3]


async def test_a_client_has_no_more_than_its_grants_at_any_time(db: Database, passwords: Counting) -> None:
    client_id = await client(db, passwords, grants=["read", "write"])
    token = await clients.issue(db, client_id, "access", seconds=None, grants=["read", "delete"])
    assert (await clients.actor_of_client(db, Door.ZOHO, token)).grants == {"read"}
    await change(db, update(LegacyClient).values(grants=["write"]))
    assert (await clients.actor_of_client(db, Door.ZOHO, token)).grants == frozenset()


async def test_a_token_of_a_client_is_good_at_its_door_for_its_kind_and_time(db: Database, passwords: Counting) -> None:
    client_id = await client(db, passwords)
    token = await clients.issue(db, client_id, "access", seconds=60)
    refresh = await clients.issue(db, client_id, "refresh", seconds=None)

    async def denied(token: str, dialect: Door = Door.ZOHO, kind: str = "access") -> bool:
        return await refused(clients.actor_of_client(db, dialect, token, kind=kind)) == (Unauthenticated, ())

    assert await denied(token, Door.CRMCOM)
    assert await denied(token, kind="refresh")
    assert await denied(refresh)
    assert await denied("unknown")
    assert (await clients.actor_of_client(db, Door.ZOHO, refresh, kind="refresh")).client_id == client_id
    await change(db, update(LegacyClient).values(active=False))
    assert await denied(token)
    await change(db, update(LegacyClient).values(active=True))
    await change(db, update(Staff).values(active=False))
    assert await denied(token)
    await change(db, update(Staff).values(active=True))
    await change(db, update(LegacyToken).where(LegacyToken.kind == "access").values(expires_at=now()))
    assert await denied(token)
    assert await clients.revoke(db, token) is False
    await clients.issue(db, client_id, "access", seconds=60)
    assert {each.digest for each in await rows(db, LegacyToken)}.isdisjoint({digest(token)})


async def test_a_token_that_is_revoked_by_several_is_revoked_by_one(db: Database, passwords: Counting) -> None:
    client_id = await client(db, passwords)
    code = await clients.issue(db, client_id, "code", seconds=60, token="1000.a-grant-code")
    assert code == "1000.a-grant-code"
    again = clients.issue(db, client_id, "code", seconds=60, token="1000.a-grant-code")
    assert await refused(again) == (Taken, ("token",))
    done = await asyncio.gather(*(clients.revoke(db, code) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]
    assert await refused(clients.actor_of_client(db, Door.ZOHO, code, kind="code")) == (Unauthenticated, ())


async def test_a_code_is_redeemed_once(db: Database) -> None:
    purpose = Purpose.RESET
    async with db.begin() as session:
        code = new_token()
        await verification_codes.issue(session, purpose, RAVI, "ravi@example.com", code, dt.timedelta())
        assert await verification_codes.redeem(session, Purpose.CONFIRM, code) is None
        assert await verification_codes.find(session, purpose, code) is not None
        found = await verification_codes.redeem(session, purpose, code)
        assert found is not None
        assert found.email == RAVI
        assert await verification_codes.find(session, purpose, code) is None
        assert await verification_codes.redeem(session, purpose, code) is None


async def test_a_code_without_a_target_proves_nothing(db: Database, identity: Identity) -> None:
    async with db.begin() as session:
        code = new_token()
        await verification_codes.issue(session, Purpose.RESET, RAVI, "ravi@example.com", code, dt.timedelta())
    assert await refused(identity.passwords.reset(code, OTHER, address=HERE)) == (Unauthenticated, ("code",))
    assert await count(db, Credential) == [0]
