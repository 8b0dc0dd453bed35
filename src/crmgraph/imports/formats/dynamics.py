"""Microsoft Dynamics 365: workbooks as they are exported, whose first three columns are hidden."""

from crmgraph.imports.formats.model import Format, Layout, headers

_COMMON = {
    "(Do Not Modify) Row Checksum": "drop",
    "(Do Not Modify) Modified On": "updated",
    "Created On": "created",
    "Modified On": "drop",
    "Owner": "owner",
    "Status": "dynamics_status",
    "Status Reason": "keep",
    "Description": "description",
    "Fax": "phone FAX",
    "Do not allow Emails": "choice",
    "Do not allow Bulk Emails": "choice",
    "Do not allow Phone Calls": "choice",
    "Email": "choice",
    "Bulk Emails": "choice",
    "Phone Calls": "choice",
}
_ALLOWED = {
    "do not allow": {"emailOptOut": True},
    "allow": {},
}
_CALLS = {"do not allow": {"doNotCall": True}, "allow": {}}
_BULK = {"do not allow": {"directMarketing": False}, "allow": {}}
CHOICES = {
    "Do not allow Emails": _ALLOWED,
    "Email": _ALLOWED,
    "Do not allow Bulk Emails": _BULK,
    "Bulk Emails": _BULK,
    "Do not allow Phone Calls": _CALLS,
    "Phone Calls": _CALLS,
}


def _address(kind: str) -> dict[str, str]:
    parts = {
        "Address 1: Street 1": "street",
        "Address 1: Street 2": "street",
        "Address 1: Street 3": "street",
        "Address 1: City": "city",
        "Address 1: State/Province": "state",
        "Address 1: ZIP/Postal Code": "postalCode",
        "Address 1: Country/Region": "countryName",
    }
    return {header: f"address {kind} {part}" for header, part in parts.items()}


_PERSON = {
    "Full Name": "name",
    "Salutation": "salutation",
    "First Name": "firstName",
    "Middle Name": "middleName",
    "Last Name": "lastName",
    "Job Title": "jobTitle",
    "Business Phone": "phone LANDLINE",
    "Mobile Phone": "phone MOBILE",
    "Home Phone": "phone HOME",
    "E-mail": "email BUSINESS",
    "Email Address": "email BUSINESS",
    "Email Address 2": "email BUSINESS",
    **_address("BUSINESS"),
}
CONTACTS = {
    **_COMMON,
    "(Do Not Modify) Contact": "id",
    **_PERSON,
    "Company Name": "account",
    "Department": "department",
    "Birthday": "birthDate",
    "Gender": "gender",
    "Manager": "reportsTo",
    "Assistant": "assistant",
    "Assistant Phone": "phone ASSISTANT",
}
ACCOUNTS = {
    **_COMMON,
    "(Do Not Modify) Account": "id",
    "Account Name": "name",
    "Account Number": "keep",
    "Main Phone": "phone LANDLINE",
    "Other Phone": "phone OTHER",
    "E-mail": "email BUSINESS",
    "Website": "website",
    "Parent Account": "parent",
    "Industry": "industry",
    "SIC Code": "sicCode",
    "Ticker Symbol": "tickerSymbol",
    "Ownership": "ownership",
    "Number of Employees": "employees",
    "Annual Revenue": "annualRevenue",
    **_address("BILLING"),
}
LEADS = {
    **_COMMON,
    "(Do Not Modify) Lead": "id",
    **_PERSON,
    "Name": "name",
    "Subject": "keep",
    "Topic": "keep",
    "Company Name": "company",
    "Lead Source": "source",
    "Rating": "rating",
    "Industry": "industry",
    "Website": "website",
    "No. of Employees": "employees",
    "Annual Revenue": "annualRevenue",
}

DYNAMICS = Format(
    "DYNAMICS",
    "dynamics",
    "DYNAMICS",
    (
        Layout("CONTACT", CONTACTS, "contact", (headers("(Do Not Modify) Contact"),), choices=CHOICES),
        Layout("ACCOUNT", ACCOUNTS, "account", (headers("(Do Not Modify) Account"),), choices=CHOICES),
        Layout("LEAD", LEADS, "lead", (headers("(Do Not Modify) Lead"),), choices=CHOICES),
    ),
    iso=False,
)
