"""LinkedIn: the connections of a member."""

from crmgraph.imports.formats.model import Format, Layout, headers

CONNECTIONS = {
    "First Name": "firstName",
    "Last Name": "lastName",
    "URL": "profile",
    "Email Address": "email BUSINESS",
    "Company": "account",
    "Position": "jobTitle",
    "Connected On": "order",
}

LINKEDIN = Format(
    "LINKEDIN_CSV",
    "linkedin",
    "LINKEDIN",
    (
        Layout(
            "CONTACT",
            CONNECTIONS,
            "profile",
            (headers("First Name|Last Name|URL|Connected On"), headers("First Name|Last Name|Position|Connected On")),
            constants={"source": "LinkedIn"},
        ),
    ),
    emptiness="a connection that shows nothing but its date",
)
