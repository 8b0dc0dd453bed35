"""Records that the database prints are, to the byte, those that `Layout.encode` makes of the same rows."""

import datetime as dt
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest
from sqlalchemy import Boolean, Date, Integer, Text, select, update
from sqlalchemy import Enum as SqlEnum

from crmgraph.crm.models import Address, Contact, Email, ExternalId, PartyKind, Phone, Photo, Relation, Staff
from crmgraph.crm.models.columns import Moment, Money
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.query.references import REFERENCING
from crmgraph.crm.records.aggregates import PARTS
from crmgraph.crm.records.told import load_told
from crmgraph.dialects.covalense.fields import tables
from crmgraph.dialects.crmcom.fields import layout
from crmgraph.dialects.crmcom.response_formats import SHOW
from crmgraph.dialects.zoho.fields import OF_KIND
from crmgraph.mapping import Layout, Listed
from crmgraph.mapping.printing.layouts import Printed
from crmgraph.mapping.printing.told import print_told
from tests.conftest import Running, statements
from tests.test_told import actors, prepared

LAYOUTS: Mapping[str, Mapping[PartyKind, Layout]] = {
    "covalense": {PartyKind.CONTACT: tables("http://here").contact},
    "crmcom": {PartyKind.CONTACT: layout(Contact, SHOW.name, SHOW.keys)},
    "zoho": {kind: module.layout for kind, module in OF_KIND.items()},
}
TEXTS = ("", "0", " ", "a", 'Zoë "Q" \\ / \b\f\n\r\t\x01\x1f\x7f \u2028 <&> \U0001f600', "x" * 300)
AMOUNTS = ("0", "-0", "1.5", "1200", "0.00001", "12345678901234.12345678", "9007199254740993", "-3.10")
KEPT: tuple[Any, ...] = (None, "", "word", 7, 1.0, 1e22, True, [], ["a", {"b": None}], {"id": "5", "name": "n"}, {})
_FORMS = {
    "e164": ("+4930123456", "+35722123456", "+12125550100"),
    "country": ("CY", "DE", "XX"),
    "raw": ("", "030 1", "+49 30 1", "004930", "0 049", "\u3000 \x1c+357 1", "\u200b+357", '"+1'),
    "digits": ("", "0", "004930", "30", "x"),
}
_DERIVED = ("_key", "revision", "deleted_at", "merged_into_id", "number")


def _value(chance: random.Random, column: Any) -> Any:
    if column.nullable and chance.random() < 0.3:
        return None
    if column.name in _FORMS:
        return chance.choice(_FORMS[column.name])
    match column.type:
        case SqlEnum(enum_class=members) if members is not None:
            return chance.choice(list(members))
        case Text():
            return chance.choice(TEXTS)
        case Boolean():
            return chance.random() < 0.5
        case Moment():
            micros = chance.choice((0, 1, 999_999, 500_000))
            return dt.datetime(chance.choice((999, 1999, 2024)), 2, 28, 23, 59, 59, micros, dt.UTC)
        case Date():
            return dt.date(chance.choice((7, 1970, 2024)), 12, 31)
        case Money():
            return Decimal(chance.choice(AMOUNTS))
        case Integer():
            return chance.choice((1, 12, 28))
    raise TypeError(column.type)


def _values(chance: random.Random, model: Any) -> dict[str, Any]:
    """Values for about half of the columns that have no say in which row it is."""
    own = (c for c in model.__table__.c if not c.foreign_keys and not c.primary_key and c.name not in REFERENCING)
    own = (c for c in own if not c.name.endswith(_DERIVED) and c.name not in ("extra_fields", "slot", "rank"))
    return {c.name: _value(chance, c) for c in own if chance.random() < 0.5}


def _extra_fields(chance: random.Random, dialect: str, shown: Layout) -> dict[str, Any]:
    names = [field.at.key for field in shown.fields if hasattr(field.at, "key") and not hasattr(field.at, "class_")]
    wanted = [*chance.sample(names, min(len(names), 3)), "Custom 'c'", 'Custom "d"']
    found: dict[str, Any] = {name: chance.choice(KEPT) for name in wanted}
    return chance.choice(({}, {"other": {"Tag": ["x"]}}, {dialect: {}}, {dialect: found}, {dialect: found}))


async def _changed(demo: Running, dialect: str, chance: random.Random) -> None:
    """Give the demo's records values of all sorts."""
    async with demo.db.begin() as session:
        staff = list(await session.scalars(select(Staff.id)))
        for kind, shown in LAYOUTS[dialect].items():
            model: Any = MODELS[kind]
            for own in list(await session.scalars(select(model.id))):
                values = _values(chance, model) | {"extra_fields": _extra_fields(chance, dialect, shown)}
                values |= {name: chance.choice([None, *staff]) for name in ("owner_id", "created_by_id")}
                await session.execute(update(model).where(model.id == own).values(values))
                if chance.random() < 0.3:
                    given = ExternalId(
                        dialect=dialect, space="record", value=f"x{own} {chance.random()}", live=True, party_id=own
                    )
                    session.add(given)
                if chance.random() < 0.5 and await session.get(Photo, own) is None:
                    sizes = {"width": 1, "height": 1, "size_bytes": 1}
                    name = f"{own} (ü) 'x'.png"
                    session.add(Photo(party_id=own, key=f"k{own}", file_name=name, content_type="image/png", **sizes))
        listed = {each.at.rows: each.at.layout for each in shown.fields if isinstance(each.at, Listed)}
        for rows, child in (("phones", Phone), ("emails", Email), ("addresses", Address)):
            for own in list(await session.scalars(select(child.id))):
                values = _values(chance, child)
                if rows in listed:
                    values["extra_fields"] = _extra_fields(chance, dialect, listed[rows])
                if values:
                    await session.execute(update(child).where(child.id == own).values(values))
        for _ in range(2):
            value = chance.random()
            given = {"space": "user", "value": f"u{value}", "live": True, "staff_id": staff[0]}
            session.add(ExternalId(dialect=dialect, **given))
            session.add(ExternalId(dialect=dialect, **{**given, "space": "imported", "value": f"i{value}"}))


async def _ids(demo: Running, kind: PartyKind) -> list[int]:
    async with demo.db.read() as session:
        return list(await session.scalars(select(MODELS[kind].id)))


async def _compare(demo: Running, actor: Actor, kind: PartyKind, printed: Printed) -> int:
    compared = 0
    async with demo.db.read() as session:
        related = set(await session.scalars(select(Relation.party_id)))
    for own in await _ids(demo, kind):
        with statements(demo.db) as counted:
            found = await print_told(demo.db, actor, printed, kind, own)
        assert len(counted) == 1 + (found is not None and printed.unprinted is not None and own in related)
        told = await load_told(
            demo.db,
            actor,
            printed.layout.dialect,
            kind,
            own,
            parts=(*PARTS, "relations"),
            rows=True,
            staff=actor.staff_id,
        )
        if told is None:
            assert found is None
            continue
        assert found == (told[0].record.updated_at, orjson.dumps(printed.layout.encode(*told)))
        compared += 1
    return compared


@pytest.mark.parametrize("dialect", LAYOUTS)
async def test_what_the_database_prints_is_what_the_layout_encodes(demo: Running, dialect: str) -> None:
    await prepared(demo)
    compared, made = 0, {kind: Printed(shown) for kind, shown in LAYOUTS[dialect].items()}
    for seed in range(3):
        await _changed(demo, dialect, random.Random(seed))
        for actor in await actors(demo):
            for kind, printed in made.items():
                compared += await _compare(demo, actor, kind, printed)
    assert compared > 50
