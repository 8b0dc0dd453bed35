"""Merges: one record of several, with what all of them had, and what each of them was called leading to it."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crmgraph.crm.models import Merge, MergedRow, PartyKind, now
from crmgraph.crm.records import external_ids
from crmgraph.crm.retention import Retention, purge_rows
from tests.agreement.doors import clients
from tests.agreement.world import PASSWORD, founded
from tests.conftest import Running, statements
from tests.merging.world import asked, ident, made, merged, told, unmerged

ROWS = "phones { id kind raw } emails { id address } addresses { id city }"


@pytest.fixture
async def doors(running: Running) -> dict[str, Any]:
    return clients(await founded(running))


async def test_one_contact_of_two(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    stays = await made(
        graph,
        PartyKind.CONTACT,
        lastName="Curie",
        firstName="Marie",
        jobTitle="Professor",
        emails=[{"kind": "BUSINESS", "address": "marie@example.com"}],
        phones=[{"kind": "MOBILE", "raw": "+33 6 12345678"}],
    )
    goes = await made(
        graph,
        PartyKind.CONTACT,
        lastName="Curie",
        nickname="Manya",
        jobTitle="Physicist",
        emailOptOut=True,
        emails=[{"kind": "BUSINESS", "address": "Marie@example.com"}, {"kind": "PERSONAL", "address": "m@example.org"}],
        phones=[{"kind": "MOBILE", "raw": "+33 6 87654321"}],
    )
    before = await told(graph, goes, "phones { id } emails { id }")
    fields = f"id firstName lastName nickname jobTitle emailOptOut revision {ROWS}"
    dry = await merged(graph, stays, goes, fields=fields, dryRun=True)
    assert (await told(graph, stays, "revision"))["revision"] == 1
    done = await merged(graph, stays, goes, fields=fields)
    assert dry == done
    assert done["userErrors"] == []
    assert done["mergedIds"] == [ident(goes)]
    contact = done["contact"]
    assert (contact["nickname"], contact["jobTitle"], contact["emailOptOut"]) == ("Manya", "Professor", True)
    assert [each["address"] for each in contact["emails"]] == ["marie@example.com", "m@example.org"]
    assert [each["raw"] for each in contact["phones"]] == ["+33 6 12345678", "+33 6 87654321"]
    assert contact["phones"][1]["id"] == before["phones"][0]["id"]
    assert {(each["field"], each["given"], each["kept"]) for each in done["dropped"]} == {
        ("jobTitle", "Physicist", "Professor"),
        ("number", "CON2", "CON1"),
        (f"emails.{before['emails'][0]['id']}.address", "Marie@example.com", "marie@example.com"),
    }
    assert contact == await told(graph, stays, fields) == await told(graph, goes, fields)
    assert (await doors["zoho"].told(goes))["id"] == str(stays.number)
    assert (await doors["crmcom"].told(goes))["id"] == f"{stays.number:032X}"
    assert (await doors["valomnia"].told(goes))["id"] == stays.number
    back = await unmerged(graph, goes)
    assert back["userErrors"] == []
    assert (await told(graph, stays, fields))["nickname"] is None
    assert (await told(graph, goes, f"id nickname {ROWS}"))["id"] == ident(goes)


async def test_what_is_chosen_is_taken_and_halves_of_two_make_no_third(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    mine = {"birthDate": {"year": 1867}, "identityDocuments": {"passportNumber": "A1"}, "jobTitle": "Professor"}
    theirs = {
        "birthDate": {"day": 7, "month": 11, "year": 1868},
        "identityDocuments": {"passportNumber": "B2", "passportCountry": "PL"},
        "jobTitle": "Physicist",
        "department": "Radium",
        "directMarketing": False,
    }
    stays = await made(graph, PartyKind.CONTACT, directMarketing=True, **mine)
    goes = await made(graph, PartyKind.CONTACT, **theirs)
    other = await made(graph, PartyKind.CONTACT, jobTitle="Chemist", nickname="M")
    fields = """jobTitle department nickname directMarketing birthDate { day month year }
      identityDocuments { passportNumber passportCountry }"""
    take = [{"field": "jobTitle", "from": {"id": ident(other)}}, {"field": "birthDate", "from": {"id": ident(goes)}}]
    done = await merged(graph, stays, goes, other, fields=fields, take=take)
    assert done["userErrors"] == []
    assert done["contact"] == {
        "jobTitle": "Chemist",
        "department": "Radium",
        "nickname": "M",
        "directMarketing": False,
        "birthDate": theirs["birthDate"],
        "identityDocuments": {"passportNumber": "A1", "passportCountry": None},
    }
    assert [(each["of"], each["field"], each["masked"]) for each in done["dropped"]] == [
        (ident(goes), "jobTitle", False),
        (ident(goes), "identityDocuments.passportNumber", True),
        (ident(goes), "identityDocuments.passportCountry", True),
        (ident(goes), "number", False),
        (ident(other), "number", False),
    ]
    history = "history { nodes { action fields { field new } } }"
    actions = [each["action"] for each in (await told(graph, stays, history))["history"]["nodes"]]
    assert actions == ["MERGED", "MERGED", "CREATED", "CREATED", "CREATED"]
    # What was given back by the second is what the first had left.
    assert (await unmerged(graph, other))["userErrors"] == []
    assert (await told(graph, stays, "jobTitle nickname department")) == {
        "jobTitle": "Professor",
        "nickname": None,
        "department": "Radium",
    }


async def test_why_a_merge_is_refused(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    one, two = [await made(graph, PartyKind.LEAD, lastName=name) for name in ("One", "Two")]
    held = await made(graph, PartyKind.LEAD, lockedBy="import")

    async def refused(into: Any, *sources: Any, **more: Any) -> set[tuple[str, str]]:
        payload = await merged(graph, into, *sources, **more)
        assert (payload["lead"], payload["mergedIds"], payload["preview"]) == (None, [], [])
        return {(".".join(each["path"]), each["code"]) for each in payload["userErrors"]}

    gone = type(one)(PartyKind.LEAD, 1_999_999_999)
    assert await refused(one) == {("input.from", "REQUIRED")}
    assert await refused(one, one) == {("input.from.0", "CONFLICTING")}
    assert await refused(one, gone) == {("input.from.0", "NOT_FOUND")}
    assert await refused(gone, two) == {("input.into", "NOT_FOUND")}
    assert await refused(one, held) == {("input", "LOCKED")}
    assert await refused(one, *[two] * 11) == {("input.from", "TOO_LARGE")}
    strange = [{"field": name, "from": {"id": ident(two)}} for name in ("nothing", "emailOptOut", "number", "login")]
    assert await refused(one, two, take=strange) == {(f"input.take.{i}.field", "CHOOSE_ONE") for i in range(4)}
    twice = [{"field": "company", "from": {"id": ident(two)}}] * 2
    assert await refused(one, two, take=twice) == {("input.take.1.field", "REPEATED")}
    stranger = [{"field": "company", "from": {"id": ident(held)}}]
    assert await refused(one, two, take=stranger) == {("input.take.0.from", "NOT_FOUND")}
    stale = [{"id": ident(one), "revision": 1}, {"id": ident(two), "revision": 2}, {"id": ident(held), "revision": 1}]
    assert await refused(one, two, ifRevisions=stale) == {
        ("input.ifRevisions.1.revision", "STALE"),
        ("input.ifRevisions.2.id", "NOT_FOUND"),
    }
    assert [(await told(graph, each, "revision"))["revision"] for each in (one, two)] == [1, 1]
    assert (await merged(graph, one, two))["userErrors"] == []
    # The same again is done already; it is no other record.
    again = await merged(graph, one, two)
    assert (again["userErrors"], again["preview"], again["mergedIds"]) == ([], [], [ident(two)])
    assert (await told(graph, one, "revision"))["revision"] == 2


async def test_nobody_but_staff_merges_and_what_is_hidden_is_not_hinted_at(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    one, two = [await made(graph, PartyKind.CONTACT, lastName=name) for name in ("One", "Two")]
    query = "mutation($i: MergeContactsInput!) { mergeContacts(input: $i) { contact { id } userErrors { code } } }"
    back = "mutation($i: UnmergeInput!) { unmerge(input: $i) { record { id } userErrors { code } } }"
    client = graph.world.client
    await graph.world.let_in(one.number, "one@example.com")
    login = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"
    answer = await client.post(
        "/graphql", json={"query": login, "variables": {"i": {"email": "one@example.com", "password": PASSWORD}}}
    )
    customer = {"Authorization": f"Bearer {answer.json()['data']['login']['accessToken']}"}
    for number in (two.number, 1_999_999_999):
        given = {"into": {"id": ident(one)}, "from": [{"id": f"con_{number}"}]}
        for headers, code in ((customer, "FORBIDDEN"), ({}, "UNAUTHENTICATED")):
            for text, variables in ((query, given), (back, {"merged": f"con_{number}"})):
                body = {"query": text, "variables": {"i": variables}}
                told_of = (await client.post("/graphql", json=body, headers=headers)).json()
                if code == "UNAUTHENTICATED":
                    assert told_of["errors"][0]["extensions"]["code"] == code
                else:
                    (payload,) = told_of["data"].values()
                    assert payload["userErrors"] == [{"code": code}]


async def test_a_login_is_never_lost_unsaid(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    stays, goes, third = [await made(graph, PartyKind.CONTACT, lastName=name) for name in ("A", "B", "C")]
    covalense = doors["covalense"]
    goes.token = await graph.world.let_in(goes.number, "b@example.com")
    assert (await merged(graph, stays, goes))["userErrors"] == []
    # Whoever came in before the merge is the one who stays, and so is whoever comes in now.
    for token in (goes.token, await graph.world.login("b@example.com")):
        goes.token = token
        assert (await covalense.told(goes))["lastname"] == "A"
    third.token = await graph.world.let_in(third.number, "c@example.com")
    (fault,) = (await merged(graph, stays, third))["userErrors"]
    assert (fault["code"], fault["path"]) == ("CONFLICTING", ["input", "from", "0"])
    chosen = [{"field": "login", "from": {"id": ident(third)}}]
    done = await merged(graph, stays, third, take=chosen)
    assert {"field": "login", "old": "b@example.com", "new": "c@example.com", "masked": False} in done["preview"]
    assert (await covalense.told(third))["lastname"] == "A"
    assert (await unmerged(graph, third))["userErrors"] == []
    third.token = await graph.world.login("c@example.com")
    assert (await covalense.told(third))["lastname"] == "C"
    goes.token = await graph.world.login("b@example.com")
    assert (await covalense.told(goes))["lastname"] == "A"


async def test_an_account_takes_the_contacts_of_another_and_no_circle_comes_of_it(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    goes = await made(graph, PartyKind.ACCOUNT, name="Old", industry="Radium")
    between = await made(graph, PartyKind.ACCOUNT, name="Between", parent=ident(goes))
    stays = await made(graph, PartyKind.ACCOUNT, name="New", parent=ident(between))
    people = [await made(graph, PartyKind.CONTACT, lastName=f"P{i}", account=ident(goes)) for i in range(3)]
    dry = await merged(graph, stays, goes, dryRun=True)
    done = await merged(graph, stays, goes, fields="id parent { id } industry contacts { totalCount }")
    assert dry["preview"] == done["preview"]
    assert done["account"] == {"id": ident(stays), "parent": None, "industry": "Radium", "contacts": {"totalCount": 3}}
    assert (await told(graph, between, "parent { id }"))["parent"] == {"id": ident(stays)}
    named = "query { contacts(sort: [{field: ACCOUNT_NAME}]) { nodes { account { name } } } }"
    names = [each["account"]["name"] for each in (await asked(graph, named))["contacts"]["nodes"]]
    assert names == ["New"] * 3
    # A reference by the former id leads on, at every door.
    new = await made(graph, PartyKind.CONTACT, lastName="Q", account=ident(goes))
    assert (await told(graph, new, "account { id }"))["account"] == {"id": ident(stays)}
    await doors["zoho"].send(new, {"Account_Name": None})
    await doors["zoho"].send(new, {"Account_Name": {"id": str(goes.number)}})
    assert (await told(graph, new, "account { id }"))["account"] == {"id": ident(stays)}
    assert (await unmerged(graph, goes))["userErrors"] == []
    assert (await told(graph, stays, "parent { id } industry contacts { totalCount }")) == {
        "parent": {"id": ident(between)},
        "industry": None,
        "contacts": {"totalCount": 1},
    }
    assert (await told(graph, between, "parent { id }"))["parent"] == {"id": ident(goes)}
    assert (await told(graph, people[0], "account { name }"))["account"] == {"name": "Old"}


async def test_numbers_and_ids_elsewhere_lead_on_and_are_given_to_nobody_else(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    stays, goes = [await made(graph, PartyKind.CONTACT, lastName=name) for name in ("One", "Two")]
    async with graph.world.core.db.begin() as session:
        await external_ids.claim(session, "zoho", "record", "4000001", party=goes.number)
        await external_ids.claim(session, "hubspot", "record", "77", party=goes.number)
    assert (await merged(graph, stays, goes))["userErrors"] == []
    ids = "externalIds { dialect value } otherIds { system value }"
    assert await told(graph, stays, ids) == {
        "externalIds": [{"dialect": "ZOHO", "value": "4000001"}],
        "otherIds": [{"system": "hubspot", "value": "77"}],
    }
    zoho = doors["zoho"]
    for given in (stays.number, goes.number, 4000001):
        assert (await zoho.request("GET", f"/Contacts/{given}"))["data"][0]["id"] == str(stays.number)
    refs = (
        {"number": "CON2"},
        {"id": ident(goes)},
        {"external": {"dialect": "ZOHO", "value": str(goes.number)}},
        {"external": {"dialect": "CRMCOM", "value": f"{goes.number:032x}"}},
        {"external": {"dialect": "VALOMNIA", "value": str(goes.number)}},
        {"external": {"dialect": "COVALENSE", "value": f"12x{goes.number}"}},
        {"external": {"system": "hubspot", "value": "77"}},
    )
    for i, by in enumerate(refs):
        found = await asked(graph, "query($r: ContactRef!) { contact(by: $r) { id } }", r=by)
        assert found["contact"] == {"id": ident(stays)}, by
        change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"
        written = await asked(graph, change, i={"contact": by, "nickname": f"n{i}"})
        assert written["updateContact"] == {"contact": {"id": ident(stays)}, "userErrors": []}, by
    identifier = {"contact_information_identifier": {"number": "CON2"}}
    await doors["crmcom"].request("contact_information/update", identifier | {"first_name": "Zed"})
    assert (await told(graph, stays, "firstName"))["firstName"] == "Zed"
    await zoho.request("PUT", "/Contacts/4000001", {"data": [{"Title": "CTO"}]})
    assert (await told(graph, stays, "jobTitle"))["jobTitle"] == "CTO"
    create = 'mutation { createContact(input: {lastName: "X", number: "CON2"}) { userErrors { code } } }'
    assert (await asked(graph, create))["createContact"]["userErrors"] == [{"code": "TAKEN"}]
    gone = (await zoho.request("GET", "/Contacts/deleted"))["data"]
    assert [(each["id"], each["display_name"]) for each in gone] == [("4000001", "Two")]
    nodes = await asked(graph, "query($n: [ID!]!) { nodes(ids: $n) { id } }", n=[ident(goes), ident(stays)])
    assert nodes["nodes"] == [{"id": ident(stays)}] * 2


async def test_merges_on_merges_and_what_changes_before_one_is_undone(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    first, second, third = [
        await made(
            graph,
            PartyKind.CONTACT,
            lastName=name,
            **({"nickname": name} if name != "C" else {}),
            phones=[{"kind": "MOBILE", "raw": f"+49 30 901820{i}"}],
        )
        for i, name in enumerate("ABC")
    ]
    for into, source in ((second, first), (third, second)):
        assert (await merged(graph, into, source))["userErrors"] == []
    for each in (first, second, third):
        assert (await told(graph, each, "id"))["id"] == ident(third)
        assert (await doors["zoho"].told(each))["id"] == str(third.number)
    (fault,) = (await unmerged(graph, first))["userErrors"]
    assert (fault["path"], fault["code"]) == (["input", "merged"], "CONFLICTING")
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    new = {"add": [{"kind": "HOME", "raw": "+49 30 9018209"}]}
    await asked(graph, change, i={"contact": {"id": ident(third)}, "nickname": "changed", "phones": new})
    dry = await unmerged(graph, second, dryRun=True)
    done = await unmerged(graph, second)
    assert dry == done
    assert done["kept"] == [
        {"of": ident(second), "field": "nickname", "given": "B", "kept": "changed", "masked": False}
    ]
    phones = "nickname phones { raw } history { nodes { action } }"
    assert await told(graph, third, phones) == {
        "nickname": "changed",
        "phones": [{"raw": "+49 30 9018202"}, {"raw": "+49 30 9018209"}],
        "history": {"nodes": [{"action": each} for each in ("UPDATED", "UPDATED", "MERGED", "CREATED")]},
    }
    back = await told(graph, first, "id " + phones)
    assert (back["id"], back["nickname"]) == (ident(second), "B")
    assert [each["raw"] for each in back["phones"]] == ["+49 30 9018201", "+49 30 9018200"]
    assert (await doors["zoho"].told(first))["id"] == str(second.number)
    assert (await unmerged(graph, first))["userErrors"] == []
    assert [each["raw"] for each in (await told(graph, first, phones))["phones"]] == ["+49 30 9018200"]
    (fault,) = (await unmerged(graph, first))["userErrors"]
    assert fault["code"] == "NOT_FOUND"


async def test_a_merge_is_undone_for_thirty_days(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    db = graph.world.core.db
    stays, goes = [await made(graph, PartyKind.LEAD, lastName=name) for name in ("One", "Two")]
    assert (await merged(graph, stays, goes))["userErrors"] == []
    assert (await purge_rows(db, Retention()))["merges"] == 0
    async with db.begin() as session:
        await session.execute(update(Merge).values(at=now() - dt.timedelta(days=30, minutes=1)))
    for _ in range(2):
        (fault,) = (await unmerged(graph, goes))["userErrors"]
        assert (fault["code"], fault["message"]) == (
            "NOT_FOUND",
            "This merge was more than 30 days ago: it cannot be undone any more.",
        )
        await purge_rows(db, Retention())
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(MergedRow)) == 0
    assert (await told(graph, goes, "id"))["id"] == ident(stays)


async def test_a_merge_takes_as_many_statements_for_many_rows_as_for_few(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    counts = []
    for number in (1, 30):
        stays, goes = [await made(graph, PartyKind.ACCOUNT, name=name) for name in ("One", "Two")]
        for i in range(number):
            await made(graph, PartyKind.CONTACT, lastName=f"P{i}", account=ident(goes))
        phones = {"add": [{"kind": "FAX", "raw": f"{i}00"} for i in range(number)]}
        change = "mutation($i: UpdateAccountInput!) { updateAccount(input: $i) { userErrors { code } } }"
        await asked(graph, change, i={"account": {"id": ident(goes)}, "phones": phones})
        with statements(graph.world.core.db) as seen:
            assert (await merged(graph, stays, goes))["userErrors"] == []
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 50


async def test_whoever_is_found_by_their_own_id_costs_no_statement_more(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    stays, goes = [await made(graph, PartyKind.CONTACT, lastName=name) for name in ("One", "Two")]
    assert (await merged(graph, stays, goes))["userErrors"] == []
    query = "query($r: ContactRef!) { contact(by: $r) { id } }"
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"
    for text, values, more in (
        (query, [{"r": {"id": ident(each)}} for each in (stays, goes)], 0),
        (query, [{"r": {"number": number}} for number in ("CON1", "CON2")], 0),
        # It is not there: where it leads is asked, and then it is loaded.
        (change, [{"i": {"contact": {"id": ident(each)}, "nickname": ident(each)}} for each in (stays, goes)], 2),
    ):
        for given in values:  # what they take the first time is compiled
            await asked(graph, text, **given)
        counts = []
        for given in values:
            with statements(graph.world.core.db) as seen:
                await asked(graph, text, **given)
            counts.append(len(seen))
        assert counts[1] - counts[0] == more, seen


@pytest.mark.parametrize("kind", PartyKind)
async def test_sets_and_upserts_reach_the_winner_by_what_the_loser_was_called(
    doors: dict[str, Any], kind: PartyKind
) -> None:
    graph, name = doors["graphql"], kind.value.capitalize()
    required = {"name": "N"} if kind is PartyKind.ACCOUNT else {"lastName": "N"}
    stays, goes, last = [await made(graph, kind, number=number, **required) for number in ("W1", "L1", "L2")]
    assert (await merged(graph, stays, goes, last))["userErrors"] == []
    bulk = f"""mutation($i: Bulk{name}sInput!) {{ bulk{name}s(input: $i) {{
      results {{ outcome deletedId {kind.value.lower()} {{ id description }} userErrors {{ code }} }} }} }}"""
    one = f"""mutation($i: Upsert{name}Input!) {{ upsert{name}(input: $i) {{
      outcome {kind.value.lower()} {{ id description }} userErrors {{ code }} }} }}"""

    async def results(*items: Any) -> list[Any]:
        found = (await asked(graph, bulk, i={"policy": "ROWS", "items": items}))[f"bulk{name}s"]["results"]
        return [each["userErrors"] or (each["outcome"], each["deletedId"], each[kind.value.lower()]) for each in found]

    items: list[Any] = []
    expected: list[Any] = []
    for place, by in enumerate(({"id": ident(goes)}, {"number": "L1"}, {"id": ident(last)}, {"id": ident(stays)})):
        items.append({"update": {kind.value.lower(): by, "description": f"u{place}"}})
        items.append({"upsert": {"by": by, "values": {"description": f"s{place}"}}})
        expected += [("UPDATED", None, {"id": ident(stays), "description": "s3"})] * 2
        data = (await asked(graph, one, i={"by": by, "values": {"description": f"o{place}"}}))[f"upsert{name}"]
        told_of = {"id": ident(stays), "description": f"o{place}"}
        assert data == {"outcome": "UPDATED", kind.value.lower(): told_of, "userErrors": []}
    assert await results(*items) == expected
    gone = {"delete": {kind.value.lower(): {"number": "L2"}}}
    after = {"update": {kind.value.lower(): {"id": ident(goes)}, "description": "late"}}
    assert await results(gone, after) == [("DELETED", ident(stays), None), [{"code": "NOT_FOUND"}]]


async def test_whoever_went_is_told_and_never_the_one_that_stays(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    first, second, third = [await made(graph, PartyKind.LEAD, lastName=name) for name in ("One", "Two", "Three")]
    assert (await merged(graph, second, first))["mergedIds"] == [ident(first)]
    # The other way round there is nothing left to do: the two are one.
    assert (await merged(graph, first, second))["mergedIds"] == []
    again = await merged(graph, third, first)
    assert again["mergedIds"] == [ident(first), ident(second)]


async def test_rows_that_two_have_take_as_many_statements_for_many_as_for_few(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    counts = []
    for number in (1, 30):
        phones = [{"kind": "FAX", "raw": f"+49 30 90{i:04}"} for i in range(number)]
        stays, goes = [await made(graph, PartyKind.LEAD, phones=phones) for _ in range(2)]
        with statements(graph.world.core.db) as seen:
            assert (await merged(graph, stays, goes))["userErrors"] == []
        merging = len(seen)
        with statements(graph.world.core.db) as seen:
            assert (await unmerged(graph, goes))["userErrors"] == []
        counts.append((merging, len(seen)))
        assert len((await told(graph, goes, "phones { id }"))["phones"]) == number
    assert counts[0] == counts[1]


async def test_lists_are_filtered_by_the_ids_of_those_who_went(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    stays, goes, other = [await made(graph, PartyKind.ACCOUNT, name=name) for name in "ABC"]
    mine = await made(graph, PartyKind.CONTACT, lastName="Mine", account=ident(goes))
    theirs = await made(graph, PartyKind.CONTACT, lastName="Theirs", account=ident(other))
    below = await made(graph, PartyKind.ACCOUNT, name="Below", parent=ident(goes))
    assert (await merged(graph, stays, goes))["userErrors"] == []

    async def listed(kind: str, **filter_: Any) -> list[str]:
        query = f"query($f: {kind[:-1].title()}Filter) {{ {kind}(filter: $f) {{ nodes {{ id }} totalCount }} }}"
        found = (await asked(graph, query, f=filter_))[kind]
        assert found["totalCount"] == len(found["nodes"])
        return sorted(each["id"] for each in found["nodes"])

    for record in (stays, goes):
        assert await listed("contacts", account={"eq": ident(record)}) == [ident(mine)]
        assert await listed("contacts", account={"in": [ident(record)]}) == [ident(mine)]
        assert await listed("contacts", account={"in": [ident(record), ident(other)]}) == [ident(mine), ident(theirs)]
        assert await listed("accounts", parent={"eq": ident(record)}) == [ident(below)]
        assert await listed("accounts", parent={"isNull": False}, **{"not": {"parent": {"eq": ident(record)}}}) == []
        assert await listed("contacts", account={"eq": ident(record)}, fullName={"contains": "in"}) == [ident(mine)]
    assert await listed("contacts", account={"eq": "acc_1000099999"}) == []
    assert await listed("contacts", account={"in": ["acc_1000099999", "acc_1000099998"]}) == []
