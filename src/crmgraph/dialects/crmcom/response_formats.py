"""The response formats of CRM.COM: its methods were documented in different years, and each prints as it did then.

What differs is the keys and their order, how kinds are written (`Home` or `HOME`), whether countries are told in full
and telephone numbers with their 00, and how the status is written.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for lists that read better without quotation marks."""
    return tuple(text.split())


def _udf(strings: str, floats: str, dates: str) -> tuple[str, ...]:
    kinds = (("string", strings), ("float", floats), ("date", dates))
    return tuple(f"udf_{kind}_{n}" for kind, numbers in kinds for n in words(numbers))


RECORD_UDF = _udf(" ".join(map(str, range(1, 17))), "1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 8")
ADDRESS_UDF = _udf(" ".join(map(str, range(1, 17))), "1 2 3 4", "1 2 3 4")
ROW_UDF = _udf("1 2 3 4 5 6 7 8", "1 2 3 4", "1 2 3 4")
"""The user defined fields that answers have, of a record, an address, and a phone or an email."""

_RECORD_2015 = words(
    "udf_string_10 organizational_unit udf_float_1 udf_string_11 udf_float_2 preferred_language udf_string_12 "
    "udf_float_3 udf_string_13 udf_float_4 udf_string_14 udf_float_5 udf_string_15 udf_string_1 name udf_string_16 "
    "udf_float_6 udf_string_2 udf_float_7 udf_string_3 privacy_level company_name udf_float_8 udf_string_4 "
    "udf_string_5 udf_string_6 udf_string_7 udf_string_8 udf_string_9 last_name id relation_set log_information "
    "life_cycle_state first_name type notes addresses_set title company_profile udf_date_1 phones_set udf_date_2 "
    "udf_date_3 udf_date_4 udf_date_5 udf_date_6 demographics udf_date_7 udf_date_8 owned_by_group middle_name "
    "emails_set category"
)
_RECORD_2016 = words(
    "notes log_information type id organizational_unit udf_string_2 udf_string_3 udf_string_4 udf_string_5 "
    "privacy_level udf_string_1 life_cycle_state phones_set company_name name udf_string_6 udf_string_7 udf_string_8 "
    "udf_string_9 relation_set addresses_set owned_by_group udf_date_6 udf_date_5 udf_date_8 udf_date_7 title "
    "udf_date_2 udf_date_1 udf_date_4 udf_date_3 emails_set udf_float_5 udf_float_6 udf_float_3 udf_float_4 "
    "company_profile udf_string_15 udf_string_16 udf_string_13 udf_float_7 udf_string_14 udf_float_8 udf_string_11 "
    "udf_string_12 udf_string_10 udf_float_1 first_name udf_float_2 last_name middle_name authorization_settings "
    "category demographics"
)
_CREATED = words(
    "last_name life_cycle_state middle_name company_profile title type first_name name id company_name demographics"
)
_PARTS_2015 = {
    "demographics": (
        "gender passport_issued_by_country passport_number social_security_number country_of_residence "
        "industry_sector date_of_birth name_day id_number id_issued_by_country industry"
    ),
    "company_profile": (
        "tax_reference_number annual_turnover number_of_employees profile_year established_date industry_sector "
        "registered_in_country vat_registration_number industry vat_registration_date vat_registered_by "
        "registration_number"
    ),
    "addresses_set": (
        "care_of street_number udf_string_10 udf_float_1 udf_string_11 street_name udf_float_2 udf_string_12 "
        "udf_float_3 udf_string_13 udf_float_4 udf_string_14 udf_string_15 po_box udf_string_1 udf_string_16 "
        "udf_string_2 floor udf_string_3 area udf_string_4 district udf_string_5 udf_string_6 udf_string_7 state "
        "udf_string_8 udf_string_9 country id postal_code udf_date_1 udf_date_2 udf_date_3 udf_date_4 "
        "po_box_postal_code apartment_number town_city type municipality"
    ),
    "phones_set": (
        "notes udf_float_1 udf_float_2 udf_date_1 udf_float_3 udf_date_2 number udf_float_4 udf_date_3 udf_date_4 "
        "udf_string_1 udf_string_2 udf_string_3 udf_string_4 udf_string_5 udf_string_6 udf_string_7 state "
        "udf_string_8 country full_number type id area_code"
    ),
    "emails_set": (
        "notes udf_float_1 udf_float_2 udf_date_1 udf_float_3 udf_date_2 udf_float_4 udf_date_3 udf_date_4 "
        "udf_string_1 udf_string_2 udf_string_3 udf_string_4 udf_string_5 udf_string_6 udf_string_7 state "
        "udf_string_8 type id email"
    ),
}
_PARTS_2016 = {
    "demographics": (
        "name_day id_number gender country_of_residence date_of_birth industry_sector passport_number industry "
        "social_security_number id_issued_by_country passport_issued_by_country"
    ),
    "company_profile": (
        "tax_reference_number registered_in_country number_of_employees annual_turnover profile_year "
        "registration_number vat_registration_number industry_sector industry established_date vat_registered_by "
        "vat_registration_date"
    ),
    "addresses_set": (
        "apartment_number care_of country municipality type udf_date_2 udf_date_1 street_name udf_date_4 udf_date_3 "
        "udf_float_3 udf_float_4 po_box_postal_code udf_string_15 udf_string_16 udf_string_13 udf_string_14 "
        "udf_string_11 udf_string_12 id state udf_string_10 floor udf_float_1 udf_float_2 area udf_string_2 "
        "udf_string_3 udf_string_4 udf_string_5 udf_string_1 po_box town_city district street_number postal_code "
        "udf_string_6 udf_string_7 udf_string_8 udf_string_9"
    ),
    "phones_set": (
        "udf_string_2 udf_string_3 country udf_string_4 notes udf_string_5 area_code udf_string_1 type udf_date_2 "
        "udf_date_1 udf_date_4 full_number udf_date_3 number udf_float_3 udf_float_4 id state udf_string_6 "
        "udf_float_1 udf_string_7 udf_float_2 udf_string_8"
    ),
    "emails_set": _PARTS_2015["emails_set"],
}
_OBJECTS_2015 = {
    "country": words("three_character_code two_character_code name id alternative_code"),
    "group": words("community_name name id description alternative_code"),
    "unit": words("community_name group_name name id description alternative_code"),
    "user": words("person_name username id email"),
    "log": words("updated_date created_by_unit created_date updated_by_unit created_by_user updated_by_user"),
    "birth": words("month day year"),
    "status": words("message description code"),
}
_OBJECTS_2016 = {
    "country": words("alternative_code three_character_code name id two_character_code"),
    "group": words("alternative_code community_name name description id"),
    "unit": words("alternative_code group_name community_name name description id"),
    "user": words("person_name id email username"),
    "log": words("created_by_unit updated_by_unit created_date updated_date updated_by_user created_by_user"),
    "birth": words("month year day"),
    "status": words("code description message"),
}


def ordered(value: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """An object with its keys in this order; those that it does not have stay away."""
    return {key: value[key] for key in keys if key in value}


def title_case(word: str) -> str:
    """FAMILY_MEMBER as the older answers write it: Family Member."""
    return word.replace("_", " ").title()


def _unchanged(word: str) -> str:
    return word


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """How one method answers.

    Attributes:
        keys: of a record, in their order, when the request names no fields_set.
        optional: keys that a fields_set may name besides.
        parts: {part of a record: its keys, in their order}.
        objects: {kind of object: its keys, in their order}.
        kind_name: how kinds are written.
        short_countries: whether countries have a name and an id alone.
        dialling_prefix: what stands before the code of the country in a full number.
        both_parts: whether a person has a company profile and a company demographics, with their industry in it.
        no_message: what stands for no message in the status.
        status_first: whether the status comes before the data.
    """

    name: str
    keys: tuple[str, ...]
    optional: tuple[str, ...]
    parts: dict[str, tuple[str, ...]]
    objects: dict[str, tuple[str, ...]]
    kind_name: Callable[[str], str]
    short_countries: bool = False
    dialling_prefix: str = "00"
    both_parts: bool = True
    no_message: str | None = None
    status_first: bool = True

    def envelope(self, data: Any) -> dict[str, Any]:
        """The whole of an answer."""
        said = {"message": self.no_message, "description": self.no_message, "code": "OK"}
        status = ordered(said, self.objects["status"])
        return {"status": status, "data": data} if self.status_first else {"data": data, "status": status}

    def keys_for(self, fields_set: frozenset[str]) -> tuple[str, ...]:
        """The keys of an answer: all, or those that a fields_set names; names that no answer has are dropped."""
        if not fields_set:
            return self.keys
        return tuple(key for key in (*self.keys, *self.optional) if key in fields_set)


def _parts(given: dict[str, str], without: frozenset[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    return {name: tuple(k for k in words(keys) if f"{name}.{k}" not in without) for name, keys in given.items()}


def _rest(keys: tuple[str, ...]) -> tuple[str, ...]:
    every = dict.fromkeys([*_RECORD_2015, *_RECORD_2016])
    return tuple(key for key in every if key not in keys)


_LISTED = tuple(key for key in _RECORD_2015 if key not in ("notes", "preferred_language"))

SHOW = ResponseFormat("show", _RECORD_2015, _rest(_RECORD_2015), _parts(_PARTS_2015), _OBJECTS_2015, title_case)
LIST = ResponseFormat(
    "list",
    _LISTED,
    _rest(_LISTED),
    _parts(_PARTS_2015, frozenset({"emails_set.notes"})),
    _OBJECTS_2015,
    title_case,
    short_countries=True,
    dialling_prefix="",
)
CREATE = ResponseFormat(
    "create", _CREATED, _rest(_CREATED), _parts(_PARTS_2015), _OBJECTS_2015, title_case, both_parts=False
)
UPDATE = ResponseFormat(
    "update",
    _RECORD_2016,
    _rest(_RECORD_2016),
    _parts(_PARTS_2016),
    _OBJECTS_2016,
    _unchanged,
    no_message="",
    status_first=False,
)
TOKEN = ResponseFormat("token", (), (), {}, {"status": words("code message description")}, _unchanged)
RELEASE = ResponseFormat(
    "release", (), (), {}, {"status": words("message description code")}, _unchanged, no_message=""
)
"""Of the methods of authentication, but for that of keys, which is plain."""
PLAIN = ResponseFormat("plain", (), (), {}, _OBJECTS_2016, _unchanged, no_message="", status_first=False)
"""Of the methods that answer no record."""
RESPONSE_FORMATS = (SHOW, LIST, CREATE, UPDATE)
