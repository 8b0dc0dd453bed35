"""PostgreSQL's statements of a row set. Rows come as JSON, of which its own functions make rows of a table."""

from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    ClauseElement,
    ColumnElement,
    Text,
    bindparam,
    column,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import ARRAY

from crmgraph.crm.models import Account, Address, Change, Contact, Email, ExternalId, Lead, Note, Party, Phone, Relation
from crmgraph.crm.search import index, vocabulary

WRITTEN: tuple[Any, ...] = (Party, Account, Contact, Lead, Phone, Email, Address, Relation, Note, ExternalId, Change)
"""The models in the order in which their rows name each other."""
_SET_BY_DATABASE: dict[Any, tuple[str, ...]] = {ExternalId: ("id",), Change: ("id", "transaction_id")}
"""The columns that the database sets as rows are written: of what nothing names the id too."""


def as_json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def given(name: str) -> Any:
    return as_type(bindparam(name, type_=Text()), JSON)


@cache
def inserting() -> ClauseElement:
    """One statement for all tables: references are checked when all of it is there."""
    ctes: list[Any] = []
    for model in WRITTEN:
        table: Any = model.__table__
        nothing: Any = literal_column(f"CAST(NULL AS {table.name})")
        rows = func.json_populate_recordset(nothing, given(table.name)).table_valued(*_names(table))
        names = [name for name in _names(table) if name not in _SET_BY_DATABASE.get(model, ())]
        taken = select(*(rows.c[name] for name in names))
        ctes.append(insert(table).from_select(names, taken, include_defaults=False).cte(f"new_{table.name}"))
    return select(literal(1)).add_cte(*ctes, index.removing(), index.adding(), vocabulary.adding())


@cache
def updating(model: Any) -> ClauseElement:
    """Each row gets the columns that are named of it, and keeps the others."""
    table: Any = model.__table__
    before = table.alias("before")
    each = func.json_array_elements(given("rows")).table_valued(column("value", JSON), name="each")
    row = func.json_populate_record(literal_column("before"), each.c.value).table_valued(*_names(table))
    now = row.lateral("now")
    own_id = as_type(func.json_extract_path_text(each.c.value, "id"), BigInteger)
    return (
        update(table)
        .values({name: now.c[name] for name in _names(table) if name != "id"})
        .where(before.c.id == own_id, _named(before.c.id), now.c.id == before.c.id, table.c.id == before.c.id)
    )


@cache
def renaming() -> ClauseElement:
    table: Any = Address.__table__
    named = func.json_to_recordset(given("rows")).table_valued(column("id", BigInteger), column("name_key", Text))
    named = named.render_derived(name="named", with_types=True)
    return (
        update(table).values(name_key=named.c.name_key).where(table.c.party_id == named.c.id, _named(table.c.party_id))
    )


def _named(own_id: Any) -> ColumnElement[bool]:
    # The ids by themselves let the planner go by the index, however few rows the table has.
    array = ARRAY(BigInteger())
    held = func.any(as_type(bindparam("ids", type_=array), array))
    return own_id == held  # type: ignore[no-any-return]  # SQLAlchemy's == of Any


def _names(table: Any) -> list[str]:
    return [each.name for each in table.c]
