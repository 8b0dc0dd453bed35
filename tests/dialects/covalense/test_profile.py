"""The customer's own contact and account: read, changed, refused, and the same in every vocabulary."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from crmgraph.crm.models import Account, Change, Contact, Door, PartyKind, PhoneKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids, lookup, parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.dialects.covalense import codecs
from crmgraph.dialects.covalense.fields import ACCOUNT_LAYOUT, tables
from crmgraph.dialects.covalense.places import DIALECT
from tests.conftest import Running
from tests.dialects.covalense.conftest import RAVI, VENKATESH, YOGESH, Portal, bad_request, result

OK = {"result": "0", "message": "Profile updated successfully."}

SCALARS = {
    "salutationtype": "Dr.",
    "firstname": "Yogi 🙂",
    "phone": "080-4117 3000",
    "lastname": "أحمد",
    "mobile": "+91 99625 44026",
    "homephone": "1-1",
    "leadsource": "Web",
    "otherphone": "2-2",
    "title": "Herr",
    "fax": "3-3",
    "department": "R&D",
    "birthday": "1980-02-29",
    "email": "yogi@example.com",
    "assistant": "Nisha",
    "secondaryemail": "yogi.second@example.com",
    "assistantphone": "4-4",
    "donotcall": "1",
    "emailoptout": "1",
    "reference": "1",
    "notify_owner": "1",
    "portal": "1",
    "support_start_date": "2021-01-01",
    "support_end_date": "2031-01-01",
    "mailingstreet": "1 Main Street\nRear door",
    "otherstreet": "2 Side Street",
    "mailingcity": "Pune",
    "othercity": "Goa",
    "mailingstate": "MH",
    "otherstate": "GA",
    "mailingzip": "411001",
    "otherzip": "403001",
    "mailingcountry": "Bharat",
    "othercountry": "India",
    "mailingpobox": "12",
    "otherpobox": "13",
    "description": "Two\nlines",
    "middlename": "v.",
    "gender": "male",
    "designation": "Engineer",
    "ssn": "123-45-6789",
    "twitter_handle": "@yogi",
    "source": "portal",
    "starred": "1",
    "tags": "a,b",
    "nickname": "Yo",
    "google_search": "q",
    "pushnotifications": "1",
    "dnd": "1",
    "roaming": "1",
}
"""A new value for every documented field of a contact that a customer writes."""
READ_ONLY = {"contact_no", "account_id", "contact_id", "assigned_user_id", "createdtime", "modifiedtime", "modifiedby"}
READ_ONLY |= {"isconvertedfromlead", "id", "profileImage"}
TILES = ("usagedetails", "livechat", "weather", "finance", "calendar", "news")
CAMEL = {
    "notify_owner": "notifyOwner",
    "support_start_date": "supportStartDate",
    "support_end_date": "supportEndDate",
    "twitter_handle": "twitterHandle",
}


async def _profile(portal: Portal, token: str) -> dict[str, Any]:
    return result(await portal.send("GET", "profile/contact", token=token))


async def _put(portal: Portal, token: str, body: dict[str, Any]) -> None:
    assert result(await portal.send("PUT", "profile/contact", body, token=token)) == OK


async def _revision(demo: Running, model: type[Contact] | type[Account], number: str) -> tuple[int, int]:
    """(revision of the record, how many changes of it are logged)."""
    async with demo.db.read() as session:
        record = (await session.scalars(select(model).where(model.number == number))).one()
        changes = (await session.scalars(select(Change.id).where(Change.party_id == record.id))).all()
    return record.revision, len(changes)


@pytest.mark.parametrize("spelling", ["as GET has it", "as PUT has it", "PascalCase"])
async def test_every_field_is_written_and_read_back(spelling: str, demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before = await _profile(portal, token)
    assert set(before) == {*SCALARS, *READ_ONLY, "dashboardSettings"}
    assert all(before[name] != value for name, value in SCALARS.items())
    body = dict(SCALARS)
    if spelling == "as PUT has it":
        body = {CAMEL.get(name, name): value for name, value in SCALARS.items()}
    elif spelling == "PascalCase":
        body = {name.title().replace("_", ""): value for name, value in SCALARS.items()}
    await _put(portal, token, {**body, **dict.fromkeys(TILES, "1")})
    after = await _profile(portal, token)
    modified = after.pop("modifiedtime")
    assert modified > before.pop("modifiedtime")
    assert after == {**before, **SCALARS, "dashboardSettings": dict.fromkeys(TILES, "1")}
    assert await _revision(demo, Contact, "CON19195") == (3, 3)  # made, given a photo, changed


async def test_what_was_kept_as_null_is_told_as_empty_and_what_was_never_kept_by_its_default(
    demo: Running, portal: Portal
) -> None:
    token = await portal.login(YOGESH)
    assert (await _profile(portal, token))["isconvertedfromlead"] == "0"
    own = update(Contact).where(Contact.number == "CON19195")
    for kept, told in (({}, "0"), ({"isconvertedfromlead": None}, ""), ({"isconvertedfromlead": "1"}, "1")):
        async with demo.db.begin() as session:
            await session.execute(own.values(extra_fields={DIALECT: kept}))
        assert (await _profile(portal, token))["isconvertedfromlead"] == told


async def test_one_field_changes_one_field(portal: Portal) -> None:
    token = await portal.login(YOGESH)
    for name, value in {**SCALARS, "dashboardSettings": dict.fromkeys(TILES, "1")}.items():
        before = await _profile(portal, token)
        await _put(portal, token, {name: value})
        after = await _profile(portal, token)
        assert {**before, name: value, "modifiedtime": after["modifiedtime"]} == after


async def test_a_profile_sent_back_as_it_was_read_changes_nothing(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before, revision = await _profile(portal, token), await _revision(demo, Contact, "CON19195")
    await _put(portal, token, before)
    await _put(portal, token, {})
    await _put(portal, token, {"contactId": "12x95809", "contactNo": "CON19195", "accountId": "95807", "label": "x"})
    await _put(portal, token, {"contactId": "95809", "createdtime": "2001-01-01 00:00:00", "modifiedby": "19x9"})
    assert await _profile(portal, token) == before
    assert await _revision(demo, Contact, "CON19195") == revision


async def test_nothing_clears_a_value_and_takes_its_row_away(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    await _put(portal, token, SCALARS)
    await _put(portal, token, {**dict.fromkeys(SCALARS, ""), "lastname": "emo", "mobile": None})
    after = await _profile(portal, token)
    flags = {"donotcall", "emailoptout", "notify_owner", "portal", "starred", "pushnotifications", "dnd", "roaming"}
    empty = {name: "0" if name in flags else "" for name in SCALARS}
    assert {name: after[name] for name in SCALARS} == {**empty, "lastname": "emo"}
    contact = await _load(demo, PartyKind.CONTACT, "CON19195")
    assert (contact.phones, contact.emails, contact.addresses) == ([], [], [])
    assert contact.record.extra_fields == {DIALECT: {}}


REFUSED_OF_CONTACT = [
    ({"contactNo": "CON1"}, "Attribute 'contactNo' is not valid: the user may not change it."),
    ({"account_id": "11x82078"}, "Attribute 'account_id' is not valid: the user may not change it."),
    ({"accountId": ""}, "Attribute 'accountId' is not valid: the user may not change it."),
    ({"accountId": "12x95807"}, "Attribute 'accountId' is not valid: it names no record."),
    ({"assignedUserId": "19x77"}, "Attribute 'assignedUserId' is not valid: it names no record."),
    ({"contactId": "12x82079"}, "Attribute 'contactId' is not valid: the user may not change it."),
    ({"id": "12x82079"}, "Attribute 'id' is not valid: it is not the user's own."),
    ({"id": "11x95809"}, "Attribute 'id' is not valid: it is not the user's own."),
    ({"lastname": ""}, "Attribute 'lastname' not found in request."),
    ({"LastName": "x" * 1001}, "Attribute 'LastName' is not valid: it is longer than 1000 characters."),
    ({"email": "nobody"}, "Attribute 'email' is not valid: it is no email address."),
    ({"secondaryemail": "no body@x"}, "Attribute 'secondaryemail' is not valid: it is no email address."),
    ({"birthday": "2021-02-29"}, "Attribute 'birthday' is not valid: it is no date of the form yyyy-mm-dd."),
    ({"birthday": "29.2.2020"}, "Attribute 'birthday' is not valid: it is no date of the form yyyy-mm-dd."),
    ({"donotcall": "maybe"}, "Attribute 'donotcall' is not valid: it is none of the values that it may have."),
    ({"phone": ["1"]}, "Attribute 'phone' is not valid: it has to be text."),
    ({"nickname": "a\u0000b"}, "Attribute 'nickname' is not valid: it holds characters that cannot be kept."),
    ({"tags": "a\u0000b"}, "Attribute 'tags' is not valid: it holds characters that cannot be kept."),
    (
        {"unknown1": "x" * 30_000, "unknown2": ["x" * 30_000, "x" * 30_000]},
        "The attributes that only this service knows have more than 65536 bytes.",
    ),
    ({"unknown": "x" * 32_001}, "Attribute 'unknown' is not valid: it is longer than 32000 characters."),
    (
        {"dashboardSettings": {"news": "x"}},
        "Attribute 'dashboardSettings.news' is not valid: it is none of the values that it may have.",
    ),
]


async def test_a_refused_change_changes_nothing(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before, revision = await _profile(portal, token), await _revision(demo, Contact, "CON19195")
    for body, message in REFUSED_OF_CONTACT:
        answer = await portal.send("PUT", "profile/contact", {"firstname": "Somebody", **body}, token=token)
        assert (answer.status_code, answer.text) == (400, bad_request(message))
        assert await _profile(portal, token) == before
        assert await _revision(demo, Contact, "CON19195") == revision


async def test_what_has_no_home_is_kept_and_secrets_are_not(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    secrets = {"token": token, "password": "p", "passwordOld": "p", "securityanswer": "s", "cardNo": "4111", "cvv": "1"}
    await _put(portal, token, {**secrets, "correlationId": "SO-1", "cf_100": "mine", "Address": {"line": ["1", 2]}})
    contact = await _load(demo, PartyKind.CONTACT, "CON19195")
    kept = {"support_start_date": "2020-02-17", "support_end_date": "2050-02-17", "source": "WEBSERVICE"}
    assert contact.record.extra_fields == {DIALECT: {**kept, "cf_100": "mine", "Address": {"line": ["1", 2]}}}


async def test_half_a_birthday_is_printed_as_none_and_survives_being_sent_back(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    async with demo.db.begin() as session:
        await session.execute(
            update(Contact).where(Contact.number == "CON19195").values(birth_day=7, birth_month=11, birth_year=None)
        )
    profile = await _profile(portal, token)
    assert profile["birthday"] == ""
    await _put(portal, token, {**profile, "nickname": "Yo"})
    record: Any = (await _load(demo, PartyKind.CONTACT, "CON19195")).record
    assert (record.nickname, record.birth_day, record.birth_month, record.birth_year) == ("Yo", 7, 11, None)
    await _put(portal, token, {"birthday": "1999-12-31"})
    record = (await _load(demo, PartyKind.CONTACT, "CON19195")).record
    assert (record.birth_day, record.birth_month, record.birth_year) == (31, 12, 1999)


async def test_an_account_is_changed_by_its_primary_contact_in_either_spelling(demo: Running, portal: Portal) -> None:
    token = await portal.login(VENKATESH)
    first = result(await portal.send("PUT", "profile/account", {"id": "82078"}, token=token))
    assert first["modifiedtime"] == "2020-04-15 16:11:51"
    switched = {
        "pushNotifications": "0", "doNotDisturb": "0", "Roaming": "0", "UsageDetails": "1", "livechat": "0",
        "accountname": "Venkatesh & Sons", "bill_city": "Mysuru", "shipPobox": "9", "phone": "",
        "email": "v@example.com", "employees": "12", "annualRevenue": "1234.5",
        "accountNo": "ACC25983", "Source": "Selfcare",
    }  # fmt: skip
    second = result(await portal.send("PUT", "profile/account", switched, token=token))
    assert second == {
        **first,
        "modifiedtime": second["modifiedtime"],
        "pushnotifications": "0",
        "dnd": "0",
        "roaming": "0",
        "usagedetails": "1",
        "livechat": "0",
        "accountname": "Venkatesh & Sons",
        "label": "Venkatesh & Sons",
        "bill_city": "Mysuru",
        "ship_pobox": "9",
        "phone": "",
        "email1": "v@example.com",
        "employees": "12",
        "annual_revenue": "1234.50000000",
    }
    assert second["modifiedtime"] > first["modifiedtime"]
    assert list(second) == list(first)
    assert result(await portal.send("PUT", "profile/account", second, token=token)) == second
    assert await _revision(demo, Account, "ACC25983") == (2, 2)


REFUSED_OF_ACCOUNT = [
    ({"id": "11x95807"}, "Attribute 'id' is not valid: it is not the user's own."),
    ({"id": "string"}, "Attribute 'id' is not valid: it is not the user's own."),
    ({"accountNo": "ACC10533"}, "Attribute 'accountNo' is not valid: the user may not change it."),
    ({"segment": "Gold"}, "Attribute 'segment' is not valid: the user may not change it."),
    ({"mainBalance": "1000000"}, "Attribute 'mainBalance' is not valid: the user may not change it."),
    ({"docidnumbermsgid": "1"}, "Attribute 'docidnumbermsgid' is not valid: the user may not change it."),
    ({"primary_contact": ""}, "Attribute 'primary_contact' is not valid: the user may not change it."),
    ({"accountname": " "}, "Attribute 'accountname' not found in request."),
    ({"employees": "many"}, "Attribute 'employees' is not valid: it is no number in range."),
    ({"annual_revenue": "1e99"}, "Attribute 'annual_revenue' is not valid: it is no number in range."),
    ({"annual_revenue": "1e-30"}, "Attribute 'annual_revenue' is not valid: it has more than 8 decimals."),
    ({"employees": "-1"}, "Attribute 'employees' is not valid: it is less than 0."),
    ({"weather": "sunny"}, "Attribute 'weather' is not valid: it is none of the values that it may have."),
]


async def test_a_refused_change_of_the_account_changes_nothing(demo: Running, portal: Portal) -> None:
    token = await portal.login(VENKATESH)
    before = await _revision(demo, Account, "ACC25983")
    for body, message in REFUSED_OF_ACCOUNT:
        answer = await portal.send("PUT", "profile/account", {"news": "0", **body}, token=token)
        assert (answer.status_code, answer.text) == (400, bad_request(message))
        assert await _revision(demo, Account, "ACC25983") == before


async def test_an_account_is_not_changed_by_its_other_contacts_nor_by_who_has_none(
    demo: Running, portal: Portal
) -> None:
    token = await portal.login(RAVI)
    async with demo.db.begin() as session:
        await session.execute(update(Account).where(Account.number == "ACC10533").values(primary_contact_id=None))
    answer = await portal.send("PUT", "profile/account", {"news": "1"}, token=token)
    assert (answer.status_code, answer.text) == (400, bad_request("The user may not change this record."))
    async with demo.db.begin() as session:
        await session.execute(update(Contact).where(Contact.first_name == "Ravi").values(account_id=None))
    answer = await portal.send("PUT", "profile/account", {"news": "1"}, token=token)
    assert (answer.status_code, answer.text) == (400, bad_request("Record not found."))
    assert await _revision(demo, Account, "ACC10533") == (1, 1)
    profile = await _profile(portal, token)
    assert (profile["account_id"], profile["firstname"]) == ("", "Ravi")


async def test_identity_documents_are_printed_to_those_who_may_see_them(demo: Running, portal: Portal) -> None:
    token = await portal.login(VENKATESH)
    await _put(portal, token, {"ssn": "123-45-6789"})
    contact = await _load(demo, PartyKind.CONTACT, None, "82079")
    account = await _load(demo, PartyKind.ACCOUNT, "ACC25983")
    agent = Actor(Door.GRAPHQL, Role.AGENT)
    shown = {}
    for name, actor in {
        "agent": agent,
        "agent with the right": replace(agent, sees_identity=True),
        "administrator": Actor(Door.GRAPHQL, Role.ADMIN),
        "themselves": Actor(Door.COVALENSE, Role.CUSTOMER, contact_id=contact.id, account_id=account.id),
        "another of the account": Actor(Door.COVALENSE, Role.CUSTOMER, contact_id=1, account_id=account.id),
    }.items():
        async with demo.db.read() as session:
            around = await external_ids.encoding_context(session, actor, DIALECT, [contact, account])
        printed = tables("").contact.encode(contact, around)["ssn"]
        shown[name] = printed, ACCOUNT_LAYOUT.encode(account, around)["docidnumbermsgid"]
    assert shown == {
        "agent": ("", ""),
        "agent with the right": ("123-45-6789", "14155-15255"),
        "administrator": ("123-45-6789", "14155-15255"),
        "themselves": ("123-45-6789", "14155-15255"),
        "another of the account": ("", ""),
    }


async def test_a_record_that_was_made_here_answers_to_our_ids(demo: Running, portal: Portal) -> None:
    actor = Actor(Door.GRAPHQL, Role.ADMIN)
    async with demo.db.begin() as session:
        account = await parties.create(session, actor, PartyKind.ACCOUNT, Edit({"name": "Acme"}))
        contact = await parties.create(
            session,
            actor,
            PartyKind.CONTACT,
            Edit(
                {"last_name": "Doe", "account_id": account.id},
                phones=RowEdits(add=[{"kind": PhoneKind.MOBILE, "raw": "1"}, {"kind": PhoneKind.MOBILE, "raw": "2"}]),
            ),
        )
        hashed = await demo.core.passwords.hash("a password of ten")
        assert await demo.core.identity.signups.admit(session, contact.id, "doe@example.com", hashed) is None
    token = await portal.login("doe@example.com", "a password of ten")
    profile = await _profile(portal, token)
    assert (profile["id"], profile["account_id"]) == (f"12x{contact.id}", f"11x{account.id}")
    assert (profile["contact_no"], profile["assigned_user_id"], profile["modifiedby"]) == (
        contact.record.number,
        "",
        "",
    )
    assert (profile["mobile"], profile["email"], profile["portal"], profile["profileImage"]) == ("1", "", "0", "")
    await _put(portal, token, {**profile, "accountId": str(account.id), "mobile": "3"})
    assert [row.raw for row in (await _load(demo, PartyKind.CONTACT, contact.record.number)).phones] == ["3", "2"]


async def _load(demo: Running, kind: PartyKind, number: str | None, external_id: str | None = None) -> Aggregate:
    actor = Actor(Door.GRAPHQL, Role.ADMIN)
    ref = (
        lookup.Ref(number=number)
        if number
        else lookup.Ref(external=lookup.IdCandidates(DIALECT, (("record", external_id or ""),)))
    )
    async with demo.db.read() as session:
        found = await lookup.find(session, actor, kind, ref)
        return await aggregates.load_one(session, actor, kind, found)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(
    st.sampled_from([codecs.TEXT, codecs.KEPT_FLAG]).flatmap(lambda codec: st.tuples(st.just(codec), TEXT))
    | st.tuples(st.just(codecs.FLAG), st.booleans())
    | st.tuples(st.just(codecs.NUMBER), st.integers(-(10**17), 10**17))
    | st.tuples(st.just(codecs.MONEY), st.decimals(-(10**9), 10**9, places=8).map(Decimal))
    | st.tuples(st.just(codecs.BIRTHDAY), st.dates().map(lambda day: (day.day, day.month, day.year)))
)
def test_what_is_written_reads_as_it_was(case: tuple[Any, Any]) -> None:
    codec, value = case
    assert codec.read(codec.write(value)) == value
    assert isinstance(codec.write(value), str)


@given(st.integers(1, 10**17), st.sampled_from([codecs.CONTACT, codecs.ACCOUNT, codecs.USER]))
def test_an_id_reads_the_same_with_its_module_and_bare(number: int, module: str) -> None:
    codec = codecs.printed_id(module)
    assert codec.write(str(number)) == f"{module}x{number}"
    assert codec.read(f"{module}x{number}") == codec.read(str(number)) == codec.read(number) == str(number)


def test_times_are_printed_in_utc() -> None:
    moment = dt.datetime(2020, 2, 17, 13, 54, 8, 999999, tzinfo=dt.UTC)
    assert codecs.time_text(moment) == "2020-02-17 13:54:08"
