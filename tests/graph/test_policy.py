"""Who sees and changes what: what is hidden does not exist."""

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import Note, PartyKind, Role
from tests.graph.conftest import Caller, Customer, hired, put, signed_up

EVERYTHING = """{ me { id } users { nodes { id } }
  contacts { totalCount nodes { id } } accounts { totalCount nodes { id } } leads { totalCount nodes { id } } }"""
NOTHING = {"totalCount": 0, "nodes": []}
ONE = """query($c: ContactRef!, $a: AccountRef!, $l: LeadRef!, $n: [ID!]!) {
  contact(by: $c) { id } account(by: $a) { id } lead(by: $l) { id } nodes(ids: $n) { id } }"""
RENAME = """mutation($r: ContactRef!) { updateContact(input: {contact: $r, firstName: "Eve"}) {
  contact { id firstName } userErrors { code message path } } }"""


@pytest.fixture
async def others(core: Core) -> dict[str, int]:
    """Records of somebody else, with rows and a note."""
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    phone = {"kind": "MOBILE", "raw": "555"}
    (contact,) = await put(
        core, PartyKind.CONTACT, {"last_name": "Other", "account_id": account, "phones": [phone], "id_number": "X1"}
    )
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "Lead"})
    async with core.db.begin() as session:
        note = Note(party_id=contact, content="secret")
        session.add(note)
        await session.flush()
        return {"account": account, "contact": contact, "lead": lead, "note": note.id}


async def test_nobody_sees_nothing(nobody: Caller, others: dict[str, int]) -> None:
    assert await nobody(EVERYTHING) == {
        "me": None,
        "users": None,
        "contacts": NOTHING,
        "accounts": NOTHING,
        "leads": NOTHING,
    }


async def test_a_customer_sees_their_own_contact_and_account(customer: Customer, others: dict[str, int]) -> None:
    data = await customer(EVERYTHING)
    assert data.pop("me")["id"].startswith("vie_")
    assert data == {
        "users": None,
        "contacts": {"totalCount": 1, "nodes": [{"id": customer.contact}]},
        "accounts": {"totalCount": 1, "nodes": [{"id": customer.account}]},
        "leads": NOTHING,
    }


async def test_an_agent_sees_every_record(agent: Caller, customer: Customer, others: dict[str, int]) -> None:
    data = await agent(EVERYTHING)
    contacts = {node["id"] for node in data["contacts"]["nodes"]}
    assert contacts == {customer.contact, f"con_{others['contact']}"}
    assert (data["contacts"]["totalCount"], data["accounts"]["totalCount"], data["leads"]["totalCount"]) == (2, 2, 1)
    assert len(data["users"]["nodes"]) == 1


async def test_what_is_hidden_is_found_by_no_name(
    nobody: Caller, customer: Customer, agent: Caller, core: Core, others: dict[str, int]
) -> None:
    phones = "query($id: ID!) { node(id: $id) { ... on Contact { phones { id } notes { nodes { id } } } } }"
    node = (await agent(phones, id=f"con_{others['contact']}"))["node"]
    phone, note = node["phones"][0]["id"], node["notes"]["nodes"][0]["id"]
    user = (await agent("{ me { user { id } } }"))["me"]["user"]["id"]
    ids = [f"con_{others['contact']}", f"acc_{others['account']}", f"lea_{others['lead']}", phone, note, user]
    found = await agent("query($n: [ID!]!) { nodes(ids: $n) { id __typename } }", n=ids)
    assert [node["id"] for node in found["nodes"]] == ids
    assert [node["__typename"] for node in found["nodes"]] == ["Contact", "Account", "Lead", "Phone", "Note", "User"]
    for caller in (nobody, customer):
        for by in ({"id": ids[0]}, {"number": "CON1"}, {"number": "CON2"}):
            variables = {"c": by, "a": {"id": ids[1]}, "l": {"number": "LEA1"}, "n": ids}
            data = await caller(ONE, **variables)
            hidden = {"contact": None, "account": None, "lead": None, "nodes": [None] * 6}
            if caller is customer and by.get("number") == "CON1":
                hidden["contact"] = {"id": customer.contact}
            assert data == hidden
    strange = [
        "",
        "x",
        "con_0",
        "con_x",
        "con_-1",
        "xxx_1",
        f"con_{2**63}",
        f"acc_{others['contact']}",
        "chg_2000000000",
        "rel_2000000000",
    ]
    assert (await agent("query($n: [ID!]!) { nodes(ids: $n) { id } }", n=strange))["nodes"] == [None] * len(strange)


async def test_a_record_that_names_a_hidden_one_names_nothing(
    customer: Customer, agent: Caller, others: dict[str, int]
) -> None:
    link = """mutation($c: ContactRef!, $o: ID!) { updateContact(input: {contact: $c, reportsTo: $o}) {
      userErrors { code } } }"""
    await agent(link, c={"id": customer.contact}, o=f"con_{others['contact']}")
    query = """query($r: ContactRef!) { contact(by: $r) { reportsTo { id } directReports { totalCount nodes { id } }
      account { contacts { totalCount nodes { id } } } notes { totalCount } history { totalCount } } }"""
    own = (await customer(query, r={"id": customer.contact}))["contact"]
    assert own == {
        "reportsTo": None,
        "directReports": NOTHING,
        "account": {"contacts": {"totalCount": 1, "nodes": [{"id": customer.contact}]}},
        "notes": None,
        "history": None,
    }
    staff = (await agent(query, r={"id": customer.contact}))["contact"]
    assert staff["reportsTo"] == {"id": f"con_{others['contact']}"}
    assert staff["history"] == {"totalCount": 2}


async def test_a_hidden_record_is_not_found_by_a_mutation(
    nobody: Caller, customer: Customer, agent: Caller, others: dict[str, int]
) -> None:
    hidden = {"id": f"con_{others['contact']}"}
    assert (await customer(RENAME, r=hidden))["updateContact"] == {
        "contact": None,
        "userErrors": [
            {
                "code": "NOT_FOUND",
                "message": "`contact` names nothing that is here: give e.g. con_1000000001.",
                "path": ["input", "contact"],
            }
        ],
    }
    assert await nobody.errors(RENAME, r=hidden) == [("UNAUTHENTICATED", "Sign in first.")]
    read = "query($r: ContactRef!) { contact(by: $r) { firstName revision } }"
    assert (await agent(read, r=hidden))["contact"] == {"firstName": None, "revision": 1}


CREATIONS = [
    'createContact(input: {lastName: "x"}) { userErrors { code } }',
    'createAccount(input: {name: "x"}) { userErrors { code } }',
    'createLead(input: {lastName: "x"}) { userErrors { code } }',
    'deleteContact(input: {contact: {number: "CON1"}}) { userErrors { code } }',
    'deleteAccount(input: {account: {number: "ACC1"}}) { userErrors { code } }',
]


async def test_only_staff_make_and_delete_records(nobody: Caller, customer: Customer, agent: Caller) -> None:
    for mutation in CREATIONS:
        name = mutation.partition("(")[0]
        assert (await customer(f"mutation {{ {mutation} }}"))[name] == {"userErrors": [{"code": "FORBIDDEN"}]}
        assert await nobody.errors(f"mutation {{ {mutation} }}") == [("UNAUTHENTICATED", "Sign in first.")]
    counts = "{ contacts { totalCount } accounts { totalCount } leads { totalCount } }"
    assert await agent(counts) == {
        "contacts": {"totalCount": 1},
        "accounts": {"totalCount": 1},
        "leads": {"totalCount": 0},
    }


async def test_a_customer_changes_what_is_theirs_and_not_what_is_the_offices(
    nobody: Caller, customer: Customer
) -> None:
    other = await signed_up(nobody, "other@example.com")
    change = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
      contact { lifeCycleState number } userErrors { code path } } }"""
    given = {"contact": {"id": customer.contact}, "lifeCycleState": "VIP", "number": "CON9", "account": other.account}
    payload = (await customer(change, i=given))["updateContact"]
    assert payload["contact"] is None
    assert sorted(error["path"][1] for error in payload["userErrors"]) == [
        "account",
        "lifeCycleState",
        "number",
    ]
    account = """mutation($i: UpdateAccountInput!) { updateAccount(input: $i) {
      account { name website } userErrors { code path } } }"""
    given = {"account": {"id": customer.account}, "website": "https://ray.example"}
    assert (await customer(account, i=given))["updateAccount"] == {
        "account": {"name": "Ray Ltd", "website": "https://ray.example"},
        "userErrors": [],
    }
    given = {"account": {"id": other.account}, "website": "https://ray.example"}
    assert (await customer(account, i=given))["updateAccount"] == {
        "account": None,
        "userErrors": [{"code": "NOT_FOUND", "path": ["input", "account"]}],
    }


DOCUMENTS = """query($r: ContactRef!) { contact(by: $r) { identityDocuments { idNumber idCountry } } }"""


async def test_identity_documents_are_for_the_person_and_staff_with_the_right(
    core: Core, nobody: Caller, customer: Customer, agent: Caller, admin: Caller
) -> None:
    trusted = await hired(core, nobody, "trusted@example.com", Role.AGENT, sees_identity=True)
    change = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
      contact { identityDocuments { idNumber } } userErrors { code path } } }"""
    by = {"id": customer.contact}
    given = {"contact": by, "identityDocuments": {"idNumber": "L01X00T47", "idCountry": "DE"}}
    assert (await agent(change, i=given))["updateContact"] == {
        "contact": None,
        "userErrors": [
            {"code": "FORBIDDEN", "path": ["input", "identityDocuments", "idCountry"]},
            {"code": "FORBIDDEN", "path": ["input", "identityDocuments", "idNumber"]},
        ],
    }
    assert (await customer(change, i=given))["updateContact"] == {
        "contact": {"identityDocuments": {"idNumber": "L01X00T47"}},
        "userErrors": [],
    }
    for guess in ("L01X00T47", "L01X00T48", None):
        given = {"contact": by, "identityDocuments": {"idNumber": guess}}
        assert (await agent(change, i=given))["updateContact"] == {
            "contact": None,
            "userErrors": [{"code": "FORBIDDEN", "path": ["input", "identityDocuments", "idNumber"]}],
        }
    create = """mutation($i: CreateContactInput!) { createContact(input: $i) {
      contact { lastName } userErrors { code path } } }"""
    made = (await agent(create, i={"lastName": "Doe", "identityDocuments": {"passportNumber": "1"}}))["createContact"]
    assert made == {
        "contact": None,
        "userErrors": [{"code": "FORBIDDEN", "path": ["input", "identityDocuments", "passportNumber"]}],
    }
    made = (await trusted(create, i={"lastName": "Doe", "identityDocuments": {"passportNumber": "1"}}))["createContact"]
    assert made == {"contact": {"lastName": "Doe"}, "userErrors": []}
    shown = {"contact": {"identityDocuments": {"idNumber": "L01X00T47", "idCountry": "DE"}}}
    for caller in (customer, trusted, admin):
        assert await caller(DOCUMENTS, r=by) == shown
    assert await agent(DOCUMENTS, r=by) == {"contact": {"identityDocuments": None}}
    log = (
        "query($r: ContactRef!) { contact(by: $r) { history(first: 1) { nodes { fields { field old new masked } } } } }"
    )
    (latest,) = (await admin(log, r=by))["contact"]["history"]["nodes"]
    assert latest["fields"] == [
        {"field": f"identityDocuments.{name}", "old": None, "new": None, "masked": True}
        for name in ("idCountry", "idNumber")
    ]


async def test_whose_documents_a_merge_takes_is_chosen_by_those_who_may_see_them(
    core: Core, agent: Caller, admin: Caller
) -> None:
    stays, goes = await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "Ray", "passport_number": "A1", "passport_country": "DE"},
        {"last_name": "Roy", "passport_number": "B2", "passport_country": "PL"},
    )
    merge = """mutation($i: MergeContactsInput!) { mergeContacts(input: $i) {
      mergedIds preview { field } dropped { field } userErrors { code path } } }"""
    look = "query($r: ContactRef!) { contact(by: $r) { identityDocuments { passportNumber passportCountry } } }"
    given = {"into": {"id": f"con_{stays}"}, "from": [{"id": f"con_{goes}"}]}
    for name in ("passportNumber", "passportCountry"):
        take = [{"field": f"identityDocuments.{name}", "from": {"id": f"con_{goes}"}}]
        for dry_run in (True, False):
            refused = (await agent(merge, i={**given, "take": take, "dryRun": dry_run}))["mergeContacts"]
            assert refused == {
                "mergedIds": [],
                "preview": [],
                "dropped": [],
                "userErrors": [{"code": "FORBIDDEN", "path": ["input", "take", "0", "field"]}],
            }
    shown = {"passportNumber": "A1", "passportCountry": "DE"}
    assert (await admin(look, r={"id": f"con_{stays}"}))["contact"]["identityDocuments"] == shown
    take = [{"field": "identityDocuments.passportNumber", "from": {"id": f"con_{goes}"}}]
    done = (await admin(merge, i={**given, "take": take}))["mergeContacts"]
    assert (done["userErrors"], done["mergedIds"]) == ([], [f"con_{goes}"])
    shown = {"passportNumber": "B2", "passportCountry": "PL"}
    assert (await admin(look, r={"id": f"con_{stays}"}))["contact"]["identityDocuments"] == shown


async def test_a_deleted_record_is_gone_everywhere(agent: Caller, customer: Customer, nobody: Caller) -> None:
    delete = "mutation($r: ContactRef!) { deleteContact(input: {contact: $r}) { deletedId userErrors { code } } }"
    query = (
        "query($r: ContactRef!, $a: AccountRef!) { contact(by: $r) { id } account(by: $a) { primaryContact { id } } }"
    )
    assert (await agent(delete, r={"id": customer.contact}))["deleteContact"] == {
        "deletedId": customer.contact,
        "userErrors": [],
    }
    data = await agent(query, r={"id": customer.contact}, a={"id": customer.account})
    assert data == {"contact": None, "account": {"primaryContact": None}}
    assert (await agent(delete, r={"id": customer.contact}))["deleteContact"] == {
        "deletedId": None,
        "userErrors": [{"code": "NOT_FOUND"}],
    }
    assert await customer.errors("{ me { id } }") == [("UNAUTHENTICATED", "The token does not hold, or not any more.")]
    again = await signed_up(nobody, "ray@example.com")
    assert again.contact != customer.contact


async def test_a_guess_at_what_a_record_names_is_answered_as_any_other(customer: Customer, agent: Caller) -> None:
    new = "mutation($n: String!) { createAccount(input: {name: $n}) { account { id } } }"
    hidden, other = [(await agent(new, n=name))["createAccount"]["account"]["id"] for name in ("Holding", "Other")]
    boss = 'mutation { createContact(input: {lastName: "Boss"}) { contact { id } } }'
    above = (await agent(boss))["createContact"]["contact"]["id"]
    tie = """mutation($a: AccountRef!, $p: ID, $c: ContactRef!, $r: ID) {
      updateAccount(input: {account: $a, parent: $p, name: "Acme"}) { userErrors { code path } }
      updateContact(input: {contact: $c, reportsTo: $r}) { userErrors { code path } } }"""
    names = {"a": {"id": customer.account}, "c": {"id": customer.contact}}
    await agent(tie, p=hidden, r=above, **names)
    guesses = [await customer(tie, p=p, r=r, **names) for p, r in ((hidden, above), (other, customer.contact))]
    told = [[each[name]["userErrors"] for name in ("updateAccount", "updateContact")] for each in guesses]
    assert (
        told[0]
        == told[1]
        == [
            [{"code": "FORBIDDEN", "path": ["input", "parent"]}],
            [{"code": "FORBIDDEN", "path": ["input", "reportsTo"]}],
        ]
    )
    # Sent back as it was seen, it changes nothing.
    data = await customer(tie, p=None, r=None, **names)
    assert [data[name]["userErrors"] for name in ("updateAccount", "updateContact")] == [[], []]
    read = """query($a: AccountRef!, $c: ContactRef!) { account(by: $a) { parent { id } }
      contact(by: $c) { reportsTo { id } } }"""
    kept = await agent(read, **names)
    assert kept == {"account": {"parent": {"id": hidden}}, "contact": {"reportsTo": {"id": above}}}


async def test_a_hidden_record_is_found_by_no_reference_in_a_filter(customer: Customer, agent: Caller) -> None:
    new = "mutation($n: String!) { createAccount(input: {name: $n}) { account { id } } }"
    hidden = (await agent(new, n="Holding"))["createAccount"]["account"]["id"]
    link = """mutation($a: AccountRef!, $p: ID!) { updateAccount(input: {account: $a, parent: $p}) {
      userErrors { code } } }"""
    await agent(link, a={"id": customer.account}, p=hidden)
    query = """query($f: AccountFilter, $c: ContactFilter) { accounts(filter: $f) { totalCount nodes { id } }
      accountGroups(by: [OWNER], filter: $f) { count } contacts(filter: $c) { totalCount nodes { id } } }"""
    own = {"totalCount": 1, "nodes": [{"id": customer.account}]}
    mine = {"totalCount": 1, "nodes": [{"id": customer.contact}]}
    nothing = {"accounts": NOTHING, "accountGroups": [], "contacts": NOTHING}
    all_mine = {"accounts": own, "accountGroups": [{"count": 1}], "contacts": mine}
    for filter_ in ({"eq": hidden}, {"in": [hidden]}, {"isNull": False}):
        asked = {"parent": filter_}
        assert await customer(query, f=asked, c={"accountMatches": asked}) == nothing
        assert await customer(query, f={"not": asked}, c={"not": {"accountMatches": asked}}) == all_mine
        # Who sees the parent finds by it.
        assert await agent(query, f=asked, c={"accountMatches": asked}) == all_mine
    asked = {"parent": {"isNull": True}}
    assert await customer(query, f=asked, c={"accountMatches": asked}) == all_mine
    staff = await agent(query, f=asked, c={"accountMatches": asked})
    assert staff == {
        "accounts": {"totalCount": 1, "nodes": [{"id": hidden}]},
        "accountGroups": [{"count": 1}],
        "contacts": NOTHING,
    }
