"""What was deleted is not seen from what named it, at no door; the tie stays stored, and would be back."""

from typing import Any

import pytest
from sqlalchemy import select, update

from crmgraph.crm.models import Account, Change, Contact, Lead, Relation
from tests.conftest import Running
from tests.dialects.covalense.conftest import Portal, result
from tests.dialects.zoho.conftest import Program as Zoho
from tests.dialects.zoho.conftest import row_error
from tests.graph.conftest import Caller, employee_of


@pytest.fixture
async def office(demo: Running) -> Caller:
    return await employee_of(demo)


@pytest.fixture
def zoho(demo: Running) -> Zoho:
    return Zoho(demo, demo.credentials["zoho"]["access_token"])


async def deleted(demo: Running, office: Caller, model: Any, global_id: str, *, back: bool = False) -> None:
    """Delete a record at GraphQL's door, or bring it back as a restore would."""
    if back:
        async with demo.db.begin() as session:
            await session.execute(update(model).where(model.id == int(global_id[4:])).values(deleted_at=None))
        return
    kind = model.__name__
    mutation = f"mutation($i: Delete{kind}Input!) {{ delete{kind}(input: $i) {{ deletedId }} }}"
    done = await office(mutation, i={kind.lower(): {"id": global_id}})
    assert done[f"delete{kind}"] == {"deletedId": global_id}


async def make(office: Caller, kind: str, **values: Any) -> str:
    mutation = f"mutation($i: Create{kind}Input!) {{ create{kind}(input: $i) {{ {kind.lower()} {{ id }} }} }}"
    return str((await office(mutation, i=values))[f"create{kind}"][kind.lower()]["id"])


SELECTIONS = ("", " externalIds { value }")
"""What is asked for besides: nothing, which is compiled, and something that the resolvers answer."""


async def found(office: Caller, field: str, filter_: dict[str, Any]) -> list[str]:
    """The ids that a filter finds among the records of this test, the same on both executors and in the count."""
    kind = {"contacts": "Contact", "accounts": "Account"}[field]
    name = "lastName" if kind == "Contact" else "name"
    both = {"and": [{name: {"startsWith": "Hidden"}}, filter_]}
    answers = []
    for more in SELECTIONS:
        query = f"query($f: {kind}Filter) {{ {field}(filter: $f) {{ totalCount nodes {{ id{more} }} }} }}"
        page = (await office(query, f=both))[field]
        ids = [node["id"] for node in page["nodes"]]
        assert page["totalCount"] == len(ids)
        answers.append(ids)
    assert answers[0] == answers[1]
    return answers[0]


async def test_a_deleted_account_is_nobodys_account_in_graphql(demo: Running, office: Caller) -> None:
    account = await make(office, "Account", name="Hidden Ltd")
    one = await make(office, "Contact", lastName="Hidden 1", account=account)
    two = await make(office, "Contact", lastName="Hidden 2")
    part = await make(office, "Account", name="Hidden Part", parent=account)
    seen = """query($c: ID!, $p: ID!) { contact(by: {id: $c}) { revision account { name }%s }
      account(by: {id: $p}) { revision parent { name } } }"""
    states = {
        True: ([two], [one], [one], [one], [], "Hidden Ltd"),
        False: ([one, two], [], [], [], [part], None),
    }
    for there in (True, False, True):
        nobody, anybody, equal, among, parentless, name = states[there]
        assert await found(office, "contacts", {"account": {"isNull": True}}) == nobody
        assert await found(office, "contacts", {"account": {"isNull": False}}) == anybody
        assert await found(office, "contacts", {"account": {"eq": account}}) == equal
        assert await found(office, "contacts", {"account": {"in": [account]}}) == among
        others = [each for each in (one, two) if each not in equal]
        assert await found(office, "contacts", {"not": {"account": {"eq": account}}}) == others
        assert await found(office, "contacts", {"not": {"account": {"isNull": True}}}) == anybody
        without = await found(office, "accounts", {"parent": {"isNull": True}})
        assert [each for each in without if each != account] == parentless
        for more in SELECTIONS:
            answer = await office(seen % more, c=one, p=part)
            told = None if name is None else {"name": name}
            assert (answer["contact"]["account"], answer["account"]["parent"]) == (told, told)
            # Nothing of the others has changed.
            assert (answer["contact"]["revision"], answer["account"]["revision"]) == (1, 1)
        if there:
            await deleted(demo, office, Account, account)
        else:
            await deleted(demo, office, Account, account, back=True)
    async with demo.db.read() as session:
        log = list(await session.scalars(select(Change).where(Change.party_id == int(account[4:])).order_by(Change.id)))
    assert [change.action for change in log] == ["CREATED", "DELETED", "DELETED"]


UPDATE = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
  contact { revision firstName account { id } reportsTo { id } } userErrors { code path } } }"""


async def test_writing_a_contact_neither_cuts_nor_shows_a_hidden_tie(demo: Running, office: Caller) -> None:
    account, other = [await make(office, "Account", name=f"Hidden {n}") for n in range(2)]
    boss = await make(office, "Contact", lastName="Hidden Boss")
    contact = await make(office, "Contact", lastName="Hidden", account=account, reportsTo=boss)

    async def update(**values: Any) -> Any:
        return (await office(UPDATE, i={"contact": {"id": contact}} | values))["updateContact"]

    async def ties() -> list[str]:
        async with demo.db.read() as session:
            row = await session.get(Contact, int(contact[4:]))
        assert row is not None
        return [f"acc_{row.account_id}", f"con_{row.reports_to_id}"]

    await deleted(demo, office, Account, account)
    await deleted(demo, office, Contact, boss)
    done = await update(firstName="A", account=None, reportsTo=None)
    assert done == {"contact": {"revision": 2, "firstName": "A", "account": None, "reportsTo": None}, "userErrors": []}
    assert (await update(account=None))["contact"]["revision"] == 2
    assert await ties() == [account, boss]
    # What cannot be named cannot be named by what it was either.
    refused = [{"code": "NOT_FOUND", "path": ["input", name]} for name in ("account", "reportsTo")]
    assert (await update(firstName="B", account=account, reportsTo=boss))["userErrors"] == refused
    history = await office(
        "query($i: ID!) { contact(by: {id: $i}) { history { nodes { fields { field } } } } }", i=contact
    )
    fields = [{each["field"] for each in node["fields"]} for node in history["contact"]["history"]["nodes"]]
    assert fields == [{"firstName"}, {"account", "lastName", "reportsTo"}]
    # Another account takes its place, and null clears what can be seen.
    assert (await update(account=other))["contact"]["account"] == {"id": other}
    assert (await update(account=None))["contact"]["account"] is None
    assert (await ties())[0] == "acc_None"


async def test_a_deleted_record_is_named_by_nothing_at_zohos_door(demo: Running, office: Caller, zoho: Zoho) -> None:
    account = await zoho.create("Accounts", Account_Name="Hidden Ltd")
    part = await zoho.create("Accounts", Account_Name="Hidden Part", Parent_Account={"id": account})
    boss = await zoho.create("Contacts", Last_Name="Hidden Boss")
    ties = {"Account_Name": {"id": account}, "Reporting_To": {"id": boss}}
    one = await zoho.create("Contacts", Last_Name="Hidden One", **ties)
    two = await zoho.create("Contacts", Last_Name="Hidden Two")
    lead = await zoho.create("Leads", Last_Name="Hidden Lead", Company="Hidden Co")
    made = (await zoho.ok("POST", f"/Leads/{lead}/actions/convert", {"data": [{}]}))["data"][0]

    async def find(module: str, criteria: str) -> set[str]:
        return set(await zoho.names(f"/{module}/search?criteria=({criteria})"))

    async def ids(criteria: str) -> set[str]:
        return {each for each in await find("Contacts", criteria) if each in ("Hidden One", "Hidden Two")}

    for name, value in (("Account_Name", account), ("Reporting_To", boss)):
        assert await ids(f"{name}:equals:{value}") == {"Hidden One"}
        assert await ids(f"{name}:equals:${{EMPTY}}") == {"Hidden Two"}
    assert await find("Accounts", f"Parent_Account:equals:{account}") == {"Hidden Part"}
    ordered = await zoho.names(f"/Contacts?ids={one},{two}&sort_by=Account_Name&sort_order=asc")
    assert ordered == ["Hidden One", "Hidden Two"]
    for module, record in (("Accounts", account), ("Contacts", boss), ("Accounts", made["Accounts"])):
        await zoho.ok("DELETE", f"/{module}/{record}")

    contact = await zoho.get("Contacts", one)
    assert (contact["Account_Name"], contact["Reporting_To"]) == (None, None)
    assert (await zoho.get("Accounts", part))["Parent_Account"] is None
    assert (await zoho.get("Contacts", made["Contacts"]))["Account_Name"] is None
    for name, value in (("Account_Name", account), ("Reporting_To", boss)):
        assert await ids(f"{name}:equals:{value}") == set()
        assert await ids(f"{name}:in:{value}") == set()
        assert await ids(f"{name}:not_equal:{value}") == {"Hidden One", "Hidden Two"}
        assert await ids(f"{name}:equals:${{EMPTY}}") == {"Hidden One", "Hidden Two"}
        assert await ids(f"{name}:not_equal:${{EMPTY}}") == set()
    assert await find("Accounts", f"Parent_Account:equals:{account}") == set()
    # None of the two has an account: they come by their id.
    ordered = await zoho.names(f"/Contacts?ids={one},{two}&sort_by=Account_Name&sort_order=desc")
    assert ordered == ["Hidden Two", "Hidden One"]
    # What is sent back as it was read changes nothing.
    sent = {name: value for name, value in contact.items() if name != "Owner"}
    await zoho.ok("PUT", f"/Contacts/{one}", {"data": [sent | {"Account_Name": None, "Reporting_To": ""}]})
    assert (await zoho.get("Contacts", one))["Modified_Time"] == contact["Modified_Time"]
    refused = await zoho.ok("PUT", f"/Contacts/{one}", {"data": [{"Account_Name": {"id": account}}]}, status=202)
    assert refused["data"] == [
        row_error("INVALID_DATA", "invalid data", expected_data_type="jsonobject", api_name="Account_Name")
    ]
    async with demo.db.read() as session:
        stored = await session.get(Contact, int(one))
        converted = await session.get(Lead, int(lead))
    assert stored is not None and converted is not None
    assert (stored.account_id, stored.reports_to_id) == (int(account), int(boss))
    assert converted.converted_account_id == int(made["Accounts"])
    read = "query($i: ID!) { lead(by: {id: $i}) { convertedAccount { id } convertedContact { id }%s } }"
    for more in SELECTIONS:
        answer = (await office(read % more, i=f"lea_{lead}"))["lead"]
        assert (answer["convertedAccount"], answer["convertedContact"]["id"]) == (None, f"con_{made['Contacts']}")
    assert {each["id"] for each in (await zoho.ok("GET", "/Accounts/deleted"))["data"]} >= {account, made["Accounts"]}


async def test_a_conversion_into_a_contact_whose_account_is_deleted_finds_none(zoho: Zoho) -> None:
    account = await zoho.create("Accounts", Account_Name="Hidden Ltd")
    contact = await zoho.create("Contacts", Last_Name="Hidden", Account_Name={"id": account})
    await zoho.ok("DELETE", f"/Accounts/{account}")
    lead = await zoho.create("Leads", Last_Name="Hidden", Company="New Ltd")
    (made,) = (await zoho.ok("POST", f"/Leads/{lead}/actions/convert", {"data": [{"Contacts": contact}]}))["data"]
    assert (await zoho.get("Contacts", contact))["Account_Name"] == {"name": "New Ltd", "id": made["Accounts"]}


def printed(global_id: str) -> str:
    """The id as CRM.COM has it."""
    return f"{int(global_id[4:]):032X}"


async def test_the_other_doors_name_nothing_that_was_deleted(demo: Running, office: Caller) -> None:
    account = await make(office, "Account", name="Hidden Ltd")
    contact = await make(office, "Contact", firstName="A", lastName="Hidden", account=account)
    known = demo.credentials["valomnia"]
    login = {"j_username": known["username"], "j_password": known["password"], "ajax": "true"}
    assert (await demo.client.post("/j_spring_security_check", data=login)).status_code == 302
    path = f"/api/v1.0/contacts/{contact[4:]}"
    shown = (await demo.client.get(path)).json()
    number = shown["customerReference"]
    assert shown["customer"]["name"] == "Hidden Ltd"
    listing = f"/api/v1.0/contacts?customerReference={number}"
    assert len((await demo.client.get(listing)).json()["data"]) == 1
    token = (await demo.client.post("/crmapi/rest/v2/authentication/token", json=demo.credentials["crmcom"])).json()
    body = {"token": token["data"]["token"], "contact_information_identifier": {"id": printed(contact)}}
    other = {"contact_information_identifier": {"id": printed(account)}, "type": "CUSTOM1"}
    update = "/crmapi/rest/v2/contact_information/update"
    answer = (await demo.client.post(update, json=body | {"relation_set": [{"action": "ADD"} | other]})).json()
    assert answer["status"]["code"] == "OK"

    await deleted(demo, office, Account, account)
    shown = (await demo.client.get(path)).json()
    assert (shown["customer"], shown["customerReference"], shown["organization"]) == ({}, "", "")
    assert (await demo.client.get(listing)).json()["data"] == []
    assert (await demo.client.get(f"/api/v1.0/customers/{account[4:]}")).status_code == 404
    show = {"token": body["token"], "contact_information_identifier": f"id={printed(contact)}"}
    told = (await demo.client.get("/crmapi/rest/v2/contact_information/show", params=show)).json()
    (relation,) = told["data"]["relation_set"]
    assert "Hidden Ltd" not in str(relation)
    # Sent again as it is named, it goes on naming the same.
    again = {"action": "UPDATE", "relation_identifier": {"id": relation["id"]}, "notes": "again"} | other
    answer = (await demo.client.post(update, json=body | {"relation_set": [again]})).json()
    assert answer["status"]["code"] == "OK"
    async with demo.db.read() as session:
        row = (await session.scalars(select(Relation).where(Relation.party_id == int(contact[4:])))).one()
    assert (row.other_id, row.extra_fields["crmcom"]["notes"]) == (int(account[4:]), "again")
    await deleted(demo, office, Account, account, back=True)
    assert (await demo.client.get(path)).json()["customer"]["name"] == "Hidden Ltd"


async def test_a_covalense_customer_whose_account_is_deleted_has_none_until_it_is_back(
    demo: Running, office: Caller
) -> None:
    known, portal = demo.credentials["covalense"], Portal(demo.client)
    given = {"email": known["email"], "password": known["password"]}
    token = await portal.login(**given)
    mine = await Caller(demo.client).login(**given)
    own = "{ me { account { id name } contact { revision account { id name } } } }"
    before = (await mine(own))["me"]
    account = before["account"]
    async with demo.db.read() as session:
        tied = select(Contact.account_id).where(Contact.account_id == int(account["id"][4:]))
        ties = (await session.scalars(tied)).all()
    profile = result(await portal.send("GET", "profile/contact", token=token))
    for there in (False, True):
        await deleted(demo, office, Account, account["id"], back=there)
        # A new login and the token that was given before: neither shows what is deleted.
        for each in (token, await portal.login(**given)):
            shown = result(await portal.send("GET", "profile/contact", token=each))
            cut = {name: value for name, value in shown.items() if value != profile[name]}
            assert shown.keys() == profile.keys()
            assert cut == ({} if there else {"account_id": ""})
        me = (await mine(own))["me"]
        revision = before["contact"]["revision"]
        hidden = {"account": None, "contact": {"revision": revision, "account": None}}
        assert me == (before if there else hidden)
        body = {"accountname": account["name"]}
        changed = await portal.send("PUT", "profile/account", body, token=token)
        assert (changed.status_code == 200, account["name"] in changed.text) == (there, there), changed.text
        async with demo.db.read() as session:
            assert (await session.scalars(tied)).all() == ties


async def test_a_converted_lead_names_what_is_there_alone_and_all_of_it_when_it_is_back(
    demo: Running, office: Caller, zoho: Zoho
) -> None:
    lead = await make(office, "Lead", lastName="Hidden", company="Hidden Co")
    convert = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { contact { id } account { id } } }"
    done = (await office(convert, i={"lead": {"id": lead}}))["convertLead"]
    contact, account = done["contact"]["id"], done["account"]["id"]

    async def named() -> list[tuple[Any, Any]]:
        query = "query($i: ID!) { lead(by: {id: $i}) { convertedContact { id } convertedAccount { id }%s } }"
        answers = [(await office(query % more, i=lead))["lead"] for more in SELECTIONS]
        return [(each["convertedContact"], each["convertedAccount"]) for each in answers]

    both = ({"id": contact}, {"id": account})
    assert await named() == [both] * 2
    await deleted(demo, office, Account, account)
    assert await named() == [(both[0], None)] * 2
    await deleted(demo, office, Contact, contact)
    assert await named() == [(None, None)] * 2
    again = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { lead { id } userErrors { code } } }"
    refused = (await office(again, i={"lead": {"id": lead}}))["convertLead"]
    assert refused == {"lead": None, "userErrors": [{"code": "ALREADY_CONVERTED"}]}
    await deleted(demo, office, Contact, contact, back=True)
    await deleted(demo, office, Account, account, back=True)
    assert await named() == [both] * 2
    assert (await zoho.get("Contacts", contact[4:]))["Account_Name"] == {"name": "Hidden Co", "id": account[4:]}


async def test_every_door_that_prints_the_ties_of_a_conversion_hides_those_to_what_is_deleted(
    demo: Running, office: Caller, zoho: Zoho
) -> None:
    """Zoho prints those of the lead. The others know no leads: they print those of the contact and the account."""
    parent = await make(office, "Account", name="Hidden Parent")
    lead = await make(office, "Lead", firstName="A", lastName="Hidden", company="Hidden Co")
    convert = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { contact { id } account { id number } } }"
    done = (await office(convert, i={"lead": {"id": lead}}))["convertLead"]
    contact, account = done["contact"]["id"], done["account"]["id"]
    await zoho.ok("PUT", f"/Accounts/{account[4:]}", {"data": [{"Parent_Account": {"id": parent[4:]}}]})
    known = demo.credentials["valomnia"]
    login = {"j_username": known["username"], "j_password": known["password"], "ajax": "true"}
    assert (await demo.client.post("/j_spring_security_check", data=login)).status_code == 302
    token = (await demo.client.post("/crmapi/rest/v2/authentication/token", json=demo.credentials["crmcom"])).json()
    crmcom = {"token": token["data"]["token"], "contact_information_identifier": {"id": printed(contact)}}
    relation = {"action": "ADD", "type": "CUSTOM1", "contact_information_identifier": {"id": printed(account)}}
    update = "/crmapi/rest/v2/contact_information/update"
    answer = (await demo.client.post(update, json=crmcom | {"relation_set": [relation]})).json()
    assert answer["status"]["code"] == "OK"

    async def valomnia(resource: str, global_id: str) -> Any:
        answer = await demo.client.get(f"/api/v1.0/{resource}/{global_id[4:]}")
        return None if answer.status_code == 404 else answer.json()

    async def shown() -> dict[str, Any]:
        person, firm = await valomnia("contacts", contact), await valomnia("customers", account)
        params = {"token": crmcom["token"], "contact_information_identifier": f"id={printed(contact)}"}
        told = (await demo.client.get("/crmapi/rest/v2/contact_information/show", params=params)).json()["data"]
        criteria = await zoho.names(f"/Contacts/search?criteria=(Account_Name:equals:{account[4:]})")
        return {
            "lead": (await zoho.get("Leads", lead[4:]))["$converted_detail"],
            "customer of the contact": person and (person["customer"].get("name"), person["customerReference"]),
            "parent of the customer": firm and firm["parentCustomer"].get("name"),
            "contacts of the customer": firm and [each["lastName"] for each in firm["contacts"]],
            "relation": told and ["Hidden Co" in str(each) for each in told["relation_set"]],
            "found": criteria,
        }

    all_of_it = {
        "lead": {"deal": None, "contact": contact[4:], "account": account[4:]},
        "customer of the contact": ("Hidden Co", done["account"]["number"]),
        "parent of the customer": "Hidden Parent",
        "contacts of the customer": ["Hidden"],
        "relation": [True],
        "found": ["Hidden"],
    }
    assert await shown() == all_of_it
    for model, record, hidden in (
        (Account, parent, {"parent of the customer": None}),
        (
            Account,
            account,
            {
                "lead": all_of_it["lead"] | {"account": None},
                "customer of the contact": (None, ""),
                "parent of the customer": None,
                "contacts of the customer": None,
                "relation": [False],
                "found": [],
            },
        ),
        (
            Contact,
            contact,
            {
                "lead": all_of_it["lead"] | {"contact": None},
                "customer of the contact": None,
                "contacts of the customer": [],
                "relation": None,
                "found": [],
            },
        ),
    ):
        await deleted(demo, office, model, record)
        assert await shown() == all_of_it | hidden
        await deleted(demo, office, model, record, back=True)
    assert await shown() == all_of_it
    # Neither door takes a lead for one of its own.
    assert (await valomnia("contacts", lead), await valomnia("customers", lead)) == (None, None)
    params = {"token": crmcom["token"], "contact_information_identifier": f"id={printed(lead)}"}
    told = (await demo.client.get("/crmapi/rest/v2/contact_information/show", params=params)).json()
    assert told["data"] is None
