"""How much two records are alike, and by what."""

import pytest

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.duplicates.likeness import THRESHOLD, Profile, Reason, likeness

MARIE = Profile("marie curie", {"m@x.org"}, {"+33612345678"}, {"paris"}, {"ext-77"})


@pytest.mark.parametrize(
    ("other", "reasons", "told"),
    [
        (Profile("marie curie"), Reason.SIMILAR_NAME, True),
        (Profile("curie marie"), Reason.SIMILAR_NAME, True),
        (Profile("maria curie", cities={"paris"}), Reason.SIMILAR_NAME, False),
        (Profile("marie curie", cities={"paris"}), Reason.SIMILAR_NAME | Reason.SAME_NAME_AND_CITY, True),
        (Profile("pierre laub", {"m@x.org"}), Reason.SAME_EMAIL, True),
        (Profile("pierre laub", phones={"+33612345678"}), Reason.SAME_PHONE, False),
        (Profile("m curie", phones={"+33612345678"}), Reason.SAME_PHONE, True),
        (Profile("m curie", external={"ext-77"}), Reason.SAME_EXTERNAL_ID, True),
        (Profile("irene joliot", {"i@x.org"}, {"+4930"}, {"paris"}), Reason(0), False),
        (Profile("curie"), Reason(0), False),
    ],
)
def test_two_people(other: Profile, reasons: Reason, told: bool) -> None:
    score, found = likeness(PartyKind.CONTACT, MARIE, other)
    assert found == reasons
    assert (score >= THRESHOLD) is told, score
    assert likeness(PartyKind.CONTACT, other, MARIE) == (score, found)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [("acme gmbh", "acme", True), ("acme ltd", "acme inc", True), ("acme", "apex", False), ("the co", "the co", True)],
)
def test_two_companies(one: str, other: str, told: bool) -> None:
    score, _ = likeness(PartyKind.ACCOUNT, Profile(one), Profile(other))
    assert (score >= THRESHOLD) is told
