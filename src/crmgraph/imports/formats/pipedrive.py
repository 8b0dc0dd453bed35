"""Pipedrive: people and organizations as they are exported, as a table of text or a workbook."""

from crmgraph.imports.formats.model import Format, Layout, headers

PEOPLE = {
    "Person - ID": "id",
    "Person - Name": "name",
    "Person - First name": "firstName",
    "Person - Last name": "lastName",
    "Person - Organization": "account",
    "Person - Organization ID": "account.id",
    "Organization - ID": "account.id",
    "Organization - Name": "account",
    "Person - Phone": "phone LANDLINE",
    "Person - Phone - Work": "phone LANDLINE",
    "Person - Phone - Home": "phone HOME",
    "Person - Phone - Mobile": "phone MOBILE",
    "Person - Phone - Other": "phone OTHER",
    "Person - Email": "email BUSINESS",
    "Person - Email - Work": "email BUSINESS",
    "Person - Email - Home": "email PERSONAL",
    "Person - Email - Other": "email BUSINESS",
    "Person - Owner": "owner",
    "Person - Marketing status": "choice",
    "Person - Job title": "jobTitle",
    "Person - Birthday": "birthDate",
    "Person - Postal address": "address BUSINESS street",
    "Person - Street/road name of Postal address": "drop",
    "Person - City/town/village/locality of Postal address": "address BUSINESS city",
    "Person - State/county of Postal address": "address BUSINESS state",
    "Person - Country of Postal address": "address BUSINESS countryName",
    "Person - Zip/postal code of Postal address": "address BUSINESS postalCode",
    "Person - Person created": "created",
    "Person - Update time": "updated",
    "Person - Notes": "description",
    "Person - Label": "keep ,",
    "Person - Labels": "keep ,",
}
ORGANIZATIONS = {
    "Organization - ID": "id",
    "Organization - Name": "name",
    "Organization - Owner": "owner",
    "Organization - Address": "address BILLING street",
    "Organization - City/town/village/locality of Address": "address BILLING city",
    "Organization - Country of Address": "address BILLING countryName",
    "Organization - Zip/postal code of Address": "address BILLING postalCode",
    "Organization - Website": "website",
    "Organization - Industry": "industry",
    "Organization - Number of employees": "employees",
    "Organization - Annual revenue": "annualRevenue",
    "Organization - Organization created": "created",
    "Organization - Update time": "updated",
    "Organization - Label": "keep ,",
    "Organization - Labels": "keep ,",
}

PIPEDRIVE = Format(
    "PIPEDRIVE",
    "pipedrive",
    "PIPEDRIVE",
    (
        Layout(
            "CONTACT",
            PEOPLE,
            "person",
            (headers("Person - Name"), headers("Person - ID")),
            choices={
                "Person - Marketing status": {
                    "subscribed": {"directMarketing": True},
                    "unsubscribed": {"emailOptOut": True, "directMarketing": False},
                }
            },
        ),
        Layout("ACCOUNT", ORGANIZATIONS, "organization", (headers("Organization - ID|Organization - Name"),)),
    ),
)
