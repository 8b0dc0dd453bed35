"""What leads to the records that have a part of a text somewhere in one of theirs: the parts of words of the search
index, which find records that are asked then; or, where a column has few different values, all of those."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from crmgraph.crm.models import COMPLETE, Address, SearchPart, SearchTerm
from crmgraph.crm.query.columns import PARTED_IN
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.values.search_terms import AFTER_RUN, FIRST, INNER, LONG

MOST_VALUES = 2_000
"""How many values of a column are looked at, each found by a step of its own in the index."""
_TERM: Any = SearchTerm.__table__


def are_complete() -> ColumnElement[bool]:
    """Whether all words have their parts. Before, other paths have to answer."""
    mark = select(SearchPart.field).where(SearchPart.field == literal_column(str(COMPLETE)))
    return mark.limit(literal_column("1")).scalar_subquery().is_not(None)


def by_parts(sql: Sql, column: Any, begin: int, most: int) -> Select[Any]:
    """The records that have words with a part in a range, whose bounds are values from this number on.

    A word that only others have, records of another kind or deleted ones, is a null among them: so it counts where rows
    are counted, and however many such words there are, not more of them are looked up than rows are wanted.

    Args:
        column: of which a part is looked for.
        most: how many records of one word are wanted at most.
    """
    fields = [literal_column(str(int(field)), Integer()) for field in PARTED_IN[column]]
    kind = SearchPart.part.type
    first, end = (bindparam(f"{sql.prefix}{number}", type_=kind) for number in (begin, begin + 1))

    def of_fields(at: Any) -> ColumnElement[bool]:
        return or_(*(at == field for field in fields)) if len(fields) == 1 else at.in_(fields)

    table: Any = SearchPart.__table__.alias("part")
    in_range = and_(of_fields(table.c.field), table.c.part >= first, table.c.part < end)
    long = select(_TERM.c.party_id).where(sql.is_searched(), _TERM.c.term == _text(LONG), of_fields(_TERM.c.field))
    if sql.sqlite:
        whole, *others = terms_of(table, sql.is_searched())
        led = [select(_TERM.c.party_id).select_from(table.outerjoin(_TERM, whole.whereclause)).where(in_range)]
        led += [query.with_only_columns(_TERM.c.party_id).where(in_range) for query in others]
    else:
        # Fenced, or PostgreSQL, which takes them for many, would read the table for the first of them.
        part = select(table.c.field, table.c.word).where(in_range).offset(literal_column("0")).subquery("word")
        # It cannot turn this round: else it might read all terms, to look each up among the words.
        each = (
            query.with_only_columns(_TERM.c.party_id).correlate(part) for query in terms_of(part, sql.is_searched())
        )
        limited = (query.limit(literal_column(str(most), Integer())).subquery() for query in each)
        own = union_all(*(select(rows.c.party_id) for rows in limited)).lateral("own")
        led = [select(own.c.party_id).select_from(part).outerjoin(own, true())]
    either = union_all(*led, long).subquery()
    return select(either.c.party_id)


def terms_of(part: Any, of_kinds: ColumnElement[bool]) -> list[Select[Any]]:
    """The queries of the terms that a word leads to, each a range of the index: those that are it, that go on with
    something else, and that are there for it alone.

    Args:
        part: a row of `SearchPart`.
        of_kinds: whether they are of the kinds that are asked for.
    """
    term, word = _TERM.c.term, part.c.word
    longer = and_(term >= word.concat(_text(FIRST)), term < word.concat(_text(AFTER_RUN)))
    ways = (term == word, longer, term == _text(INNER).concat(word))
    return [select(_TERM.c.term).where(of_kinds, _TERM.c.field == part.c.field, way) for way in ways]


def rows_of(model: Any) -> Select[Any]:
    """The records that are there, or those which addresses that are active belong to."""
    if model is Address:
        return select(Address.party_id).where(Address.active)
    return select(model.id).where(model.deleted_at.is_(None))


def values_of(key: Any) -> Any:
    """The values of a column in rows that are there, `MOST_VALUES` and one more of them at most.

    Args:
        key: an index begins with it, in which each value is found by one step.
    """
    rows = rows_of(key.class_)
    least = rows.with_only_columns(func.min(key)).scalar_subquery()
    found = select(least.label("value"), literal_column("1", Integer()).label("number")).cte(recursive=True)
    later = rows.with_only_columns(func.min(key)).where(key > found.c.value).correlate(found).scalar_subquery()
    number = found.c.number + literal_column("1")
    more = select(later, number).where(found.c.value.is_not(None), found.c.number <= literal_column(str(MOST_VALUES)))
    found = found.union_all(more)
    return select(found.c.value).where(found.c.value.is_not(None)).cte()


def _text(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'", SearchTerm.term.type)
