"""A property of a card, whatever the card was written in."""

from dataclasses import dataclass, field

Parts = list[list[str]]
"""The components of a value, each a list: of `N` the family names, the given names and so on."""

UNRANKED = 101
"""The rank of what has none: 1 is preferred, 100 is the last (RFC 6350, section 5.3)."""


@dataclass(slots=True)
class Property:
    """A line of a card.

    Attributes:
        name: in capitals.
        value: its text, without escapes.
        parts: its components, of a structured value.
        params: {name in capitals: values}.
        group: what it shares with its label, e.g. `item1`.
    """

    name: str
    value: str
    parts: Parts = field(default_factory=list)
    params: dict[str, list[str]] = field(default_factory=dict)
    group: str | None = None

    def part(self, n: int) -> str:
        """A component, its values with blanks between them."""
        return " ".join(each for each in self.parts[n] if each) if n < len(self.parts) else ""

    @property
    def types(self) -> list[str]:
        """What its TYPE says, in small letters."""
        return [each.lower() for each in self.params.get("TYPE", ())]

    @property
    def rank(self) -> int:
        """How much it is preferred: the less, the more."""
        pref = self.params.get("PREF", [""])[0]
        if pref.isdecimal():
            return int(pref)
        return 1 if "pref" in self.types else UNRANKED

    def param(self, name: str) -> str | None:
        """The first value of a parameter."""
        return next(iter(self.params.get(name, ())), None)


@dataclass(slots=True)
class Card:
    """A card.

    Attributes:
        number: from 1.
        raw: its bytes.
        version: 2.1, 3.0 or 4.0.
        properties: in their order.
        fault: why it cannot be read: (code, reason).
        other_encoding: whether it was not in UTF-8.
    """

    number: int
    raw: bytes = b""
    version: str = ""
    properties: list[Property] = field(default_factory=list)
    fault: tuple[str, str] | None = None
    other_encoding: bool = False
