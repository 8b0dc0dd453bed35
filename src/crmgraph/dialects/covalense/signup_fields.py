"""What a signup calls its values: one request, which is a contact, an account and an order."""

from crmgraph.crm.models import Account, Contact, EmailKind, PhoneKind
from crmgraph.crm.records.slots import FIRST
from crmgraph.dialects.covalense.codecs import TEXT, USER, printed_id
from crmgraph.dialects.covalense.places import DIALECT, billing, email, mailing, phone
from crmgraph.mapping import ExtraField, Field, FieldMap, Link, loosely

PERSON_SIGNING_UP = FieldMap(
    DIALECT,
    Contact,
    [
        Field("Title", Contact.salutation, TEXT),
        Field("FirstName", Contact.first_name, TEXT),
        Field("MiddleName", Contact.middle_name, TEXT),
        Field("LastName", Contact.last_name, TEXT),
        phone("Phone", PhoneKind.LANDLINE),
        phone("MobilePhone", PhoneKind.MOBILE),
        Field("Gender", Contact.gender, TEXT),
        Field("Department", Contact.department, TEXT),
        Field("Designation", Contact.job_title, TEXT),
        email("EmailAddress", FIRST, EmailKind.PERSONAL),
        mailing("StreetAddress", "street"),
        mailing("City", "city"),
        mailing("PostalCode", "postal_code"),
        mailing("State", "state"),
        mailing("Country", "country_name"),
    ],
    key=loosely,
    unknown=False,
)
"""Of a signup, `acctInfo` and `addressInfo` together: what is the contact's."""

ACCOUNT_SIGNING_UP = FieldMap(
    DIALECT,
    Account,
    [
        Field("CompanyName", Account.name, TEXT),
        phone("Phone", PhoneKind.LANDLINE),
        email("EmailAddress", FIRST, EmailKind.BUSINESS),
        Field("DocIdNumberMsgId", ExtraField("docidnumbermsgid"), TEXT),
        Field("DocIdTypeEquipType", ExtraField("docidtypeequiptype"), TEXT),
        Field("Platform", Account.platform, TEXT),
        billing("StreetAddress", "street"),
        billing("City", "city"),
        billing("PostalCode", "postal_code"),
        billing("State", "state"),
        billing("Country", "country_name"),
    ],
    key=loosely,
    unknown=False,
)
"""Of a signup, what is the account's."""

OWNER_SIGNING_UP = FieldMap(
    DIALECT, Contact, [Field("AssignedUserId", Link(Contact.owner_id, "staff", "user"), printed_id(USER))],
    key=loosely, unknown=False,
)  # fmt: skip
"""Of a signup, who of the staff is to own it."""
