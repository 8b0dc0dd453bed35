"""EspoCRM: lists as they are exported (application/Espo/Tools/Export/Format/Csv/Processor.php)."""

from crmgraph.imports.formats.model import Format, Layout, address, headers

_PLACE = {"street": "Street", "city": "City", "state": "State", "postalCode": "PostalCode", "countryName": "Country"}
_COMMON = {
    "id": "id",
    "deleted": "deleted",
    "description": "description",
    "emailAddressData": "espo_emails",
    "emailAddress": "email BUSINESS",
    "emailAddressIsOptedOut": "emailOptOut",
    "emailAddressIsInvalid": "drop",
    "phoneNumberData": "espo_phones",
    "phoneNumber": "espo_phone",
    "phoneNumberIsOptedOut": "drop",
    "phoneNumberIsInvalid": "drop",
    "createdAt": "created",
    "modifiedAt": "updated",
    "createdById": "drop",
    "createdByName": "drop",
    "modifiedById": "drop",
    "modifiedByName": "drop",
    "assignedUserId": "drop",
    "assignedUserName": "owner",
    "teamsIds": "drop",
    "teamsNames": "drop",
}
_PERSON = {
    "name": "name",
    "salutationName": "salutation",
    "firstName": "firstName",
    "middleName": "middleName",
    "lastName": "lastName",
    "title": "jobTitle",
    "doNotCall": "doNotCall",
    **address("BUSINESS", "address", **_PLACE),
}
CONTACTS = {**_COMMON, **_PERSON, "accountId": "account.id", "accountName": "account"}
ACCOUNTS = {
    **_COMMON,
    "name": "name",
    "website": "website",
    "type": "accountType",
    "industry": "industry",
    "sicCode": "sicCode",
    **address("BILLING", "billingAddress", **_PLACE),
    **address("SHIPPING", "shippingAddress", **_PLACE),
}
LEADS = {
    **_COMMON,
    **_PERSON,
    "accountName": "company",
    "status": "status",
    "source": "source",
    "industry": "industry",
    "website": "website",
    "createdContactId": "converted.to",
}

ESPOCRM = Format(
    "ESPOCRM_CSV",
    "espocrm",
    "ESPOCRM",
    (
        Layout(
            "LEAD",
            LEADS,
            "Lead",
            (
                headers("createdById|lastName|emailAddress|status"),
                headers("createdById|lastName|emailAddressData|status"),
            ),
        ),
        Layout(
            "CONTACT",
            CONTACTS,
            "Contact",
            (headers("createdById|lastName|emailAddress"), headers("createdById|lastName|emailAddressData")),
        ),
        Layout(
            "ACCOUNT",
            ACCOUNTS,
            "Account",
            (
                headers("createdById|emailAddress|billingAddressCity"),
                headers("createdById|emailAddressData|billingAddressCity"),
            ),
        ),
    ),
    utc=True,
    apostrophe="silent",
    keep_parted="json",
)
