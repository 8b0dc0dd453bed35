"""What Covalense calls each value: its tables of contacts, accounts and signups, in the order of its answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import quote

from crmgraph.crm.errors import Path
from crmgraph.crm.homes import Surroundings
from crmgraph.crm.models import Account, AddressKind, Contact, EmailKind, PhoneKind
from crmgraph.crm.parties import Aggregate
from crmgraph.crm.policy import may_see_identity
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
    home_id,
)
from crmgraph.mapping import Codec, Computed, Decoded, Field, FieldMap, Kept, Layout, Link, Own, Slot, Whole, loosely

DIALECT = "covalense"


def _phone(name: str, kind: PhoneKind) -> Field:
    return Field(name, Slot("phones", "raw", kind=kind), TEXT)


def _email(name: str, rank: int, *aliases: str) -> Field:
    return Field(name, Slot("emails", "address", rank=rank), TEXT, aliases)


def _mailing(name: str, column: str) -> Field:
    return Field(name, Slot("addresses", column, rank=0), TEXT)


def _other(name: str, column: str) -> Field:
    return Field(name, Slot("addresses", column, rank=1), TEXT)


def _billing(name: str, column: str) -> Field:
    return Field(name, Slot("addresses", column, kind=AddressKind.BILLING), TEXT)


def _shipping(name: str, column: str) -> Field:
    return Field(name, Slot("addresses", column, kind=AddressKind.SHIPPING), TEXT)


def _kept(name: str, codec: Codec = TEXT) -> Field:
    return Field(name, Kept(name), codec)


def _office(name: str, codec: Codec = TEXT) -> Field:
    """A kept value that the office fills in and a customer only reads."""
    return Field(name, Kept(name), codec, writable=False)


def _seen(name: str, function: Callable[[Any, Surroundings], Any], source: str) -> Field:
    return Field(name, Computed(function, source), TEXT, writable=False)


def _remembered(name: str, nothing: str) -> Field:
    """A kept value that is read only by nature, so that what a request brings of it is passed over."""
    return _seen(name, lambda thing, _: thing.record.remainder.get(DIALECT, {}).get(name, nothing), "")


def _document(name: str) -> Field:
    """What a signup told of an identity document: for the account's own person, and staff with the right."""

    def shown(account: Aggregate, around: Surroundings) -> str | None:
        record = cast(Account, account.record)
        if not may_see_identity(around.actor, record.primary_contact_id or 0):
            return None
        return cast(str | None, record.remainder.get(DIALECT, {}).get(name))

    return _seen(name, shown, "")


def _photo_address(public_url: str) -> Callable[[Any, Surroundings], str | None]:
    def address(contact: Aggregate, _: Surroundings) -> str | None:
        photo = contact.photo
        return f"{public_url}/photos/{photo.key}/original/{quote(photo.file_name, safe='()')}" if photo else None

    return address


def _full_name(contact: Aggregate, _: Surroundings) -> str:
    record = cast(Contact, contact.record)
    return " ".join(part for part in (record.first_name, record.last_name) if part)


PASSED_OVER = tuple(
    Field(name, Kept(name), writable=False, printed=False)
    for name in (
        "token",
        "accessToken",
        "correlationId",
        "srDate",
        "operation",
        "destination",
        "type",
        "userName",
        "password",
        "passwordOld",
        "securityanswer",
        "securityquestions",
        "fireBaseMessagingToken",
        "deviceId",
    )
)
"""Headers that the documentation's tables list as attributes of the body too, and secrets: never kept."""


def _contact(public_url: str) -> FieldMap:
    return FieldMap(
        DIALECT,
        Contact,
        [
            _kept("salutationtype"),
            Field("firstname", Contact.first_name, TEXT),
            Field("contact_no", Contact.number, TEXT),
            _phone("phone", PhoneKind.LANDLINE),
            Field("lastname", Contact.last_name, TEXT),
            _phone("mobile", PhoneKind.MOBILE),
            Field("account_id", Link(Contact.account_id, "party", "record"), home_id(ACCOUNT)),
            _phone("homephone", PhoneKind.HOME),
            Field("leadsource", Contact.source, TEXT),
            _phone("otherphone", PhoneKind.OTHER),
            Field("title", Contact.salutation, TEXT),
            _phone("fax", PhoneKind.FAX),
            Field("department", Contact.department, TEXT),
            Field("birthday", Whole((Contact.birth_day, Contact.birth_month, Contact.birth_year)), BIRTHDAY),
            _email("email", 0),
            Field("contact_id", Link(Contact.reports_to_id, "party", "record"), home_id(CONTACT)),
            Field("assistant", Contact.assistant, TEXT),
            _email("secondaryemail", 1),
            _phone("assistantphone", PhoneKind.ASSISTANT),
            Field("donotcall", Contact.do_not_call, FLAG),
            Field("emailoptout", Contact.email_opt_out, FLAG),
            Field("assigned_user_id", Link(Contact.owner_id, "staff", "user"), home_id(USER)),
            _kept("reference"),
            _kept("notify_owner", KEPT_FLAG),
            Field("createdtime", Contact.created_at, TIME, writable=False),
            Field("modifiedtime", Contact.updated_at, TIME, writable=False),
            Field("modifiedby", Link(Contact.modified_by_id, "staff", "user"), home_id(USER), writable=False),
            _kept("portal", KEPT_FLAG),
            _kept("support_start_date"),
            _kept("support_end_date"),
            _mailing("mailingstreet", "street"),
            _other("otherstreet", "street"),
            _mailing("mailingcity", "city"),
            _other("othercity", "city"),
            _mailing("mailingstate", "state"),
            _other("otherstate", "state"),
            _mailing("mailingzip", "postal_code"),
            _other("otherzip", "postal_code"),
            _mailing("mailingcountry", "country_name"),
            _other("othercountry", "country_name"),
            _mailing("mailingpobox", "po_box"),
            _other("otherpobox", "po_box"),
            Field("description", Contact.description, TEXT),
            _remembered("isconvertedfromlead", "0"),
            Field("middlename", Contact.middle_name, TEXT),
            Field("gender", Contact.gender, TEXT),
            Field("designation", Contact.job_title, TEXT),
            Field("ssn", Contact.social_security_number, TEXT),
            Field("twitter_handle", Contact.twitter, TEXT),
            _kept("source"),
            _kept("starred", KEPT_FLAG),
            _kept("tags"),
            Field("nickname", Contact.nickname, TEXT),
            _kept("google_search"),
            Field("id", Own(), home_id(CONTACT), writable=False),
            _seen("profileImage", _photo_address(public_url), "photo"),
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
        defaults={
            ("emails", 0): {"kind": EmailKind.PERSONAL},
            ("emails", 1): {"kind": EmailKind.PERSONAL},
            ("addresses", 0): {"kind": AddressKind.HOME},
            ("addresses", 1): {"kind": AddressKind.OTHER},
        },
    )


IMAGE_ORDER = (
    "donotcall",
    "support_end_date",
    "source",
    "ssn",
    "reference",
    "twitter_handle",
    "starred",
    "contact_no",
    "id",
    "fax",
    "portal",
    "mailingstreet",
    "otherzip",
    "secondaryemail",
    "lastname",
    "tags",
    "mailingpobox",
    "phone",
    "leadsource",
    "modifiedby",
    "designation",
    "otherstate",
    "birthday",
    "firstname",
    "homephone",
    "gender",
    "mailingstate",
    "description",
    "salutationtype",
    "title",
    "contact_id",
    "otherpobox",
    "mailingcountry",
    "otherphone",
    "modifiedtime",
    "support_start_date",
    "nickname",
    "department",
    "assistantphone",
    "othercountry",
    "email",
    "emailoptout",
    "otherstreet",
    "assistant",
    "mobile",
    "middlename",
    "label",
    "assigned_user_id",
    "notify_owner",
    "mailingzip",
    "createdtime",
    "othercity",
    "account_id",
    "isconvertedfromlead",
    "mailingcity",
    "google_search",
)
"""The contact as the answer to PUT profile/image has it."""

ACCOUNTS = FieldMap(
    DIALECT,
    Account,
    [
        Field("accountname", Account.name, TEXT),
        Field("account_no", Account.number, TEXT),
        _phone("phone", PhoneKind.LANDLINE),
        Field("website", Account.website, TEXT),
        _phone("fax", PhoneKind.FAX),
        Field("tickersymbol", Account.ticker_symbol, TEXT),
        _phone("otherphone", PhoneKind.OTHER),
        Field("account_id", Link(Account.parent_id, "party", "record"), home_id(ACCOUNT)),
        _email("email1", 0, "email"),
        Field("employees", Account.employees, NUMBER),
        _email("email2", 1),
        Field("ownership", Account.ownership, TEXT),
        Field("rating", Account.rating, TEXT),
        Field("industry", Account.industry, TEXT),
        Field("siccode", Account.sic_code, TEXT),
        Field("accounttype", Account.account_type, TEXT),
        Field("annual_revenue", Account.annual_revenue, MONEY),
        Field("emailoptout", Account.email_opt_out, FLAG),
        _kept("notify_owner"),
        Field("assigned_user_id", Link(Account.owner_id, "staff", "user"), home_id(USER)),
        Field("createdtime", Account.created_at, TIME, writable=False),
        Field("modifiedtime", Account.updated_at, TIME, writable=False),
        Field("modifiedby", Link(Account.modified_by_id, "staff", "user"), home_id(USER), writable=False),
        _billing("bill_street", "street"),
        _shipping("ship_street", "street"),
        _billing("bill_city", "city"),
        _shipping("ship_city", "city"),
        _billing("bill_state", "state"),
        _shipping("ship_state", "state"),
        _billing("bill_code", "postal_code"),
        _shipping("ship_code", "postal_code"),
        _billing("bill_country", "country_name"),
        _shipping("ship_country", "country_name"),
        _billing("bill_pobox", "po_box"),
        _shipping("ship_pobox", "po_box"),
        Field("description", Account.description, TEXT),
        _remembered("isconvertedfromlead", "0"),
        _office("cf_759"),
        Field("segment", Account.segment, TEXT),
        _office("billingcycle"),
        _office("billingfrequency"),
        _office("invoicetemplate"),
        Field("languagepreference", Account.language, TEXT),
        _office("mediatype"),
        _office("paytype"),
        _document("docidnumbermsgid"),
        _document("docidtypeequiptype"),
        Field("platform", Account.platform, TEXT),
        _office("mainbalance", KEPT_FLAG),
        _remembered("source", ""),
        _kept("starred", KEPT_FLAG),
        _kept("tags"),
        _office("account_class"),
        Field("accountstatus", Account.status, TEXT),
        _office("billinfo"),
        _office("balancecurrency"),
        _office("noncurrency"),
        _office("serviceobj"),
        _office("packageid"),
        _office("accountnumber"),
        _office("accounttag"),
        _office("balancegroupobj"),
        _office("planobj"),
        _office("secondarycurrency"),
        _office("itempoidlist"),
        _office("accountpoid"),
        _office("error_status"),
        Field("primary_contact", Link(Account.primary_contact_id, "party", "record"), home_id(CONTACT)),
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
        _kept("google_search"),
        Field("id", Own(), home_id(ACCOUNT), writable=False),
        Field("label", Account.name, TEXT, writable=False),
        *PASSED_OVER,
    ],
    key=loosely,
    defaults={("emails", 0): {"kind": EmailKind.BUSINESS}, ("emails", 1): {"kind": EmailKind.BUSINESS}},
)


def office_only(fields: FieldMap) -> frozenset[str]:
    """The names of those values without a home of ours that a customer only reads."""
    kept = {f.name for f in fields.fields if f.printed and not f.writable and isinstance(f.at, Kept)}
    return frozenset(kept | {f.name for f in fields.fields if f.name.startswith("docid")})


def _of_account(column: str, nothing: Any = None) -> Computed:
    """A value of the account of a contact."""

    def read(contact: Aggregate, around: Surroundings) -> Any:
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
            _email("email", 0),
            _phone("mobile", PhoneKind.MOBILE),
            Field("contactId", Own(), BARE_ID),
            Field("pushNotifications", Contact.push_notifications, SWITCH),
            Field("doNotDisturb", Contact.do_not_disturb, SWITCH),
            Field("roaming", Contact.roaming, SWITCH),
            Field("accountId", Link(Contact.account_id, "party", "record"), BARE_ID),
            _seen("profileImage", _photo_address(public_url), "photo"),
        ],
    )


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables and layouts of contacts, whose photos have addresses of ours."""

    contacts: FieldMap
    contact: Layout
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
    return Tables(contacts, contacts.layout(), contacts.layout(IMAGE_ORDER), login, login.layout())


ACCOUNT_LAYOUT = ACCOUNTS.layout()


def differing(fields: FieldMap, body: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request differs from what the record prints: clients send back all that they have read.

    So "0" for a number that nobody knows, "" for half a birthday or for a name that the user may not see stay what
    they are.

    Args:
        shown: the record as `fields` print it.
    """
    found = {}
    for name, value, known in fields.given(body):
        printed: Any = shown
        for step in known.name.split(".") if known is not None else ():
            printed = printed.get(step) if isinstance(printed, Mapping) else None
        if known is None or printed is None or printed != value:
            found[name] = value
    return found


PERSON_SIGNING_UP = FieldMap(
    DIALECT,
    Contact,
    [
        Field("Title", Contact.salutation, TEXT),
        Field("FirstName", Contact.first_name, TEXT),
        Field("MiddleName", Contact.middle_name, TEXT),
        Field("LastName", Contact.last_name, TEXT),
        _phone("Phone", PhoneKind.LANDLINE),
        _phone("MobilePhone", PhoneKind.MOBILE),
        Field("Gender", Contact.gender, TEXT),
        Field("Department", Contact.department, TEXT),
        Field("Designation", Contact.job_title, TEXT),
        _email("EmailAddress", 0),
        _mailing("StreetAddress", "street"),
        _mailing("City", "city"),
        _mailing("PostalCode", "postal_code"),
        _mailing("State", "state"),
        _mailing("Country", "country_name"),
    ],
    key=loosely,
    unknown=False,
    defaults={("emails", 0): {"kind": EmailKind.PERSONAL}, ("addresses", 0): {"kind": AddressKind.HOME}},
)
"""Of a signup, `acctInfo` and `addressInfo` together: what is the contact's."""

ACCOUNT_SIGNING_UP = FieldMap(
    DIALECT,
    Account,
    [
        Field("CompanyName", Account.name, TEXT),
        _phone("Phone", PhoneKind.LANDLINE),
        _email("EmailAddress", 0),
        Field("DocIdNumberMsgId", Kept("docidnumbermsgid"), TEXT),
        Field("DocIdTypeEquipType", Kept("docidtypeequiptype"), TEXT),
        Field("Platform", Account.platform, TEXT),
        _billing("StreetAddress", "street"),
        _billing("City", "city"),
        _billing("PostalCode", "postal_code"),
        _billing("State", "state"),
        _billing("Country", "country_name"),
    ],
    key=loosely,
    unknown=False,
    defaults={("emails", 0): {"kind": EmailKind.BUSINESS}},
)
"""Of a signup, what is the account's."""

OWNER_SIGNING_UP = FieldMap(
    DIALECT, Contact, [Field("AssignedUserId", Link(Contact.owner_id, "staff", "user"), home_id(USER))],
    key=loosely, unknown=False,
)  # fmt: skip
"""Of a signup, who of the staff is to own it."""


def words(fields: FieldMap, decoded: Decoded) -> Callable[[Path], str | None]:
    """How the caller names what is refused: as they wrote it, else as the table has it."""

    def name_of(path: Path) -> str | None:
        if (name := decoded.name_of(path)) is not None:
            return name
        return next((f.name for f in fields.fields if path and getattr(f.at, "key", None) == path[0]), None)

    return name_of
