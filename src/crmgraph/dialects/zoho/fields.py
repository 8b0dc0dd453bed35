"""What Zoho calls the values of leads, contacts, accounts and notes, and of which of its data types each is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crmgraph.crm.errors import Path
from crmgraph.crm.models import (
    Account,
    AddressKind,
    Approval,
    Contact,
    EmailKind,
    Lead,
    Note,
    PartyKind,
    PhoneKind,
)
from crmgraph.crm.query.json_text import Pieces, members
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.slots import FIRST, SECOND
from crmgraph.dialects.zoho import codecs
from crmgraph.mapping import (
    Always,
    Codec,
    Computed,
    ExtraField,
    Field,
    FieldMap,
    Layout,
    Link,
    Own,
    Slot,
    Whole,
    linked,
)
from crmgraph.mapping.printing.layouts import Printed
from crmgraph.mapping.printing.words import Printing

DIALECT = "zoho"
CURRENCY_SYMBOL = "$"


@dataclass(frozen=True, slots=True)
class Typed:
    """A field, and what `settings/fields` tells of it.

    Attributes:
        type: Zoho's `data_type`.
        mandatory: whether no record is without it.
        module: of a lookup: the module of the records that it names.
    """

    field: Field
    type: str
    mandatory: bool = False
    module: str | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """A module that holds records.

    Attributes:
        name: its `api_name`, as it stands in addresses.
        unique: the field that tells by default whether a record exists already, when records are upserted.
    """

    name: str
    singular: str
    kind: PartyKind
    unique: str
    typed: tuple[Typed, ...]
    fields: FieldMap
    layout: Layout
    printed: Printed

    @property
    def types(self) -> Mapping[str, str]:
        """{api_name: data_type}."""
        return {one.field.name: one.type for one in self.typed}

    def name_of(self, path: Path) -> str | None:
        """The field of a column that a request has left out; None when no field has it."""
        return next((f.name for f in self.fields.fields if path and getattr(f.at, "key", None) == path[0]), None)


_CODECS: dict[str, Codec] = {
    "text": codecs.TEXT,
    "textarea": codecs.TEXT,
    "email": codecs.TEXT,
    "phone": codecs.TEXT,
    "website": codecs.TEXT,
    "picklist": codecs.TEXT,
    "boolean": codecs.BOOLEAN,
    "integer": codecs.INTEGER,
    "currency": codecs.AMOUNT,
    "date": codecs.DATE,
    "datetime": codecs.MOMENT,
    "lookup": codecs.LOOKUP,
    "ownerlookup": codecs.USER,
}


def _field(name: str, at: Any, kind: str = "text", *, aliases: tuple[str, ...] = (), mandatory: bool = False) -> Typed:
    return Typed(Field(name, at, _CODECS[kind], aliases), kind, mandatory)


def _shown(name: str, at: Any, kind: str = "text", codec: Codec | None = None) -> Typed:
    """A field that no request changes."""
    return Typed(Field(name, at, codec or _CODECS.get(kind, Codec()), writable=False), kind)


def _lookup(name: str, column: Any, module: str, *aliases: str) -> Typed:
    return Typed(Field(name, Link(column, "party", "record"), codecs.LOOKUP, aliases), "lookup", module=module)


def _user(name: str, column: Any) -> Typed:
    return Typed(Field(name, Link(column, "staff", "user"), codecs.USER, writable=False), "ownerlookup")


def _owner(column: Any) -> Typed:
    """Every record has an owner there: the employee as whom the caller acts, where nobody owns it."""
    return Typed(Field("Owner", Link(column, "staff", "user", actor_by_default=True), codecs.USER), "ownerlookup")


def _always(name: str, value: Any, kind: str) -> Typed:
    """What Zoho tells of every record and nothing here changes."""
    return Typed(Field(name, Always(value), writable=False), kind)


def _phone(name: str, kind: PhoneKind) -> Typed:
    return _field(name, Slot("phones", "raw", kind), "phone")


def _email(name: str, slot: str) -> Typed:
    return _field(name, Slot("emails", "address", slot, EmailKind.BUSINESS), "email")


def _address(prefix: str, code: str, kind: AddressKind, slot: str | None = None) -> Iterable[Typed]:
    for name, column in (
        ("Street", "street"),
        ("City", "city"),
        ("State", "state"),
        (code, "postal_code"),
        ("Country", "country_name"),
    ):
        yield _field(prefix + name, Slot("addresses", column, slot or kind, kind))


def _person(model: Any) -> Iterable[Typed]:
    yield _field("Salutation", model.salutation, "picklist")
    yield _field("First_Name", model.first_name)
    yield _field("Last_Name", model.last_name, mandatory=True)
    yield _shown("Full_Name", _FULL_NAME)


def _record(model: Any) -> Iterable[Typed]:
    """What records of every module have."""
    yield _owner(model.owner_id)
    yield _field("Description", model.description, "textarea")
    yield Typed(Field("Tag", ExtraField("Tag"), codecs.TAGS), "text")
    yield Typed(Field("Layout", ExtraField("Layout"), codecs.KEPT_LOOKUP), "bigint")
    yield _shown("Record_Image", _IMAGE)
    yield _shown("Last_Activity_Time", model.updated_at, "datetime")
    yield _user("Created_By", model.created_by_id)
    yield _user("Modified_By", model.modified_by_id)
    yield _shown("Created_Time", model.created_at, "datetime")
    yield _shown("Modified_Time", model.updated_at, "datetime")
    yield _shown("id", Own(), "bigint")
    is_lead = model is Lead  # nothing else is approved
    yield _shown("$approved", _APPROVED if is_lead else Always(True), "boolean", Codec())
    yield _shown("$approval_state", _APPROVAL_STATE if is_lead else Always("approved"), "text", Codec())
    for name, value, kind in _STATE:
        yield _always(name, value, kind)


_NO_APPROVAL = {"delegate": False, "approve": False, "reject": False, "resubmit": False}
_NO_REVIEW = {"approve": False, "reject": False, "resubmit": False}
_STATE: tuple[tuple[str, Any, str], ...] = (
    ("$editable", True, "boolean"),
    ("$currency_symbol", CURRENCY_SYMBOL, "text"),
    ("$field_states", None, "jsonobject"),
    ("$state", "save", "text"),
    ("$process_flow", False, "boolean"),
    ("$approval", _NO_APPROVAL, "jsonobject"),
    ("$data_source_details", {}, "jsonobject"),
    ("$review_process", _NO_REVIEW, "jsonobject"),
    ("$canvas_id", None, "text"),
    ("$review", None, "jsonobject"),
    ("$orchestration", False, "boolean"),
    ("$stop_processing", False, "boolean"),
    ("$in_merge", False, "boolean"),
)
"""What the sample of Zoho's page "Get Records" of version 2 has of every record: nothing of it happens here."""


_FULL_NAME = Computed(
    lambda thing, _: codecs.full_name(thing.record),
    "first_name last_name",
    lambda write, c: [write.quoted(write.words(c.first_name, c.last_name))],
)
_IMAGE = Computed(
    lambda thing, _: thing.photo.key if thing.photo else None,
    "photo",
    lambda write, c: [write.json(write.of_photo(c, "key"))],
)


def _approved(thing: Any, _: Any) -> bool:
    return thing.record.approval is Approval.APPROVED


_APPROVED = Computed(
    _approved,
    "approval",
    lambda write, c: [write.either(write.holds(c.approval, Approval.APPROVED), "true", "false")],
)
_APPROVAL_STATE = Computed(
    lambda thing, around: "approved" if _approved(thing, around) else "approval_process_pending",
    "",
    lambda write, c: [
        write.either(write.holds(c.approval, Approval.APPROVED), '"approved"', '"approval_process_pending"')
    ],
)
_CONVERTED = Computed(
    lambda thing, _: thing.record.converted_at is not None,
    "converted_at",
    lambda write, c: [write.either(c.converted_at.is_(None), "false", "true")],
)
_BECAME = {"contact": Lead.converted_contact_id, "account": Lead.converted_account_id}


def _converted_detail(thing: Any, around: EncodingContext) -> dict[str, str | None]:
    """The ids of what a lead has become."""
    if thing.record.converted_at is None:
        return {}
    links = {name: linked(around, "party", getattr(thing.record, column.key)) for name, column in _BECAME.items()}
    return {"deal": None} | {name: link.external_id if link is not None else None for name, link in links.items()}


def _converted_detail_sql(write: Printing, c: Any) -> Pieces:
    ids: list[tuple[str, Pieces]] = [
        (name, [write.json(write.linked(column, c, lambda link: [link.external_id]))])
        for name, column in _BECAME.items()
    ]
    return [write.either(c.converted_at.is_(None), "{}", members([("deal", ["null"]), *ids]))]


_LEADS = (
    *_person(Lead),
    _field("Company", Lead.company),
    _field("Designation", Lead.job_title),
    _email("Email", FIRST),
    _email("Secondary_Email", SECOND),
    _phone("Phone", PhoneKind.LANDLINE),
    _phone("Mobile", PhoneKind.MOBILE),
    _phone("Fax", PhoneKind.FAX),
    _field("Website", Lead.website, "website"),
    _field("Lead_Source", Lead.source, "picklist"),
    _field("Lead_Status", Lead.status, "picklist"),
    _field("Industry", Lead.industry, "picklist"),
    _field("Rating", Lead.rating, "picklist"),
    _field("No_of_Employees", Lead.employees, "integer"),
    _field("Annual_Revenue", Lead.annual_revenue, "currency"),
    _field("Email_Opt_Out", Lead.email_opt_out, "boolean"),
    _field("Skype_ID", Lead.skype),
    _field("Twitter", Lead.twitter),
    *_address("", "Zip_Code", AddressKind.BUSINESS, FIRST),
    _shown("Is_Record_Duplicate", Always(False), "boolean", Codec()),
    _shown("Converted_Date_Time", Lead.converted_at, "datetime"),
    _shown("$converted", _CONVERTED, "boolean", Codec()),
    _shown("$converted_detail", Computed(_converted_detail, "", _converted_detail_sql), "jsonobject"),
    *_record(Lead),
)

_CONTACTS = (
    *_person(Contact),
    _lookup("Account_Name", Contact.account_id, "Accounts"),
    Typed(Field("Vendor_Name", ExtraField("Vendor_Name"), codecs.KEPT_LOOKUP), "text"),
    _lookup("Reporting_To", Contact.reports_to_id, "Contacts", "Reports_To", "Reports_To_Name"),
    _field("Title", Contact.job_title),
    _field("Department", Contact.department),
    _email("Email", FIRST),
    _email("Secondary_Email", SECOND),
    _phone("Phone", PhoneKind.LANDLINE),
    _phone("Mobile", PhoneKind.MOBILE),
    _phone("Home_Phone", PhoneKind.HOME),
    _phone("Other_Phone", PhoneKind.OTHER),
    _phone("Fax", PhoneKind.FAX),
    _field("Assistant", Contact.assistant),
    _phone("Asst_Phone", PhoneKind.ASSISTANT),
    _field("Date_of_Birth", Whole((Contact.birth_year, Contact.birth_month, Contact.birth_day)), "date"),
    _field("Lead_Source", Contact.source, "picklist"),
    _field("Email_Opt_Out", Contact.email_opt_out, "boolean"),
    _field("Skype_ID", Contact.skype),
    _field("Twitter", Contact.twitter),
    *_address("Mailing_", "Zip", AddressKind.BUSINESS, FIRST),
    *_address("Other_", "Zip", AddressKind.OTHER, SECOND),
    _shown("Is_Record_Duplicate", Always(False), "boolean", Codec()),
    *_record(Contact),
)

_ACCOUNTS = (
    _field("Account_Name", Account.name, mandatory=True),
    Typed(Field("Account_Number", ExtraField("Account_Number"), codecs.INTEGER), "bigint"),
    _field("Account_Site", Account.site),
    _field("Account_Type", Account.account_type, "picklist"),
    _lookup("Parent_Account", Account.parent_id, "Accounts"),
    _field("Industry", Account.industry, "picklist"),
    _field("Ownership", Account.ownership, "picklist"),
    _field("Rating", Account.rating, "picklist"),
    _field("Employees", Account.employees, "integer"),
    _field("Annual_Revenue", Account.annual_revenue, "currency"),
    Typed(Field("SIC_Code", Account.sic_code, codecs.DIGITS), "integer"),
    _field("Ticker_Symbol", Account.ticker_symbol),
    _field("Website", Account.website, "website"),
    _phone("Phone", PhoneKind.LANDLINE),
    _phone("Fax", PhoneKind.FAX),
    *_address("Billing_", "Code", AddressKind.BILLING),
    *_address("Shipping_", "Code", AddressKind.SHIPPING),
    *_record(Account),
)


def _module(name: str, singular: str, model: Any, kind: PartyKind, unique: str, typed: tuple[Typed, ...]) -> Module:
    fields = FieldMap(DIALECT, model, [one.field for one in typed])
    layout = fields.layout(others=True)
    return Module(name, singular, kind, unique, typed, fields, layout, Printed(layout))


MODULES: dict[str, Module] = {
    module.name: module
    for module in (
        _module("Leads", "Lead", Lead, PartyKind.LEAD, "Email", _LEADS),
        _module("Contacts", "Contact", Contact, PartyKind.CONTACT, "Email", _CONTACTS),
        _module("Accounts", "Account", Account, PartyKind.ACCOUNT, "Account_Name", _ACCOUNTS),
    )
}
"""{api_name: the module}."""

_ANY_CASE = {name.lower(): name for name in (*MODULES, "Notes")}


def canonical(name: str) -> str:
    """A module's `api_name`, whatever its case: several clients know no upper case. Anything else as it is."""
    return _ANY_CASE.get(name.lower(), name)


OF_KIND: dict[PartyKind, Module] = {module.kind: module for module in MODULES.values()}


def note_id(note: Note) -> str:
    """What a note is called here: as in the Zoho that it was read from, else by our id."""
    called = note.external_id if note.dialect == DIALECT else None
    return called or str(note.id)


NOTES = (
    _field("Note_Title", Note.title),
    _field("Note_Content", Note.content, "textarea", mandatory=True),
    _owner(Note.owner_id),
    _user("Created_By", Note.created_by_id),
    _user("Modified_By", Note.modified_by_id),
    _shown("Created_Time", Note.created_at, "datetime"),
    _shown("Modified_Time", Note.updated_at, "datetime"),
    _shown("id", Computed(lambda note, _: note_id(note)), "bigint"),
)
"""The fields of notes. Their record, `Parent_Id` and `$se_module`, is printed beside them."""

NOTE_FIELDS = FieldMap(DIALECT, Note, [one.field for one in NOTES], unknown=False)
NOTE_LAYOUT = NOTE_FIELDS.layout()

ELSEWHERE = frozenset(
    {
        "Deals", "Campaigns", "Tasks", "Events", "Calls", "Cases", "Solutions", "Products", "Vendors", "Price_Books",
        "Quotes", "Sales_Orders", "Purchase_Orders", "Invoices", "Attachments", "Activities",
    }
)  # fmt: skip
"""Zoho's modules of which this store keeps nothing: whoever asks for their fields is told that there are none."""

EXPECTED = {"currency": "double", "lookup": "jsonobject", "ownerlookup": "jsonobject", "bigint": "long"}
"""What a refusal calls a data type, where that is another word."""
