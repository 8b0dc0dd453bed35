"""Text is in the charset that it is declared in, else in UTF-8.

Bytes that are none in it are refused: nothing is guessed, and nothing is replaced.
"""

import codecs
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import unquote_to_bytes

UTF_8 = "utf-8"
_CHARSETS = frozenset(
    {"ascii", "big5", "big5hkscs", "cp437", "cp850", "cp858", "cp866", "cp874", "cp932", "cp949", "euc_jp", "euc_kr"}
    | {"gb18030", "gb2312", "gbk", "iso2022_jp", "koi8-r", "koi8-u", "mac-roman", "shift_jis", "tis-620"}
    | {"utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le", UTF_8, "utf-8-sig"}
    | {f"cp125{n}" for n in range(9)}
    | {f"iso8859-{n}" for n in range(1, 17) if n != 12}
)
"""The charsets that are read, as Python's codecs call them: those of the Encoding Standard, and the usual others."""
WIDE = ("utf-16", "utf-32")
"""Charsets that are no superset of ASCII: what is escaped in a form in one of them is UTF-8, as browsers send it."""


class Malformed(Exception):
    """A body that is not what its door reads."""


class TooMany(Malformed):
    """A body with more parts than are read; nothing was made of it.

    Attributes:
        what: of which there are too many: values, fields, files or parts.
        limit: the most that are read.
    """

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"it has more than {limit:,} {what}")
        self.what = what
        self.limit = limit


class UnknownCharset(Malformed):
    """A charset that is declared and that we do not read."""


def declared(content_type: str) -> str | None:
    """The charset that a Content-Type declares, as Python's codecs call it; None when it declares none.

    Raises:
        UnknownCharset: it is none that we read.
    """
    lowered = content_type.lower()
    if "charset" not in lowered:
        return None
    if lowered.endswith("charset=utf-8"):
        return UTF_8
    given = Message()
    given["content-type"] = content_type
    # The tuple is of RFC 2231's charset*=, which HTTP does not have.
    name = given.get_param("charset", "")
    if not isinstance(name, str) or not name.strip():
        return None
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        raise UnknownCharset(name[:40]) from None
    if found not in _CHARSETS:
        raise UnknownCharset(name[:40])
    # Whoever says ISO-8859-1 means windows-1252, which has characters where that has control codes (Encoding Standard).
    return "cp1252" if found == "iso8859-1" else found


SUBSTITUTE = "\x1a"
"""Stands where a path has bytes that are no UTF-8. No record holds it, so that nothing is found by it; U+FFFD, which
servers put there, may stand in a text."""


def path_of(scope: Mapping[str, Any]) -> str:
    """The path of a request, with `SUBSTITUTE` for every byte that is not UTF-8."""
    path: str = scope["path"]
    if "\ufffd" not in path:
        return path
    given = unquote_to_bytes(scope.get("raw_path", b"").partition(b"?")[0]).decode(UTF_8, "surrogateescape")
    return _SURROGATE.sub(SUBSTITUTE, given) or path


_SURROGATE = re.compile("[\ud800-\udfff]")


def decoded(data: bytes, encoding: str) -> str:
    """The text that the bytes are.

    Raises:
        Malformed: they are none in this charset.
    """
    try:
        return data.decode(encoding)
    except UnicodeError:
        raise Malformed(f"not {encoding}") from None
