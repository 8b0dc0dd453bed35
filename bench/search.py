"""The search as somebody types: what each letter costs, over a database that is there.

Records are drawn at random, and looked for as people look for them: by one name or two in any order, by a name and a
city, an email, the beginning of a number and its last digits, and now and then with a mistake. Each text is asked
letter by letter from the second one on, a page of ten, one after the other, by the statements that the product runs.

    crmgraph seed --accounts 20000 --contacts 1000000 --leads 100000
    python -m bench.search postgresql://... --texts 200
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, select

from crmgraph.crm.models import Address, Contact, Door, Email, PartyKind, Phone, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.search.finding import find
from crmgraph.db.database import Database

PAGE = 10
"""How many hits are asked for."""
DRAWN = 500
"""How many contacts are drawn."""
_STAFF = Actor(Door.GRAPHQL, Role.AGENT)


async def drawn(db: Database, dice: random.Random) -> list[dict[str, str]]:
    """What is known of some contacts."""
    async with db.read() as session:
        first, last = (await session.execute(select(func.min(Contact.id), func.max(Contact.id)))).one()
        found = []
        while len(found) < DRAWN:
            near = select(Contact).where(Contact.id >= dice.randint(first, last)).order_by(Contact.id).limit(1)
            contact = await session.scalar(near)
            if contact is None or not contact.last_name:
                continue
            known = {"first": contact.first_name or "", "last": contact.last_name}
            for name, column in (("email", Email.address), ("phone", Phone.raw), ("city", Address.city)):
                query = select(column).where(column.class_.party_id == contact.id).order_by(column.class_.rank).limit(1)
                known[name] = await session.scalar(query) or ""
            found.append(known)
    return found


def mistyped(word: str, dice: random.Random) -> str:
    """The word with two letters swapped, or one left out."""
    i = dice.randrange(1, max(2, len(word) - 1))
    swapped = word[:i] + word[i : i + 2][::-1] + word[i + 2 :]
    return dice.choice((swapped, word[:i] + word[i + 1 :]))


def texts(known: dict[str, str], dice: random.Random) -> Iterator[tuple[str, str]]:
    """(what it is, a text) by which somebody looks for a contact."""
    first, last, city = known["first"], known["last"], known["city"]
    yield "one name", dice.choice((first, last))
    yield "two names", f"{first} {last}"
    yield "two names, the last one first", f"{last} {first}"
    yield "a mistake", f"{first} {mistyped(last, dice)}"
    if city:
        yield "a name and a city", f"{dice.choice((first, last))} {city}"
    if known["email"]:
        yield "an email", known["email"]
    if known["phone"]:
        digits = "".join(filter(str.isdecimal, known["phone"]))
        yield "a number", known["phone"]
        yield "its last digits", digits[-6:]


async def measured(db: Database, count: int, seed: int) -> dict[str, list[tuple[float, str]]]:
    """{what it is: (milliseconds, text) of each letter} of so many texts of each kind."""
    dice = random.Random(seed)
    people = await drawn(db, dice)
    costs: dict[str, list[tuple[float, str]]] = defaultdict(list)
    kinds = tuple(PartyKind)
    for known in dice.choices(people, k=count):
        for what, text in texts(known, dice):
            for length in range(2, len(text) + 1):
                typed = text[:length]
                begin = time.perf_counter()
                async with db.read() as session:
                    await find(session, _STAFF, typed, kinds, limit=PAGE + 1)
                costs[what].append((1_000 * (time.perf_counter() - begin), typed))
    return costs


def told(costs: dict[str, list[tuple[float, str]]]) -> Iterator[str]:
    """A line for each kind of text, and one for all of them."""
    yield f"{'':<32}{'letters':>8}{'median':>9}{'p95':>9}{'p99':>9}  the slowest"
    every = [each for of_kind in costs.values() for each in of_kind]
    for what, of_kind in [*costs.items(), ("all", every)]:
        times: Sequence[Any] = sorted(cost for cost, _ in of_kind)
        slowest = max(of_kind)
        figures = (statistics.median(times), times[int(0.95 * len(times))], times[int(0.99 * len(times))])
        line = "".join(f"{figure:>9.2f}" for figure in figures)
        yield f"{what:<32}{len(times):>8}{line}  {slowest[0]:.1f} ms: {slowest[1]!r}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="the database, seeded")
    parser.add_argument("--texts", type=int, default=100, help="contacts that are looked for")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    db = Database(given.url, pool_size=1)
    try:
        await measured(db, 5, 0)  # what is compiled is compiled by now
        sys.stdout.writelines(f"{line}\n" for line in told(await measured(db, given.texts, given.seed)))
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(main())
