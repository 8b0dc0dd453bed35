"""SuiteCRM, and SugarCRM before it: lists as they are exported (include/export_utils.php).

Delimiter, format of dates, separators and charset are the user's.
"""

from crmgraph.imports.formats.model import Format, Layout, address, headers

_PLACE = {"street": "Street", "city": "City", "state": "State", "postalCode": "Postal Code", "countryName": "Country"}
_COMMON = {
    "ID": "id",
    "Assigned To Name": "owner",
    "Assigned To ID": "drop",
    "Assigned User Name": "owner",
    "Date Created": "created",
    "Date Modified": "updated",
    "Created By ID": "drop",
    "Modified By ID": "drop",
    "Deleted": "deleted",
    "Description": "description",
    "Email Address": "email BUSINESS",
    "Non Primary E-mails": "email BUSINESS",
}
_PERSON = {
    "Salutation": "salutation",
    "First Name": "firstName",
    "Last Name": "lastName",
    "Full Name": "name",
    "Title": "jobTitle",
    "Office Phone": "phone LANDLINE",
    "Mobile": "phone MOBILE",
    "Home": "phone HOME",
    "Other Phone": "phone OTHER",
    "Fax": "phone FAX",
    "Lead Source": "source",
    **address("BUSINESS", "Primary Address ", **_PLACE),
    **address("OTHER", "Alternate Address ", **_PLACE),
}
CONTACTS = {
    **_COMMON,
    **_PERSON,
    "Assistant Phone": "phone ASSISTANT",
    "Department": "department",
    "Assistant": "assistant",
    "Account ID": "account.id",
    "Account Name": "account",
    "Reports To ID": "reportsTo.id",
    "Reports To": "drop",
    "Birthdate": "birthDate",
    "Do Not Call": "doNotCall",
    "Topics": "keep ,",
}
ACCOUNTS = {
    **_COMMON,
    "Name": "name",
    "Website": "website",
    "Type": "accountType",
    "Industry": "industry",
    "Annual Revenue": "annualRevenue",
    "Employees": "employees",
    "Ownership": "ownership",
    "Rating": "rating",
    "SIC Code": "sicCode",
    "Ticker Symbol": "tickerSymbol",
    "Parent Account ID": "parent.id",
    "Office Phone": "phone LANDLINE",
    "Alternate Phone": "phone OTHER",
    "Fax": "phone FAX",
    **address("BILLING", "Billing ", **_PLACE),
    **address("SHIPPING", "Shipping ", **_PLACE),
}
LEADS = {
    **_COMMON,
    **_PERSON,
    "Account Name": "company",
    "Status": "status",
    "Website": "website",
    "Converted": "converted",
    "Contact ID": "converted.to",
}

SUITECRM = Format(
    "SUITECRM_CSV",
    "suitecrm",
    "SUITECRM",
    (
        Layout("LEAD", LEADS, "Leads", (headers("ID|Last Name|Converted|Assigned To Name"),)),
        Layout(
            "CONTACT",
            CONTACTS,
            "Contacts",
            (headers("ID|Last Name|Assigned To Name"), headers("ID|Last Name|Non Primary E-mails")),
        ),
        Layout(
            "ACCOUNT",
            ACCOUNTS,
            "Accounts",
            (headers("ID|Name|Billing Street|Assigned To Name"), headers("ID|Name|Non Primary E-mails")),
        ),
    ),
    decimal=None,
    iso=False,
    ansi=True,
)
