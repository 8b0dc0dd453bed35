"""What two records told at any door is told by the one that comes of them, or said not to be taken."""

from typing import Any

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.vocabulary import history_path
from tests.agreement import values
from tests.agreement.doors import BIRTH, CONSENTS, Values, clients
from tests.agreement.test_records import OWNER, STAMPS, drawn, others, tries, world
from tests.agreement.world import World
from tests.merging.world import ident, merged

DOORS = {
    PartyKind.CONTACT: ("graphql", "covalense", "zoho", "crmcom", "valomnia"),
    PartyKind.ACCOUNT: ("graphql", "zoho", "crmcom", "valomnia"),
    PartyKind.LEAD: ("graphql", "zoho"),
}
"""Where a record of each kind is read by its id; Covalense's door tells the one whose the login is."""
STRICT = {"email_opt_out": True, "sms_opt_out": True, "do_not_call": True, "do_not_disturb": True} | dict.fromkeys(
    CONSENTS, False
)
MAIN = {"phones": ("raw",), "emails": ("address",), "addresses": ("street", "city", "postal_code")}
__all__ = ["others", "world"]


@pytest.mark.parametrize("kind", list(PartyKind))
@tries
@seed(14)
@given(data=st.data())
async def test_the_union_is_told_at_every_door(
    world: World, others: dict[PartyKind, list[int]], kind: PartyKind, data: Any
) -> None:
    doors = clients(world)
    graph = doors["graphql"]
    stays, goes = [
        await graph.create(kind, drawn(data, doors, "graphql", kind, others, creating=True)) for _ in range(2)
    ]
    if kind is PartyKind.CONTACT:
        goes.token = await world.let_in(goes.number, f"own.{next(values.serial)}@example.com")
    mine = {name: await doors[name].values(stays) for name in DOORS[kind] if name != "covalense"}
    theirs = {name: await doors[name].values(goes) for name in DOORS[kind]}
    rows = [await graph.rows(each) for each in (stays, goes)]

    payload = await merged(graph, stays, goes)
    assert payload["userErrors"] == []
    dropped = {each["field"] for each in payload["dropped"]}
    assert {each["of"] for each in payload["dropped"]} == {ident(goes)}

    for part, columns in MAIN.items():
        kept = [[row[name] for name in columns if name in row] for row in (await graph.rows(stays))[part]]
        for row in (row for each in rows for row in each[part]):
            assert [row[name] for name in columns if name in row] in kept
    for name in DOORS[kind]:
        after = await doors[name].values(goes)
        if name != "covalense":
            direct = await doors[name].values(stays)
            assert {str(p): (after[p], direct[p]) for p in after if after[p] != direct[p]} == {}
            told(name, after, mine[name], theirs[name], dropped)
        else:
            # The login goes with whoever stays: what they see is what the others tell of the contact.
            told(name, after, {}, theirs[name], dropped)


def told(door: str, after: Values, mine: Values, theirs: Values, dropped: set[str]) -> None:
    """Whether everything is told that either told, or was dropped."""
    for place, value in after.items():
        if place in STAMPS or place.column == "number":
            continue
        if place == OWNER and door == "zoho":
            continue  # Zoho tells a record that nobody owns as its program's own
        own, other = mine.get(place), theirs[place]
        if place.rows and not mine:
            continue
        if place.rows:
            whole = {at.slot for at in mine if at.rows == place.rows and mine[at] is not None}
            if place.slot in whole:
                assert value == own or own is None, place
            elif other is not None:
                assert value is not None, place
        elif STRICT.get(place.column) in (own, other) and place.column in STRICT:
            assert value is STRICT[place.column], place
        elif place == BIRTH and (door != "graphql" or value == _together(own, other)):
            continue  # they say one thing, of which other doors do not tell a part
        elif other in (None, False, "") or value == other:
            assert not mine or value in (own, other), place
        else:
            names = ("birth_day", "birth_month", "birth_year") if place == BIRTH else (place.column,)
            assert {history_path(name) for name in names} & dropped, (place, own, other, value)
            assert not mine or value == own or place == BIRTH, (place, own, other, value)


def _together(one: Any, other: Any) -> Any:
    return tuple(a or b for a, b in zip(one, other, strict=True)) if one and other else one or other
