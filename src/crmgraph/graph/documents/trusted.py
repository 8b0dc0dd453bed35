"""Documents by their hash: those of a manifest, which may be all that is run, and those that clients register.

GraphQL over HTTP names a document by `documentId`, `sha256:` and the hash of its text (its appendix on persisted
documents). Apollo's automatic persisted queries name it by `extensions.persistedQuery`, and send the text once where
the hash is not known.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cachetools import LRUCache

KEPT_CHARACTERS = 4_000_000
"""How much of what clients have registered is kept, in characters: whoever finds theirs gone sends it again."""
MAX_MANIFEST = 32 * 2**20
"""The longest manifest, in bytes."""
_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.ASCII)

UNTRUSTED = "Only documents that the operator has listed are run here."
"""What is told of any other."""

PAGE = (
    """mutation Login($email: EmailAddress!, $password: String!) {
  login(input: {email: $email, password: $password}) {
    accessToken refreshToken expiresAt viewer { id role } userErrors { code message path }
  }
}""",
    """mutation RefreshSession($refreshToken: String!) {
  refreshSession(input: {refreshToken: $refreshToken}) {
    accessToken refreshToken expiresAt viewer { id role } userErrors { code message path }
  }
}""",
    "mutation Logout { logout { userErrors { code message path } } }",
)
"""What the GraphiQL page itself sends before staff may type: always trusted."""


class BadDocument(Exception):
    """A request whose document cannot be found.

    Args:
        code: in the words of the answer.
        status: of the answer.
    """

    def __init__(self, message: str, code: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


@dataclass(slots=True)
class Named:
    """The text of a document, and whether it was named by its hash."""

    text: Any
    persisted: bool


class Documents:
    """The documents that are known.

    Args:
        manifest: {hash, with or without `sha256:`: text}.
        trusted: nothing but the manifest is run, for anybody but staff.

    Raises:
        ValueError: a text does not have its hash.
    """

    def __init__(self, manifest: Mapping[str, str] | None = None, *, trusted: bool = False) -> None:
        self.trusted = trusted
        self._manifest: dict[str, str] = {}
        self._registered: LRUCache[str, str] = LRUCache(KEPT_CHARACTERS, len)
        for name, text in (manifest or {}).items():
            found = _HASH.fullmatch(name)
            if found is None or not isinstance(text, str) or digest(text) != found[1]:
                raise ValueError(f"{name[:80]!r} is not the SHA-256 hash of its document")
            self._manifest[found[1]] = text
        self._trusted = {*self._manifest.values(), *PAGE}

    @staticmethod
    def load(path: Path | None, *, trusted: bool = False) -> "Documents":
        """The documents of a manifest: an object of JSON, {hash: text}.

        Raises:
            ValueError: it is none, or cannot be read.
        """
        if path is None:
            return Documents(trusted=trusted)
        try:
            if path.stat().st_size > MAX_MANIFEST:
                raise ValueError(f"{path} is longer than {MAX_MANIFEST:,} bytes")
            manifest = orjson.loads(path.read_bytes())
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        except orjson.JSONDecodeError:
            raise ValueError(f"{path} is no JSON") from None
        if not isinstance(manifest, dict):
            raise ValueError(f"{path} is no object of hashes and documents")
        return Documents(manifest, trusted=trusted)

    def allows(self, text: str, *, is_staff: bool) -> bool:
        """Whether somebody may run this text."""
        return is_staff or not self.trusted or text in self._trusted

    def named(self, given: Mapping[str, Any]) -> Named:
        """The document of a request: its text, or what its hash stands for.

        Args:
            given: the parameters of the request.

        Raises:
            BadDocument: nobody knows the hash, or the text has another.
        """
        text = given.get("query")
        if (document_id := given.get("documentId")) is not None:
            if text is not None:
                raise BadDocument("Give `query` or `documentId`, not both.", "BAD_REQUEST")
            found = _HASH.fullmatch(document_id) if isinstance(document_id, str) else None
            known = None if found is None or ":" not in document_id else self._known(found[1])
            if known is None:
                raise BadDocument(
                    "No document has this `documentId`: `sha256:` and the hash of its text, in 64 hexadecimal digits.",
                    "PERSISTED_DOCUMENT_NOT_FOUND",
                )
            return Named(known, True)
        automatic = (given.get("extensions") or {}) if isinstance(given.get("extensions"), dict) else {}
        asked = automatic.get("persistedQuery")
        if asked is None:
            return Named(text, False)
        if not isinstance(asked, dict) or asked.get("version") != 1:
            raise BadDocument("`persistedQuery` has version 1.", "PERSISTED_QUERY_NOT_SUPPORTED", 200)
        own = asked.get("sha256Hash")
        if not isinstance(own, str) or _HASH.fullmatch(own) is None:
            raise BadDocument("`sha256Hash` is the hash of the query, in 64 hexadecimal digits.", "BAD_REQUEST")
        own = own.removeprefix("sha256:")
        if text is None:
            known = self._known(own)
            if known is None:
                # In Apollo's words and status, by which its clients send the text.
                raise BadDocument("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", 200)
            return Named(known, True)
        if not isinstance(text, str) or digest(text) != own:
            raise BadDocument("provided sha does not match query", "BAD_REQUEST")
        if not self.trusted and len(text) <= KEPT_CHARACTERS // 10:
            self._registered[own] = text
        return Named(text, True)

    def _known(self, own: str) -> str | None:
        return self._manifest.get(own) or self._registered.get(own)


def digest(text: str) -> str:
    """The hash of a text, in hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
