"""The statements of a search: what finds the hits of some words, counts the rows of words, and looks words up.

Their texts depend on how many words there are and how many prefixes each has; the words are parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import JSONB

from crmgraph.crm.models import TERM_KINDS, PartyKind, Role, SearchField, SearchTerm
from crmgraph.crm.policy import MODELS, Actor, sees_all, visible, with_parameters
from crmgraph.crm.query.access_paths import literal
from crmgraph.crm.search.question import Word
from crmgraph.crm.values.folding import prefix_end
from crmgraph.crm.values.search_terms import LAST

MOST = 200
"""How many hits a search has at most."""
_TERM: Any = SearchTerm.__table__


@dataclass(frozen=True, slots=True)
class Shape:
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


def own_of(actor: Actor) -> dict[PartyKind, int]:
    """The records of a customer; nobody else has any."""
    own = {PartyKind.CONTACT: actor.contact_id, PartyKind.ACCOUNT: actor.account_id}
    return {kind: each for kind, each in own.items() if each is not None and actor.role is Role.CUSTOMER}


def values_of(words: Sequence[Word]) -> dict[str, str]:
    """The values of the parameters of `within`."""
    found: dict[str, str] = {}
    for i, word in enumerate(words):
        for j, prefix in enumerate(word.prefixes):
            found |= {f"w{i}_{j}": prefix, f"w{i}_{j}_end": prefix_end(prefix) or prefix + LAST}
    return found


def within(table: Any, word: int, prefix: int) -> ColumnElement[bool]:
    """Whether a term begins with a prefix of a word: a range of the index."""
    kind = _TERM.c.term.type
    begin, end = bindparam(f"w{word}_{prefix}", type_=kind), bindparam(f"w{word}_{prefix}_end", type_=kind)
    return and_(table.c.term >= begin, table.c.term < end)


def own_within(table: Any, party_id: Any, word: int, prefix: int) -> ColumnElement[bool]:
    """The same of the terms of one record. Compared as pairs, which only the index of records and terms answers: that
    of terms would lead to everybody who has the word."""
    kind = _TERM.c.term.type
    begin, end = bindparam(f"w{word}_{prefix}", type_=kind), bindparam(f"w{word}_{prefix}_end", type_=kind)
    own = tuple_(table.c.party_id, table.c.term)
    return and_(own >= tuple_(party_id, begin), own < tuple_(party_id, end))


def weight_of(table: Any, word: int, count: int) -> ColumnElement[int]:
    """What a term weighs as a hit of a word: by its place, and whether it is the whole term."""
    kind = _TERM.c.term.type
    whole = or_(*(table.c.term == bindparam(f"w{word}_{j}", type_=kind) for j in range(count)))
    weight: ColumnElement[int] = table.c.field * literal(2) + case((whole, literal(0)), else_=literal(1))
    return weight


def hits(sqlite: bool, shape: Shape, actor: Actor) -> Select[Any]:
    """The statement of the hits of some words: weight, id and kind (a `TermKind`), the best first."""
    who = with_parameters(actor)
    found = _joined(shape) if shape.joined else _led(sqlite, shape, who)
    weights = [best_of(found.c.party_id, i, shape.prefixes[i]).label(f"weight{i}") for i in shape.asked]
    weighed = fenced(sqlite, select(found.c.party_id, found.c.kind, found.c.weight, *weights), "weighed")
    parts = [weighed.c[each.name] for each in weights]
    total: Any = weighed.c.weight
    for part in parts:
        total = total + part
    summed = select(total.label("weight"), weighed.c.party_id, weighed.c.kind)
    summed = summed.where(*(part.is_not(None) for part in parts))
    if not sqlite:
        # The records are asked in this order, until the page is full.
        summed = summed.order_by(total, weighed.c.party_id)
    hits = fenced(sqlite, summed, "hits")
    listed: Any = select(hits.c.weight, hits.c.party_id, hits.c.kind).where(_is_there(hits, shape.kinds, who))
    weight: Any = bindparam("after_weight", type_=Integer())
    later = and_(hits.c.weight == weight, hits.c.party_id > bindparam("after_id", type_=BigInteger()))
    listed = listed.where(or_(hits.c.weight > weight, later))
    if sqlite:
        listed = listed.order_by(hits.c.weight, hits.c.party_id)
    page = listed.limit(bindparam("most", type_=Integer())).subquery("page")
    return select(*page.c).order_by(page.c.weight, page.c.party_id)


def _joined(shape: Shape) -> Any:
    """The records that have several words, of which none has many rows: each is read once, and they are joined."""
    sources = []
    for i in shape.joined:
        parts = [
            select(_TERM.c.party_id, _TERM.c.kind, weight_of(_TERM, i, shape.prefixes[i]).label("weight")).where(
                is_of(shape.kinds), within(_TERM, i, j)
            )
            for j in range(shape.prefixes[i])
        ]
        rows: Any = (parts[0] if len(parts) == 1 else union_all(*parts)).subquery(f"rows{i}")
        best = select(rows.c.party_id, rows.c.kind, func.min(rows.c.weight).label("weight"))
        best = best.group_by(rows.c.party_id, rows.c.kind)
        sources.append(best.subquery(f"having{i}"))
    first, *others = sources
    joined: Any = first
    total: Any = first.c.weight
    for other in others:
        joined = joined.join(other, other.c.party_id == first.c.party_id)
        total = total + other.c.weight
    return select(first.c.party_id, first.c.kind, total.label("weight")).select_from(joined).subquery("found")


def _led(sqlite: bool, shape: Shape, actor: Actor) -> Any:
    """The records that the index of one word leads to."""
    leading = _leading(sqlite, shape, actor, shape.asked).subquery("leading")
    own = func.min(weight_of(leading, shape.driver, shape.prefixes[shape.driver]))
    query = select(leading.c.party_id, leading.c.kind, own.label("weight"))
    return query.group_by(leading.c.party_id, leading.c.kind).subquery("found")


def _leading(sqlite: bool, shape: Shape, actor: Actor, others: Sequence[int]) -> Any:
    """The rows of the index that lead to the records."""
    parts = []
    for j in range(shape.prefixes[shape.driver]):
        query = select(_TERM.c.party_id, _TERM.c.kind, _TERM.c.term, _TERM.c.field).where(
            within(_TERM, shape.driver, j)
        )
        if shape.walked:
            row = _walk(sqlite, [query.where(is_of([kind])) for kind in shape.kinds], f"walk{j}")
            have = (best_of(row.c.party_id, i, shape.prefixes[i]).is_not(None) for i in others)
            share = -(-MOST // shape.prefixes[shape.driver])
            parts.append(select(*row.c).where(*have).limit(literal(share)))
        else:
            parts.append(query.where(*of_actor(actor, shape.kinds)))
    if len(parts) == 1:
        return parts[0]
    return union_all(*(select(*part.subquery().c) for part in parts))


def _walk(sqlite: bool, kinds: Sequence[Select[Any]], name: str) -> Any:
    """Rows of the index in the order of their words, as a source of which no more are read than are taken: those of
    each kind lie in this order, and are merged.

    What else is asked of a row is asked when its turn comes. Asked before they are merged, the rows of a kind of which
    none has it would all be read.
    """
    rows = kinds[0].subquery() if len(kinds) == 1 else union_all(*kinds).subquery()
    walk = select(*rows.c).order_by(rows.c.term, rows.c.field, rows.c.party_id)
    return (walk.limit(literal(-1)) if sqlite else walk.offset(literal(0))).subquery(name)


def fenced(sqlite: bool, query: Select[Any], name: str) -> Any:
    """The rows of a query as a source, whose conditions are asked before those around it."""
    return (query if sqlite else query.offset(literal(0))).subquery(name)


def best_of(party_id: Any, word: int, count: int, field: SearchField | None = None) -> Any:
    """The least that a word weighs in a record; null where it has no such term.

    Args:
        field: where the term has to be; anywhere without it.
    """
    own = _TERM.alias(f"word{word}")
    there = [] if field is None else [own.c.field == literal(int(field))]
    weight = select(func.min(weight_of(own, word, count))).where(*there).correlate(party_id.table)
    each = [weight.where(own_within(own, party_id, word, j)) for j in range(count)]
    if count == 1:
        return each[0].scalar_subquery()
    # With one condition for all, all terms of the record would be read.
    least = union_all(*each).subquery()
    return select(func.min(least.c[0])).scalar_subquery()


def _is_there(hits: Any, kinds: Sequence[PartyKind], actor: Actor) -> ColumnElement[bool]:
    """Whether a hit is of one of these kinds, and a record that the actor may see: each is asked for once."""
    each = [(hits.c.kind == literal(TERM_KINDS[kind]), is_live(hits.c.party_id, kind, actor)) for kind in kinds]
    return case(*each, else_=false())


def is_live(party_id: Any, kind: PartyKind, actor: Actor) -> ColumnElement[bool]:
    """Whether there is a record of a kind that the actor may see. No planner makes a join of this, or reads a table."""
    model = MODELS[kind]
    query = select(literal(1)).where(model.id == party_id, visible(actor, model)).limit(literal(1))
    return query.correlate(party_id.table).scalar_subquery().is_not(None)


def is_of(kinds: Sequence[PartyKind]) -> ColumnElement[bool]:
    """Whether a row of the index is a word of live records of these kinds."""
    numbers = [literal(TERM_KINDS[kind]) for kind in kinds]
    condition: ColumnElement[bool] = _TERM.c.kind == numbers[0] if len(numbers) == 1 else _TERM.c.kind.in_(numbers)
    return condition


def of_actor(actor: Actor, kinds: Sequence[PartyKind]) -> list[ColumnElement[bool]]:
    """The condition of those rows of the index that the answer to an actor may depend on: what a customer is told must
    not depend on the words of others, which are few and found by their records."""
    return [is_of(kinds) if sees_all(actor) else _TERM.c.party_id.in_(own_of(with_parameters(actor)).values())]


def sizes(counts: tuple[int, ...], actor: Actor, several: Sequence[Sequence[PartyKind]], most: int) -> Select[Any]:
    """The statement of how many rows of the index each word has in records of some kinds, then of the next, `most` at
    most."""
    columns: list[Any] = []
    for kinds, (i, count) in product(several, enumerate(counts)):
        sizes = []
        for j in range(count):
            query = select(literal(1)).select_from(_TERM).where(within(_TERM, i, j))
            rows = query.where(*of_actor(actor, kinds)).limit(literal(most)).subquery()
            sizes.append(select(func.count()).select_from(rows).scalar_subquery())
        total: Any = sizes[0]
        for size in sizes[1:]:
            total = total + size
        columns.append(total.label(f"size{len(columns)}"))
    return select(*columns)


def known(sqlite: bool, actor: Actor, kinds: Sequence[PartyKind]) -> Select[Any]:
    """The statement of those of the parameter `words` with which a term of records of these kinds begins, and whether
    it is one."""
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
    theirs = of_actor(actor, kinds)
    begins = select(literal(1)).where(_TERM.c.term >= word, _TERM.c.term < end, *theirs).limit(literal(1))
    whole = select(literal(1)).where(_TERM.c.term == word, *theirs).limit(literal(1))
    is_whole = whole.correlate_except(_TERM).scalar_subquery().is_not(None)
    return select(word, is_whole).where(begins.correlate_except(_TERM).scalar_subquery().is_not(None))
