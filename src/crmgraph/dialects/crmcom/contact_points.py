"""What CRM.COM calls the values of the objects in a record's sets: addresses, phones, emails and relations."""

from collections.abc import Iterable, Sequence
from typing import Any

import phonenumbers
from sqlalchemy import ColumnElement

from crmgraph.crm.models import Account, Address, Contact, Email, Phone, Relation
from crmgraph.crm.policy import may_see_identity
from crmgraph.crm.query.json_text import Pieces, joined
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.values.phone_numbers import code_of_e164, region_of_e164
from crmgraph.dialects.crmcom import codecs
from crmgraph.dialects.crmcom.codecs import (
    FLOOR,
    GENDER,
    ID,
    NAME_DAY,
    NUMBER,
    STATE,
    TEXT,
    TIME,
    date_of_birth,
    print_id,
)
from crmgraph.dialects.crmcom.references import countries_of, read_country
from crmgraph.dialects.crmcom.response_formats import ADDRESS_UDF, CREATE, ROW_UDF, ResponseFormat
from crmgraph.mapping import Always, Codec, Computed, ExtraField, Field, FieldMap, Own, Whole
from crmgraph.mapping.printing.words import Printing

DIALECT = "crmcom"
RELATION_ID = "id"
"""Under which key the id is kept that a relation has in CRM.COM."""


def udf(names: Iterable[str]) -> list[Field]:
    """The user defined fields of these names."""
    codec_of = {"string": TEXT, "float": NUMBER, "date": TIME}
    return [Field(name, ExtraField(name), codec_of[name.split("_")[1]]) for name in names]


LIFE_CYCLE_STATE = Codec(write=lambda value: value or "MARKETING")
"""The state of a record. One that nobody gave one has bought nothing yet."""


def address(fmt: ResponseFormat) -> FieldMap:
    """The fields of an address."""
    countries = countries_of(fmt)
    return FieldMap(
        DIALECT,
        Address,
        [
            Field("id", Own("address"), ID, writable=False),
            Field("type", Address.kind, codecs.kind(codecs.ADDRESS_KINDS, fmt.kind_name)),
            Field("street_name", Address.street, TEXT),
            Field("street_number", Address.street_number, TEXT),
            Field("floor", Address.floor, FLOOR),
            Field("apartment_number", Address.apartment, TEXT),
            Field("area", Address.area, TEXT),
            Field("town_city", Address.city, TEXT),
            Field("district", Address.district, TEXT),
            Field("municipality", Address.municipality, TEXT),
            Field("postal_code", Address.postal_code, TEXT),
            Field(
                "country",
                Address.country,
                Codec(read_country, lambda parts: countries(*parts)),
                aliases=("country_identifier",),
                shown=Whole((Address.country, Address.country_name)),
            ),
            Field("po_box", Address.po_box, TEXT),
            Field("po_box_postal_code", Address.po_box_postal_code, TEXT),
            Field("care_of", Address.care_of, TEXT),
            Field("notes", Address.notes, TEXT, printed=False),
            Field("state", Address.active, STATE, writable=False),
            *udf(ADDRESS_UDF),
        ],
    )


def phone(fmt: ResponseFormat) -> FieldMap:
    """The fields of a phone."""
    countries = countries_of(fmt)

    def full_number(parts: tuple[str, str, str | None, str | None, str | None]) -> str:
        raw, digits, area_code, country, e164 = parts
        if _is_international(raw):
            return fmt.dialling_prefix + digits.lstrip("0")
        return f"{fmt.dialling_prefix}{code}{raw}" if (code := _area_code((raw, area_code, country, e164))) else raw

    def full_number_sql(write: Printing, parts: Sequence[Any]) -> Pieces:
        raw, digits = parts[:2]
        number = joined([fmt.dialling_prefix, write.without_leading(digits, "0")])
        return [write.where(_is_international_sql(write, raw), write.quoted(number))]

    return FieldMap(
        DIALECT,
        Phone,
        [
            Field("id", Own("phone"), ID, writable=False),
            Field("type", Phone.kind, codecs.kind(codecs.PHONE_KINDS, fmt.kind_name)),
            Field("number", Phone.raw, TEXT),
            Field(
                "area_code",
                Phone.area_code,
                Codec(codecs.text, _area_code, needed=_enough_for_code),
                shown=Whole((Phone.raw, *_PLACE)),
            ),
            Field(
                "country",
                Phone.country,
                Codec(
                    read_country,
                    lambda parts: countries(_phone_country(*parts)),
                    needed=lambda write, parts: (parts[0], write.where(parts[0].is_(None), parts[1])),
                ),
                aliases=("country_identifier",),
                shown=Whole((Phone.country, Phone.e164)),
            ),
            Field(
                "full_number",
                Whole((Phone.raw, Phone.digits, *_PLACE)),
                Codec(write=full_number, sql=full_number_sql, is_partial=True),
                writable=False,
            ),
            Field("notes", Phone.notes, TEXT),
            Field("state", Phone.active, STATE, writable=False),
            *udf(ROW_UDF),
        ],
    )


_PLACE = (Phone.area_code, Phone.country, Phone.e164)


def _phone_country(country: str | None, e164: str | None) -> str | None:
    return country if country is not None or e164 is None else region_of_e164(e164)


def _area_code(parts: tuple[str, str | None, str | None, str | None]) -> str | None:
    """The code of the country, as CRM.COM calls it area code."""
    raw, area_code, country, e164 = parts
    if area_code is not None:
        return area_code
    if country is None or _is_international(raw):
        # The number says itself where it is, whatever country stands beside it.
        return code_of_e164(e164) if e164 else None
    return str(phonenumbers.country_code_for_region(country) or "") or None


def _enough_for_code(write: Printing, parts: Sequence[Any]) -> Sequence[Any]:
    """The first digits of a number say its code, and of what was written counts whether it is international."""
    raw, area_code, country, e164 = parts
    mark = write.either(_is_international_sql(write, raw), "+", "")
    return mark, area_code, country, write.first_letters(e164, 4)


def _is_international(raw: str) -> bool:
    return raw.lstrip().startswith(_INTERNATIONAL)


def _is_international_sql(write: Printing, raw: Any) -> ColumnElement[bool]:
    return write.begins(write.without_leading(raw, _BLANKS), *_INTERNATIONAL)


_INTERNATIONAL = ("+", "00")
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What `str.lstrip` removes: none stands behind U+3000, the blank of Chinese and Japanese."""


def email(fmt: ResponseFormat) -> FieldMap:
    """The fields of an email."""
    return FieldMap(
        DIALECT,
        Email,
        [
            Field("id", Own("email"), ID, writable=False),
            Field("type", Email.kind, codecs.kind(codecs.EMAIL_KINDS, fmt.kind_name)),
            Field("email", Email.address, TEXT, aliases=("email_address",)),
            Field("notes", Email.notes, TEXT),
            Field("state", Email.active, STATE, writable=False),
            *udf(ROW_UDF),
        ],
    )


def relation(fmt: ResponseFormat) -> FieldMap:
    """The fields of a relation, but for the identifier of the other one."""
    known = {kind: kind for kind in codecs.RELATION_KINDS}
    return FieldMap(
        DIALECT,
        Relation,
        [
            Field("contact", Computed(_other, "other_id, given"), writable=False),
            Field("notes", ExtraField("notes"), TEXT),
            Field("type", Relation.kind, codecs.kind(known, fmt.kind_name)),
            Field("id", Computed(relation_id, "id"), writable=False),
        ],
    )


def relation_id(row: Relation, around: EncodingContext | None = None) -> str:
    """The id of a relation as it is printed."""
    return print_id(row.extra_fields.get(DIALECT, {}).get(RELATION_ID) or str(row.id))


def _other(row: Relation, around: EncodingContext) -> dict[str, Any]:
    """The other one in brief; of one whom nobody knows here, what was given, as far as it may be seen."""
    record = around.records.get(row.other_id) if row.other_id is not None else None
    if isinstance(record, Contact):
        return _PERSON_IN_BRIEF.encode(Aggregate(record), around)
    if isinstance(record, Account):
        return _COMPANY_IN_BRIEF.encode(Aggregate(record), around)
    given = row.given
    brief: dict[str, Any] = dict.fromkeys(CREATE.keys)
    if documents := [name for name in _DOCUMENTS if name in given]:
        brief["type"] = "PERSON"
        brief["demographics"] = dict(_NOTHING_PERSONAL)
        if may_see_identity(around.actor, row.party_id):
            brief["demographics"] |= {name: given[name] for name in documents}
    elif numbers := [name for name in _NUMBERS if name in given]:
        brief["type"] = "COMPANY"
        brief["company_profile"] = dict.fromkeys(_NUMBERS) | {name: given[name] for name in numbers}
    elif "id" in given:
        brief["id"] = given["id"]
    return brief


_DOCUMENTS = ("passport_number", "social_security_number", "id_number")
_NUMBERS = ("vat_registration_number", "registration_number")
_NOTHING_PERSONAL = {
    "gender": None,
    "passport_number": None,
    "social_security_number": None,
    "date_of_birth": {"month": None, "day": None, "year": None},
    "name_day": {"month": None, "day": None},
    "id_number": None,
}
_PERSON_IN_BRIEF = FieldMap(
    DIALECT,
    Contact,
    [
        Field("last_name", Contact.last_name),
        Field("life_cycle_state", Contact.life_cycle_state, LIFE_CYCLE_STATE),
        Field("middle_name", Contact.middle_name),
        Field("company_profile", Always(None)),
        Field("title", Contact.salutation),
        Field("type", Always("PERSON")),
        Field("first_name", Contact.first_name),
        # The document prints none here, for a person who has one.
        Field("name", Always(None)),
        Field("id", Own(), ID),
        Field("company_name", Always(None)),
        Field("demographics.gender", Contact.gender, GENDER),
        Field("demographics.passport_number", Contact.passport_number),
        Field("demographics.social_security_number", Contact.social_security_number),
        Field(
            "demographics.date_of_birth",
            Whole((Contact.birth_month, Contact.birth_day, Contact.birth_year)),
            date_of_birth(CREATE.objects["birth"]),
        ),
        Field("demographics.name_day", ExtraField("name_day"), NAME_DAY),
        Field("demographics.id_number", Contact.id_number),
    ],
).layout()
_COMPANY_IN_BRIEF = FieldMap(
    DIALECT,
    Account,
    [
        Field("last_name", Always(None)),
        Field("life_cycle_state", ExtraField("life_cycle_state"), LIFE_CYCLE_STATE),
        Field("middle_name", Always(None)),
        Field("company_profile.vat_registration_number", Account.vat_number),
        Field("company_profile.registration_number", Account.registration_number),
        Field("title", Always(None)),
        Field("type", Always("COMPANY")),
        Field("first_name", Always(None)),
        Field("name", Always(None)),
        Field("id", Own(), ID),
        Field("company_name", Account.name),
        Field("demographics", Always(None)),
    ],
).layout()
