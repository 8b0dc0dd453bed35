"""Finding: the records that a text names, the best hits first.

Every word of the text has to be found in a record, in any of its places, as the beginning of a term. A hit weighs the
sum of its words: each counts the place (`SearchField`) and whether the whole term was typed. Of several words the
rarest one leads to the records, and the others are asked of each: which one that is, is counted first. Where it has
more rows than `FEW`, those words that have less than `COUNTED` are joined; where the others have more, the rows of the
rarest are walked in the order of the index, whole words first, until there are `MOST` hits. See
docs/decisions/search.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import PartyKind, Role, SearchTerm
from crmgraph.crm.policy import MODELS, Actor, sees_all, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.access_paths import literal
from crmgraph.crm.search.question import Word, readings, variants
from crmgraph.crm.values.folding import prefix_end
from crmgraph.crm.values.search_terms import LAST
from crmgraph.db.database import database_of

COUNTED = 40_000
"""How far the rows of a word are counted, to know which one is the rarest."""
FEW = 2_000
"""How many rows of the index are rather all looked at than walked in their order."""
MOST = 200
"""How many hits a search has at most."""
MAX_VARIANTS = 8
"""How many words that are one mistake away are looked for together."""
_SIZES = (1, 2, 4, MAX_VARIANTS)
"""Of how many words such a part of a question is made."""
MAX_MISTYPED = 3
"""How many words of a text are taken for mistyped, one after the other, the longest first."""
_FORGIVEN = 100
"""What a mistake adds to the weight of a hit."""
_BEGIN = (-_FORGIVEN, 0)
"""What stands before every hit."""
_TERM: Any = SearchTerm.__table__


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found. Hits are sorted by `weight`, then `id`.

    Attributes:
        words: what it was found by: the question, with what was mistyped put right.
    """

    weight: int
    id: int
    kind: PartyKind
    words: tuple[Word, ...] = ()


async def find(
    session: AsyncSession,
    actor: Actor,
    text: str,
    kinds: Collection[PartyKind],
    *,
    limit: int = MOST,
    after: tuple[int, int] | None = None,
) -> list[Hit]:
    """The first hits of a text among the live records that an actor may see.

    It takes a statement for one word and two for several; where nothing is found, a few more for what was mistyped.

    Args:
        limit: how many hits; no more than `MOST` are ever told.
        after: weight and id of the hit before the wanted ones.
    """
    asked = tuple(kind for kind in PartyKind if kind in kinds and (sees_all(actor) or kind in _own(actor)))
    if not asked or limit < 1:
        return []
    search = _Search(session, actor, asked, min(limit, MOST), after)
    read = readings(text)
    for words in read:
        if (found := await search.page(words)) is not None:
            return found
    return await search.forgiving(read[-1]) if read else []


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the text of a statement depends on.

    Attributes:
        prefixes: how many each word has.
        driver: the number of the word whose index leads to the records.
        walked: whether that is walked in its order, and not all looked at.
        joined: the numbers of the words whose rows are all read, and joined; none where the driver leads.
    """

    prefixes: tuple[int, ...]
    driver: int
    walked: bool
    joined: tuple[int, ...]
    kinds: tuple[PartyKind, ...]

    @property
    def asked(self) -> list[int]:
        """The numbers of the words that each record is asked for."""
        return [i for i in range(len(self.prefixes)) if i != self.driver and i not in self.joined]


@dataclass(frozen=True, slots=True)
class _Search:
    """A search of one actor for some kinds of record."""

    session: AsyncSession
    actor: Actor
    kinds: tuple[PartyKind, ...]
    limit: int
    after: tuple[int, int] | None

    async def page(self, words: tuple[Word, ...], penalty: int = 0) -> list[Hit] | None:
        """The wanted hits of one reading; None where it has no hits at all, wherever the page begins."""
        if found := await self.hits(words, penalty):
            return found
        if self.after is not None and await replace(self, after=None, limit=1).hits(words):
            return []
        return None

    async def hits(self, words: tuple[Word, ...], penalty: int = 0) -> list[Hit]:
        """The hits of one reading."""
        counts = tuple(len(word.prefixes) for word in words)
        joined: tuple[int, ...] = ()
        driver, walked = 0, len(words) == 1 and sees_all(self.actor)
        if len(words) > 1 and sees_all(self.actor):
            sizes = await self._sizes(words)
            if 0 in sizes:
                return []
            driver = min(range(len(words)), key=lambda i: (sizes[i], -len(words[i].prefixes[0])))
            if sizes[driver] > FEW:
                joined = tuple(i for i, size in enumerate(sizes) if size < COUNTED)
                joined = joined if len(joined) > 1 else ()
                walked = not joined
        shape = _Shape(counts, driver, walked, joined, self.kinds)
        weight, own_id = self.after or _BEGIN
        values = _values(words) | visibility_values(self.actor)
        values |= {"after_weight": weight - penalty, "after_id": own_id, "most": self.limit}
        key = ("search", shape, visibility_key(self.actor))
        actor, sqlite = self.actor, database_of(self.session).is_sqlite
        rows = await snapshots.rows_of(self.session, key, lambda: _hits(sqlite, shape, actor), values, chosen=True)
        return [Hit(row[0] + penalty, row[1], PartyKind(row[2]), words) for row in rows]

    async def forgiving(self, words: tuple[Word, ...]) -> list[Hit]:
        """The hits where one word was mistyped."""
        sizes = await self._sizes(words)
        unknown = [i for i, size in enumerate(sizes) if not size]
        if len(unknown) > 1:
            return []
        by_length = sorted(range(len(words)), key=lambda i: -len(words[i].prefixes[0]))
        for i in unknown or by_length[:MAX_MISTYPED]:
            if right := await self._right(variants(words[i])):
                # Of few sizes, so that there are few statements: what stands there twice is found once.
                size = next(size for size in _SIZES if size >= len(right))
                meant = (*words[:i], Word((*right, *right[-1:] * (size - len(right)))), *words[i + 1 :])
                if (found := await self.page(meant, _FORGIVEN)) is not None:
                    return found
        return []

    async def _sizes(self, words: tuple[Word, ...]) -> list[int]:
        """How many rows of the index each word has, `COUNTED` at most."""
        counts = tuple(len(word.prefixes) for word in words)
        actor, values = self.actor, _values(words) | visibility_values(self.actor)
        key = ("sizes of words", counts, visibility_key(actor))
        ((*sizes,),) = await snapshots.rows_of(self.session, key, lambda: _sizes(counts, actor), values, chosen=True)
        return sizes

    async def _right(self, words: list[str]) -> list[str]:
        """Those of these words with which a term begins, whole terms first, `MAX_VARIANTS` at most."""
        if not words:
            return []
        actor, sqlite = self.actor, database_of(self.session).is_sqlite
        values = {"words": orjson.dumps(words).decode(), "last": LAST} | visibility_values(actor)
        key = ("words in the index", visibility_key(actor))
        rows = await snapshots.rows_of(self.session, key, lambda: _known(sqlite, actor), values)
        return [row[0] for row in sorted(rows, key=lambda row: (not row[1], -len(row[0]), row[0]))][:MAX_VARIANTS]


def _own(actor: Actor) -> dict[PartyKind, int]:
    """The records of a customer; nobody else has any."""
    own = {PartyKind.CONTACT: actor.contact_id, PartyKind.ACCOUNT: actor.account_id}
    return {kind: each for kind, each in own.items() if each is not None and actor.role is Role.CUSTOMER}


def _values(words: Sequence[Word]) -> dict[str, str]:
    """The values of the parameters of `_within`."""
    found: dict[str, str] = {}
    for i, word in enumerate(words):
        for j, prefix in enumerate(word.prefixes):
            found |= {f"w{i}_{j}": prefix, f"w{i}_{j}_end": prefix_end(prefix) or prefix + LAST}
    return found


def _within(table: Any, word: int, prefix: int) -> ColumnElement[bool]:
    """Whether a term begins with a prefix of a word: a range of the index."""
    kind = _TERM.c.term.type
    begin, end = bindparam(f"w{word}_{prefix}", type_=kind), bindparam(f"w{word}_{prefix}_end", type_=kind)
    return and_(table.c.term >= begin, table.c.term < end)


def _own_within(table: Any, party_id: Any, word: int, prefix: int) -> ColumnElement[bool]:
    """The same of the terms of one record. Compared as pairs, which only the index of records and terms answers: that
    of terms would lead to everybody who has the word."""
    kind = _TERM.c.term.type
    begin, end = bindparam(f"w{word}_{prefix}", type_=kind), bindparam(f"w{word}_{prefix}_end", type_=kind)
    own = tuple_(table.c.party_id, table.c.term)
    return and_(own >= tuple_(party_id, begin), own < tuple_(party_id, end))


def _weight(table: Any, word: int, count: int) -> ColumnElement[int]:
    """What a term weighs as a hit of a word: by its place, and whether it is the whole term."""
    kind = _TERM.c.term.type
    whole = or_(*(table.c.term == bindparam(f"w{word}_{j}", type_=kind) for j in range(count)))
    weight: ColumnElement[int] = table.c.field * literal(2) + case((whole, literal(0)), else_=literal(1))
    return weight


def _hits(sqlite: bool, shape: _Shape, actor: Actor) -> Select[Any]:
    """The statement of the hits of some words: weight, id and kind, the best first."""
    who = with_parameters(actor)
    found = _joined(shape) if shape.joined else _led(sqlite, shape, who)
    weights = [_best(found.c.party_id, i, shape.prefixes[i]).label(f"weight{i}") for i in shape.asked]
    weighed = _fenced(sqlite, select(found.c.party_id, found.c.weight, *weights), "weighed")
    parts = [weighed.c[each.name] for each in weights]
    total: Any = weighed.c.weight
    for part in parts:
        total = total + part
    summed = select(total.label("weight"), weighed.c.party_id).where(*(part.is_not(None) for part in parts))
    if not sqlite:
        # The records are asked in this order, until the page is full.
        summed = summed.order_by(total, weighed.c.party_id)
    hits = _fenced(sqlite, summed, "hits")
    listed: Any = select(hits.c.weight, hits.c.party_id)
    if not shape.walked:
        listed = listed.where(_is_live(hits.c.party_id, shape.kinds, who))
    weight: Any = bindparam("after_weight", type_=Integer())
    later = and_(hits.c.weight == weight, hits.c.party_id > bindparam("after_id", type_=BigInteger()))
    listed = listed.where(or_(hits.c.weight > weight, later))
    if sqlite:
        listed = listed.order_by(hits.c.weight, hits.c.party_id)
    page = listed.limit(bindparam("most", type_=Integer())).subquery("page")
    kinds = [(_live(page.c.party_id, kind, who), literal_column(f"'{kind.value}'", Text())) for kind in shape.kinds]
    query = select(page.c.weight, page.c.party_id, case(*kinds).label("kind"))
    return query.order_by(page.c.weight, page.c.party_id)


def _joined(shape: _Shape) -> Any:
    """The records that have several words, of which none has many rows: each is read once, and they are joined."""
    sources = []
    for i in shape.joined:
        parts = [
            select(_TERM.c.party_id, _weight(_TERM, i, shape.prefixes[i]).label("weight")).where(_within(_TERM, i, j))
            for j in range(shape.prefixes[i])
        ]
        rows: Any = (parts[0] if len(parts) == 1 else union_all(*parts)).subquery(f"rows{i}")
        best = select(rows.c.party_id, func.min(rows.c.weight).label("weight")).group_by(rows.c.party_id)
        sources.append(best.subquery(f"having{i}"))
    first, *others = sources
    joined: Any = first
    total: Any = first.c.weight
    for other in others:
        joined = joined.join(other, other.c.party_id == first.c.party_id)
        total = total + other.c.weight
    return select(first.c.party_id, total.label("weight")).select_from(joined).subquery("found")


def _led(sqlite: bool, shape: _Shape, actor: Actor) -> Any:
    """The records that the index of one word leads to."""
    leading = _leading(sqlite, shape, actor, shape.asked).subquery("leading")
    own = func.min(_weight(leading, shape.driver, shape.prefixes[shape.driver]))
    return select(leading.c.party_id, own.label("weight")).group_by(leading.c.party_id).subquery("found")


def _leading(sqlite: bool, shape: _Shape, actor: Actor, others: Sequence[int]) -> Any:
    """The rows of the index that lead to the records."""
    parts = []
    for j in range(shape.prefixes[shape.driver]):
        query = select(_TERM.c.party_id, _TERM.c.term, _TERM.c.field).where(_within(_TERM, shape.driver, j))
        query = query.where(*_told(actor))
        if shape.walked:
            have = (_best(_TERM.c.party_id, i, shape.prefixes[i]).is_not(None) for i in others)
            walk = query.where(*have).order_by(_TERM.c.term, _TERM.c.field, _TERM.c.party_id)
            # What the index of terms answers is asked first, and the record only of what is left.
            row = _fenced(sqlite, walk, f"walk{j}")
            most = -(-MOST // shape.prefixes[shape.driver])
            query = select(*row.c).where(_is_live(row.c.party_id, shape.kinds, actor)).limit(literal(most))
        parts.append(query)
    if len(parts) == 1:
        return parts[0]
    return union_all(*(select(*part.subquery().c) for part in parts))


def _fenced(sqlite: bool, query: Select[Any], name: str) -> Any:
    """The rows of a query as a source, whose conditions are asked before those around it."""
    return (query if sqlite else query.offset(literal(0))).subquery(name)


def _best(party_id: Any, word: int, count: int) -> Any:
    """The least that a word weighs in a record; null where it has no such term."""
    own = _TERM.alias(f"word{word}")
    each = [
        select(func.min(_weight(own, word, count))).where(_own_within(own, party_id, word, j)).correlate(party_id.table)
        for j in range(count)
    ]
    if count == 1:
        return each[0].scalar_subquery()
    # With one condition for all, all terms of the record would be read.
    least = union_all(*each).subquery()
    return select(func.min(least.c[0])).scalar_subquery()


def _is_live(party_id: Any, kinds: Sequence[PartyKind], actor: Actor) -> ColumnElement[bool]:
    return or_(*(_live(party_id, kind, actor) for kind in kinds))


def _live(party_id: Any, kind: PartyKind, actor: Actor) -> ColumnElement[bool]:
    """Whether there is a record of a kind that the actor may see. No planner makes a join of this, or reads a table."""
    model = MODELS[kind]
    query = select(literal(1)).where(model.id == party_id, visible(actor, model)).limit(literal(1))
    return query.correlate(party_id.table).scalar_subquery().is_not(None)


def _told(actor: Actor) -> list[ColumnElement[bool]]:
    """The conditions of those rows of the index that the answer to an actor may depend on: what a customer is told must
    not depend on the words of others."""
    return [] if sees_all(actor) else [_TERM.c.party_id.in_(_own(with_parameters(actor)).values())]


def _sizes(counts: tuple[int, ...], actor: Actor) -> Select[Any]:
    columns = []
    for i, count in enumerate(counts):
        sizes = []
        for j in range(count):
            query = select(literal(1)).select_from(_TERM).where(_within(_TERM, i, j), *_told(actor))
            rows = query.limit(literal(COUNTED)).subquery()
            sizes.append(select(func.count()).select_from(rows).scalar_subquery())
        total: Any = sizes[0]
        for size in sizes[1:]:
            total = total + size
        columns.append(total.label(f"size{i}"))
    return select(*columns)


def _known(sqlite: bool, actor: Actor) -> Select[Any]:
    word: Any
    given: Any = bindparam("words", type_=Text())
    if sqlite:
        word = func.json_each(given).table_valued("value").c.value
    else:
        listed = func.jsonb_array_elements_text(as_type(given, JSONB)).table_valued("value", name="word")
        word = listed.c.value
    word = as_type(word, Text())
    if not sqlite:
        word = word.collate("C")
    end = word.concat(bindparam("last", type_=Text()))
    begins = select(literal(1)).where(_TERM.c.term >= word, _TERM.c.term < end, *_told(actor)).limit(literal(1))
    whole = select(literal(1)).where(_TERM.c.term == word, *_told(actor)).limit(literal(1))
    is_whole = whole.correlate_except(_TERM).scalar_subquery().is_not(None)
    return select(word, is_whole).where(begins.correlate_except(_TERM).scalar_subquery().is_not(None))
