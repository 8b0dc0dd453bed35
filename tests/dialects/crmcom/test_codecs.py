"""Values on CRM.COM's wire, whatever they are: what was written is what is read."""

import datetime as dt
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmgraph.crm.models import FIRST_MINTED_ID, Account, Address, Contact, Door, Phone
from crmgraph.crm.policy import Actor
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.dialects.crmcom import codecs
from crmgraph.dialects.crmcom.contact_points import DIALECT, address, email, phone
from crmgraph.dialects.crmcom.fields import fields_of
from crmgraph.dialects.crmcom.references import CATEGORY, REFERENCES, country, read_country
from crmgraph.dialects.crmcom.response_formats import RESPONSE_FORMATS, SHOW
from crmgraph.mapping import ExtraField, Field, FieldMap, Unreadable, decode_row

AROUND = EncodingContext(Actor(Door.CRMCOM))
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
NUMBER = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.integers(FIRST_MINTED_ID, 2**53 - 1))
def test_our_ids_are_32_digits_and_read_back(own: int) -> None:
    printed = codecs.print_id(str(own))
    assert (len(printed), codecs.read_id(printed)) == (32, own)


@given(st.integers(0, FIRST_MINTED_ID - 1) | st.integers(2**53, 10**40))
def test_other_numbers_are_no_ids_of_ours(number: int) -> None:
    assert codecs.print_id(str(number)) == str(number)
    assert codecs.read_id(f"{number:032X}") is None


@given(st.dictionaries(st.sampled_from(["street_number", "area", "postal_code", "care_of", "udf_string_16"]), LINE))
def test_the_text_of_an_address_comes_back(values: dict[str, str]) -> None:
    row, decoded = decode_row(address(SHOW), values, ("addresses", "add", 0))
    assert decoded.faults == []
    printed = address(SHOW).layout(values).encode(Address(**({"extra_fields": {}} | row)), AROUND)
    assert printed == values


@given(st.fixed_dictionaries({f"udf_float_{n}": NUMBER for n in range(1, 5)}))
def test_numbers_come_back_as_they_came(values: dict[str, Any]) -> None:
    row, decoded = decode_row(phone(SHOW), values, ("phones", "add", 0))
    assert decoded.faults == []
    printed = phone(SHOW).layout(values).encode(Phone(**row), AROUND)
    assert [(type(value), value) for value in printed.values()] == [(type(value), value) for value in values.values()]


@given(st.integers(-(10**9), 10**9) | st.text("0123456789AB ", min_size=1, max_size=6))
def test_a_floor_is_a_number_where_it_is_one(floor: int | str) -> None:
    printed = codecs.FLOOR.write(codecs.FLOOR.read(floor))
    assert str(printed) == str(floor)


@given(st.decimals(-(10**9), 10**9, places=2))
def test_amounts_are_numbers(amount: Decimal) -> None:
    assert Decimal(str(codecs.AMOUNT.write(codecs.AMOUNT.read(str(amount))))) == amount


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))
def test_times_are_kept_as_they_came(at: dt.datetime) -> None:
    assert codecs.TIME.read(at.isoformat()) == at.isoformat()


@given(st.recursive(st.none() | st.booleans() | NUMBER | LINE, st.lists, max_leaves=5))
def test_whatever_stands_in_a_field_is_read_or_refused_and_nothing_else(value: Any) -> None:
    person = fields_of(Contact)
    for field in person.fields:
        if field.writable:
            with suppress(Unreadable):
                field.codec.read(value)


def test_every_country_is_printed_with_an_id_that_names_it() -> None:
    keys = SHOW.objects["country"]
    seen = set()
    for known in pycountry.countries:
        printed = country(known.alpha_2, None, keys)
        assert printed is not None
        for by in ("id", "name", "two_character_code", "three_character_code"):
            assert read_country({by: printed[by]}) == known.alpha_2, (by, printed)
        assert read_country(printed) == known.alpha_2
        seen.add(printed["id"])
    assert len(seen) == len(pycountry.countries)
    assert {"181", "209", "127", "225", "126", "180"} <= seen


def test_things_that_the_document_prints_are_known_by_every_field_and_others_by_their_name() -> None:
    for reference in REFERENCES:
        for thing in reference.known:
            for field in reference.by:
                if thing.get(field) is not None:
                    assert reference.read({field: thing[field]}) == {key: thing.get(key) for key in reference.keys}
    vip = CATEGORY.named("VIP")
    assert vip is not None
    assert CATEGORY.read({"name": "VIP"}) == CATEGORY.read(vip) == vip
    with pytest.raises(Unreadable):
        CATEGORY.read({"id": vip["id"]})


def test_every_response_format_prints_every_part_of_both_kinds() -> None:
    record = Contact(
        id=FIRST_MINTED_ID, extra_fields={}, created_at=dt.datetime.now(dt.UTC), updated_at=dt.datetime.now(dt.UTC)
    )
    for fmt in RESPONSE_FORMATS:
        fields = fields_of(Contact, fmt)
        names = {field.name.partition(".")[0] for field in fields.fields if field.printed}
        assert names == {*fmt.keys, *fmt.optional}
        assert fields.layout(["name", "company_name"]).encode(Aggregate(record), AROUND) == {
            "name": None,
            "company_name": None,
        }


def unnamed(fields: FieldMap, part: str = "") -> set[str]:
    """The fields that are printed, and that no response format names.

    Args:
        part: the set whose rows they are of.
    """
    named: set[str] = set()
    for fmt in RESPONSE_FORMATS:
        named |= {*fmt.keys, *fmt.optional}
        named |= {f"{outer}.{key}" for outer, keys in fmt.parts.items() for key in keys}
    printed = {f"{part}.{field.name}" if part else field.name for field in fields.fields if field.printed}
    return printed - named


def test_every_field_that_is_printed_is_named_by_a_response_format() -> None:
    found: set[str] = set()
    for fmt in RESPONSE_FORMATS:
        found |= unnamed(fields_of(Contact, fmt)) | unnamed(fields_of(Account, fmt))
        found |= unnamed(address(fmt), "addresses_set")
        found |= unnamed(phone(fmt), "phones_set")
        found |= unnamed(email(fmt), "emails_set")
    assert not found, f"named by no response format and not marked printed=False: {sorted(found)}"


@pytest.mark.parametrize("part", ["", "emails_set"])
def test_a_field_that_no_response_format_names_is_found(part: str) -> None:
    added = [Field("nickname", ExtraField("nickname")), Field("secret", ExtraField("secret"), printed=False)]
    assert unnamed(FieldMap(DIALECT, Contact, added), part) == {f"{part}.nickname" if part else "nickname"}
    within = FieldMap(DIALECT, Contact, [Field("demographics.nickname", ExtraField("nickname"))])
    assert unnamed(within) == {"demographics.nickname"}


@pytest.mark.parametrize(
    ("kept", "told"), [("en", "ENG"), ("English", "ENG"), ("el", "ELL"), ("deu", "DEU"), ("Elvish", "Elvish")]
)
def test_a_language_is_told_by_its_three_letters_whatever_it_was_named_by(kept: str, told: str) -> None:
    """A language of Vanuatu is called En: a code goes before a name."""
    assert codecs.LANGUAGE.write(kept) == told
