"""What a search answers: its hits are found first, by statements of their own (`crm/search`); what is selected of them
is a part of the statement of the document, which is given their ids as one parameter."""

from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from crmgraph.crm.models import Account, Contact, PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.json_text import Pieces, joined, members
from crmgraph.crm.search.matching import READ, ROWS
from crmgraph.graph.compiled.finishing import is_finished
from crmgraph.graph.compiled.page import reads_rows
from crmgraph.graph.compiled.statement import Builder, or_null, over
from crmgraph.graph.compiled.tree import Cursor, Edges, Found, Matched, PageInfo, Records, Total
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.types import search

KINDS: dict[Any, PartyKind] = {model: kind for kind, model in MODELS.items()}
"""{model: the kind of its records}."""


async def values_of(context: Context, root: Found, asked: search.SearchRequest) -> dict[str, str]:
    """The values of the parameters that `found` has for what is found now."""
    cut = await search.cut(context, asked, counted=any(isinstance(field, Total) for field in root.fields))
    hits = [(hit.kind.value, hit.id, asked.cursor(hit)) for hit in cut.hits]
    words = [word.prefixes for word in cut.hits[0].words] if cut.hits else []
    told = {
        "hits": hits,
        "words": words,
        "totalCount": cut.total,
        "hasNextPage": cut.after,
        "hasPreviousPage": cut.before,
        "startCursor": hits[0][2] if hits else None,
        "endCursor": hits[-1][2] if hits else None,
    }
    return {f"n{root.number}_{name}": orjson.dumps(value).decode() for name, value in told.items()}


def found(builder: Builder, root: Found) -> Pieces:
    """The JSON of a search."""
    hits = builder.source(_rows(builder, _told(root, "hits")))
    text = members((field.key, _field(builder, root, field, hits)) for field in root.fields)
    return [over(hits, text)] if any(map(_reads_rows, root.fields)) else text


def _told(root: Found, name: str) -> Any:
    return bindparam(f"n{root.number}_{name}", type_=Text())


def _reads_rows(field: Any) -> bool:
    return isinstance(field, Records) or reads_rows(field)


def _rows(builder: Builder, hits: Any) -> Select[Any]:
    """The hits of a page in their order: `kind`, `id` and `cursor`."""
    rows: Any
    place: Any
    if builder.write.sqlite:
        rows = func.json_each(hits).table_valued("value", "key")
        kind, own_id, cursor = (func.json_extract(rows.c.value, literal_column(f"'$[{i}]'")) for i in range(3))
        place = rows.c.key
    else:
        listed = func.jsonb_array_elements(cast(hits, JSONB)).table_valued("value", with_ordinality="place", name="hit")
        rows = listed.render_derived()
        kind, own_id, cursor = (
            func.jsonb_array_element_text(rows.c.value, literal_column(str(i), Integer())) for i in range(3)
        )
        place = rows.c.place
    columns: list[Any] = [
        cast(kind, Text()).label("kind"),
        cast(own_id, BigInteger()).label("id"),
        cast(cursor, Text()).label("cursor"),
    ]
    return select(*columns).select_from(rows).order_by(place)


def _field(builder: Builder, root: Found, field: Any, hits: Any) -> Pieces:
    match field:
        case Records():
            return ["[", builder.write.listed(_record(builder, field, hits)), "]"]
        case Edges(fields=fields):
            text = members((inner.key, _of_edge(builder, root, inner, hits)) for inner in fields)
            return ["[", builder.write.listed(joined(text)), "]"]
        case PageInfo(fields=ends):
            return members((key, ['"PageInfo"'] if name == "__typename" else [_told(root, name)]) for key, name in ends)
        case Total():
            return [_told(root, "totalCount")]
    return [f'"{field.name}"']


def _of_edge(builder: Builder, root: Found, field: Any, hits: Any) -> Pieces:
    match field:
        case Cursor():
            return ['"', hits.c.cursor, '"']
        case Records():
            return [_record(builder, field, hits)]
        case Matched():
            return _matched(builder, root, hits)
    return [f'"{field.name}"']


def _record(builder: Builder, records: Records, hits: Any) -> Any:
    """The record of a hit; NULL, which no list has, where it has gone since it was found."""
    is_told = is_finished(records, builder.refused)
    texts = []
    for place, (model, tree) in enumerate(records.kinds):
        tag = place if is_told else None
        own = (model.id == hits.c.id, *builder.seen(model))
        texts.append((_is_of(hits, model), builder.row(tree, model, *own, parent=hits, tag=tag)))
    return case(*texts)


def _is_of(hits: Any, model: Any) -> Any:
    return hits.c.kind == literal_column(f"'{KINDS[model].value}'", Text())


def _matched(builder: Builder, root: Found, hits: Any) -> Pieces:
    """What `search.matched_in` makes the matches of a hit of."""
    records = []
    for place, model in enumerate(MODELS.values()):
        row = builder.source(_columns(model).where(model.id == hits.c.id, *builder.seen(model)), hits)
        records.append((_is_of(hits, model), over(row, [f"[{place},", *_values(builder, model, row), "]"])))
    lists: list[Any] = []
    for model in ROWS:
        query = _columns(model).where(model.party_id == hits.c.id, model.active).order_by(model.rank, model.id)
        rows = builder.source(query, hits)
        lists += [",[", over(rows, [builder.write.listed(joined(_values(builder, model, rows)))]), "]"]
    return ["[", _told(root, "words"), ",", case(*records), ",", _account_name(builder, hits), *lists, "]"]


def _account_name(builder: Builder, hits: Any) -> Any:
    """The name of the account of a contact; null where there is none."""
    name = select(Account.name).join_from(Contact, Account, Contact.account_id == Account.id)
    row = builder.source(name.where(Contact.id == hits.c.id, *builder.seen(Account)), hits)
    return or_null(over(row, builder.write.raw(row.c.name)))


def _columns(model: Any) -> Select[Any]:
    return select(*(getattr(model, name) for name in READ[model]))


def _values(builder: Builder, model: Any, row: Any) -> Pieces:
    values: list[Any] = []
    for name in READ[model]:
        values += [",", *builder.write.raw(row.c[name])]
    return ["[", *values[1:], "]"]
