"""Who is heard: strangers have budgets of their own, and lock nobody out who has the right password from elsewhere."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from crmgraph.crm.errors import Taken, Throttled, Unauthenticated
from crmgraph.crm.identity import clients
from crmgraph.crm.identity.identity import Identity
from crmgraph.crm.identity.known_sources import KEPT, Source, network_of
from crmgraph.crm.identity.throttle import PURGE_EVERY, Kind, Limits, Throttle, account_of, of_client
from crmgraph.crm.models import Attempt, Door, KnownAddress, Role, now
from crmgraph.db.database import Database
from crmgraph.security import Keys
from tests.conftest import CONNECTIONS, Running, statements
from tests.dialects.covalense.conftest import Portal
from tests.test_identity import (
    HERE,
    OTHER,
    PASSWORD,
    RAVI,
    SECRET,
    Counting,
    Mailbox,
    change,
    client,
    count,
    employ,
    imported,
    make,
    person,
    refused,
    rows,
    sign_up,
)

ELSEWHERE = "198.51.100.1"
GUESSED = (Unauthenticated, ())
REFUSED = (Throttled, ())


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
    return make(db, passwords, mailbox)


async def guess(identity: Identity, address: str, times: int, **given: Any) -> list[Any]:
    return [await refused(identity.login(RAVI, f"guess {n}", address=address, **given)) for n in range(times)]


async def at_once(calls: Iterable[Awaitable[Any]]) -> list[type]:
    """What kind of answer each gets, with as many under way as the database of the tests has connections.

    More would wait for a connection, and who waits for five seconds, on a busy machine, is told that it is crowded.
    """
    places = asyncio.Semaphore(CONNECTIONS)

    async def one(call: Awaitable[Any]) -> Any:
        async with places:
            return await call

    return [type(each) for each in await asyncio.gather(*map(one, calls), return_exceptions=True)]


async def later(db: Database, seconds: int) -> None:
    """Let the tries be as long ago as if so much time had passed."""
    async with db.begin() as session:
        for each in await session.scalars(select(Attempt)):
            each.at -= dt.timedelta(seconds=seconds)


def subjects(attempts: list[Attempt]) -> list[str]:
    return sorted({each.subject for each in attempts})


# A single source


async def test_the_eleventh_failure_from_one_address_is_not_heard(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    await sign_up(identity)
    await change(db, KnownAddress.__table__.delete())
    assert await guess(identity, ELSEWHERE, 10) == [GUESSED] * 10
    passwords.verified = 0
    with pytest.raises(Throttled) as caught:
        await identity.login("ravi@example.com", PASSWORD, address=ELSEWHERE)
    assert 890 <= caught.value.retry_after <= 900
    assert passwords.verified == 0
    assert await count(db, Attempt) == [30]
    await later(db, 901)
    assert (await identity.login(RAVI, PASSWORD, address=ELSEWHERE)).email == RAVI


async def test_sixty_logins_at_the_same_moment_are_sixty_tries(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    await sign_up(identity)
    answers = await at_once(identity.login(RAVI, f"guess number {n}", address=ELSEWHERE) for n in range(60))
    assert (answers.count(Unauthenticated), answers.count(Throttled)) == (10, 50)
    assert passwords.verified == 10
    assert await count(db, Attempt) == [30]


async def test_an_address_is_throttled_over_all_accounts_and_a_success_does_not_clear_it(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox, limits=Limits(per_account=10, per_address=5))
    await sign_up(identity)
    for n in range(5):
        assert await refused(identity.login(f"{n}@example.com", OTHER, address=HERE)) == GUESSED
    assert await refused(identity.login("6@example.com", OTHER, address=HERE)) == REFUSED
    # Who has come in from here before is no stranger here, and their success takes back their own try alone.
    await identity.login(RAVI, PASSWORD, address=HERE)
    assert await refused(identity.login("6@example.com", OTHER, address=HERE)) == REFUSED
    # A code is tried against a budget of its own.
    for _ in range(5):
        assert await refused(identity.passwords.reset("wrong", OTHER, address=HERE)) == (Unauthenticated, ("code",))
    assert await refused(identity.passwords.reset("wrong", OTHER, address=HERE)) == REFUSED


# Many sources


async def test_strangers_from_many_addresses_are_heard_a_bounded_number_of_times(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox, limits=Limits(per_account=3, strangers=4))
    await sign_up(identity)
    answers = [await refused(identity.login(RAVI, OTHER, address=f"203.0.113.{n // 2}")) for n in range(24)]
    # The first three, then one of each address that has not failed yet, four of them.
    assert answers.count(GUESSED) == 7
    assert answers[:3] == [GUESSED] * 3
    assert answers[3] == REFUSED
    passwords.verified = 0
    assert await refused(identity.login(RAVI, PASSWORD, address=ELSEWHERE)) == REFUSED
    assert passwords.verified == 0
    # And yet whoever came in before, comes in.
    assert (await identity.login(RAVI, PASSWORD, address=HERE)).email == RAVI


async def test_of_fresh_addresses_at_the_same_moment_the_bound_holds(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox, limits=Limits(per_account=3, strangers=5))
    await sign_up(identity)
    answers = await at_once(identity.login(RAVI, OTHER, address=f"203.0.113.{n}") for n in range(24))
    assert (answers.count(Unauthenticated), answers.count(Throttled)) == (8, 16)


# Nobody is locked out


@pytest.mark.parametrize("role", [Role.AGENT, Role.ADMIN])
async def test_strangers_lock_no_member_of_the_staff_out(
    db: Database, identity: Identity, passwords: Counting, role: Role
) -> None:
    await employ(db, passwords, role=role)
    for _ in range(12):
        await refused(identity.login("agent@example.com", OTHER, address=ELSEWHERE))
        await refused(identity.signups.sign_up(person(), None, "agent@example.com", PASSWORD, address=ELSEWHERE))
        await refused_or_done(identity.passwords.request_reset("agent@example.com", address=ELSEWHERE))
    assert await refused(identity.login("agent@example.com", PASSWORD, address=ELSEWHERE)) == REFUSED
    # From an address that nobody knows, without any token: it has not failed.
    assert (await identity.login("agent@example.com", PASSWORD, address=HERE)).actor.role is role


async def refused_or_done(call: Any) -> None:
    with suppress(Throttled):
        await call


async def test_a_known_device_comes_in_from_the_very_address_of_who_attacks(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    login = await sign_up(identity)
    await guess(identity, ELSEWHERE, 30)
    assert await refused(identity.login(RAVI, PASSWORD, address=ELSEWHERE)) == REFUSED
    again = await identity.login(RAVI, PASSWORD, address=ELSEWHERE, device=login.device_token)
    third = await identity.login(RAVI, PASSWORD, address=ELSEWHERE, device=again.device_token)
    assert third.email == RAVI
    # The former token of the device is the same device still: two tabs do not end each other's.
    assert (await identity.login(RAVI, PASSWORD, address="203.0.113.9", device=login.device_token)).email == RAVI


async def test_the_failures_of_a_known_device_are_its_own_and_bounded(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    login = await sign_up(identity)
    answers = await guess(identity, ELSEWHERE, 12, device=login.device_token)
    assert answers == [GUESSED] * 10 + [REFUSED] * 2
    # From other addresses and with a newer token it is the same device.
    assert await refused(identity.login(RAVI, OTHER, address=HERE, device=login.device_token)) == REFUSED
    assert (await identity.login(RAVI, PASSWORD, address=ELSEWHERE)).email == RAVI


async def test_a_device_token_is_good_for_its_account_and_nobody_elses(
    db: Database, identity: Identity, passwords: Counting, mailbox: Mailbox
) -> None:
    mine = await sign_up(identity)
    hers = await sign_up(identity, "eve@example.com")
    await guess(identity, ELSEWHERE, 10)
    foreign = make(db, passwords, mailbox, keys=Keys("another secret of thirty-two letters"))
    stranger = await foreign.login("eve@example.com", PASSWORD, address=HERE)
    for token in (
        hers.device_token,
        stranger.device_token,
        mine.access_token,
        mine.refresh_token,
        mine.device_token + "x",
        mine.device_token[:-4] + "AAAA",
        "",
        "a.b.c",
        "\ud800.\x00.ü",
        "x" * 100_000,
    ):
        call = identity.login(RAVI, PASSWORD, address=ELSEWHERE, device=token)
        assert await refused(call) == REFUSED, token[:50]
    # It opens nothing.
    assert await refused(identity.actor_of(mine.device_token)) == (Unauthenticated, ())
    assert await refused(identity.refresh(mine.device_token)) == (Unauthenticated, ())
    # A token by a secret that was retired since is good still.
    rotated = make(db, passwords, mailbox, keys=Keys("another secret of thirty-two letters", [SECRET]))
    assert (await rotated.login(RAVI, PASSWORD, address=ELSEWHERE, device=mine.device_token)).email == RAVI


async def test_a_device_is_known_for_its_time_and_no_longer_once_the_password_has_changed(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox)
    first = await sign_up(identity)
    await identity.passwords.change(first.actor, PASSWORD, OTHER, address="192.0.2.77")
    await guess(identity, ELSEWHERE, 10)
    for call in (
        identity.login(RAVI, OTHER, address=ELSEWHERE, device=first.device_token),
        identity.login(RAVI, "x", address=ELSEWHERE, device=first.device_token),
    ):
        assert await refused(call) == REFUSED
    second = await identity.login(RAVI, OTHER, address="192.0.2.77")  # whence it was changed
    assert (await identity.login(RAVI, OTHER, address=ELSEWHERE, device=second.device_token)).email == RAVI
    await identity.passwords.request_reset(RAVI, address=HERE)
    await identity.passwords.reset(await mailbox.code(), PASSWORD, address="192.0.2.78")
    await later(db, 901)
    await guess(identity, "203.0.113.1", 10)
    call = identity.login(RAVI, PASSWORD, address="203.0.113.1", device=second.device_token)
    assert await refused(call) == REFUSED
    assert len(await rows(db, KnownAddress)) == 1
    short = make(db, passwords, mailbox, limits=Limits(device_days=0))
    brief = await short.login(RAVI, PASSWORD, address="192.0.2.78")
    assert await refused(identity.login(RAVI, PASSWORD, address="203.0.113.1", device=brief.device_token)) == REFUSED


async def test_an_address_that_somebody_came_in_from_has_a_budget_of_its_own(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox, limits=Limits(per_account=3, per_address=4, strangers=1))
    await sign_up(identity)
    portal = "192.0.2.50"
    await identity.login(RAVI, PASSWORD, address=portal, door=Door.COVALENSE)
    for n in range(6):
        await refused(identity.login(RAVI, OTHER, address=f"203.0.113.{n}"))
        await refused(identity.login(f"{n}@example.com", OTHER, address=portal, door=Door.COVALENSE))
    login = identity.login(RAVI, PASSWORD, address=portal, door=Door.COVALENSE)
    assert (await login).email == RAVI
    answers = [await refused(identity.login(RAVI, OTHER, address=portal, door=Door.COVALENSE)) for _ in range(5)]
    assert answers == [GUESSED] * 3 + [REFUSED] * 2


async def test_known_people_of_one_address_are_heard_ten_times_as_often_as_strangers_of_it(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox, limits=Limits(per_account=3, per_address=1))
    people = [f"user{n}@example.com" for n in range(5)]
    for email in people:
        await sign_up(identity, email)
    answers = [await refused(identity.login(email, OTHER, address=HERE)) for email in people for _ in range(3)]
    assert answers == [GUESSED] * 10 + [REFUSED] * 5
    assert await refused(identity.login("nobody@example.com", OTHER, address=HERE)) == GUESSED
    assert await refused(identity.login("nobody@example.com", OTHER, address=HERE)) == REFUSED


async def test_the_tries_of_one_kind_use_up_nothing_of_another(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    identity = make(db, passwords, mailbox, limits=Limits(per_account=2, per_address=4, emails=2))
    login = await sign_up(identity)
    await change(db, KnownAddress.__table__.delete())

    async def tries(make_call: Any) -> list[Any]:
        answers = []
        for _ in range(5):
            try:
                await make_call()
                answers.append(None)
            except (Throttled, Unauthenticated, Taken) as fault:
                answers.append(type(fault))
        return answers

    assert await tries(lambda: identity.signups.sign_up(person(), None, RAVI, OTHER, address=HERE)) == (
        [Taken] * 2 + [Throttled] * 3
    )
    assert await tries(lambda: identity.passwords.request_reset(RAVI, address=HERE)) == [None] * 2 + [Throttled] * 3
    assert await tries(lambda: identity.login(RAVI, OTHER, address=HERE)) == [Unauthenticated] * 2 + [Throttled] * 3
    assert await tries(lambda: identity.passwords.change(login.actor, OTHER, OTHER, address=HERE)) == (
        [Unauthenticated] * 2 + [Throttled] * 3
    )
    assert await tries(lambda: identity.passwords.reset("wrong", OTHER, address=HERE)) == (
        [Unauthenticated] * 4 + [Throttled]
    )
    assert subjects(await rows(db, Attempt)) == [
        "code|192.0.2.1",
        "login:ravi@example.com",
        "login:ravi@example.com|192.0.2.1",
        "login|192.0.2.1",
        f"password:{login.actor.credential_id}",
        "reset:ravi@example.com",
        "reset:ravi@example.com|192.0.2.1",
        "reset|192.0.2.1",
        "signup:ravi@example.com",
        "signup:ravi@example.com|192.0.2.1",
        "signup|192.0.2.1",
    ]


# Mailbox


async def test_emails_to_one_address_are_bounded_and_the_last_code_is_good_while_no_more_are_sent(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    await sign_up(identity)
    for n in range(40):
        await refused_or_done(identity.passwords.request_reset(RAVI, address=f"203.0.113.{n}"))
        await mailbox.sent()
    assert len(await mailbox.sent()) == 20
    assert await refused(identity.passwords.request_reset(RAVI, address=ELSEWHERE)) == REFUSED
    await later(db, 3540)
    assert await refused(identity.passwords.request_reset(RAVI, address=ELSEWHERE)) == REFUSED
    await identity.passwords.reset(await mailbox.code(), OTHER, address=ELSEWHERE)
    assert (await identity.login(RAVI, OTHER, address=ELSEWHERE)).email == RAVI
    await later(db, 61)
    await identity.passwords.request_reset(RAVI, address=ELSEWHERE)
    assert len(await mailbox.sent()) == 21


async def test_one_address_causes_five_emails_an_hour_to_one_mailbox(
    db: Database, identity: Identity, mailbox: Mailbox
) -> None:
    await sign_up(identity)
    for _ in range(9):
        await refused_or_done(identity.passwords.request_reset(RAVI, address=ELSEWHERE))
        await mailbox.sent()
    assert len(await mailbox.sent()) == 5
    # The owner asks from elsewhere, and is heard.
    await identity.passwords.request_reset(RAVI, address=HERE)
    assert len(await mailbox.sent()) == 6


async def test_a_signup_that_waits_counts_its_email_whoever_is_known(
    db: Database, passwords: Counting, mailbox: Mailbox
) -> None:
    confirming = make(db, passwords, mailbox, signup_confirm=True)
    await imported(db)
    for email in (RAVI, "new@example.com"):
        mailbox.kept.clear()
        for _ in range(8):
            await refused_or_done(confirming.signups.sign_up(person(), None, email, PASSWORD, address=HERE))
        assert len(await mailbox.sent()) == 5


# The same for everybody


async def test_a_login_takes_so_many_statements_whoever_comes(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    await sign_up(identity)

    async def of(email: str, password: str, address: str, device: str | None = None) -> int:
        with statements(db) as made, suppress(Unauthenticated):
            await identity.login(email, password, address=address, device=device)
        return len(made)

    locks = 0 if db.is_sqlite else 1
    wrong = 5 + locks
    assert await of(RAVI, OTHER, ELSEWHERE) == wrong
    assert await of("nobody@example.com", OTHER, ELSEWHERE) == wrong
    assert await of(RAVI, OTHER, HERE) == wrong
    token = (await identity.login(RAVI, PASSWORD, address=HERE)).device_token
    known, new = await of(RAVI, PASSWORD, HERE), await of(RAVI, PASSWORD, ELSEWHERE)
    # The locked person, the try taken back, the former logins, the new one and its token; and once for a new address.
    assert (known - wrong, new - known) == (5, 2)
    assert await of(RAVI, PASSWORD, ELSEWHERE) == known
    # A token of one's own account is compared with the time of the password.
    assert await of(RAVI, PASSWORD, HERE, token) == known + 1
    assert await of("nobody@example.com", OTHER, HERE, token) == wrong


async def test_a_throttled_try_writes_nothing(db: Database) -> None:
    throttle = Throttle(db, Limits(per_account=1, strangers=1), Keys(SECRET))
    for address in ("192.0.2.1", "192.0.2.2"):
        await throttle.reserve(Kind.LOGIN, "x", Source(address))
    with statements(db) as made, pytest.raises(Throttled):
        await throttle.reserve(Kind.LOGIN, "x", Source("192.0.2.3"))
    assert [each.split()[0] for each in made] == ["SELECT", "SELECT"]


# What is kept


async def test_tries_and_addresses_that_no_longer_count_are_swept(db: Database, identity: Identity) -> None:
    await sign_up(identity)
    throttle = Throttle(db, Limits(per_account=10**6, window_seconds=60), Keys(SECRET))
    async with db.begin() as session:
        session.add_all(Attempt(subject="old", at=now() - dt.timedelta(seconds=3601)) for _ in range(3))
    await change(db, update(KnownAddress).values(seen_at=now() - dt.timedelta(days=181)))
    for _ in range(PURGE_EVERY):
        tried = await throttle.reserve(Kind.PASSWORD, "x", Source(HERE))
        if any(each % PURGE_EVERY == 0 for each in tried.ids):
            break
    assert subjects(await rows(db, Attempt)) == ["password:x"]
    assert await count(db, KnownAddress) == [0]


async def test_the_addresses_of_one_credential_are_bounded_and_kept_by_digest(db: Database, identity: Identity) -> None:
    await sign_up(identity)
    for n in range(KEPT + 5):
        await identity.login(RAVI, PASSWORD, address=f"203.0.113.{n}")
    kept = await rows(db, KnownAddress)
    assert len(kept) == KEPT
    assert all(len(each.digest) == 64 and "203" not in each.digest[:3] for each in kept)
    before = sorted(each.seen_at for each in kept)
    await identity.login(RAVI, PASSWORD, address=f"203.0.113.{KEPT + 4}")
    assert sorted(each.seen_at for each in await rows(db, KnownAddress)) == before
    await change(db, update(KnownAddress).values(seen_at=now() - dt.timedelta(days=2)))
    await identity.login(RAVI, PASSWORD, address=f"203.0.113.{KEPT + 4}")
    assert sum(each.seen_at > now() - dt.timedelta(days=1) for each in await rows(db, KnownAddress)) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("\x00\ud800", "\\x00\\ud800"),
        ("", ""),
    ],
)
def test_an_ipv6_network_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_an_account_is_one_however_its_email_is_written() -> None:
    assert account_of(" RAVI@example.com ") == account_of("ravi@Example.com") == "ravi@example.com"
    assert account_of("x\x00") == account_of("\ud800") == ""


# Programs


async def test_strangers_do_not_lock_a_legacy_client_out(db: Database, passwords: Counting) -> None:
    await client(db, passwords)
    throttle = Throttle(db, Limits(per_account=3, per_address=1000, strangers=2), Keys(SECRET))

    async def come(secret: str, address: str) -> Any:
        return await clients.client_login(db, passwords, Door.ZOHO, "1000.ABC", secret, "", address, throttle)

    assert (await come(PASSWORD, HERE)).login == "1000.ABC"
    answers = [await refused(come(OTHER, f"203.0.113.{n}")) for n in range(8)]
    assert answers == [GUESSED] * 5 + [REFUSED] * 3
    assert await refused(come(PASSWORD, ELSEWHERE)) == REFUSED
    assert (await come(PASSWORD, HERE)).login == "1000.ABC"
    assert await throttle.lift(client=of_client(Door.ZOHO, "1000.ABC", "")) == 10
    assert (await come(PASSWORD, ELSEWHERE)).login == "1000.ABC"


# Operators


async def test_an_operator_lifts_what_was_counted_of_an_email_or_an_address_and_nothing_else(
    db: Database, identity: Identity, passwords: Counting
) -> None:
    await sign_up(identity)
    await guess(identity, ELSEWHERE, 10)
    await identity.passwords.request_reset(RAVI, address=ELSEWHERE)
    assert await refused(identity.login("ravi@example.co", OTHER, address="203.0.113.5")) == GUESSED
    assert await refused(identity.login("r_vi@example.com", OTHER, address="203.0.113.5")) == GUESSED
    throttle = identity.throttle
    assert await throttle.lift(email="nobody@example.com") == await throttle.lift() == 0
    assert await throttle.lift(email=" RAVI@example.com") == 22
    assert subjects(await rows(db, Attempt)) == [
        "login:r_vi@example.com",
        "login:r_vi@example.com|203.0.113.5",
        "login:ravi@example.co",
        "login:ravi@example.co|203.0.113.5",
        "login|198.51.100.1",
        "login|203.0.113.5",
        "reset|198.51.100.1",
    ]
    assert (await identity.login(RAVI, PASSWORD, address=ELSEWHERE)).email == RAVI
    assert await throttle.lift(address=ELSEWHERE) == 11
    assert await throttle.lift(address="203.0.113.5") == 4
    assert await throttle.lift(email="x\x00") == 0


# Through the doors

LOGIN = """mutation($email: EmailAddress!, $password: String!, $device: String) {
  login(input: {email: $email, password: $password, deviceToken: $device}) {
    deviceToken viewer { email } userErrors { code path ... on ThrottledError { retryAfterSeconds } } } }"""


def at(running: Running, address: str) -> httpx.AsyncClient:
    """A client whose requests come from this address."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=running.app, client=(address, 1)), base_url="http://test"
    )


async def test_graphql_gives_a_device_its_token_and_hears_it_while_strangers_are_refused(demo: Running) -> None:
    who = demo.credentials["staff"]

    async def login(web: httpx.AsyncClient, password: str, device: str | None = None) -> Any:
        variables = {"email": who["email"], "password": password, "device": device}
        answer = await web.post("/graphql", json={"query": LOGIN, "variables": variables})
        return answer.json()["data"]["login"]

    async with at(demo, "192.0.2.9") as mine, at(demo, "203.0.113.9") as theirs:
        first = await login(mine, who["password"])
        assert (first["viewer"], first["userErrors"]) == ({"email": who["email"]}, [])
        for n in range(10):
            told = await login(theirs, f"guess {n}")
            assert told["deviceToken"] is None
            assert told["userErrors"] == [{"code": "UNAUTHENTICATED", "path": ["input", "password"]}]
        told = await login(theirs, who["password"])
        assert (told["viewer"], told["userErrors"][0]["code"]) == (None, "THROTTLED")
        assert 0 < told["userErrors"][0]["retryAfterSeconds"] <= 900
        assert (await login(theirs, who["password"], first["deviceToken"]))["viewer"] == {"email": who["email"]}
    async with at(demo, "198.51.100.9") as fresh:
        assert (await login(fresh, who["password"]))["viewer"] == {"email": who["email"]}


async def test_no_legacy_door_is_shut_by_strangers(demo: Running) -> None:
    own = demo.credentials
    doors: dict[str, Any] = {
        "covalense": lambda web, word: Portal(web).send(
            "POST", "login", {"email": own["covalense"]["email"], "password": word}
        ),
        "crmcom": lambda web, word: web.post(
            "/crmapi/rest/v2/authentication/token", json=own["crmcom"] | {"password": word}
        ),
        "valomnia": lambda web, word: web.post(
            "/j_spring_security_check", data={"j_username": own["valomnia"]["username"], "j_password": word}
        ),
        "zoho": lambda web, word: web.post(
            "/oauth/v2/token",
            data={
                "grant_type": "refresh_token",
                "client_id": own["zoho"]["client_id"],
                "client_secret": word,
                "refresh_token": own["zoho"]["refresh_token"],
            },
        ),
    }
    right = {name: own[name].get("password") or own[name].get("client_secret") for name in doors}

    async def answers(web: httpx.AsyncClient, wrong: bool) -> dict[str, tuple[int, bytes]]:
        got = {}
        for name, call in doors.items():
            answer = await call(web, "guess" if wrong else right[name])
            got[name] = (answer.status_code, answer.content)
        return got

    async with at(demo, "192.0.2.9") as mine, at(demo, "203.0.113.9") as theirs:
        welcome = {name: code for name, (code, _) in (await answers(mine, False)).items()}
        for _ in range(10):
            wrong = await answers(theirs, True)
        throttled = await answers(theirs, False)
        assert [name for name in doors if throttled[name] == wrong[name]] == []
        assert {name: code for name, (code, _) in (await answers(mine, False)).items()} == welcome
        async with at(demo, "198.51.100.9") as fresh:
            assert {name: code for name, (code, _) in (await answers(fresh, False)).items()} == welcome
