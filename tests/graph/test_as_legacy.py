"""A record as an old API answers it: what the doors themselves answer, and what of it they do not tell."""

from typing import Any

import pytest

from tests.conftest import Running
from tests.graph.conftest import Caller, Customer
from tests.test_printed_ids import Doors
from tests.test_printed_ids import doors as opened

__all__ = ["opened"]


@pytest.fixture
def doors(opened: Doors) -> Doors:
    """The same, whose answers are not compressed."""
    opened.demo.client.headers["accept-encoding"] = "identity"
    return opened


KINDS = {"contact": "con", "account": "acc", "lead": "lea"}
VIEW = "{ status headers body lossy losses { field reason } }"


async def views(doors: Doors, kind: str, dialect: str) -> dict[int, dict[str, Any]]:
    """{our number: what the graph says that the dialect answers}, of all records of a kind."""
    found: dict[int, dict[str, Any]] = {}
    ids = doors.ids[kind]
    for start in range(0, len(ids), 20):
        fields = " ".join(
            f'_{n}: node(id: "{KINDS[kind]}_{n}") {{ ... on Record {{ asLegacy(dialect: {dialect}) {VIEW} }} }}'
            for n in ids[start : start + 20]
        )
        data = await doors.graph("{" + fields + "}")
        found |= {n: data[f"_{n}"]["asLegacy"] for n in ids[start : start + 20]}
    return found


def agrees(view: dict[str, Any], answer: Any, *, but: frozenset[str] = frozenset()) -> None:
    """A view is the answer of the door: status, body, and headers but those of the request, and `but`."""
    own = {"x-request-id", "date", "x-accesstoken-reset", *but}
    assert (view["status"], view["body"]) == (answer.status_code, answer.json())
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    assert {name: value for name, value in view["headers"].items() if name not in own} == headers


async def test_every_record_is_told_as_zoho_tells_it(doors: Doors) -> None:
    for kind, module in (("contact", "Contacts"), ("account", "Accounts"), ("lead", "Leads")):
        for number, view in (await views(doors, kind, "ZOHO")).items():
            agrees(view, await doors.get("zoho", f"/crm/v2/{module}/{number}"))


async def test_every_record_is_told_as_crmcom_tells_it(doors: Doors) -> None:
    for kind in ("contact", "account"):
        for number, view in (await views(doors, kind, "CRMCOM")).items():
            whom = {"contact_information_identifier": f"id={number:032X}", "token": doors.keys.crmcom}
            agrees(view, await doors.demo.client.get("/crmapi/rest/v2/contact_information/show", params=whom))


async def test_every_record_is_told_as_valomnia_tells_it(doors: Doors) -> None:
    for kind, resource in (("contact", "contacts"), ("account", "customers")):
        for number, view in (await views(doors, kind, "VALOMNIA")).items():
            agrees(view, await doors.get("valomnia", f"/api/v1.0/{resource}/{number}"))


async def test_a_contact_is_told_as_covalense_tells_it_to_itself(doors: Doors) -> None:
    mine = (await doors.get("covalense", "/crm/v1/profile/contact")).json()
    told = [view for view in (await views(doors, "contact", "COVALENSE")).values() if view["body"] == mine]
    assert [view["status"] for view in told] == [200]


async def test_what_a_dialect_does_not_show_is_answered_and_told(doors: Doors) -> None:
    lead = doors.ids["lead"][0]
    for dialect, title in (("CRMCOM", "CRM.COM"), ("VALOMNIA", "Valomnia"), ("COVALENSE", "Covalense")):
        view = (await views(doors, "lead", dialect))[lead]
        assert view["losses"] == [{"field": "id", "reason": f"{title} shows no leads."}]
        assert view["lossy"] == ["id"]
        assert view["status"] == (200 if dialect == "CRMCOM" else 404)


async def test_what_is_lost_is_named_with_its_reason(
    running: Running, admin: Caller, agent: Caller, customer: Customer
) -> None:
    created = await admin(
        "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { message } } }",
        i={
            "lastName": "King",
            "nickname": "Lace",
            "skype": "lace",
            "smsOptOut": True,
            "identityDocuments": {"passportNumber": "P1"},
            "phones": {"add": [{"kind": "MOBILE", "raw": f"+479000000{n}"} for n in range(5)]},
            "addresses": {"add": [{"kind": "BILLING", "city": "Oslo", "floor": "3"}]},
        },
    )
    assert created["createContact"]["userErrors"] == []
    own = created["createContact"]["contact"]["id"]
    query = f'{{ contact(by: {{id: "{own}"}}) {{ asLegacy(dialect: ZOHO) {{ losses {{ field reason }} }} }} }}'
    found = (await admin(query))["contact"]["asLegacy"]["losses"]
    assert [(loss["field"], loss["reason"]) for loss in found] == [
        ("number", "Zoho CRM v2 has no field for it."),
        ("nickname", "Zoho CRM v2 has no field for it."),
        ("smsOptOut", "Zoho CRM v2 has no field for it."),
        ("identityDocuments", "Zoho CRM v2 has no field for it."),
        ("phones", "Zoho CRM v2 tells 1 of 5."),
        ("addresses.floor", "Zoho CRM v2 has no field for it."),
    ]
    # Who may not see identity documents is not told that there are any.
    assert "identityDocuments" not in [each["field"] for each in (await agent(query))["contact"]["asLegacy"]["losses"]]
    view = (await customer(query.replace(own, customer.contact)))["contact"]["asLegacy"]
    assert [loss["field"] for loss in view["losses"]] == ["number"]


async def test_nobody_is_shown_by_it_what_they_may_not_see(running: Running, agent: Caller, admin: Caller) -> None:
    made = await admin(
        "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { message } } }",
        i={"lastName": "King", "identityDocuments": {"socialSecurityNumber": "SSN-1", "passportNumber": "P-1"}},
    )
    own = made["createContact"]["contact"]["id"]
    for dialect in ("COVALENSE", "CRMCOM", "ZOHO", "VALOMNIA"):
        query = f'{{ contact(by: {{id: "{own}"}}) {{ asLegacy(dialect: {dialect}) {{ status body lossy }} }} }}'
        assert "P-1" not in str(await agent(query)) and "SSN-1" not in str(await agent(query))
    covalense = f'{{ contact(by: {{id: "{own}"}}) {{ asLegacy(dialect: CRMCOM) {{ body }} }} }}'
    assert "SSN-1" in str(await admin(covalense))


async def test_what_is_lost_does_not_hint_at_records_that_are_hidden(agent: Caller, customer: Customer) -> None:
    made = await agent('mutation { createContact(input: {lastName: "Boss"}) { contact { id } } }')
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    given = {"contact": {"id": customer.contact}, "reportsTo": made["createContact"]["contact"]["id"]}
    query = """query($id: ID!) { node(id: $id) { ... on Contact {
      reportsTo { id } asLegacy(dialect: VALOMNIA) { lossy } } } }"""
    before = await customer(query, id=customer.contact)
    assert (await agent(change, i=given))["updateContact"] == {"userErrors": []}
    assert await customer(query, id=customer.contact) == before
    assert before["node"]["reportsTo"] is None
    assert "reportsTo" in (await agent(query, id=customer.contact))["node"]["asLegacy"]["lossy"]


async def test_a_deleted_record_is_answered_as_the_door_answers_it(running: Running, admin: Caller) -> None:
    made = await admin(
        "mutation($i: CreateLeadInput!) { createLead(input: $i) { lead { id } userErrors { message } } }",
        i={"lastName": "King"},
    )
    own = made["createLead"]["lead"]["id"]
    await admin(f'mutation {{ deleteLead(input: {{lead: {{id: "{own}"}}}}) {{ deletedId }} }}')
    query = f'{{ node(id: "{own}", deleted: true) {{ ... on Lead {{ asLegacy(dialect: ZOHO) {{ status body }} }} }} }}'
    assert await admin(query) == {"node": {"asLegacy": {"status": 204, "body": None}}}
