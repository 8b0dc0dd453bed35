"""What lists are filtered by beside names: choices, consents, addresses as one, ids elsewhere, other records, times."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm.core import Core
from crmgraph.crm.models import Contact, Lead, PartyKind
from crmgraph.crm.query import access_paths
from crmgraph.crm.records.external_ids import claim
from tests.graph.conftest import Caller, Customer, put

LISTS = {
    "contacts": "query($f: ContactFilter) { contacts(first: 100, filter: $f) { totalCount nodes { name: lastName } } }",
    "accounts": "query($f: AccountFilter) { accounts(first: 100, filter: $f) { totalCount nodes { name } } }",
    "leads": "query($f: LeadFilter) { leads(first: 100, filter: $f) { totalCount nodes { name: lastName } } }",
}
INTROSPECTED = "__schema { queryType { name } } }"
"""What the resolvers answer, with all that stands beside it."""


@pytest.fixture
async def records(core: Core) -> dict[str, int]:
    """Three accounts of which one is deleted, their contacts, and leads."""
    berlin = {"kind": "BILLING", "city": "Berlin", "state": "Berlin", "postal_code": "10115", "country": "DE"}
    acme, zet, gone = await put(
        core,
        PartyKind.ACCOUNT,
        {"name": "Acme", "kind": "BUSINESS", "account_type": "Customer", "segment": "SMB", "addresses": [berlin]},
        {"name": "Zet", "kind": "INDIVIDUAL", "rating": "Hot", "email_opt_out": True},
        {"name": "Gone", "kind": "BUSINESS", "account_type": "Customer"},
    )
    home = {"kind": "HOME", "city": "Köln", "state": "Nordrhein-Westfalen", "postal_code": "50667", "country": "DE"}
    work = {"kind": "BUSINESS", "city": "Lyon", "state": "Rhône", "postal_code": "69001", "country": "FR"}
    old = {"kind": "OTHER", "city": "Bonn", "country": "DE", "active": False}
    ids = await put(
        core,
        PartyKind.CONTACT,
        {
            "first_name": "Ann",
            "middle_name": "Böll",
            "last_name": "A",
            "account_id": acme,
            "category": "VIP",
            "do_not_call": True,
            "direct_marketing": True,
            "addresses": [home, work],
            "phones": [{"kind": "MOBILE", "raw": "1"}],
        },
        {"first_name": "Ann", "last_name": "B", "account_id": acme, "direct_marketing": False, "addresses": [old]},
        {"last_name": "C", "account_id": zet, "category": "vip", "email_opt_out": True, "sms_opt_out": True},
        {"last_name": "D", "account_id": gone, "life_cycle_state": "Lost", "affiliate_marketing": True},
        {"last_name": "E", "phones": [{"kind": "FAX", "raw": "2", "active": False}]},
    )
    await put(
        core,
        PartyKind.LEAD,
        {"last_name": "L", "first_name": "Lu", "rating": "Hot", "approval": "AWAITING"},
        {"last_name": "M", "email_opt_out": True},
    )
    async with core.db.begin() as session:
        converted = (
            update(Lead).where(Lead.last_name == "M").values(converted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        )
        await session.execute(converted)
        await claim(session, "zoho", "record", "77", party=ids[0])
        await claim(session, "zoho", "record", "78", party=ids[1])
        await claim(session, "valomnia", "reference", "77", party=ids[1])
        await claim(session, "zoho", "record", "79", party=acme)
    return {"acme": acme, "zet": zet, "gone": gone, "a": ids[0]}


async def test_a_number_is_found_as_it_is_dialled_within_its_country(agent: Caller, core: Core) -> None:
    numbers = {
        "A": ("+49 30 90123456", None),
        "B": ("030 90123456", "AT"),
        "C": ("+36 1 234 5678", None),
        "D": ("(202) 555-0123", "US"),
        "E": ("030 90123456", None),  # nobody knows where
        "F": ("+39 06 6982 1234", None),
    }
    await put(
        core,
        PartyKind.CONTACT,
        *(
            {"last_name": name, "phones": [{"kind": "MOBILE", "raw": raw, "country": country}]}
            for name, (raw, country) in numbers.items()
        ),
    )
    for query in (LISTS["contacts"], LISTS["contacts"][: LISTS["contacts"].rindex("}")] + INTROSPECTED):
        for given, expected in (
            ({"eq": "030 90123456"}, "ABE"),
            ({"eq": "(030) 901 234-56", "region": "DE"}, "AE"),
            ({"eq": "030 90123456", "region": "AT"}, "BE"),
            ({"eq": "030 90123456", "region": "deu"}, "AE"),
            ({"eq": "06 1 234 5678"}, "C"),
            ({"eq": "1 234 5678"}, "C"),
            ({"eq": "202-555-0123"}, "D"),
            ({"eq": "1 202-555-0123"}, "D"),
            ({"eq": "06 6982 1234"}, "F"),
            ({"eq": "+43 30 90123456"}, "B"),
            ({"eq": "0043 30 90123456"}, "B"),
            ({"in": ["030 90123456", "2025550123"], "region": "US"}, "DE"),
            ({"in": ["030 90123456", "202 555 0123"]}, "ABDE"),
            ({"eq": "901 234"}, ""),
        ):
            page = (await agent(query, f={"phone": given}))["contacts"]
            found = "".join(node["name"] for node in page["nodes"])
            assert (found, page["totalCount"]) == (expected, len(expected)), given
        for wrong, reason, place in (
            ({"region": "DE"}, "REQUIRED", ["filter", "phone"]),
            ({"eq": "1", "region": "Holland"}, "NOT_A_COUNTRY", ["filter", "phone", "region"]),
        ):
            (error,) = (await agent.post(query, {"f": {"phone": wrong}})).json()["errors"]
            assert (error["extensions"]["reason"], error["extensions"]["inputPath"]) == (reason, place)
    # A cursor belongs to the region too.
    query = """query($f: ContactFilter, $after: String) { contacts(first: 1, filter: $f, after: $after) {
      pageInfo { endCursor } } }"""
    given = {"phone": {"eq": "030 90123456"}}
    cursor = (await agent(query, f=given))["contacts"]["pageInfo"]["endCursor"]
    given["phone"]["region"] = "DE"
    ((_, message),) = await agent.errors(query, f=given, after=cursor)
    assert message == "`after` is a cursor of this list with another filter: give the filter that it came with."


DELETE = "mutation($a: AccountRef!) { deleteAccount(input: {account: $a}) { userErrors { code } } }"

MATCHES: list[tuple[str, dict[str, Any], str]] = [
    ("contacts", {"fullName": {"eq": "ann boll a"}}, "A"),
    ("contacts", {"fullName": {"startsWith": "ann b"}}, "AB"),
    ("contacts", {"fullName": {"contains": "böll"}}, "A"),
    ("contacts", {"fullName": {"in": ["ANN B", "c"]}}, "BC"),
    ("contacts", {"fullName": {"notIn": ["Ann B"]}}, "ACDE"),
    ("contacts", {"fullName": {"isNull": True}}, ""),
    ("contacts", {"firstName": {"notIn": ["ANN"]}}, "CDE"),
    ("contacts", {"firstName": {"notIn": []}}, "ABCDE"),
    ("contacts", {"category": {"eq": "VÍP"}}, "AC"),
    ("contacts", {"category": {"in": ["Vip", "none"]}}, "AC"),
    ("contacts", {"category": {"notIn": ["VIP"]}}, "BDE"),
    ("contacts", {"category": {"isNull": True}}, "BDE"),
    ("contacts", {"lifeCycleState": {"eq": "LOST"}}, "D"),
    ("contacts", {"address": {"primary": True, "country": {"eq": "DE"}}}, "A"),
    ("contacts", {"address": {"primary": True, "country": {"eq": "FR"}}}, ""),
    ("contacts", {"address": {"primary": False, "country": {"eq": "FR"}}}, "A"),
    ("contacts", {"address": {"primary": True}}, "A"),
    ("contacts", {"address": {"primary": False}}, "A"),
    ("contacts", {"address": {"primary": True, "active": False}}, "B"),
    ("contacts", {"number": {"eq": "con1"}}, "A"),
    ("contacts", {"number": {"eq": "CON01"}}, ""),
    ("contacts", {"number": {"in": ["con1", "Con3"]}}, "AC"),
    ("contacts", {"number": {"notIn": ["con1", "Con3"]}}, "BDE"),
    ("contacts", {"number": {"isNull": False}}, "ABCDE"),
    ("contacts", {"emailOptOut": True}, "C"),
    ("contacts", {"emailOptOut": False}, "ABDE"),
    ("contacts", {"smsOptOut": True, "emailOptOut": True}, "C"),
    ("contacts", {"doNotCall": True}, "A"),
    ("contacts", {"or": [{"doNotCall": True}, {"emailOptOut": True}]}, "AC"),
    ("contacts", {"not": {"doNotCall": True}}, "BCDE"),
    ("contacts", {"directMarketing": {"eq": True}}, "A"),
    ("contacts", {"directMarketing": {"eq": False}}, "B"),
    ("contacts", {"directMarketing": {"isNull": True}}, "CDE"),
    ("contacts", {"affiliateMarketing": {"eq": True}}, "D"),
    ("contacts", {"not": {"affiliateMarketing": {"eq": True}}}, "ABCE"),
    ("contacts", {"address": {"city": {"eq": "koln"}, "postalCode": {"eq": "50667"}}}, "A"),
    ("contacts", {"address": {"city": {"eq": "koln"}, "postalCode": {"eq": "69001"}}}, ""),
    ("contacts", {"address": {"state": {"startsWith": "rhone"}, "kind": ["BUSINESS", "HOME"]}}, "A"),
    ("contacts", {"address": {"state": {"eq": "RHÔNE"}, "kind": ["HOME"]}}, ""),
    ("contacts", {"address": {"country": {"eq": "FR"}, "city": {"notIn": ["Lyon"]}}}, ""),
    ("contacts", {"address": {"country": {"eq": "DE"}, "city": {"notIn": ["Lyon"]}}}, "A"),
    ("contacts", {"address": {"kind": []}}, ""),
    ("contacts", {"address": {"active": True}}, "A"),
    ("contacts", {"address": {"active": False, "city": {"eq": "bonn"}}}, "B"),
    ("contacts", {"address": {"postalCode": {"isNull": True}}}, ""),
    ("contacts", {"address": {"postalCode": {"isNull": True}, "active": False}}, "B"),
    ("contacts", {"not": {"address": {"country": {"eq": "DE"}}}}, "BCDE"),
    ("contacts", {"external": {"dialect": "ZOHO", "value": {"eq": "77"}}}, "A"),
    ("contacts", {"external": {"dialect": "VALOMNIA", "value": {"eq": "77"}}}, "B"),
    ("contacts", {"external": {"dialect": "ZOHO", "space": "user", "value": {"eq": "77"}}}, ""),
    ("contacts", {"external": {"dialect": "ZOHO", "space": "record", "value": {"in": ["77", "78", "79"]}}}, "AB"),
    ("contacts", {"external": {"dialect": "ZOHO", "value": {"notIn": ["77"]}}}, "B"),
    ("contacts", {"external": {"dialect": "ZOHO", "value": {"isNull": True}}}, "CDE"),
    ("contacts", {"external": {"dialect": "VALOMNIA", "value": {"isNull": False}}}, "B"),
    ("contacts", {"phone": {"isNull": True}}, "BCDE"),
    ("contacts", {"phone": {"isNull": False}}, "A"),
    ("contacts", {"accountMatches": {"name": {"startsWith": "a"}}}, "AB"),
    ("contacts", {"accountMatches": {"kind": ["BUSINESS"]}}, "AB"),
    (
        "contacts",
        {"accountMatches": {"address": {"city": {"eq": "Berlin"}}}, "fullName": {"startsWith": "ann b"}},
        "AB",
    ),
    ("contacts", {"accountMatches": {"city": {"eq": "Berlin"}, "name": {"eq": "acme"}}}, "AB"),
    ("contacts", {"accountMatches": {"name": {"contains": "cme"}}}, "AB"),
    ("contacts", {"accountMatches": {"name": {"endsWith": "et"}}}, "C"),
    ("accounts", {"anyContact": {"fullName": {"contains": "böll"}}}, "Acme"),
    ("contacts", {"accountMatches": {}}, "ABC"),
    ("contacts", {"not": {"accountMatches": {"name": {"contains": "c"}}}}, "CDE"),
    ("contacts", {"accountMatches": {"or": [{"rating": {"eq": "Hot"}}, {"segment": {"eq": "SMB"}}]}}, "ABC"),
    ("contacts", {"or": [{"accountMatches": {"rating": {"eq": "Hot"}}}, {"category": {"eq": "VIP"}}]}, "AC"),
    ("accounts", {"kind": ["BUSINESS"]}, "Acme"),
    ("accounts", {"kind": ["BUSINESS", "INDIVIDUAL"]}, "AcmeZet"),
    ("accounts", {"kind": []}, ""),
    ("accounts", {"accountType": {"eq": "customer"}}, "Acme"),
    ("accounts", {"segment": {"isNull": True}}, "Zet"),
    ("accounts", {"emailOptOut": True}, "Zet"),
    ("accounts", {"external": {"dialect": "ZOHO", "value": {"eq": "79"}}}, "Acme"),
    ("accounts", {"anyContact": {"category": {"eq": "vip"}}}, "AcmeZet"),
    ("accounts", {"anyContact": {"address": {"country": {"eq": "FR"}}}}, "Acme"),
    ("accounts", {"anyContact": {"doNotCall": True, "fullName": {"eq": "ann b"}}}, ""),
    ("accounts", {"and": [{"anyContact": {"doNotCall": True}}, {"anyContact": {"fullName": {"eq": "ann b"}}}]}, "Acme"),
    ("accounts", {"not": {"anyContact": {"firstName": {"eq": "ann"}}}}, "Zet"),
    ("leads", {"fullName": {"eq": "lu l"}}, "L"),
    ("leads", {"rating": {"eq": "Hot"}}, "L"),
    ("leads", {"approval": ["AWAITING"]}, "L"),
    ("leads", {"approval": ["AWAITING", "APPROVED"]}, "LM"),
    ("leads", {"converted": True}, "M"),
    ("leads", {"converted": False}, "L"),
    ("leads", {"converted": True, "emailOptOut": True}, "M"),
]


@pytest.mark.parametrize("few", [0, 1, access_paths.FEW])
async def test_every_filter_finds_what_it_says_by_every_path(
    agent: Caller, records: dict[str, int], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever path leads to the rows, and whichever executor answers."""
    monkeypatch.setattr(access_paths, "FEW", few)
    assert await agent(DELETE, a={"id": f"acc_{records['gone']}"}) == {"deleteAccount": {"userErrors": []}}
    executors = set()
    for root, given, expected in MATCHES:
        query = LISTS[root]
        for document in (query, query[: query.rindex("}")] + INTROSPECTED):
            body = (await agent.post(document, {"f": given}, **{"graphql-cost": "1"})).json()
            assert "errors" not in body, (given, body)
            page = body["data"][root]
            names = [node["name"] for node in page["nodes"]]
            assert ("".join(names), page["totalCount"]) == (expected, len(names)), given
            executors.add((document is query, body["extensions"]["executor"]))
    assert executors == {(True, "compiled"), (False, "resolvers")}


async def test_pages_off_a_record_take_the_same_filters(agent: Caller, records: dict[str, int]) -> None:
    query = """query($f: ContactFilter) { accounts { nodes { name
      contacts(filter: $f) { totalCount nodes { name: lastName } } } } }"""
    for given, expected in (
        ({"category": {"eq": "VIP"}}, {"Acme": "A", "Zet": "C", "Gone": ""}),
        ({"accountMatches": {"kind": ["BUSINESS"]}}, {"Acme": "AB", "Zet": "", "Gone": "D"}),
        ({"address": {"state": {"eq": "rhone"}}}, {"Acme": "A", "Zet": "", "Gone": ""}),
        ({"external": {"dialect": "ZOHO", "value": {"isNull": True}}}, {"Acme": "", "Zet": "C", "Gone": "D"}),
    ):
        for document in (query, query[: query.rindex("}")] + INTROSPECTED):
            data = await agent(document, f=given)
            found = {n["name"]: "".join(c["name"] for c in n["contacts"]["nodes"]) for n in data["accounts"]["nodes"]}
            assert found == expected, given


NULL = "`{}` is null: give a value, or leave the whole out to find all."
NONE = " `isNull: true` finds those that have none."
NOTHING = "`{}` compares with nothing: give one of {}, or leave it out to find all."

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("contacts", {"emailOptOut": None}, NULL.format("filter.emailOptOut")),
    ("accounts", {"kind": None}, NULL.format("filter.kind")),
    ("contacts", {"directMarketing": {}}, NOTHING.format("filter.directMarketing", "`eq`, `isNull`")),
    (
        "contacts",
        {"address": {}},
        NOTHING.format("filter.address", "`city`, `postalCode`, `state`, `country`, `kind`, `active`, `primary`"),
    ),
    ("contacts", {"address": {"city": None}}, NULL.format("filter.address.city")),
    (
        "contacts",
        {"address": {"city": {"eq": " "}}},
        f"`filter.address.city.eq` is blank: give a text to look for.{NONE}",
    ),
    (
        "contacts",
        {"address": {"country": {"eq": "Germany"}}},
        "`filter.address.country.eq` is no code of ISO 3166-1: write DE.",
    ),
    (
        "contacts",
        {"external": {"dialect": "ZOHO", "value": {}}},
        NOTHING.format("filter.external.value", "`eq`, `in`, `notIn`, `isNull`"),
    ),
    (
        "contacts",
        {"external": {"dialect": "ZOHO", "space": "", "value": {"eq": "1"}}},
        "`filter.external.space` is blank: give a text to look for.",
    ),
    ("contacts", {"accountMatches": None}, NULL.format("filter.accountMatches")),
    (
        "contacts",
        {"accountMatches": {"name": {}}},
        NOTHING.format(
            "filter.accountMatches.name", "`eq`, `in`, `notIn`, `startsWith`, `contains`, `endsWith`, `isNull`"
        ),
    ),
    (
        "contacts",
        {"accountMatches": {"anyContact": {"category": {"eq": "A"}}}},
        "`filter.accountMatches` goes on to other records again: one step is the most.",
    ),
    (
        "accounts",
        {"anyContact": {"not": {"accountMatches": {}}}},
        "`filter.anyContact` goes on to other records again: one step is the most.",
    ),
    (
        "accounts",
        {"or": [{"anyContact": {"category": {"eq": "A"}}}] * 6},
        "`filter` has more than 5 conditions on other records.",
    ),
    ("contacts", {"createdAt": {"ago": {}}}, NOTHING.format("filter.createdAt.ago", "`from`, `to`")),
    (
        "contacts",
        {"createdAt": {"ago": {"from": "7 days"}}},
        "`filter.createdAt.ago.from` is no duration of ISO 8601 in whole numbers, e.g. P7D, P1M or PT12H.",
    ),
    (
        "contacts",
        {"createdAt": {"ago": {"to": "P"}}},
        "`filter.createdAt.ago.to` is no duration of ISO 8601 in whole numbers, e.g. P7D, P1M or PT12H.",
    ),
    (
        "contacts",
        {"createdAt": {"ago": {"from": "P1D", "zone": "Mars/Olympus"}}},
        "`filter.createdAt.ago.zone` names no time zone, e.g. Europe/Berlin.",
    ),
    (
        "contacts",
        {"createdAt": {"ago": {"from": "P1D", "zone": "x" * 5000}}},
        "`filter.createdAt.ago.zone` names no time zone, e.g. Europe/Berlin.",
    ),
    ("contacts", {"createdAt": {"ago": {"from": None}}}, NULL.format("filter.createdAt.ago.from")),
]


async def test_what_cannot_be_asked_is_refused_with_its_place(agent: Caller) -> None:
    for root, given, message in REFUSED:
        assert await agent.errors(LISTS[root], f=given) == [("BAD_USER_INPUT", message)], given


async def test_times_ago_are_counted_from_now(
    agent: Caller, core: Core, records: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the days of a time zone, at each request anew, though a document is compiled once."""
    now = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
    moments = {
        "A": now - dt.timedelta(hours=1),
        "B": now - dt.timedelta(days=3),
        "C": dt.datetime(2026, 2, 28, 12, tzinfo=dt.UTC),
    }
    async with core.db.begin() as session:
        await session.execute(update(Contact).values(created_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
        for name, at in moments.items():
            await session.execute(update(Contact).where(Contact.last_name == name).values(created_at=at))
    clock = [now]
    monkeypatch.setattr("crmgraph.crm.query.columns.now", lambda: clock[0])

    async def found(ago: str) -> str:
        query = f"{{ contacts(filter: {{createdAt: {{ago: {{{ago}}}}}}}) {{ nodes {{ lastName }} }} }}"
        return "".join(node["lastName"] for node in (await agent(query))["contacts"]["nodes"])

    assert await found('from: "PT2H"') == "A"
    assert await found('from: "P3D"') == "AB"
    # The clocks went forward meanwhile: three days there are an hour less.
    assert await found('from: "P3D", zone: "Europe/Berlin"') == "A"
    assert await found('from: "PT72H", zone: "Europe/Berlin"') == "AB"
    assert await found('from: "P1M"') == "ABC"  # the 31st of February is the 28th
    assert await found('from: "P1M", to: "P2D"') == "BC"
    assert await found('to: "P1Y"') == "DE"
    assert await found('from: "P9999Y"') == "ABCDE"
    clock[0] += dt.timedelta(hours=2)
    assert await found('from: "PT2H"') == ""
    assert await found('from: "PT3H"') == "A"


async def test_what_the_policy_hides_is_found_through_no_other_record(
    customer: Customer, agent: Caller, nobody: Caller, core: Core
) -> None:
    account = int(customer.account.removeprefix("acc_"))
    await put(core, PartyKind.CONTACT, {"last_name": "Secret", "account_id": account, "category": "VIP"})
    any_contact = {"anyContact": {"category": {"eq": "VIP"}}}
    own = {"accountMatches": {"name": {"eq": "ray ltd"}}}
    for caller, accounts, contacts in ((agent, 1, 2), (customer, 0, 1), (nobody, 0, 0)):
        assert (await caller(LISTS["accounts"], f=any_contact))["accounts"]["totalCount"] == accounts
        assert len((await caller(LISTS["accounts"], f=any_contact))["accounts"]["nodes"]) == accounts
        assert (await caller(LISTS["contacts"], f=own))["contacts"]["totalCount"] == contacts
        hidden = await caller(LISTS["accounts"], f={"not": any_contact})
        assert hidden["accounts"]["totalCount"] == (1 if caller is customer else 0)
