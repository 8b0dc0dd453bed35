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

from sqlalchemy import Select, func, not_, select, tuple_

from crmgraph.crm.models import Account, Address, Email, ExternalId, Lead, PartyKind, Phone
from crmgraph.crm.models.contact_points import CLAIMED
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records.duplicates.likeness import SIMILAR, similarity
from crmgraph.crm.records.external_ids import CONTENT

BATCH = 5_000
"""How many rows of a source are read at a time."""
MAX_BLOCK = 20
"""The most records that are compared because they share something."""
MAX_NAMESAKES = 3
"""The same, where it is the name alone: one that more have says nothing of whether two of them are one."""
WINDOW = 4
"""With how many of the names that follow it a name is compared."""
MIN_EXTERNAL = 6
"""The shortest id of another system that tells anything, in characters."""

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
    live = [model.deleted_at.is_(None)]
    if model is Lead:
        live.append(Lead.converted_at.is_(None))

    def of_rows(row: Any, *columns: Any) -> Select[Any]:
        return select(*columns, row.party_id).join(model, model.id == row.party_id).where(*live)

    yield Source(
        (Email.address_key,),
        of_rows(Email, Email.address_key).where(Email.active, not_(CLAIMED), Email.address_key > ""),
    )
    yield Source((Phone.e164,), of_rows(Phone, Phone.e164).where(Phone.active, Phone.e164.is_not(None)))
    yield Source(
        (Address.city_key, Address.name_key),
        of_rows(Address, Address.city_key, Address.name_key).where(
            Address.active, Address.city_key > "", Address.name_key > ""
        ),
    )
    named = of_rows(ExternalId, ExternalId.value)
    told = (ExternalId.live.is_(True), ExternalId.alias.is_(False), ExternalId.dialect != CONTENT)
    yield Source((ExternalId.value,), named.where(*told, func.length(ExternalId.value) >= MIN_EXTERNAL))
    name = model.name_key if model is Account else model.full_name_key
    yield Source((name,), select(name, model.id).where(*live, name > ""), is_name=True)


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
