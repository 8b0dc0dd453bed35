"""Many at once on PostgreSQL, which has many writers: who looks first and writes then, holds what they looked for."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from crmgraph.crm.models import Account, Contact, Credential, Lead, SalesOrder
from crmgraph.demo import Demo, shown
from tests.conftest import Running, serving, settings_for
from tests.dialects.covalense.conftest import HEADERS
from tests.dialects.zoho.conftest import Program

pytestmark = pytest.mark.parametrize("demo_database", ["postgresql"], indirect=True)

WRITERS, ROUNDS = 8, int(os.environ.get("TEST_ROUNDS", "6"))
"""How many write at once, and how often."""


@pytest.fixture
async def demo(demo_database: tuple[str, Demo], tmp_path: Path) -> AsyncIterator[Running]:
    """The demo, with a connection for everybody who writes."""
    url, kept = demo_database
    async with serving(settings_for(url, tmp_path, pool_size=2 * WRITERS)) as (client, app):
        yield Running(client, app, shown(kept))


@pytest.fixture
def zoho(demo: Running) -> Program:
    return Program(demo, demo.credentials["zoho"]["access_token"])


async def at_once(count: int, work: Callable[[int], Awaitable[Any]]) -> list[Any]:
    """What `work` answers to each number below `count`, all of them asked at the same moment."""
    return await asyncio.gather(*(work(i) for i in range(count)))


async def counts(running: Running) -> dict[str, int]:
    """How many rows there are of each kind."""
    async with running.db.read() as session:
        tables = (Contact, Account, Lead, Credential, SalesOrder)
        return {t.__tablename__: await session.scalar(select(func.count()).select_from(t)) or 0 for t in tables}


async def created(zoho: Program, module: str, rows: list[dict[str, Any]]) -> list[str]:
    """The ids of new records."""
    body = await zoho.ok("POST", f"/{module}", {"data": rows}, status=201)
    return [row["details"]["id"] for row in body["data"]]


async def upserted(zoho: Program, module: str, count: int, row: Callable[[int], dict[str, Any]], **more: Any) -> Any:
    """The (action, id) of each of so many upserts at once."""

    async def send(i: int) -> tuple[str, str]:
        body = await zoho.ok("POST", f"/{module}/upsert", {"data": [row(i)], **more})
        (done,) = body["data"]
        assert done["code"] == "SUCCESS", done
        return done["action"], done["details"]["id"]

    return await at_once(count, send)


async def test_of_many_who_upsert_one_new_email_one_makes_the_contact(zoho: Program) -> None:
    before = await counts(zoho.running)
    for i in range(ROUNDS):
        # Spelled in two ways, which are one email.
        spellings = (f"Race{i}@example.com", f"race{i}@EXAMPLE.com")
        done = await upserted(
            zoho,
            "Contacts",
            (WRITERS, 2 * WRITERS)[i % 4 == 0],
            lambda n, s=spellings: {"Last_Name": f"N{n}", "Email": s[n % 2]},
        )
        assert sorted(action for action, _ in done).count("insert") == 1
        assert len({record for _, record in done}) == 1
    assert await counts(zoho.running) == before | {"contact": before["contact"] + ROUNDS}


@pytest.mark.parametrize(
    ("module", "row", "more"),
    [
        ("Leads", {"Last_Name": "L", "Email": "lead{}@example.com"}, {}),
        ("Leads", {"Last_Name": "L", "Mobile": "+49 151 00{}"}, {}),
        ("Leads", {"Last_Name": "L", "Phone": "030 55{}"}, {"duplicate_check_fields": ["Phone"]}),
        ("Accounts", {"Account_Name": "Müller {}"}, {}),
        ("Accounts", {"Account_Name": "W", "Website": "w{}.example"}, {"duplicate_check_fields": ["Website"]}),
        ("Contacts", {"Last_Name": "C", "Custom": "c{}"}, {"duplicate_check_fields": ["Custom"]}),
    ],
)
async def test_whatever_the_field_one_makes_the_record_and_the_others_change_it(
    zoho: Program, module: str, row: dict[str, str], more: dict[str, Any]
) -> None:
    before = await counts(zoho.running)
    for i in range(4):  # of each field
        given = {name: value.format(i) for name, value in row.items()}
        done = await upserted(zoho, module, WRITERS, lambda n, g=given: g | {"Description": str(n)}, **more)
        assert sorted(action for action, _ in done) == ["insert"] + ["update"] * (WRITERS - 1)
        assert len({record for _, record in done}) == 1
    table = module.lower().removesuffix("s")
    assert await counts(zoho.running) == before | {table: before[table] + 4}


async def test_who_looks_by_one_field_sees_who_looks_by_another(zoho: Program) -> None:
    before = await counts(zoho.running)
    checks = (["Email"], ["Mobile"], ["Phone"], ["Email", "Mobile"])
    for i in range(ROUNDS):
        row = {"Last_Name": "Both", "Email": f"both{i}@example.com", "Mobile": f"+49 151 77{i}", "Phone": f"030 88{i}"}

        async def send(n: int, row: dict[str, str] = row) -> str:
            body = {"data": [row], "duplicate_check_fields": checks[n % 4]}
            return str((await zoho.ok("POST", "/Contacts/upsert", body))["data"][0]["details"]["id"])

        assert len(set(await at_once(WRITERS, send))) == 1
    assert await counts(zoho.running) == before | {"contact": before["contact"] + ROUNDS}


@pytest.mark.parametrize(("size", "rounds"), [(3, ROUNDS), (60, 1)])
async def test_sets_of_values_in_any_order_end_in_one_record_each_and_in_no_deadlock(
    zoho: Program, size: int, rounds: int
) -> None:
    before = await counts(zoho.running)
    for i in range(rounds):
        rows = [
            {"Last_Name": "Set", "Email": f"set{i}x{n}@example.com", "Phone": f"1{i}00{n}", "Mobile": f"2{i}00{n}"}
            for n in range(size)
        ]

        async def send(n: int, rows: list[dict[str, str]] = rows) -> list[str]:
            mine = rows[n:] + rows[:n] if n % 2 else rows[::-1]
            body = await zoho.ok("POST", "/Contacts/upsert", {"data": mine})
            return [row["code"] for row in body["data"]]

        assert await at_once(WRITERS, send) == [["SUCCESS"] * size] * WRITERS
    assert await counts(zoho.running) == before | {"contact": before["contact"] + rounds * size}


async def test_a_unique_value_is_created_once_and_updates_and_upserts_wait_for_each_other(zoho: Program) -> None:
    leads = [await zoho.create("Leads", Last_Name=f"U{n}") for n in range(4)]
    for i in range(ROUNDS):
        mobile = f"+49 151 99{i}"

        async def send(n: int, mobile: str = mobile) -> str:
            if n < 4:
                body = await zoho.send("PUT", f"/Leads/{leads[n]}", {"data": [{"Mobile": mobile}]})
            elif n < 6:
                body = await zoho.send("POST", "/Leads", {"data": [{"Last_Name": "New", "Mobile": mobile}]})
            else:
                rows = [{"id": leads[n - 6], "City": "Rome"}, {"Last_Name": "Up", "Mobile": mobile}]
                body = await zoho.send("POST", "/Leads/upsert", {"data": rows})
            return str(body.json()["data"][-1]["code"])

        codes = await at_once(9, send)
        assert set(codes) <= {"SUCCESS", "DUPLICATE_DATA"}
        found = await zoho.ok("GET", f"/Leads/search?phone={mobile.replace('+', '%2B')}")
        assert found["info"]["count"] == 1


async def staff_token(running: Running) -> str:
    given = running.credentials["staff"]
    query = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"
    body = {"query": query, "variables": {"i": {"email": given["email"], "password": given["password"]}}}
    return str((await running.client.post("/graphql", json=body)).json()["data"]["login"]["accessToken"])


async def test_a_number_is_given_once_whoever_gives_it(demo: Running) -> None:
    token = await staff_token(demo)

    async def create(kind: str, **values: str) -> tuple[str | None, list[str]]:
        query = f"""mutation($i: Create{kind}Input!) {{ create{kind}(input: $i) {{
          {kind.lower()} {{ number }} userErrors {{ code }} }} }}"""
        headers = {"authorization": f"Bearer {token}"}
        answer = await demo.client.post("/graphql", json={"query": query, "variables": {"i": values}}, headers=headers)
        payload = answer.json()["data"][f"create{kind}"]
        record = payload[kind.lower()]
        return record and record["number"], [error["code"] for error in payload["userErrors"]]

    for kind, name in (("Contact", "lastName"), ("Account", "name"), ("Lead", "lastName")):
        for i in range(7):  # of each kind
            number = f"X {i}"
            done = await at_once(WRITERS, lambda n, k=kind, m=name, x=number: create(k, **{m: "x", "number": x}))
            assert sorted(done, key=str) == sorted([(number, []), *[(None, ["TAKEN"])] * (WRITERS - 1)], key=str)
        # Some give the number that is the next of its series, while others take it.
        last = (await create(kind, **{name: "x"}))[0] or ""
        following = f"{last[:3]}{int(last[3:]) + 3}"
        done = await at_once(
            WRITERS,
            lambda n, k=kind, m=name, x=following: create(k, **{m: "x"} | ({"number": x} if n % 2 else {})),
        )
        numbers = [number for number, _ in done if number is not None]
        assert len(numbers) == len(set(numbers)) >= 4
        assert {code for _, codes in done for code in codes} <= {"TAKEN"}


async def test_the_other_doors_make_one_record_a_request_and_nothing_breaks(demo: Running) -> None:
    before = await counts(demo)
    login = demo.credentials["crmcom"]
    token = (await demo.client.post("/crmapi/rest/v2/authentication/token", json=login)).json()["data"]["token"]

    async def crmcom(n: int) -> str:
        body = {"token": token, "type": "PERSON", "first_name": "A", "last_name": "Race"}
        body |= {"email_set": [{"type": "PERSONAL", "email": "one@example.com"}]}
        answer = await demo.client.post("/crmapi/rest/v2/contact_information/create", json=body)
        return str(answer.json()["status"]["code"])

    assert await at_once(WRITERS, crmcom) == ["OK"] * WRITERS
    signup = {
        "acctInfo": {"firstName": "A", "lastName": "Race", "platform": "Postpaid", "emailAddress": "su@example.com"},
        "addressInfo": {},
        "password": "correct horse battery",
    }

    async def covalense(n: int) -> int:
        return (await demo.client.post("/crm/v1/signup", json=signup, headers=HEADERS)).status_code

    # Those who try at once with one email may be told to wait; whoever is let through makes a customer and an order.
    signed_up = await at_once(WRITERS, covalense)
    assert 200 in signed_up and set(signed_up) <= {200, 429}
    customers = signed_up.count(200)
    known = demo.credentials["valomnia"]
    login = {"j_username": known["username"], "j_password": known["password"], "ajax": "true"}
    assert (await demo.client.post("/j_spring_security_check", data=login)).status_code == 302

    async def valomnia(n: int) -> int:
        data = {"firstName": "A", "lastName": "Race", "customerId": "3229", "email": "va@example.com"}
        return (await demo.client.post("/api/v1.0/contacts", data=data)).status_code

    assert await at_once(WRITERS, valomnia) == [201] * WRITERS
    # One email opens the doors to one of those who signed up with it.
    assert await counts(demo) == {
        "contact": before["contact"] + 2 * WRITERS + customers,
        "account": before["account"] + customers,
        "lead": before["lead"],
        "credential": before["credential"] + 1,
        "sales_order": before["sales_order"] + customers,
    }


async def test_leads_that_are_converted_at_once_into_one_contact_share_one_account(zoho: Program) -> None:
    for i in range(ROUNDS):
        contact = await zoho.create("Contacts", Last_Name="Joined")
        company = f"Joint {i}"
        rows = [{"Last_Name": f"L{n}", "Company": company, "Phone": f"1{n}"} for n in range(WRITERS)]
        leads = await created(zoho, "Leads", rows)
        before = await counts(zoho.running)

        async def convert(n: int, leads: list[str] = leads, contact: str = contact) -> tuple[str, str]:
            body = {"data": [{"Contacts": contact}]}
            (done,) = (await zoho.ok("POST", f"/Leads/{leads[n]}/actions/convert", body))["data"]
            return done["Contacts"], done["Accounts"]

        done = await at_once(WRITERS, convert)
        assert len(set(done)) == 1
        assert await counts(zoho.running) == before | {"account": before["account"] + 1}
        found = await zoho.get("Contacts", contact)
        assert found["Account_Name"] == {"name": company, "id": done[0][1]}


async def test_one_lead_is_converted_once_however_often_it_is_asked_for(zoho: Program) -> None:
    for _ in range(ROUNDS):
        lead = await zoho.create("Leads", Last_Name="Once", Company="Once", Email="once@example.com")
        before = await counts(zoho.running)

        async def convert(n: int, lead: str = lead) -> int:
            return (await zoho.send("POST", f"/Leads/{lead}/actions/convert", {"data": [{}]})).status_code

        assert sorted(await at_once(WRITERS, convert)) == [200, *[202] * (WRITERS - 1)]
        assert await counts(zoho.running) == before | {
            "contact": before["contact"] + 1,
            "account": before["account"] + 1,
        }


async def test_conversions_updates_and_upserts_of_the_same_records_end_in_no_deadlock(zoho: Program) -> None:
    accounts = [await zoho.create("Accounts", Account_Name=f"Dead {n}") for n in range(2)]
    contacts = [await zoho.create("Contacts", Last_Name=f"Lock {n}", Email=f"lock{n}@example.com") for n in range(2)]
    for i in range(ROUNDS):
        leads = await created(zoho, "Leads", [{"Last_Name": "L", "Company": f"Dead {n % 2}"} for n in range(4)])

        async def work(n: int, leads: list[str] = leads, i: int = i) -> int:
            path = f"/Leads/{leads[n % 4]}/actions/convert"
            one, two = (accounts, accounts[::-1])[n % 2]
            match n:
                case 0 | 1:
                    given = {"Contacts": contacts[n], "Accounts": one, "overwrite": True}
                    answer = await zoho.send("POST", path, {"data": [given]})
                case 2 | 3:
                    answer = await zoho.send("POST", path, {"data": [{"Contacts": contacts[n % 2]}]})
                case 4 | 5:
                    rows = [{"id": each, "Phone": f"{i}{n}"} for each in (one, two)]
                    answer = await zoho.send("PUT", "/Accounts", {"data": rows})
                case _:
                    rows = [
                        {"Last_Name": f"Lock {m}", "Email": f"lock{m}@example.com", "Account_Name": {"id": one}}
                        for m in ((0, 1), (1, 0))[n % 2]
                    ]
                    answer = await zoho.send("POST", "/Contacts/upsert", {"data": rows})
            return answer.status_code

        assert set(await at_once(WRITERS, work)) == {200}
