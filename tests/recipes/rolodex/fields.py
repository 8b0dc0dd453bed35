"""What a Rolodex calls the values of contacts."""

from crmgraph.dialects.rolodex.codecs import NUMBER, TEXT

from crmgraph.crm.models import Contact, EmailKind, PhoneKind
from crmgraph.crm.records.slots import FIRST
from crmgraph.mapping import ExtraField, Field, FieldMap, Own, Slot

CARD = FieldMap(
    "rolodex",
    Contact,
    [
        Field("card", Own(), NUMBER, writable=False),
        Field("surname", Contact.last_name, TEXT),
        Field("forename", Contact.first_name, TEXT),
        Field("trade", Contact.job_title, TEXT),
        Field("wire.telephone", Slot("phones", "raw", PhoneKind.LANDLINE), TEXT),
        Field("wire.mail", Slot("emails", "address", FIRST, EmailKind.BUSINESS), TEXT),
        Field("shelf", ExtraField("shelf"), TEXT),
    ],
    unknown=False,
)
LAYOUT = CARD.layout()
