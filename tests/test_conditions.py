"""Conditions find the same records on both databases, and the same as a few lines of Python."""

import datetime as dt
import operator
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Select, Text, literal_column, select

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import (
    FIRST_MINTED_ID,
    Account,
    AccountKind,
    Address,
    Contact,
    Door,
    Email,
    EmailKind,
    PartyKind,
    Phone,
    PhoneKind,
    Role,
)
from crmgraph.crm.policy import Actor
from crmgraph.crm.query import access_paths
from crmgraph.crm.query.conditions import And, By, Compare, ExtraValue, HasPoint, Not, Op, Or, Point, Where, WholeDate
from crmgraph.crm.query.offset_pages import count, find_ids
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.slots import FIRST, SECOND
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.phone_numbers import parse_phone
from crmgraph.crm.values.text import email_key
from crmgraph.db.database import Database
from tests.conftest import statements

REGION = "DE"
STAFF = Actor(Door.OPERATOR, Role.AGENT, region=REGION)
BIRTH = WholeDate(Contact.birth_year, Contact.birth_month, Contact.birth_day)


def rows(**lists: Sequence[dict[str, Any]]) -> dict[str, RowEdits]:
    return {name: RowEdits(list(each)) for name, each in lists.items()}


def phone(raw: str, kind: PhoneKind = PhoneKind.MOBILE, active: bool = True) -> dict[str, Any]:
    return {"kind": kind, "raw": raw, "active": active}


def email(address: str) -> dict[str, Any]:
    return {"kind": EmailKind.BUSINESS, "address": address}


def address(city: str | None, country: str | None = None, active: bool = True) -> dict[str, Any]:
    return {"kind": "HOME", "city": city, "country_name": country, "active": active}


MIXED = {"text": "Golf", "number": 12.5, "flag": True, "list": ["Golf", "Tennis", {"name": "Swim"}], "empty": []}
EDITS: dict[PartyKind, list[Edit]] = {
    PartyKind.ACCOUNT: [
        Edit(
            {
                "name": "Ångström",
                "status": "Open",
                "kind": AccountKind.BUSINESS,
                "employees": 5,
                "annual_revenue": Decimal("136.67"),
                "established_on": dt.date(1999, 12, 31),
                "email_opt_out": True,
            },
            **rows(
                phones=[
                    phone("+49 151 23456789"),
                    phone("030 9", PhoneKind.FAX),
                    phone("call me", PhoneKind.OTHER),
                    phone("0170 1", PhoneKind.HOME, active=False),
                ],
                emails=[email("A@Example.com"), email("second@example.com")],
                addresses=[address("Köln", "Germany"), address("Berlin", active=False)],
            ),
            extra_fields={"zoho": MIXED},
        ),
        Edit(
            {"name": "angstrom 100%_x", "status": "open", "employees": 2**40, "annual_revenue": Decimal(9)},
            **rows(phones=[phone("0151 23456789")], emails=[email("second@EXAMPLE.com")], addresses=[address("koln")]),
            extra_fields={"zoho": {"text": "golf", "number": "12.50", "list": ["tennis", 7], "flag": False}},
        ),
        Edit({"name": "O'Brien", "status": "ÖPEN"}, extra_fields={"zoho": {"text": None, "number": 7, "list": "Golf"}}),
        Edit({"name": "Zoë"}, **rows(addresses=[address(None, "FR")]), extra_fields={"zoho": {"number": "007"}}),
        Edit({"name": "zoe"}, extra_fields={"crmcom": MIXED}),
    ],
    PartyKind.CONTACT: [
        Edit(
            {"last_name": "One", "first_name": "Zoë", "birth_year": 2000, "birth_month": 2, "birth_day": 29},
            **rows(
                addresses=[address("Köln", "DE"), address("Zürich", "CH")],
                emails=[email("one@example.com"), email("B@b.example")],
            ),
        ),
        Edit({"last_name": "Two", "first_name": "zoe", "birth_year": 1999, "birth_month": 1}),
        Edit({"last_name": "Three", "birth_year": 1970, "birth_month": 1, "birth_day": 1}),
    ],
}
"""Records with every kind of value, and without."""
MODELS = {PartyKind.ACCOUNT: Account, PartyKind.CONTACT: Contact}

TEXTS = ["Open", "ÖPEN", "o", "%", "zzz"]
NAMED = ["Ångström", "ANGSTROM", "zo", "%_", "o'brien", "\u0640"]
NUMBERS = ["+49 151 23456789", "015123456789", "309", "call me"]
EXTRAS = ["golf", "Tennis", "swim", "12.5", "true", "7", 12.5, 7, Decimal("12.50")]
ASKED: dict[PartyKind, list[tuple[Any, By, list[Any]]]] = {
    PartyKind.ACCOUNT: [
        (Account.name, By.SEARCH, NAMED),
        (Account.name, By.EXACT, ["Zoë", "zoe", "Zo", ""]),
        (Account.status, By.SEARCH, TEXTS),
        (Account.status, By.EXACT, TEXTS),
        (Account.kind, By.SEARCH, ["BUSINESS", *AccountKind]),
        (Account.employees, By.SEARCH, [5, 6, 2**40]),
        (Account.annual_revenue, By.SEARCH, [Decimal("136.67"), 9, 9.5]),
        (Account.established_on, By.SEARCH, [dt.date(1999, 12, 31), dt.date(2000, 1, 1)]),
        (Account.email_opt_out, By.SEARCH, [True, False]),
        (Account.created_at, By.SEARCH, [dt.datetime(2001, 1, 1, tzinfo=dt.UTC)]),
        (Account.parent_id, By.SEARCH, [0, FIRST_MINTED_ID]),
        (Point(Phone.raw), By.SEARCH, NUMBERS),
        (Point(Phone.raw, PhoneKind.MOBILE), By.SEARCH, NUMBERS),
        (Point(Email.address), By.SEARCH, ["a@example.com", "SECOND@example.com", "second@", "@"]),
        (Point(Email.address, FIRST), By.SEARCH, ["a@example.com", "second@example.com"]),
        (Point(Email.address, SECOND), By.SEARCH, ["second@example.com", "s"]),
        (Point(Address.city), By.SEARCH, ["KÖLN", "k", "berlin"]),
        (Point(Address.country), By.SEARCH, ["DE", "fra", "Oz"]),
        (Point(Address.country_name), By.SEARCH, ["germany", "fr"]),
        *((ExtraValue("zoho", key), By.SEARCH, EXTRAS) for key in ("text", "number", "list", "flag", "empty", "none")),
    ],
    PartyKind.CONTACT: [
        (Contact.first_name, By.SEARCH, ["ZOE", "z", "a"]),
        (Contact.job_title, By.SEARCH, ["a"]),
        (BIRTH, By.SEARCH, [dt.date(2000, 2, 29), dt.date(1970, 1, 1), dt.date(1999, 1, 1)]),
        (Point(Address.city, SECOND), By.SEARCH, ["zurich", "z", "koln"]),
        (Point(Email.address, SECOND), By.SEARCH, ["b@B.example", "b"]),
    ],
}


def comparisons(kind: PartyKind) -> list[Compare]:
    """Every operator, over every kind of place and value; those that no column has the form for are refused, below."""
    found = []
    for at, by, values in ASKED[kind]:
        for op in Op:
            match op.value.takes:
                case _ if op is Op.IS_NULL:
                    given: list[Any] = [True, False]
                case _ if op is Op.IS:
                    given = [True, False] if at is Account.email_opt_out else []
                case None:
                    given = [[], values[:1], values[:2], values]
                case 2:
                    given = [(one, other) for one in values for other in values]
                case _:
                    given = [*values, None] if op in (Op.EQUALS, Op.NOT_EQUAL) else values
            found += [Compare(at, op, value, by) for value in given]
    return found


LIKE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQUALS: operator.eq,
    Op.IS: operator.is_,
    Op.IN: lambda stored, values: stored in values,
    Op.STARTS_WITH: lambda stored, part: stored.startswith(part),
    Op.CONTAINS: lambda stored, part: part in stored,
    Op.ENDS_WITH: lambda stored, part: stored.endswith(part),
    Op.GT: operator.gt,
    Op.GE: operator.ge,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.BETWEEN: lambda stored, ends: ends[0] <= stored <= ends[1],
}


def small(text: Any) -> str:
    if isinstance(text, bool):
        return str(text).lower()
    return "".join(c.lower() if c.isascii() else c for c in text)


def written(value: Any) -> float | None:
    """The number that an extra field holds."""
    if isinstance(value, str):
        plain = value.lstrip("-").replace(".", "", 1).isdigit() and not (value[0] == "0" and value[1:2].isdigit())
        return float(value) if plain else None
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


FORMS: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((Account.name, Account.status, Contact.first_name, Contact.job_title, Address.city), fold),
    Email.address: email_key,
    Phone.raw: lambda raw: parse_phone(raw, None).digits,
    Address.country: {"DE": "DE", "fra": "FR", "FR": "FR", "CH": "CH"}.get,
    Account.kind: str,
    Account.annual_revenue: float,
}


def fulfils(record: Aggregate, where: Where) -> bool:
    """Whether a record is what conditions ask for."""
    match where:
        case And():
            return all(fulfils(record, each) for each in where.of)
        case Or():
            return any(fulfils(record, each) for each in where.of)
        case Not():
            return not fulfils(record, where.of)
        case Compare(at=at, op=Op.NOT_EQUAL, value=value, by=by):
            return not fulfils(record, Compare(at, Op.EQUALS, value, by))
        case Compare(at=at, op=Op.EQUALS, value=None):
            return fulfils(record, Compare(at, Op.IS_NULL, True))
        case Compare(at=Point(column=column, slot=slot) as at):
            among = {Phone: record.phones, Email: record.emails, Address: record.addresses}[column.class_]
            values = [getattr(row, column.key) for row in among if row.active and slot in (None, row.slot)]
            if where.op is Op.IS_NULL:
                return any(value is not None for value in values) is not where.value
            return any(of_column(column, value, where) for value in values)
        case Compare(at=ExtraValue(dialect, key)):
            return of_extra(record.record.extra_fields.get(dialect, {}).get(key), where)
        case Compare(at=WholeDate() as date):
            parts = [getattr(record.record, each.key) for each in (date.year, date.month, date.day)]
            return of_value(None if None in parts else dt.date(*parts), where)
        case Compare(at=column):
            return of_column(column, getattr(record.record, column.key), where)
    raise AssertionError(where)


def of_value(stored: Any, where: Compare) -> bool:
    if where.op is Op.IS_NULL:
        return (stored is None) is where.value
    return stored is not None and LIKE[where.op](stored, where.value)


def of_column(column: Any, stored: Any, where: Compare) -> bool:
    if where.op is Op.IS_NULL or stored is None:
        return of_value(stored, where)
    text = isinstance(stored, str) and where.by is By.SEARCH
    form = FORMS.get(column, small if text else (lambda value: value)) if where.by is By.SEARCH else lambda value: value
    several = where.op.value.takes != 1
    values = [form(value) for value in (where.value if several else [where.value])]
    if where.by is By.SEARCH:
        known = [value for value in values if value not in (None, "")]
        if len(known) < len(values) and where.op is not Op.IN:
            return False
        values = known
    key = form(stored)
    if column is Phone.raw and where.op is Op.ENDS_WITH:
        key = parse_phone(stored, REGION).e164 or key
    if where.by is By.SEARCH and key == "":
        return False
    found = LIKE[where.op](key, values if several else values[0])
    if column is Phone.raw and where.op in (Op.EQUALS, Op.IN):
        numbers = [parse_phone(value, REGION).e164 for value in (where.value if several else [where.value])]
        return found or parse_phone(stored, REGION).e164 in [number for number in numbers if number is not None]
    return found


def of_extra(stored: Any, where: Compare) -> bool:
    if where.op is Op.IS_NULL:
        return (stored in (None, [])) is where.value
    several = where.op.value.takes != 1
    values = list(where.value) if several else [where.value]
    if any(not isinstance(value, str) for value in values):
        number = written(stored)
        numbers = [float(value) for value in values]
        return number is not None and LIKE[where.op](number, numbers if several else numbers[0])
    texts = [small(value) for value in values]
    asked = texts if several else texts[0]
    if isinstance(stored, list):
        op = Op.EQUALS if where.op is Op.CONTAINS else where.op
        named = [each["name"] if isinstance(each, dict) else each for each in stored]
        return op in (Op.EQUALS, Op.IN, Op.STARTS_WITH, Op.ENDS_WITH) and any(
            LIKE[op](small(str(each)), asked) for each in named
        )
    if stored is None:
        return False
    return LIKE[where.op](small(stored if isinstance(stored, str | bool) else str(stored)), asked)


@pytest.fixture
async def records(db: Database) -> dict[PartyKind, list[Aggregate]]:
    """What `EDITS` make, and two accounts that are parts of others, of which one is deleted."""
    made: dict[PartyKind, list[Aggregate]] = {}
    async with db.begin() as session:
        for kind, edits in EDITS.items():
            made[kind] = [await parties.create(session, STAFF, kind, edit) for edit in edits]
        gone = await parties.create(session, STAFF, PartyKind.ACCOUNT, Edit({"name": "Gone"}))
        for whole in (made[PartyKind.ACCOUNT][0], gone):
            part = await parties.create(session, STAFF, PartyKind.ACCOUNT, Edit({"name": "P", "parent_id": whole.id}))
            made[PartyKind.ACCOUNT].append(part)
    async with db.begin() as session:
        loaded = await aggregates.load_one(session, STAFF, PartyKind.ACCOUNT, gone.id, lock=True)
        await parties.remove(session, STAFF, loaded)
    part.record.parent_id = None  # what is hidden counts as none
    return made


async def found(db: Database, kind: PartyKind, where: Where) -> list[int]:
    async with db.read() as session:
        return (await find_ids(session, STAFF, kind, where)).ids


def is_refused(where: Compare) -> bool:
    """Whether a column has no values like these: parts of what is no text, or numbers and texts together."""
    given = where.value if isinstance(where.value, list | tuple) else [where.value]
    if isinstance(where.at, ExtraValue):
        numbers = [not isinstance(value, str) for value in given if value is not None]
        return any(numbers) and (where.op.value.is_part or not all(numbers)) and where.op is not Op.IS_NULL
    column = where.at.column if isinstance(where.at, Point) else where.at
    return (where.op.value.is_part and not isinstance(given[0], str | None)) or (
        where.op.value.is_part and column is Account.kind
    )


@pytest.mark.parametrize("few", [1, access_paths.FEW])
async def test_every_comparison_finds_what_python_finds(
    db: Database, records: dict[PartyKind, list[Aggregate]], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "FEW", few)
    for kind, made in records.items():
        for where in comparisons(kind):
            if is_refused(where):
                with pytest.raises(Invalid):
                    await found(db, kind, where)
                continue
            for asked in (where, Not(where)):
                expected = [each.id for each in made if fulfils(each, asked)]
                assert (asked, await found(db, kind, asked)) == (asked, expected)


@pytest.mark.parametrize("few", [0, 1, access_paths.FEW])
async def test_trees_of_comparisons_find_what_python_finds(
    db: Database, records: dict[PartyKind, list[Aggregate]], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever path leads to the rows: with all values frequent, with some, with all of them rare."""
    monkeypatch.setattr(access_paths, "FEW", few)
    chance = random.Random(4)
    for kind, made in records.items():
        leaves = [where for where in comparisons(kind) if not is_refused(where)]

        def tree(depth: int, leaves: list[Compare] = leaves) -> Where:
            if depth == 0 or chance.random() < 0.2:
                return chance.choice(leaves)
            parts = tuple(tree(depth - 1) for _ in range(chance.randint(0, 3)))
            return chance.choice([And(parts), Or(parts), Not(And(parts)), Not(Or(parts))])

        for _ in range(60):
            where = tree(3)
            expected = [each.id for each in made if fulfils(each, where)]
            assert (where, await found(db, kind, where)) == (where, expected)
            async with db.read() as session:
                assert await count(session, STAFF, kind, where) == len(expected)


async def test_conditions_on_one_contact_point_are_asked_of_one(
    db: Database, records: dict[PartyKind, list[Aggregate]]
) -> None:
    one = records[PartyKind.CONTACT][0].id
    city, country = Compare(Address.city, Op.EQUALS, "koln"), Compare(Address.country, Op.EQUALS, "CH")
    for where, expected in (
        (HasPoint(Address, And((city, Not(country)))), [one]),
        (HasPoint(Address, And((city, country))), []),
        (And((HasPoint(Address, city), HasPoint(Address, country))), [one]),
        (HasPoint(Address, Or((city, country)), SECOND), [one]),
        (HasPoint(Address, city, SECOND), []),
        (And((HasPoint(Address, city), Compare(Contact.last_name, Op.EQUALS, "one"))), [one]),
        (And((HasPoint(Address, city), Compare(Contact.last_name, Op.EQUALS, "One", By.EXACT))), [one]),
        (And((HasPoint(Address, city), Compare(Contact.last_name, Op.EQUALS, "one", By.EXACT))), []),
        (And((HasPoint(Address, city, FIRST), Compare(Contact.last_name, Op.STARTS_WITH, "t"))), []),
    ):
        assert (where, await found(db, PartyKind.CONTACT, where)) == (where, expected)


async def test_conditions_of_one_shape_are_one_statement(db: Database) -> None:
    """Whatever a client can count or name is no part of a statement."""
    for shape in (
        [Compare(Account.name, Op.IN, [f"n{i}" for i in range(n)]) for n in (2, 3, 1000)],
        [Compare(ExtraValue("zoho", f"Field {i}"), Op.CONTAINS, f"x{i}") for i in range(3)],
        [Compare(Point(Email.address), Op.STARTS_WITH, text) for text in ("a", "b")],
    ):
        with statements(db) as seen:
            for where in shape:
                await found(db, PartyKind.ACCOUNT, where)
        assert (len(seen), len(set(seen))) == (len(shape), 1)


async def test_statements_of_shapes_that_clients_choose_push_out_no_others(db: Database) -> None:
    built: list[Any] = []

    async def ask(key: Any, *, chosen: bool) -> None:
        def build() -> Select[Any]:
            built.append(key)
            return select(literal_column(f"'{key}{'x' * 500_000}'", Text()))

        ((text,),) = await db.fetch_compiled(key, build, {}, chosen=chosen)
        assert text.startswith(str(key))

    await ask("ours", chosen=False)
    for i in range(10):  # two megabytes each, as they are reckoned
        await ask(i, chosen=True)
    await ask("ours", chosen=False)
    await ask(9, chosen=True)
    await ask(0, chosen=True)
    assert built == ["ours", *range(10), 0]
