"""Dates and times as people and programs write them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crmgraph.imports.cells import MAX_FIGURES
from crmgraph.imports.records import DateOrder

_EPOCH = date(1899, 12, 30)
"""Day 0 of a spreadsheet."""
_SERIAL = range(366, 110_000)
NO_YEAR = 1604
"""What Apple writes for the year of a birthday that has none."""

_MONTHS = {
    name: n
    for n, names in enumerate(
        (
            "jan january januar janvier enero gennaio janeiro januari styczeń stycznia",
            "feb february februar février febrero febbraio fevereiro februari luty lutego",
            "mar march märz mrz mars marzo março maart marzec marca",
            "apr april avril abril aprile kwiecień kwietnia",
            "may mai mayo maggio maio mei maj maja",
            "jun june juni juin junio giugno junho czerwiec czerwca",
            "jul july juli juillet julio luglio julho lipiec lipca",
            "aug august août agosto augustus sierpień sierpnia",
            "sep sept september septembre septiembre settembre setembro wrzesień września",
            "oct okt october oktober octobre octubre ottobre outubro październik października",
            "nov november novembre noviembre novembro listopad listopada",
            "dec dez december dezember décembre diciembre dicembre dezembro grudzień grudnia",
        ),
        start=1,
    )
    for name in names.split()
}
_ISO = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})\.?")
_NO_YEAR = re.compile(r"--(\d{2})-?(\d{2})")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[\s-]+([^\W\d]+)\.?,?[\s-]+(\d{4}|\d{2})")
_MONTH_DAY = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")


@dataclass(frozen=True, slots=True)
class Day:
    """A date of which the year, or all but the year, may lack.

    Attributes:
        guessed: whether its century was.
    """

    year: int | None
    month: int | None
    day: int | None
    guessed: bool = False


def order_of(cell: str) -> DateOrder | None:
    """The order of day and month that a cell proves: one of them is above twelve, or dots part them."""
    match = _NUMERIC.match(cell.strip())
    if match is None:
        return None
    if match[2] == "." or (int(match[1]) > 12 and int(match[3]) <= 12):
        return "dmy"
    return "mdy" if int(match[3]) > 12 and int(match[1]) <= 12 else None


def is_doubtful(cell: str) -> bool:
    """Whether a cell is a date of which nobody can say which part is the day."""
    match = _NUMERIC.match(cell.strip())
    return match is not None and match[2] != "." and 1 <= int(match[1]) <= 12 and 1 <= int(match[3]) <= 12


def decided(cells: Iterable[str]) -> tuple[DateOrder | None, str | None, str | None]:
    """The order that these cells prove, the cell that does, and a cell that is in doubt without it."""
    doubtful = None
    for cell in cells:
        if order := order_of(cell):
            return order, cell, None
        if doubtful is None and is_doubtful(cell):
            doubtful = cell
    return None, None, doubtful


def day_of(text: str, order: DateOrder | None, today: date | None = None) -> Day | str:
    """The date that a text writes, or why it is none: "no date", "no such day".

    Args:
        order: of day and month where figures alone stand for them.
        today: two figures for the year mean one of the last hundred years.
    """
    text = text.strip()
    parts = _parts(text, order) if len(text) <= MAX_FIGURES else None
    if parts is None:
        return "no date"
    year, month, day, guessed = parts
    if year is not None and guessed:
        now = (today or date.today()).year
        year += now - now % 100
        year -= 100 if year > now else 0
    if month is not None and day is not None:
        try:
            date(2000 if year is None else year, month, day)
        except ValueError:
            return "no such day"
    return Day(year, month, day, guessed)


def _parts(text: str, order: DateOrder | None) -> tuple[int | None, int | None, int | None, bool] | None:
    if match := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3]), False
    if match := _NO_YEAR.fullmatch(text):
        return None, int(match[1]), int(match[2]), False
    if match := _NUMERIC.fullmatch(text):
        first, second = int(match[1]), int(match[3])
        if match[2] != "." and order == "mdy":
            first, second = second, first
        elif match[2] != "." and order == "ymd" and len(match[4]) == 2:
            return first, second, int(match[4]), True
        return int(match[4]), second, first, len(match[4]) == 2
    if match := _DAY_MONTH.fullmatch(text):
        return (int(match[3]), month, int(match[1]), len(match[3]) == 2) if (month := _month(match[2])) else None
    if match := _MONTH_DAY.fullmatch(text):
        return (int(match[3]), month, int(match[2]), False) if (month := _month(match[1])) else None
    if text.isascii() and text.isdigit() and int(text) in _SERIAL:
        if len(text) == 4 and 1875 <= int(text) <= 2100:
            return int(text), None, None, False
        found = _EPOCH + timedelta(days=int(text))
        return found.year, found.month, found.day, False
    return None


def _month(word: str) -> int | None:
    return _MONTHS.get(word.casefold()) or _MONTHS.get(word.casefold()[:3])


_TIME = re.compile(
    r"(?P<day>.+?)[T\s]+(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_SERIAL_TIME = re.compile(r"(\d{3,6})(\.\d+)")
_STAMP = re.compile(r"(\d{8})T(\d{2})(\d{2})(\d{2})(Z)?")


def time_of(text: str, order: DateOrder | None, zone: ZoneInfo | None) -> tuple[datetime, bool] | None:
    """The time that a text writes, in UTC, and whether there was such a time.

    Args:
        zone: of a time that says none; UTC where it is None. In the gap of daylight saving time the offset before it
            holds, in the doubled hour the first.
    """
    text = text.strip()
    if len(text) > MAX_FIGURES:
        return None
    if (match := _SERIAL_TIME.fullmatch(text)) and int(match[1]) in _SERIAL:
        moment = datetime.combine(_EPOCH, time()) + timedelta(
            days=int(match[1]), seconds=round(86_400 * float(match[2]))
        )
        text = f"{moment:%Y-%m-%d %H:%M:%S}"
    if match := _STAMP.fullmatch(text):
        text = f"{match[1]} {match[2]}:{match[3]}:{match[4]}{match[5] or ''}"
    match = _TIME.fullmatch(text)
    day = day_of(match["day"] if match else text, order)
    if isinstance(day, str) or day.year is None or day.month is None or day.day is None:
        return None
    hour = int(match["hour"]) if match else 0
    if match and match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    try:
        minute, second = (int(match[part] or 0) if match else 0 for part in ("minute", "second"))
        found = datetime(day.year, day.month, day.day, hour, minute, second)
        if match and match["zone"]:
            return found.replace(tzinfo=UTC) - _offset(match["zone"]), True
        there = found.replace(tzinfo=zone or UTC)
        moment = there.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment, moment.astimezone(there.tzinfo).replace(tzinfo=None) == found


def _offset(zone: str) -> timedelta:
    if zone[0] not in "+-":
        return timedelta()
    found = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -found if zone[0] == "-" else found


def is_local(text: str) -> bool:
    """Whether a text is a time that does not say where."""
    match = _TIME.fullmatch(text.strip()) if len(text) <= MAX_FIGURES else None
    return match is not None and not match["zone"]


def from_seconds(seconds: int) -> datetime:
    """The time of so many seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
