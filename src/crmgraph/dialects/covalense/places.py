"""How the tables of this dialect say where a value lives."""

from collections.abc import Callable
from typing import Any

from crmgraph.crm.models import AddressKind, EmailKind, PhoneKind
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.slots import FIRST, SECOND
from crmgraph.dialects.covalense.codecs import TEXT
from crmgraph.mapping import Codec, Computed, ExtraField, Field, Slot

DIALECT = "covalense"


def phone(name: str, kind: PhoneKind) -> Field:
    """The phone in the slot of a kind."""
    return Field(name, Slot("phones", "raw", kind), TEXT)


def email(name: str, slot: str, kind: EmailKind, *aliases: str) -> Field:
    """The email in the first or the second slot.

    Args:
        kind: of one that is added.
    """
    return Field(name, Slot("emails", "address", slot, kind), TEXT, aliases)


def mailing(name: str, column: str) -> Field:
    """A part of a contact's mailing address, which has the first slot."""
    return Field(name, Slot("addresses", column, FIRST, AddressKind.HOME), TEXT)


def other(name: str, column: str) -> Field:
    """A part of a contact's other address, which has the second slot."""
    return Field(name, Slot("addresses", column, SECOND, AddressKind.OTHER), TEXT)


def billing(name: str, column: str) -> Field:
    """A part of an account's billing address."""
    return Field(name, Slot("addresses", column, AddressKind.BILLING), TEXT)


def shipping(name: str, column: str) -> Field:
    """A part of an account's shipping address."""
    return Field(name, Slot("addresses", column, AddressKind.SHIPPING), TEXT)


def kept(name: str, codec: Codec = TEXT) -> Field:
    """A value that no other dialect knows."""
    return Field(name, ExtraField(name), codec)


def office(name: str, codec: Codec = TEXT) -> Field:
    """A kept value that the office fills in and a customer only reads."""
    return Field(name, ExtraField(name), codec, writable=False)


def seen(name: str, function: Callable[[Any, EncodingContext], Any], source: str) -> Field:
    """A value that is worked out, and that requests do not change."""
    return Field(name, Computed(function, source), TEXT, writable=False)


def remembered(name: str, nothing: str) -> Field:
    """A kept value that is read only by nature, so that what a request brings of it is passed over."""
    held = Computed(lambda thing, _: thing.record.extra_fields.get(DIALECT, {}).get(name, nothing))
    return Field(name, held, TEXT, writable=False, shown=ExtraField(name, nothing))


PASSED_OVER = tuple(
    Field(name, ExtraField(name), writable=False, printed=False)
    for name in (
        "token",
        "accessToken",
        "correlationId",
        "srDate",
        "operation",
        "destination",
        "type",
        "userName",
        "password",
        "passwordOld",
        "securityanswer",
        "securityquestions",
        "fireBaseMessagingToken",
        "deviceId",
    )
)
"""Headers that the documentation's tables list as attributes of the body too, and secrets: never kept."""
