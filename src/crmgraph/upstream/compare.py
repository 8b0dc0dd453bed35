"""Two answers to one request, compared field by field after what may differ between any two has been left out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson

from crmgraph.crm.models import DifferenceSort
from crmgraph.rest.comparing import TRANSPORT, Comparing

MOST = 100
"""How many differences of one answer are told."""
DEEPEST = 40
"""How deep values are looked into; what lies deeper is told as different."""
TOO_DEEP = "(too deep)"
KNOWN_PATHS = 10_000
"""Of how many paths it is remembered how they are compared."""
NO_BODY = object()
"""Stands for what is no JSON."""
BODY, STATUS = "(body)", "(status)"
"""What stands in the place of a field where the body or the status as a whole differ."""
_SECONDS = re.compile(r"(\d\d:\d\d:\d\d)\.\d+")

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class ComparedAnswer:
    """An answer.

    Attributes:
        headers: their names in any case.
        body: without a coding of transfer.
    """

    status: int
    headers: Headers
    body: bytes

    def json(self) -> Any:
        """The value that the body is; `NO_BODY` where it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return NO_BODY


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which two answers differ.

    Attributes:
        field: its path.
        control, candidate: what the old CRM has there, and this store; None where it has nothing.
        record: the id of the object around it that has one.
    """

    field: str
    sort: DifferenceSort
    control: Any = None
    candidate: Any = None
    record: str | None = None


class Comparison:
    """Compares answers of one dialect.

    Args:
        comparing: what is left out, and how the rest is read.
        origins: how addresses of the old CRM and of this store begin, which stand in texts for one and the same.
    """

    def __init__(self, comparing: Comparing, origins: tuple[str, str]) -> None:
        self._origins = origins
        self._headers = TRANSPORT | comparing.headers
        self._rules = [(_pattern(p), "ignored") for p in comparing.ignored]
        self._rules += [(_pattern(p), "key") for p in comparing.keys]
        self._rules += [(_pattern(p), "link") for p in comparing.links]
        self._rules += [(_pattern(p), "second") for p in comparing.seconds]
        self._known: dict[str, str] = {}

    def differences(
        self, control: ComparedAnswer, candidate: ComparedAnswer, *, with_body: bool = True
    ) -> list[Difference]:
        """In what two answers differ; the first `MOST` of it.

        Args:
            with_body: False for the answers to HEAD.
        """
        found: list[Difference] = []
        for each in self._all(control, candidate, with_body):
            found.append(each)
            if len(found) >= MOST:
                break
        return found

    def _all(self, control: ComparedAnswer, candidate: ComparedAnswer, with_body: bool) -> Iterator[Difference]:
        if control.status != candidate.status:
            yield Difference(STATUS, DifferenceSort.VALUE, control.status, candidate.status)
        ours, theirs = self._compared(candidate.headers), self._compared(control.headers)
        if ours != theirs:
            yield from self._of_headers(theirs, ours)
        if not with_body or control.body == candidate.body:
            return
        was, would = control.json(), candidate.json()
        if was is NO_BODY or would is NO_BODY:
            sort = DifferenceSort.VALUE if was is would else DifferenceSort.TYPE
            yield Difference(BODY, sort, _shown(control.body), _shown(candidate.body))
        else:
            yield from self._values(was, would, "", None)

    def _compared(self, headers: Headers) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in headers:
            if (small := name.lower().decode("latin-1")) not in self._headers:
                found.setdefault(small, []).append(value.decode("latin-1"))
        return found

    def _of_headers(self, control: Mapping[str, list[str]], candidate: Mapping[str, list[str]]) -> Iterator[Difference]:
        for name in sorted(control.keys() | candidate.keys()):
            was, would = control.get(name), candidate.get(name)
            if was != would and not self._are_one(name, was, would):
                sort = (
                    DifferenceSort.EXTRA
                    if was is None
                    else DifferenceSort.MISSING
                    if would is None
                    else DifferenceSort.VALUE
                )
                yield Difference(f"header {name}", sort, was and ", ".join(was), would and ", ".join(would))

    @staticmethod
    def _are_one(name: str, was: list[str] | None, would: list[str] | None) -> bool:
        """Whether two values of a header say the same: of a type, case and blanks do not matter (RFC 9110, 8.3.1)."""
        if name != "content-type" or was is None or would is None:
            return False
        return [each.replace(" ", "").lower() for each in was] == [each.replace(" ", "").lower() for each in would]

    def _rule(self, path: str) -> str:
        if (known := self._known.get(path)) is not None:
            return known
        rule = next((what for pattern, what in self._rules if pattern.fullmatch(path)), "")
        if len(self._known) < KNOWN_PATHS:
            self._known[path] = rule
        return rule

    def _values(self, was: Any, would: Any, path: str, record: str | None, depth: int = 0) -> Iterator[Difference]:
        rule = self._rule(path)
        if rule == "ignored" or (rule == "key" and bool(was) == bool(would)):
            return
        if type(was) is not type(would):
            yield Difference(path, DifferenceSort.TYPE, was, would, record)
        elif depth >= DEEPEST and isinstance(was, dict | list):
            yield Difference(path, DifferenceSort.VALUE, TOO_DEEP, TOO_DEEP, record)
        elif isinstance(was, dict):
            own = _id_of(was) or record
            for name in (*was, *(each for each in would if each not in was)):
                below = f"{path}.{name}" if path else name
                if name in would and name in was:
                    yield from self._values(was[name], would[name], below, own, depth + 1)
                elif self._rule(below) != "ignored":
                    sort = DifferenceSort.EXTRA if name not in was else DifferenceSort.MISSING
                    yield Difference(below, sort, was.get(name), would.get(name), own)
        elif isinstance(was, list):
            yield from self._lists(was, would, f"{path}[]", record, depth + 1)
        elif was != would and not (isinstance(was, str) and self._is_same(rule, was, would)):
            yield Difference(path, DifferenceSort.VALUE, was, would, record)

    def _is_same(self, rule: str, was: str, would: str) -> bool:
        theirs, ours = self._origins
        if was.startswith(theirs) and would.startswith(ours) and was[len(theirs) :] == would[len(ours) :]:
            return True
        return _read(rule, was) == _read(rule, would)

    def _lists(
        self, was: list[Any], would: list[Any], path: str, record: str | None, depth: int
    ) -> Iterator[Difference]:
        if self._rule(path) == "ignored":
            return
        theirs, ours = _by_id(was), _by_id(would)
        if theirs is None or ours is None or (len(was) == len(would) and not theirs.keys() & ours.keys()):
            yield from self._by_place(was, would, path, record, depth)
            return
        for own, each in theirs.items():
            if own in ours:
                yield from self._values(each, ours[own], path, own, depth)
            else:
                yield Difference(path, DifferenceSort.MISSING, each, None, own)
        for own, each in ours.items():
            if own not in theirs:
                yield Difference(path, DifferenceSort.EXTRA, None, each, own)
        order = [[own for own in some if own in theirs and own in ours] for some in (theirs, ours)]
        if order[0] != order[1]:
            moved = next(a for a, b in zip(*order, strict=True) if a != b)
            yield Difference(path, DifferenceSort.ORDER, order[0], order[1], moved)

    def _by_place(
        self, was: list[Any], would: list[Any], path: str, record: str | None, depth: int
    ) -> Iterator[Difference]:
        for mine, other in zip(was, would, strict=False):
            yield from self._values(mine, other, path, record, depth)
        for more in was[len(would) :]:
            yield Difference(path, DifferenceSort.MISSING, more, None, record)
        for more in would[len(was) :]:
            yield Difference(path, DifferenceSort.EXTRA, None, more, record)


def _pattern(text: str) -> re.Pattern[str]:
    escaped = re.escape(text).replace(r"\*\*\.", r"(?:.*\.)?").replace(r"\*\*", ".*").replace(r"\*", r"[^.\[\]]*")
    return re.compile(escaped, re.DOTALL)


def is_like(pattern: str, field: str) -> bool:
    """Whether a pattern means a field."""
    return _pattern(pattern).fullmatch(field) is not None


def _id_of(value: Mapping[str, Any]) -> str | None:
    own = value.get("id")
    return str(own) if isinstance(own, str | int) and own != "" else None


def _by_id(values: list[Any]) -> dict[str, Any] | None:
    """{id: object} of a list of objects; None where one is no object, has no id, or that of another."""
    found: dict[str, Any] = {}
    for each in values:
        own = _id_of(each) if isinstance(each, dict) else None
        if own is None or own in found:
            return None
        found[own] = each
    return found


def _read(rule: str, text: str) -> str:
    """What of a text is compared."""
    if rule == "second":
        return _SECONDS.sub(r"\1", text)
    if rule == "link":
        try:
            url = urlsplit(text)
        except ValueError:
            return text
        return f"{url.path}?{url.query}"
    return text


def _shown(body: bytes) -> str:
    """A body that is no JSON, as far as it is text."""
    return body.decode("utf-8", "replace")
