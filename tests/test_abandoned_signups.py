"""Signups that nobody has confirmed go for good once nobody can; whatever else there is stays as it is."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Row, func, select, update

from crmgraph.crm import retention
from crmgraph.crm.core import Core
from crmgraph.crm.identity import pending_signups
from crmgraph.crm.identity.outbox import EMAIL as EMAIL_JOB
from crmgraph.crm.models import (
    Account,
    Base,
    Contact,
    Credential,
    Job,
    Lead,
    Note,
    PartyKind,
    Relation,
    Role,
    SearchTerm,
    VerificationCode,
    now,
)
from crmgraph.crm.retention import Retention, purge_rows
from crmgraph.crm.search import vocabulary
from tests.conftest import serving, settings_for
from tests.dialects.covalense.conftest import Portal, result
from tests.graph.conftest import SIGNUP, Caller, hired, put
from tests.graph.test_sessions import code_of, emails_in
from tests.test_pending import CONFIRM, COVALENSE, EMAIL, PASSWORD

DAY = dt.timedelta(days=1)
PASSING = {"attempt", "counter", "job", "session", "refresh_token", "known_address"}
"""The tables of what comes and goes by itself; numbers that were given are given to nobody else."""


@dataclass(frozen=True)
class Place:
    """A server where signups have to be confirmed, with nobody signed in."""

    client: httpx.AsyncClient
    core: Core
    mail: Path

    @property
    def nobody(self) -> Caller:
        return Caller(self.client)

    async def sign_up(self, email: str, **more: Any) -> None:
        """A signup at GraphQL, with an account."""
        given = {"email": email, "password": PASSWORD, "lastName": "Stranger", "account": {"name": "Stranger Ltd"}}
        assert (await self.nobody(SIGNUP, input=given | more))["signup"]["userErrors"] == []

    async def codes(self, count: int) -> list[str]:
        """The codes of all emails so far, whose lifetimes have begun."""
        found = [code_of(text) for _, text in await emails_in(self.mail, count)]
        waiting = select(func.count()).where(Job.kind == EMAIL_JOB)
        async with asyncio.timeout(20), self.core.db.read() as session:
            while await session.scalar(waiting):
                await asyncio.sleep(0.02)
        return found

    async def confirm(self, code: str) -> Any:
        return (await self.nobody(CONFIRM, c=code))["confirmSignup"]

    async def let_pass(self, days: float) -> None:
        """Let so many days pass for every signup and every code."""
        async with self.core.db.begin() as session:
            for row in (await session.scalars(select(Credential))).all():
                row.created_at -= days * DAY
            for code in (await session.scalars(select(VerificationCode))).all():
                code.expires_at -= days * DAY

    async def purge(self) -> int:
        """How many signups a purge removes."""
        return (await purge_rows(self.core.db, Retention()))["signups"]

    async def rows(self) -> dict[str, list[Row[Any]]]:
        """Everything that is stored and that nobody but a person or a purge takes out."""
        async with self.core.db.read() as session:
            return {
                table.name: list((await session.execute(select(table).order_by(*table.primary_key))).all())
                for table in Base.metadata.sorted_tables
                if table.name not in PASSING
            }


@pytest.fixture
async def place(database: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with serving(settings_for(database, tmp_path, signup_confirm=True)) as (client, app):
        yield Place(client, app.state.core, tmp_path / "mail")


async def test_what_nobody_confirmed_goes_as_if_it_had_never_been_and_the_email_is_free(place: Place) -> None:
    staff = await hired(place.core, place.nobody, "ann@example.com", Role.ADMIN)
    for name in ("deleted", "late", "young"):
        await place.sign_up(f"{name}@example.com")
    deleted, late, young = await place.codes(3)
    # One is confirmed, and the staff deletes the contact and the account afterwards.
    assert (await place.confirm(deleted))["userErrors"] == []
    found = await staff("{ contacts { nodes { id } } accounts { nodes { id } } }")
    for kind, each in (("Contact", found["contacts"]), ("Account", found["accounts"])):
        mutation = f"mutation($i: Delete{kind}Input!) {{ delete{kind}(input: $i) {{ userErrors {{ code }} }} }}"
        done = await staff(mutation, i={kind.lower(): {"id": each["nodes"][0]["id"]}})
        assert done[f"delete{kind}"]["userErrors"] == []
    await place.let_pass(9)
    async with place.core.db.begin() as session:
        waiting = select(Credential.id).where(Credential.email == "late@example.com").scalar_subquery()
        live = update(VerificationCode).where(VerificationCode.credential_id == waiting)
        await session.execute(live.values(expires_at=now() + DAY / 24))
        fresh = update(Credential).where(Credential.email == "young@example.com")
        await session.execute(fresh.values(created_at=now() - 7.9 * DAY))
    assert await place.purge() == 0
    before = await place.rows()

    # One of each sort: with a login, without, and for an email that is known.
    phones = {"add": [{"kind": "MOBILE", "raw": "+44 20 7946 0000"}]}
    await place.sign_up(EMAIL, phones=phones, addresses={"add": [{"kind": "HOME", "city": "London"}]})
    portal = Portal(place.client)
    result(await portal.send("POST", "signup", COVALENSE))
    result(await portal.send("POST", "signup", COVALENSE | {"Password": None}))
    acct = COVALENSE["AcctInfo"] | {"EmailAddress": "ann@example.com"}
    result(await portal.send("POST", "signup", COVALENSE | {"AcctInfo": acct}))
    *_, forgotten, _, _, _ = await place.codes(7)
    assert await place.purge() == 0
    during = await place.rows()
    assert {name: len(rows) - len(before[name]) for name, rows in during.items() if rows != before[name]} == {
        "account": 4,
        "address": 7,
        "change": 8,
        "contact": 4,
        "credential": 4,
        "email": 7,
        "party": 8,
        "phone": 1,
        "proof": 4,
        "sales_order": 3,
        "search_part": 23,
        "search_term": 49,
    }
    async with place.core.db.begin() as session:
        new = Credential.id.not_in([row.id for row in before["credential"]])
        await session.execute(update(Credential).where(new).values(created_at=now() - 8.1 * DAY))
        codes = VerificationCode.digest.not_in([row.digest for row in before["proof"]])
        await session.execute(update(VerificationCode).where(codes).values(expires_at=now() - 7.1 * DAY))
    assert (await purge_rows(place.core.db, Retention(), dry_run=True))["signups"] == 4
    assert (await purge_rows(place.core.db, Retention(tokens_days=None))).keys() == {
        "sessions",
        "jobs",
        "tries",
        "import rows",
        "merges",
        "tasks",
        "counts of calls",
        "counts of fields",
        "counts of comparisons",
        "differences",
        "values of differences",
        "idempotency keys",
        "conversions",
    }

    # The job of the background does it.
    async with place.core.db.begin() as session:
        await session.execute(update(Job).where(Job.kind == "purge").values(run_after=now()))
    place.core.jobs.wake()
    async with asyncio.timeout(20):
        while (await place.rows())["credential"] != before["credential"]:
            await asyncio.sleep(0.05)
    assert await vocabulary.forget(place.core.db) > 0  # another job, once a day
    assert await place.rows() == before

    assert (await place.confirm(forgotten))["userErrors"] == [{"code": "UNAUTHENTICATED"}]
    await place.sign_up(EMAIL)
    *_, again = await place.codes(8)
    assert await place.confirm(again) == {"viewer": {"email": EMAIL}, "userErrors": []}
    assert (await place.confirm(late))["viewer"] == {"email": "late@example.com"}
    assert (await place.confirm(young))["userErrors"] == [{"code": "UNAUTHENTICATED"}]
    assert await staff("{ contacts { totalCount } accounts { totalCount } }") == {
        "contacts": {"totalCount": 2},
        "accounts": {"totalCount": 2},
    }


TOUCHES = (
    "nothing",
    "the revision of the contact",
    "the revision of the account",
    "a contact that is seen",
    "an account that is seen",
    "somebody who reports to the contact",
    "a member of the account",
    "an account whose primary contact it is",
    "an account whose parent it is",
    "a lead that became the contact",
    "a lead that became the account",
    "a relation to the contact",
    "a relation to the account",
    "a note on the contact",
    "a note on the account",
)


async def test_a_signup_is_left_alone_where_anybody_touched_its_records_or_refers_to_them(place: Place) -> None:
    others: Any = {
        kind: (await put(place.core, kind, {"last_name": "Other"}))[0] for kind in (PartyKind.CONTACT, PartyKind.LEAD)
    }
    others[PartyKind.ACCOUNT] = (await put(place.core, PartyKind.ACCOUNT, {"name": "Other"}))[0]
    for n in range(len(TOUCHES)):
        await place.sign_up(f"stranger{n}@example.com")
    await place.codes(len(TOUCHES))
    await place.let_pass(9)
    async with place.core.db.begin() as session:
        query = select(Credential.id, Contact.id, Contact.account_id).join(Contact).order_by(Credential.id)
        signups: dict[str, Any] = dict(zip(TOUCHES, (await session.execute(query)).all(), strict=True))

        async def touch(model: Any, record_id: int, **values: Any) -> None:
            await session.execute(update(model).where(model.id == record_id).values(values))

        def of(name: str) -> tuple[int, int]:
            return signups[name][1:]

        await touch(Contact, of("the revision of the contact")[0], revision=2)
        await touch(Account, of("the revision of the account")[1], revision=2)
        await touch(Contact, of("a contact that is seen")[0], deleted_at=None)
        await touch(Account, of("an account that is seen")[1], deleted_at=None)
        contact, account, lead = (others[kind] for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT, PartyKind.LEAD))
        await touch(Contact, contact, reports_to_id=of("somebody who reports to the contact")[0])
        await touch(Contact, contact, account_id=of("a member of the account")[1])
        await touch(Account, account, primary_contact_id=of("an account whose primary contact it is")[0])
        await touch(Account, account, parent_id=of("an account whose parent it is")[1])
        await touch(Lead, lead, converted_contact_id=of("a lead that became the contact")[0])
        await touch(Lead, lead, converted_account_id=of("a lead that became the account")[1])
        for n, name in enumerate(("contact", "account")):
            related, noted = of(f"a relation to the {name}")[n], of(f"a note on the {name}")[n]
            session.add(Relation(party_id=contact, kind="FRIEND", other_id=related))
            session.add(Note(party_id=noted, content="Called."))
    assert await place.purge() == 1
    async with place.core.db.read() as session:
        left = set(await session.scalars(select(Credential.id)))
    assert left == {credential for name, (credential, *_) in signups.items() if name != "nothing"}


async def test_many_go_in_batches_and_processes_that_purge_at_once_remove_each_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for n in range(9):
        await place.sign_up(f"stranger{n}@example.com")
    await place.codes(9)
    await place.let_pass(9)
    assert sum(await asyncio.gather(*(place.purge() for _ in range(4)))) == 9
    async with place.core.db.read() as session:
        for model in (Credential, Contact, Account):
            assert await session.scalar(select(func.count()).select_from(model)) == 0


def test_every_foreign_key_to_what_a_signup_makes_is_known_to_its_removal() -> None:
    made = {"party", "contact", "account", "credential"}
    found = {
        f"{table.name}.{key.parent.name}"
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name in made
    }
    # The search index has no foreign keys.
    own = [model for model in pending_signups.OWN_ROWS if model is not SearchTerm]
    removed = {f"{model.__tablename__}.party_id" for model in own} | {
        *("contact.id", "account.id", "credential.contact_id", "contact.account_id", "account.primary_contact_id"),
        *("proof.credential_id", "sales_order.account_id", "sales_order.contact_id"),
    }
    refused = {
        *("contact.reports_to_id", "account.parent_id", "relation.other_id", "note.party_id"),
        *("lead.converted_contact_id", "lead.converted_account_id"),
        "photo.party_id",  # raises the revision
    }
    # Whoever waits has come in by nothing, done nothing, and is no lead; a first login is for who never signed up.
    never = {
        "session.credential_id",
        "known_address.credential_id",
        "change.credential_id",
        "lead.id",
        "proof.contact_id",
        *("import_row.party_id", "merge.into_id", "merge.from_id", "converted_lead.lead_id"),
        *("duplicate.party_id", "duplicate.other_id", "dismissed_duplicate.one_id", "dismissed_duplicate.other_id"),
    }
    assert found == removed | refused | never
