"""The sets of a record: addresses, phones, emails and relations are added, updated and removed one by one."""

from typing import Any

from sqlalchemy import select

from crmgraph.crm.models import Change, Contact
from tests.dialects.crmcom.conftest import ELLEN, JOANNA, KOZIORS, LOUIS, MARIA, Program, code, refused

IDENTIFIER = "contact_information_identifier"
NOT_FOUND = code("CONTACTINFORMATION", "NOTFOUND")
AMBIGUOUS = code("CONTACTINFORMATION", "MORETHANONEFOUND")
MISSING = code("CONTACTINFORMATION", "MANDATORYFIELDMISSING")
INVALID = code("CONTACTINFORMATION", "INVALIDFIELDVALUE")
HOME = "548EDA85AED54AD1A64D362C28046157"
LANDLINE = "49D7EC23AE92455492A7F9D5BC2EB887"

ADDRESS = {
    "type": "CUSTOM1",
    "postal_code": "3020",
    "street_name": "Ilia Papakiriakou",
    "street_number": "8",
    "floor": 2,
    "apartment_number": "202",
    "area": "Plati",
    "town_city": "Aglanjia",
    "district": "Nicosia",
    "municipality": "Aglanjia",
    "po_box": "70022",
    "po_box_postal_code": "AG70022",
    "care_of": "Maria Kyriacou",
    **{f"udf_string_{n}": f"text {n}" for n in range(1, 17)},
    **{f"udf_float_{n}": n * 10 for n in range(1, 5)},
    **{f"udf_date_{n}": f"2014-0{n}-05T15:49:59" for n in range(1, 5)},
}
ROW = {
    "notes": "at noon",
    **{f"udf_string_{n}": f"text {n}" for n in range(1, 9)},
    **{f"udf_float_{n}": n * 10 for n in range(1, 5)},
    **{f"udf_date_{n}": f"2014-0{n}-05T15:49:59" for n in range(1, 5)},
}


def picked(row: dict[str, Any], keys: Any) -> dict[str, Any]:
    return {key: row[key] for key in keys}


async def test_all_values_of_a_row_come_back_and_it_is_active(program: Program) -> None:
    made = await program.create(
        **JOANNA,
        address_set=[{**ADDRESS, "country_identifier": {"id": "126"}, "notes": "never told", "udf_float_5": 50}],
        phone_set=[{"type": "CUSTOM5", "number": "22114455", "country_identifier": "id=181", **ROW}],
        email_set=[{"type": "BUSINESS", "email_address": "joanna@example.com", **ROW}],
    )
    record = await program.show(made["id"])
    (address,), (phone,), (email,) = record["addresses_set"], record["phones_set"], record["emails_set"]
    assert picked(address, ADDRESS) == ADDRESS | {"type": "Custom1"}
    assert (address["country"]["name"], address["state"], len(address)) == ("UNITED KINGDOM", "Active", 40)
    assert picked(phone, ROW) == ROW
    assert picked(phone, ("type", "number", "area_code", "full_number", "state")) == {
        "type": "Custom5",
        "number": "22114455",
        "area_code": "357",
        "full_number": "0035722114455",
        "state": "Active",
    }
    assert picked(email, ROW) == ROW
    assert picked(email, ("type", "email", "state")) == {
        "type": "Business",
        "email": "joanna@example.com",
        "state": "Active",
    }
    assert [len(row["id"]) for row in (address, phone, email)] == [32, 32, 32]
    async with program.running.db.read() as session:
        stored = (await session.scalars(select(Contact).where(Contact.first_name == "Joanna"))).one()
    assert made["id"] == f"{stored.id:032X}"


async def test_rows_are_updated_by_id_or_type_and_what_is_not_named_stays(program: Program) -> None:
    before = await program.show(ELLEN)
    changed = await program.changed(
        ELLEN,
        address_set=[{"action": "Update", "address_identifier": {"id": HOME.lower()}, "floor": "6A", "area": "Centre"}],
        phone_set=[{"action": "UPDATE", "phone_identifier": "type=landline", "type": "MOBILE", "udf_float_2": 5}],
        email_set=[{"action": "ADD", "type": "CUSTOM2", "email_address": "ellen@example.com"}],
    )
    after = await program.show(ELLEN)
    (home,), (phone,) = before["addresses_set"], before["phones_set"]
    assert after["addresses_set"] == [home | {"floor": "6A", "area": "Centre"}]
    assert after["phones_set"] == [phone | {"type": "Mobile", "udf_float_2": 5}]
    (email,) = after["emails_set"]
    assert email["email"] == "ellen@example.com"
    assert [row["type"] for row in (*changed["addresses_set"], *changed["phones_set"], *changed["emails_set"])] == [
        "HOME",
        "MOBILE",
        "CUSTOM2",
    ]
    # A row made here is named by the id that it was printed with.
    row = {"action": "update", "email_identifier": {"id": email["id"]}, "email_address": "e@example.com", "notes": "n"}
    await program.changed(ELLEN, email_set=[row])
    assert (await program.show(ELLEN))["emails_set"] == [email | {"email": "e@example.com", "notes": "n"}]
    cleared = {"action": "update", "email_identifier": {"type": "CUSTOM2"}, "notes": None}
    await program.changed(ELLEN, email_set=[cleared])
    assert (await program.show(ELLEN))["emails_set"] == [email | {"email": "e@example.com"}]


async def test_rows_are_removed_and_the_others_stay(program: Program) -> None:
    before = await program.show(MARIA)
    business = next(row for row in before["addresses_set"] if row["type"] == "Business")
    await program.changed(
        MARIA,
        addresses_set=[{"action": "remove", "address_identifier": {"type": "BUSINESS"}}],
        emails_set=[{"action": "remove", "email_identifier": {"id": before["emails_set"][0]["id"]}}],
    )
    after = await program.show(MARIA)
    assert after["addresses_set"] == [row for row in before["addresses_set"] if row["id"] != business["id"]]
    assert after["emails_set"] == before["emails_set"][1:]
    assert after["phones_set"] == before["phones_set"]
    # Two homes, of which one is active: that one is meant.
    await program.changed(MARIA, address_set=[{"action": "remove", "address_identifier": {"type": "HOME"}}])
    assert [row["state"] for row in (await program.show(MARIA))["addresses_set"]] == ["Inactive"]


async def test_a_primary_row_stands_first(program: Program) -> None:
    rows = [{"type": "FAX", "number": "1"}, {"type": "MOBILE", "number": "2", "is_primary": True}]
    made = await program.create(**JOANNA, phone_set=rows, fields_set="id,phones_set")
    assert [row["number"] for row in made["phones_set"]] == ["2", "1"]
    again = {"action": "update", "phone_identifier": {"type": "FAX"}, "is_primary": "1"}
    changed = await program.changed(made["id"], phone_set=[again])
    assert [row["number"] for row in changed["phones_set"]] == ["1", "2"]


async def test_relations_name_records_and_what_nobody_answers_to_is_kept_as_given(program: Program) -> None:
    made = await program.create(
        **JOANNA,
        relation_set=[
            {"type": "FAMILY MEMBER", IDENTIFIER: {"id": MARIA}, "notes": "a cousin"},
            {"type": "partner_company", IDENTIFIER: {"registration_number": "KZ126591"}},
            {"type": "FRIEND", IDENTIFIER: {"id_number": "142536"}},
            {"type": "FRIEND", IDENTIFIER: "vat_registration_number=nobody"},
            {"type": "FRIEND", IDENTIFIER: {"id": "F" * 32}},
            {"type": "FRIEND", IDENTIFIER: {"id_number": "154209"}},
        ],
    )
    maria, koziors, document, number, unknown, several = (await program.show(made["id"]))["relation_set"]
    assert {key: maria[key] for key in ("type", "notes")} == {"type": "Family Member", "notes": "a cousin"}
    assert picked(maria["contact"], ("id", "first_name", "name", "type")) == {
        "id": MARIA,
        "first_name": "Maria",
        "name": None,
        "type": "PERSON",
    }
    assert maria["contact"]["demographics"]["id_number"] == "154209"
    assert (koziors["type"], koziors["contact"]["id"], koziors["contact"]["company_name"]) == (
        "Partner Company",
        KOZIORS,
        "Koziors",
    )
    assert koziors["contact"]["company_profile"] == {
        "vat_registration_number": "126591",
        "registration_number": "KZ126591",
    }
    assert (document["contact"]["id"], document["contact"]["demographics"]["id_number"]) == (None, "142536")
    assert number["contact"]["company_profile"]["vat_registration_number"] == "nobody"
    assert unknown["contact"]["id"] == "F" * 32
    assert (several["contact"]["id"], several["contact"]["demographics"]["id_number"]) == (None, "154209")
    assert {len(row["contact"]) for row in (maria, koziors, document, number, unknown, several)} == {11}
    async with program.running.db.read() as session:
        contact = await session.scalar(select(Contact.id).where(Contact.first_name == "Joanna"))
        written = repr((await session.scalars(select(Change.fields).where(Change.party_id == contact))).all())
    assert "id_number" in written
    assert "142536" not in written


async def test_relations_are_updated_and_removed(program: Program) -> None:
    (own,) = (await program.show(LOUIS))["relation_set"]
    assert own["id"] == "52062CE827B445DDA9100F2BDB04F06D"
    await program.changed(
        LOUIS,
        relation_set=[
            {"action": "update", "relation_identifier": {"id": own["id"]}, "type": "CUSTOM1", "notes": "himself"},
            {"action": "add", "type": "EMPLOYER", IDENTIFIER: {"id": KOZIORS}},
        ],
    )
    himself, employer = (await program.show(LOUIS))["relation_set"]
    assert himself == own | {"type": "Custom1", "notes": "himself"}
    assert (employer["type"], employer["contact"]["id"]) == ("Employer", KOZIORS)
    await program.changed(
        LOUIS,
        relation_set=[
            {"action": "update", "relation_identifier": {"id": employer["id"]}, IDENTIFIER: {"id": MARIA}},
            {"action": "remove", "relation_identifier": {"type": "CUSTOM1"}},
        ],
    )
    (left,) = (await program.show(LOUIS))["relation_set"]
    assert (left["id"], left["type"], left["contact"]["id"]) == (employer["id"], "Employer", MARIA)


async def test_a_set_with_a_fault_is_refused_by_name_and_nothing_is_written(program: Program) -> None:
    add = {"action": "add"}
    phone = {**add, "type": "FAX", "number": "1"}
    cases: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"phone_set": [{"type": "FAX", "number": "1"}]}, (MISSING, "phone_set[0].action: mandatory")),
        (
            {"phone_set": [phone | {"action": "replace"}]},
            (INVALID, "phone_set[0].action: it is none of the values that it may have"),
        ),
        (
            {"phone_set": [phone | {"action": 5}]},
            (INVALID, "phone_set[0].action: it is none of the values that it may have"),
        ),
        ({"phone_set": [{**add, "number": "1"}]}, (MISSING, "phone_set[0].type: mandatory")),
        ({"phone_set": [phone, phone | {"number": " "}]}, (MISSING, "phone_set[1].number: mandatory")),
        (
            {"phone_set": [phone | {"type": "HOME"}]},
            (INVALID, "phone_set[0].type: it is none of the values that it may have"),
        ),
        (
            {"phone_set": [phone | {"country_identifier": {"id": "7"}}]},
            (INVALID, "phone_set[0].country_identifier: there is no such country"),
        ),
        (
            {"phone_set": [phone | {"number": "1" * 1001}]},
            (INVALID, "phone_set[0].number: it is longer than 1000 characters"),
        ),
        ({"phone_set": [{"action": "update"}]}, (MISSING, "phone_set[0].phone_identifier: mandatory")),
        (
            {"phone_set": [{"action": "update", "phone_identifier": {"type": "FAX"}}]},
            (NOT_FOUND, "phone_set[0].phone_identifier: not found"),
        ),
        (
            {"phone_set": [{"action": "update", "phone_identifier": {"id": HOME}}]},
            (NOT_FOUND, "phone_set[0].phone_identifier: not found"),
        ),
        (
            {"phone_set": [{"action": "remove", "phone_identifier": {"number": "1"}}]},
            (INVALID, "phone_set[0].phone_identifier: its field is not known"),
        ),
        (
            {"phone_set": [{"action": "update", "phone_identifier": {"id": LANDLINE}, "number": None}]},
            (MISSING, "phone_set[0].number: mandatory"),
        ),
        ({"address_set": [{**add, "type": "HOME"}]}, (MISSING, "address_set[0].street_name: mandatory")),
        (
            {"address_set": [{"action": "update", "address_identifier": {"id": HOME}, "street_name": ""}]},
            (MISSING, "address_set[0].street_name: mandatory"),
        ),
        ({"email_set": [{**add, "type": "PERSONAL"}]}, (MISSING, "email_set[0].email_address: mandatory")),
        (
            {"email_set": [{**add, "type": "PERSONAL", "email_address": "nobody"}]},
            (INVALID, "email_set[0].email_address: it is no email address"),
        ),
        (
            {"email_set": [{**add, "type": "PERSONAL", "email_address": "a@example.com", "is_primary": "so"}]},
            (INVALID, "email_set[0].is_primary: it is none of the values that it may have"),
        ),
        ({"relation_set": [{**add, "type": "FRIEND"}]}, (MISSING, f"relation_set[0].{IDENTIFIER}: mandatory")),
        (
            {"relation_set": [{**add, "type": "FRIEND", IDENTIFIER: {"name": "x"}}]},
            (INVALID, f"relation_set[0].{IDENTIFIER}: its field is not known"),
        ),
        (
            {"relation_set": [{**add, "type": "FRIEND", IDENTIFIER: {"id_number": "a\x00"}}]},
            (INVALID, f"relation_set[0].{IDENTIFIER}: it holds characters that cannot be kept"),
        ),
        (
            {"relation_set": [{**add, "type": "ENEMY", IDENTIFIER: {"id": LOUIS}}]},
            (INVALID, "relation_set[0].type: it is none of the values that it may have"),
        ),
        ({"email_set": "x"}, (INVALID, "email_set: its form is not known")),
        ({"email_set": 5}, (INVALID, "email_set: it is of another type")),
        ({"email_set": ["x"]}, (INVALID, "email_set[0]: it is of another type")),
        ({"phone_set": [phone] * 101}, (code("WEBAPI", "REQUESTTOOLARGE"), "phone_set: more than 100 items")),
    ]
    changes, before = await program.changes(), await program.show(ELLEN)
    for body, answer in cases:
        assert (body, refused(await program.update(ELLEN, **body))) == (body, answer)
    assert (await program.changes(), await program.show(ELLEN)) == (changes, before)
    answer = await program.post("contact_information/create", **JOANNA, phone_set=[phone | {"action": "remove"}])
    assert refused(answer) == (INVALID, "phone_set[0].action: it is none of the values that it may have")


async def test_two_rows_of_a_type_are_not_told_apart_by_it(program: Program) -> None:
    fax = {"type": "FAX", "number": "1"}
    made = await program.create(**JOANNA, phone_set=[fax, fax])
    answer = await program.update(made["id"], phone_set=[{"action": "remove", "phone_identifier": {"type": "FAX"}}])
    assert refused(answer) == (AMBIGUOUS, "phone_set[0].phone_identifier: more than one found")
