"""How the tables of this dialect say where a value lives."""

from collections.abc import Callable
from typing import Any

from crmgraph.crm.homes import Surroundings
from crmgraph.crm.models import AddressKind, PhoneKind
from crmgraph.dialects.covalense.codecs import TEXT
from crmgraph.mapping import Codec, Computed, Field, Kept, Slot

DIALECT = "covalense"


def phone(name: str, kind: PhoneKind) -> Field:
    """The first active phone of a kind."""
    return Field(name, Slot("phones", "raw", kind=kind), TEXT)


def email(name: str, rank: int, *aliases: str) -> Field:
    """The active email at a rank."""
    return Field(name, Slot("emails", "address", rank=rank), TEXT, aliases)


def mailing(name: str, column: str) -> Field:
    """A part of a contact's first address."""
    return Field(name, Slot("addresses", column, rank=0), TEXT)


def other(name: str, column: str) -> Field:
    """A part of a contact's second address."""
    return Field(name, Slot("addresses", column, rank=1), TEXT)


def billing(name: str, column: str) -> Field:
    """A part of an account's billing address."""
    return Field(name, Slot("addresses", column, kind=AddressKind.BILLING), TEXT)


def shipping(name: str, column: str) -> Field:
    """A part of an account's shipping address."""
    return Field(name, Slot("addresses", column, kind=AddressKind.SHIPPING), TEXT)


def kept(name: str, codec: Codec = TEXT) -> Field:
    """A value that no other dialect knows."""
    return Field(name, Kept(name), codec)


def office(name: str, codec: Codec = TEXT) -> Field:
    """A kept value that the office fills in and a customer only reads."""
    return Field(name, Kept(name), codec, writable=False)


def seen(name: str, function: Callable[[Any, Surroundings], Any], source: str) -> Field:
    """A value that is worked out, and that requests do not change."""
    return Field(name, Computed(function, source), TEXT, writable=False)


def remembered(name: str, nothing: str) -> Field:
    """A kept value that is read only by nature, so that what a request brings of it is passed over."""
    return seen(name, lambda thing, _: thing.record.remainder.get(DIALECT, {}).get(name, nothing), "")


PASSED_OVER = tuple(
    Field(name, Kept(name), writable=False, printed=False)
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
