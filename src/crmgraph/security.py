"""Password hashes, signing keys and opaque tokens. Knows nothing of contacts."""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, TypeVarTuple

import argon2
import jwt

from crmgraph.password_strength import is_guessable
from crmgraph.recent import Recent

MIN_PASSWORD = 8
"""The shortest password that may be chosen, in characters."""
MAX_PASSWORD = 1024
"""The longest password that is heard, in characters."""
MIN_SECRET = 32
"""The shortest signing secret, in characters."""
KEPT_TOKENS = 10_000
"""How many tokens of each form are remembered whose signature held."""
MAX_TOKEN = 4096
"""The longest signed token that is looked into, in characters."""

Args = TypeVarTuple("Args")
Answer = TypeVar("Answer")

_SURROGATES = re.compile("[\ud800-\udfff]")


def password_fault(password: str) -> tuple[str, int | None] | None:
    """Why nobody may choose this password: ("password", least), ("too_long", most) or ("control", None).

    None when they may.
    """
    if len(password) < MIN_PASSWORD:
        return "password", MIN_PASSWORD
    if len(password) > MAX_PASSWORD:
        return "too_long", MAX_PASSWORD
    if _SURROGATES.search(password):
        return "control", None
    return None


class Passwords:
    """Hashes of passwords by argon2id, made and compared in threads so that the event loop goes on.

    Args:
        concurrency: how many are at work at once; more wait.
        memory_kib: what one hash takes, in KiB.
        passes: how often one hash goes over its memory.
        parallelism: how many threads one hash uses. The defaults are the second choice of RFC 9106.
    """

    def __init__(self, concurrency: int = 2, *, memory_kib: int = 65536, passes: int = 3, parallelism: int = 4) -> None:
        cost = argon2.Parameters(
            type=argon2.Type.ID,
            version=argon2.low_level.ARGON2_VERSION,
            salt_len=16,
            hash_len=32,
            time_cost=passes,
            memory_cost=memory_kib,
            parallelism=parallelism,
        )
        self._hasher = argon2.PasswordHasher.from_parameters(cost)
        self._dummy = _hash_of_nothing(cost)
        # A pool of its own: a request that is given up must not make room for another while its thread still works.
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="password")

    async def fault(self, password: str, own: Collection[str] = ()) -> tuple[str, int | None] | None:
        """Why nobody may choose this password: what `password_fault` says, or ("guessable", None); None when they may.

        Args:
            own: what is known of its owner, see `is_guessable`.
        """
        if (fault := password_fault(password)) is not None:
            return fault
        return ("guessable", None) if await self._work(is_guessable, password, own) else None

    async def hash(self, password: str) -> str:
        """The hash to keep of a password, which `fault` has let pass."""
        return await self._work(self._hash, password)

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether this is the password of the hash that is kept.

        Args:
            kept: None where there is no such person; then the answer is False, after the same work.
        """
        return await self._work(self._verify, kept, password)

    def needs_rehash(self, kept: str) -> bool:
        """Whether the hash was made at another cost than hashes are made today."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """Let the threads go. What has begun is finished."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _work(self, function: Callable[[*Args], Answer], *args: *Args) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_prepared(password))

    def _verify(self, kept: str | None, password: str) -> bool:
        try:
            matches = self._hasher.verify(kept or self._dummy, _prepared(password))
        except argon2.exceptions.InvalidHashError:
            return self._verify(None, password)  # a disabled credential takes as long as any other
        except argon2.exceptions.VerificationError:
            return False
        return matches and kept is not None and len(password) <= MAX_PASSWORD


def _prepared(password: str) -> bytes:
    # Composed, so that the same keys on two keyboards are one password (RFC 8265); bounded, so that its length costs
    # nothing; and lone surrogates, which a JSON string may hold, are a wrong password and no error.
    text = unicodedata.normalize("NFC", password[: MAX_PASSWORD + 1])
    return text.encode("utf-8", "surrogatepass")


def _hash_of_nothing(cost: argon2.Parameters) -> str:
    """A well-formed hash at this cost that no password has."""

    def field(length: int) -> str:
        return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")

    spent = f"m={cost.memory_cost},t={cost.time_cost},p={cost.parallelism}"
    return f"$argon2id$v={cost.version}${spent}${field(cost.salt_len)}${field(cost.hash_len)}"


class BadToken(Exception):
    """A signed token that does not hold.

    Attributes:
        reason: "periods:<how many there are>" when it has not the three parts of a token, "expired", "signature" when
            no key of ours signed it, "malformed".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Keys:
    """Signs and reads our forms of token (JWT, HS256), each with keys of its own: none opens the other's door.

    Args:
        secret: signs what is issued from now on; 32 characters at least.
        retired: secrets whose tokens are still good.

    Raises:
        ValueError: a secret is too short.
    """

    def __init__(self, secret: str, retired: Sequence[str] = ()) -> None:
        given = (secret, *retired)
        if any(len(each) < MIN_SECRET for each in given):
            raise ValueError(f"a signing secret has at least {MIN_SECRET} characters")
        self._access = {_key_id(key): key for key in (_derived(each, "access token") for each in given)}
        self._current = next(iter(self._access))
        self._bare = [_derived(each, "bare token") for each in given]
        self._followers = [_derived(each, "refresh token") for each in given]
        self._marks = [_derived(each, "mark") for each in given]
        self._devices = [_derived(each, "device token") for each in given]
        self._links = [_derived(each, "link") for each in given]
        self._mailed = {_key_id(key): key for key in (_derived(each, "mailed code") for each in given)}
        self._seals = {_key_id(key): key for key in (_derived(each, "seal") for each in given)}
        self._checked: Recent[str, dict[str, Any]] = Recent(KEPT_TOKENS)
        self._bare_checked: Recent[str, dict[str, Any]] = Recent(KEPT_TOKENS)

    @property
    def mailed_key(self) -> str:
        """The id of the key by which `mailed_code` makes the codes of today."""
        return next(iter(self._mailed))

    def mailed_code(self, key_id: str, seed: str) -> str | None:
        """The code that belongs to a seed: 256 bits in 43 characters, that nobody makes without our secret.

        Args:
            key_id: of the key by which it was made first.

        Returns:
            None when that key is retired no longer, but gone.
        """
        key = self._mailed.get(key_id)
        if key is None:
            return None
        return base64.urlsafe_b64encode(hmac.digest(key, seed.encode(), "sha256")).decode().rstrip("=")

    @property
    def seals(self) -> Mapping[str, bytes]:
        """{id: key} by which what is kept and has to be read again is sealed: that of today, then the retired ones."""
        return self._seals

    def sign(self, claims: dict[str, Any]) -> str:
        """An access token with these claims (`exp` among them, in seconds of Unix time), naming its key by `kid`."""
        return jwt.encode(claims, self._access[self._current], "HS256", headers={"kid": self._current})

    def read(self, token: str) -> dict[str, Any]:
        """The claims of an access token.

        Raises:
            BadToken: it is not one of ours, or no longer good.
        """
        # A signature that held once holds always; only time can end it. Most requests bring a token that came before.
        known = self._checked.get(token)
        if known is not None and known["exp"] > time.time():
            return known
        _check_form(token)
        try:
            key = self._access.get(jwt.get_unverified_header(token).get("kid", ""))
        except jwt.PyJWTError:
            raise BadToken("malformed") from None
        if key is None:
            raise BadToken("signature")
        claims = _decoded(token, key)
        self._checked.keep(token, claims)
        return claims

    def followers(self, token: str) -> list[str]:
        """The opaque token that follows on this one: who has the one without our secret cannot make the other.

        Returns:
            The one to issue, then those that retired secrets made.
        """
        data = token.encode("utf-8", "surrogatepass")
        made = [hmac.digest(key, data, "sha256") for key in self._followers]
        return [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in made]

    def marks(self, text: str) -> list[str]:
        """Digests of a text that can be guessed, such as an address, which nobody finds without our secrets.

        Returns:
            The one to keep, then those that retired secrets made.
        """
        data = text.encode("utf-8", "surrogatepass")
        return [hmac.digest(key, data, "sha256").hex() for key in self._marks]

    def sign_bare(self, claims: dict[str, Any]) -> str:
        """A token whose header is `{"alg":"HS256"}` and nothing else, with the claims in the order given."""
        return jwt.encode(claims, self._bare[0], "HS256", headers={"typ": None})

    def read_bare(self, token: str) -> dict[str, Any]:
        """The claims of a token made by `sign_bare`. It names no key, so the retired ones are tried in turn.

        Raises:
            BadToken: it is not one of ours, or no longer good.
        """
        known = self._bare_checked.get(token)
        if known is not None and known["exp"] > time.time():
            return known
        claims = _decoded_by_any(token, self._bare)
        self._bare_checked.keep(token, claims)
        return claims

    def sign_device(self, claims: dict[str, Any]) -> str:
        """A token by which a device is known again; it opens no door."""
        return jwt.encode(claims, self._devices[0], "HS256", headers={"typ": None})

    def read_device(self, token: str) -> dict[str, Any]:
        """The claims of a token made by `sign_device`.

        Raises:
            BadToken: it is not one of ours, or no longer good.
        """
        return _decoded_by_any(token, self._devices)

    def sign_link(self, claims: dict[str, Any]) -> str:
        """A token in an address that whoever has it may fetch, until it expires (`exp` among the claims)."""
        return jwt.encode(claims, self._links[0], "HS256", headers={"typ": None})

    def read_link(self, token: str) -> dict[str, Any]:
        """The claims of a token made by `sign_link`.

        Raises:
            BadToken: it is not one of ours, or no longer good.
        """
        return _decoded_by_any(token, self._links)


def _derived(secret: str, use: str) -> bytes:
    return hmac.digest(secret.encode(), f"crmgraph {use}".encode(), "sha256")


def _key_id(key: bytes) -> str:
    return hmac.digest(key, b"key id", "sha256").hex()[:16]


def _check_form(token: str) -> None:
    if (periods := token.count(".")) != 2:
        raise BadToken(f"periods:{periods}")
    if len(token) > MAX_TOKEN or not token.isascii():
        raise BadToken("malformed")


def _decoded_by_any(token: str, keys: Sequence[bytes]) -> dict[str, Any]:
    _check_form(token)
    for key in keys:
        try:
            return _decoded(token, key)
        except BadToken as bad:
            if bad.reason != "signature":
                raise
    raise BadToken("signature")


def _decoded(token: str, key: bytes) -> dict[str, Any]:
    try:
        # `iat` informs, and the clocks of two servers differ: it refuses nobody.
        return jwt.decode(token, key, algorithms=["HS256"], options={"require": ["exp"], "verify_iat": False})
    except jwt.ExpiredSignatureError:
        raise BadToken("expired") from None
    except jwt.InvalidSignatureError:
        raise BadToken("signature") from None
    except jwt.PyJWTError:
        raise BadToken("malformed") from None


def new_token() -> str:
    """An opaque token that nobody can guess: 256 bits, 43 characters that fit a URL."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of an opaque token: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
