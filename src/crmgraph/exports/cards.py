"""Records as vCard 3.0 (RFC 2426) and 4.0 (RFC 6350)."""

from collections.abc import Iterator
from typing import Any, Literal

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.dumps import Dumped

Version = Literal["3.0", "4.0"]
_PHONES = {"LANDLINE": "work", "MOBILE": "cell", "HOME": "home", "FAX": "fax"}
_ADDRESSES = {"HOME": "home"}
FOLD = 75
"""Octets of a line."""


def card_of(dumped: Dumped, version: Version) -> bytes:
    """The card of a record."""
    return b"".join(_folded(line) for line in _lines(dumped, version))


def _lines(dumped: Dumped, version: Version) -> Iterator[str]:
    record: Any = dumped.aggregate.record
    kind = dumped.aggregate.kind
    yield "BEGIN:VCARD"
    yield f"VERSION:{version}"
    yield f"UID:{uid_of(dumped)}"
    if kind is PartyKind.ACCOUNT:
        yield f"FN:{_text(record.name)}"
        yield f"ORG:{_text(record.name)}"
        yield "KIND:org" if version == "4.0" else "X-ABShowAs:COMPANY"
        if record.website:
            yield f"URL:{_text(record.website)}"
    else:
        yield from _person(dumped, record)
    first = f"{';PREF=1' if version == '4.0' else ';TYPE=pref'}"
    for n, phone in enumerate(dumped.aggregate.phones):
        kind_of = _PHONES.get(phone.kind.value)
        types = f";TYPE={kind_of}" if kind_of else ""
        if kind_of is None:
            yield f"item{n + 1}.TEL:{_text(phone.raw)}"
            yield f"item{n + 1}.X-ABLabel:{_text(phone.notes or phone.kind.value.title())}"
        else:
            yield f"TEL{types}{first if n == 0 else ''}:{_text(phone.raw)}"
    for n, email in enumerate(dumped.aggregate.emails):
        types = ";TYPE=home" if email.kind.value == "PERSONAL" else ";TYPE=work"
        yield f"EMAIL{types}{first if n == 0 else ''}:{_text(email.address)}"
    for each in dumped.aggregate.addresses:
        country = each.country_name or each.country
        street = " ".join(part for part in (each.street, each.street_number) if part)
        parts = (each.po_box, each.apartment, street, each.city, each.state, each.postal_code, country)
        types = _ADDRESSES.get(each.kind.value, "work")
        yield f"ADR;TYPE={types}:{';'.join(_text(part) for part in parts)}"
    if record.description:
        yield f"NOTE:{_text(record.description)}"
    yield f"REV:{record.updated_at:%Y%m%dT%H%M%SZ}"
    yield "END:VCARD"


def _person(dumped: Dumped, record: Any) -> Iterator[str]:
    names = [record.last_name, record.first_name, record.middle_name, record.salutation, None]
    full = " ".join(name for name in (record.first_name, record.middle_name, record.last_name) if name)
    yield f"N:{';'.join(_text(name) for name in names)}"
    yield f"FN:{_text(full)}"
    company = dumped.names.get("account") or getattr(record, "company", None)
    department = getattr(record, "department", None)
    if company:
        yield f"ORG:{_text(company)}" + (f";{_text(department)}" if department else "")
    for name, column in (("TITLE", "job_title"), ("NICKNAME", "nickname"), ("LANG", "language")):
        if value := getattr(record, column, None):
            yield f"{name}:{_text(value)}"
    if birth := _birth(record):
        yield f"BDAY:{birth}"
    if record.twitter:
        yield f"X-SOCIALPROFILE;TYPE=twitter:https://twitter.com/{_text(record.twitter)}"
    if record.skype:
        yield f"IMPP;X-SERVICE-TYPE=Skype:skype:{_text(record.skype)}"


def _birth(record: Any) -> str | None:
    year, month, day = (getattr(record, f"birth_{part}", None) for part in ("year", "month", "day"))
    if month is None or day is None:
        return None if year is None else f"{year:04}"
    return f"--{month:02}{day:02}" if year is None else f"{year:04}{month:02}{day:02}"


def uid_of(dumped: Dumped) -> str:
    """The UID that the card came with, else one by our id."""
    known = next((value for system, _, value in dumped.external_ids if system == "vcard"), None)
    return known or f"urn:crmgraph:{dumped.aggregate.kind.value.lower()}:{dumped.aggregate.id}"


def _text(value: Any) -> str:
    """A text with the escapes of a value."""
    text = str(value or "").replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "".join(c for c in text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n") if c >= " ")


def _folded(line: str) -> bytes:
    """A line in pieces of 75 octets, no letter of which is cut."""
    data = line.encode("utf-8", "replace")
    pieces = []
    limit = FOLD
    while len(data) > limit:
        end = limit
        while data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[:end])
        data, limit = data[end:], FOLD - 1
    return b"\r\n ".join([*pieces, data]) + b"\r\n"
