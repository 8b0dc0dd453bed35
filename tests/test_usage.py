"""Who calls the legacy APIs: what is counted, and what staff and operators are told of it."""

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crmgraph.crm.models import Door, PartyKind, Usage, UsageField, Way
from crmgraph.crm.usage import MOST, Called, UsageCounts
from crmgraph.db.database import Database
from tests.conftest import Running
from tests.dialects.covalense.conftest import Portal
from tests.graph.conftest import Caller
from tests.program import crmgraph, serving

LEAD = "738964000002148061"
QUERY = """query($dialect: LegacyDialect, $since: DateTime, $fields: Boolean! = false, $first: Int, $after: String) {
  legacyUsage(dialect: $dialect, since: $since, fields: $fields, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { dialect client endpoint kind field fieldUse count served userAgent network blocksSwitchOff }
  }
}"""


async def staff_of(demo: Running) -> Caller:
    who = demo.credentials["staff"]
    return await Caller(demo.client).login(who["email"], who["password"])


async def calls(demo: Running, **variables: Any) -> list[tuple[Any, ...]]:
    """(dialect, client, endpoint, calls, served) of all that was counted."""
    await demo.core.usage.store(demo.db)
    found = (await (await staff_of(demo))(QUERY, first=100, **variables))["legacyUsage"]
    assert found["totalCount"] == len(found["nodes"])
    return [(n["dialect"], n["client"], n["endpoint"], n["count"], n["served"]) for n in found["nodes"]]


async def fields(demo: Running) -> list[tuple[Any, ...]]:
    """(client, endpoint, kind, field, use, calls) of all that was counted."""
    await demo.core.usage.store(demo.db)
    found = (await (await staff_of(demo))(QUERY, first=100, fields=True))["legacyUsage"]["nodes"]
    return [(n["client"], n["endpoint"], n["kind"], n["field"], n["fieldUse"], n["count"]) for n in found]


def zoho_headers(demo: Running) -> dict[str, str]:
    return {"Authorization": f"Zoho-oauthtoken {demo.credentials['zoho']['access_token']}", "User-Agent": "sync/1.2"}


async def crmcom_token(demo: Running) -> str:
    given = demo.credentials["crmcom"]
    body = {name: given[name] for name in ("username", "password", "organisation")}
    answer = await demo.client.post("/crmapi/rest/v2/authentication/token", json=body)
    token: str = answer.json()["data"]["token"]
    return token


async def test_whoever_calls_is_counted_by_operation_at_every_door(demo: Running) -> None:
    client, zoho, crmcom = demo.client, demo.credentials["zoho"], demo.credentials["crmcom"]
    valomnia, covalense = demo.credentials["valomnia"], demo.credentials["covalense"]
    for _ in range(3):
        assert (await client.get(f"/crm/v2/Leads/{LEAD}", headers=zoho_headers(demo))).status_code == 200
    assert (await client.get("/crm/v2/Deals", headers=zoho_headers(demo))).status_code == 400
    assert (await client.get(f"/crm/v2/Leads/{LEAD}")).status_code == 401
    assert (await client.get("/crm/v2/a/b/c/d", headers=zoho_headers(demo))).status_code == 400
    grant = {name: zoho[name] for name in ("client_id", "client_secret", "refresh_token")}
    for secret in (zoho["client_secret"], "wrong"):
        given = grant | {"client_secret": secret, "grant_type": "refresh_token"}
        assert (await client.post("/oauth/v2/token", data=given)).status_code == 200
    token = await crmcom_token(demo)
    shown = {"token": token, "contact_information_identifier": "number=NOBODY"}
    answer = await client.get("/crmapi/rest/v2/contact_information/show", params=shown)
    assert (answer.status_code, answer.json()["data"]) == (200, None)
    login = {"j_username": valomnia["username"], "j_password": valomnia["password"]}
    assert (await client.post("/j_spring_security_check", data=login)).status_code == 302
    assert (await client.get("/api/v1/contacts?max=1")).status_code == 200
    portal = Portal(client, {covalense["email"]: covalense["password"]})
    entered = await portal.login(covalense["email"])
    assert (await portal.send("GET", "profile/contact", token=entered)).status_code == 200

    name, user = zoho["client_id"], f"{crmcom['username']}@{crmcom['organisation']}"
    assert await calls(demo) == [
        ("COVALENSE", "customers", "GET /crm/v1/profile/contact", 1, 1),
        ("COVALENSE", "unknown", "POST /crm/v1/login", 1, 1),
        ("CRMCOM", user, "GET /crmapi/rest/v2/contact_information/show", 1, 0),
        ("CRMCOM", user, "POST /crmapi/rest/v2/authentication/token", 1, 1),
        ("VALOMNIA", valomnia["username"], "GET /api/{version}/contacts", 1, 1),
        ("VALOMNIA", valomnia["username"], "POST /j_spring_security_check", 1, 1),
        ("ZOHO", name, "(no such operation)", 1, 0),
        ("ZOHO", name, "GET /crm/v2/{module}", 1, 0),
        ("ZOHO", name, "GET /crm/v2/{module}/{id}", 3, 3),
        ("ZOHO", "unknown", "GET /crm/v2/{module}/{id}", 1, 0),
        ("ZOHO", name, "POST /oauth/v2/token", 1, 1),
        ("ZOHO", "unknown", "POST /oauth/v2/token", 1, 0),
    ]
    assert await calls(demo, dialect="VALOMNIA") == [
        ("VALOMNIA", valomnia["username"], "GET /api/{version}/contacts", 1, 1),
        ("VALOMNIA", valomnia["username"], "POST /j_spring_security_check", 1, 1),
    ]


async def test_fields_that_calls_name_are_counted(demo: Running) -> None:
    zoho = zoho_headers(demo)
    for path in (
        f"/crm/v2/Leads/{LEAD}?fields=Last_Name,Email",
        f"/crm/v2/Leads/{LEAD}?fields=Last_Name,last_name,NoSuchThing,NorThis",
        "/crm/v2/Leads?sort_by=Company",
        "/crm/v2/Contacts/search?criteria=((Last_Name:starts_with:A)and(Email:equals:a@example.com))",
    ):
        assert (await demo.client.get(path, headers=zoho)).status_code in (200, 204), path
    rows = {"data": [{"Last_Name": "One", "Mailing_City": "Oslo"}, {"Last_Name": "Two", "Own_Thing": "x"}]}
    assert (await demo.client.post("/crm/v2/Contacts", json=rows, headers=zoho)).status_code == 201
    assert (
        await demo.client.put(f"/crm/v2/Leads/{LEAD}", json={"data": [{"City": "Bergen"}]}, headers=zoho)
    ).is_success
    who = demo.credentials["zoho"]["client_id"]
    search, record = "GET /crm/v2/{module}/search", "GET /crm/v2/{module}/{id}"
    assert await fields(demo) == [
        (who, "GET /crm/v2/{module}", "LEAD", "Company", "SOUGHT", 1),
        (who, search, "CONTACT", "Email", "SOUGHT", 1),
        (who, search, "CONTACT", "Last_Name", "SOUGHT", 1),
        (who, record, "LEAD", "(other fields)", "READ", 1),
        (who, record, "LEAD", "Email", "READ", 1),
        (who, record, "LEAD", "Last_Name", "READ", 2),
        (who, "POST /crm/v2/{module}", "CONTACT", "(other fields)", "WRITTEN", 1),
        (who, "POST /crm/v2/{module}", "CONTACT", "Last_Name", "WRITTEN", 1),
        (who, "POST /crm/v2/{module}", "CONTACT", "Mailing_City", "WRITTEN", 1),
        (who, "PUT /crm/v2/{module}/{id}", "LEAD", "City", "WRITTEN", 1),
    ]


async def test_fields_of_the_other_doors_are_counted(demo: Running) -> None:
    client = demo.client
    body = {
        "token": await crmcom_token(demo),
        "type": "PERSON",
        "first_name": "Ada",
        "last_name": "King",
        "demographics": {"gender": "FEMALE"},
        "phone_set": [{"type": "MOBILE", "number": "+4790000001"}],
        "what": "ever",
    }
    made = (await client.post("/crmapi/rest/v2/contact_information/create", json=body)).json()
    assert made["status"]["code"] == "OK", made
    valomnia, covalense = demo.credentials["valomnia"], demo.credentials["covalense"]
    login = {"j_username": valomnia["username"], "j_password": valomnia["password"]}
    await client.post("/j_spring_security_check", data=login)
    assert (await client.get("/api/v1/contacts?lastName=King&sort=city&dateCreated_gt=2020-01-01")).status_code == 200
    portal = Portal(client, {covalense["email"]: covalense["password"]})
    entered = await portal.login(covalense["email"])
    put = await portal.send("PUT", "profile/contact", {"mobile": "4790000002"}, token=entered)
    assert put.status_code == 200, put.text
    user = f"{demo.credentials['crmcom']['username']}@{demo.credentials['crmcom']['organisation']}"
    create = "POST /crmapi/rest/v2/contact_information/create"
    assert await fields(demo) == [
        ("customers", "PUT /crm/v1/profile/contact", "CONTACT", "mobile", "WRITTEN", 1),
        (user, create, "CONTACT", "(other fields)", "WRITTEN", 1),
        (user, create, "CONTACT", "demographics.gender", "WRITTEN", 1),
        (user, create, "CONTACT", "first_name", "WRITTEN", 1),
        (user, create, "CONTACT", "last_name", "WRITTEN", 1),
        (user, create, "CONTACT", "phone_set", "WRITTEN", 1),
        (user, create, "CONTACT", "type", "WRITTEN", 1),
        (valomnia["username"], "GET /api/{version}/contacts", "CONTACT", "city", "SOUGHT", 1),
        (valomnia["username"], "GET /api/{version}/contacts", "CONTACT", "dateCreated", "SOUGHT", 1),
        (valomnia["username"], "GET /api/{version}/contacts", "CONTACT", "lastName", "SOUGHT", 1),
    ]


async def test_what_is_stored_is_who_called_and_no_secret_and_no_person(demo: Running) -> None:
    given = demo.credentials["covalense"]
    secret = f"Zoho-oauthtoken {demo.credentials['zoho']['access_token']}"
    headers = {"Authorization": secret, "User-Agent": "x" * 5000}
    assert (await demo.client.get("/crm/v2/Leads/search?email=jane@example.com", headers=headers)).status_code == 204
    await Portal(demo.client, {given["email"]: given["password"]}).login(given["email"])
    await demo.core.usage.store(demo.db)
    async with demo.db.read() as session:
        rows = [tuple(row) for row in await session.execute(select(*Usage.__table__.columns).order_by(Usage.dialect))]
    for row in rows:
        told = repr(row)
        for kept_out in ("jane", "@", "1000.", given["password"], "oauthtoken"):
            assert kept_out not in told, told
    (customer, zoho) = rows
    assert (customer[3], zoho[3].partition(":")[0]) == ("unknown", "client")
    assert (customer[-1], zoho[-2:]) == ("127.0.0.0/24", ("x" * 200, "127.0.0.0/24"))
    assert customer[6:8] == (1, customer[7]) and customer[7] > 100 and customer[8] > 0


async def test_a_page_goes_on_where_the_one_before_ended(demo: Running) -> None:
    for path in ("Leads", "Leads/deleted", "Leads/1", "Leads/search?word=x", "a/b/c/d"):
        await demo.client.get(f"/crm/v2/{path}", headers=zoho_headers(demo))
    await demo.core.usage.store(demo.db)
    staff = await staff_of(demo)
    after, seen = None, []
    for _ in range(5):
        page = (await staff(QUERY, first=1, after=after))["legacyUsage"]
        assert page["totalCount"] == 5
        (node,) = page["nodes"]
        seen.append(node["endpoint"])
        after = page["pageInfo"]["endCursor"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert seen == sorted(seen) and len(set(seen)) == 5
    assert (await staff(QUERY, first=1, after=after))["legacyUsage"]["nodes"] == []
    for wrong in ("x", "W10", "é", "e30", "WzEsMiwzXQ"):
        ((code, message),) = await staff.errors(QUERY, after=wrong)
        assert (code, message) == (
            "BAD_USER_INPUT",
            "`after` is no cursor of this list: give the `cursor` of an edge of the same list.",
        )
    for size in (-1, 101):
        ((code, message),) = await staff.errors(QUERY, first=size)
        assert message == f"`first` is {size}, and a page has 0 to 100 items."


async def test_nobody_but_staff_is_told(demo: Running) -> None:
    await demo.client.get(f"/crm/v2/Leads/{LEAD}", headers=zoho_headers(demo))
    await demo.core.usage.store(demo.db)
    who = demo.credentials["customer"]
    assert await (await Caller(demo.client).login(who["email"], who["password"]))(QUERY) == {"legacyUsage": None}
    assert await Caller(demo.client)(QUERY) == {"legacyUsage": None}


async def test_counts_of_several_processes_and_days_add_up(demo: Running) -> None:
    await demo.client.get(f"/crm/v2/Leads/{LEAD}", headers=zoho_headers(demo))
    await demo.core.usage.store(demo.db)
    other = UsageCounts()
    at = time.time()
    client_id = (await first_row(demo.db)).caller
    for back in (0, 0, 40 * 86_400):
        call = Called(Door.ZOHO, "GET /crm/v2/{module}/{id}", client_id, False, 10, 0.5)
        other.add(call, at - back, lambda: (None, None))
    await other.store(demo.db)
    assert len(other) == 0
    who, path = demo.credentials["zoho"]["client_id"], "GET /crm/v2/{module}/{id}"
    assert await calls(demo) == [("ZOHO", who, path, 4, 4)]
    since = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    assert await calls(demo, since=since.isoformat()) == [("ZOHO", who, path, 3, 3)]


async def first_row(db: Database) -> Usage:
    async with db.read() as session:
        return (await session.scalars(select(Usage))).one()


async def test_counts_that_the_store_does_not_take_are_counted_on(
    demo: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = UsageCounts()
    call = Called(Door.ZOHO, "GET /x", "unknown", False, 1, 0.1, [(PartyKind.LEAD, "City", Way.READ)])
    counts.add(call, 1000.0, lambda: ("first", None))

    class AwayError(Exception):
        pass

    def away(*_: Any) -> Any:
        raise AwayError

    with monkeypatch.context() as patch:
        patch.setattr(demo.db, "begin", away)
        with pytest.raises(AwayError):
            await counts.store(demo.db)
    counts.add(call, 2000.0, lambda: ("second", None))
    await counts.store(demo.db)
    async with demo.db.read() as session:
        (row,) = await session.scalars(select(Usage).where(Usage.operation == "GET /x"))
        (named,) = await session.scalars(select(UsageField))
    assert (row.calls, row.bytes, row.microseconds) == (2, 2, 200_000)
    assert (row.first_at.timestamp(), row.last_at.timestamp()) == (1000.0, 2000.0)
    assert (named.calls, named.field, named.way) == (2, "City", Way.READ)


def test_strangers_cannot_make_the_memory_grow() -> None:
    counts = UsageCounts()
    for n in range(3 * MOST):
        fields_of = [(PartyKind.LEAD, "City", Way.WRITTEN)]
        counts.add(Called(Door.ZOHO, "GET /x", f"client:{n}", False, 1, 0.0, fields_of), 1.0, lambda: (None, None))
    assert len(counts) == 2 * (MOST + 1)


def test_the_command_tells_who_called_and_who_did_not(demo_folder: Path) -> None:
    told = crmgraph(demo_folder, "demo", "credentials", "--json")
    zoho = json.loads(told.stdout)["zoho"]
    headers = {"Authorization": f"Zoho-oauthtoken {zoho['access_token']}"}
    with serving(demo_folder, "--demo") as (client, _):
        for path in (f"/crm/v2/Leads/{LEAD}?fields=City", f"/crm/v2/Leads/{LEAD}?fields=City", "/crm/v2/Deals"):
            client.get(path, headers=headers)
    command = ("usage", "--demo", "--since", "1d")
    found = json.loads(crmgraph(demo_folder, *command, "--json").stdout)
    assert list(found) == ["since", "calls"]
    assert [(n["dialect"], n["client"], n["operation"], n["calls"], n["refused"]) for n in found["calls"]] == [
        ("zoho", zoho["client_id"], "GET /crm/v2/{module}", 1, 1),
        ("zoho", zoho["client_id"], "GET /crm/v2/{module}/{id}", 2, 0),
    ]
    assert found["calls"][0]["user_agent"].startswith("python-httpx/")
    lines = crmgraph(demo_folder, *command, "--fields", "--dialect", "zoho").stdout.splitlines()
    assert lines[0].startswith("Fields since ") and len(lines) == 3
    assert lines[1].split() == [
        "dialect",
        "client",
        "operation",
        "kind",
        "field",
        "use",
        "calls",
        "refused",
        "first",
        "last",
    ]
    assert lines[2].split()[-7:-2] == ["lead", "City", "read", "2", "0"]
    unused = json.loads(crmgraph(demo_folder, *command, "--unused", "--json").stdout)
    operations = {each["operation"] for each in unused["unused operations"]}
    assert "GET /crm/v2/{module}/{id}" not in operations
    assert {"GET /crm/v2/{module}", "POST /oauth/v2/token", "GET /crmapi/rest/v2/contact_information/show"} < operations
    assert [each["dialect"] for each in unused["silent clients"]] == ["crmcom", "valomnia"]
    assert crmgraph(demo_folder, "usage", "--demo", "--dialect", "valomnia").stdout.startswith("No calls since ")


def test_the_command_says_what_it_does_not_understand(demo_folder: Path) -> None:
    for words, said in (
        (
            ("--dialect", "zohoo"),
            "zohoo: there is no such API; there are covalense, zoho, crmcom, valomnia. Is zoho meant?",
        ),
        (("--since", "soon"), "--since soon: is neither so long ago, e.g. 30d, 12w or 1y, nor a day, e.g. 2026-11-01."),
        (("--fields", "--unused"), "--fields and --unused tell different things: give one of them."),
    ):
        told = crmgraph(demo_folder, "usage", "--demo", *words)
        assert (told.returncode, told.stdout, told.stderr.strip()) == (1, "", said)
