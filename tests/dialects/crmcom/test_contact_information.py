"""Showing, listing, creating and changing contact information: identifiers, fields, what is kept, what is cleared."""

from typing import Any

import orjson
from sqlalchemy import select, update

from crmgraph.crm.models import Account, Change, Contact, Lead, Staff
from tests.conftest import statements
from tests.dialects.crmcom.conftest import (
    ACME,
    ELLEN,
    JOANNA,
    KOZIORS,
    LOUIS,
    MARIA,
    PREFIX,
    Program,
    answer_of,
    code,
    done,
    refused,
)

SHOW, LIST = "contact_information/show", "contact_information/list"
CREATE, UPDATE = "contact_information/create", "contact_information/update"
IDENTIFIER = "contact_information_identifier"
NOT_FOUND = code("CONTACTINFORMATION", "NOTFOUND")
AMBIGUOUS = code("CONTACTINFORMATION", "MORETHANONEFOUND")
MISSING = code("CONTACTINFORMATION", "MANDATORYFIELDMISSING")
INVALID = code("CONTACTINFORMATION", "INVALIDFIELDVALUE")
TOO_LARGE = code("WEBAPI", "REQUESTTOOLARGE")


IDENTIFIERS: list[tuple[str, str]] = [
    (f"id={ELLEN}", ELLEN),
    (f"id={ELLEN.lower()}", ELLEN),
    ("id_number=ADASF125546665", ELLEN),
    ("passport_number=DDFF12336544", ELLEN),
    ("social_security_number=54561465146", ELLEN),
    ("vat_registration_number=126591", KOZIORS),
    ("registration_number=KZ126591", KOZIORS),
    ('{"id": "' + KOZIORS + '"}', KOZIORS),
]


async def test_every_field_of_an_identifier_finds(program: Program) -> None:
    for identifier, found in IDENTIFIERS:
        answer = await program.get(SHOW, **{IDENTIFIER: identifier, "fields_set": "id"})
        assert (identifier, answer["data"]) == (identifier, {"id": found})


async def test_an_identifier_is_heard_in_the_query_a_json_body_and_a_form(program: Program) -> None:
    url, name = PREFIX + UPDATE, {"middle_name": "A."}
    for identifier in ({"id": ELLEN}, f"id={ELLEN}", {"id": ELLEN, "number": None}):
        body = {"token": program.token, IDENTIFIER: identifier, "fields_set": ["id"], **name}
        assert done(answer_of(await program.client.post(url, json=body))) == {"id": ELLEN}
    form = {"token": program.token, IDENTIFIER: f"id={ELLEN}", "fields_set": "id", **name}
    for given in ({"data": form}, {"data": form, "files": {"nothing": ("", b"")}}, {"params": form}):
        assert done(answer_of(await program.client.post(url, **given))) == {"id": ELLEN}


async def test_a_number_of_ours_finds_persons_and_companies(program: Program) -> None:
    async with program.running.db.read() as session:
        contact = await session.scalar(select(Contact.number).where(Contact.last_name == "Leon"))
        account = await session.scalar(select(Account.number).where(Account.name == "Koziors"))
    assert await program.show(f"number={contact}", "id") == {"id": ELLEN}
    assert await program.show(f"number={account}", "id") == {"id": KOZIORS}


NOBODY = [
    (None, (MISSING, f"{IDENTIFIER}: mandatory")),
    ("", (MISSING, f"{IDENTIFIER}: mandatory")),
    (ELLEN, (INVALID, f"{IDENTIFIER}: its form is not known")),
    ("name=Ellen", (INVALID, f"{IDENTIFIER}: its field is not known")),
    ("id=", (INVALID, f"{IDENTIFIER}: its field is not known")),
    ("{", (INVALID, f"{IDENTIFIER}: its form is not known")),
    ("[]", (INVALID, f"{IDENTIFIER}: its form is not known")),
    ('{"id": "1", "number": "2"}', (INVALID, f"{IDENTIFIER}: its form is not known")),
    ('{"id": {"id": "1"}}', (INVALID, f"{IDENTIFIER}: it is of another type")),
    ("id=00", (NOT_FOUND, f"{IDENTIFIER}: not found")),
    (f"id={'F' * 32}", (NOT_FOUND, f"{IDENTIFIER}: not found")),
    (f"id={'0' * 32}", (NOT_FOUND, f"{IDENTIFIER}: not found")),
    ("id=\x00", (NOT_FOUND, f"{IDENTIFIER}: not found")),
    ("id_number=%", (NOT_FOUND, f"{IDENTIFIER}: not found")),
    ("id_number=154209", (AMBIGUOUS, f"{IDENTIFIER}: more than one found")),
]


async def test_an_identifier_that_means_nobody_or_several_is_refused(program: Program) -> None:
    for identifier, answer in NOBODY:
        given = {} if identifier is None else {IDENTIFIER: identifier}
        assert (identifier, refused(await program.get(SHOW, **given))) == (identifier, answer)


async def test_a_record_of_another_door_is_shown_with_our_id_in_32_digits(program: Program) -> None:
    async with program.running.db.read() as session:
        contact = (await session.scalars(select(Contact).where(Contact.last_name == "Schröder"))).one()
        account = (await session.scalars(select(Account).where(Account.name == "crmgraph Demo"))).one()
    person = await program.show(f"id={contact.id:032X}")
    assert (person["id"], person["name"], person["preferred_language"]) == (
        f"{contact.id:032X}",
        "Marie Schröder",
        "DEU",
    )
    assert person["demographics"]["date_of_birth"] == {"month": 11, "day": 7, "year": None}
    mobile, landline = person["phones_set"]
    assert (mobile["number"], mobile["full_number"], mobile["area_code"], mobile["country"]["name"]) == (
        "+49 151 23456789",
        "004915123456789",
        "49",
        "GERMANY",
    )
    assert landline["full_number"] == "004930901820"
    assert person["addresses_set"][0]["country"] == {
        "three_character_code": "DEU",
        "two_character_code": "DE",
        "name": "GERMANY",
        "id": "1276",
        "alternative_code": None,
    }
    company = await program.show(f"id={account.id:032X}")
    assert (company["type"], company["company_name"]) == ("COMPANY", "crmgraph Demo")
    assert company["company_profile"]["industry"] == {
        "name": "Software",
        "id": company["company_profile"]["industry"]["id"],
        "code": None,
    }
    assert len(company["company_profile"]["industry"]["id"]) == 32
    assert [address["type"] for address in company["addresses_set"]] == ["Billing"]
    # A country that has no id of the document's is named by the one that is printed.
    await program.changed(f"{contact.id:032X}", demographics={"country_of_residence_identifier": {"id": "1276"}})
    async with program.running.db.read() as session:
        assert await session.scalar(select(Contact.residence_country).where(Contact.id == contact.id)) == "DE"


async def test_a_lead_is_nobody_here(program: Program) -> None:
    async with program.running.db.read() as session:
        lead = (await session.scalars(select(Lead.id).limit(1))).one()
    answer = await program.get(SHOW, **{IDENTIFIER: f"id={lead:032X}"})
    assert refused(answer) == (NOT_FOUND, f"{IDENTIFIER}: not found")


async def test_a_fields_set_chooses_keys_and_drops_what_no_answer_has(program: Program) -> None:
    assert list(await program.show(ELLEN, "title", "email_set", " id ", "name")) == ["name", "id", "title"]
    assert await program.show(ELLEN, "email_set") == {}
    assert (await program.show(ELLEN, "authorization_settings"))["authorization_settings"] == {
        "direct_marketing_setting_updated_by_user": None,
        "affiliate_marketing_setting_updated_by_user": None,
        "affiliate_marketing_setting_updated_date": None,
        "send_affiliate_marketing_material": None,
        "send_direct_marketing_material": None,
        "direct_marketing_setting_updated_date": None,
    }
    assert (await program.get(LIST, id_number="154209", fields_set="first_name,notes"))["data"] == [
        {"first_name": "Maria", "notes": None},
        {"first_name": "Marios", "notes": None},
    ]
    made = await program.create(**JOANNA, fields_set="first_name,phones_set,preferred_language")
    assert made == {"first_name": "Joanna", "preferred_language": None, "phones_set": []}
    answer = await program.post(SHOW.replace("show", "create"), **JOANNA, fields_set=5)
    assert refused(answer) == (INVALID, "fields_set: it is of another type")


LISTS: list[tuple[dict[str, str], list[str]]] = [
    ({"id_number": "154209"}, ["Maria Ioannou", "Marios Christodoulou"]),
    ({"passport_number": "15420910"}, ["Maria Ioannou", "Marios Christodoulou"]),
    ({"social_security_number": "15420920"}, ["Maria Ioannou", "Marios Christodoulou"]),
    ({"vat_registration_number": "126591"}, ["Koziors"]),
    ({"email_address": "BrianaKozior@gmail.com"}, ["Koziors", "Louis Kozior"]),
    ({"phone_number": "988321236448"}, ["Maria Ioannou", "Marios Christodoulou"]),
    ({"phone_number": "988321236448", "email_address": "nobody@crm.com"}, []),
    ({"id_number": "154209", "vat_registration_number": "126591"}, []),
    ({"id_number": "154209", "passport_number": ""}, ["Maria Ioannou", "Marios Christodoulou"]),
    ({"id_number": "154209", "number_of_results": "1"}, ["Maria Ioannou"]),
    ({"id_number": "154209", "number_of_results": "1", "offset": "1"}, ["Marios Christodoulou"]),
    ({"id_number": "154209", "offset": "2147483647"}, []),
]


async def test_a_list_has_what_answers_to_all_filters(program: Program) -> None:
    for filters, names in LISTS:
        found = [row["name"] for row in done(await program.get(LIST, **filters))]
        assert (filters, found) == (filters, names)


async def test_a_list_finds_whatever_number_and_email_is_printed(program: Program) -> None:
    """Also numbers that nobody can dial, whose full form is the code and what was written."""
    odd = [
        {"type": "LANDLINE", "number": "99 12", "country_identifier": {"id": "181"}},
        {"type": "MOBILE", "number": "555-0123", "area_code": "44"},
        {"type": "FAX", "number": "0171 1234567", "country_identifier": {"two_character_code": "DE"}},
        {"type": "LANDLINE", "number": "+357 22 000000"},
    ]
    await program.create(
        **JOANNA, phone_set=odd, email_set=[{"type": "PERSONAL", "email_address": "Jo.Anna@Example.COM"}]
    )
    shown = done(await program.get(LIST, email_address="jo.anna@example.com"))
    for whom in (LOUIS, MARIA, KOZIORS, shown[0]["id"]):
        record = await program.show(whom)
        for phone in record["phones_set"]:
            for number in {phone["full_number"], phone["number"], phone["full_number"].replace(" ", "")}:
                found = done(await program.get(LIST, phone_number=number))
                assert record["id"] in {row["id"] for row in found}, number
        for email in record["emails_set"]:
            found = done(await program.get(LIST, email_address=email["email"]))
            assert record["id"] in {row["id"] for row in found}
    for number in ("00449912", "0035755501", "1", "00"):
        assert done(await program.get(LIST, phone_number=number)) == [], number


ODD_LISTS: list[tuple[dict[str, str], tuple[str, str]]] = [
    (
        {},
        (
            MISSING,
            "One of id_number, passport_number, social_security_number, vat_registration_number, "
            "email_address and phone_number is mandatory",
        ),
    ),
    ({"id_number": "1", "number_of_results": "0"}, (INVALID, "number_of_results: it is no number in range")),
    ({"id_number": "1", "number_of_results": "1001"}, (INVALID, "number_of_results: it is no number in range")),
    ({"id_number": "1", "number_of_results": "ten"}, (INVALID, "number_of_results: it is no number in range")),
    ({"id_number": "1", "offset": "-1"}, (INVALID, "offset: it is no number in range")),
    ({"id_number": "1", "offset": "9" * 19}, (INVALID, "offset: it is no number in range")),
]


async def test_a_list_without_a_filter_or_with_odd_paging_is_refused(program: Program) -> None:
    for parameters, answer in ODD_LISTS:
        assert (parameters, refused(await program.get(LIST, **parameters))) == (parameters, answer)


async def test_whoever_may_not_see_identity_documents_gets_none_and_finds_nobody_by_them(program: Program) -> None:
    async with program.running.db.begin() as session:
        await session.execute(update(Staff).where(Staff.name == "MPAdministrator").values(sees_identity=False))
    louis = await program.show(LOUIS)
    documents = ("id_number", "passport_number", "social_security_number")
    assert [louis["demographics"][name] for name in documents] == [None] * 3
    assert [louis["demographics"][name] for name in ("id_issued_by_country", "passport_issued_by_country")] == [
        None
    ] * 2
    assert louis["demographics"]["gender"] == "FEMALE"
    assert [louis["relation_set"][0]["contact"]["demographics"][name] for name in documents] == [None] * 3
    koziors = await program.show(KOZIORS, "relation_set")
    assert koziors["relation_set"][0]["contact"]["demographics"]["id_number"] is None
    for name, value in zip(documents, ("AB112234", "CD112234", "EF112234"), strict=True):
        answer = await program.get(SHOW, **{IDENTIFIER: f"{name}={value}"})
        assert refused(answer) == (NOT_FOUND, f"{IDENTIFIER}: not found")
        assert done(await program.get(LIST, **{name: value})) == []
    denied = code("SECURITY", "ACCESSDENIED")
    for name, value in zip(documents, ("AB112234", "CD112234", "EF112234"), strict=True):
        # The right number, a wrong one, and one where there is none: three times the same.
        for who, guess in ((LOUIS, value), (LOUIS, "1"), (ELLEN, value)):
            answer = refused(await program.update(who, demographics={name: guess}))
            assert answer == (denied, f"demographics.{name}: the user may not do this")
        created = refused(await program.post(CREATE, **JOANNA, demographics={name: value}))
        assert created == (denied, f"demographics.{name}: the user may not do this")
    # What is told as null is sent back as null, and changes nothing.
    await program.changed(LOUIS, demographics={**dict.fromkeys(documents), "gender": "FEMALE"})
    # A relation to somebody by such a document stays what was given.
    await program.changed(
        LOUIS, relation_set=[{"action": "add", "type": "FRIEND", IDENTIFIER: {"id_number": "ADASF125546665"}}]
    )
    async with program.running.db.begin() as session:
        await session.execute(update(Staff).where(Staff.name == "MPAdministrator").values(sees_identity=True))
    kept = (await program.show(LOUIS))["demographics"]
    assert [kept[name] for name in documents] == ["AB112234", "CD112234", "EF112234"]
    friend = (await program.show(LOUIS, "relation_set"))["relation_set"][1]["contact"]
    assert (friend["id"], friend["demographics"]["id_number"]) == (None, "ADASF125546665")


async def test_what_an_update_does_not_name_stays_and_what_is_null_is_cleared(program: Program) -> None:
    before = await program.show(LOUIS)
    changes = await program.changes()
    assert (await program.changed(LOUIS))["log_information"] == {
        **before["log_information"],
        "updated_date": "2015-04-28T16:51:51",
    }
    assert await program.changes() == changes
    cleared = await program.changed(
        LOUIS,
        title=None,
        middle_name=None,
        notes=None,
        category_identifier=None,
        owned_by_group_identifier=None,
        privacy_level_identifier=None,
        preferred_language=None,
        udf_string_1=None,
        udf_float_1=None,
        udf_date_1=None,
        demographics={
            "gender": None,
            "date_of_birth": None,
            "name_day": None,
            "industry_identifier": None,
            "id_issued_by_country_identifier": None,
        },
        address_set=None,
        phone_set=[],
    )
    assert await program.changes() == changes + 1
    after = await program.show(LOUIS)
    differing = {key for key in before if before[key] != after[key]}
    assert differing == {
        *("title", "middle_name", "notes", "category", "owned_by_group", "privacy_level", "preferred_language"),
        *("udf_string_1", "udf_float_1", "udf_date_1", "demographics", "company_profile", "log_information"),
        "relation_set",  # which is to himself
    }
    assert {
        after[key] for key in differing - {"demographics", "company_profile", "log_information", "relation_set"}
    } == {None}
    empty = {"date_of_birth": {"month": None, "day": None, "year": None}, "name_day": {"month": None, "day": None}}
    assert after["demographics"] == before["demographics"] | empty | dict.fromkeys(
        ("gender", "industry", "id_issued_by_country")
    )
    assert cleared["demographics"]["gender"] is None


async def test_a_part_that_is_null_clears_all_that_is_in_it(program: Program) -> None:
    await program.changed(LOUIS, demographics=None)
    demographics = (await program.show(LOUIS, "demographics"))["demographics"]
    assert demographics.pop("date_of_birth") == {"month": None, "day": None, "year": None}
    assert demographics.pop("name_day") == {"month": None, "day": None}
    assert set(demographics.values()) == {None}
    await program.changed(KOZIORS, company_profile=None)
    assert set((await program.show(KOZIORS, "company_profile"))["company_profile"].values()) == {None}


async def test_all_values_of_a_person_come_back(program: Program) -> None:
    values: dict[str, Any] = {
        "title": "Dr",
        "first_name": "Ελένη",
        "middle_name": "🙂",
        "last_name": "O'Hara",
        "preferred_language": "ELL",
        "notes": "Two\nlines",
        **{f"udf_string_{n}": f"text {n}" for n in range(1, 17)},
        **{f"udf_float_{n}": n + 0.5 for n in range(1, 9)},
        **{f"udf_date_{n}": f"2014-05-0{n}T15:49:59" for n in range(1, 9)},
    }
    await program.create(
        type="person",
        **values,
        category_identifier={"name": "VIP"},
        owned_by_group_identifier={"alternative_code": "NO"},
        privacy_level_identifier={"id": "9450216690684C416363B57DAD4596C3"},
        demographics={
            "gender": "MALE",
            "id_number": "X1",
            "passport_number": "X2",
            "social_security_number": "X3",
            "country_of_residence_identifier": {"three_character_code": "FRA"},
            "id_issued_by_country_identifier": {"name": "united kingdom"},
            "passport_issued_by_country_identifier": {"id": "180"},
            "industry_identifier": {"code": "INTDS"},
            "industry_sector_identifier": "name=EDUCATION",
            "date_of_birth": {"year": 1980},
            "name_day": {"month": 2, "day": 29},
        },
    )
    made = await program.show("id_number=X1")
    assert {key: made[key] for key in values} == values
    assert (made["category"]["name"], made["category"]["code"], len(made["category"]["id"])) == ("VIP", None, 32)
    assert made["owned_by_group"]["name"] == "Nicosia Office"
    assert made["privacy_level"] == {
        "number": None,
        "hierarchy_level": 3,
        "name": "Moderate",
        "id": "9450216690684C416363B57DAD4596C3",
    }
    demographics = made["demographics"]
    assert {key: demographics[key] for key in ("gender", "id_number", "passport_number", "social_security_number")} == {
        "gender": "MALE",
        "id_number": "X1",
        "passport_number": "X2",
        "social_security_number": "X3",
    }
    assert demographics["date_of_birth"] == {"month": None, "day": None, "year": 1980}
    assert demographics["name_day"] == {"month": 2, "day": 29}
    countries = ("country_of_residence", "id_issued_by_country", "passport_issued_by_country")
    assert [demographics[name]["name"] for name in countries] == ["FRANCE", "UNITED KINGDOM", "CUBA"]
    assert made["demographics"]["industry"] == made["company_profile"]["industry"]
    assert (made["demographics"]["industry"]["name"], made["demographics"]["industry_sector"]["name"]) == (
        "Interior Design",
        "EDUCATION",
    )
    # What was read can be sent again, and changes nothing.
    changes = await program.changes()
    await program.changed(made["id"], **made)
    assert await program.changes() == changes


async def test_all_values_of_a_company_come_back(program: Program) -> None:
    profile = {
        "profile_year": 2001,
        "annual_turnover": 1999.5,
        "established_date": "1999-05-05T15:49:59",
        "number_of_employees": 9007199254740991,
        "registration_number": "R1",
        "vat_registration_number": "V1",
        "vat_registered_by": "Manager",
        "vat_registration_date": "2000-05-05T15:49:59",
        "tax_reference_number": "T1",
    }
    made = await program.create(
        **ACME,
        title="ignored",
        category_identifier={"name": "Clients"},
        privacy_level_identifier={"number": 8},
        preferred_language="CUSTOM8",
        company_profile={**profile, "registered_in_country_identifier": {"name": "CYPRUS"}},
        demographics={"gender": "ignored"},
    )
    assert (made["title"], made["demographics"], made["life_cycle_state"]) == (None, None, "MARKETING")
    company = await program.show("vat_registration_number=V1")
    assert {key: company["company_profile"][key] for key in profile} == profile
    assert company["company_profile"]["registered_in_country"] == {"name": "CYPRUS", "id": "181"}
    assert (company["category"]["code"], company["privacy_level"]["name"]) == ("CLS", "Regular Customers")
    assert (company["preferred_language"], company["demographics"]["gender"]) == ("CUSTOM8", None)
    changes = await program.changes()
    await program.changed(company["id"], **company)
    assert await program.changes() == changes
    # Another door knows the day alone: then there is no time of day.
    async with program.running.db.begin() as session:
        await session.execute(update(Account).where(Account.vat_number == "V1").values(established_on=None))
    assert (await program.show(company["id"], "company_profile"))["company_profile"]["established_date"] is None
    changed = await program.changed(company["id"], company_profile={"established_date": "2001-02-03"})
    assert changed["company_profile"]["established_date"] == "2001-02-03T00:00:00"


async def test_consents_are_told_with_who_gave_them_when(program: Program) -> None:
    for record in (ELLEN, KOZIORS):
        changed = await program.changed(
            record, send_direct_marketing_material=0, send_affiliate_marketing_material="true"
        )
        settings = changed["authorization_settings"]
        user = settings.pop("direct_marketing_setting_updated_by_user")
        assert (user["username"], user["id"]) == ("MPAdministrator", "1")
        assert settings.pop("affiliate_marketing_setting_updated_by_user") == user
        assert settings.pop("direct_marketing_setting_updated_date") == changed["log_information"]["updated_date"]
        assert settings.pop("affiliate_marketing_setting_updated_date") == changed["log_information"]["updated_date"]
        assert settings == {"send_affiliate_marketing_material": True, "send_direct_marketing_material": False}
        refusal = refused(await program.update(record, send_direct_marketing_material="perhaps"))
        assert refusal == (INVALID, "send_direct_marketing_material: it is none of the values that it may have")


async def test_an_unknown_field_is_kept_and_given_back_when_it_is_asked_for(program: Program) -> None:
    kept = {"shoe_size": 38, "nested": {"a": [1, None]}, "cardNumber": "4111111111111111", "password": "hunter2"}
    await program.changed(ELLEN, **kept)
    assert await program.show(ELLEN, "id", *kept) == {"id": ELLEN, "shoe_size": 38, "nested": {"a": [1, None]}}
    assert "shoe_size" not in await program.show(ELLEN)
    async with program.running.db.read() as session:
        written = repr(
            [*await session.scalars(select(Change.fields)), *await session.scalars(select(Contact.extra_fields))]
        )
    assert "4111" not in written
    assert "hunter2" not in written
    assert program.token not in written


NO_NUMBERS = ("1_000", "١٢", "nan", "Infinity", "0x10", "1e400", "9" * 5_000)
"""Texts that Python, or somebody else, takes for numbers."""
ODD_VALUES: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({}, (MISSING, "type: mandatory")),
    ({"type": "DOG"}, (INVALID, "type: it is none of the values that it may have")),
    ({"type": ["PERSON"]}, (INVALID, "type: it is none of the values that it may have")),
    ({"type": "PERSON"}, (MISSING, "first_name: mandatory")),
    ({"type": "PERSON", "first_name": "A", "last_name": " "}, (MISSING, "last_name: mandatory")),
    ({"type": "COMPANY"}, (MISSING, "company_name: mandatory")),
    (JOANNA | {"first_name": 5.5, "title": {}}, (INVALID, "title: it is of another type")),
    (JOANNA | {"title": "x" * 1001}, (INVALID, "title: it is longer than 1000 characters")),
    (JOANNA | {"title": "a\x00b"}, (INVALID, "title: it holds characters that cannot be kept")),
    (
        JOANNA | {"preferred_language": "XXX"},
        (INVALID, "preferred_language: it is none of the values that it may have"),
    ),
    (JOANNA | {"udf_float_1": "much"}, (INVALID, "udf_float_1: it is no number in range")),
    *((JOANNA | {"udf_float_1": text}, (INVALID, "udf_float_1: it is no number in range")) for text in NO_NUMBERS),
    (JOANNA | {"udf_float_1": True}, (INVALID, "udf_float_1: it is of another type")),
    (JOANNA | {"udf_string_1": []}, (INVALID, "udf_string_1: it is of another type")),
    (JOANNA | {"udf_date_1": "yesterday"}, (INVALID, "udf_date_1: it is no date")),
    (JOANNA | {"demographics": "x"}, (INVALID, "demographics: it is of another type")),
    (
        JOANNA | {"demographics": {"date_of_birth": "x"}},
        (INVALID, "demographics.date_of_birth: it is of another type"),
    ),
    (
        JOANNA | {"demographics": {"date_of_birth": {"day": 31, "month": 2}}},
        (INVALID, "demographics.date_of_birth: it is no date"),
    ),
    (JOANNA | {"demographics": {"name_day": {"day": 40}}}, (INVALID, "demographics.name_day: it is no date")),
    (
        JOANNA | {"demographics": {"id_issued_by_country_identifier": {"name": "Narnia"}}},
        (INVALID, "demographics.id_issued_by_country_identifier: there is no such country"),
    ),
    *(
        (
            JOANNA | {"demographics": {"id_issued_by_country_identifier": given}},
            (INVALID, "demographics.id_issued_by_country_identifier: it names another country than its code does"),
        )
        for given in (
            {"two_character_code": "NL", "name": "Germany"},
            {"three_character_code": "NLD", "two_character_code": "DE"},
            {"id": "181", "name": "GREECE"},
            {"id": "181", "three_character_code": "GRC"},
        )
    ),
    (
        JOANNA | {"demographics": {"id_issued_by_country_identifier": {"id": "1196"}}},
        (INVALID, "demographics.id_issued_by_country_identifier: there is no such country"),
    ),
    (JOANNA | {"category_identifier": {"id": "00"}}, (INVALID, "category_identifier: there is no such thing")),
    (JOANNA | {"category_identifier": {"size": "00"}}, (INVALID, "category_identifier: its form is not known")),
    (JOANNA | {"category_identifier": []}, (INVALID, "category_identifier: it is of another type")),
    (
        JOANNA | {"privacy_level_identifier": {"number": "9"}},
        (INVALID, "privacy_level_identifier: there is no such thing"),
    ),
    (
        ACME | {"company_profile": {"number_of_employees": 1.5}},
        (INVALID, "company_profile.number_of_employees: it is no number in range"),
    ),
    (
        ACME | {"company_profile": {"number_of_employees": -1}},
        (INVALID, "company_profile.number_of_employees: it is less than 0"),
    ),
    (
        ACME | {"company_profile": {"annual_turnover": "1e-30"}},
        (INVALID, "company_profile.annual_turnover: it has more than 8 decimals"),
    ),
    (
        JOANNA | {"demographics": {"date_of_birth": {"day": 40, "month": 13}}},
        (INVALID, "demographics.date_of_birth: it is no date"),
    ),
    (
        ACME | {"company_profile": {"annual_turnover": "NaN"}},
        (INVALID, "company_profile.annual_turnover: it is no number in range"),
    ),
    (
        ACME | {"company_profile": {"established_date": "5/5/1999"}},
        (INVALID, "company_profile.established_date: it is no date"),
    ),
    (JOANNA | {"deep": eval("[" * 40 + "]" * 40)}, (INVALID, "deep: it is nested deeper than 16 levels")),
    (JOANNA | {"large": "x" * 70_000}, (INVALID, "large: it is longer than 32000 characters")),
    (JOANNA | {"larger": ["x" * 30_000] * 3}, (TOO_LARGE, "User defined fields: more than 65536 bytes")),
]


async def test_a_value_that_cannot_be_is_refused_by_name_and_nothing_is_written(program: Program) -> None:
    changes = await program.changes()
    for body, answer in ODD_VALUES:
        assert refused(await program.post(CREATE, **body)) == answer
    assert await program.changes() == changes


async def test_all_faults_are_told_at_once(program: Program) -> None:
    answer = await program.post(CREATE, type="PERSON", title={}, phone_set=[{"type": "LANDLINE"}, 5], udf_date_1="x")
    assert answer["status"] == {
        "message": "udf_date_1: it is no date",
        "description": "udf_date_1: it is no date\ntitle: it is of another type\nfirst_name: mandatory\n"
        "last_name: mandatory\nphone_set[1]: it is of another type\nphone_set[0].number: mandatory",
        "code": INVALID,
    }


async def test_mandatory_names_cannot_be_cleared(program: Program) -> None:
    for record, name in ((ELLEN, "first_name"), (ELLEN, "last_name"), (KOZIORS, "company_name")):
        assert refused(await program.update(record, **{name: None})) == (MISSING, f"{name}: mandatory")
        assert refused(await program.update(record, **{name: " "})) == (MISSING, f"{name}: mandatory")


async def test_odd_bodies_are_survived(program: Program) -> None:
    text = (
        f'{{\u00a0"token":"{program.token}",\u00a0"type ":"PERSON", "{IDENTIFIER}" : {{"id ":"{ELLEN}"}},\n'
        '\u00a0"udf_string_1":"first", "udf_string_1":"last\u00a0one", "demographics": {"gender ":"MALE"},'
        ' "phone_set": [{"action ": "Add", "type": "mobile", "number": "99849996"}]}'
    )
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/json;charset=UTF-8"):
        headers = {} if kind is None else {"content-type": kind}
        response = await program.client.post(PREFIX + UPDATE, content=text.encode(), headers=headers)
        changed = done(answer_of(response))
        assert (changed["udf_string_1"], changed["demographics"]["gender"]) == ("last\u00a0one", "MALE")
    assert [phone["type"] for phone in (await program.show(ELLEN))["phones_set"]] == ["Landline"] + ["Mobile"] * 4


async def test_a_form_has_its_sets_as_text(program: Program) -> None:
    form = {
        "token": program.token,
        **JOANNA,
        "udf_float_1": "10",
        "demographics": '{"gender": "MALE"}',
        "phone_set": '[{"type": "MOBILE", "number": "99849996"}]',
        "fields_set": "udf_float_1,phones_set",
    }
    del form["demographics"]
    for given in ({"data": form}, {"data": form, "files": {"nothing": ("", b"")}}):
        made = done(answer_of(await program.client.post(PREFIX + CREATE, **given)))
        assert (made["udf_float_1"], made["phones_set"][0]["number"]) == (10, "99849996")
    form["phone_set"] = "["
    answer = answer_of(await program.client.post(PREFIX + CREATE, data=form))
    assert refused(answer) == (INVALID, "phone_set: its form is not known")


async def test_what_is_written_here_is_what_the_store_has(program: Program) -> None:
    made = await program.create(**JOANNA, notes="Family", phone_set=[{"type": "CUSTOM1", "number": "+35722114455"}])
    async with program.running.db.read() as session:
        contact = (await session.scalars(select(Contact).where(Contact.first_name == "Joanna"))).one()
        change = (await session.scalars(select(Change).where(Change.party_id == contact.id))).one()
        staff = (await session.scalars(select(Staff).where(Staff.name == "MPAdministrator"))).one()
    assert made["id"] == f"{contact.id:032X}"
    assert (contact.description, contact.revision, contact.created_by_id) == ("Family", 1, staff.id)
    assert (change.door, change.action, change.client_id is not None) == ("CRMCOM", "CREATED", True)


async def test_a_record_changed_here_is_changed_in_graphql_and_the_other_way_round(program: Program) -> None:
    client, known = program.client, program.running.credentials["staff"]

    async def graphql(document: str, token: str = "") -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        response = await client.post("/graphql", json={"query": document}, headers=headers)
        assert "errors" not in response.json(), response.text
        return response.json()["data"]

    login = (
        f'mutation {{ login(input: {{email: "{known["email"]}", password: "{known["password"]}"}}) {{ accessToken }} }}'
    )
    token = (await graphql(login))["login"]["accessToken"]
    ref = f'{{external: {{dialect: CRMCOM, value: "{ELLEN}"}}}}'
    await program.changed(ELLEN, title="Dr", phone_set=[{"action": "add", "type": "CUSTOM1", "number": "+35722114455"}])
    found = await graphql(f"{{ contact(by: {ref}) {{ id salutation phones {{ kind e164 }} }} }}", token)
    assert (found["contact"]["salutation"], found["contact"]["phones"][1]) == (
        "Dr",
        {"kind": "HOME", "e164": "+35722114455"},
    )
    change = (
        f'updateContact(input: {{contact: {ref}, firstName: "Helen"}}) {{ contact {{ id }} userErrors {{ message }} }}'
    )
    assert (await graphql(f"mutation {{ {change} }}", token))["updateContact"]["userErrors"] == []
    assert (await program.show(ELLEN))["name"] == "Helen Leon"


async def test_a_list_costs_the_same_statements_for_one_row_as_for_many(program: Program) -> None:
    async def cost(rows: int) -> int:
        with statements(program.running.db) as seen:
            found = done(await program.get(LIST, email_address="many@example.com", number_of_results=str(rows)))
        assert len(found) == rows
        return len(seen)

    for n in range(12):
        more = JOANNA if n % 2 else ACME
        await program.create(
            **more,
            email_set=[{"type": "PERSONAL", "email_address": "many@example.com"}],
            phone_set=[{"type": "FAX", "number": f"{n}"}],
            relation_set=[{"type": "FRIEND", IDENTIFIER: {"id": LOUIS if n % 3 else MARIA}}],
        )
    assert await cost(2) == await cost(12) <= 20


async def test_a_write_costs_the_same_statements_for_one_row_as_for_many(program: Program) -> None:
    async def cost(rows: int) -> int:
        relations = [{"type": "FRIEND", IDENTIFIER: {"id": MARIA if n % 2 else KOZIORS}} for n in range(rows)]
        phones = [{"type": "FAX", "number": str(n)} for n in range(rows)]
        with statements(program.running.db) as seen:
            await program.create(**JOANNA, relation_set=relations, phone_set=phones)
        return len([statement for statement in seen if not statement.startswith("INSERT INTO relation")])

    few = await cost(2)
    assert await cost(20) - few <= 20  # a row is one INSERT at most
    assert few <= 25


async def test_numbers_that_no_column_holds_are_refused(program: Program) -> None:
    body = b'{"token":"%s","type":"PERSON","first_name":"A","last_name":"B","x":%s}' % (
        program.token.encode(),
        b"9" * 400,
    )
    answer = answer_of(await program.client.post(PREFIX + CREATE, content=body))
    assert answer["status"]["code"] in (INVALID, code("WEBAPI", "MALFORMEDREQUEST"))
    assert orjson.dumps(answer["data"]) == b"null"
