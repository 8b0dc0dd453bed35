"""What CRM.COM calls the values of the objects in a record's sets: addresses, phones, emails and relations."""

from collections.abc import Iterable
from typing import Any

import phonenumbers

from crmgraph.crm.models import Account, Address, Contact, Email, Phone, Relation
from crmgraph.crm.policy import may_see_identity
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
from crmgraph.mapping import Codec, Computed, ExtraField, Field, FieldMap, Own, Whole

DIALECT = "crmcom"
RELATION_ID = "id"
"""Under which key the id is kept that a relation has in CRM.COM."""


def always(value: Any) -> Computed:
    """A value that is the same on every record."""
    return Computed(lambda thing, around: value)


def udf(names: Iterable[str]) -> list[Field]:
    """The user defined fields of these names."""
    codec_of = {"string": TEXT, "float": NUMBER, "date": TIME}
    return [Field(name, ExtraField(name), codec_of[name.split("_")[1]]) for name in names]


def life_cycle_state(value: str | None) -> str:
    """The state of a record that nobody gave one: it has bought nothing yet."""
    return value or "MARKETING"


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
                Codec(read_country),
                aliases=("country_identifier",),
                shown=Computed(lambda row, around: countries(row.country, row.country_name)),
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

    def full_number(row: Phone, around: EncodingContext) -> str:
        if _is_international(row):
            return fmt.dialling_prefix + row.digits.lstrip("0")
        return f"{fmt.dialling_prefix}{code}{row.raw}" if (code := _area_code(row, around)) else row.raw

    return FieldMap(
        DIALECT,
        Phone,
        [
            Field("id", Own("phone"), ID, writable=False),
            Field("type", Phone.kind, codecs.kind(codecs.PHONE_KINDS, fmt.kind_name)),
            Field("number", Phone.raw, TEXT),
            Field("area_code", Phone.area_code, TEXT, shown=Computed(_area_code)),
            Field(
                "country",
                Phone.country,
                Codec(read_country),
                aliases=("country_identifier",),
                shown=Computed(lambda row, around: countries(_phone_country(row))),
            ),
            Field("full_number", Computed(full_number, "raw, area_code, country"), writable=False),
            Field("notes", Phone.notes, TEXT),
            Field("state", Phone.active, STATE, writable=False),
            *udf(ROW_UDF),
        ],
    )


def _phone_country(row: Phone) -> str | None:
    if row.country is not None or row.e164 is None:
        return row.country
    return region_of_e164(row.e164)


def _area_code(row: Phone, around: EncodingContext) -> str | None:
    """The code of the country, as CRM.COM calls it area code."""
    if row.area_code is not None:
        return row.area_code
    if row.country is None or _is_international(row):
        # The number says itself where it is, whatever country stands beside it.
        return code_of_e164(row.e164) if row.e164 else None
    return str(phonenumbers.country_code_for_region(row.country) or "") or None


def _is_international(row: Phone) -> bool:
    return row.raw.lstrip().startswith(("+", "00"))


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
        Field("life_cycle_state", Contact.life_cycle_state, Codec(write=life_cycle_state)),
        Field("middle_name", Contact.middle_name),
        Field("company_profile", always(None)),
        Field("title", Contact.salutation),
        Field("type", always("PERSON")),
        Field("first_name", Contact.first_name),
        # The document prints none here, for a person who has one.
        Field("name", always(None)),
        Field("id", Own(), ID),
        Field("company_name", always(None)),
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
        Field("last_name", always(None)),
        Field("life_cycle_state", ExtraField("life_cycle_state"), Codec(write=life_cycle_state)),
        Field("middle_name", always(None)),
        Field("company_profile.vat_registration_number", Account.vat_number),
        Field("company_profile.registration_number", Account.registration_number),
        Field("title", always(None)),
        Field("type", always("COMPANY")),
        Field("first_name", always(None)),
        Field("name", always(None)),
        Field("id", Own(), ID),
        Field("company_name", Account.name),
        Field("demographics", always(None)),
    ],
).layout()
