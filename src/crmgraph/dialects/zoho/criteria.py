"""Zoho's criteria: ((Last_Name:starts_with:B)and(Email:equals:b@example.com)), read into a tree of conditions.

Parentheses, commas and backslashes that belong to a value are written with a backslash before them.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from crmgraph.crm.query.conditions import Op

MAX_CONDITIONS = 10
"""The most conditions in one criteria."""
MAX_DEPTH = 20
"""How deep parentheses may be nested."""
MAX_LENGTH = 10_000
"""The longest criteria, in characters."""

COMPARATORS = {
    "equals": Op.EQUALS,
    "not_equal": Op.NOT_EQUAL,
    "starts_with": Op.STARTS_WITH,
    "contains": Op.CONTAINS,
    "in": Op.IN,
    "greater_than": Op.GT,
    "greater_equal": Op.GE,
    "less_than": Op.LT,
    "less_equal": Op.LE,
    "between": Op.BETWEEN,
}
"""{Zoho's word: the comparator that it is}: a new one is a row here."""

_WORD = re.compile(r"\s*(and|or)(?=[\s(])", re.IGNORECASE)
_CONDITION = re.compile(r"\s*([A-Za-z_$][\w$.]*)\s*:\s*([A-Za-z_]+)\s*:")


class NotCriteria(Exception):
    """A text that cannot be read as criteria."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    Attributes:
        comparator: a word of `COMPARATORS`.
        values: the value, split at its commas; they are one text again for comparators that take one value.
    """

    field: str
    comparator: str
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        return ",".join(self.values)


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions or groups that are joined by one word, `and` or `or`."""

    word: str
    of: tuple["Criteria", ...]


Criteria: TypeAlias = Condition | Group


def parse(text: str) -> Criteria:
    """The conditions in a text. `and` binds closer than `or`; outer parentheses may be left out.

    Raises:
        NotCriteria: it is none, or too long, too deep or of too many conditions.
    """
    if len(text) > MAX_LENGTH:
        raise NotCriteria("too long")
    reader = _Reader(text)
    read = reader.expression(0)
    if text[reader.at :].strip():
        raise NotCriteria("there is more behind the end")
    return read


class _Reader:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.conditions = 0

    def expression(self, depth: int) -> Criteria:
        """Groups of `and`, joined by `or`."""
        either = [[self.term(depth)]]
        while word := _WORD.match(self.text, self.at):
            self.at = word.end()
            if word[1].lower() == "or":
                either.append([])
            either[-1].append(self.term(depth))
        groups = [part[0] if len(part) == 1 else Group("and", tuple(part)) for part in either]
        return groups[0] if len(groups) == 1 else Group("or", tuple(groups))

    def term(self, depth: int) -> Criteria:
        """A condition, or an expression in parentheses."""
        if depth > MAX_DEPTH:
            raise NotCriteria("too deep")
        self.skip()
        if not self.text.startswith("(", self.at):
            return self.condition()
        self.at += 1
        inner = self.expression(depth + 1)
        self.skip()
        if not self.text.startswith(")", self.at):
            raise NotCriteria("a parenthesis is not closed")
        self.at += 1
        return inner

    def condition(self) -> Condition:
        found = _CONDITION.match(self.text, self.at)
        if found is None or found[2].lower() not in COMPARATORS:
            raise NotCriteria("no condition")
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise NotCriteria("too many conditions")
        self.at = found.end()
        return Condition(found[1], found[2].lower(), self.values())

    def values(self) -> tuple[str, ...]:
        """Everything up to the parenthesis that closes the condition."""
        values, value = [], ""
        while self.at < len(self.text) and (char := self.text[self.at]) != ")":
            self.at += 1
            if char == "\\" and self.at < len(self.text):
                value += self.text[self.at]
                self.at += 1
            elif char == "(":
                raise NotCriteria("a parenthesis inside a value")
            elif char == ",":
                values.append(value)
                value = ""
            else:
                value += char
        return (*values, value)

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
