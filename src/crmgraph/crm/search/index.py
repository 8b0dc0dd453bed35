"""The index of terms: what writes it, beside whatever writes the rows and in the same transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import JSON, BigInteger, SmallInteger, Text, bindparam, column, delete, func, insert, select, update
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import SEARCHED_AS, SearchTerm, TermKind
from crmgraph.crm.search import vocabulary
from crmgraph.crm.search.terms import Term
from crmgraph.db.database import database_of

_TABLE: Any = SearchTerm.__table__
_COLUMNS = (
    column("party_id", BigInteger),
    column("term", Text),
    column("field", SmallInteger),
    column("source_id", BigInteger),
    column("kind", SmallInteger),
)
_ADDED = [each.name for each in _COLUMNS]


def kinds_of(records: Iterable[Any]) -> dict[int, TermKind]:
    """{id: among which records its words are looked for} of records as they are now; of other rows nothing."""
    found: dict[int, TermKind] = {}
    for record in records:
        kind = SEARCHED_AS.get(type(record))
        if kind is not None:
            held = vars(record)
            found[held["id"]] = kind if held.get("deleted_at") is None else TermKind.NONE
    return found


async def sort_in(session: AsyncSession, kinds: Mapping[int, TermKind]) -> None:
    """Let the words of records be found as those of live ones, or not any more: a statement for each kind.

    Args:
        kinds: as `kinds_of` tells.
    """
    ids: dict[TermKind, list[int]] = defaultdict(list)
    for party_id, kind in kinds.items():
        ids[kind].append(party_id)
    for kind, of_kind in ids.items():
        sorting = update(_TABLE).where(_TABLE.c.party_id.in_(of_kind), _TABLE.c.kind != int(kind))
        await session.execute(sorting.values(kind=int(kind)))


async def write(
    session: AsyncSession, gone: Sequence[Term], come: Sequence[Term], kinds: Mapping[int, TermKind]
) -> None:
    """Take terms out of the index and put others in; those that are there already stay.

    It takes one statement on PostgreSQL, one for each on SQLite and another for new words, and none where nothing
    changes.

    Args:
        kinds: `kinds_of` the records that terms come to.
    """
    if not gone and not come:
        return
    db = database_of(session)
    if not db.is_sqlite:
        await db.fetch_compiled_in(session, "index terms", _writing, values_of(gone, come, kinds))
        return
    connection = await session.connection()
    if gone:
        same = (_TABLE.c[name] == bindparam(f"own_{name}") for name in Term._fields)
        going = [{f"own_{name}": value for name, value in term._asdict().items()} for term in gone]
        await connection.execute(delete(_TABLE).where(*same), going)
    if come:
        coming = [term._asdict() | {"kind": int(kinds[term.party_id])} for term in come]
        await connection.execute(insert(_TABLE).prefix_with("OR IGNORE"), coming)
        await vocabulary.add(session, come)


# PostgreSQL's parts of a statement.


def values_of(gone: Sequence[Term], come: Sequence[Term], kinds: Mapping[int, TermKind]) -> dict[str, str]:
    """The values of the parameters of `removing`, `adding` and `vocabulary.adding`.

    Args:
        kinds: see `write`.
    """
    going = [
        {"party_id": party, "term": term, "field": place, "source_id": source} for party, term, place, source in gone
    ]
    coming = [
        {"party_id": party, "term": term, "field": place, "source_id": source, "kind": kinds[party]}
        for party, term, place, source in come
    ]
    values = {"gone_terms": orjson.dumps(going).decode(), "new_terms": orjson.dumps(coming).decode()}
    return values | vocabulary.values_of(come)


def removing(*conditions: Any) -> Any:
    """Takes the terms of the parameter `gone_terms` out, as a part of a statement.

    Args:
        conditions: on the table, under which it does.
    """
    each = _given("gone_terms")
    same = (_TABLE.c[name] == each.c[name] for name in Term._fields)
    return delete(_TABLE).where(*same, *conditions).returning(_TABLE.c.party_id).cte("removed_terms")


def adding(source: Any = None) -> Any:
    """Puts the terms of the parameter `new_terms` in, as a part of a statement.

    Args:
        source: the rows of another part, without which nothing is put in.
    """
    each = _given("new_terms")
    taken = select(*each.c)
    if source is not None:
        taken = taken.where(each.c.party_id.in_(select(source.c.id)))
    adding = postgresql.insert(_TABLE).from_select(_ADDED, taken, include_defaults=False)
    return adding.on_conflict_do_nothing().returning(_TABLE.c.party_id).cte("added_terms")


def _writing() -> Any:
    return select(1).add_cte(removing(), adding(), vocabulary.adding())


def _given(name: str) -> Any:
    rows = func.json_to_recordset(as_type(bindparam(name, type_=Text()), JSON)).table_valued(*_COLUMNS)
    return rows.render_derived(name=f"each_of_{name}", with_types=True)
