"""Which values each kind of record has: the names are those of `CreateContactInput` and its like."""

from crmgraph.crm.models import PartyKind

_PERSON = "salutation firstName middleName lastName jobTitle source twitter skype description emailOptOut "
_CONTACT = (
    "number nickname gender birthDate department language assistant decisionMaker doNotCall smsOptOut directMarketing "
    "affiliateMarketing residenceCountry lifeCycleState category privacyLevel identityDocuments "
)
_LEAD = "number company status rating industry annualRevenue employees website "
_ACCOUNT = (
    "number name accountType industry sector website employees annualRevenue ownership rating site sicCode "
    "tickerSymbol registrationNumber registrationCountry vatNumber taxNumber establishedOn status segment platform "
    "language description emailOptOut smsOptOut"
)
FIELDS: dict[PartyKind, frozenset[str]] = {
    PartyKind.CONTACT: frozenset((_PERSON + _CONTACT).split()),
    PartyKind.LEAD: frozenset((_PERSON + _LEAD).split()),
    PartyKind.ACCOUNT: frozenset(_ACCOUNT.split()),
}
"""{kind: what its input has}."""
OPT_OUTS = frozenset({"emailOptOut", "doNotCall", "smsOptOut"})
BOOLEANS = OPT_OUTS | {"directMarketing", "affiliateMarketing", "decisionMaker"}
LINES = frozenset({"description"})
"""Texts that may have several lines."""
