"""Telephone numbers of records: what is derived of them, and when."""

from typing import Any

from sqlalchemy import text

from tests.conftest import Running
from tests.graph.conftest import Caller

CREATE = "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { path } } }"
UPDATE = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
  contact { revision phones { e164 } } userErrors { path } } }"""
PHONES = '{ contact(by: {id: "%s"}) { revision phones { id raw e164 extension valid } addresses { id } } }'
HISTORY = '{ contact(by: {id: "%s"}) { history(first: 10) { nodes { fields { field } } } } }'


async def made(staff: Caller, phones: list[dict[str, Any]], addresses: list[dict[str, Any]] | None = None) -> str:
    given: dict[str, Any] = {"lastName": "Ray", "phones": {"add": [{"kind": "MOBILE"} | phone for phone in phones]}}
    if addresses is not None:
        given["addresses"] = {"add": [{"kind": "HOME"} | address for address in addresses]}
    data = (await staff(CREATE, i=given))["createContact"]
    assert data["userErrors"] == []
    return str(data["contact"]["id"])


async def changed(staff: Caller, own_id: str, **edit: Any) -> dict[str, Any]:
    data = (await staff(UPDATE, i={"contact": {"id": own_id}} | edit))["updateContact"]
    assert data["userErrors"] == []
    return dict(data["contact"])


async def shown(staff: Caller, own_id: str) -> dict[str, Any]:
    return dict((await staff(PHONES % own_id))["contact"])


async def test_what_is_said_of_a_number(agent: Caller) -> None:
    raws = ["+1 202 555 0123 x12", "call me", "112", "(202) 555-0123", "1-800-FLOWERS", "555-0123"]
    raws += ["202-555-0123  Tom ext. 7", "202-555-0123 Tom #7"]
    own_id = await made(agent, [{"raw": raw} for raw in raws], [{"country": "US"}])
    phones = (await shown(agent, own_id))["phones"]
    assert [tuple(phone[key] for key in ("raw", "e164", "extension", "valid")) for phone in phones] == [
        ("+1 202 555 0123 x12", "+12025550123", "12", True),
        ("call me", None, None, False),
        ("112", None, None, False),
        ("(202) 555-0123", "+12025550123", None, True),
        ("1-800-FLOWERS", "+18003569377", None, True),
        ("555-0123", None, None, False),
        ("202-555-0123  Tom ext. 7", "+12025550123", "7", True),
        ("202-555-0123 Tom #7", "+12025550123", None, True),
    ]


SPELLINGS = {
    "+12025550123": [
        "+1 202 555 0123", "+12025550123", "001 202 555 0123", "+1 202 555 0123 x99", "+1 (202) 555-0123",
        "1-202-555-0123", "+1.202.555.0123", "tel:+1-202-555-0123", "+1\u00a0202\u2011555\u20110123",
        "\uff0b1 \uff12\uff10\uff12 555 0123", "(202) 555-0123", "202.555.0123", "+1 202 555 0123 ext. 7",
        "  +1 202 5550123  ",
    ],
    "+493090180142": [
        "+49 30 90180142", "+49 (0)30 9018-0142", "0049 30 90180142", "030 90180142", "030/9018 0142",
        "(030) 90 18 01 42", "+49 30 90180142 Durchwahl", "\u0660\u0663\u0660 90180142",
    ],
}  # fmt: skip
"""{a number in E.164: how people write it}, also as it is dialled within its country."""


async def test_a_number_is_found_in_any_spelling(agent: Caller) -> None:
    found = {
        "+12025550123": await made(agent, [{"raw": "(202) 555-0123 ext. 12"}], [{"country": "US"}]),
        "+493090180142": await made(agent, [{"raw": "030 - 9018 0142"}], [{"country": "DE"}]),
    }
    await made(agent, [{"raw": "(202) 555-0124"}, {"raw": "+49 30 90180143"}], [{"country": "US"}])
    query = "query($p: PhoneFilter) { contacts(filter: {phone: $p}) { nodes { id } } }"
    for number, spellings in SPELLINGS.items():
        for given in spellings:
            for filter_ in ({"eq": given}, {"in": ["+33 1 44202012", given]}):
                nodes = (await agent(query, p=filter_))["contacts"]["nodes"]
                assert nodes == [{"id": found[number]}], filter_
    for ending in ("90180142", "3090180142", "9018-0142", "0142", "493090180142"):
        nodes = (await agent(query, p={"endsWith": ending}))["contacts"]["nodes"]
        assert nodes == [{"id": found["+493090180142"]}], ending
    nodes = (await agent(query, p={"eq": "030 90180142", "region": "US"}))["contacts"]["nodes"]
    assert nodes == []


async def test_a_country_that_comes_later_completes_the_numbers(agent: Caller) -> None:
    own_id = await made(
        agent, [{"raw": "030 1234567"}, {"raw": "555-0123", "country": "US"}, {"raw": "+33 1 44202012"}]
    )
    before = await shown(agent, own_id)
    assert [phone["e164"] for phone in before["phones"]] == [None, None, "+33144202012"]
    told = await changed(agent, own_id, addresses={"add": [{"kind": "HOME", "countryName": "Germany"}]})
    e164 = [{"e164": "+49301234567"}, {"e164": None}, {"e164": "+33144202012"}]
    assert told == {"revision": 2, "phones": e164}
    after = await shown(agent, own_id)
    assert [{"e164": phone["e164"]} for phone in after["phones"]] == e164
    assert [phone["valid"] for phone in after["phones"]] == [True, False, True]
    entries = (await agent(HISTORY % own_id))["contact"]["history"]["nodes"]
    fields = [field["field"] for field in entries[0]["fields"]]
    assert len(fields) == 1 and fields[0].startswith("addresses.")


async def test_a_country_that_changes_completes_what_was_incomplete_and_nothing_else(agent: Caller) -> None:
    own_id = await made(agent, [{"raw": "030 1234567"}, {"raw": "22 12 34 56"}], [{"country": "NO"}])
    before = await shown(agent, own_id)
    assert [phone["e164"] for phone in before["phones"]] == [None, "+4722123456"]
    address = before["addresses"][0]["id"]
    await changed(agent, own_id, addresses={"update": [{"id": address, "country": "DE"}]})
    # Notes on a number that was read in Norway do not make it a German one.
    noted = {"id": before["phones"][1]["id"], "notes": "the old office"}
    told = await changed(agent, own_id, phones={"update": [noted]})
    assert told == {"revision": 3, "phones": [{"e164": "+49301234567"}, {"e164": "+4722123456"}]}
    # Another number is read where the record is now.
    told = await changed(agent, own_id, phones={"update": [{"id": noted["id"], "raw": "0171 1234567"}]})
    assert told["phones"] == [{"e164": "+49301234567"}, {"e164": "+491711234567"}]


async def test_the_same_number_sent_again_is_read_again(agent: Caller, running: Running) -> None:
    own_id = await made(agent, [{"raw": "030 1234567"}], [{"country": "DE"}])
    phone = (await shown(agent, own_id))["phones"][0]
    async with running.db.begin() as session:  # as if it had been stored by an older program
        await session.execute(text("UPDATE phone SET e164 = NULL, valid = false"))
    told = await changed(agent, own_id, phones={"update": [{"id": phone["id"], "raw": "030 1234567"}]})
    assert told == {"revision": 1, "phones": [{"e164": "+49301234567"}]}
    assert (await shown(agent, own_id))["phones"] == [phone]
    assert len((await agent(HISTORY % own_id))["contact"]["history"]["nodes"]) == 1
