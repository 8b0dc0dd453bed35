"""vCard 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350) in text.

Lines are unfolded as bytes and decoded then: a fold may cut a letter in two.
"""

import quopri
import re
from collections.abc import Iterator

from crmgraph.imports.cards.properties import Card, Parts, Property
from crmgraph.imports.files import FALLBACK, Source
from crmgraph.imports.tables import Lines

MAX_CARD = 16 * 1024 * 1024
"""Bytes of a card."""
MAX_PROPERTIES = 2_000
STRUCTURED = frozenset({"N", "ADR", "ORG", "GENDER", "CLIENTPIDMAP"})
_LISTS = frozenset({"NICKNAME", "CATEGORIES"})
_BEGIN, _END = re.compile(rb"\s*BEGIN:VCARD\s*$", re.IGNORECASE), re.compile(rb"\s*END:VCARD\s*$", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ENCODED = re.compile(r"\^([n'^])")
_CHARSET = re.compile(
    r"(utf-?(8|16)|us-ascii|iso-8859-\d\d?|(windows-|cp)125\d|koi8-[ru]|shift[_-]jis|gb\w+|big5|euc-\w+)", re.I
)
"""The charsets that are heard: some of Python's decoders take long, or make no text."""
_CUSTOM = re.compile(r"X-CUSTOM\((?P<said>.*)\)", re.IGNORECASE)


def cards(source: Source, encoding: str) -> Iterator[Card]:
    """The cards of a file, one at a time; of each what is wrong with it."""
    with source.open() as stream:
        taken: list[bytes] = []
        size = depth = number = 0
        for line in Lines(stream, encoding):
            if _BEGIN.match(line):
                depth += 1
                if depth == 1:
                    number += 1
                    taken, size = [], 0
            if depth:
                size += len(line)
                if size <= MAX_CARD:
                    taken.append(line)
            if depth and _END.match(line):
                depth -= 1
                if not depth:
                    yield _card(number, taken, size)
        if depth:
            card = Card(number, b"".join(taken))
            card.fault = ("INVALID", "the file ends within the card (no END:VCARD)")
            yield card


def _card(number: int, taken: list[bytes], size: int) -> Card:
    card = Card(number, b"".join(taken))
    if size > MAX_CARD:
        card.raw = card.raw[:MAX_CARD]
        card.fault = ("TOO_LARGE", f"{size:,} bytes, {MAX_CARD:,} are taken")
        return card
    old = next((True for line in taken[:20] if line.strip().upper() == b"VERSION:2.1"), False)
    lines = list(_unfolded(taken, old=old))
    if len(lines) > MAX_PROPERTIES:
        card.fault = ("TOO_LARGE", f"{len(lines):,} properties, {MAX_PROPERTIES:,} are taken")
        return card
    depth = 0
    for line in lines:
        # AGENT of 2.1 has a card of its own within the card.
        depth += 1 if _BEGIN.match(line) else -1 if _END.match(line) else 0
        if depth == 1 and not _BEGIN.match(line) and (found := _property(card, line, old=old)) is not None:
            card.properties.append(found)
            if found.name == "VERSION":
                card.version = found.value
    return card


def _unfolded(taken: list[bytes], *, old: bool) -> Iterator[bytes]:
    """Lines without folds: a blank begins a line that goes on; in QUOTED-PRINTABLE the next one does after a `=`."""
    # In pieces: a photo has thousands of them, and each `+` would copy what is there already.
    pieces: list[bytes] = []
    encoded = soft = whole = False
    for each in taken:
        text = each.rstrip(b"\r\n")
        if soft:
            pieces[-1] = pieces[-1][:-1]
            pieces.append(text)
        elif text[:1] in (b" ", b"\t") and pieces:
            pieces.append(text if whole else text[1:])
        else:
            if pieces:
                yield b"".join(pieces)
            pieces = [text] if text else []
            encoded = b"QUOTED-PRINTABLE" in text.split(b":", 1)[0].upper()
            # Of 2.1 a fold stands where a blank was.
            whole = old and not _is_base64(text)
        soft = encoded and text.endswith(b"=")
    if pieces:
        yield b"".join(pieces)


def _is_base64(line: bytes) -> bool:
    return b"BASE64" in line.split(b":", 1)[0].upper()


def _property(card: Card, line: bytes, *, old: bool) -> Property | None:
    head, value = _halves(line)
    if value is None:
        return None
    words = _split(_decoded(card, head, None), ";", quotes=True)
    group, _, name = words[0].strip().rpartition(".")
    found = Property(name.upper(), "", group=group.lower() or None)
    for word in words[1:]:
        _parameter(found, word)
    _value(card, found, value, old=old)
    return found


def _halves(line: bytes) -> tuple[bytes, bytes | None]:
    """What stands before the first colon that is in no quotes, and what behind it."""
    quoted = False
    for n, c in enumerate(line):
        if c == 0x22:
            quoted = not quoted
        elif c == 0x3A and not quoted:
            return line[:n], line[n + 1 :]
    head, colon, value = line.partition(b":")
    return head, value if colon else None


def _parameter(found: Property, word: str) -> None:
    if match := _CUSTOM.fullmatch(word.strip()):
        found.params.setdefault("X-CUSTOM", []).append(_custom(match["said"]))
        return
    key, equals, text = word.partition("=")
    if not equals:
        # 2.1 writes types and encodings by themselves.
        bare = key.strip().upper()
        name = "ENCODING" if bare in ("QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT") else "TYPE"
        found.params.setdefault(name, []).append(key.strip())
        return
    values = [_ENCODED.sub(_caret, each.strip().strip('"')) for each in _split(text, ",", quotes=True)]
    if key.strip().upper() == "TYPE":
        values = [each for value in values for each in value.split(",")]
    found.params.setdefault(key.strip().upper(), []).extend(values)


def _custom(said: str) -> str:
    """Android's label of its user's own: `CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,=E4=BB=95`."""
    label = said.split(",", 2)[-1] if "ENCODING=QUOTED-PRINTABLE" in said.upper() else said
    return quopri.decodestring(label.encode("utf-8", "replace")).decode("utf-8", "replace")


def _caret(match: re.Match[str]) -> str:
    """RFC 6868."""
    return {"n": "\n", "'": '"', "^": "^"}[match[1]]


def _value(card: Card, found: Property, value: bytes, *, old: bool) -> None:
    encoding = (found.param("ENCODING") or "").upper()
    charset = found.param("CHARSET")
    if encoding == "QUOTED-PRINTABLE":
        parts = [_decoded(card, quopri.decodestring(each), charset) for each in _split_bytes(value)]
        found.value = ";".join(parts)
        found.parts = [[part.replace("\\;", ";").replace("\r\n", "\n")] for part in parts]
        if found.name not in STRUCTURED:
            found.value = found.value.replace("\\;", ";").replace("\r\n", "\n")
        return
    text = _decoded(card, value, charset)
    if encoding in ("B", "BASE64"):
        found.value = text
    elif found.name in STRUCTURED:
        found.parts = [[unescaped(each) for each in _split(part, ",")] for part in _split(text, ";")]
        if old or found.name == "ORG":
            found.parts = [[unescaped(part)] for part in _split(text, ";")]
        found.value = unescaped(text)
    elif found.name in _LISTS:
        found.parts = [[unescaped(each)] for each in _split(text, ",")]
        found.value = unescaped(text)
    else:
        found.value = unescaped(text) if not old else text.replace("\\;", ";").replace("\\:", ":")


def _decoded(card: Card, value: bytes, charset: str | None) -> str:
    for name in (charset if charset and _CHARSET.fullmatch(charset) else None, "utf-8"):
        try:
            if name:
                return value.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    card.other_encoding = True
    return value.decode(FALLBACK, "replace")


def _split_bytes(value: bytes) -> list[bytes]:
    return re.split(rb"(?<!\\);", value)


def _split(text: str, mark: str, *, quotes: bool = False) -> list[str]:
    """A text at each mark that is neither escaped nor, if that counts, in quotes."""
    if mark not in text:
        return [text]
    found, begin, quoted, n = [], 0, False, 0
    while n < len(text):
        c = text[n]
        if c == "\\" and not quotes:
            n += 2
            continue
        if c == '"' and quotes:
            quoted = not quoted
        elif c == mark and not quoted:
            found.append(text[begin:n])
            begin = n + 1
        n += 1
    return [*found, text[begin:]]


def unescaped(text: str) -> str:
    """A text without the escapes of RFC 6350, section 3.4, and `\\:`, which Google writes."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)


__all__ = ["Parts", "cards", "unescaped"]
