"""What the business refuses. A refusal holds data, which field and which record; each edge finds its own words."""

from collections.abc import Iterable
from typing import Any

Path = tuple[str | int, ...]
"""Where in an edit a fault lies, e.g. ("phones", "add", 0, "raw")."""


class Refused(Exception):
    """A request that the business does not carry out. Nothing was written.

    Attributes:
        path: where in the edit the fault lies; empty when it is about the whole.
    """

    def __init__(self, path: Path = (), **facts: object) -> None:
        super().__init__(type(self).__name__, path, facts)
        self.path = path
        for name, value in facts.items():
            setattr(self, name, value)

    @property
    def all(self) -> tuple["Refused", ...]:
        """Every fault of the request, itself when it is the only one."""
        return (self,)


class Several(Refused):
    """More than one fault in one request."""

    def __init__(self, faults: Iterable[Refused]) -> None:
        super().__init__()
        self.faults = tuple(faults)

    @property
    def all(self) -> tuple[Refused, ...]:
        return self.faults


class NotFound(Refused):
    """No such record, or none that the caller may know of."""


class Ambiguous(Refused):
    """Several records answer to what was asked for as one."""


class Missing(Refused):
    """A required value is absent or was cleared."""


class Invalid(Refused):
    """A value of the wrong form. `reason` is one of the words below."""

    reason: str

    def __init__(
        self,
        path: Path = (),
        reason: str = "form",
        limit: int | None = None,
        meant: str | None = None,
        unit: str = "characters",
        least: Any = None,
        most: Any = None,
        choices: Iterable[str] = (),
    ) -> None:
        super().__init__(path)
        self.choices = tuple(choices)
        """What there is to choose from, of a choice; empty where that is no list."""
        self.least = least
        self.most = most
        """Of a number that is out of range, the bounds that hold, as JSON has them; None where there is none."""
        self.meant = meant
        """What to write instead, where that is known: the code of a country that was given by its name."""
        self.reason = reason
        """form, type, too_long, control, key (in a value that is kept: a name that nothing can have), email, country,
        contradiction (of two values that came together), date, number, negative, decimals (of an amount, too many),
        choice, one_of (of what excludes one another nothing, or several), beside (a record that is named where another
        one is), again (of what is given once), zone (of time), dialect_space (a space of ids, where a dialect lets
        nobody choose one), password, guessable (of a password), reference, order, unknown, converted (a lead that has
        become a contact), same (a record that is to be merged into itself), two_logins (of contacts that are to be
        one), final (a merge that cannot be undone any more), merged_on (a merge into a record that was itself merged
        since), not_converted (a lead that is one), settled (a conversion that cannot be undone any more)."""
        self.limit = limit
        self.unit = unit
        """Of what is too long: what the limit counts."""


class Taken(Refused):
    """A value that must be unique belongs to another record."""

    def __init__(self, path: Path = (), existing: int | None = None) -> None:
        super().__init__(path)
        self.existing = existing
        """The id of the record that has it, to be shown only where the caller may see that record."""


class Unauthenticated(Refused):
    """Nobody is signed in, or the proof of who it is does not hold."""

    reason: str = ""
    """Why a signed token does not hold, in the words of `BadToken`; empty otherwise."""


class Throttled(Refused):
    """Too many failures of late."""

    def __init__(self, path: Path = (), retry_after: int = 0) -> None:
        super().__init__(path)
        self.retry_after = retry_after
        """Seconds until another try is heard."""


class Forbidden(Refused):
    """The caller is known and may not do this."""


class TooLarge(Refused):
    """More bytes, pixels or rows than are taken."""

    def __init__(self, path: Path = (), limit: int = 0, unit: str | None = None) -> None:
        super().__init__(path)
        self.limit = limit
        self.unit = unit
        """Of a photo: what the limit counts, `bytes` or `pixels`."""


class TooMany(Refused):
    """More in hand at once than one caller may have."""

    def __init__(self, path: Path = (), limit: int = 0) -> None:
        super().__init__(path)
        self.limit = limit
        """How many they may have."""


class UnsupportedImage(Refused):
    """Not an image of a kind that is taken, or a damaged one."""


class Stale(Refused):
    """The record has changed since the caller read it."""

    def __init__(self, path: Path = (), current: int = 0, since: int = 0, record: Any = None, what: str = "") -> None:
        super().__init__(path)
        self.current = current
        """The revision that the record has now."""
        self.since = since
        """The one that the caller read."""
        self.record = record
        """The record, which the caller may see; None where nothing is to be told of it."""
        self.what = what
        """Of a conversion that is to be undone: which record of it has changed since, by its kind."""


class Conflicting(Refused):
    """What is named contradicts what is there, e.g. a contact who belongs to another account."""

    def __init__(self, path: Path = (), existing: int | None = None, kind: str = "ACCOUNT") -> None:
        super().__init__(path)
        self.existing = existing
        """The id of the record that it contradicts."""
        self.kind = kind
        """What that is, in the words of `PartyKind`."""


class AlreadyDone(Refused):
    """The request was carried out before, under its key, and what was answered is not kept."""


class Circular(Refused):
    """A record that would stand above itself, in a hierarchy that is at most `limit` records high."""

    def __init__(self, path: Path = (), limit: int = 0) -> None:
        super().__init__(path)
        self.limit = limit


class Locked(Refused):
    """A process holds the record."""

    def __init__(self, path: Path = (), holder: str = "") -> None:
        super().__init__(path)
        self.holder = holder


class NotApproved(Refused):
    """The record awaits approval."""


class Unavailable(Refused):
    """Something that we depend on, the database or the photo store, does not answer."""


class HeldUpstream(Refused):
    """An old CRM holds the record, and would not learn of the change."""

    def __init__(self, path: Path = (), upstream: Any = None) -> None:
        super().__init__(path)
        self.upstream = upstream
        """Its dialect, a `Door`."""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.upstream.title if self.upstream is not None else "another system"


class MailNotConfigured(Refused):
    """It takes an email, and the operator has set up nothing to send it by."""


def refuse(faults: list[Refused]) -> None:
    """Raise what `faults` holds: nothing when empty, the one fault, or `Several`.

    Raises:
        Refused: when there is any fault.
    """
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise Several(faults)
