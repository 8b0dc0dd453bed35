"""What Covalense calls each value of contacts and accounts, in the order of its answers."""

from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import quote

from crmgraph.crm.models import Account, Contact, EmailKind, PhoneKind, Photo
from crmgraph.crm.policy import may_see_identity
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.slots import FIRST, SECOND
from crmgraph.dialects.covalense.codecs import (
    ACCOUNT,
    BARE_ID,
    BIRTHDAY,
    CONTACT,
    FLAG,
    KEPT_FLAG,
    MONEY,
    NUMBER,
    SWITCH,
    TEXT,
    TIME,
    USER,
    printed_id,
)
from crmgraph.dialects.covalense.places import (
    DIALECT,
    PASSED_OVER,
    billing,
    email,
    kept,
    mailing,
    office,
    other,
    phone,
    remembered,
    seen,
    shipping,
)
from crmgraph.mapping import Codec, Computed, Field, FieldMap, Layout, Link, OfPhoto, Own, Whole, loosely
from crmgraph.mapping.printing.layouts import Printed


def _document(name: str) -> Field:
    """What a signup told of an identity document: for the account's own person, and staff with the right."""

    def shown(account: Aggregate, around: EncodingContext) -> str | None:
        record = cast(Account, account.record)
        if not may_see_identity(around.actor, record.primary_contact_id or 0):
            return None
        return cast(str | None, record.extra_fields.get(DIALECT, {}).get(name))

    return seen(name, shown, "")


def _photo(public_url: str) -> Field:
    def address(photo: tuple[str, str] | None) -> str:
        return "" if photo is None else f"{public_url}/photos/{photo[0]}/original/{quote(photo[1], safe='()')}"

    return Field("profileImage", OfPhoto((Photo.key, Photo.file_name)), Codec(write=address), writable=False)


def _full_name(contact: Aggregate, _: EncodingContext) -> str:
    record = cast(Contact, contact.record)
    return " ".join(part for part in (record.first_name, record.last_name) if part)


def _contact(public_url: str) -> FieldMap:
    return FieldMap(
        DIALECT,
        Contact,
        [
            kept("salutationtype"),
            Field("firstname", Contact.first_name, TEXT),
            Field("contact_no", Contact.number, TEXT),
            phone("phone", PhoneKind.LANDLINE),
            Field("lastname", Contact.last_name, TEXT),
            phone("mobile", PhoneKind.MOBILE),
            Field("account_id", Link(Contact.account_id, "party", "record"), printed_id(ACCOUNT)),
            phone("homephone", PhoneKind.HOME),
            Field("leadsource", Contact.source, TEXT),
            phone("otherphone", PhoneKind.OTHER),
            Field("title", Contact.salutation, TEXT),
            phone("fax", PhoneKind.FAX),
            Field("department", Contact.department, TEXT),
            Field("birthday", Whole((Contact.birth_day, Contact.birth_month, Contact.birth_year)), BIRTHDAY),
            email("email", FIRST, EmailKind.PERSONAL),
            Field("contact_id", Link(Contact.reports_to_id, "party", "record"), printed_id(CONTACT)),
            Field("assistant", Contact.assistant, TEXT),
            email("secondaryemail", SECOND, EmailKind.PERSONAL),
            phone("assistantphone", PhoneKind.ASSISTANT),
            Field("donotcall", Contact.do_not_call, FLAG),
            Field("emailoptout", Contact.email_opt_out, FLAG),
            Field("assigned_user_id", Link(Contact.owner_id, "staff", "user"), printed_id(USER)),
            kept("reference"),
            kept("notify_owner", KEPT_FLAG),
            Field("createdtime", Contact.created_at, TIME, writable=False),
            Field("modifiedtime", Contact.updated_at, TIME, writable=False),
            Field("modifiedby", Link(Contact.modified_by_id, "staff", "user"), printed_id(USER), writable=False),
            kept("portal", KEPT_FLAG),
            kept("support_start_date"),
            kept("support_end_date"),
            mailing("mailingstreet", "street"),
            other("otherstreet", "street"),
            mailing("mailingcity", "city"),
            other("othercity", "city"),
            mailing("mailingstate", "state"),
            other("otherstate", "state"),
            mailing("mailingzip", "postal_code"),
            other("otherzip", "postal_code"),
            mailing("mailingcountry", "country_name"),
            other("othercountry", "country_name"),
            mailing("mailingpobox", "po_box"),
            other("otherpobox", "po_box"),
            Field("description", Contact.description, TEXT),
            remembered("isconvertedfromlead", "0"),
            Field("middlename", Contact.middle_name, TEXT),
            Field("gender", Contact.gender, TEXT),
            Field("designation", Contact.job_title, TEXT),
            Field("ssn", Contact.social_security_number, TEXT),
            Field("twitter_handle", Contact.twitter, TEXT),
            kept("source"),
            kept("starred", KEPT_FLAG),
            kept("tags"),
            Field("nickname", Contact.nickname, TEXT),
            kept("google_search"),
            Field("id", Own(), printed_id(CONTACT), writable=False),
            _photo(public_url),
            Field("pushnotifications", Contact.push_notifications, FLAG),
            Field("dnd", Contact.do_not_disturb, FLAG, ("doNotDisturb",)),
            Field("roaming", Contact.roaming, FLAG),
            Field("dashboardSettings.usagedetails", Contact.show_usage_details, FLAG, ("usagedetails",)),
            Field("dashboardSettings.livechat", Contact.show_live_chat, FLAG, ("livechat",)),
            Field("dashboardSettings.weather", Contact.show_weather, FLAG, ("weather",)),
            Field("dashboardSettings.finance", Contact.show_finance, FLAG, ("finance",)),
            Field("dashboardSettings.calendar", Contact.show_calendar, FLAG, ("calendar",)),
            Field("dashboardSettings.news", Contact.show_news, FLAG, ("news",)),
            Field("label", Computed(_full_name, "first_name, last_name"), writable=False, printed=False),
            *PASSED_OVER,
        ],
        key=loosely,
    )


IMAGE_ORDER = (
    "donotcall", "support_end_date", "source", "ssn", "reference", "twitter_handle", "starred", "contact_no", "id",
    "fax", "portal", "mailingstreet", "otherzip", "secondaryemail", "lastname", "tags", "mailingpobox", "phone",
    "leadsource", "modifiedby", "designation", "otherstate", "birthday", "firstname", "homephone", "gender",
    "mailingstate", "description", "salutationtype", "title", "contact_id", "otherpobox", "mailingcountry",
    "otherphone", "modifiedtime", "support_start_date", "nickname", "department", "assistantphone", "othercountry",
    "email", "emailoptout", "otherstreet", "assistant", "mobile", "middlename", "label", "assigned_user_id",
    "notify_owner", "mailingzip", "createdtime", "othercity", "account_id", "isconvertedfromlead", "mailingcity",
    "google_search",
)  # fmt: skip
"""The contact as the answer to PUT profile/image has it."""

ACCOUNTS = FieldMap(
    DIALECT,
    Account,
    [
        Field("accountname", Account.name, TEXT),
        Field("account_no", Account.number, TEXT),
        phone("phone", PhoneKind.LANDLINE),
        Field("website", Account.website, TEXT),
        phone("fax", PhoneKind.FAX),
        Field("tickersymbol", Account.ticker_symbol, TEXT),
        phone("otherphone", PhoneKind.OTHER),
        Field("account_id", Link(Account.parent_id, "party", "record"), printed_id(ACCOUNT)),
        email("email1", FIRST, EmailKind.BUSINESS, "email"),
        Field("employees", Account.employees, NUMBER),
        email("email2", SECOND, EmailKind.BUSINESS),
        Field("ownership", Account.ownership, TEXT),
        Field("rating", Account.rating, TEXT),
        Field("industry", Account.industry, TEXT),
        Field("siccode", Account.sic_code, TEXT),
        Field("accounttype", Account.account_type, TEXT),
        Field("annual_revenue", Account.annual_revenue, MONEY),
        Field("emailoptout", Account.email_opt_out, FLAG),
        kept("notify_owner"),
        Field("assigned_user_id", Link(Account.owner_id, "staff", "user"), printed_id(USER)),
        Field("createdtime", Account.created_at, TIME, writable=False),
        Field("modifiedtime", Account.updated_at, TIME, writable=False),
        Field("modifiedby", Link(Account.modified_by_id, "staff", "user"), printed_id(USER), writable=False),
        billing("bill_street", "street"),
        shipping("ship_street", "street"),
        billing("bill_city", "city"),
        shipping("ship_city", "city"),
        billing("bill_state", "state"),
        shipping("ship_state", "state"),
        billing("bill_code", "postal_code"),
        shipping("ship_code", "postal_code"),
        billing("bill_country", "country_name"),
        shipping("ship_country", "country_name"),
        billing("bill_pobox", "po_box"),
        shipping("ship_pobox", "po_box"),
        Field("description", Account.description, TEXT),
        remembered("isconvertedfromlead", "0"),
        office("cf_759"),
        Field("segment", Account.segment, TEXT),
        office("billingcycle"),
        office("billingfrequency"),
        office("invoicetemplate"),
        Field("languagepreference", Account.language, TEXT),
        office("mediatype"),
        office("paytype"),
        _document("docidnumbermsgid"),
        _document("docidtypeequiptype"),
        Field("platform", Account.platform, TEXT),
        office("mainbalance", KEPT_FLAG),
        remembered("source", ""),
        kept("starred", KEPT_FLAG),
        kept("tags"),
        office("account_class"),
        Field("accountstatus", Account.status, TEXT),
        office("billinfo"),
        office("balancecurrency"),
        office("noncurrency"),
        office("serviceobj"),
        office("packageid"),
        office("accountnumber"),
        office("accounttag"),
        office("balancegroupobj"),
        office("planobj"),
        office("secondarycurrency"),
        office("itempoidlist"),
        office("accountpoid"),
        office("error_status"),
        Field("primary_contact", Link(Account.primary_contact_id, "party", "record"), printed_id(CONTACT)),
        Field("smsoptout", Account.sms_opt_out, FLAG),
        Field("pushnotifications", Account.push_notifications, FLAG),
        Field("dnd", Account.do_not_disturb, FLAG, ("doNotDisturb",)),
        Field("roaming", Account.roaming, FLAG),
        Field("usagedetails", Account.show_usage_details, FLAG),
        Field("livechat", Account.show_live_chat, FLAG),
        Field("weather", Account.show_weather, FLAG),
        Field("finance", Account.show_finance, FLAG),
        Field("calendar", Account.show_calendar, FLAG),
        Field("news", Account.show_news, FLAG),
        kept("google_search"),
        Field("id", Own(), printed_id(ACCOUNT), writable=False),
        Field("label", Account.name, TEXT, writable=False),
        *PASSED_OVER,
    ],
    key=loosely,
)


ACCOUNT_LAYOUT = ACCOUNTS.layout()


def _of_account(column: str, nothing: Any = None) -> Computed:
    """A value of the account of a contact."""

    def read(contact: Aggregate, around: EncodingContext) -> Any:
        account = around.records.get(cast(Contact, contact.record).account_id or 0)
        return nothing if account is None else getattr(account, column)

    return Computed(read, f"account.{column}")


def _login(public_url: str) -> FieldMap:
    return FieldMap(
        DIALECT,
        Contact,
        [
            Field("firstName", Contact.first_name, TEXT),
            Field("lastName", Contact.last_name, TEXT),
            Field("segment", _of_account("segment"), TEXT),
            Field("platform", _of_account("platform"), TEXT),
            Field("accountNumber", _of_account("number"), TEXT),
            email("email", FIRST, EmailKind.PERSONAL),
            phone("mobile", PhoneKind.MOBILE),
            Field("contactId", Own(), BARE_ID),
            Field("pushNotifications", Contact.push_notifications, SWITCH),
            Field("doNotDisturb", Contact.do_not_disturb, SWITCH),
            Field("roaming", Contact.roaming, SWITCH),
            Field("accountId", Link(Contact.account_id, "party", "record"), BARE_ID),
            _photo(public_url),
        ],
    )


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables and layouts of contacts, whose photos have addresses of ours."""

    contacts: FieldMap
    contact: Layout
    printed: Printed
    image: Layout
    logins: FieldMap
    login: Layout


@cache
def tables(public_url: str) -> Tables:
    """The tables of contacts.

    Args:
        public_url: what the addresses of photos start with.
    """
    contacts, login = _contact(public_url), _login(public_url)
    contact = contacts.layout()
    return Tables(contacts, contact, Printed(contact), contacts.layout(IMAGE_ORDER), login, login.layout())
