"""LDIF (RFC 2849): entries of a directory, as Thunderbird, SOGo and LDAP servers write them."""

import base64
import binascii
from collections.abc import Iterator

from crmgraph.crm.models import PartyKind
from crmgraph.imports import cells, dates, pictures
from crmgraph.imports.drafts import Context, Draft
from crmgraph.imports.files import FALLBACK, Source
from crmgraph.imports.owners import Owners
from crmgraph.imports.records import External, Place, Refusal, Skipped
from crmgraph.imports.tables import Lines

SYSTEM, SPACE = "LDIF", "dn"
MAX_ATTRIBUTES = 2_000
MAX_ENTRY = 16 * 1024 * 1024
"""Bytes of an entry."""
_MAX_LINES = MAX_ENTRY // 64
"""Lines of an entry: a photo is folded into many."""
_TEXTS = {
    "sn": "lastName",
    "surname": "lastName",
    "givenname": "firstName",
    "mozillanickname": "nickname",
    "xmozillanickname": "nickname",
    "title": "jobTitle",
    "ou": "department",
    "department": "department",
    "departmentnumber": "department",
    "description": "description",
    "preferredlanguage": "language",
}
_PHONES = {
    "telephonenumber": ("LANDLINE", None),
    "homephone": ("HOME", None),
    "mobile": ("MOBILE", None),
    "cellphone": ("MOBILE", None),
    "facsimiletelephonenumber": ("FAX", None),
    "fax": ("FAX", None),
    "pager": ("OTHER", "pager"),
    "pagerphone": ("OTHER", "pager"),
}
_EMAILS = ("mail", "mozillasecondemail", "xmozillasecondemail", "rfc822mailbox")
_ADDRESS = {
    "street": ("BUSINESS", "street"),
    "streetaddress": ("BUSINESS", "street"),
    "mozillaworkstreet2": ("BUSINESS", "street"),
    "postofficebox": ("BUSINESS", "poBox"),
    "l": ("BUSINESS", "city"),
    "locality": ("BUSINESS", "city"),
    "st": ("BUSINESS", "state"),
    "postalcode": ("BUSINESS", "postalCode"),
    "c": ("BUSINESS", "countryName"),
    "co": ("BUSINESS", "countryName"),
    "countryname": ("BUSINESS", "countryName"),
    "mozillahomestreet": ("HOME", "street"),
    "mozillahomestreet2": ("HOME", "street"),
    "mozillahomelocalityname": ("HOME", "city"),
    "mozillahomestate": ("HOME", "state"),
    "mozillahomepostalcode": ("HOME", "postalCode"),
    "mozillahomecountryname": ("HOME", "countryName"),
}
_ORGANIZATION = ("o", "company", "organizationname")
_PHOTOS = ("jpegphoto", "photo", "thumbnailphoto")
_DROPPED = frozenset({"objectclass", "dn", "uid", "entryuuid", "mozillausehtmlmail", "changetype", "version"})
_BIRTH = ("birthyear", "birthmonth", "birthday")
_GROUPS = frozenset({"groupofnames", "groupofuniquenames", "mailgroup", "organizationalunit"})

Entry = list[tuple[str, bytes, bool]]
"""Attributes with their values, and whether these are addresses of values."""


def entries(source: Source, encoding: str) -> Iterator[tuple[Entry, bytes, bool]]:
    """The entries of a file: their attributes, their bytes, and whether these are too many."""
    with source.open() as stream:
        taken: list[bytes] = []
        size = 0
        for line in Lines(stream, encoding):
            if line.strip():
                size += len(line)
                if size <= MAX_ENTRY:
                    taken.append(line)
                continue
            if taken:
                yield _entry(taken), b"".join(taken), size > MAX_ENTRY or len(taken) > _MAX_LINES
            taken, size = [], 0
        if taken:
            yield _entry(taken), b"".join(taken), size > MAX_ENTRY or len(taken) > _MAX_LINES


def _entry(taken: list[bytes]) -> Entry:
    # In pieces: a photo has thousands of them, and each `+` would copy what is there already.
    lines: list[list[bytes]] = []
    for each in taken:
        text = each.rstrip(b"\r\n")
        if text[:1] == b" " and lines:
            lines[-1].append(text[1:])
        else:
            lines.append([text])
    joined = (b"".join(pieces) for pieces in lines)
    return [found for line in joined if not line.startswith(b"#") and (found := _attribute(line)) is not None]


def _attribute(line: bytes) -> tuple[str, bytes, bool] | None:
    name, colon, value = line.partition(b":")
    if not colon:
        return None
    # Options as `;lang-de` say nothing that we have a place for.
    word = name.decode("ascii", "replace").split(";")[0].strip()
    if value.startswith(b":"):
        try:
            return word, base64.b64decode(value[1:].strip(), validate=True), False
        except (binascii.Error, ValueError):
            return word, value[1:].strip(), False
    if value.startswith(b"<"):
        return word, value[1:].strip(), True
    return word, value.strip(b" "), False


def read(source: Source, encoding: str, context: Context, owners: Owners) -> Iterator[Draft | Refusal | Skipped]:
    """Each entry of a file."""
    for entry, raw, is_long in entries(source, encoding):
        names = {name.lower() for name, _, _ in entry}
        if names <= {"version"}:
            continue
        dn = next((_text(value) for name, value, _ in entry if name.lower() == "dn"), "")
        at = Place(source.name, f"dn {dn}")
        if is_long or len(entry) > MAX_ATTRIBUTES:
            reason = f"more than {MAX_ENTRY:,} bytes, or {MAX_ATTRIBUTES:,} attributes"
            yield Refusal(at, "TOO_LARGE", reason, original=raw)
            continue
        classes = {_text(value).lower() for name, value, _ in entry if name.lower() == "objectclass"}
        change = next((_text(value) for name, value, _ in entry if name.lower() == "changetype"), "add")
        if change.lower() != "add":
            yield Skipped(at, "NO_HOME", f"changetype {change} is no entry")
        elif classes & _GROUPS:
            yield Skipped(
                at, "NO_HOME", "a mailing list" if "organizationalunit" not in classes else "a unit, and nobody"
            )
        else:
            yield _draft(entry, dn, at, raw, context, owners)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode(FALLBACK, "replace")


def _draft(entry: Entry, dn: str, at: Place, raw: bytes, context: Context, owners: Owners) -> Draft:
    draft = Draft(PartyKind.CONTACT, at, context, original=raw)
    draft.owner = owners.importer
    draft.facts["name_column"] = "sn"
    if dn:
        draft.external = External(context.system or SYSTEM, SPACE, dn)
    rows = [(name, name.lower(), value) for name, value, is_address in entry if not is_address]
    for name, _, is_address in entry:
        if is_address:
            draft.warn(
                "PHOTO_DROPPED" if name.lower() in _PHOTOS else "VALUE_DROPPED",
                name,
                reason="an address that nobody here can fetch",
            )
    for order in (_PHONES, _EMAILS, _ADDRESS):
        for wanted in order:
            for name, key, value in rows:
                if key == wanted:
                    _put(draft, name, key, value)
    for name, key, value in rows:
        if key not in _PHONES and key not in _EMAILS and key not in _ADDRESS:
            _put(draft, name, key, value)
    _put_birth(draft, {key: _text(value) for _, key, value in rows if key in _BIRTH})
    return draft


def _put(draft: Draft, name: str, key: str, value: bytes) -> None:
    if key in _DROPPED or key in _BIRTH:
        return
    if key in _PHOTOS:
        pictures.put(draft, value, name)
        return
    text, removed = cells.clean(_text(value), lines=key in ("description", "street"))
    if removed:
        draft.warn("CONTROL_REMOVED", name)
    if not text or text in cells.EMPTY:
        return
    if key in _PHONES:
        kind, notes = _PHONES[key]
        draft.phone(kind, text, name, notes)
    elif key in _EMAILS:
        draft.email("BUSINESS", text, name)
    elif key in _ADDRESS:
        draft.address(*_ADDRESS[key], text.replace("$", "\n") if key == "postaladdress" else text, name)
    elif key in ("cn", "commonname", "displayname"):
        if draft.full_name is None or key == "cn":
            draft.full_name = (text, name)
            draft.has_values = True
    elif key in _ORGANIZATION:
        draft.link("account", PartyKind.ACCOUNT, name, text=text)
    elif key in ("modifytimestamp", "createtimestamp"):
        _put_time(draft, key, text)
    elif key in _TEXTS and _TEXTS[key] not in draft.input:
        draft.put(_TEXTS[key], text, name)
    else:
        draft.has_values = True
        draft.kept[name] = text


def _put_time(draft: Draft, key: str, text: str) -> None:
    """Thunderbird writes seconds, and `0Z` for none; servers write `20260102030405Z`."""
    digits = text.rstrip("Z")
    moment = None
    if len(digits) == 14 and digits.isdecimal():
        moment = dates.time_of(f"{digits[:8]}T{digits[8:]}Z", "ymd", None)
    elif digits.isdecimal() and 0 < int(digits) < 2**33:
        moment = dates.from_seconds(int(digits)), True
    if moment is not None and key == "modifytimestamp":
        draft.updated_at = moment[0]
    elif moment is not None:
        draft.created_at = moment[0]


def _put_birth(draft: Draft, parts: dict[str, str]) -> None:
    year, month, day = (int(text) if (text := parts.get(name, "")).isdecimal() else None for name in _BIRTH)
    if (year, month, day) == (None, None, None):
        return
    if month is None or day is None:
        draft.drop("birthday", " ".join(parts.values()), "no date")
        return
    text = f"{year:04}-{month:02}-{day:02}" if year else f"--{month:02}{day:02}"
    found = dates.day_of(text, "ymd")
    if isinstance(found, str):
        draft.drop("birthday", text, found)
    else:
        draft.birth(found, "birthday", text)
