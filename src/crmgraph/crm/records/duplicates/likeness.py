"""How much two records are alike, and by what. Everything here is pure."""

import re
from dataclasses import dataclass, field
from enum import IntFlag

from crmgraph.crm.models import PartyKind


class Reason(IntFlag):
    """Why two records may be one; the bits that are stored."""

    SAME_EMAIL = 1
    SAME_PHONE = 2
    SAME_EXTERNAL_ID = 4
    SIMILAR_NAME = 8
    SAME_NAME_AND_CITY = 16


THRESHOLD = 600
"""The least score that is told, in thousandths."""
SIMILAR = 88.0
"""From how much on two names are similar, of 100: one letter of eight or nine may be another."""
SAME = 97.0
"""From how much on two names count as one."""
UNLIKE = 50.0
"""Below how much two names are those of two people who share a telephone or a mailbox."""
SHARED = 0.75
"""What is left of a likeness where the names are unlike."""
_WEIGHTS = {
    Reason.SAME_EMAIL: 0.85,
    Reason.SAME_PHONE: 0.65,
    Reason.SAME_EXTERNAL_ID: 0.65,
    Reason.SAME_NAME_AND_CITY: 0.75,
}
"""How sure each reason makes by itself; together what each leaves open is multiplied."""
_NAME_WEIGHTS = {PartyKind.CONTACT: 0.62, PartyKind.LEAD: 0.62, PartyKind.ACCOUNT: 0.8}
"""The same of a similar name: companies of one name are one more often than people are."""
_LEGAL_FORMS = re.compile(
    r"\b(gmbh|mbh|ag|kg|ohg|ug|se|ltd|limited|llc|llp|plc|inc|incorporated|corp|corporation|co|company|sa|sas|sarl|srl|"
    r"spa|bv|nv|oy|ab|as|aps|pty|kk|the|und|and)\b"
)


@dataclass(slots=True)
class Profile:
    """What of a record says whom it is about, in the forms by which it is searched.

    Attributes:
        name: of a person the first, middle and last one.
        phones: as E.164.
        external: values of ids elsewhere.
    """

    name: str
    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    cities: set[str] = field(default_factory=set)
    external: set[str] = field(default_factory=set)


def bare(kind: PartyKind, name: str) -> str:
    """A name without what says nothing: of a company its legal form."""
    if kind is not PartyKind.ACCOUNT:
        return name
    return " ".join(_LEGAL_FORMS.sub(" ", name).split()) or name


def similarity(kind: PartyKind, one: str, other: str) -> float:
    """How similar two names are, of 100, in whatever order their words stand."""
    # Most processes that serve never compare two names.
    from rapidfuzz import fuzz

    return fuzz.token_sort_ratio(bare(kind, one), bare(kind, other))


def likeness(kind: PartyKind, one: Profile, other: Profile) -> tuple[int, Reason]:
    """(the score in thousandths, by what) of two records of a kind."""
    names = similarity(kind, one.name, other.name) if one.name and other.name else 0.0
    reasons = Reason(0)
    if one.emails & other.emails:
        reasons |= Reason.SAME_EMAIL
    if one.phones & other.phones:
        reasons |= Reason.SAME_PHONE
    if one.external & other.external:
        reasons |= Reason.SAME_EXTERNAL_ID
    if names >= SAME and one.cities & other.cities:
        reasons |= Reason.SAME_NAME_AND_CITY
    open_ = 1.0
    for reason in reasons:
        open_ *= 1 - _WEIGHTS[reason]
    # A family name alone is that of many.
    if names >= SIMILAR and (kind is PartyKind.ACCOUNT or (" " in one.name and " " in other.name)):
        reasons |= Reason.SIMILAR_NAME
        open_ *= 1 - _NAME_WEIGHTS[kind] * names / 100
    score = (1 - open_) * (SHARED if names < UNLIKE else 1)
    return round(score * 1000), reasons
