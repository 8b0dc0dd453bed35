"""What the Rolodex says where it does nothing."""

from dataclasses import dataclass

from crmgraph.crm import errors as crm
from crmgraph.crm.errors import Refused


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing was done.

    Attributes:
        status: of HTTP.
        text: what is said.
    """

    status: int
    text: str


NO_CARD = Failure(404, "no such card")
ILLEGIBLE = Failure(422, "illegible")
BUSY = Failure(503, "later")
CANNOT = Failure(500, "cannot")
WORDS: dict[type[Refused], Failure] = {
    crm.NotFound: NO_CARD,
    crm.Ambiguous: CANNOT,
    crm.Missing: Failure(422, "left blank"),
    crm.Invalid: ILLEGIBLE,
    crm.Taken: CANNOT,
    crm.Unauthenticated: Failure(401, "who are you?"),
    crm.Throttled: Failure(429, "not so fast"),
    crm.TooMany: Failure(429, "not so fast"),
    crm.AlreadyDone: CANNOT,
    crm.Forbidden: CANNOT,
    crm.TooLarge: Failure(413, "too long"),
    crm.UnsupportedImage: CANNOT,
    crm.Stale: BUSY,
    crm.Conflicting: CANNOT,
    crm.Circular: CANNOT,
    crm.Locked: CANNOT,
    crm.NotApproved: CANNOT,
    crm.Unavailable: BUSY,
    crm.HeldUpstream: BUSY,
    crm.MailNotConfigured: CANNOT,
}
"""The words for each refusal of the core."""


def worded(refused: Refused) -> Failure:
    """The failure that a refusal of the core is."""
    return WORDS[type(refused.all[0])]
