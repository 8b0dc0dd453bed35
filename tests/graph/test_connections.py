"""Pages: keysets forwards and backwards, totals, and arguments that are refused rather than cut."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm import models
from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.graph.conftest import Caller, put

PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $sort: [ContactSort!]) {
  contacts(first: $first, after: $after, last: $last, before: $before, sort: $sort) {
    totalCount nodes { lastName } edges { cursor node { lastName } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
NAMES = ["Öz", "abel", "Abel", "", "Meyer", "oz", "Zoë"]


@pytest.fixture
async def contacts(core: Core) -> list[int]:
    """Seven contacts, of whom three were created at one moment and some share a name."""
    made = await put(core, PartyKind.CONTACT, *({"last_name": name or "-"} for name in NAMES))
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    async with core.db.begin() as session:
        for n, each in enumerate(made):
            at = moment + dt.timedelta(microseconds=0 if n in (1, 2, 4) else n)
            await session.execute(update(models.Contact).where(models.Contact.id == each).values(created_at=at))
    return made


def names(page: dict[str, Any]) -> list[str]:
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    assert page["pageInfo"]["startCursor"] == (page["edges"][0]["cursor"] if page["edges"] else None)
    assert page["pageInfo"]["endCursor"] == (page["edges"][-1]["cursor"] if page["edges"] else None)
    return [node["lastName"] for node in page["nodes"]]


SORTS = [
    ([], ["Öz", "abel", "Abel", "-", "Meyer", "oz", "Zoë"]),
    ([{"field": "CREATED_AT"}], ["Öz", "abel", "Abel", "Meyer", "-", "oz", "Zoë"]),
    ([{"field": "CREATED_AT", "direction": "DESC"}], ["Zoë", "oz", "-", "Meyer", "Abel", "abel", "Öz"]),
    ([{"field": "LAST_NAME"}], ["-", "abel", "Abel", "Meyer", "Öz", "oz", "Zoë"]),
    (
        [{"field": "LAST_NAME"}, {"field": "CREATED_AT", "direction": "DESC"}],
        ["-", "Abel", "abel", "Meyer", "oz", "Öz", "Zoë"],
    ),
]


@pytest.mark.usefixtures("contacts")
async def test_every_sort_can_be_walked_from_both_ends(agent: Caller, core: Core) -> None:
    async with core.db.begin() as session:
        # So that the id decides between Öz and the three others of one moment.
        await session.execute(
            update(models.Contact)
            .where(models.Contact.last_name == "Öz")
            .values(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        )
    for sort, expected in SORTS:
        for size in (1, 2, 3, 7, 100):
            forwards, cursor = [], None
            while True:
                page = (await agent(PAGE, first=size, after=cursor, sort=sort))["contacts"]
                assert page["totalCount"] == 7
                assert page["pageInfo"]["hasPreviousPage"] == (cursor is not None)
                forwards += names(page)
                cursor = page["pageInfo"]["endCursor"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
            assert forwards == expected, sort
            backwards, cursor = [], None
            while True:
                page = (await agent(PAGE, last=size, before=cursor, sort=sort))["contacts"]
                assert page["pageInfo"]["hasNextPage"] == (cursor is not None)
                backwards = names(page) + backwards
                cursor = page["pageInfo"]["startCursor"]
                if not page["pageInfo"]["hasPreviousPage"]:
                    break
            assert backwards == expected, sort


@pytest.mark.usefixtures("contacts")
async def test_a_row_that_comes_or_goes_ahead_of_a_page_repeats_and_skips_nothing(agent: Caller, core: Core) -> None:
    sort = [{"field": "LAST_NAME"}]
    page = (await agent(PAGE, first=3, sort=sort))["contacts"]
    assert names(page) == ["-", "abel", "Abel"]
    await put(core, PartyKind.CONTACT, {"last_name": "Aachen"})
    abel = "mutation($r: ContactRef!) { deleteContact(input: {contact: $r}) { deletedId } }"
    assert (await agent(abel, r={"number": "CON3"}))["deleteContact"]["deletedId"] is not None
    page = (await agent(PAGE, first=3, after=page["pageInfo"]["endCursor"], sort=sort))["contacts"]
    assert names(page) == ["Meyer", "Öz", "oz"]


@pytest.mark.usefixtures("contacts")
async def test_between_two_cursors(agent: Caller) -> None:
    page = (await agent(PAGE, first=7))["contacts"]
    after, before = page["edges"][1]["cursor"], page["edges"][5]["cursor"]
    assert names((await agent(PAGE, first=10, after=after, before=before))["contacts"]) == ["Abel", "-", "Meyer"]
    assert names((await agent(PAGE, last=2, after=after, before=before))["contacts"]) == ["-", "Meyer"]


@pytest.mark.usefixtures("contacts")
async def test_an_empty_page(agent: Caller) -> None:
    page = (await agent(PAGE, first=0))["contacts"]
    assert names(page) == []
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (7, True)


NO_CURSOR = "`after` is no cursor of this list: give the `cursor` of an edge of the same list and sort."


@pytest.mark.usefixtures("contacts")
async def test_what_cannot_be_paged_is_refused(agent: Caller) -> None:
    cursor = (await agent(PAGE, first=1))["contacts"]["pageInfo"]["endCursor"]
    accounts = "query($a: String) { accounts(after: $a) { nodes { id } } }"
    by_name = [{"field": "LAST_NAME"}]
    for arguments, message in (
        ({"first": 101}, "`first` is 101, and a page has 0 to 100 items."),
        ({"last": 101}, "`last` is 101, and a page has 0 to 100 items."),
        ({"first": -1}, "`first` is -1, and a page has 0 to 100 items."),
        ({"first": 1, "last": 1}, "Ask for `first` or for `last`, not for both."),
        ({"after": "x"}, NO_CURSOR),
        ({"after": cursor + ".1"}, NO_CURSOR),
        ({"after": cursor.partition(".")[0] + ".x"}, NO_CURSOR),
        ({"after": cursor.partition(".")[0] + "." + "9" * 19}, NO_CURSOR),
        ({"before": ""}, NO_CURSOR.replace("after", "before")),
        (
            {"after": cursor, "sort": by_name},
            NO_CURSOR,
        ),
    ):
        assert await agent.errors(PAGE, **arguments) == [("BAD_USER_INPUT", message)], arguments
    assert await agent.errors(accounts, a=cursor) == [("BAD_USER_INPUT", NO_CURSOR)]
    named = (await agent(PAGE, first=1, sort=by_name))["contacts"]["pageInfo"]["endCursor"]
    tag, _, rest = named.partition(".")
    for broken in ("zz", "00", "ff", "", "c3"):
        forged = ".".join([tag, broken, rest.partition(".")[2]])
        answer = await agent.post(PAGE, {"after": forged, "sort": by_name})
        codes = [error["extensions"]["code"] for error in answer.json().get("errors", [])]
        # No name at all is a name like any other: where the list begins.
        assert codes == ([] if broken == "" else ["BAD_USER_INPUT"]), broken


async def test_nested_pages_go_on_for_each_parent(agent: Caller, core: Core) -> None:
    accounts = await put(core, PartyKind.ACCOUNT, {"name": "A"}, {"name": "B"})
    for account in accounts:
        await put(core, PartyKind.CONTACT, *({"last_name": f"{n}", "account_id": account} for n in range(5)))
    nested = """query($after: String, $sort: [ContactSort!]) { accounts { nodes {
      contacts(first: 2, after: $after, sort: $sort) {
        totalCount nodes { lastName } pageInfo { hasNextPage endCursor } } } } }"""
    by_name = [{"field": "LAST_NAME", "direction": "DESC"}]
    both = (await agent(nested, sort=by_name))["accounts"]["nodes"]
    for node in both:
        page = node["contacts"]
        assert [each["lastName"] for each in page["nodes"]] == ["4", "3"]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (5, True)
    # The id breaks the tie: what has the same name and a higher id comes first going down.
    for n, expected in ((0, [["2", "1"], ["2", "1"]]), (1, [["3", "2"], ["2", "1"]])):
        after = both[n]["contacts"]["pageInfo"]["endCursor"]
        again = (await agent(nested, after=after, sort=by_name))["accounts"]["nodes"]
        assert [[each["lastName"] for each in node["contacts"]["nodes"]] for node in again] == expected
