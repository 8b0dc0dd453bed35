"""Inputs for what hangs off a record: phones, emails and addresses are added, changed and removed by lists."""

from typing import Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.models import AddressKind, EmailKind, PhoneKind
from crmgraph.graph.schema.inputs.edits import described_like, required
from crmgraph.graph.schema.scalars import CountryCode, EmailAddress
from crmgraph.graph.schema.types.contact_points import Address, Email, Phone

_ADD = "What is new."
_UPDATE = "What changes; fields that are absent stay as they are."
_REMOVE = "The ids of what goes."


def _list(description: str) -> Any:
    return strawberry.field(default=UNSET, description=description)


@described_like(Phone, "What a telephone number may have besides what it must have.")
class PhoneValues:
    country: CountryCode | None
    area_code: str | None
    notes: str | None
    active: bool | None
    primary: bool | None


@strawberry.input(description="A new telephone number.")
class PhoneInput(PhoneValues):
    kind: PhoneKind = required("What it is for.")
    raw: str = required("The number, in any spelling.")


@described_like(Phone, "A change of a telephone number. What is absent stays, null clears.")
class PhoneUpdate(PhoneValues):
    id: strawberry.ID = required("Which one.")
    kind: PhoneKind | None
    raw: str | None


@strawberry.input(description="New telephone numbers.")
class NewPhones:
    add: list[PhoneInput] = required(_ADD)


@strawberry.input(description="Changes of the telephone numbers. What is not named stays.")
class PhoneEdits:
    add: list[PhoneInput] | None = _list(_ADD)
    update: list[PhoneUpdate] | None = _list(_UPDATE)
    remove: list[strawberry.ID] | None = _list(_REMOVE)


@described_like(Email, "What an email address may have besides what it must have.")
class EmailValues:
    notes: str | None
    active: bool | None
    primary: bool | None


@strawberry.input(description="A new email address.")
class EmailInput(EmailValues):
    kind: EmailKind = required("What it is for.")
    address: EmailAddress = required("The address.")


@described_like(Email, "A change of an email address. What is absent stays, null clears.")
class EmailUpdate(EmailValues):
    id: strawberry.ID = required("Which one.")
    kind: EmailKind | None
    address: EmailAddress | None


@strawberry.input(description="New email addresses.")
class NewEmails:
    add: list[EmailInput] = required(_ADD)


@strawberry.input(description="Changes of the email addresses. What is not named stays.")
class EmailEdits:
    add: list[EmailInput] | None = _list(_ADD)
    update: list[EmailUpdate] | None = _list(_UPDATE)
    remove: list[strawberry.ID] | None = _list(_REMOVE)


@described_like(Address, "What a postal address may have besides what it must have.")
class AddressValues:
    care_of: str | None
    street: str | None
    street_number: str | None
    floor: str | None
    apartment: str | None
    area: str | None
    district: str | None
    municipality: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: CountryCode | None
    country_name: str | None
    po_box: str | None
    po_box_postal_code: str | None
    notes: str | None
    active: bool | None
    primary: bool | None


@strawberry.input(description="A new postal address.")
class AddressInput(AddressValues):
    kind: AddressKind = required("What it is for.")


@described_like(Address, "A change of a postal address. What is absent stays, null clears.")
class AddressUpdate(AddressValues):
    id: strawberry.ID = required("Which one.")
    kind: AddressKind | None


@strawberry.input(description="New postal addresses.")
class NewAddresses:
    add: list[AddressInput] = required(_ADD)


@strawberry.input(description="Changes of the postal addresses. What is not named stays.")
class AddressEdits:
    add: list[AddressInput] | None = _list(_ADD)
    update: list[AddressUpdate] | None = _list(_UPDATE)
    remove: list[strawberry.ID] | None = _list(_REMOVE)


@strawberry.input(description="What comes with a new record.")
class NewRows:
    phones: NewPhones | None = _list("Its telephone numbers.")
    emails: NewEmails | None = _list("Its email addresses.")
    addresses: NewAddresses | None = _list("Its postal addresses.")


@strawberry.input(description="Changes of what belongs to a record.")
class RowChanges:
    phones: PhoneEdits | None = _list("Changes of its telephone numbers.")
    emails: EmailEdits | None = _list("Changes of its email addresses.")
    addresses: AddressEdits | None = _list("Changes of its postal addresses.")
