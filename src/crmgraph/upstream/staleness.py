"""Which records were written at the old CRM and may not be as new here yet."""

import datetime as dt
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote_plus

import orjson

from crmgraph.crm.models import Door
from crmgraph.upstream.compare import BODY, STATUS, Difference
from crmgraph.upstream.tee import PassedCall

REMEMBERED = 10_000
"""How many records are remembered."""
SECONDS = 900.0
"""How long a record counts as written lately, in seconds: a difference that lasts longer is one."""
MOST_IDS = 1_000
"""How many ids of one call are looked at."""
_ID = re.compile(r"(?:^|[/=,])([0-9A-Fa-f]{1,40})(?=$|[/?&,])")

IsBehind: TypeAlias = Callable[[Door, Mapping[str, dt.datetime]], Awaitable[set[str]]]
"""Which records of these, {id: when they were changed last at the old CRM}, were not read there since."""
Refresh: TypeAlias = Callable[[Door, Sequence[str]], Awaitable[None]]
"""Reads records by their ids at the old CRM."""


class Written:
    """The records that calls have written lately which passed by."""

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[Door, str], float] = OrderedDict()
        self._dialects: dict[Door, float] = {}

    def note(self, call: PassedCall, customer: str | None) -> None:
        """Remember what a call has written.

        Args:
            customer: who asks, where that is whose record is meant.
        """
        at = time.monotonic()
        self._dialects[call.dialect] = at
        for each in (*ids_of(call), *filter(None, (customer,))):
            self._records[call.dialect, each] = at
            self._records.move_to_end((call.dialect, each))
        while len(self._records) > REMEMBERED:
            self._records.popitem(last=False)

    def stale(self, call: PassedCall, customer: str | None, differences: Iterable[Difference]) -> list[Difference]:
        """Those of the differences that a write may be the reason of: of its record, or of a count of records."""
        asked = {*ids_of(call), *filter(None, (customer,))}
        return [each for each in differences if self._is_stale(call.dialect, asked, each)]

    def _is_stale(self, dialect: Door, asked: set[str], difference: Difference) -> bool:
        own = {difference.record} if difference.record is not None else set()
        if difference.field in (STATUS, BODY) or difference.field.startswith("header ") or not own:
            own = own | asked
        if any(self._was_written(self._records.get((dialect, each))) for each in own if each is not None):
            return True
        counts = (difference.control, difference.candidate)
        is_count = difference.record is None and all(isinstance(each, int) for each in counts)
        return is_count and difference.field != STATUS and self._was_written(self._dialects.get(dialect))

    @staticmethod
    def _was_written(at: float | None) -> bool:
        return at is not None and time.monotonic() - at < SECONDS


def ids_of(call: PassedCall) -> Iterator[str]:
    """The ids that a call names: in its path and query, in its body, and, of a write, in its answer."""
    texts = (call.path.decode("latin-1"), unquote_plus(call.query.decode("latin-1")))
    found = [each for text in texts for each in _ID.findall(text)]
    if not call.is_read:
        for body in (call.body, call.answer):
            found += _in_json(body)
    yield from found[:MOST_IDS]


def _in_json(body: bytes) -> Iterator[str]:
    try:
        waiting: list[Any] = [orjson.loads(body)]
    except orjson.JSONDecodeError:
        return
    seen = 0
    while waiting and seen < 10 * MOST_IDS:
        value = waiting.pop()
        seen += 1
        if isinstance(value, dict):
            if isinstance(own := value.get("id"), str | int):
                yield str(own)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def modified_in(value: Any, name: str) -> dict[str, dt.datetime]:
    """{id: when it was changed last} of the objects in a value that say both.

    Args:
        name: what the field is called that says when.
    """
    found: dict[str, dt.datetime] = {}
    waiting = [value]
    while waiting and len(found) < MOST_IDS:
        each = waiting.pop()
        if isinstance(each, dict):
            own, at = each.get("id"), each.get(name)
            if isinstance(own, str | int) and isinstance(at, str):
                try:
                    moment = dt.datetime.fromisoformat(at)
                except ValueError:
                    continue
                found[str(own)] = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found
