"""Whatever id a door prints, minted or external, is found by that door and in the graph, in any case."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmgraph.crm.models import PartyKind
from crmgraph.demo import Demo, shown
from tests.conftest import Running, serving, settings_for
from tests.fuzz.keys import HEADERS, Keys, keys_of

KINDS = {"con": "contact", "acc": "account", "lea": "lead", "usr": "user"}


@dataclass
class Doors:
    """The demo with everything open, and all that is in it.

    Attributes:
        ids: {contact, account, lead or user: our numbers}.
    """

    demo: Running
    keys: Keys
    ids: dict[str, list[int]]

    async def get(self, door: str, path: str) -> httpx.Response:
        return await self.demo.client.get(path, headers=self.keys.headers(door))

    async def graph(self, query: str) -> dict[str, Any]:
        headers = self.keys.headers("graphql")
        answer = await self.demo.client.post("/graphql", json={"query": query}, headers=headers)
        assert "errors" not in answer.json(), answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def found(self, dialect: str, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int | None]:
        """{(kind, id as it is printed): our number} as the graph finds them."""
        pairs = sorted(set(wanted))
        fields = [
            f'_{i}: {kind}(by: {{external: {{dialect: {dialect}, value: "{value}"}}}}) {{ id }}'
            for i, (kind, value) in enumerate(pairs)
        ]
        data: dict[str, Any] = {}
        for i in range(0, len(fields), 20):
            data |= await self.graph("{" + " ".join(fields[i : i + 20]) + "}")
        return {pair: data[f"_{i}"] and int(data[f"_{i}"]["id"][4:]) for i, pair in enumerate(pairs)}


@pytest.fixture(params=[True, False], ids=["compiled", "resolved"])
async def doors(
    request: pytest.FixtureRequest, demo_database: tuple[str, Demo], tmp_path: Path
) -> AsyncIterator[Doors]:
    """The demo on each kind of database, by each of the graph's executors."""
    database, kept = demo_database
    async with serving(settings_for(database, tmp_path, compiled_plans=request.param)) as (client, app):
        demo = Running(client, app, shown(kept))
        opened = Doors(demo, await keys_of(demo), {})
        lists = " ".join(f"{kind}s(first: 100) {{ nodes {{ id }} }}" for kind in KINDS.values())
        data = await opened.graph("{" + lists + "}")
        for kind in KINDS.values():
            opened.ids[kind] = [int(node["id"][4:]) for node in data[f"{kind}s"]["nodes"]]
            assert opened.ids[kind]
        yield opened


def spelt(printed: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """The same ids in three spellings."""
    return {
        (kind, spelling): number
        for (kind, value), number in printed.items()
        for spelling in (value, value.upper(), value.lower(), f" {value} ")
    }


async def test_zohos_ids(doors: Doors) -> None:
    modules = {"Leads": "lead", "Contacts": "contact", "Accounts": "account"}
    lookups = {"Account_Name": "account", "Parent_Account": "account", "Reporting_To": "contact"}
    lookups |= dict.fromkeys(("Owner", "Created_By", "Modified_By"), "user")
    printed: dict[tuple[str, str], int] = {}
    named: set[tuple[str, str]] = set()
    for module, kind in modules.items():
        for number in doors.ids[kind]:
            answer = await doors.get("zoho", f"/crm/v2/{module}/{number}")
            (record,) = answer.json()["data"]
            printed[kind, record["id"]] = number
            again = await doors.get("zoho", f"/crm/v2/{module}/{record['id']}")
            assert again.json() == answer.json()
            ids = await doors.get("zoho", f"/crm/v2/{module}?ids={record['id']}&converted=both&approved=both")
            assert [one["id"] for one in ids.json()["data"]] == [record["id"]]
            by_id = f"/crm/v2/{module}/search?criteria=(id:equals:{record['id']})&converted=both&approved=both"
            assert [one["id"] for one in (await doors.get("zoho", by_id)).json()["data"]] == [record["id"]]
            named |= {(lookups[name], record[name]["id"]) for name in lookups if isinstance(record.get(name), dict)}
    for member in (await doors.get("zoho", "/crm/v2/users?type=AllUsers")).json()["users"]:
        named.add(("user", member["id"]))
    for kind, value in named:
        if kind == "user":
            answer = await doors.get("zoho", f"/crm/v2/users/{value}")
            assert [one["id"] for one in answer.json()["users"]] == [value]
        else:
            assert (kind, value) in printed
    assert await doors.found("ZOHO", spelt(printed)) == spelt(printed)
    assert None not in (await doors.found("ZOHO", named)).values()
    assert len({value for kind, value in named if kind == "user"}) == len(doors.ids["user"])


async def test_crmcoms_ids(doors: Doors) -> None:
    show = "/crmapi/rest/v2/contact_information/show"
    printed: dict[tuple[str, str], int] = {}
    users: set[tuple[str, str]] = set()
    for kind in ("contact", "account"):
        for number in doors.ids[kind]:
            whom = {"contact_information_identifier": f"id={number:032X}", "token": doors.keys.crmcom}
            answer = await doors.demo.client.get(show, params=whom)
            data = answer.json()["data"]
            printed[kind, data["id"]] = number
            for spelling in (data["id"], data["id"].lower()):
                whom["contact_information_identifier"] = f"id={spelling}"
                assert (await doors.demo.client.get(show, params=whom)).json() == answer.json()
            for relation in data["relation_set"] or ():
                other = relation.get("contact_information")
                if other and other.get("id"):
                    whom["contact_information_identifier"] = f"id={other['id']}"
                    assert (await doors.demo.client.get(show, params=whom)).json()["data"]["id"] == other["id"]
            for key, value in data["log_information"].items():
                if key.endswith("by_user") and value and value["id"]:
                    users.add(("user", value["id"]))
    assert await doors.found("CRMCOM", spelt(printed)) == spelt(printed)
    assert None not in (await doors.found("CRMCOM", users)).values()


async def test_valomnias_ids_and_references(doors: Doors) -> None:
    printed: dict[tuple[str, str], int] = {}
    users: set[tuple[str, str]] = set()
    for number in doors.ids["contact"]:
        answer = await doors.get("valomnia", f"/api/v1.0/contacts/{number}")
        contact = answer.json()
        printed["contact", str(contact["id"])] = number
        assert (await doors.get("valomnia", f"/api/v1.0/contacts/{contact['id']}")).json() == contact
        if contact["user"]:
            users |= {("user", str(contact["user"][name])) for name in ("id", "reference") if contact["user"][name]}
        if contact["customer"]:
            theirs = await doors.get("valomnia", f"/api/v1.0/customers/{contact['customer']['id']}")
            assert theirs.json()["reference"] == contact["customer"]["reference"]
    for number in doors.ids["account"]:
        answer = await doors.get("valomnia", f"/api/v1.0/customers/{number}")
        customer = answer.json()
        printed["account", str(customer["id"])] = printed["account", customer["reference"]] = number
        assert (await doors.get("valomnia", f"/api/v1.0/customers/{customer['id']}")).json() == customer
        for spelling in (customer["reference"], customer["reference"].lower()):
            by_reference = await doors.get("valomnia", f"/api/v1.0/customers/reference/{spelling}")
            assert by_reference.json() == customer
    assert await doors.found("VALOMNIA", spelt(printed)) == spelt(printed)
    assert None not in (await doors.found("VALOMNIA", users)).values()


async def test_covalenses_ids(doors: Doors) -> None:
    client, known = doors.demo.client, doors.demo.credentials
    printed: dict[tuple[str, str], int] = {}
    users: set[tuple[str, str]] = set()
    for login in (known["covalense"], *known["covalense_others"]):
        come_in = await client.post("/crm/v1/login", headers=HEADERS, json=login)
        result = come_in.json()["response"]["result"]
        headers = HEADERS | {"token": result["accessToken"]}
        profile = (await client.get("/crm/v1/profile/contact", headers=headers)).json()["response"]["result"]
        by_email = await doors.graph(f'{{ contact(by: {{email: "{login["email"]}"}}) {{ id account {{ id }} }} }}')
        contact, account = by_email["contact"]["id"][4:], by_email["contact"]["account"]["id"][4:]
        for value in (profile["id"], result["contactId"], f"12x{contact}"):
            printed["contact", value] = int(contact)
        for value in (profile["account_id"], result["accountId"], f"11x{account}"):
            printed["account", value] = int(account)
        if profile["contact_id"]:
            assert (await doors.found("COVALENSE", [("contact", profile["contact_id"])])).values() != [None]
        users |= {("user", profile[name]) for name in ("assigned_user_id", "modifiedby") if profile[name]}
        for value in (profile["id"], profile["id"].upper(), f"12X{contact}", contact):
            body = {"id": value, "mobile": profile["mobile"]}
            answer = await client.put("/crm/v1/profile/contact", headers=headers, json=body)
            assert answer.status_code == 200, answer.text
    assert await doors.found("COVALENSE", spelt(printed)) == spelt(printed)
    assert users and None not in (await doors.found("COVALENSE", users)).values()


async def test_an_id_of_one_kind_or_door_is_nothing_of_another(doors: Doors) -> None:
    strangers = {
        "COVALENSE": [("account", "12x95809"), ("contact", "11x82078"), ("contact", "13x95809"), ("lead", "95809")],
        "ZOHO": [("contact", "738964000002148061"), ("lead", "12x95809"), ("user", "738964000002148061")],
        "CRMCOM": [("account", "1F1D2D0DFD164BFA801BE87CA9E33915"), ("lead", "1F1D2D0DFD164BFA801BE87CA9E33915")],
        "VALOMNIA": [("contact", "3229"), ("contact", "C0959"), ("lead", "5"), ("user", "5"), ("account", "")],
    }
    for dialect, pairs in strangers.items():
        odd = [(kind, value) for kind in KINDS.values() for value in ("0", "x", "9" * 40, "-1", "%", "١٢")]
        assert set((await doors.found(dialect, [*pairs, *odd])).values()) == {None}, dialect


async def test_a_change_finds_its_record_by_an_id_as_it_is_printed(doors: Doors) -> None:
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"
    number = doors.ids["contact"][0]
    headers = doors.keys.headers("graphql")
    for dialect, value in (("COVALENSE", f"12X{number}"), ("CRMCOM", f"{number:032x}"), ("ZOHO", str(number))):
        given = {"contact": {"external": {"dialect": dialect, "value": value}}, "description": dialect}
        body = {"query": change, "variables": {"i": given}}
        answer = await doors.demo.client.post("/graphql", json=body, headers=headers)
        assert answer.json()["data"]["updateContact"] == {"contact": {"id": f"con_{number}"}, "userErrors": []}


async def test_the_staff_are_found_by_id_and_email_and_by_staff_alone(doors: Doors) -> None:
    email = doors.demo.credentials["staff"]["email"]
    data = await doors.graph(f'{{ user(by: {{email: "{email.upper()}"}}) {{ id }} }}')
    assert data["user"] is not None
    assert (await doors.graph(f'{{ user(by: {{id: "{data["user"]["id"]}"}}) {{ id }} }}')) == data
    for by in ('email: "nobody@example.com"', 'id: "con_1000000001"', 'id: "x"'):
        assert await doors.graph(f"{{ user(by: {{{by}}}) {{ id }} }}") == {"user": None}
    query = f'{{ user(by: {{email: "{email}"}}) {{ id }} }}'
    answer = await doors.demo.client.post("/graphql", json={"query": query})
    assert answer.json()["data"] == {"user": None}


def test_every_dialect_reads_what_it_prints() -> None:
    from crmgraph.registry import DIALECTS

    for dialect in DIALECTS:
        candidates = dialect.implementation.id_candidates(PartyKind.CONTACT, "1000000017")
        if dialect.name == "crmcom":
            candidates = dialect.implementation.id_candidates(PartyKind.CONTACT, f"{1000000017:032X}")
        assert candidates is not None and candidates.own == 1000000017
