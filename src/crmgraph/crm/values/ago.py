"""Moments that are told by how long ago they are, in the durations of ISO 8601 (section 5.5.2.2)."""

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"P(?=[0-9T])(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,5})W)?(?:([0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,7})M)?(?:([0-9]{1,9})S)?)?",
    re.ASCII,
)
MAX_NAME = 64
"""The longest name of a zone, in characters."""
_EARLIEST = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
"""The earliest moment that is told: a day later than the first one there is, which no zone has a time before."""


@dataclass(frozen=True, slots=True)
class Ago:
    """A moment so long before now.

    Attributes:
        months, days: counted back in the calendar of the zone: a day has 23 to 25 hours there, and of a month that is
            too short for the day it is the last one.
        seconds: counted back from there.
        zone: the name of a time zone in the IANA database.
    """

    months: int
    days: int
    seconds: int
    zone: str

    def before(self, moment: dt.datetime) -> dt.datetime:
        """The moment so long before another one."""
        zone = zone_of(self.zone)
        if zone is None:
            raise ValueError("there is no such zone")
        try:
            local = moment.astimezone(zone)
            month = local.year * 12 + local.month - 1 - self.months
            year, month = month // 12, month % 12 + 1
            day = min(local.day, calendar.monthrange(year, month)[1])
            then = dt.datetime.combine(dt.date(year, month, day), local.time()) - dt.timedelta(self.days)
            found = then.replace(tzinfo=zone).astimezone(dt.UTC) - dt.timedelta(seconds=self.seconds)
        except (ValueError, OverflowError):
            return _EARLIEST
        return max(found, _EARLIEST)


def ago(duration: str, zone: str) -> Ago | None:
    """The moment that a duration in ISO 8601 tells, e.g. P7D, P1M or PT12H; None of anything else.

    Args:
        zone: one for which `zone_of` has an answer.
    """
    found = _FORM.fullmatch(duration)
    if found is None:
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return Ago(years * 12 + months, weeks * 7 + days, hours * 3600 + minutes * 60 + seconds, zone)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> dt.tzinfo | None:
    """The time zone of a name in the IANA database, e.g. Europe/Berlin; None where there is none."""
    if name == "UTC":
        return dt.UTC
    if len(name) > MAX_NAME:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such file, no name of one, a folder
        return None
