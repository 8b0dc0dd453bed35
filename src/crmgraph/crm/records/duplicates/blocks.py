"""Blocks: records that share something, by which alone they are compared, so that the cost grows with the number of
records and not with that of their pairs.

Each source is read in the order of its keys, some thousand rows at a time. What more than `MAX_BLOCK` records share
tells nothing of whether two of them are one, and is passed over. Names that are written a little differently stand near
each other in the order of names: each is compared with the few that follow it.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import Select, select, tuple_

from crmgraph.crm.models import Address, PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records.duplicates.likeness import SIMILAR, similarity
from crmgraph.crm.records.duplicates.sharing import FIELDS, MAX_BLOCK, MAX_NAMESAKES, compared, name_of

BATCH = 5_000
"""How many rows of a source are read at a time."""
WINDOW = 4
"""With how many of the names that follow it a name is compared."""
Pair: TypeAlias = tuple[int, int]
Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Something that records may share.

    Attributes:
        columns: that are the same.
        query: selects the columns and the record, of live records of a kind.
        is_name: whether neighbours are compared too.
    """

    columns: tuple[Any, ...]
    query: Select[Any]
    is_name: bool = False

    def batch(self, after: Key | None, *, including: bool) -> Select[Any]:
        """The next rows in the order of the keys."""
        query = self.query.order_by(*self.columns).limit(BATCH)
        if after is None:
            return query
        place = tuple_(*self.columns)
        return query.where(place >= after if including else place > after)


def sources(kind: PartyKind) -> Iterator[Source]:
    """What records of a kind are found by."""
    model: Any = MODELS[kind]

    def of_rows(row: Any, *columns: Any) -> Select[Any]:
        return select(*columns, row.party_id).join(model, model.id == row.party_id).where(*compared(kind))

    for field in FIELDS.values():
        yield Source((field.column,), of_rows(field.row, field.column).where(field.only))
    place = (Address.city_key, Address.name_key)
    yield Source(place, of_rows(Address, *place).where(Address.active, *(column > "" for column in place)))
    name = name_of(kind)
    yield Source((name,), select(name, model.id).where(*compared(kind), name > ""), is_name=True)


async def pairs(
    read: Callable[[Select[Any]], Any], kind: PartyKind, progress: Callable[[int], None]
) -> AsyncIterator[set[Pair]]:
    """The pairs that share something, batch by batch; a pair may come again by another source.

    Args:
        read: gives the rows of a query.
        progress: is told how many rows each batch had.
    """
    for source in sources(kind):
        after: Key | None = None
        including = False
        neighbours: list[tuple[str, int]] = []
        while True:
            rows = [tuple(row) for row in await read(source.batch(after, including=including))]
            if not rows:
                break
            last = rows[-1][:-1]
            whole = rows if len(rows) < BATCH else [row for row in rows if row[:-1] != last]
            found = set(_of_blocks(whole, MAX_NAMESAKES if source.is_name else MAX_BLOCK))
            if source.is_name:
                found |= set(_of_neighbours(kind, whole, neighbours))
            progress(len(whole))
            if found:
                yield found
            if len(rows) < BATCH:
                break
            # A block that fills a batch by itself is passed over.
            after, including = last, bool(whole)


def _of_blocks(rows: Iterable[tuple[Any, ...]], most: int) -> Iterator[Pair]:
    for _, block in groupby(rows, key=lambda row: row[:-1]):
        ids = sorted({row[-1] for row in block})
        if len(ids) <= most:
            yield from ((one, other) for i, one in enumerate(ids) for other in ids[i + 1 :])


def _of_neighbours(kind: PartyKind, rows: Iterable[tuple[Any, ...]], before: list[tuple[str, int]]) -> Iterator[Pair]:
    """Pairs of names that stand near each other and are similar, but not the same.

    Args:
        before: the last names of the batch before; is brought up to date.
    """
    for name, own_id in rows:
        for other_name, other in before:
            if other_name != name and similarity(kind, name, other_name) >= SIMILAR:
                yield min(own_id, other), max(own_id, other)
        if not before or before[-1][0] != name:
            before.append((name, own_id))
            del before[:-WINDOW]
