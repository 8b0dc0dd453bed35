"""Inputs for contacts, accounts and leads."""

from typing import Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.models import AccountKind, Approval
from crmgraph.graph.schema.inputs.contact_points import NewRows, RowChanges
from crmgraph.graph.schema.inputs.edits import described_like, required
from crmgraph.graph.schema.inputs.names import NameChanges, NewNames
from crmgraph.graph.schema.refs import AccountRef, ContactRef, LeadRef
from crmgraph.graph.schema.scalars import BigInt, CountryCode, Date, Money
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import BirthDate, Contact, IdentityDocuments
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.types.record import Preferences


@described_like(BirthDate, "A date of birth. Parts that are absent stay, null clears.")
class BirthDateInput:
    day: int | None
    month: int | None
    year: int | None


@described_like(IdentityDocuments, "Identity documents. What is absent stays, null clears.")
class IdentityDocumentsInput:
    id_number: str | None
    id_country: CountryCode | None
    passport_number: str | None
    passport_country: CountryCode | None
    social_security_number: str | None
    social_security_country: CountryCode | None


@described_like(Preferences, "What is chosen in the self-care portal. What is absent stays.")
class PreferencesInput:
    push_notifications: bool | None
    do_not_disturb: bool | None
    roaming: bool | None
    show_usage_details: bool | None
    show_live_chat: bool | None
    show_weather: bool | None
    show_finance: bool | None
    show_calendar: bool | None
    show_news: bool | None


@described_like(Contact, "What people say about themselves.")
class ProfileValues:
    salutation: str | None
    first_name: str | None
    middle_name: str | None
    last_name: str | None
    nickname: str | None
    gender: str | None
    birth_date: BirthDateInput | None
    job_title: str | None
    department: str | None
    language: str | None
    assistant: str | None
    decision_maker: bool | None
    source: str | None
    twitter: str | None
    skype: str | None
    description: str | None
    email_opt_out: bool | None
    do_not_call: bool | None
    sms_opt_out: bool | None
    direct_marketing: bool | None
    affiliate_marketing: bool | None
    residence_country: CountryCode | None
    preferences: PreferencesInput | None
    identity_documents: IdentityDocumentsInput | None


@described_like(Contact, "What is kept of a contact.")
class ContactValues(ProfileValues):
    number: str | None
    life_cycle_state: str | None
    category: str | None
    privacy_level: str | None
    account: strawberry.ID | None
    reports_to: strawberry.ID | None
    owner: strawberry.ID | None


@described_like(Account, "What is kept of an account.")
class AccountValues:
    number: str | None
    name: str | None
    kind: AccountKind | None
    account_type: str | None
    industry: str | None
    sector: str | None
    website: str | None
    employees: BigInt | None
    annual_revenue: Money | None
    ownership: str | None
    rating: str | None
    site: str | None
    sic_code: str | None
    ticker_symbol: str | None
    registration_number: str | None
    registration_country: CountryCode | None
    vat_number: str | None
    tax_number: str | None
    established_on: Date | None
    status: str | None
    segment: str | None
    platform: str | None
    language: str | None
    description: str | None
    email_opt_out: bool | None
    sms_opt_out: bool | None
    preferences: PreferencesInput | None
    parent: strawberry.ID | None
    primary_contact: strawberry.ID | None
    owner: strawberry.ID | None


@described_like(Lead, "What is kept of a lead.")
class LeadValues:
    number: str | None
    salutation: str | None
    first_name: str | None
    middle_name: str | None
    last_name: str | None
    company: str | None
    job_title: str | None
    status: str | None
    source: str | None
    rating: str | None
    industry: str | None
    annual_revenue: Money | None
    employees: BigInt | None
    website: str | None
    twitter: str | None
    skype: str | None
    description: str | None
    email_opt_out: bool | None
    approval: Approval | None
    locked_by: str | None
    owner: strawberry.ID | None


def if_revision() -> Any:
    """A field of what changes or deletes a record."""
    return strawberry.field(default=UNSET, description="The revision that was read: another one by now is refused.")


def dry_run() -> Any:
    """A field of what deletes."""
    return strawberry.field(default=False, description="Whether to find every fault and change nothing.")


_WHICH_CONTACT = "Which contact."
_WHICH_ACCOUNT = "Which account."
_WHICH_LEAD = "Which lead."


@strawberry.input(description="A new contact.")
class CreateContactInput(ContactValues, NewRows, NewNames):
    pass


@strawberry.input(description="A change of a contact. What is absent stays, null clears.")
class UpdateContactInput(ContactValues, RowChanges, NameChanges):
    contact: ContactRef = required(_WHICH_CONTACT)
    if_revision: int | None = if_revision()


@strawberry.input(description="Which contact to delete.")
class DeleteContactInput:
    contact: ContactRef = required(_WHICH_CONTACT)
    if_revision: int | None = if_revision()
    dry_run: bool = dry_run()


@strawberry.input(description="A new account.")
class CreateAccountInput(AccountValues, NewRows, NewNames):
    pass


@strawberry.input(description="A change of an account. What is absent stays, null clears.")
class UpdateAccountInput(AccountValues, RowChanges, NameChanges):
    account: AccountRef = required(_WHICH_ACCOUNT)
    if_revision: int | None = if_revision()


@strawberry.input(description="Which account to delete.")
class DeleteAccountInput:
    account: AccountRef = required(_WHICH_ACCOUNT)
    if_revision: int | None = if_revision()
    dry_run: bool = dry_run()


@strawberry.input(description="A new lead.")
class CreateLeadInput(LeadValues, NewRows, NewNames):
    pass


@strawberry.input(description="A change of a lead. What is absent stays, null clears.")
class UpdateLeadInput(LeadValues, RowChanges, NameChanges):
    lead: LeadRef = required(_WHICH_LEAD)
    if_revision: int | None = if_revision()


@strawberry.input(description="Which lead to delete.")
class DeleteLeadInput:
    lead: LeadRef = required(_WHICH_LEAD)
    if_revision: int | None = if_revision()
    dry_run: bool = dry_run()


@strawberry.input(description="A change of one's own contact. What is absent stays, null clears.")
class UpdateProfileInput(ProfileValues, RowChanges):
    if_revision: int | None = if_revision()


@strawberry.input(description="Which conversion is undone. That can be done for 30 days.")
class UnconvertLeadInput:
    lead: LeadRef = required(_WHICH_LEAD)
    dry_run: bool = dry_run()
    if_revision: int | None = strawberry.field(
        default=UNSET, description="The revision of the lead that was read: another one by now is refused."
    )


@strawberry.input(description="How a lead is converted.")
class ConvertLeadInput:
    lead: LeadRef = required(_WHICH_LEAD)
    dry_run: bool = dry_run()
    contact: ContactRef | None = strawberry.field(
        default=UNSET, description="A contact that is known, to join instead of a new one."
    )
    account: AccountRef | None = strawberry.field(
        default=UNSET,
        description="An account that is known, to join instead of a new one. Without it a known contact stays with the "
        "account that it has, which is not changed.",
    )
    owner: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Whoever of the staff owns what is new; the lead's owner without it."
    )
    overwrite: bool = strawberry.field(
        default=False,
        description="Whether the lead's values replace those of the records that are named, and the contact goes over "
        "to the account that is named.",
    )
    if_revision: int | None = strawberry.field(
        default=UNSET, description="The revision of the lead that was read: another one by now is refused."
    )
