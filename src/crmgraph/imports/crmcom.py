"""Lists of contact information of CRM.COM's Web API: people and companies in one list, with rows for what they have.

The keys are those of docs/fields.md; the words of kinds and states are those of its answers, or their enums.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from crmgraph.crm.models import AddressKind, EmailKind, PartyKind, PhoneKind
from crmgraph.crm.values.countries import country_code_of_name
from crmgraph.imports import dates
from crmgraph.imports.documents import text_of
from crmgraph.imports.drafts import Context, Draft
from crmgraph.imports.owners import Owners
from crmgraph.imports.records import External, Place

SYSTEM, SPACE = "CRMCOM", "record"
_TEXTS = {
    "title": "salutation",
    "first_name": "firstName",
    "middle_name": "middleName",
    "last_name": "lastName",
    "company_name": "name",
    "life_cycle_state": "lifeCycleState",
    "category": "category",
    "privacy_level": "privacyLevel",
    "preferred_language": "language",
    "notes": "description",
}
_DEMOGRAPHICS = {"gender": "gender", "country_of_residence": "residenceCountry"}
_PROFILE = {
    "vat_registration_number": "vatNumber",
    "tax_reference_number": "taxNumber",
    "annual_turnover": "annualRevenue",
    "number_of_employees": "employees",
    "established_date": "establishedOn",
    "registration_number": "registrationNumber",
    "registered_in_country": "registrationCountry",
    "industry": "industry",
    "industry_sector": "sector",
}
_DOCUMENTS = {
    "id_number": "idNumber",
    "id_issued_by_country": "idCountry",
    "passport_number": "passportNumber",
    "passport_issued_by_country": "passportCountry",
    "social_security_number": "socialSecurityNumber",
}
_ADDRESS = {
    "care_of": "careOf",
    "street_name": "street",
    "street_number": "streetNumber",
    "floor": "floor",
    "apartment_number": "apartment",
    "area": "area",
    "district": "district",
    "municipality": "municipality",
    "town_city": "city",
    "postal_code": "postalCode",
    "country": "countryName",
    "po_box": "poBox",
    "po_box_postal_code": "poBoxPostalCode",
}
_KNOWN = frozenset(
    {
        "name",
        "id",
        "type",
        "relation_set",
        "log_information",
        "addresses_set",
        "phones_set",
        "emails_set",
        "demographics",
    }
    | {"company_profile", "organizational_unit", "owned_by_group", "profile_photo"}
)


def drafts(file: str, rows: list[dict[str, Any]], context: Context, owners: Owners) -> Iterator[Draft]:
    """Each object of a list."""
    for n, row in enumerate(rows):
        kind = PartyKind.ACCOUNT if row.get("type") == "COMPANY" else PartyKind.CONTACT
        draft = Draft(kind, Place(file, f"data[{n}]", n), context, original=orjson.dumps(row))
        draft.owner = owners.importer
        draft.facts["name_column"] = "company_name" if kind is PartyKind.ACCOUNT else "last_name"
        _put(draft, row)
        yield draft


def _put(draft: Draft, row: dict[str, Any]) -> None:
    if row.get("id"):
        draft.external = External(SYSTEM, SPACE, str(row["id"]))
    for key, value in row.items():
        if key in _TEXTS:
            _text(draft, _TEXTS[key], value, key)
        elif key not in _KNOWN and _told(value) is not None:
            draft.kept[key] = value
    _log(draft, _object(row, "log_information"))
    _demographics(draft, _object(row, "demographics"))
    for key, value in _object(row, "company_profile").items():
        column = f"company_profile.{key}"
        if key in _PROFILE:
            _text(draft, _PROFILE[key], value, column)
        elif _told(value) is not None:
            draft.kept[column] = value
    for each in _objects(row, "phones_set"):
        _phone(draft, each)
    for each in _objects(row, "emails_set"):
        kind = _kind(each, EmailKind, "BUSINESS")
        draft.email(kind, str(each.get("email") or ""), "emails_set", **_state(each))
    for n, each in enumerate(_objects(row, "addresses_set")):
        _address(draft, n, each)


def _text(draft: Draft, name: str, value: Any, column: str) -> None:
    said = _told(value)
    if said is not None:
        draft.put(name, said, column)


def _told(value: Any) -> str | None:
    """A value, or the name of what is looked up; None for nothing."""
    if isinstance(value, dict):
        value = value.get("name")
    return None if value in (None, "") else text_of(value)


def _object(row: dict[str, Any], key: str) -> dict[str, Any]:
    found = row.get(key)
    return found if isinstance(found, dict) else {}


def _objects(row: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = row.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _log(draft: Draft, log: dict[str, Any]) -> None:
    times = [
        dates.time_of(str(log.get(key) or ""), "ymd", draft.context.zone) for key in ("created_date", "updated_date")
    ]
    draft.created_at, draft.updated_at = (found[0] if found else None for found in times)


def _demographics(draft: Draft, values: dict[str, Any]) -> None:
    documents: dict[str, str] = {}
    for key, value in values.items():
        column = f"demographics.{key}"
        if key in _DOCUMENTS:
            said = _told(value)
            if said is not None:
                documents[_DOCUMENTS[key]] = (country_code_of_name(said) or said) if key.endswith("country") else said
        elif key == "date_of_birth":
            _birth(draft, value, column)
        elif key in _DEMOGRAPHICS:
            _text(draft, _DEMOGRAPHICS[key], value, column)
        elif value not in (None, "", []):
            draft.kept[column] = value
    if documents and draft.kind is PartyKind.CONTACT:
        draft.input["identityDocuments"] = documents


def _birth(draft: Draft, value: Any, column: str) -> None:
    if not isinstance(value, dict):
        return
    day, month, year = (part if isinstance(part, int) else None for part in map(value.get, ("day", "month", "year")))
    if (day, month, year) != (None, None, None):
        draft.birth(dates.Day(year, month, day), column, str(value))


def _kind(row: dict[str, Any], kinds: Any, other: str) -> str:
    word = str(row.get("type") or "").upper()
    return word if word in kinds.__members__ else other


def _state(row: dict[str, Any]) -> dict[str, Any]:
    return {"active": False} if str(row.get("state") or "").upper() == "INACTIVE" else {}


def _phone(draft: Draft, row: dict[str, Any]) -> None:
    more: dict[str, Any] = {}
    if row.get("area_code"):
        more["areaCode"] = str(row["area_code"])
    if (code := country_code_of_name(_told(row.get("country")))) is not None:
        more["country"] = code
    raw = str(row.get("number") or row.get("full_number") or "")
    draft.phone(_kind(row, PhoneKind, "OTHER"), raw, "phones_set", row.get("notes") or None, **more, **_state(row))


def _address(draft: Draft, n: int, row: dict[str, Any]) -> None:
    kind = _kind(row, AddressKind, "OTHER")
    for key, part in _ADDRESS.items():
        said = _told(row.get(key))
        if said is not None:
            draft.address(kind, part, said, f"addresses_set.{key}", key=f"address {n}")
    if _state(row) and (found := draft.addresses.get(f"address {n}")) is not None:
        found["active"] = False
