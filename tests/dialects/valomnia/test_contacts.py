"""Contacts and customers at Valomnia's door, beyond the documented examples."""

import re
from typing import Any

import pytest
from sqlalchemy import select, text, update

from crmgraph.crm.models import Account, Change, Contact, Door, ExternalId, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids, parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.dialects.valomnia import openapi
from crmgraph.dialects.valomnia.errors import WORDS
from tests.conftest import statements
from tests.dialects.valomnia.conftest import (
    MALFORMED,
    MARIE,
    SAVE_FAILED,
    SERVER_ERROR,
    Program,
    error,
    not_valid,
    told,
)

OFFICE = Actor(door=Door.OPERATOR, role=Role.ADMIN)


async def last_change(program: Program) -> Change:
    async with program.running.db.read() as session:
        found = await session.scalar(select(Change).order_by(Change.id.desc()).limit(1))
    assert found is not None
    return found


async def made(program: Program, kind: PartyKind, **values: Any) -> int:
    """A record that came through another door."""
    async with program.running.db.begin() as session:
        return (await parties.create(session, OFFICE, kind, Edit(values))).id


async def test_a_new_contact_belongs_to_the_user_of_the_session_and_is_logged(program: Program) -> None:
    created = await program.create(email="new@example.com", country="fr", phone="01 23", phone2="+33 1 98", fax="9")
    assert created["id"] >= 10**9
    expected = {
        "user": {"id": 4, "reference": "emp-00", "href": "/api/v1.0/users/4"},
        "organization": "entity1",
        "email": "new@example.com",
        "country": "FR",
        "phone": "01 23",
        "phone2": "+33 1 98",
        "fax": "9",
        "photo": None,
    }
    assert {key: created[key] for key in expected} == expected
    assert [key for key, value in created.items() if value is None] == ["photo"]
    assert await program.show(created["id"]) == created
    change = await last_change(program)
    assert (change.party_id, change.door, change.action) == (created["id"], "VALOMNIA", "CREATED")
    assert change.client_id is not None


async def test_an_update_writes_what_it_brings_keeps_the_rest_and_clears_with_empty_text(program: Program) -> None:
    before = await program.show()
    given = {**MARIE, "mobile": "0151 1", "email": "m@example.com", "postalCode": "10115", "address": ""}
    answer = await program.post("/contacts/5", given)
    after = before | {key: given[key] for key in ("mobile", "email", "postalCode", "address")}
    assert answer.status_code == 200
    assert answer.json() == after | {"lastUpdated": answer.json()["lastUpdated"]}
    assert await program.show() == answer.json()
    cleared = await program.post("/contacts/5", {**MARIE, "mobile": "", "email": "", "postalCode": "", "city": ""})
    gone = dict.fromkeys(("mobile", "email", "postalCode", "city", "address"), "")
    assert cleared.json() == after | gone | {"lastUpdated": cleared.json()["lastUpdated"]}
    async with program.running.db.read() as session:
        found = await external_ids.resolve(session, "valomnia", {("contact", "5")})
        loaded = await aggregates.load_one(session, OFFICE, PartyKind.CONTACT, found["contact", "5"])
    assert (loaded.phones, loaded.emails, loaded.addresses) == ([], [], [])


async def test_what_is_answered_and_cannot_be_sent_is_passed_over(program: Program) -> None:
    before = await program.show()
    changes = await program.changes()
    sent = {"comment": "x", "isDecisionMaker": "false", "user": "1", "organization": "x", "customer": "1", "id": "9"}
    assert (
        await program.post("/contacts/5", {**MARIE, **sent, "photo": "x", "dateCreated": "x", "foo": "x"})
    ).json() == before
    assert await program.changes() == changes


@pytest.mark.parametrize(
    "words", ['Zoë 李 🦄 O\'Hara & Söhne + 50% = "x"', "עברית مرحبا", "e\u0301\u0323", "<b>\\ \t|", " outer blanks "]
)
async def test_text_comes_back_as_it_was_sent(words: str, program: Program) -> None:
    created = await program.create(firstName=words, city=words, phone=words)
    assert (created["firstName"], created["city"], created["phone"]) == (words, words, words)
    assert await program.show(created["id"]) == created


async def test_a_customer_is_named_by_id_or_with_use_external_id_by_reference(program: Program) -> None:
    other = await made(program, PartyKind.ACCOUNT, name="Other")
    async with program.running.db.begin() as session:
        await external_ids.claim(session, "valomnia", "reference", "Ré/77", party=other)
    for given in ({"customerId": str(other)}, {"customerId": "Ré/77", "useExternalId": "true"}):
        moved = await program.post("/contacts/5", {**MARIE, **given})
        customer = {"id": other, "reference": "Ré/77", "name": "Other", "href": f"/api/v1.0/customers/{other}"}
        assert (moved.json()["customer"], moved.json()["customerReference"]) == (customer, "Ré/77")
        assert (await program.post("/contacts/5", MARIE)).json()["customerReference"] == "C0959"
    shown = await program.get("/customers/reference/R%C3%A9%2F77")
    assert (shown.status_code, shown.json()["id"]) == (200, other)
    changes = await program.changes()
    for value, flag in (("C0", "true"), ("3229", "TRUE"), ("\x00", "1"), ("5", "false"), ("-1", ""), ("+7", "no")):
        answer = await program.post("/contacts/5", {**MARIE, "customerId": value, "useExternalId": flag})
        said = value.replace("\x00", "\\u0000")
        assert told(answer) == error(404, "not_found", f"The customer with the id {said} doesn't exist.")
    for value in ("C0959", "1.5", "٣", "9223372036854775808", "1e3", "0x10"):
        assert told(await program.post("/contacts/5", {**MARIE, "customerId": value})) == not_valid("customerId")
    assert await program.changes() == changes


async def test_what_is_required_is_asked_for_by_name(program: Program) -> None:
    changes = await program.changes()
    for path in ("/contacts", "/contacts/5"):
        for name in MARIE:
            for given in ({k: v for k, v in MARIE.items() if k != name}, MARIE | {name: "  "}):
                wanted = error(400, "missing_param", f"{name} parameter is missing")
                assert told(await program.post(path, given)) == wanted
        assert told(await program.post(path)) == error(400, "missing_param", "customerId parameter is missing")
    assert await program.changes() == changes


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"firstName": "x" * 1001}, SAVE_FAILED),
        ({"lastName": "a\x00b"}, SAVE_FAILED),
        (
            {"email": "a@b@c"},
            error(400, "email_validation_error", "Failed to create the contact : incorrect Email format"),
        ),
        ({"country": "FRA"}, error(400, "country_error", "Failed to create the contact : incorrect country code")),
        ({"country": "France"}, error(400, "country_error", "Failed to create the contact : incorrect country code")),
        (
            {"city": "x" * 1001, "email": "no"},
            error(400, "email_validation_error", "Failed to create the contact : incorrect Email format"),
        ),
    ],
)
async def test_a_refused_contact_is_not_made(given: dict[str, str], wanted: Any, program: Program) -> None:
    changes = await program.changes()
    assert told(await program.post("/contacts", MARIE | given)) == wanted
    assert await program.changes() == changes


async def test_bodies_are_read_leniently(program: Program) -> None:
    form = "application/x-www-form-urlencoded"
    for given in (
        {
            "content": b"firstName=A&firstName=Marie&lastName%20=Schrader&customerId=3229&city=X",
            "headers": {"Content-Type": form},
        },
        {"content": b"firstName=Marie&lastName=Schrader&customerId=3229&city=X"},
        {"content": b"firstName=Marie&lastName=Schrader&customerId=3229&city=X", "headers": {"Content-Type": "a/b; c"}},
        {"params": MARIE | {"city": "X"}},
        {"params": {"city": "W", **MARIE}, "content": b"city=X", "headers": {"Content-Type": form + ";charset=UTF-8"}},
        {"files": {k: (None, v) for k, v in (MARIE | {"city": "X"}).items()}},
        {"json": {"firstName": "Marie", "lastName": "Schrader", "customerId": 3229, "city": "X", "fax": None}},
        {"content": b' {"firstName":"Marie","lastName":"Schrader","customerId":"3229","city":"X"}'},
    ):
        await program.post("/contacts/5", MARIE | {"city": "Any town"})
        answer = await program.post("/contacts/5", **given)
        assert (answer.status_code, answer.json()["city"]) == (200, "X"), given


async def test_bodies_that_cannot_be_read_are_refused_in_the_dialects_words(program: Program) -> None:
    changes = await program.changes()
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}
    for given in (
        {"content": b"{"},
        {"content": b'{"firstName": {}}'},
        {"content": b'{"firstName": ["Marie"]}'},
        {"content": b"{" * 100_000},
        {"content": b"\xff\xfe%zz&&&=="},
        {"content": b"no multipart", "headers": boundary},
        {"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n", "headers": boundary},
        {
            "content": b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 1001 + b"--x--\r\n",
            "headers": boundary,
        },
    ):
        assert told(await program.post("/contacts", **given)) == MALFORMED, given
    for content in (b"%zz&&&==", b"a" * 1000, b"[1]", b"null"):
        wanted = error(400, "missing_param", "customerId parameter is missing")
        assert told(await program.post("/contacts", content=content)) == wanted
    large = await program.post("/contacts", content=b"city=" + b"x" * 2**21)
    assert told(large) == error(413, "request_too_large", "The request is too large.")
    assert await program.changes() == changes


async def test_ids_that_name_no_contact_are_refused(program: Program) -> None:
    changes = await program.changes()
    account = await made(program, PartyKind.ACCOUNT, name="Other")
    for number in (0, -5, 6, 3229, account, 2**62):
        wanted = error(404, "not_found", f"The contact with the id {number} doesn't exist.")
        for answer in (
            await program.get(f"/contacts/{number}"),
            await program.post(f"/contacts/{number}", MARIE),
            await program.send("DELETE", f"/contacts/{number}"),
        ):
            assert told(answer) == wanted
    for number in ("x", "5.0", "2e1", "9223372036854775808", "%00", "5%20x", "null"):
        for answer in (
            await program.get(f"/contacts/{number}"),
            await program.post(f"/contacts/{number}", MARIE),
            await program.send("DELETE", f"/contacts/{number}"),
            await program.get(f"/customers/{number}"),
        ):
            assert told(answer) == not_valid("id"), number
    for path, said in (("31888", "id 31888"), ("5", "id 5"), ("reference/C0", "reference C0")):
        wanted = error(404, "not_found", f"The customer with the {said} doesn't exist.")
        assert told(await program.get(f"/customers/{path}")) == wanted
    assert await program.changes() == changes + 1  # the account that was made here


async def test_a_deleted_contact_is_gone_and_its_customer_stays(program: Program) -> None:
    answer = await program.send("DELETE", "/contacts/5")
    assert answer.status_code == 200
    gone = error(404, "not_found", "The contact with the id 5 doesn't exist.")
    assert told(await program.get("/contacts/5")) == gone
    assert told(await program.post("/contacts/5", MARIE)) == gone
    assert told(await program.send("DELETE", "/contacts/5")) == gone
    assert (await program.get("/contacts?customerReference=C0959")).json()["data"] == []
    assert (await program.get("/customers/3229")).json()["contacts"] == []
    change = await last_change(program)
    assert (change.action, change.door) == ("DELETED", "VALOMNIA")


async def test_any_version_is_taken_and_links_lead_to_it(program: Program) -> None:
    for version, shown in (("v2.1", "v2.1"), ("latest", "latest"), ("v 1%2B", "v%201%2B")):
        program.base = f"/api/{version}"
        assert (await program.show())["customer"]["href"] == f"/api/{shown}/customers/3229"
        for path in ("/contacts/5/", "/customers/3229/", "/customers/reference/C0959/", "/contacts/"):
            assert (await program.get(path)).status_code == 200
        listed = (await program.get("/contacts?max=1&sort=lastName")).json()
        assert listed["paging"]["next"] == f"/api/{shown}/contacts?max=1&sort=lastName&offset=1"


async def test_a_record_of_another_door_is_shown_without_a_null(program: Program) -> None:
    async with program.running.db.begin() as session:
        edit = Edit(
            {"last_name": "Solo", "description": "Two\nlines"},
            addresses=RowEdits(add=[{"kind": "HOME", "country_name": "Freedonia", "city": "X"}]),
        )
        contact = await parties.create(session, OFFICE, PartyKind.CONTACT, edit)
    body = await program.show(contact.id)
    assert {key: value for key, value in body.items() if value not in ("", contact.id)} == {
        "customer": {},
        "lastName": "Solo",
        "comment": "Two\nlines",
        "city": "X",
        "isDecisionMaker": False,
        "photo": None,
        "user": {},
        "dateCreated": body["dateCreated"],
        "lastUpdated": body["lastUpdated"],
    }


async def test_a_customer_is_shown_the_same_by_id_and_by_reference(program: Program) -> None:
    parent = await made(program, PartyKind.ACCOUNT, name="Holding", number="H1")
    async with program.running.db.begin() as session:
        account_id = (await external_ids.resolve(session, "valomnia", {("customer", "3229")}))["customer", "3229"]
        account = await aggregates.load_one(session, OFFICE, PartyKind.ACCOUNT, account_id, lock=True)
        kept = {"barcode": "400", "creditLimit": 12.5, "onHold": True, "currency": "EUR"}
        edit = Edit(
            {"tax_number": "T1", "registration_number": "R1", "parent_id": parent}, extra_fields={"valomnia": kept}
        )
        edit.addresses.add = [{"kind": "BILLING", "city": "Berlin", "country": "DE"}]
        edit.emails.add = [{"kind": "BUSINESS", "address": "shop@example.com"}]
        edit.phones.add = [{"kind": "MOBILE", "raw": "0151"}]
        await parties.update(Transaction(session), OFFICE, account, edit)
    shown = await program.get("/customers/3229")
    body = shown.json()
    assert (await program.get("/customers/reference/C0959")).text == shown.text
    assert {key: value for key, value in body.items() if value != ""} == {
        "id": 3229,
        "reference": "C0959",
        "name": "Marie's Jewelry",
        "customerCategory": {},
        "parentCustomer": {"id": parent, "reference": "H1", "name": "Holding", "href": f"/api/v1.0/customers/{parent}"},
        "email": "shop@example.com",
        "logo": None,
        "mobile": "0151",
        "barcode": "400",
        "billingCountry": "DE",
        "billingCity": "Berlin",
        "country": "DE",
        "city": "Berlin",
        "creditLimit": 12.5,
        "isActive": True,
        "onHold": True,
        "taxNumber": "T1",
        "companyRegistrationNumber": "R1",
        "contacts": [{"id": 5, "firstName": "Marie", "lastName": "Schrader", "href": "/api/v1.0/contacts/5"}],
        "currency": "EUR",
        "organization": "entity1",
        "dateCreated": "2015-12-18T13:20:05Z",
        "lastUpdated": body["lastUpdated"],
    }


async def test_a_customer_shows_the_contacts_that_are_its_own(program: Program) -> None:
    stranger = await made(program, PartyKind.CONTACT, last_name="Stranger")
    async with program.running.db.begin() as session:
        await session.execute(update(Account).where(Account.number == "C0959").values(primary_contact_id=stranger))
    assert [each["id"] for each in (await program.get("/customers/3229")).json()["contacts"]] == [5]


async def test_a_fault_of_ours_is_their_server_error(program: Program) -> None:
    async with program.running.db.begin() as session:
        await session.execute(text("ALTER TABLE external_id RENAME TO elsewhere"))
    for method, path in (("GET", "/contacts/5"), ("POST", "/contacts"), ("GET", "/contacts?max=1")):
        assert told(await program.send(method, path, data=MARIE if method == "POST" else None)) == SERVER_ERROR


async def test_answers_are_not_kept_by_anybody(program: Program) -> None:
    for answer in (await program.get("/contacts/5"), await program.get("/contacts/6"), await program.get("/nothing")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_single_record_costs_the_same_few_statements_whatever_it_has(program: Program) -> None:
    counts = []
    for _ in range(2):
        with statements(program.running.db) as seen:
            await program.show()
        with statements(program.running.db) as customer:
            assert (await program.get("/customers/3229")).status_code == 200
        counts.append((len(seen), len(customer)))
        for name in ("A", "B"):
            await program.create(lastName=name, phone="1", phone2="2", email="a@example.com", city="X")
        await program.post("/contacts/5", {**MARIE, "phone": "1", "fax": "2", "email": "m@example.com"})
    assert counts == [(6, 7), (6, 7)]


async def test_an_update_costs_as_many_statements_however_many_contacts_there_are(program: Program) -> None:
    counts = []
    for round_ in range(2):
        with statements(program.running.db) as seen:
            assert (await program.post("/contacts/5", {**MARIE, "fonction": f"Chief {round_}"})).status_code == 200
        counts.append(len(seen))
        for name in ("A", "B", "C"):
            await program.create(lastName=name)
    assert counts[0] == counts[1] < 20


def test_every_refusal_of_the_core_is_told_by_a_name_and_a_text() -> None:
    assert all(re.fullmatch("[a-z_]+", failure.error) and failure.description for failure in WORDS.values())


async def test_the_openapi_document_has_the_keys_of_the_answers(program: Program) -> None:
    document = openapi()
    servers = [{"url": "http://test", "description": "This server."}]
    assert (await program.client.get("/docs/valomnia/openapi.json")).json() == document | {"servers": servers}
    schemas = document["components"]["schemas"]
    assert list(schemas["Contact"]["properties"]) == list(await program.show())
    assert list(schemas["Customer"]["properties"]) == list((await program.get("/customers/3229")).json())
    assert {path: sorted(item) for path, item in document["paths"].items()} == {
        "/api/{version}/contacts": ["get", "post"],
        "/api/{version}/contacts/{id}": ["delete", "get", "post"],
        "/api/{version}/customers/{id}": ["get"],
        "/api/{version}/customers/reference/{reference}": ["get"],
        "/j_spring_security_check": ["post"],
        "/login/ajaxSuccess": ["get"],
        "/{folder}/photoContact/{file_name}": ["get"],
        "/{folder}/photoCustomer/{file_name}": ["get"],
    }


async def test_an_id_at_home_that_is_no_number_is_not_printed(program: Program) -> None:
    contact = await made(program, PartyKind.CONTACT, last_name="Odd")
    async with program.running.db.begin() as session:
        session.add(ExternalId(dialect="valomnia", space="contact", value="x1", live=True, party_id=contact))
    assert (await program.show(contact))["id"] == contact
    async with program.running.db.read() as session:
        assert await session.scalar(select(Contact.last_name).where(Contact.id == contact)) == "Odd"
