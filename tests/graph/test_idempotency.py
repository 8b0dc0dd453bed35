"""A mutation that comes again under its key is answered as the first time, and writes nothing."""

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crmgraph.crm.core import Core
from crmgraph.crm.models import Contact, IdempotencyKey, now
from crmgraph.crm.retention import Retention, purge_rows
from tests.conftest import statements
from tests.graph.conftest import PASSWORD, Caller, Customer
from tests.graph.test_photos import picture

CREATE = """mutation($i: CreateContactInput!) { createContact(input: $i) {
  contact { id number } userErrors { code path } } }"""
DIRECTED = """mutation($i: CreateContactInput!, $key: String!) {
  createContact(input: $i) @idempotent(key: $key) { contact { id number } userErrors { code } } }"""
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


async def count(core: Core) -> int:
    async with core.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Contact)) or 0


async def stored(core: Core) -> list[Any]:
    async with core.db.read() as session:
        columns = (IdempotencyKey.caller, IdempotencyKey.key, IdempotencyKey.status, IdempotencyKey.body)
        return list((await session.execute(select(*columns).order_by(IdempotencyKey.key))).all())


async def test_the_same_key_again_gives_the_same_answer_and_writes_nothing(agent: Caller, core: Core) -> None:
    first = await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
    assert first.json()["data"]["createContact"]["contact"]["number"] == "CON1"
    assert "idempotency-replayed" not in first.headers
    # Quoted or not, it is the same key.
    for key in (KEY["Idempotency-Key"], KEY["Idempotency-Key"].strip('"'), KEY["Idempotency-Key"] + ";x=1"):
        again = await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **{"Idempotency-Key": key})
        assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (200, first.content, "true")
    assert await count(core) == 1
    ((caller, key, status, body),) = await stored(core)
    assert (caller.split(":")[0], key, status) == ("staff", KEY["Idempotency-Key"].strip('"'), 200)
    assert body == first.content


async def test_the_directive_says_the_same_as_the_header(agent: Caller, core: Core) -> None:
    given = {"i": {"lastName": "Ray"}, "key": "K 1"}
    first = await agent.post(DIRECTED, given)
    assert (await agent.post(DIRECTED, given)).content == first.content
    literal = DIRECTED.replace(", $key: String!", "").replace("$key", '"K 1"')
    other = await agent.post(literal, {"i": {"lastName": "Ray"}})
    assert other.json()["errors"][0]["extensions"]["code"] == "CONFLICTING"
    fresh = literal.replace("K 1", "K 2")
    made = await agent.post(fresh, {"i": {"lastName": "Ray"}})
    assert (await agent.post(fresh, {"i": {"lastName": "Ray"}})).content == made.content
    assert made.json()["data"]["createContact"]["contact"]["number"] == "CON2"
    assert await count(core) == 2


async def test_another_input_under_the_key_is_refused(agent: Caller, core: Core) -> None:
    await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
    refused = await agent.post(CREATE, {"i": {"lastName": "Roe"}}, **KEY)
    assert refused.status_code == 422
    assert refused.json() == {
        "errors": [
            {
                "message": "This idempotency key belongs to another request: take a new one.",
                "extensions": {"code": "CONFLICTING"},
            }
        ]
    }
    assert await count(core) == 1


async def test_everybody_has_keys_of_their_own(agent: Caller, admin: Caller, customer: Customer, core: Core) -> None:
    before = await count(core)
    for caller in (agent, admin):
        answer = await caller.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
        assert answer.json()["data"]["createContact"]["userErrors"] == []
    profile = 'mutation { updateProfile(input: {firstName: "R"}) { contact { id } userErrors { code } } }'
    for _ in range(2):
        answer = await customer.post(profile, **KEY)
        assert answer.json()["data"]["updateProfile"]["contact"] == {"id": customer.contact}
    assert answer.headers["idempotency-replayed"] == "true"
    assert {row.caller.split(":")[0] for row in await stored(core)} == {"staff", "contact"}
    assert await count(core) == before + 2


async def test_what_is_refused_leaves_the_key_free(agent: Caller, core: Core) -> None:
    refused = await agent.post(CREATE, {"i": {}}, **KEY)
    assert refused.json()["data"]["createContact"]["userErrors"][0]["code"] == "REQUIRED"
    assert await stored(core) == []
    made = await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
    assert made.json()["data"]["createContact"]["userErrors"] == []


@pytest.mark.parametrize("key", ["", '""', '"a', 'a"b"é', "x" * 256, '"' + "x" * 256 + '"'])
async def test_what_is_no_key_is_refused(key: str, agent: Caller, core: Core) -> None:
    headers = [*agent.headers.items(), (b"Idempotency-Key", key.encode())]
    body = {"query": CREATE, "variables": {"i": {"lastName": "Ray"}}}
    answer = await agent.client.post("/graphql", json=body, headers=headers)  # type: ignore[arg-type]  # bytes pass
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert await count(core) == 0


async def test_a_key_is_of_one_field_and_one_only(agent: Caller, core: Core) -> None:
    one = "createContact(input: $i) { contact { id } }"
    directed = one.replace(" {", ' @idempotent(key: "k") {', 1)
    two = f"mutation($i: CreateContactInput!) {{ a: {one} b: {one} }}"
    answer = await agent.post(two, {"i": {"lastName": "Ray"}}, **KEY)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
        400,
        "An idempotency key is of a mutation with one field.",
    )
    for spread, after in (("...One", f"fragment One on Mutation {{ {directed} }}"), (f"... {{ {directed} }}", "")):
        answer = await agent.post(
            f"mutation($i: CreateContactInput!) {{ {spread} }} {after}", {"i": {"lastName": "Ray"}}
        )
        assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
            400,
            "An idempotency key is of a mutation with one field.",
        )
    answer = await agent.post(DIRECTED, {"i": {"lastName": "Ray"}, "key": "other"}, **KEY)
    assert answer.status_code == 400
    # What only reads has no key.
    assert (await agent.post("{ contacts { totalCount } }", **KEY)).json() == {"data": {"contacts": {"totalCount": 0}}}
    assert await stored(core) == []


async def test_no_token_is_kept(nobody: Caller, core: Core) -> None:
    signup = "mutation($i: SignupInput!) { signup(input: $i) { accessToken userErrors { code } } }"
    person = {"i": {"email": "eva@example.com", "password": PASSWORD, "lastName": "Ray"}}
    first = await nobody.post(signup, person, **KEY)
    token = first.json()["data"]["signup"]["accessToken"]
    again = await nobody.post(signup, person, **KEY)
    assert again.status_code == 409
    assert again.json()["errors"][0]["extensions"]["code"] == "ALREADY_DONE"
    ((_, _, status, body),) = await stored(core)
    assert (status, body) == (0, None)
    assert token and await count(core) == 1
    other = await nobody.post(signup, {"i": person["i"] | {"password": PASSWORD + "!"}}, **KEY)
    assert other.json()["errors"][0]["extensions"]["code"] == "CONFLICTING"


async def test_of_two_at_once_one_writes_and_both_are_answered(agent: Caller, core: Core) -> None:
    numbered = {"i": {"lastName": "Ray", "number": "N1"}}
    for given in ({"i": {"lastName": "Ray"}}, numbered):
        before = await count(core)
        key = {"Idempotency-Key": str(before)}
        answers = await asyncio.gather(*(agent.post(CREATE, given, **key) for _ in range(5)))
        assert len({each.content for each in answers}) == 1
        assert sum("idempotency-replayed" not in each.headers for each in answers) == 1
        assert await count(core) == before + 1


async def test_where_the_answer_was_lost_it_is_told_that_all_was_done(
    agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between the write and the answer."""
    await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
    async with core.db.begin() as session:
        await session.execute(update(IdempotencyKey).values(status=None, body=None))
    monkeypatch.setattr("crmgraph.crm.idempotency.PATIENCE", 0.1)
    again = await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
    assert (again.status_code, again.json()["errors"][0]["extensions"]["code"]) == (409, "ALREADY_DONE")
    assert await count(core) == 1


async def test_after_a_day_the_key_is_free(agent: Caller, core: Core) -> None:
    await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
    async with core.db.begin() as session:
        await session.execute(update(IdempotencyKey).values(created_at=now() - dt.timedelta(days=1, minutes=1)))
    again = await agent.post(CREATE, {"i": {"lastName": "Roe"}}, **KEY)
    assert again.json()["data"]["createContact"]["contact"]["number"] == "CON2"
    async with core.db.begin() as session:
        await session.execute(update(IdempotencyKey).values(created_at=now() - dt.timedelta(days=2)))
    assert (await purge_rows(core.db, Retention()))["idempotency keys"] == 1
    assert await stored(core) == []


async def test_a_long_answer_is_not_kept(agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmgraph.crm.idempotency.MAX_ANSWER", 10)
    await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **KEY)
    assert [(row.status, row.body) for row in await stored(core)] == [(0, None)]


MUTATIONS: list[tuple[str, Any]] = [
    ("mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { revision } userErrors { code } } }",
     {"contact": {"number": "CON1"}, "firstName": "A"}),
    ("mutation($i: UpsertContactInput!) { upsertContact(input: $i) { outcome userErrors { code } } }",
     {"by": {"number": "CON1"}, "values": {"firstName": "B"}}),
    ("mutation($i: BulkContactsInput!) { bulkContacts(input: $i) { results { outcome } userErrors { code } } }",
     {"items": [{"create": {"lastName": "C"}}, {"update": {"contact": {"number": "CON1"}, "firstName": "C"}}]}),
    ("mutation($i: CreateNoteInput!) { createNote(input: $i) { note { id } userErrors { code } } }",
     {"on": {"contact": {"number": "CON1"}}, "content": "x"}),
    ("mutation($i: CreateLeadInput!) { createLead(input: $i) { lead { id } userErrors { code } } }", {"lastName": "L"}),
    ("mutation($i: ConvertLeadInput!) { convertLead(input: $i) { contact { id } userErrors { code } } }",
     {"lead": {"number": "LEA1"}}),
    ("mutation($i: DeleteContactInput!) { deleteContact(input: $i) { deletedId userErrors { code } } }",
     {"contact": {"number": "CON1"}}),
    ("mutation($i: RestoreInput!) { restore(input: $i) { record { revision } userErrors { code } } }",
     {"record": {"contact": {"number": "CON1"}}}),
]  # fmt: skip


async def test_whatever_writes_goes_by_the_key(agent: Caller, core: Core) -> None:
    await agent.post(CREATE, {"i": {"lastName": "Ray"}})
    for i, (query, given) in enumerate(MUTATIONS):
        key = {"Idempotency-Key": f"m{i}"}
        first = await agent.post(query, {"i": given}, **key)
        (payload,) = first.json()["data"].values()
        assert payload["userErrors"] == [], first.text
        again = await agent.post(query, {"i": given}, **key)
        assert again.content == first.content
        assert again.headers["idempotency-replayed"] == "true"
    assert len(await stored(core)) == len(MUTATIONS)


async def test_a_file_is_a_part_of_what_is_said(customer: Customer, core: Core) -> None:
    query = "mutation($f: Upload!) { uploadPhoto(input: {photo: $f}) { contact { id } userErrors { code } } }"
    form = {"operations": json.dumps({"query": query, "variables": {"f": None}}), "map": '{"0": ["variables.f"]}'}
    told = []
    for color in ("teal", "teal", "red"):
        files = {"0": ("a.png", picture(color), "image/png")}
        headers = customer.headers | KEY | {"GraphQL-Preflight": "1"}
        told.append(await customer.client.post("/graphql", data=form, files=files, headers=headers))
    assert told[0].json()["data"]["uploadPhoto"]["userErrors"] == []
    assert (told[1].content, told[1].headers["idempotency-replayed"]) == (told[0].content, "true")
    assert told[2].json()["errors"][0]["extensions"]["code"] == "CONFLICTING"


async def test_it_costs_nothing_without_a_key(agent: Caller, core: Core) -> None:
    counts = {}
    for name, headers in (("none", {}), ("first", {"Idempotency-Key": "a"}), ("again", {"Idempotency-Key": "a"})):
        with statements(core.db) as seen:
            await agent.post(CREATE, {"i": {"lastName": "Ray"}}, **headers)
        counts[name] = len(seen)
        assert any("idempotency_key" in each for each in seen) is (name != "none")
    assert counts == (
        {"none": 8, "first": 12, "again": 2} if core.db.is_sqlite else {"none": 4, "first": 8, "again": 2}
    )
