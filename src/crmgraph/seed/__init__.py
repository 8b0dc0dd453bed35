"""Synthetic volume: accounts, contacts and leads of people who do not exist, the same ones for the same numbers."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Table, text

from crmgraph.crm.models import SEARCHED_AS, SearchTerm
from crmgraph.crm.records import numbers
from crmgraph.crm.search import vocabulary as words
from crmgraph.crm.search.terms import Term, terms_of_values
from crmgraph.db.database import Database
from crmgraph.seed.people import Chunk, People

CHUNK = 2_500
"""Records per transaction."""


async def seed(
    db: Database,
    *,
    accounts: int,
    contacts: int,
    leads: int,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Add records with their phones, emails, addresses and the first entry of their history.

    The same numbers on an empty database give the same people; on top of an earlier run they give the people that
    follow. Contacts are spread over this run's accounts.

    Args:
        accounts, contacts, leads: how many of each.
        progress: told how many more records are there.
    """
    own_accounts: list[tuple[int, str]] = []
    for kind, series, count in (
        ("account", numbers.Series.ACCOUNT, accounts),
        ("contact", numbers.Series.CONTACT, contacts),
        ("lead", numbers.Series.LEAD, leads),
    ):
        for size in (CHUNK,) * (count // CHUNK) + ((count % CHUNK,) if count % CHUNK else ()):
            async with db.begin() as session:
                taken = await numbers.take(session, series, size)
                connection = await session.connection()
                most = {"party": 1, "phone": 2, "email": 2, "address": 2, "change": 1}
                ids = {name: await _reserve(connection, db, name, size * each) for name, each in most.items()}
                people = People(ids["party"], ids)
                chunk = Chunk()
                for number in taken:
                    index = int(number.removeprefix(series.value))
                    if kind == "account":
                        own_accounts.append(people.account(chunk, number, index))
                    elif kind == "contact":
                        owner = own_accounts[index % len(own_accounts)] if own_accounts else (None, "")
                        people.contact(chunk, number, index, *owner)
                    else:
                        people.lead(chunk, number, index)
                terms: set[Term] = set()
                for model, rows in chunk.rows.items():
                    if rows:
                        full = _filled(model.__table__, rows)
                        await _write(connection, db, model.__table__, full)
                        terms.update(term for row in full for term in terms_of_values(model, row))
                kinds = {row["id"]: int(of) for model, of in SEARCHED_AS.items() for row in chunk.rows.get(model, ())}
                found = [term._asdict() | {"kind": kinds[term.party_id]} for term in sorted(terms)]
                await _write(connection, db, SearchTerm.__table__, found)
                await words.add(session, sorted(terms))
            progress(size)
    await db.analyse()


async def _reserve(connection: Any, db: Database, table: str, count: int) -> Iterator[int]:
    """Ids that the table will not mint for anybody else."""
    if db.is_sqlite:
        # The transaction has the only pen.
        row = await connection.execute(
            text("UPDATE sqlite_sequence SET seq = seq + :count WHERE name = :name RETURNING seq"),
            {"count": count, "name": table},
        )
        last = row.scalar_one()
    else:
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": table})
        row = await connection.execute(
            text(f"SELECT setval({sequence}, nextval({sequence}) + :count - 1)"), {"count": count}
        )
        last = row.scalar_one()
    return itertools.count(last - count + 1)


def _filled(table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with every column that the database does not set, so that one prepared statement (or one COPY) takes
    them all."""
    start: dict[str, Any] = {}
    for column in table.columns:
        if column.server_default is not None and column.name not in rows[0]:
            continue
        default: Any = column.default
        start[column.name] = None if default is None else default.arg({}) if default.is_callable else default.arg
    return [start | row for row in rows]


async def _write(connection: Any, db: Database, table: Any, rows: list[dict[str, Any]]) -> None:
    if db.is_sqlite:
        await connection.execute(table.insert(), rows)
        return
    names = list(rows[0])
    dialect = connection.dialect
    processors = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    records = [
        tuple(
            process(row[name]) if process is not None and row[name] is not None else row[name]
            for name, process in zip(names, processors, strict=True)
        )
        for row in rows
    ]
    raw = await connection.get_raw_connection()
    await raw.driver_connection.copy_records_to_table(table.name, records=records, columns=names)
