"""Lists of JSON: pages of Zoho's API and lists of Valomnia's, whose keys are those of docs/fields.md.

A look-up is an object: its name is told under its own key, its other values under `key.id`, `key.email` and so on.
"""

from collections.abc import Mapping

from crmgraph.imports.formats import zoho
from crmgraph.imports.formats.model import Format, Layout

_REST = {"Record Id": "id", "No. of Employees": "No_of_Employees"}
_LOOKUPS = {
    "Owner": "owner",
    "Owner.id": "owner.id",
    "Owner.email": "owner",
    "Created_By.id": "drop",
    "Created_By.email": "drop",
    "Modified_By": "drop",
    "Modified_By.id": "drop",
    "Modified_By.email": "drop",
    "Record_Image": "photo_address",
    "Converted_Detail": "drop",
}


def _api(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns of a backup, by the names of the API."""
    return {_REST.get(label, label.replace(" ", "_")): target for label, target in columns.items()} | _LOOKUPS


ZOHO = Format(
    "ZOHO_REST",
    "zoho",
    "ZOHO",
    (
        Layout("ACCOUNT", _api(zoho.ACCOUNTS), "Accounts"),
        Layout("CONTACT", _api(zoho.CONTACTS), "Contacts"),
        Layout("LEAD", _api(zoho.LEADS), "Leads"),
    ),
    formulas=False,
)

CONTACTS = {
    "id": "id",
    "customer.id": "account.id",
    "customer": "account",
    "customer.reference": "account_number",
    "customer.href": "drop",
    "customerReference": "drop",
    "firstName": "firstName",
    "lastName": "lastName",
    "phone": "phone LANDLINE",
    "mobile": "phone MOBILE",
    "phone2": "phone OTHER",
    "fax": "phone FAX",
    "email": "email BUSINESS",
    "fonction": "jobTitle",
    "comment": "description",
    "isDecisionMaker": "decisionMaker",
    "address": "address BUSINESS street",
    "city": "address BUSINESS city",
    "postalCode": "address BUSINESS postalCode",
    "country": "address BUSINESS countryName",
    "photo": "photo_address",
    "user": "owner",
    "user.id": "drop",
    "user.href": "drop",
    "organization": "drop",
    "dateCreated": "created",
    "lastUpdated": "updated",
}
VALOMNIA = Format(
    "VALOMNIA_LIST",
    "valomnia",
    "VALOMNIA",
    (Layout("CONTACT", CONTACTS, "contact"),),
    utc=True,
    formulas=False,
    spaces={"ACCOUNT": "customer"},
)
