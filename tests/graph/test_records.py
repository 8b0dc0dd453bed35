"""Mutations of records: edits by explicit lists, every fault at once, revisions, and what the log keeps."""

from typing import Any

import pytest
from sqlalchemy import select

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind, Staff
from crmgraph.crm.records.external_ids import claim
from tests.graph.conftest import Caller, put

ERRORS = """userErrors { __typename code message path
  ... on DuplicateError { existing { id } } ... on StaleError { current } ... on TooLargeError { limitItems limitBytes }
  ... on LockedError { holder } }"""
CREATE = (
    """mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id number revision fullName
  birthDate { day month year } phones { kind raw e164 primary active } emails { address primary }
  addresses { kind city country countryName } owner { name } emailOptOut } """
    + ERRORS
    + " } }"
)
UPDATE = (
    """mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { revision firstName lastName jobTitle
  birthDate { day month year } preferences { roaming } phones { id raw primary } emails { id address }
  addresses { id city } } """
    + ERRORS
    + " } }"
)


def wrong(code: str, path: str, **facts: Any) -> dict[str, Any]:
    """What is told of one fault, but for its message."""
    return {"__typename": "InputError", "code": code, "path": path.split(".")} | facts


async def faults(caller: Caller, mutation: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The faults of an input that changes nothing, without their messages."""
    (payload,) = (await caller(mutation, i=given)).values()
    errors = payload.pop("userErrors")
    assert payload == dict.fromkeys(payload)
    assert all(error.pop("message") for error in errors)
    return errors


async def test_a_contact_with_everything(agent: Caller) -> None:
    user = (await agent("{ me { user { id } } }"))["me"]["user"]["id"]
    given = {
        "firstName": "Ada",
        "middleName": "King",
        "lastName": "Lovelace",
        "birthDate": {"day": 10, "month": 12},
        "owner": user,
        "phones": {
            "add": [{"kind": "FAX", "raw": "1"}, {"kind": "MOBILE", "raw": "+44 20 7946 0000", "primary": True}]
        },
        "emails": {"add": [{"kind": "PERSONAL", "address": "ada@example.com"}]},
        "addresses": {"add": [{"kind": "HOME", "city": "London", "countryName": "Great Britain"}]},
    }
    payload = (await agent(CREATE, i=given))["createContact"]
    assert payload["userErrors"] == []
    contact = payload["contact"]
    assert contact.pop("id").startswith("con_")
    assert contact == {
        "number": "CON1",
        "revision": 1,
        "fullName": "Ada King Lovelace",
        "birthDate": {"day": 10, "month": 12, "year": None},
        "phones": [
            {"kind": "MOBILE", "raw": "+44 20 7946 0000", "e164": "+442079460000", "primary": True, "active": True},
            {"kind": "FAX", "raw": "1", "e164": None, "primary": False, "active": True},
        ],
        "emails": [{"address": "ada@example.com", "primary": True}],
        "addresses": [{"kind": "HOME", "city": "London", "country": "GB", "countryName": "Great Britain"}],
        "owner": {"name": "Agent"},
        "emailOptOut": False,
    }


async def test_every_fault_of_an_input_is_told_at_once(agent: Caller) -> None:
    given = {
        "firstName": "a\0b",
        "lastName": " ",
        "residenceCountry": "Nowhere",
        "birthDate": {"day": 31, "month": 2},
        "account": "acc_1",
        "owner": "con_1",
        "identityDocuments": {"idCountry": "XX"},
        "phones": {"add": [{"kind": "MOBILE", "raw": ""}, {"kind": "FAX", "raw": "1", "country": "Nowhere"}]},
        "emails": {"add": [{"kind": "BUSINESS", "address": "no address"}]},
    }
    assert await faults(agent, CREATE, given) == [
        wrong("BAD_CHARACTERS", "input.firstName"),
        wrong("REQUIRED", "input.lastName"),
        wrong("NOT_A_COUNTRY", "input.residenceCountry"),
        wrong("NOT_A_COUNTRY", "input.identityDocuments.idCountry"),
        wrong("REQUIRED", "input.phones.add.0.raw"),
        wrong("NOT_A_COUNTRY", "input.phones.add.1.country"),
        wrong("NOT_AN_EMAIL", "input.emails.add.0.address"),
        wrong("NOT_A_DATE", "input.birthDate.day", __typename="RangeError"),
        wrong("FORBIDDEN", "input.identityDocuments.idCountry"),
        wrong("NOT_FOUND", "input.account"),
        wrong("NOT_FOUND", "input.owner"),
    ]
    assert (await agent("{ contacts { totalCount } }"))["contacts"]["totalCount"] == 0


@pytest.fixture
async def contact(core: Core) -> str:
    record = {
        "first_name": "Marie",
        "last_name": "Curie",
        "job_title": "Physicist",
        "birth_day": 7,
        "birth_month": 11,
        "birth_year": 1867,
        "roaming": True,
        "phones": [{"kind": "MOBILE", "raw": "1"}, {"kind": "FAX", "raw": "2"}, {"kind": "HOME", "raw": "3"}],
        "emails": [{"kind": "BUSINESS", "address": "marie@example.com"}],
    }
    return f"con_{(await put(core, PartyKind.CONTACT, record))[0]}"


async def test_what_is_absent_stays_and_null_clears(agent: Caller, contact: str) -> None:
    given = {
        "contact": {"id": contact},
        "jobTitle": None,
        "birthDate": {"year": None},
        "preferences": {"roaming": None},
    }
    changed = (await agent(UPDATE, i=given))["updateContact"]["contact"]
    assert (changed["firstName"], changed["lastName"], changed["jobTitle"]) == ("Marie", "Curie", None)
    assert changed["birthDate"] == {"day": 7, "month": 11, "year": None}
    assert changed["preferences"] == {"roaming": False}
    assert [phone["raw"] for phone in changed["phones"]] == ["1", "2", "3"]
    given = {"contact": {"id": contact}, "birthDate": None, "phones": None, "emails": {"add": None, "remove": []}}
    changed = (await agent(UPDATE, i=given))["updateContact"]["contact"]
    assert (changed["birthDate"], changed["revision"], len(changed["emails"])) == (None, 3, 1)
    assert await faults(agent, UPDATE, {"contact": {"id": contact}, "lastName": None}) == [
        wrong("REQUIRED", "input.lastName")
    ]


async def test_rows_are_added_changed_and_removed_by_lists(agent: Caller, contact: str) -> None:
    query = "query($r: ContactRef!) { contact(by: $r) { phones { id raw primary } } }"
    one, two, three = ((await agent(query, r={"id": contact}))["contact"])["phones"]
    assert (one["primary"], two["primary"], three["primary"]) == (True, False, False)
    given = {
        "contact": {"id": contact},
        "phones": {
            "add": [{"kind": "OTHER", "raw": "4"}],
            "update": [{"id": three["id"], "raw": "three", "primary": True}],
            "remove": [one["id"]],
        },
    }
    changed = (await agent(UPDATE, i=given))["updateContact"]["contact"]
    assert changed["revision"] == 2
    assert [(phone["raw"], phone["primary"]) for phone in changed["phones"]] == [
        ("three", True),
        ("2", False),
        ("4", False),
    ]
    assert (await agent(query, r={"id": contact}))["contact"]["phones"] == changed["phones"]
    # Rows of somebody else, and ids of something else.
    given = {
        "contact": {"id": contact},
        "phones": {"update": [{"id": one["id"], "raw": "x"}], "remove": [contact, "pho_1", two["id"], two["id"]]},
    }
    assert await faults(agent, UPDATE, given) == [
        wrong("NOT_FOUND", "input.phones.update.0.id"),
        wrong("NOT_FOUND", "input.phones.remove.0"),
        wrong("NOT_FOUND", "input.phones.remove.1"),
        wrong("NOT_FOUND", "input.phones.remove.3"),
    ]
    given = {"contact": {"id": contact}, "emails": {"add": [{"kind": "BUSINESS", "address": "a@example.com"}] * 100}}
    assert await faults(agent, UPDATE, given) == [
        wrong("TOO_LARGE", "input.emails", limitItems=100, limitBytes=None, __typename="TooLargeError")
    ]
    assert (await agent(query, r={"id": contact}))["contact"]["phones"] == changed["phones"]


async def test_a_stale_change_is_refused(agent: Caller, contact: str) -> None:
    change = {"contact": {"id": contact}, "firstName": "Maria", "ifRevision": 1}
    assert (await agent(UPDATE, i=change))["updateContact"]["userErrors"] == []
    stale = [wrong("STALE", "input.ifRevision", current=2, __typename="StaleError")]
    assert await faults(agent, UPDATE, change | {"firstName": "Manya"}) == stale
    delete = "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { deletedId " + ERRORS + " } }"
    assert await faults(agent, delete, {"contact": {"id": contact}, "ifRevision": 1}) == stale
    query = "query($r: ContactRef!) { contact(by: $r) { firstName revision } }"
    assert (await agent(query, r={"id": contact}))["contact"] == {"firstName": "Maria", "revision": 2}


DELETES = "mutation($i: Delete%sInput!) { delete%s(input: $i) { deletedId " + ERRORS + " } }"


async def test_a_revision_that_no_record_has_is_compared_like_any_other(
    agent: Caller, core: Core, contact: str
) -> None:
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "Li"})
    named = {"contact": {"id": contact}, "firstName": "Manya"}
    for revision in (0, -1, 2**31 - 1):
        stale = [wrong("STALE", "input.ifRevision", current=1, __typename="StaleError")]
        assert await faults(agent, UPDATE, named | {"ifRevision": revision}) == stale
        given: dict[str, Any] = {"contact": {"id": contact}, "ifRevision": revision}
        assert await faults(agent, DELETES % ("Contact", "Contact"), given) == stale
        given = {"lead": {"id": f"lea_{lead}"}, "ifRevision": revision}
        assert await faults(agent, DELETES % ("Lead", "Lead"), given) == stale
    changed = await agent(UPDATE, i=named | {"ifRevision": None})
    assert changed["updateContact"]["userErrors"] == []


CREATES = "mutation($i: Create%sInput!) { create%s(input: $i) { %s { number } " + ERRORS + " } }"
UPDATES = "mutation($i: Update%sInput!) { update%s(input: $i) { %s { number } " + ERRORS + " } }"


@pytest.mark.parametrize(("kind", "name"), [("Contact", "lastName"), ("Account", "name"), ("Lead", "lastName")])
async def test_a_number_comes_from_its_series_or_is_given_and_is_never_taken_away(
    agent: Caller, kind: str, name: str
) -> None:
    field, create = kind.lower(), CREATES % (kind, kind, kind.lower())
    made = [(await agent(create, i={name: "x"} | given))[f"create{kind}"] for given in ({}, {"number": None})]
    numbers = [payload[field]["number"] for payload in made]
    assert numbers == [f"{kind[:3].upper()}1", f"{kind[:3].upper()}2"]
    for blank in ("", " ", "\u2003"):
        assert await faults(agent, create, {name: "x", "number": blank}) == [wrong("REQUIRED", "input.number")]
    update = UPDATES % (kind, kind, field)
    for blank in (None, "", " "):
        given: dict[str, Any] = {field: {"number": numbers[0]}, "number": blank}
        assert await faults(agent, update, given) == [wrong("REQUIRED", "input.number")]
    given = {field: {"number": numbers[0]}, "number": "X 1"}
    assert (await agent(update, i=given))[f"update{kind}"] == {field: {"number": "X 1"}, "userErrors": []}


async def test_null_approves_no_lead_and_takes_no_row_into_use(agent: Caller, core: Core) -> None:
    row = {"kind": "MOBILE", "raw": "1", "active": False}
    await put(core, PartyKind.LEAD, {"last_name": "Li", "approval": "AWAITING", "phones": [row]})
    read = '{ lead(by: {number: "LEA1"}) { approval revision phones { id active } } }'
    before = (await agent(read))["lead"]
    named: dict[str, Any] = {"lead": {"number": "LEA1"}}
    update = UPDATES % ("Lead", "Lead", "lead")
    for more in ({}, {"lockedBy": None}, {"lockedBy": "a workflow"}):
        given = named | more | {"approval": None}
        assert await faults(agent, update, given) == [wrong("REQUIRED", "input.approval")]
    assert (await agent(update, i=named | {"approval": "APPROVED"}))["updateLead"]["userErrors"] == []
    for column in ("active", "kind", "raw"):
        given = named | {"phones": {"update": [{"id": before["phones"][0]["id"], column: None}]}}
        assert await faults(agent, update, given) == [wrong("REQUIRED", f"input.phones.update.0.{column}")]
    assert (await agent(read))["lead"] == before | {"approval": "APPROVED", "revision": 2}
    # Of what is new, null says nothing: it gets what it gets without it.
    create = CREATES % ("Lead", "Lead", "lead")
    row = {"kind": "MOBILE", "raw": "1", "active": None}
    new = {"lastName": "x", "approval": None, "emailOptOut": None, "phones": {"add": [row]}}
    assert (await agent(create, i=new))["createLead"]["userErrors"] == []
    assert (await agent(read.replace("LEA1", "LEA2")))["lead"]["phones"][0]["active"] is True


async def test_nothing_happens_to_a_lead_that_a_process_holds(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.LEAD, {"last_name": "Li", "company": "Acme"})
    lead = {"number": "LEA1"}
    make = "mutation($i: CreateNoteInput!) { createNote(input: $i) { note { id } " + ERRORS + " } }"
    note = (await agent(make, i={"on": {"lead": lead}, "content": "before"}))["createNote"]["note"]["id"]
    lock = UPDATES % ("Lead", "Lead", "lead")
    assert (await agent(lock, i={"lead": lead, "lockedBy": "a workflow"}))["updateLead"]["userErrors"] == []
    read = '{ lead(by: {number: "LEA1"}) { revision lastName photo { url } notes { nodes { content } } } }'
    before = await agent(read)
    held = [wrong("LOCKED", "input", holder="a workflow", __typename="LockedError")]
    for mutation, given in (
        (lock, {"lead": lead, "lastName": "Other"}),
        (DELETES % ("Lead", "Lead"), {"lead": lead}),
        ("mutation($i: ConvertLeadInput!) { convertLead(input: $i) { lead { id } " + ERRORS + " } }", {"lead": lead}),
        (make, {"on": {"lead": lead}, "content": "x"}),
        ("mutation($i: UpdateNoteInput!) { updateNote(input: $i) { note { id } " + ERRORS + " } }",
         {"note": note, "content": "x"}),
        ("mutation($i: DeleteNoteInput!) { deleteNote(input: $i) { deletedId " + ERRORS + " } }", {"note": note}),
        ("mutation($i: RemovePhotoInput!) { removePhoto(input: $i) { lead { id } " + ERRORS + " } }", {"lead": lead}),
    ):  # fmt: skip
        assert await faults(agent, mutation, given) == held, mutation
    assert await agent(read) == before
    assert (await agent(lock, i={"lead": lead, "lockedBy": None}))["updateLead"]["userErrors"] == []
    assert (await agent(DELETES % ("Lead", "Lead"), i={"lead": lead}))["deleteLead"]["userErrors"] == []


async def test_a_taken_number_names_the_record_that_has_it(agent: Caller, contact: str) -> None:
    assert await faults(agent, CREATE, {"lastName": "x", "number": "CON1"}) == [
        wrong("TAKEN", "input.number", __typename="DuplicateError", existing={"id": contact})
    ]


async def test_a_name_that_several_answer_to_is_ambiguous(agent: Caller, core: Core, contact: str) -> None:
    email = [{"kind": "BUSINESS", "address": "MARIE@example.com"}]
    await put(core, PartyKind.CONTACT, {"last_name": "Other", "emails": email})
    by = {"email": "marie@example.com"}
    assert await faults(agent, UPDATE, {"contact": by}) == [wrong("AMBIGUOUS", "input.contact")]
    query = "query($r: ContactRef!) { contact(by: $r) { id } }"
    assert [code for code, _ in await agent.errors(query, r=by)] == ["AMBIGUOUS"]
    assert await faults(agent, UPDATE, {"contact": {"number": "CON\0"}}) == [wrong("NOT_FOUND", "input.contact")]


async def test_exactly_one_name_is_taken(agent: Caller) -> None:
    query = "query($r: ContactRef!) { contact(by: $r) { id } }"
    for ref in ({}, {"id": None}, {"id": "con_1", "number": "CON1"}):
        assert [code for code, _ in await agent.errors(query, r=ref)] == ["BAD_USER_INPUT"]


async def test_the_history_tells_what_changed(agent: Caller, contact: str) -> None:
    await agent(UPDATE, i={"contact": {"id": contact}, "firstName": "Maria", "phones": {"remove": []}})
    query = """query($r: ContactRef!) { contact(by: $r) { phones { id } history { totalCount nodes {
      action revision door user { name } contact { id } client kind fields { field old new masked } } } } }"""
    history = (await agent(query, r={"id": contact}))["contact"]["history"]
    assert history["totalCount"] == 2
    changed, created = history["nodes"]
    assert changed == {
        "action": "UPDATED",
        "revision": 2,
        "door": "GRAPHQL",
        "user": {"name": "Agent"},
        "contact": None,
        "client": None,
        "kind": "CONTACT",
        "fields": [{"field": "firstName", "old": "Marie", "new": "Maria", "masked": False}],
    }
    assert (created["action"], created["door"]) == ("CREATED", "IMPORT")
    assert {"field": "birthDate.year", "old": None, "new": 1867, "masked": False} in created["fields"]


async def test_accounts_and_leads_are_made_changed_and_deleted(agent: Caller) -> None:
    create = """mutation($i: CreateAccountInput!) { createAccount(input: $i) { account {
      id number name kind employees annualRevenue establishedOn parent { name } } userErrors { code path } } }"""
    values = {
        "name": "Acme",
        "kind": "BUSINESS",
        "employees": 3_000_000_000,
        "annualRevenue": "1250000.50",
        "establishedOn": "1999-12-31",
    }
    account = (await agent(create, i=values))["createAccount"]["account"]
    expected = values | {"number": "ACC1", "annualRevenue": "1250000.5", "parent": None, "id": account["id"]}
    assert account == expected
    part = (await agent(create, i={"name": "Part", "parent": account["id"]}))["createAccount"]["account"]
    assert part["parent"] == {"name": "Acme"}
    read = """query($r: AccountRef!) { account(by: $r) { id number name kind employees annualRevenue establishedOn
      parent { name } parts { nodes { name } } } }"""
    assert (await agent(read, r={"number": "ACC1"}))["account"] == expected | {"parts": {"nodes": [{"name": "Part"}]}}
    wrong_values = {"name": "x", "employees": 1.5, "annualRevenue": "much", "establishedOn": "yesterday"}
    errors = (await agent(create, i=wrong_values))["createAccount"]["userErrors"]
    codes = ("OUT_OF_RANGE", "NOT_A_NUMBER", "NOT_A_DATE")
    assert errors == [
        {"code": code, "path": ["input", name]} for code, name in zip(codes, list(wrong_values)[1:], strict=True)
    ]

    create = """mutation($i: CreateLeadInput!) { createLead(input: $i) { lead { id number approval lockedBy }
      userErrors { code path } } }"""
    lead = (await agent(create, i={"lastName": "Li", "lockedBy": "a workflow"}))["createLead"]["lead"]
    assert lead == {"id": lead["id"], "number": "LEA1", "approval": "APPROVED", "lockedBy": "a workflow"}
    update = "mutation($i: UpdateLeadInput!) { updateLead(input: $i) { lead { status } " + ERRORS + " } }"
    given = {"lead": {"id": lead["id"]}, "status": "Hot"}
    assert await faults(agent, update, given) == [
        wrong("LOCKED", "input", holder="a workflow", __typename="LockedError")
    ]
    assert (await agent(update, i={"lead": {"id": lead["id"]}, "lockedBy": None}))["updateLead"]["userErrors"] == []
    assert (await agent(update, i=given))["updateLead"] == {"lead": {"status": "Hot"}, "userErrors": []}
    delete = "mutation($i: DeleteLeadInput!) { deleteLead(input: $i) { deletedId userErrors { code } } }"
    assert (await agent(delete, i={"lead": {"number": "LEA1"}}))["deleteLead"] == {
        "deletedId": lead["id"],
        "userErrors": [],
    }
    assert (await agent("{ leads { totalCount } }"))["leads"]["totalCount"] == 0


async def test_converting_joins_known_records(agent: Caller, core: Core, contact: str) -> None:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    await put(core, PartyKind.LEAD, {"last_name": "Curie", "company": "Radium Ltd", "status": "New"})
    convert = """mutation($i: ConvertLeadInput!) { convertLead(input: $i) {
      lead { convertedContact { id } convertedAccount { id } } contact { id account { name } } account { id name }
      userErrors { code path } } }"""
    given = {"lead": {"number": "LEA1"}, "contact": {"id": contact}, "account": {"id": f"acc_{account}"}}
    missing = given | {"account": {"number": "ACC99"}, "owner": "usr_1"}
    assert (await agent(convert, i=missing | {"lead": {"number": "LEA99"}, "contact": {"id": "con_1"}}))[
        "convertLead"
    ] == dict.fromkeys(("lead", "contact", "account")) | {
        "userErrors": [
            {"code": "NOT_FOUND", "path": ["input", "lead"]},
            {"code": "NOT_FOUND", "path": ["input", "contact"]},
            {"code": "NOT_FOUND", "path": ["input", "account"]},
            {"code": "NOT_FOUND", "path": ["input", "owner"]},
        ]
    }
    dry = (await agent(convert, i=given | {"dryRun": True}))["convertLead"]
    assert dry["lead"] == {"convertedContact": None, "convertedAccount": None}
    assert dry["contact"] == {"id": contact, "account": {"name": "Acme"}}
    assert (await agent("{ contacts { nodes { account { id } } } }"))["contacts"]["nodes"] == [{"account": None}]
    done = (await agent(convert, i=given))["convertLead"]
    assert done == {
        "lead": {"convertedContact": {"id": contact}, "convertedAccount": {"id": f"acc_{account}"}},
        "contact": {"id": contact, "account": {"name": "Acme"}},
        "account": {"id": f"acc_{account}", "name": "Acme"},
        "userErrors": [],
    }


CONVERT = """mutation($i: ConvertLeadInput!) { convertLead(input: $i) { lead { convertedAt revision }
  contact { id number fullName revision phones { raw primary } addresses { city } photo { fileName }
    notes { totalCount } account { name industry } }
  account { id number name }
  userErrors { __typename code message path ... on ConflictError { existing { id } }
    ... on StaleError { current } ... on LeftOutWarning { field given kept }
    ... on DuplicateWarning { existing { id } } } } }"""


async def test_a_dry_run_shows_what_would_be_made(agent: Caller, core: Core) -> None:
    row = {"phones": [{"kind": "MOBILE", "raw": "1"}], "addresses": [{"kind": "HOME", "city": "Paris"}]}
    values = {"first_name": "Marie", "last_name": "Curie", "company": "Radium", "industry": "Science"}
    await put(core, PartyKind.LEAD, values | row)
    counts = "{ contacts { totalCount } accounts { totalCount } leads { totalCount } }"
    before = await agent(counts)
    given: dict[str, Any] = {"lead": {"number": "LEA1"}, "dryRun": True}
    first, second = [(await agent(CONVERT, i=given))["convertLead"] for _ in range(2)]
    account = first["account"]
    assert first == {
        "lead": {"convertedAt": None, "revision": 1},
        "contact": {
            "id": first["contact"]["id"],
            "number": "CON1",
            "fullName": "Marie Curie",
            "revision": 1,
            "phones": [{"raw": "1", "primary": True}],
            "addresses": [{"city": "Paris"}],
            "photo": None,
            "notes": {"totalCount": 0},
            "account": {"name": "Radium", "industry": "Science"},
        },
        "account": {"id": account["id"], "number": "ACC1", "name": "Radium"},
        "userErrors": [],
    }
    assert second["contact"]["number"] == "CON1"
    assert await agent(counts) == before
    assert (await agent("query($i: ID!) { node(id: $i) { id } }", i=account["id"]))["node"] is None
    done = (await agent(CONVERT, i=given | {"dryRun": False}))["convertLead"]
    assert (done["contact"]["number"], done["account"]["number"], done["lead"]["revision"]) == ("CON1", "ACC1", 2)


async def test_what_a_conversion_leaves_out_and_may_double_is_told_beside_what_it_did(
    agent: Caller, core: Core
) -> None:
    one, two = await put(core, PartyKind.ACCOUNT, {"name": "One", "industry": "Steel"}, {"name": "Two"})
    email = [{"kind": "BUSINESS", "address": "marie@example.com"}]
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Curie", "account_id": one, "emails": email})
    lead = {"last_name": "Curie", "company": "two", "industry": "Science", "emails": [dict(email[0])]}
    await put(core, PartyKind.LEAD, lead, lead | {"emails": [dict(email[0])]})
    named: dict[str, Any] = {"lead": {"number": "LEA1"}, "contact": {"number": "CON1"}}

    def told(payload: dict[str, Any]) -> list[dict[str, Any]]:
        assert all(each.pop("message") for each in payload["userErrors"])
        return payload["userErrors"]

    refused = (await agent(CONVERT, i=named | {"account": {"number": "ACC2"}, "ifRevision": 7}))["convertLead"]
    assert told(refused) == [
        {"__typename": "StaleError", "code": "STALE", "path": ["input", "ifRevision"], "current": 1},
        {
            "__typename": "ConflictError",
            "code": "CONFLICTING",
            "path": ["input", "account"],
            "existing": {"id": f"acc_{one}"},
        },
    ]
    assert (refused["lead"], refused["contact"], refused["account"]) == (None, None, None)
    for dry_run in (True, False):
        done = (await agent(CONVERT, i=named | {"ifRevision": 1, "dryRun": dry_run}))["convertLead"]
        place = {"__typename": "LeftOutWarning", "code": "LEFT_OUT", "path": ["input", "lead"]}
        assert told(done) == [
            place | {"field": "company", "given": "two", "kept": "One"},
            place | {"field": "industry", "given": "Science", "kept": "Steel"},
        ]
        assert (done["account"]["name"], done["contact"]["account"]) == ("One", {"name": "One", "industry": "Steel"})
    assert (await agent(f'{{ account(by: {{id: "acc_{one}"}}) {{ revision }} }}'))["account"] == {"revision": 1}
    history = (await agent("{ leads { nodes { history { nodes { fields { field new } } } } } }"))["leads"]["nodes"]
    assert {"field": "leftOut", "new": ["company", "industry"]} in history[0]["history"]["nodes"][0]["fields"]
    # Of records that are made, those are told that may be the same.
    doubled = (await agent(CONVERT, i={"lead": {"number": "LEA2"}}))["convertLead"]
    place = {"__typename": "DuplicateWarning", "code": "POSSIBLE_DUPLICATE", "path": ["input", "lead"]}
    assert told(doubled) == [
        place | {"existing": {"id": f"con_{contact}"}},
        place | {"existing": {"id": f"acc_{two}"}},
    ]
    assert doubled["lead"]["convertedAt"] is not None


async def test_mutations_of_one_document_see_what_the_former_did(agent: Caller, contact: str) -> None:
    document = """mutation($r: ContactRef!) {
      a: updateContact(input: {contact: $r, firstName: "A"}) { contact { firstName revision } }
      b: updateContact(input: {contact: $r, lastName: null}) { contact { revision } userErrors { code } }
      c: updateContact(input: {contact: $r, lastName: "C"}) { contact { firstName lastName revision } } }"""
    assert await agent(document, r={"id": contact}) == {
        "a": {"contact": {"firstName": "A", "revision": 2}},
        "b": {"contact": None, "userErrors": [{"code": "REQUIRED"}]},
        "c": {"contact": {"firstName": "A", "lastName": "C", "revision": 3}},
    }


async def test_what_the_customer_of_a_dialect_is_called_names_none_of_the_staff(agent: Caller, core: Core) -> None:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    async with core.db.begin() as session:
        staff_id = await session.scalar(select(Staff.id))
        assert account == staff_id  # each table has numbers of its own
        await claim(session, "valomnia", "reference", "Acme", party=account)
        await claim(session, "valomnia", "reference", "Boss", staff=staff_id)
    query = """query($r: String!) { account(by: {external: {dialect: VALOMNIA, value: $r}}) { name }
      user(by: {external: {dialect: VALOMNIA, value: $r}}) { name } }"""
    assert await agent(query, r="Acme") == {"account": {"name": "Acme"}, "user": None}
    assert await agent(query, r="Boss") == {"account": None, "user": {"name": "Agent"}}
