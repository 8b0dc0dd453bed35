"""Places in the change log: where somebody has read to, in a form that lasts as long as the log does."""

import datetime as dt
import re
from dataclasses import dataclass

_FORM = re.compile(r"1\.(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,18})\.(-?[0-9]{1,18})", re.ASCII)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOST = 2**63
_YEARS = range(-62_135_596_800_000_000, 253_402_300_800_000_000)
"""Microseconds since 1970 that are a time."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry of the log stands. The order of places is the order of the feed.

    Attributes:
        transaction_id: of the transaction that wrote it, see `Change`.
        at: its time, which tells it from another entry of the same number in a log that was set back.
    """

    transaction_id: int
    id: int
    at: dt.datetime

    def __str__(self) -> str:
        micros = (self.at - _EPOCH) // dt.timedelta(microseconds=1)
        return f"1.{self.transaction_id}.{self.id}.{micros}"


BEGINNING = Place(0, 0, _EPOCH)
"""Before the first entry that there ever was."""


def read_place(text: str) -> Place | None:
    """The place that a text stands for; None of any other text."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    transaction_id, own_id, micros = map(int, found.groups())
    if transaction_id >= _MOST or own_id >= _MOST or micros not in _YEARS:
        return None
    return Place(transaction_id, own_id, _EPOCH + dt.timedelta(microseconds=micros))
