"""Lists of records by conditions, on both databases."""

import datetime as dt
from decimal import Decimal

import pytest

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import Account, Address, Door, Email, EmailKind, Lead, PartyKind, Phone, PhoneKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.query import offset_pages
from crmgraph.crm.query.conditions import And, Compare, ExtraValue, Not, Op, Or, Order, Point, Where
from crmgraph.crm.records import aggregates, lists, parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.slots import FIRST, SECOND
from crmgraph.db.database import Database

STAFF = Actor(Door.OPERATOR, Role.AGENT)

MOBILE = Point(Phone.raw, PhoneKind.MOBILE)
FIRST_EMAIL = Point(Email.address, FIRST)
SECOND_EMAIL = Point(Email.address, SECOND)
SIZE = ExtraValue("zoho", "Size")


@pytest.fixture
async def leads(db: Database) -> Database:
    """Three leads: Ångström (id 10**9), O'Brien, 100%_x."""

    def phone(raw: str, kind: PhoneKind = PhoneKind.MOBILE, active: bool = True) -> dict[str, object]:
        return {"kind": kind, "raw": raw, "active": active}

    def email(address: str) -> dict[str, object]:
        return {"kind": EmailKind.BUSINESS, "address": address}

    edits = [
        Edit(
            {"last_name": "Ångström", "company": "Acme GmbH", "annual_revenue": Decimal("136.67"), "employees": 5},
            phones=RowEdits(
                [phone("+49 151 1", active=False), phone("+49 151 23456789"), phone("+49 30 9", PhoneKind.FAX)]
            ),
            emails=RowEdits([email("A@Example.com"), email("second@example.com")]),
            extra_fields={"zoho": {"Size": "L", "Score": 7, "Hot": True}},
        ),
        Edit(
            {"last_name": "O'Brien", "company": "acme", "annual_revenue": Decimal(9), "email_opt_out": True},
            phones=RowEdits([phone("98883434559")]),
            emails=RowEdits([email("second@example.com")]),
            extra_fields={"zoho": {"Size": "xl", "Score": 12}},
        ),
        Edit({"last_name": "100%_x"}, addresses=RowEdits([{"kind": "HOME", "city": "Zürich"}])),
    ]
    async with db.begin() as session:
        for edit in edits:
            await parties.create(session, STAFF, PartyKind.LEAD, edit)
    return db


async def names(db: Database, where: Where | None, *order: Order) -> list[str]:
    async with db.read() as session:
        found, _ = await lists.find_records(session, STAFF, PartyKind.LEAD, where, order=order)
        assert await offset_pages.count(session, STAFF, PartyKind.LEAD, where) == len(found)
    return [one.record.last_name for one in found]


A, B, C = "Ångström", "O'Brien", "100%_x"


CONDITIONS: list[tuple[Where | None, list[str]]] = [
    (None, [A, B, C]),
    (Compare(Lead.last_name, Op.EQUALS, "ANGSTROM"), [A]),
    (Compare(Lead.last_name, Op.NOT_EQUAL, "angström"), [B, C]),
    (Compare(Lead.last_name, Op.STARTS_WITH, "100%_"), [C]),
    (Compare(Lead.last_name, Op.STARTS_WITH, "%"), []),
    (Compare(Lead.last_name, Op.CONTAINS, "_"), [C]),
    (Compare(Lead.last_name, Op.CONTAINS, "'"), [B]),
    (Compare(Lead.last_name, Op.IN, ["ångström", "o'brien"]), [A, B]),
    (Compare(Lead.last_name, Op.IN, []), []),
    (Compare(Lead.company, Op.EQUALS, "ACME"), [B]),
    (Compare(Lead.company, Op.STARTS_WITH, "Acme"), [A, B]),
    (Compare(Lead.company, Op.CONTAINS, "gmbh"), [A]),
    (Compare(Lead.company, Op.NOT_EQUAL, "acme"), [A, C]),
    (Compare(Lead.company, Op.IS_NULL, True), [C]),
    (Compare(Lead.company, Op.EQUALS, None), [C]),
    (Compare(Lead.company, Op.EQUALS, ""), []),
    (Compare(Lead.last_name, Op.IN, ["", " ", "\u200b"]), []),
    (Compare(Lead.company, Op.NOT_EQUAL, None), [A, B]),
    (Compare(Lead.annual_revenue, Op.EQUALS, Decimal("136.67")), [A]),
    (Compare(Lead.annual_revenue, Op.GT, 9), [A]),
    (Compare(Lead.annual_revenue, Op.BETWEEN, (9, 136.67)), [A, B]),
    (Compare(Lead.employees, Op.GE, 5), [A]),
    (Compare(Lead.email_opt_out, Op.EQUALS, True), [B]),
    (Compare(Lead.created_at, Op.LT, dt.datetime(2001, 1, 1, tzinfo=dt.UTC)), []),
    (Compare(Lead.created_at, Op.GT, dt.datetime(2001, 1, 1, tzinfo=dt.UTC)), [A, B, C]),
    (Compare(Lead.approval, Op.EQUALS, "AWAITING"), []),
    (Compare(MOBILE, Op.EQUALS, "+49 (151) 23456789"), [A]),
    (Compare(MOBILE, Op.EQUALS, "+49 151 1"), []),
    (Compare(MOBILE, Op.STARTS_WITH, "9888"), [B]),
    (Compare(MOBILE, Op.NOT_EQUAL, "98883434559"), [A, C]),
    (Compare(MOBILE, Op.IS_NULL, True), [C]),
    (Compare(MOBILE, Op.EQUALS, "no digits"), []),
    (Compare(Point(Phone.raw), Op.EQUALS, "49309"), [A]),
    (Compare(Point(Phone.raw), Op.NOT_EQUAL, "49309"), [B, C]),
    (Compare(Point(Phone.raw), Op.IS_NULL, False), [A, B]),
    (Compare(FIRST_EMAIL, Op.EQUALS, "SECOND@example.com"), [B]),
    (Compare(SECOND_EMAIL, Op.EQUALS, "second@EXAMPLE.com"), [A]),
    (Compare(Point(Email.address), Op.CONTAINS, "second@"), [A, B]),
    (Compare(Point(Address.city, FIRST), Op.EQUALS, "zurich"), [C]),
    (Compare(SIZE, Op.EQUALS, "l"), [A]),
    (Compare(SIZE, Op.STARTS_WITH, "X"), [B]),
    (Compare(SIZE, Op.IS_NULL, True), [C]),
    (Compare(ExtraValue("zoho", "Score"), Op.EQUALS, "12"), [B]),
    (Compare(ExtraValue("zoho", "Score"), Op.GT, 7), [B]),
    (Compare(ExtraValue("zoho", "Size"), Op.GT, 7), []),
    (Compare(ExtraValue("zoho", "Hot"), Op.EQUALS, True), [A]),
    (Compare(ExtraValue("crmcom", "Size"), Op.EQUALS, "L"), []),
    (And(()), [A, B, C]),
    (Or(()), []),
    (Not(Compare(Lead.company, Op.EQUALS, "acme")), [A, C]),
    (Not(Compare(MOBILE, Op.EQUALS, "98883434559")), [A, C]),
    (
        And(
            (
                Compare(Lead.company, Op.CONTAINS, "acme"),
                Or((Compare(SIZE, Op.EQUALS, "L"), Compare(SIZE, Op.EQUALS, "M"))),
            )
        ),
        [A],
    ),
]


async def test_a_list_holds_what_fulfils_its_conditions(leads: Database) -> None:
    for where, expected in CONDITIONS:
        assert (where, await names(leads, where)) == (where, expected)


ORDERS = [
    (Order(Lead.last_name), [C, A, B]),
    (Order(Lead.last_name, descending=True), [B, A, C]),
    (Order(Lead.company), [B, A, C]),
    (Order(Lead.company, descending=True), [A, B, C]),
    (Order(Lead.annual_revenue), [B, A, C]),
    (Order(FIRST_EMAIL), [A, B, C]),
    (Order(MOBILE, descending=True), [B, A, C]),
    (Order(SIZE, descending=True), [B, A, C]),
]


async def test_a_list_is_sorted_and_what_has_no_value_comes_last(leads: Database) -> None:
    for order, expected in ORDERS:
        assert (order, await names(leads, None, order)) == (order, expected)


async def test_pages_follow_each_other_and_tell_whether_there_are_more(leads: Database) -> None:
    async with leads.read() as session:
        pages = [
            await offset_pages.find_ids(session, STAFF, PartyKind.LEAD, offset=i, limit=2) for i in (0, 2, 4, 2**70)
        ]
    assert [(len(page.ids), page.more) for page in pages] == [(2, True), (1, False), (0, False), (0, False)]
    assert sorted(pages[0].ids + pages[1].ids) == pages[0].ids + pages[1].ids


async def test_nobody_finds_what_the_policy_hides(leads: Database) -> None:
    customer = Actor(Door.GRAPHQL, Role.CUSTOMER, contact_id=1)
    async with leads.read() as session:
        assert await offset_pages.find_ids(session, customer, PartyKind.LEAD) == offset_pages.Page([], False)
        assert await offset_pages.count(session, customer, PartyKind.LEAD) == 0
        assert await offset_pages.find_deleted(session, customer, PartyKind.LEAD) == ([], False)


async def test_deleted_records_leave_the_list_for_the_list_of_the_deleted(leads: Database) -> None:
    async with leads.begin() as session:
        page = await offset_pages.find_ids(session, STAFF, PartyKind.LEAD, limit=1)
        found = await aggregates.load_one(session, STAFF, PartyKind.LEAD, page.ids[0], lock=True)
        await parties.remove(session, STAFF, found)
    assert await names(leads, None) == [B, C]
    async with leads.read() as session:
        gone, more = await offset_pages.find_deleted(session, STAFF, PartyKind.LEAD)
        assert ([one.last_name for one in gone], more) == ([A], False)
        since = gone[0].deleted_at
        again, _ = await offset_pages.find_deleted(session, STAFF, PartyKind.LEAD, since=since)
        assert [one.last_name for one in again] == [A]
        since += dt.timedelta(microseconds=1)
        assert await offset_pages.find_deleted(session, STAFF, PartyKind.LEAD, since=since) == ([], False)


NO_VALUES = [
    Compare(Lead.last_name, Op.EQUALS, 5),
    Compare(Lead.last_name, Op.EQUALS, "nul\x00"),
    Compare(Lead.company, Op.EQUALS, "\ud800"),
    Compare(Lead.employees, Op.EQUALS, 2**63),
    Compare(Lead.employees, Op.EQUALS, True),
    Compare(Lead.employees, Op.STARTS_WITH, 5),
    Compare(Lead.annual_revenue, Op.GT, Decimal("NaN")),
    Compare(Lead.annual_revenue, Op.GT, 10**400),
    Compare(Lead.annual_revenue, Op.BETWEEN, (1, 2, 3)),
    Compare(Lead.created_at, Op.GT, dt.datetime(2001, 1, 1)),
    Compare(Lead.approval, Op.EQUALS, "PERHAPS"),
    Compare(Lead.email_opt_out, Op.EQUALS, "yes"),
    Compare(ExtraValue("zoho", 'a"b'), Op.EQUALS, "x"),
    Compare(ExtraValue("zoho", "Size"), Op.EQUALS, "\x00"),
    Compare(Lead.last_name, Op.IN, ["x"] * 1001),
    Or((Compare(Lead.last_name, Op.EQUALS, "x"),) * 101),
]


async def test_a_value_of_another_form_is_refused(leads: Database) -> None:
    async with leads.read() as session:
        for where in NO_VALUES:
            with pytest.raises(Invalid):
                await offset_pages.find_ids(session, STAFF, PartyKind.LEAD, where)


async def test_accounts_are_found_by_the_folded_name(db: Database) -> None:
    async with db.begin() as session:
        made = await parties.create(session, STAFF, PartyKind.ACCOUNT, Edit({"name": "Café  Müller"}))
        where = Compare(Account.name, Op.EQUALS, "cafe muller")
        assert (await offset_pages.find_ids(session, STAFF, PartyKind.ACCOUNT, where)).ids == [made.id]
