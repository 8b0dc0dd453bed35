"""A row keeps the slot it got: what one door adds, changes or takes away moves nothing that flat doors show."""

from typing import Any

import pytest

from crmgraph.crm.models import PartyKind
from tests.agreement.doors import Record, clients
from tests.agreement.world import founded
from tests.conftest import Running

PHONES = {"LANDLINE": "Phone", "MOBILE": "Mobile", "FAX": "Fax", "HOME": "Home_Phone", "OTHER": "Other_Phone",
          "ASSISTANT": "Asst_Phone"}  # fmt: skip
VALOMNIA = {"LANDLINE": "phone", "MOBILE": "mobile", "FAX": "fax", "OTHER": "phone2"}
ROWS = "phones { id kind raw active } emails { id kind address active } addresses { id kind city active }"


@pytest.fixture
async def doors(running: Running) -> dict[str, Any]:
    return clients(await founded(running))


async def new(doors: dict[str, Any], kind: str, **given: Any) -> Record:
    """A record with these lists of rows, made by GraphQL."""
    named = {"name": "N"} if kind == "Account" else {"lastName": "N"}
    rows = {name: {"add": added} for name, added in given.items()}
    query = f"""mutation($i: Create{kind}Input!) {{
      create{kind}(input: $i) {{ {kind.lower()} {{ id }} userErrors {{ code }} }} }}"""
    data = await doors["graphql"].ask(query, i=named | rows)
    return Record(PartyKind(kind.upper()), int(data[f"create{kind}"][kind.lower()]["id"][4:]))


async def edit(doors: dict[str, Any], record: Record, **edits: Any) -> None:
    """Change rows by GraphQL."""
    name = record.kind.value.title()
    own = {name.lower(): {"id": doors["graphql"].id(record)}}
    query = f"mutation($i: Update{name}Input!) {{ update{name}(input: $i) {{ userErrors {{ code }} }} }}"
    await doors["graphql"].ask(query, i=own | edits)


async def ids(doors: dict[str, Any], record: Record, rows: str) -> list[str]:
    """The rows of a list in their order."""
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Record {{ {ROWS} }} }} }}"
    node = (await doors["graphql"].ask(query, id=doors["graphql"].id(record)))["node"]
    return [row["id"] for row in node[rows]]


async def zoho(doors: dict[str, Any], record: Record, *names: str) -> list[Any]:
    """What Zoho tells of these fields."""
    told = await doors["zoho"].told(record)
    return [told[name] for name in names]


async def found(doors: dict[str, Any], module: str, criteria: str) -> list[str]:
    """The ids that Zoho's search answers."""
    door = doors["zoho"]
    headers = {"Authorization": f"Zoho-oauthtoken {next(iter(door.world.tokens.values()))}"}
    answer = await door.world.client.get(f"/crm/v2/{module}/search", params={"criteria": criteria}, headers=headers)
    return [record["id"] for record in answer.json()["data"]] if answer.content else []


@pytest.mark.parametrize("kind", ["Contact", "Lead", "Account"])
async def test_a_cleared_phone_does_not_show_the_next_one(doors: dict[str, Any], kind: str) -> None:
    slots = {key: name for key, name in PHONES.items() if kind == "Contact" or key in ("LANDLINE", "FAX")}
    rows = [{"kind": key, "raw": f"{n}{i}00"} for n in (1, 2) for i, key in enumerate(slots)]
    record = await new(doors, kind, phones=rows)
    assert await zoho(doors, record, *slots.values()) == [f"1{i}00" for i in range(len(slots))]
    await doors["zoho"].send(record, dict.fromkeys(slots.values()))
    assert await zoho(doors, record, *slots.values()) == [None] * len(slots)
    await doors["zoho"].send(record, {name: f"3{i}00" for i, name in enumerate(slots.values())})
    assert await zoho(doors, record, *slots.values()) == [f"3{i}00" for i in range(len(slots))]
    kept = (await doors["graphql"].rows(record))["phones"]
    assert sorted(row["raw"] for row in kept) == [f"{n}{i}00" for n in (2, 3) for i in range(len(slots))]
    if kind == "Contact":
        told = await doors["valomnia"].told(record)
        assert [told[name] for name in VALOMNIA.values()] == [f"3{list(slots).index(key)}00" for key in VALOMNIA]


@pytest.mark.parametrize("kind", ["Contact", "Lead"])
async def test_an_email_beside_a_lone_secondary_one_is_kept_with_it(doors: dict[str, Any], kind: str) -> None:
    record = await new(doors, kind)
    module = f"{kind}s"
    await doors["zoho"].send(record, {"Secondary_Email": "two@example.com"})
    assert await zoho(doors, record, "Email", "Secondary_Email") == [None, "two@example.com"]
    await doors["zoho"].send(record, {"Email": "one@example.com"})
    assert await zoho(doors, record, "Email", "Secondary_Email") == ["one@example.com", "two@example.com"]
    own = [str(record.number)]
    assert await found(doors, module, "(Secondary_Email:equals:two@example.com)") == own
    assert await found(doors, module, "(Email:equals:two@example.com)") == []
    assert await found(doors, module, "(Email:starts_with:one@)") == own
    assert await found(doors, module, "(Secondary_Email:contains:two)") == own
    assert await found(doors, module, "(Email:contains:two)") == []
    assert await found(doors, module, "(Secondary_Email:not_equal:two@example.com)") == []
    await doors["zoho"].send(record, {"Email": ""})
    assert await zoho(doors, record, "Email", "Secondary_Email") == [None, "two@example.com"]
    assert await found(doors, module, "(Email:equals:${EMPTY})") == own


async def test_a_second_address_alone_is_searched_and_shown_as_the_second(doors: dict[str, Any]) -> None:
    record = await new(doors, "Contact")
    await doors["zoho"].send(record, {"Other_City": "Lyon"})
    assert await zoho(doors, record, "Mailing_City", "Other_City") == [None, "Lyon"]
    assert (await doors["valomnia"].told(record))["city"] == ""
    await doors["zoho"].send(record, {"Mailing_City": "Nice", "Mailing_Country": "France"})
    assert await zoho(doors, record, "Mailing_City", "Other_City", "Other_Country") == ["Nice", "Lyon", None]
    assert await found(doors, "Contacts", "(Other_City:equals:Nice)") == []
    assert await found(doors, "Contacts", "(Mailing_City:equals:Nice)") == [str(record.number)]


async def test_rows_from_elsewhere_take_the_first_free_slot_and_no_other_later(doors: dict[str, Any]) -> None:
    record = await new(doors, "Contact", emails=[{"kind": "BUSINESS", "address": f"{n}@example.com"} for n in "abc"])
    assert await zoho(doors, record, "Email", "Secondary_Email") == ["a@example.com", "b@example.com"]
    a, _, c = await ids(doors, record, "emails")
    await edit(doors, record, emails={"remove": [a]})
    assert await zoho(doors, record, "Email", "Secondary_Email") == [None, "b@example.com"]
    await edit(doors, record, emails={"update": [{"id": c, "notes": "still none"}]})
    assert await zoho(doors, record, "Email", "Secondary_Email") == [None, "b@example.com"]
    await edit(doors, record, emails={"add": [{"kind": "PERSONAL", "address": "d@example.com", "primary": True}]})
    assert await zoho(doors, record, "Email", "Secondary_Email") == ["d@example.com", "b@example.com"]
    await edit(doors, record, emails={"update": [{"id": c, "primary": True}]})
    assert await zoho(doors, record, "Email", "Secondary_Email") == ["d@example.com", "b@example.com"]


async def test_new_rows_take_their_slots_in_the_order_of_the_list(doors: dict[str, Any]) -> None:
    emails = [{"kind": "BUSINESS", "address": "a@example.com"}]
    emails += [{"kind": "BUSINESS", "address": "b@example.com", "primary": True}]
    record = await new(doors, "Contact", emails=emails)
    assert await zoho(doors, record, "Email", "Secondary_Email") == ["b@example.com", "a@example.com"]


async def test_an_inactive_row_has_no_slot_and_takes_a_free_one_when_it_is_back(doors: dict[str, Any]) -> None:
    record = await new(doors, "Lead", phones=[{"kind": "MOBILE", "raw": "1"}, {"kind": "MOBILE", "raw": "2"}])
    first, second = await ids(doors, record, "phones")
    await edit(doors, record, phones={"update": [{"id": first, "active": False}]})
    assert await zoho(doors, record, "Mobile") == [None]
    await edit(doors, record, phones={"update": [{"id": first, "active": True}]})
    assert await zoho(doors, record, "Mobile") == ["1"]
    await edit(doors, record, phones={"update": [{"id": first, "active": False}]})
    await doors["zoho"].send(record, {"Mobile": "3"})
    await edit(doors, record, phones={"update": [{"id": first, "active": True}, {"id": second, "raw": "4"}]})
    assert await zoho(doors, record, "Mobile") == ["3"]
    third = (await ids(doors, record, "phones"))[2]
    switched = [{"id": third, "active": False}, {"id": second, "active": False}]
    await edit(doors, record, phones={"update": switched, "add": [{"kind": "MOBILE", "raw": "5"}]})
    assert await zoho(doors, record, "Mobile") == ["5"]


async def test_a_row_of_another_kind_looks_for_the_slot_of_that_kind(doors: dict[str, Any]) -> None:
    rows = [{"kind": "LANDLINE", "raw": "1"}, {"kind": "LANDLINE", "raw": "2"}, {"kind": "FAX", "raw": "3"}]
    record = await new(doors, "Contact", phones=rows)
    one, two, three = await ids(doors, record, "phones")
    await edit(doors, record, phones={"update": [{"id": one, "kind": "MOBILE"}]})
    assert await zoho(doors, record, "Phone", "Mobile", "Fax") == [None, "1", "3"]
    await edit(doors, record, phones={"update": [{"id": two, "kind": "FAX"}]})
    assert await zoho(doors, record, "Phone", "Mobile", "Fax") == [None, "1", "3"]
    swapped = [{"id": one, "kind": "FAX"}, {"id": three, "kind": "MOBILE"}]
    await edit(doors, record, phones={"update": swapped})
    assert await zoho(doors, record, "Phone", "Mobile", "Fax") == [None, "3", "1"]
    await edit(doors, record, phones={"remove": [one], "add": [{"kind": "FAX", "raw": "6"}]})
    assert await zoho(doors, record, "Phone", "Mobile", "Fax") == [None, "3", "6"]


async def test_the_addresses_of_an_account_have_the_slots_of_their_kinds(doors: dict[str, Any]) -> None:
    rows = [{"kind": kind, "city": f"{kind} {n}"} for n in (1, 2) for kind in ("SHIPPING", "BILLING", "OTHER")]
    record = await new(doors, "Account", addresses=rows)
    assert await zoho(doors, record, "Billing_City", "Shipping_City") == ["BILLING 1", "SHIPPING 1"]
    first, second = (await ids(doors, record, "addresses"))[:2]
    await edit(
        doors, record, addresses={"update": [{"id": first, "kind": "BILLING"}, {"id": second, "kind": "SHIPPING"}]}
    )
    assert await zoho(doors, record, "Billing_City", "Shipping_City") == ["SHIPPING 1", "BILLING 1"]
    await edit(doors, record, addresses={"remove": [first]})
    assert await zoho(doors, record, "Billing_City", "Shipping_City") == [None, "BILLING 1"]
    await doors["zoho"].send(record, {"Billing_City": "New"})
    assert await zoho(doors, record, "Billing_City", "Shipping_City") == ["New", "BILLING 1"]


async def test_a_converted_lead_takes_its_slots_along_where_they_are_free(doors: dict[str, Any]) -> None:
    lead = await new(doors, "Lead")
    await doors["zoho"].send(lead, {"Secondary_Email": "two@example.com", "Mobile": "1"})
    graph = doors["graphql"]
    known = await new(doors, "Contact", phones=[{"kind": "MOBILE", "raw": "2"}])
    query = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { contact { id } userErrors { code } } }"
    given = {"lead": {"id": graph.id(lead)}, "contact": {"id": graph.id(known)}}
    await graph.ask(query, i=given)
    told = await zoho(doors, known, "Email", "Secondary_Email", "Mobile")
    assert told == [None, "two@example.com", "2"]


async def test_the_history_tells_rows_and_not_their_slots(doors: dict[str, Any]) -> None:
    record = await new(doors, "Contact", phones=[{"kind": "MOBILE", "raw": "1"}])
    (row,) = await ids(doors, record, "phones")
    await edit(doors, record, phones={"update": [{"id": row, "kind": "FAX"}]})
    query = "query($id: ID!) { node(id: $id) { ... on Contact { history(first: 9) { nodes { fields { field } } } } } }"
    data = await doors["graphql"].ask(query, id=doors["graphql"].id(record))
    fields = [entry["field"] for change in data["node"]["history"]["nodes"] for entry in change["fields"]]
    assert not [name for name in fields if "slot" in name]
