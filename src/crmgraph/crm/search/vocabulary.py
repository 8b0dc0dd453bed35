"""The words whose parts are kept: whether all of them are there, and the removal of those that nobody has any more.

Who writes a word that is there already writes nothing of it, so that it must not go in the same moment. On PostgreSQL
the table is locked against writers while words go, for milliseconds; SQLite has one writer anyway.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

import orjson
import structlog
from sqlalchemy import (
    JSON,
    CursorResult,
    Integer,
    SmallInteger,
    Text,
    and_,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy import cast as as_type
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import COMPLETE, SearchPart, SearchTerm, TermKind
from crmgraph.crm.query.parts import are_complete, terms_of
from crmgraph.crm.search.parts import Run, parts_of, runs_of
from crmgraph.crm.search.terms import Term
from crmgraph.crm.values.search_terms import MAX_TERM
from crmgraph.db.database import Database, database_of
from crmgraph.db.errors import BUSY, diagnose

log = structlog.get_logger(__name__)

LOOKED_AT = 2_000
"""How many words are looked at by one statement."""
PATIENCE = 200
"""How long the removal of words waits for writers, in milliseconds, before it is left for later."""

_PARTS: Any = SearchPart.__table__
_RUN: Any = (column("field", SmallInteger), column("run", Text), column("word", Text), column("ends", Integer))
_KEY = (_PARTS.c.field, _PARTS.c.part, _PARTS.c.word)


async def is_complete(db: Database) -> bool:
    """Whether all words have their parts, so that the index is asked for parts of texts."""
    async with db.read() as session:
        return bool(await session.scalar(select(are_complete())))


async def complete(session: AsyncSession) -> None:
    """Note that all words have their parts."""
    if not await session.scalar(select(are_complete())):
        await session.execute(insert(_PARTS).values(field=COMPLETE, part="", word=""))


async def lacking(session: AsyncSession, terms: Iterable[Term]) -> list[Run]:
    """The runs that lead to some terms and have no parts yet."""
    found = await session.execute(_SQLITE_LACKING if database_of(session).is_sqlite else _LACKING, values_of(terms))
    return [Run(*row) for row in found]


async def add(session: AsyncSession, terms: Sequence[Term]) -> None:
    """Keep the parts of the words of some terms, those that are not there yet: one statement, or none."""
    if not runs_of(terms):
        return
    values = values_of(terms)
    db = database_of(session)
    if db.is_sqlite:
        await (await session.connection()).execute(_SQLITE_PARTS, values)
    else:
        await db.fetch_compiled_in(session, "index runs", lambda: select(1).add_cte(adding()), values)


def values_of(terms: Iterable[Term]) -> dict[str, str]:
    """The value of the parameter of `adding`."""
    return {"new_runs": orjson.dumps([run._asdict() for run in runs_of(terms)]).decode()}


def adding(source: Any = None) -> Any:
    """Keeps the parts of the parameter `new_runs` that are not there yet, as a part of a statement.

    Args:
        source: the rows of another part, without which nothing is kept.
    """
    fresh = _lacking()
    if source is not None:
        fresh = fresh.where(select(source.c.id).limit(literal_column("1")).scalar_subquery().is_not(None))
    # Fenced: else each would be looked up once for each of its parts.
    new = fresh.offset(literal_column("0")).subquery("new_run")
    number = func.generate_series(literal_column("1"), new.c.ends).table_valued("value", name="number").render_derived()
    parts = select(new.c.field, func.substr(new.c.run, number.c.value), new.c.word).join_from(new, number, true())
    adding = insert(_PARTS).from_select(["field", "part", "word"], parts, include_defaults=False)
    return adding.returning(_PARTS.c.field).cte("added_parts")


def _lacking() -> Any:
    each = func.json_to_recordset(as_type(bindparam("new_runs", type_=Text()), JSON)).table_valued(*_RUN)
    run = each.render_derived(name="each_run", with_types=True)
    return select(*run.c).where(_is_lacking(run.c.field, run.c.run, run.c.word))


def _is_lacking(field: Any, run: Any, word: Any) -> Any:
    """Whether a word has no parts yet. No planner makes a join of this, for which it would read the table."""
    own = _PARTS.alias("own")
    found = select(own.c.field).where(own.c.field == field, own.c.part == run, own.c.word == word)
    return found.limit(literal_column("1")).scalar_subquery().is_(None)


async def forget(db: Database) -> int:
    """Remove the words that no record has any more, a few at a time, each in its own transaction. Returns how many."""
    count = 0
    last: tuple[int, str, str] = (0, "", "")
    while True:
        async with db.read() as session:
            rows = (await session.execute(_WALK, dict(zip(("field", "part", "word"), last, strict=True)))).all()
        if unused := list({(field, word) for field, _, word, is_unused in rows if is_unused}):
            count += await _remove(db, unused)
        if len(rows) < LOOKED_AT:
            return count
        last = tuple(rows[-1][:3])
        await asyncio.sleep(0.01)  # others first


async def _remove(db: Database, words: Sequence[tuple[int, str]]) -> int:
    """Remove some words in its own transaction: those that nobody has even now, and none where writers keep the table.
    Returns how many."""

    async def removed(session: AsyncSession) -> int:
        if not db.is_sqlite:
            await session.execute(text(f"SET LOCAL lock_timeout = {PATIENCE}"))
            await session.execute(text("LOCK TABLE search_part IN SHARE ROW EXCLUSIVE MODE"))
        count = 0
        for field, word in words:
            own = _PARTS.c.field == field, _PARTS.c.part.in_(parts_of(field, word)), _PARTS.c.word == word
            gone = await session.execute(delete(_PARTS).where(*own, _is_unused(_PARTS)))
            count += bool(cast(CursorResult[Any], gone).rowcount)
        return count

    try:
        return await db.transact(removed)
    except Exception as error:
        if diagnose(error).reason != BUSY:
            raise
        log.info("words that nobody has are left for later: the table is written", words=len(words))
        return 0


def _is_unused(part: Any) -> Any:
    of_any = SearchTerm.kind.in_([literal_column(str(int(kind)), Integer()) for kind in TermKind])
    return and_(*(~query.correlate(part).exists() for query in terms_of(part, of_any)))


def _walk() -> Any:
    """The words after a place, each by a part that it begins with, and whether nobody has them."""
    after = tuple_(*_KEY) > tuple_(*(bindparam(column.name, type_=column.type) for column in _KEY))
    # Of a domain whose first run is not where it begins any will do.
    begins = func.substr(_PARTS.c.word, literal_column("1"), func.length(_PARTS.c.part)) == _PARTS.c.part
    query = select(*_KEY).where(after, or_(begins, _PARTS.c.word < "a")).order_by(*_KEY).limit(LOOKED_AT)
    part = query.subquery("part")
    return select(*part.c, _is_unused(part)).order_by(*part.c)


_WALK = _walk()


def _sqlite_lacking() -> Any:
    each = func.json_each(bindparam("new_runs", type_=Text())).table_valued("value", name="each_run")
    values = (as_type(func.json_extract(each.c.value, f"$.{column.name}"), column.type) for column in _RUN)
    field, run, word, ends = (value.label(column.name) for value, column in zip(values, _RUN, strict=True))
    return select(field, run, word, ends).select_from(each).where(_is_lacking(field, run, word))


def _sqlite_parts() -> Any:
    # Fenced, as above.
    new = _sqlite_lacking().limit(literal_column("-1")).subquery("new_run")
    number = func.json_each(json.dumps(list(range(1, MAX_TERM + 1)))).table_valued("value", name="number")
    parts = select(new.c.field, func.substr(new.c.run, number.c.value), new.c.word)
    parts = parts.join_from(new, number, number.c.value <= new.c.ends)
    return insert(_PARTS).from_select(["field", "part", "word"], parts, include_defaults=False)


_LACKING, _SQLITE_LACKING, _SQLITE_PARTS = _lacking(), _sqlite_lacking(), _sqlite_parts()
