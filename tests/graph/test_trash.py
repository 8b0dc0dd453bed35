"""What was deleted: staff find it, and bring it back where nobody has taken what is unique of it."""

from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm.core import Core
from crmgraph.crm.models import Credential, PartyKind
from tests.conftest import statements
from tests.graph.conftest import PASSWORD, Caller, Customer, put, signed_up

RESTORE = """mutation($i: RestoreInput!) { restore(input: $i) {
  record { __typename id number revision deletedAt can displayName emails { address } otherIds { value }
    history(first: 1) { nodes { action fields { field } } } }
  userErrors { __typename code path message ... on DuplicateError { existing { id } } } } }"""
DELETE = "mutation($i: Delete%sInput!) { delete%s(input: $i) { deletedId userErrors { code path } } }"
ONE = "query($by: ContactRef!, $deleted: Boolean!) { contact(by: $by, deleted: $deleted) { id deletedAt can } }"


async def restore(caller: Caller, record: dict[str, Any], **more: Any) -> Any:
    return (await caller(RESTORE, i={"record": record} | more))["restore"]


async def deleted(caller: Caller, by: dict[str, Any], kind: str = "Contact", **more: Any) -> Any:
    return (await caller(DELETE % (kind, kind), i={kind.lower(): by} | more))[f"delete{kind}"]


async def made(caller: Caller, **values: Any) -> str:
    query = "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { path } } }"
    payload = (await caller(query, i={"lastName": "Ray"} | values))["createContact"]
    assert payload["userErrors"] == []
    found: str = payload["contact"]["id"]
    return found


FULL: dict[str, Any] = {
    "emails": {"add": [{"kind": "BUSINESS", "address": "ray@example.com"}]},
    "externalIds": {"add": [{"system": "erp", "value": "7"}]},
}
NAMES: list[dict[str, Any]] = [
    {"number": "CON1"},
    {"email": "ray@example.com"},
    {"external": {"system": "erp", "value": "7"}},
]


async def test_a_record_comes_back_as_it_was(agent: Caller) -> None:
    contact = await made(agent, **FULL)
    for i, by in enumerate([*NAMES, {"id": contact}]):
        await deleted(agent, {"id": contact})
        for name in NAMES:
            assert (await agent(ONE, by=name, deleted=False))["contact"] is None
            found = (await agent(ONE, by=name, deleted=True))["contact"]
            assert (found["id"], found["can"], found["deletedAt"] is None) == (contact, ["RESTORE"], False)
        back = await restore(agent, {"contact": by})
        assert back == {
            "record": {
                "__typename": "Contact",
                "id": contact,
                "number": "CON1",
                "revision": 3 + 2 * i,
                "deletedAt": None,
                "can": ["UPDATE", "DELETE", "MERGE"],
                "displayName": "Ray",
                "emails": [{"address": "ray@example.com"}],
                "otherIds": [{"value": "7"}],
                "history": {"nodes": [{"action": "RESTORED", "fields": []}]},
            },
            "userErrors": [],
        }
        for name in NAMES:
            assert (await agent(ONE, by=name, deleted=False))["contact"]["id"] == contact


@pytest.mark.parametrize(
    ("values", "place"), [({"number": "CON1"}, "number"), ({"externalIds": FULL["externalIds"]}, "externalIds")]
)
async def test_what_was_taken_meanwhile_is_refused_with_its_holder(
    values: dict[str, Any], place: str, agent: Caller
) -> None:
    contact = await made(agent, number="CON1", **FULL)
    await deleted(agent, {"id": contact})
    holder = await made(agent, **({"number": "X"} | values))
    for more in ({"dryRun": True}, {}):
        refused = await restore(agent, {"contact": {"id": contact}}, **more)
        (error,) = refused["userErrors"]
        assert (error["code"], error["path"]) == ("TAKEN", ["input", "record", place])
        assert (error["existing"], refused["record"]) == ({"id": holder}, None)
    found = (await agent(ONE, by={"id": contact}, deleted=True))["contact"]
    assert found["deletedAt"] is not None
    await deleted(agent, {"id": holder})
    assert (await restore(agent, {"contact": {"id": contact}}))["userErrors"] == []


@pytest.mark.parametrize("verified", [True, False])
async def test_a_login_comes_back_unless_its_email_has_another(
    verified: bool, agent: Caller, nobody: Caller, core: Core
) -> None:
    person = await signed_up(nobody, "eva@example.com")
    async with core.db.begin() as session:
        await session.execute(update(Credential).values(email_verified=verified))
    await deleted(agent, {"id": person.contact})
    assert (await restore(agent, {"contact": {"id": person.contact}}))["userErrors"] == []
    await nobody.login("eva@example.com", PASSWORD)
    await deleted(agent, {"id": person.contact})
    other = await signed_up(nobody, "EVA@example.com")
    refused = await restore(agent, {"contact": {"id": person.contact}})
    told = [(each["code"], each["path"], each["existing"]) for each in refused["userErrors"]]
    # Of an email that nobody had shown to be theirs, the login goes and the record comes.
    assert told == ([("TAKEN", ["input", "record", "email"], {"id": other.contact})] if verified else [])
    assert (await (await nobody.login("eva@example.com", PASSWORD))("{ me { contact { id } } }"))["me"] == {
        "contact": {"id": other.contact}
    }


async def test_a_dry_run_and_another_revision_change_nothing(agent: Caller) -> None:
    contact = await made(agent, **FULL)
    assert await deleted(agent, {"id": contact}, dryRun=True) == {"deletedId": contact, "userErrors": []}
    assert (await agent(ONE, by={"id": contact}, deleted=False))["contact"]["deletedAt"] is None
    stale = await deleted(agent, {"id": contact}, dryRun=True, ifRevision=2)
    assert stale == {"deletedId": None, "userErrors": [{"code": "STALE", "path": ["input", "ifRevision"]}]}
    await deleted(agent, {"id": contact}, ifRevision=1)
    stale = await restore(agent, {"contact": {"id": contact}}, ifRevision=1)
    assert [(each["code"], each["path"]) for each in stale["userErrors"]] == [("STALE", ["input", "ifRevision"])]
    dry = await restore(agent, {"contact": {"id": contact}}, ifRevision=2, dryRun=True)
    assert (dry["record"]["revision"], dry["record"]["deletedAt"], dry["userErrors"]) == (3, None, [])
    assert (await agent(ONE, by={"id": contact}, deleted=True))["contact"]["deletedAt"] is not None


async def test_what_is_there_or_was_never_is_not_found(agent: Caller) -> None:
    contact = await made(agent)
    for by in ({"id": contact}, {"number": "CON1"}, {"id": "con_1"}, {"id": "?"}, {"email": "x@example.com"}):
        refused = await restore(agent, {"contact": by})
        told = [(each["code"], each["path"]) for each in refused["userErrors"]]
        assert told == [("NOT_FOUND", ["input", "record"])]


async def test_of_several_of_one_name_an_id_is_needed(agent: Caller) -> None:
    ids = []
    for _ in range(2):
        ids.append(await made(agent, number="N", **FULL))
        await deleted(agent, {"id": ids[-1]})
    for by in ({"number": "N"}, {"email": "ray@example.com"}, {"external": {"system": "erp", "value": "7"}}):
        refused = await restore(agent, {"contact": by})
        assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [("AMBIGUOUS", ["input", "record"])]
        assert [code for code, _ in await agent.errors(ONE, by=by, deleted=True)] == ["AMBIGUOUS"]
    assert (await restore(agent, {"contact": {"id": ids[0]}}))["userErrors"] == []


async def test_accounts_and_leads_come_back_with_what_names_them(agent: Caller, core: Core) -> None:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    await put(core, PartyKind.CONTACT, {"last_name": "Ray", "account_id": account})
    await put(core, PartyKind.LEAD, {"last_name": "Roe"})
    named = '{ contacts(sort: [{field: ACCOUNT_NAME}], filter: {accountName: {eq: "Acme"}}) { totalCount } }'
    named = '{ contacts(filter: {accountMatches: {name: {eq: "acme"}}}) { totalCount } }'
    for kind, name in (("Account", "Acme"), ("Lead", "Roe")):
        number = f"{kind[:3].upper()}1"
        await deleted(agent, {"number": number}, kind)
        back = await restore(agent, {kind.lower(): {"number": number}})
        assert (back["record"]["__typename"], back["record"]["displayName"], back["userErrors"]) == (kind, name, [])
    assert (await agent(named))["contacts"]["totalCount"] == 1


async def test_whoever_would_stand_above_themselves_does_not_come_back(agent: Caller, core: Core) -> None:
    (a,) = await put(core, PartyKind.ACCOUNT, {"name": "A"})
    (b,) = await put(core, PartyKind.ACCOUNT, {"name": "B", "parent_id": a})
    (c,) = await put(core, PartyKind.ACCOUNT, {"name": "C", "parent_id": b})
    await deleted(agent, {"id": f"acc_{b}"}, "Account")
    move = "mutation($i: UpdateAccountInput!) { updateAccount(input: $i) { userErrors { code } } }"
    moved = await agent(move, i={"account": {"id": f"acc_{a}"}, "parent": f"acc_{c}"})
    assert moved["updateAccount"]["userErrors"] == []
    refused = await restore(agent, {"account": {"id": f"acc_{b}"}})
    assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [
        ("CYCLE", ["input", "record", "parent"])
    ]


async def test_staff_alone_may(nobody: Caller, customer: Customer, agent: Caller) -> None:
    contact = await made(agent, number="N")
    await deleted(agent, {"id": contact})
    given = {"record": {"contact": {"id": contact}}}
    assert [code for code, _ in await nobody.errors(RESTORE, i=given)] == ["UNAUTHENTICATED"]
    for by in ({"id": contact}, {"id": "con_1"}, {"number": "N"}, {"id": customer.contact}):
        refused = await restore(customer, {"contact": by})
        assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [("FORBIDDEN", ["input", "record"])]
        expected = {"id": customer.contact, "deletedAt": None, "can": ["UPDATE", "SEE_IDENTITY"]}
        found = (await customer(ONE, by=by, deleted=True))["contact"]
        assert found == (expected if by == {"id": customer.contact} else None)


async def test_notes_and_photos_go_by_the_revision_of_their_record(agent: Caller) -> None:
    contact = await made(agent)
    note = "mutation($i: CreateNoteInput!) { createNote(input: $i) { note { id } } }"
    on = {"contact": {"id": contact}}
    note_id = (await agent(note, i={"on": on, "content": "x"}))["createNote"]["note"]["id"]
    gone = "mutation($i: DeleteNoteInput!) { deleteNote(input: $i) { deletedId userErrors { code path } } }"
    stale = (await agent(gone, i={"note": note_id, "ifRevision": 1}))["deleteNote"]
    assert stale == {"deletedId": None, "userErrors": [{"code": "STALE", "path": ["input", "ifRevision"]}]}
    for _ in range(2):
        dry = (await agent(gone, i={"note": note_id, "ifRevision": 2, "dryRun": True}))["deleteNote"]
        assert dry == {"deletedId": note_id, "userErrors": []}
    assert (await agent(gone, i={"note": note_id, "ifRevision": 2}))["deleteNote"]["userErrors"] == []
    photo = "mutation($i: RemovePhotoInput!) { removePhoto(input: $i) { contact { id } userErrors { code path } } }"
    stale = (await agent(photo, i=on | {"ifRevision": 1}))["removePhoto"]
    assert stale == {"contact": None, "userErrors": [{"code": "STALE", "path": ["input", "ifRevision"]}]}
    assert (await agent(photo, i=on | {"ifRevision": 3, "dryRun": True}))["removePhoto"]["userErrors"] == []


async def test_a_restoration_is_counted(agent: Caller, core: Core) -> None:
    contact = await made(agent, **FULL)
    await deleted(agent, {"id": contact})
    query = "mutation($i: RestoreInput!) { restore(input: $i) { record { id } userErrors { code } } }"
    with statements(core.db) as seen:
        await agent(query, i={"record": {"contact": {"id": contact}}})
    assert len(seen) == (10 if core.db.is_sqlite else 12)
