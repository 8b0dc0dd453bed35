"""What a Rolodex calls the values of contacts."""

from crmgraph.crm.models import Contact, EmailKind, PhoneKind
from crmgraph.crm.records.slots import FIRST
from crmgraph.mapping import Codec, ExtraField, Field, FieldMap, Own, Slot, Unreadable


def _words(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise Unreadable("type")


TEXT = Codec(_words, lambda value: value or "-")
"""Text; a dash where there is none."""

CARD = FieldMap(
    "rolodex",
    Contact,
    [
        Field("card", Own(), Codec(write=lambda own: f"#{own}"), writable=False),
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
