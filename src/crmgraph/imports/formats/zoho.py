"""Zoho CRM: the archive of a data backup, lists as they are exported, pages of its API.

https://help.zoho.com/portal/en/kb/crm/data-administration/data-backup has the archive; the names of the API are those
of docs/fields.md.
"""

from collections.abc import Mapping
from pathlib import Path

from crmgraph.imports.formats.model import Format, Layout, address, headers

_BOTH = {
    "Salutation": "salutation",
    "First Name": "firstName",
    "Last Name": "lastName",
    "Full Name": "name",
    "Title": "jobTitle",
    "Email": "email BUSINESS",
    "Secondary Email": "email BUSINESS",
    "Phone": "phone LANDLINE",
    "Mobile": "phone MOBILE",
    "Lead Source": "source",
    "Email Opt Out": "emailOptOut",
    "Skype ID": "skype",
    "Twitter": "twitter",
    "Description": "description",
}
_ALL = {
    "Record Id": "id",
    "Owner.id": "owner.id",
    "Created Time": "created",
    "Modified Time": "updated",
    "Tag": "keep ; always",
    "Layout": "keep",
    "Created By.id": "drop",
    "Created By": "drop",
    "Modified By.id": "drop",
    "Modified By": "drop",
    "Last Activity Time": "drop",
}
_BOOKED = {
    "Annual Revenue": "annualRevenue",
    "Industry": "industry",
    "Rating": "rating",
    "Website": "website",
    "Employees": "employees",
    "No. of Employees": "employees",
}
_PLACE = {"street": "Street", "city": "City", "state": "State", "countryName": "Country"}

CONTACTS = {
    **_ALL,
    "Contact Owner.id": "owner.id",
    "Contact Owner": "owner",
    **_BOTH,
    "Home Phone": "phone HOME",
    "Other Phone": "phone OTHER",
    "Fax": "phone FAX",
    "Asst Phone": "phone ASSISTANT",
    "Department": "department",
    "Assistant": "assistant",
    "Date of Birth": "birthDate",
    "Account Name.id": "account.id",
    "Account Name": "account",
    "Reporting To.id": "reportsTo.id",
    "Reporting To": "reportsTo",
    **address("BUSINESS", "Mailing ", **_PLACE, postalCode="Zip"),
    **address("OTHER", "Other ", **_PLACE, postalCode="Zip"),
}
ACCOUNTS = {
    **_ALL,
    "Account Owner.id": "owner.id",
    "Account Owner": "owner",
    "Account Name": "name",
    "Phone": "phone LANDLINE",
    "Fax": "phone FAX",
    "Account Number": "keep",
    "Account Site": "site",
    "Account Type": "accountType",
    "Parent Account.id": "parent.id",
    "Parent Account": "parent",
    "Ownership": "ownership",
    "SIC Code": "sicCode",
    "Ticker Symbol": "tickerSymbol",
    "Description": "description",
    **_BOOKED,
    **address("BILLING", "Billing ", **_PLACE, postalCode="Code"),
    **address("SHIPPING", "Shipping ", **_PLACE, postalCode="Code"),
}
LEADS = {
    **_ALL,
    "Lead Owner.id": "owner.id",
    "Lead Owner": "owner",
    **_BOTH,
    "Designation": "jobTitle",
    "Fax": "phone FAX",
    "Company": "company",
    "Lead Status": "status",
    **_BOOKED,
    **address("BUSINESS", "", **_PLACE, postalCode="Zip Code"),
    "Is Converted": "converted",
    "Converted Date Time": "drop",
    "Converted Contact.id": "converted.to",
    "Converted Account.id": "drop",
    "Converted Deal.id": "drop",
}
NOTES = {
    "Parent.id": "parent_record",
    "Parent Module": "parent_kind",
    "Note Title": "title",
    "Note Content": "content",
    "Note Owner.id": "owner.id",
    "Created Time": "created",
    "Modified Time": "drop",
}
USERS = {"id": "user.id", "First Name": "user.first", "Last Name": "user.last", "Email": "user.email"}

_LABELS = [line.split("\t") for line in Path(__file__).with_name("zoho_labels.tsv").read_text("utf-8").splitlines()[1:]]
"""What the labels are in other languages. They are the user's, who may have renamed any of them."""


def _in_all_languages(columns: Mapping[str, str]) -> dict[str, str]:
    found = dict(columns)
    for english, *others in _LABELS:
        if english in columns:
            found |= {label: columns[english] for label in others if label not in columns}
    return found


_MEMBERS = (
    Layout("STAFF", USERS, member=r"Users_\d{3}\.csv"),
    Layout("ACCOUNT", ACCOUNTS, "Accounts", member=r"Accounts_\d{3}\.csv"),
    Layout("CONTACT", CONTACTS, "Contacts", member=r"Contacts_\d{3}\.csv"),
    Layout("LEAD", LEADS, "Leads", member=r"Leads_\d{3}\.csv"),
    Layout("NOTE", NOTES, member=r"Notes_\d{3}\.csv"),
    Layout("FIELDS", {}, member=r"Fields_\d{3}\.csv"),
)
BACKUP = Format("ZOHO_BACKUP", "zoho", "ZOHO", _MEMBERS, prefix="zcrm_", container="zip")
LIST = Format(
    "ZOHO_LIST",
    "zoho",
    "ZOHO",
    (
        Layout(
            "ACCOUNT", _in_all_languages(ACCOUNTS), "Accounts", (headers("Record Id|Account Owner.id|Account Name"),)
        ),
        Layout("CONTACT", _in_all_languages(CONTACTS), "Contacts", (headers("Record Id|Contact Owner.id|Last Name"),)),
        Layout("LEAD", _in_all_languages(LEADS), "Leads", (headers("Record Id|Lead Owner.id|Last Name"),)),
    ),
    prefix="zcrm_",
    iso=False,
    id_form=r"zcrm_\d+",
)
