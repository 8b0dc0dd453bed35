"""The tables: what Valomnia calls the values of contacts and of customers, in the order of its answers.

The source is the vendor's "Update a contact". `comment`, `isDecisionMaker` and `user` are answered and cannot be sent.
Text that is not there is "", an object that is not there is {}, and only a photo is null.
"""

import datetime as dt
import re
from typing import Any

from crmgraph.crm.models import Account, AddressKind, Contact, EmailKind, PhoneKind
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.slots import FIRST
from crmgraph.crm.values.countries import country_code
from crmgraph.dialects.valomnia.photo_paths import path_of
from crmgraph.mapping import Codec, Computed, ExtraField, Field, FieldMap, Link, Primary, Slot, Unreadable

DIALECT = "valomnia"

CONTACTS, CUSTOMERS, USERS = "contact", "customer", "user"
"""The spaces of ids: each counts for itself."""

_LONG = re.compile(r"[+-]?[0-9]{1,19}")


def read_long(text: str) -> int:
    """The number that a parameter of the type Long is.

    Raises:
        Unreadable: it is none, or one that 64 bits do not hold.
    """
    text = text.strip()
    if not _LONG.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise Unreadable("type")
    return int(text)


def number_of(around: EncodingContext, target: str, own_id: int) -> int:
    """The id that a record (target party) or staff member is printed with: the one it came with, else ours."""
    external = around.external_id(target, own_id) or ""
    # What is not written as it would be printed is not found by what would be printed.
    return int(external) if _LONG.fullmatch(external) and str(int(external)) == external else own_id


def user(around: EncodingContext, staff_id: int | None) -> dict[str, Any]:
    """A staff member as answers name one; {} for nobody."""
    if staff_id is None or staff_id not in around.staff:
        return {}
    return {
        "id": number_of(around, "staff", staff_id),
        "reference": around.references.get(("staff", staff_id), ""),
    }


def customer(around: EncodingContext, account_id: int | None) -> dict[str, Any]:
    """An account as answers name one; {} for none."""
    account = around.records.get(account_id) if account_id is not None else None
    if not isinstance(account, Account):
        return {}
    return {
        "id": number_of(around, "party", account.id),
        "reference": reference(account, around),
        "name": account.name or "",
    }


def reference(account: Account, around: EncodingContext) -> str:
    """What the customer's own books call it: the reference it came with, else its number."""
    return around.references.get(("party", account.id), account.number)


def _organization(thing: Aggregate, around: EncodingContext) -> str:
    """The entity that the record belongs to: its own, else its customer's."""
    of_customer = around.records.get(getattr(thing.record, "account_id", None) or 0)
    for record in (thing.record, of_customer):
        if record is not None and isinstance(kept := record.extra_fields.get(DIALECT, {}).get("organization"), str):
            return kept
    return ""


def _photo(thing: Aggregate, around: EncodingContext) -> str | None:
    if thing.photo is None:
        return None
    organization, number = _organization(thing, around), number_of(around, "party", thing.id)
    record: Any = thing.record
    if isinstance(record, Contact):
        return path_of(thing.photo, "photoContact", organization, number, record.first_name, record.last_name)
    return path_of(thing.photo, "photoCustomer", organization, number, record.name)


def _contacts(thing: Aggregate, around: EncodingContext) -> list[dict[str, Any]]:
    """The customer's contacts, among the records that were read with it."""
    return [
        {
            "id": number_of(around, "party", contact.id),
            "firstName": contact.first_name or "",
            "lastName": contact.last_name or "",
        }
        for contact in around.records.values()
        if isinstance(contact, Contact) and contact.account_id == thing.id
    ]


def _written(value: Any) -> Any:
    return "" if value is None else value


def _read_country(value: str) -> str | None:
    text = value.strip()
    if not text:
        return None
    if len(text) != 2 or (code := country_code(text)) is None:
        raise Unreadable("country")
    return code


def _write_moment(value: dt.datetime) -> str:
    return f"{value.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


TEXT = Codec(write=_written)
COUNTRY = Codec(_read_country, _written)
MOMENT = Codec(write=_write_moment)
CUSTOMER_ID = Codec(lambda value: str(read_long(value)))


def _phone(kind: PhoneKind) -> Slot:
    return Slot("phones", "raw", kind)


def _address(column: str) -> Slot:
    return Slot("addresses", column, FIRST, AddressKind.BUSINESS)


def _billing(column: str) -> Slot:
    return Slot("addresses", column, AddressKind.BILLING)


def _only_here(key: str) -> Field:
    """A value of a customer that the store has no column for."""
    return Field(key, ExtraField(key), TEXT, writable=False)


def _flag(key: str, otherwise: bool) -> Field:
    """A switch of a customer that the store has no column for, and how it stands where nobody set it."""
    return Field(key, ExtraField(key), Codec(write=lambda value: otherwise if value is None else value), writable=False)


CONTACT = FieldMap(
    DIALECT,
    Contact,
    [
        Field("id", Computed(lambda thing, around: number_of(around, "party", thing.id), "id"), writable=False),
        Field(
            "customerReference",
            Computed(
                lambda thing, around: customer(around, thing.record.account_id).get("reference", ""), "account_id"
            ),
            writable=False,
        ),
        Field(
            "customer",
            Computed(lambda thing, around: customer(around, thing.record.account_id), "account_id"),
            writable=False,
        ),
        Field("customerId", Link(Contact.account_id, "party", CUSTOMERS), CUSTOMER_ID, printed=False),
        Field("firstName", Contact.first_name, TEXT),
        Field("lastName", Contact.last_name, TEXT),
        Field("mobile", _phone(PhoneKind.MOBILE), TEXT),
        Field("fax", _phone(PhoneKind.FAX), TEXT),
        Field("email", Slot("emails", "address", FIRST, EmailKind.BUSINESS), TEXT),
        Field("fonction", Contact.job_title, TEXT),
        Field("phone", _phone(PhoneKind.LANDLINE), TEXT),
        Field("phone2", _phone(PhoneKind.OTHER), TEXT),
        Field("comment", Contact.description, TEXT, writable=False),
        Field("country", _address("country"), COUNTRY),
        Field("city", _address("city"), TEXT),
        Field("postalCode", _address("postal_code"), TEXT),
        Field("address", _address("street"), TEXT),
        Field("isDecisionMaker", Contact.decision_maker, writable=False),
        Field("photo", Computed(_photo, "photo"), writable=False),
        Field("user", Computed(lambda thing, around: user(around, thing.record.owner_id), "owner_id"), writable=False),
        Field("organization", Computed(_organization, "extra_fields"), writable=False),
        Field("dateCreated", Contact.created_at, MOMENT, writable=False),
        Field("lastUpdated", Contact.updated_at, MOMENT, writable=False),
    ],
    unknown=False,
)

CUSTOMER = FieldMap(
    DIALECT,
    Account,
    [
        Field("id", Computed(lambda thing, around: number_of(around, "party", thing.id), "id"), writable=False),
        Field("reference", Computed(lambda thing, around: reference(thing.record, around), "number"), writable=False),
        _only_here("reference2"),
        Field("name", Account.name, TEXT, writable=False),
        Field(
            "customerCategory", ExtraField("customerCategory"), Codec(write=lambda value: value or {}), writable=False
        ),
        Field(
            "parentCustomer",
            Computed(lambda thing, around: customer(around, thing.record.parent_id), "parent_id"),
            writable=False,
        ),
        Field("email", Slot("emails", "address", FIRST, EmailKind.BUSINESS), TEXT, writable=False),
        Field("logo", Computed(_photo, "photo"), writable=False),
        Field("phone", _phone(PhoneKind.LANDLINE), TEXT, writable=False),
        Field("mobile", _phone(PhoneKind.MOBILE), TEXT, writable=False),
        Field("fax", _phone(PhoneKind.FAX), TEXT, writable=False),
        Field("comment", Account.description, TEXT, writable=False),
        _only_here("barcode"),
        Field("billingCountry", _billing("country"), TEXT, writable=False),
        Field("billingCity", _billing("city"), TEXT, writable=False),
        Field("billingPostalCode", _billing("postal_code"), TEXT, writable=False),
        Field("billingAddress", _billing("street"), TEXT, writable=False),
        _only_here("billingLat"),
        _only_here("billingLng"),
        Field("country", Primary("addresses", "country"), TEXT, writable=False),
        Field("city", Primary("addresses", "city"), TEXT, writable=False),
        Field("postalCode", Primary("addresses", "postal_code"), TEXT, writable=False),
        Field("address", Primary("addresses", "street"), TEXT, writable=False),
        _only_here("latitude"),
        _only_here("longitude"),
        _only_here("creditLimit"),
        _flag("isActive", True),
        _flag("onHold", False),
        Field("taxNumber", Account.tax_number, TEXT, writable=False),
        Field("companyRegistrationNumber", Account.registration_number, TEXT, writable=False),
        Field("website", Account.website, TEXT, writable=False),
        Field("contacts", Computed(_contacts, "account_id"), writable=False),
        _only_here("currency"),
        Field("organization", Computed(_organization, "extra_fields"), writable=False),
        Field("dateCreated", Account.created_at, MOMENT, writable=False),
        Field("lastUpdated", Account.updated_at, MOMENT, writable=False),
    ],
    unknown=False,
)
