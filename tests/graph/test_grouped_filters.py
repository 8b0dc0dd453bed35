"""Each group holds what it counts: the connection inside has it, and so has the filter of the same values by itself."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.identity import staff
from crmgraph.crm.models import PartyKind, Role
from crmgraph.crm.query.groups import groupings
from tests.graph.conftest import Caller, put

CHOSEN = {
    "category": ("VIP", "vip", "Old"),
    "life_cycle_state": ("Lost", "Löst"),
    "account_type": ("Customer", "CUSTOMER"),
    "industry": ("Steel", "Food"),
    "rating": ("hot", "Hot", "Cold"),
    "segment": ("SMB", " "),
    "status": ("Öpen", "open", "Closed"),
    "source": ("Web", "fair"),
}
KINDS = {"kind": ("BUSINESS", "INDIVIDUAL"), "approval": ("APPROVED", "AWAITING")}
NAMES = {PartyKind.CONTACT: "contact", PartyKind.ACCOUNT: "account", PartyKind.LEAD: "lead"}


def addresses(chance: random.Random) -> list[dict[str, Any]]:
    """Addresses of which any may be the primary one, whatever it is for and whenever it was written."""
    kinds = ("HOME", "BILLING", "SHIPPING", "OTHER")
    return [
        {"kind": chance.choice(kinds), "active": chance.random() < 0.7, "primary": chance.random() < 0.4}
        | ({"country": country} if (country := chance.choice(("DE", "FR", None))) else {})
        for _ in range(chance.randrange(4))
    ]


def values(chance: random.Random, kind: PartyKind, names: list[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        given = chance.choice((*CHOSEN.get(name, KINDS.get(name, ())), None))
        if given is not None:
            yield name, given


@pytest.fixture
async def records(core: Core, agent: Caller) -> None:
    chance = random.Random(7)
    async with core.db.begin() as session:
        owners = [(await staff.add_staff(session, n, f"{n}@example.com", Role.AGENT, None)).id for n in ("eva", "tom")]
    accounts: list[int] = []
    for kind in (PartyKind.ACCOUNT, PartyKind.CONTACT, PartyKind.LEAD):
        made = []
        for _ in range(30):
            record = dict(values(chance, kind, [name for name in groupings(kind) if name in {**CHOSEN, **KINDS}]))
            record["name" if kind is PartyKind.ACCOUNT else "last_name"] = "X"
            record |= {"owner_id": owner} if (owner := chance.choice((*owners, None))) else {}
            if kind is PartyKind.CONTACT and (account := chance.choice((*accounts[:4], None))):
                record["account_id"] = account
            made.append(record | {"addresses": addresses(chance)})
        ids = await put(core, kind, *made)
        if kind is PartyKind.ACCOUNT:
            accounts = ids
    for given in ({"account": {"id": f"acc_{accounts[0]}"}}, {"account": {"number": "ACC7"}}):
        delete = "mutation($i: DeleteAccountInput!) { deleteAccount(input: $i) { userErrors { code } } }"
        assert await agent(delete, i=given) == {"deleteAccount": {"userErrors": []}}


def asked(by: str, key: Any) -> dict[str, Any]:
    """The filter that asks for what a group has in common."""
    name = by.split("_")[0].lower() + "".join(word.title() for word in by.split("_")[1:])
    match by:
        case "COUNTRY":
            country = {"isNull": False} if key is None else {"eq": key}
            same = {"address": {"primary": True, "country": country}}
            return {"not": same} if key is None else same
        case "KIND" | "APPROVAL":
            return {name: [key]} if key else {"not": {name: list(KINDS[name])}}
        case "CREATED_MONTH":
            first = dt.datetime.strptime(key, "%Y-%m").replace(tzinfo=dt.UTC)
            after = (first + dt.timedelta(days=32)).replace(day=1)
            return {"createdAt": {"gte": first.isoformat(), "lt": after.isoformat()}}
    return {name: {"isNull": True} if key is None else {"eq": key}}


async def test_a_group_holds_what_it_counts_and_what_its_filter_finds(agent: Caller, records: None) -> None:
    for kind in PartyKind:
        await compare(agent, kind)


async def compare(agent: Caller, kind: PartyKind) -> None:
    """Compare the groups of a kind by each value, by two and by three, with lists of their own."""
    chance = random.Random(kind.value)
    name, title = NAMES[kind], kind.value.title()
    every = [each.upper() for each in groupings(kind)]
    lists = f"{name}s(first: 100) {{ totalCount nodes {{ id }} }}"
    groups = (
        f"query($by: [{title}Group!]!, $f: {title}Filter) {{ {name}Groups(by: $by, filter: $f, first: 100) {{"
        f" keys count totalGroups {lists} }} {name}s(filter: $f) {{ totalCount }} }}"
    )
    within = {"country": {"eq": "DE"}}
    asks = [([each], {}) for each in every] + [(chance.sample(every, 2), {}), (chance.sample(every, 3), within)]
    alone = f"query($f: {title}Filter) {{ {lists.replace('first: 100', 'first: 100, filter: $f')} }}"
    for by, among in asks:
        data = await agent(groups, by=by, f=among)
        rows = data[f"{name}Groups"]
        assert len(rows) == rows[0]["totalGroups"] > (by != ["CREATED_MONTH"]), by
        assert sum(row["count"] for row in rows) == data[f"{name}s"]["totalCount"], by
        told = [[node["id"] for node in row[f"{name}s"]["nodes"]] for row in rows]
        assert [row["count"] for row in rows] == [row[f"{name}s"]["totalCount"] for row in rows], by
        assert [row["count"] for row in rows] == [len(ids) for ids in told], by
        assert len({each for ids in told for each in ids}) == sum(map(len, told)), by
        for row in rows if len(by) == 1 else rows[:3]:
            same = [asked(*each) for each in zip(by, row["keys"], strict=True)]
            data = await agent(alone, f={"and": [*same, among]})
            assert data[f"{name}s"] == row[f"{name}s"], same
