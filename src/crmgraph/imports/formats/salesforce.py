"""Salesforce: the archive of the weekly export and files of Data Loader, which have names of the API; and reports."""

from crmgraph.imports.formats.model import Format, Layout, address, headers

_PLACE = {"street": "Street", "city": "City", "state": "State", "postalCode": "PostalCode", "countryName": "Country"}
_LABELS = {
    "street": "Street",
    "city": "City",
    "state": "State/Province",
    "postalCode": "Zip/Postal Code",
    "countryName": "Country",
}
_COMMON = {
    "Id": "id",
    "IsDeleted": "deleted",
    "MasterRecordId": "master",
    "OwnerId": "owner.id",
    "CreatedDate": "created",
    "LastModifiedDate": "updated",
    "CreatedById": "drop",
    "LastModifiedById": "drop",
    "SystemModstamp": "drop",
    "PhotoUrl": "drop",
    "Description": "description",
    "Phone": "phone LANDLINE",
    "Fax": "phone FAX",
}
_PERSON = {
    "Salutation": "salutation",
    "FirstName": "firstName",
    "MiddleName": "middleName",
    "LastName": "lastName",
    "Name": "drop",
    "Title": "jobTitle",
    "Email": "email BUSINESS",
    "MobilePhone": "phone MOBILE",
    "LeadSource": "source",
    "HasOptedOutOfEmail": "emailOptOut",
    "HasOptedOutOfFax": "flag",
    "DoNotCall": "doNotCall",
}
_BOOKED = {
    "Industry": "industry",
    "AnnualRevenue": "annualRevenue",
    "NumberOfEmployees": "employees",
    "Rating": "rating",
    "Website": "website",
}
CONTACTS = {
    **_COMMON,
    **_PERSON,
    "AccountId": "account.id",
    "ReportsToId": "reportsTo.id",
    "HomePhone": "phone HOME",
    "OtherPhone": "phone OTHER",
    "AssistantPhone": "phone ASSISTANT",
    "Department": "department",
    "AssistantName": "assistant",
    "Birthdate": "birthDate",
    **address("BUSINESS", "Mailing", **_PLACE),
    **address("OTHER", "Other", **_PLACE),
}
ACCOUNTS = {
    **_COMMON,
    **_BOOKED,
    "Name": "name",
    "Type": "accountType",
    "ParentId": "parent.id",
    "AccountNumber": "keep",
    "Sic": "sicCode",
    "TickerSymbol": "tickerSymbol",
    "Site": "site",
    "Ownership": "ownership",
    **address("BILLING", "Billing", **_PLACE),
    **address("SHIPPING", "Shipping", **_PLACE),
}
LEADS = {
    **_COMMON,
    **_PERSON,
    **_BOOKED,
    "Company": "company",
    "Status": "status",
    "IsConverted": "converted",
    "ConvertedContactId": "converted.to",
    "ConvertedAccountId": "drop",
    "ConvertedDate": "drop",
    **address("BUSINESS", "", **_PLACE),
}
USERS = {"Id": "user.id", "Name": "user.name", "Email": "user.email"}

EXPORT = Format(
    "SALESFORCE_EXPORT",
    "salesforce",
    "SALESFORCE",
    (
        Layout("STAFF", USERS, member=r"User\.csv"),
        Layout(
            "ACCOUNT",
            ACCOUNTS,
            "Account",
            (headers("Id|IsDeleted|Name|ParentId|OwnerId"), headers("Id|Name|BillingCity|OwnerId")),
            r"Account\.csv",
        ),
        Layout(
            "LEAD",
            LEADS,
            "Lead",
            (headers("Id|LastName|Company|IsConverted"), headers("Id|LastName|Company|Status|OwnerId")),
            r"Lead\.csv",
        ),
        Layout(
            "CONTACT",
            CONTACTS,
            "Contact",
            (headers("Id|LastName|AccountId|IsDeleted"), headers("Id|LastName|AccountId|OwnerId")),
            r"Contact\.csv",
        ),
    ),
    utc=True,
    ansi=True,
    keep_parted=";",
    case_held=True,
    container="zip",
)

_REPORT_PERSON = {
    "Salutation": "salutation",
    "First Name": "firstName",
    "Middle Name": "middleName",
    "Last Name": "lastName",
    "Title": "jobTitle",
    "Email": "email BUSINESS",
    "Phone": "phone LANDLINE",
    "Mobile": "phone MOBILE",
    "Home Phone": "phone HOME",
    "Other Phone": "phone OTHER",
    "Asst. Phone": "phone ASSISTANT",
    "Fax": "phone FAX",
    "Lead Source": "source",
    "Email Opt Out": "emailOptOut",
    "Do Not Call": "doNotCall",
}
_REPORT_COMMON = {"Created Date": "created", "Last Modified Date": "updated", "Last Activity": "drop"}
REPORT_CONTACTS = {
    **_REPORT_COMMON,
    "Contact ID": "id",
    **_REPORT_PERSON,
    "Contact Owner": "owner",
    "Department": "department",
    "Assistant": "assistant",
    "Birthdate": "birthDate",
    "Account ID": "account.id",
    "Account Name": "account",
    "Reports To": "reportsTo",
    **address("BUSINESS", "Mailing ", **_LABELS),
    **address("OTHER", "Other ", **_LABELS),
}
REPORT_ACCOUNTS = {
    **_REPORT_COMMON,
    "Account ID": "id",
    "Account Name": "name",
    "Account Owner": "owner",
    "Account Site": "site",
    "Type": "accountType",
    "Parent Account ID": "parent.id",
    "Parent Account": "parent",
    "Phone": "phone LANDLINE",
    "Fax": "phone FAX",
    "Website": "website",
    "Industry": "industry",
    "Annual Revenue": "annualRevenue",
    "Employees": "employees",
    "Rating": "rating",
    "Ownership": "ownership",
    "SIC Code": "sicCode",
    "Ticker Symbol": "tickerSymbol",
    **address("BILLING", "Billing ", **_LABELS),
    **address("SHIPPING", "Shipping ", **_LABELS),
}
REPORT = Format(
    "SALESFORCE_REPORT",
    "salesforce",
    "SALESFORCE",
    (
        Layout("CONTACT", REPORT_CONTACTS, "Contact", (headers("Contact ID|Last Name"),)),
        Layout("ACCOUNT", REPORT_ACCOUNTS, "Account", (headers("Account ID|Account Name|Account Owner"),)),
    ),
    decimal=None,
    iso=False,
    ansi=True,
    keep_parted=";",
    case_held=True,
)
