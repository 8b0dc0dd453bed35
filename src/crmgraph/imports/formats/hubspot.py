"""HubSpot: contacts and companies as they are exported."""

from crmgraph.imports.formats.model import Format, Layout, address, headers

_PLACE = {
    "street": "Street Address",
    "city": "City",
    "state": "State/Region",
    "postalCode": "Postal Code",
    "countryName": "Country/Region",
}
_BASIS = "Legal basis for processing contact's data"
CONTACTS = {
    "Record ID": "id",
    "First Name": "firstName",
    "Last Name": "lastName",
    "Email": "email BUSINESS",
    "Additional email addresses": "email BUSINESS",
    "Phone Number": "phone LANDLINE",
    "Mobile Phone Number": "phone MOBILE",
    "Fax Number": "phone FAX",
    "Contact owner": "owner",
    "Job Title": "jobTitle",
    "Salutation": "salutation",
    "Gender": "gender",
    "Preferred language": "language",
    "Company Name": "keep",
    "Associated Company": "companies.names",
    "Associated Company IDs": "companies.ids",
    "Associated Company IDs (Primary)": "account.id",
    "Lifecycle Stage": "lifeCycleState",
    "Unsubscribed from all email": "emailOptOut",
    _BASIS: "choice",
    **address("BUSINESS", "", **_PLACE),
    "Create Date": "created",
    "Last Modified Date": "updated",
}
COMPANIES = {
    "Record ID": "id",
    "Company name": "name",
    "Company Domain Name": "keep",
    "Website URL": "website",
    "Phone Number": "phone LANDLINE",
    "Company owner": "owner",
    "Industry": "industry",
    "Type": "accountType",
    "Description": "description",
    "Number of Employees": "employees",
    "Annual Revenue": "annualRevenue",
    "Parent Company": "parent",
    "Parent Company ID": "parent.id",
    **address("BILLING", "", **_PLACE),
    "Create Date": "created",
    "Last Modified Date": "updated",
}

HUBSPOT = Format(
    "HUBSPOT_CSV",
    "hubspot",
    "HUBSPOT",
    (
        Layout(
            "ACCOUNT",
            COMPANIES,
            "company",
            (headers("Record ID|Company name|Company owner"), headers("Record ID|Company name|Company Domain Name")),
        ),
        Layout(
            "CONTACT",
            CONTACTS,
            "contact",
            (
                headers("Record ID|Lifecycle Stage"),
                headers("Record ID|Contact owner"),
                headers("Record ID|Associated Company IDs"),
            ),
            choices={_BASIS: {"freely given consent from contact": {"directMarketing": True}}},
        ),
    ),
    keep_parted=";",
    ends=("companies",),
)
