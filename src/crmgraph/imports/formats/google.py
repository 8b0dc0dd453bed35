"""Google Contacts: its own CSV, in the form of 2023 and in the older one."""

from crmgraph.imports.formats.model import Format, Layout, headers

_COMMON = {
    "Name Prefix": "salutation",
    "Nickname": "nickname",
    "Birthday": "birthDate",
    "Notes": "description",
    "Photo": "photo_address",
}
NEW = {
    **_COMMON,
    "First Name": "firstName",
    "Middle Name": "middleName",
    "Last Name": "lastName",
    "File As": "drop",
    "Organization Name": "account",
    "Organization Title": "jobTitle",
    "Organization Department": "department",
    "Labels": "groups",
}
OLD = {
    **_COMMON,
    "Name": "name",
    "Given Name": "firstName",
    "Additional Name": "middleName",
    "Family Name": "lastName",
    "Gender": "gender",
    "Language": "language",
    "Group Membership": "groups",
}

GOOGLE = Format(
    "GOOGLE_CSV",
    "google",
    None,
    (
        Layout("CONTACT", NEW, signs=(headers("First Name|Organization Name|Labels|File As"),), variant="2023"),
        Layout("CONTACT", OLD, signs=(headers("Given Name|Family Name|Group Membership"),), variant="2005"),
    ),
    numbered=True,
)
