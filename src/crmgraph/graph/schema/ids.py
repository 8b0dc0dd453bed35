"""Global ids: a prefix for the kind of thing and its number, e.g. `con_1000000001`; opaque to clients."""

import re
from enum import StrEnum

from crmgraph.crm.models import PartyKind

_FORM = re.compile(r"([a-z]{3})_([1-9][0-9]{0,15})", re.ASCII)
_ABOVE = 2**53


class Prefix(StrEnum):
    """What an id is of."""

    CONTACT = "con"
    ACCOUNT = "acc"
    LEAD = "lea"
    ADDRESS = "add"
    PHONE = "pho"
    EMAIL = "ema"
    RELATION = "rel"
    NOTE = "not"
    USER = "usr"
    CHANGE = "chg"
    VIEWER = "vie"
    JOB = "job"
    PHOTO = "pic"
    IMPORT = "imp"


PREFIXES = {PartyKind.CONTACT: Prefix.CONTACT, PartyKind.ACCOUNT: Prefix.ACCOUNT, PartyKind.LEAD: Prefix.LEAD}
"""The prefixes of the kinds of record."""


def encode(prefix: Prefix, number: int) -> str:
    """The global id of a thing of this kind."""
    return f"{prefix}_{number}"


def decode(text: str) -> tuple[Prefix, int] | None:
    """The kind and the number that an id stands for; None when it is none of ours."""
    found = _FORM.fullmatch(text)
    if found is None or found[1] not in _PREFIXES or int(found[2]) >= _ABOVE:
        return None
    return Prefix(found[1]), int(found[2])


_PREFIXES = frozenset(prefix.value for prefix in Prefix)


def number_of(prefix: Prefix, text: str) -> int | None:
    """The number of an id of this kind; None when it is of another kind, or none of ours."""
    found = _FORM.fullmatch(text)
    if found is None or found[1] != prefix or (number := int(found[2])) >= _ABOVE:
        return None
    return number
