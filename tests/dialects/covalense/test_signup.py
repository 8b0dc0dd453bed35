"""Signup: an account, its primary contact and a sales order in one transaction, or nothing at all."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import func, select, text

from crmgraph.crm.models import (
    Account,
    AccountKind,
    AddressKind,
    Base,
    Change,
    Contact,
    Credential,
    Door,
    EmailKind,
    PartyKind,
    PhoneKind,
    Role,
    SalesOrder,
    Staff,
)
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates
from crmgraph.db.database import Database
from tests.conftest import Running, serving, settings_for
from tests.dialects.covalense.conftest import (
    HEADERS,
    RAVI,
    Portal,
    bad_request,
    client_error,
    code_in,
    mailed,
    result,
)

ACCT = {
    "title": "Ms.",
    "firstName": "Asha",
    "middleName": "R.",
    "lastName": "Rao",
    "phone": "080 4117 3000",
    "mobilePhone": "918 290 9949",
    "gender": "Female",
    "companyName": "",
    "department": "Sales",
    "designation": "Lead",
    "emailAddress": "asha@example.com",
    "docIdNumberMsgId": "14155-15255",
    "docIdTypeEquipType": "AADHAR",
    "accountId": "A-1",
    "assignedUserId": "19x5",
    "platform": "Postpaid",
    "Type": "Residential",
    "ServiceType": "VoLTE",
}
ADDRESS = {
    "streetAddress": "HSR Layout",
    "city": "Bengaluru",
    "postalCode": "560078",
    "state": "Karnataka",
    "country": "India",
}
CARD = {"cardNo": "4111111111111111", "expiryMonth": "11", "expiryYear": "2039", "cvv": "987"}
LINE = {
    "packageId": "PKG1",
    "price": "199.00",
    "inventoryAttributes": {"msisdn": "918290994900", "icicid": "8991000900000000001"},
}
PASSWORD = "a password of ten"
FULL: dict[str, Any] = {
    "acctInfo": ACCT,
    "addressInfo": ADDRESS,
    "paymentDetail": {"gateway": "paypal", "firstName": "Asha", "lastName": "Rao", "email": "pay@example.com", **CARD},
    "lineItems": [LINE],
    "paymentInfo": {"amount": "199.00", "paymentType": "card"},
    "orderType": "NEW",
    "orderId": "ORD-1",
    "password": PASSWORD,
    "element1": "one",
    "element2": "",
}
TABLES = ("party", "contact", "account", "phone", "email", "address", "change", "sales_order", "credential", "counter")


async def _rows(db: Database) -> dict[str, int]:
    async with db.read() as session:
        return {name: await session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in TABLES}


async def _signed_up(db: Database) -> tuple[aggregates.Aggregate, aggregates.Aggregate, SalesOrder]:
    """The contact, the account and the one order."""
    actor = Actor(Door.GRAPHQL, Role.ADMIN)
    async with db.read() as session:
        order = (await session.scalars(select(SalesOrder))).one()
        contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, order.contact_id)
        account = await aggregates.load_one(session, actor, PartyKind.ACCOUNT, order.account_id)
    return contact, account, order


def _pascal(value: Any) -> Any:
    match value:
        case dict():
            return {name[0].upper() + name[1:]: _pascal(each) for name, each in value.items()}
        case list():
            return [_pascal(each) for each in value]
    return value


@pytest.mark.parametrize("spelling", [lambda body: body, _pascal], ids=["camelCase", "PascalCase"])
async def test_a_signup_makes_everything_and_lets_the_customer_in(spelling: Any, demo: Running, portal: Portal) -> None:
    before = await _rows(demo.db)
    answer = result(await portal.send("POST", "signup", spelling(FULL)))
    contact, account, order = await _signed_up(demo.db)
    assert answer == {"salesOrder": {"salesorder_no": order.number}}
    assert order.number == "SO1"
    after = await _rows(demo.db)
    made = {name: after[name] - before[name] for name in TABLES}
    assert made == {
        "party": 2, "contact": 1, "account": 1, "phone": 3, "email": 2, "address": 2, "change": 2, "sales_order": 1,
        "credential": 1, "counter": made["counter"],
    }  # fmt: skip

    person: Any = contact.record
    async with demo.db.read() as session:
        owner = await session.get(Staff, person.owner_id)
    assert owner is not None
    assert owner.name == "Santhosh Kumar"
    assert (person.salutation, person.first_name, person.middle_name, person.last_name) == ("Ms.", "Asha", "R.", "Rao")
    assert (person.gender, person.department, person.job_title) == ("Female", "Sales", "Lead")
    assert person.account_id == account.id
    assert person.extra_fields == {"covalense": {"source": "WEBSERVICE"}}
    assert [(row.kind, row.raw) for row in contact.phones] == [
        (PhoneKind.LANDLINE, "080 4117 3000"),
        (PhoneKind.MOBILE, "918 290 9949"),
    ]
    assert [(row.kind, row.address) for row in contact.emails] == [(EmailKind.PERSONAL, "asha@example.com")]
    (home,) = contact.addresses
    assert (home.kind, home.street, home.city, home.state) == (AddressKind.HOME, "HSR Layout", "Bengaluru", "Karnataka")
    assert (home.postal_code, home.country_name, home.country) == ("560078", "India", "IN")

    firm: Any = account.record
    assert (firm.name, firm.kind, firm.platform, firm.owner_id) == (
        "Asha Rao", AccountKind.INDIVIDUAL, "Postpaid", person.owner_id,
    )  # fmt: skip
    assert firm.primary_contact_id == contact.id
    assert firm.extra_fields["covalense"] == {
        "docidnumbermsgid": "14155-15255",
        "docidtypeequiptype": "AADHAR",
        "source": "WEBSERVICE",
    }
    assert [row.kind for row in account.addresses] == [AddressKind.BILLING]

    assert (order.order_type, order.order_reference, order.door) == ("NEW", "ORD-1", Door.COVALENSE)
    assert order.details == spelling(
        {
            "acctInfo": {"accountId": "A-1", "assignedUserId": "19x5", "Type": "Residential", "ServiceType": "VoLTE"},
            "paymentDetail": {
                "gateway": "paypal",
                "firstName": "Asha",
                "lastName": "Rao",
                "email": "pay@example.com",
            },
            "lineItems": [LINE],
            "paymentInfo": {"amount": "199.00", "paymentType": "card"},
            "element1": "one",
            "element2": "",
        }
    )

    token = await portal.login("asha@example.com", PASSWORD)
    profile = result(await portal.send("GET", "profile/contact", token=token))
    assert (profile["firstname"], profile["mailingcity"], profile["source"]) == ("Asha", "Bengaluru", "WEBSERVICE")
    mine = result(await portal.send("PUT", "profile/account", {"news": "1"}, token=token))
    assert (mine["platform"], mine["docidnumbermsgid"], mine["primary_contact"], mine["bill_code"]) == (
        "Postpaid", "14155-15255", f"12x{contact.id}", "560078",
    )  # fmt: skip


async def test_card_data_and_passwords_are_nowhere_in_the_store(demo: Running, portal: Portal) -> None:
    body = {**FULL, "PaymentDetail2": {"Card_No": "4111111111111111", "deep": [{"CVV2": "987"}]}, "token": "t0ken"}
    result(await portal.send("POST", "signup", body))
    async with demo.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in await session.execute(select(table)):
                written = repr(row)
                assert not [
                    each
                    for each in ("4111111111111111", "'987'", "'2039'", "/2039", PASSWORD, "t0ken")
                    if each in written
                ]


async def test_a_known_email_makes_the_records_and_the_order_and_no_login(demo: Running, portal: Portal) -> None:
    before = await _rows(demo.db)
    body = {**FULL, "acctInfo": {**ACCT, "emailAddress": RAVI.upper()}}
    known = await portal.send("POST", "signup", body)
    assert result(known) == {"salesOrder": {"salesorder_no": "SO1"}}
    after = await _rows(demo.db)
    assert (after["contact"] - before["contact"], after["sales_order"], after["credential"] - before["credential"]) == (
        1, 1, 0,
    )  # fmt: skip
    assert await portal.login(RAVI)
    answer = await portal.send("POST", "login", {"email": RAVI, "password": PASSWORD})
    assert answer.text == bad_request("Invalid username/password")


async def test_without_a_password_or_an_email_there_is_no_login(demo: Running, portal: Portal) -> None:
    before = await _rows(demo.db)
    result(await portal.send("POST", "signup", {**FULL, "password": ""}))
    result(await portal.send("POST", "signup", {**FULL, "acctInfo": {"Platform": "Prepaid", "LastName": "Rao"}}))
    after = await _rows(demo.db)
    assert (after["contact"] - before["contact"], after["credential"]) == (2, before["credential"])


async def test_a_company_is_the_account_and_an_unknown_owner_is_only_kept(demo: Running, portal: Portal) -> None:
    acct = {**ACCT, "companyName": "Acme", "assignedUserId": "string"}
    result(await portal.send("POST", "signup", {"acctInfo": acct}))
    contact, account, order = await _signed_up(demo.db)
    firm: Any = account.record
    assert (firm.name, firm.kind, firm.owner_id, contact.record.owner_id) == ("Acme", AccountKind.BUSINESS, None, None)
    assert order.details["acctInfo"]["assignedUserId"] == "string"
    assert (order.order_type, order.order_reference) == (None, None)


async def test_with_confirmation_the_login_waits_for_the_code_that_is_mailed(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    async with serving(settings_for(demo_database[0], tmp_path, signup_confirm=True)) as (client, app):
        portal = Portal(client)
        assert result(await portal.send("POST", "signup", FULL)) == {"salesOrder": {"salesorder_no": "SO1"}}
        login = {"email": "asha@example.com", "password": PASSWORD}
        answer = await portal.send("POST", "login", login)
        assert answer.text == bad_request("Invalid username/password")
        email = await mailed(tmp_path, "asha@example.com")
        await app.state.core.identity.signups.confirm(code_in(email))
        assert await portal.login("asha@example.com", PASSWORD)


async def test_with_confirmation_the_owner_of_a_known_email_is_told(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    async with serving(settings_for(demo_database[0], tmp_path, signup_confirm=True)) as (client, _):
        portal = Portal(client)
        body = {**FULL, "acctInfo": {**ACCT, "emailAddress": RAVI}}
        assert result(await portal.send("POST", "signup", body)) == {"salesOrder": {"salesorder_no": "SO1"}}
        assert "There is a login for it already, which stays as it is." in await mailed(tmp_path, RAVI)


async def test_without_mail_what_needs_a_letter_is_refused_and_leaves_nothing(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    settings = settings_for(demo_database[0], tmp_path, signup_confirm=True, mail_url="")
    async with serving(settings) as (client, app):
        portal = Portal(client)
        for path, body in (("signup", FULL), ("profile/password/forgot", {"email": RAVI})):
            answer = await portal.send("POST", path, body)
            assert (answer.status_code, answer.text) == (
                400,
                bad_request("This needs an email to be sent, and the service sends none."),
            )
        async with app.state.core.db.read() as session:
            assert await session.scalar(select(func.count()).select_from(SalesOrder)) == 0


def _acct(**changes: Any) -> dict[str, Any]:
    return {**FULL, "acctInfo": {**ACCT, **changes}}


DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]


REFUSED = [
    ({}, "Attribute 'Platform' not found in request."),
    ({"acctInfo": None, "password": "short"}, "Attribute 'Platform' not found in request."),
    (_acct(platform=" ", lastName=""), "Attribute 'Platform' not found in request."),
    ({"AcctInfo": {"Platform": "Postpaid"}}, "Attribute 'LastName' not found in request."),
    (_acct(lastName=""), "Attribute 'lastName' not found in request."),
    (_acct(platform=["x"]), "Attribute 'platform' is not valid: it has to be text."),
    (_acct(emailAddress="nobody"), "Attribute 'emailAddress' is not valid: it is no email address."),
    (_acct(phone={"a": 1}), "Attribute 'phone' is not valid: it has to be text."),
    (_acct(companyName="x" * 1001), "Attribute 'companyName' is not valid: it is longer than 1000 characters."),
    (
        {**FULL, "addressInfo": {"City": "a\u0000b"}},
        "Attribute 'City' is not valid: it holds characters that cannot be kept.",
    ),
    ({**FULL, "addressInfo": "HSR"}, "Attribute 'addressInfo' is not valid: it has to be an object."),
    ({**FULL, "acctInfo": [ACCT]}, "Attribute 'acctInfo' is not valid: it has to be an object."),
    ({**FULL, "password": "short"}, "Attribute 'password' is not valid: it has fewer than 8 characters."),
    ({**FULL, "OrderType": {}}, "Attribute 'OrderType' is not valid: it has to be text."),
    ({**FULL, "orderId": "x" * 1001}, "Attribute 'orderId' is not valid: it is longer than 1000 characters."),
    (
        {**FULL, "element3": "a\u0000b"},
        "Attribute 'element3' is not valid: it holds characters that cannot be kept.",
    ),
    ({**FULL, "lineItems": DEEP}, "Attribute 'lineItems' is not valid: it is nested deeper than 16 levels."),
    (
        {**FULL, "lineItems": ["x" * 31_000] * 3},
        "Attribute 'lineItems' is not valid: it has more than 65536 bytes.",
    ),
]


async def test_a_refused_signup_leaves_nothing_behind(demo: Running, portal: Portal) -> None:
    before = await _rows(demo.db)
    for body, message in REFUSED:
        answer = await portal.send("POST", "signup", body)
        assert (answer.status_code, answer.text) == (400, bad_request(message))
        assert await _rows(demo.db) == before


@pytest.mark.parametrize(
    "data",
    [
        {"headers": {"Data": json.dumps(FULL)}},
        {"headers": {"data": json.dumps(_pascal(FULL), ensure_ascii=False).encode()}},
        {"headers": {"Data": quote(json.dumps(FULL))}},
        {"params": {"Data": json.dumps(FULL)}},
        {"json": {"Data": json.dumps(FULL)}},
        {"json": {"data": FULL, "Source": "Selfcare", "type": "numbers"}},
    ],
    ids=["header", "raw header", "quoted header", "parameter", "body", "object in the body"],
)
async def test_kyc_takes_the_registration_from_the_header_a_parameter_or_the_body(
    data: dict[str, Any], demo: Running, portal: Portal
) -> None:
    headers = {**HEADERS, "type": "numbers", **data.get("headers", {})}
    request = {name: data[name] for name in ("params", "json") if name in data}
    answer = await portal.client.post("/crm/v1/signup/kyc", headers=headers, **request)
    assert result(answer) == {"salesOrder": {"salesorder_no": "SO1"}}
    contact, _, order = await _signed_up(demo.db)
    person: Any = contact.record
    assert (person.first_name, order.order_reference) == ("Asha", "ORD-1")
    assert await portal.login("asha@example.com", PASSWORD)


async def test_names_in_utf8_survive_the_header(demo: Running, portal: Portal) -> None:
    registration = {"AcctInfo": {"Platform": "Postpaid", "FirstName": "José 🙂", "LastName": "أحمد"}}
    for written in (json.dumps(registration, ensure_ascii=False).encode(), quote(json.dumps(registration)).encode()):
        headers = {**HEADERS, "type": "numbers", "Data": written}
        result(await portal.client.post("/crm/v1/signup/kyc", headers=headers))
    async with demo.db.read() as session:
        made = (await session.execute(select(Contact.first_name).where(Contact.last_name == "أحمد"))).all()
    assert [tuple(row) for row in made] == [("José 🙂",), ("José 🙂",)]


async def test_a_header_that_is_no_utf8_is_refused_and_not_guessed_at(demo: Running, portal: Portal) -> None:
    before = await _rows(demo.db)
    registration = json.dumps({"AcctInfo": {"Platform": "Postpaid", "LastName": "René 🙂"}}, ensure_ascii=False)
    latin, cut = registration.replace("🙂", "").encode("latin-1"), registration.encode().partition(b"\x99")[0]
    overlong = registration.encode().replace(b"n", b"\xc0\xee")
    surrogate = registration.encode().replace(b"n", b"\xed\xa0\x80")
    broken = quote(registration).replace("%C3%A9", "%E9").encode()
    for written in (latin, overlong, surrogate, broken, b"\xff", cut):
        headers = {**HEADERS, "type": "numbers", "Data": written}
        answer = await portal.client.post("/crm/v1/signup/kyc", headers=headers)
        message = "Request parameter is not readable as text in UTF-8."
        assert (answer.status_code, answer.text) == (400, bad_request(message)), written
        assert await _rows(demo.db) == before


async def test_a_parameter_is_read_once(demo: Running, portal: Portal) -> None:
    registration = json.dumps({"AcctInfo": {"Platform": "Postpaid", "LastName": "Ã©"}}, ensure_ascii=False)
    params = {"Data": registration}
    result(await portal.client.post("/crm/v1/signup/kyc", headers={**HEADERS, "type": "numbers"}, params=params))
    contact, _, _ = await _signed_up(demo.db)
    assert contact.record.last_name == "Ã©"


NO_REGISTRATION = [
    ("", "Attribute 'Platform' not found in request."),
    ("string", "Request body is not readable as JSON."),
    ("[]", "Request body is not a JSON object."),
    ("{}", "Attribute 'Platform' not found in request."),
]


async def test_a_kyc_without_a_registration_leaves_nothing_behind(demo: Running, portal: Portal) -> None:
    before = await _rows(demo.db)
    for data, message in NO_REGISTRATION:
        answer = await portal.send("POST", "signup/kyc", Data=data)
        assert (answer.status_code, answer.text) == (400, bad_request(message))
        assert await _rows(demo.db) == before


async def test_a_kyc_whose_body_has_no_registration_is_refused(demo: Running, portal: Portal) -> None:
    before = await _rows(demo.db)
    headers = {**HEADERS, "type": "numbers"}
    for body, message in (
        ({"source": "Selfcare"}, "Header 'Data' not present in the request."),
        ({"Data": 5}, "Attribute 'Data' is not valid: it has to be an object."),
        ({"Data": "string"}, "Request body is not readable as JSON."),
        ([], "Header 'Data' not present in the request."),
    ):
        answer = await portal.client.post("/crm/v1/signup/kyc", headers=headers, json=body)
        arguments = next(iter(answer.json()["response"]["result"].values()))
        assert (answer.status_code, arguments["errorMessage"]) == (400, message)
        assert await _rows(demo.db) == before


async def test_too_many_letters_to_one_email_close_signup_and_failed_logins_do_not(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    changed = {"throttle_per_address": 2, "throttle_emails": 2, "signup_confirm": True}
    async with serving(settings_for(demo_database[0], tmp_path, **changed)) as (client, app):
        portal = Portal(client)
        for _ in range(3):
            await portal.send("POST", "login", {"email": "nobody@example.com", "password": PASSWORD})
        for _ in range(2):
            result(await portal.send("POST", "signup", FULL))
        before = await _rows(app.state.core.db)
        answer = await portal.send("POST", "signup", FULL)
        seconds = answer.headers["retry-after"]
        assert 3590 <= int(seconds) <= 3600
        message = f"Too many attempts. Try again in {seconds} seconds."
        assert (answer.status_code, answer.text) == (429, client_error(429, "TOO_MANY_REQUESTS", message))
        assert await _rows(app.state.core.db) == before
        # Emails count with the email; a portal may sign up as many others as it likes.
        for n in range(3):
            other = {**FULL, "acctInfo": {**ACCT, "emailAddress": f"other{n}@example.com"}}
            result(await portal.send("POST", "signup", other))


async def test_a_signup_is_written_down_as_done_at_this_door(demo: Running, portal: Portal) -> None:
    result(await portal.send("POST", "signup", FULL))
    contact, account, _ = await _signed_up(demo.db)
    async with demo.db.read() as session:
        query = select(Change.door, Change.revision).where(Change.party_id.in_([contact.id, account.id]))
        changes = (await session.execute(query)).all()
        credential = (await session.scalars(select(Credential).where(Credential.contact_id == contact.id))).one()
    assert [tuple(row) for row in changes] == [(Door.COVALENSE, 1), (Door.COVALENSE, 1)]
    assert (credential.email, credential.live) == ("asha@example.com", True)
    assert isinstance(account.record, Account)
    assert account.record.revision == 1
