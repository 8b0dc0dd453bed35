"""What holds in a copy of the tree in which "Add a field" was carried out: pytest is given this file there."""

from crmgraph.crm.models import PartyKind
from crmgraph.lineage import DOORS, Place
from tests.agreement.doors import Record, clients
from tests.agreement.world import founded
from tests.conftest import Running

PRONOUNS = Place("pronouns")


async def test_what_one_door_writes_every_door_reads(running: Running) -> None:
    world = await founded(running)
    doors = clients(world)
    record = await doors["graphql"].create(PartyKind.CONTACT, {Place("last_name"): "Gray", PRONOUNS: "they"})
    record = Record(PartyKind.CONTACT, record.number, await world.let_in(record.number, "own@example.com"))
    # Valomnia's requests bring these each time.
    account = await doors["graphql"].create(PartyKind.ACCOUNT, {Place("name"): "Gray Ltd"})
    own = {Place("first_name"): "Ann", Place("last_name"): "Gray", Place("account_id"): account.number}
    await doors["graphql"].change(record, own)
    wrote = []
    assert [(await doors[door].values(record))[PRONOUNS] for door in DOORS] == ["they"] * 5
    for writer in DOORS:
        if PRONOUNS in doors[writer].written(PartyKind.CONTACT):
            wrote.append(writer)
            await doors[writer].change(record, (own if writer == "valomnia" else {}) | {PRONOUNS: f"as {writer} says"})
            read = {door: (await doors[door].values(record))[PRONOUNS] for door in DOORS}
            assert read == dict.fromkeys(DOORS, f"as {writer} says")
    assert wrote == list(DOORS)
