"""What a label of a number or an address says: of address books, cards and lists."""

import re

_FAX = re.compile(r"fax|ファックス", re.IGNORECASE)
_MOBILE = re.compile(r"\b(mobil\w*|cell\w*|iphone|handy|portable|móvil|cellulare|komórka|携帯)", re.IGNORECASE)
_ASSISTANT = re.compile(r"assist", re.IGNORECASE)
_HOMES = "home private privat privé particular casa thuis dom 自宅"
_WORKS = "work office business company arbeit geschäftlich büro travail trabajo lavoro werk 勤務先"
_HOME, _WORK = frozenset(_HOMES.split()), frozenset(_WORKS.split())
_PERSONAL = _HOME | {"personal", "persönlich", "personnel"}
_APPLE = re.compile(r"_\$!<(.*)>!\$_")


def bare(label: str) -> str:
    """A label without what address books write around their own."""
    match = _APPLE.fullmatch(label.strip())
    return (match[1] if match else label.strip().removeprefix("* ").removeprefix("*")).strip()


def phone_kind(label: str) -> tuple[str, str | None]:
    """The kind of a number that is called so, and the note that keeps a label which is no kind."""
    text = bare(label)
    word = text.casefold()
    if not word or word in _WORK or word in ("company main", "work phone", "voice"):
        return "LANDLINE", None
    if _FAX.search(word):
        return "FAX", None
    if _MOBILE.search(word):
        return "MOBILE", None
    if _ASSISTANT.search(word):
        return "ASSISTANT", None
    if word in _HOME:
        return "HOME", None
    return "OTHER", None if word == "other" else text


def email_kind(label: str) -> str:
    """The kind of an email address that is called so."""
    return "PERSONAL" if bare(label).casefold() in _PERSONAL else "BUSINESS"


def address_kind(label: str) -> str:
    """The kind of a postal address that is called so."""
    word = bare(label).casefold()
    if word in _HOME:
        return "HOME"
    return "BUSINESS" if not word or word in _WORK else "OTHER"
