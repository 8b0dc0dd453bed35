"""What records are called elsewhere: staff write it, it is unique, and the record is found by it."""

from typing import Any

import pytest

from tests.graph.conftest import Caller, Customer

CREATE = (
    """mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { code path } } }"""
)
UPDATE = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
  contact { id revision externalIds { dialect value } otherIds { system space value } }
  userErrors { code path ... on DuplicateError { existing { id } } } } }"""
FIND = "query($e: ExternalRef!) { contact(by: {external: $e}) { id } }"
HISTORY = "query($id: ID!) { contact(by: {id: $id}) { history(first: 1) { nodes { fields { field old new } } } } }"


async def created(caller: Caller, *names: dict[str, str]) -> str:
    data = await caller(CREATE, i={"lastName": "Ray", "externalIds": {"add": list(names)}})
    assert data["createContact"]["userErrors"] == []
    found: str = data["createContact"]["contact"]["id"]
    return found


async def update(caller: Caller, id_: str, **external_ids: Any) -> Any:
    return (await caller(UPDATE, i={"contact": {"id": id_}, "externalIds": external_ids}))["updateContact"]


async def test_they_come_and_go_and_the_history_says_so(agent: Caller) -> None:
    contact = await created(agent, {"system": "ERP", "value": "A1"}, {"dialect": "COVALENSE", "value": "12x77"})
    changed = await update(
        agent,
        contact,
        add=[{"system": "my_crm", "space": "person", "value": "9"}, {"dialect": "ZOHO", "value": "123"}],
        remove=[{"system": "erp", "value": "A1"}, {"system": "erp", "value": "never"}],
    )
    assert changed == {
        "contact": {
            "id": contact,
            "revision": 2,
            "externalIds": [{"dialect": "COVALENSE", "value": "77"}, {"dialect": "ZOHO", "value": "123"}],
            "otherIds": [{"system": "my_crm", "space": "person", "value": "9"}],
        },
        "userErrors": [],
    }
    (entry,) = (await agent(HISTORY, id=contact))["contact"]["history"]["nodes"]
    assert entry["fields"] == [
        {"field": "externalIds.my_crm.person", "old": None, "new": "9"},
        {"field": "externalIds.zoho.record", "old": None, "new": "123"},
        {"field": "externalIds.erp.record", "old": "A1", "new": None},
    ]
    for name in ({"system": "MY_CRM", "space": "person", "value": "9"}, {"dialect": "ZOHO", "value": "123"}):
        assert (await agent(FIND, e=name))["contact"] == {"id": contact}
    assert (await agent(FIND, e={"system": "erp", "value": "A1"}))["contact"] is None
    # What is so already is not written.
    same = await update(agent, contact, add=[{"dialect": "ZOHO", "value": "123"}])
    assert same["contact"]["revision"] == 2


async def test_another_record_has_it_then_it_is_taken_and_the_record_named(agent: Caller) -> None:
    first = await created(agent, {"system": "erp", "value": "1"})
    second = await created(agent)
    refused = await update(agent, second, add=[{"system": "x", "value": "1"}, {"system": "ERP", "value": "1"}])
    path = ["input", "externalIds", "add", "1"]
    assert refused["userErrors"] == [{"code": "TAKEN", "path": path, "existing": {"id": first}}]
    assert (await agent(FIND, e={"system": "x", "value": "1"}))["contact"] is None
    await agent(
        "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { deletedId } }", i={"contact": {"id": first}}
    )
    assert (await update(agent, second, add=[{"system": "erp", "value": "1"}]))["userErrors"] == []


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ({"dialect": "ZOHO", "value": "no digits"}, {"value": "INVALID"}),
        ({"dialect": "ZOHO", "value": "1\0"}, {"value": "BAD_CHARACTERS"}),
        ({"system": "content", "value": "1"}, {"system": "INVALID"}),
        ({"system": " ", "value": ""}, {"system": "REQUIRED", "value": "REQUIRED"}),
        ({"system": "erp", "value": "x" * 201, "space": "a\nb"}, {"space": "BAD_CHARACTERS", "value": "TOO_LONG"}),
        ({"system": "e" * 201, "value": "1"}, {"system": "TOO_LONG"}),
        ({"system": "zoho", "space": "user", "value": "1"}, {"space": "CONFLICTING"}),
        ({"dialect": "ZOHO", "space": "user", "value": "1"}, {"space": "CONFLICTING"}),
        ({"dialect": "ZOHO", "system": "erp", "value": "1"}, {"": "CHOOSE_ONE"}),
        ({"value": "1"}, {"": "CHOOSE_ONE"}),
    ],
)
async def test_what_can_be_no_id_is_refused_where_it_stands(
    name: dict[str, str], faults: dict[str, str], agent: Caller
) -> None:
    """Beside others, whose places stay the same, and together with all that is wrong with those."""
    contact = await created(agent)
    refused = await update(agent, contact, add=[{"system": "erp", "value": "1"}, name, {"system": "x", "value": "\0"}])
    expected = {f"input.externalIds.add.1.{part}".rstrip("."): code for part, code in faults.items()}
    expected["input.externalIds.add.2.value"] = "BAD_CHARACTERS"
    assert {".".join(each["path"]): each["code"] for each in refused["userErrors"]} == expected
    if set(faults) & {""} or "CONFLICTING" in faults.values():
        refused = await update(agent, contact, remove=[name])
        told = {".".join(each["path"]): each["code"] for each in refused["userErrors"]}
        assert told == {f"input.externalIds.remove.0.{part}".rstrip("."): code for part, code in faults.items()}


async def test_an_id_that_could_be_ours_is_kept_in_a_space_of_its_own(agent: Caller) -> None:
    other = await created(agent)
    digits = other.removeprefix("con_")
    contact = await created(agent, {"dialect": "ZOHO", "value": digits}, {"dialect": "ZOHO", "value": "1234567890123"})
    # Ours is ours, whoever was called so elsewhere.
    assert (await agent(FIND, e={"dialect": "ZOHO", "value": digits}))["contact"] == {"id": other}
    assert (await agent(FIND, e={"dialect": "ZOHO", "value": "1234567890123"}))["contact"] == {"id": contact}


async def test_staff_alone_may_give_them(customer: Customer) -> None:
    for change in ({"add": [{"system": "erp", "value": "1"}]}, {"remove": [{"system": "erp", "value": "1"}]}):
        refused = await update(customer, customer.contact, **change)
        assert refused["userErrors"] == [{"code": "FORBIDDEN", "path": ["input", "externalIds"]}]
