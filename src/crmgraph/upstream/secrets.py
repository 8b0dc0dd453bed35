"""The secrets that calling an old CRM takes: read where they stand, or kept sealed.

A variable of the environment counts first, then what was said by `crmgraph upstream secret`: another variable, a file,
or the value itself, which is sealed by AES-256-GCM (NIST SP 800-38D). Its key is derived from CRMGRAPH_SECRET_KEY by
HKDF (RFC 5869); to which API and name it belongs is authenticated with it, so that no two rows can be swapped.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, UpstreamSecret
from crmgraph.crm.upstream_settings import SECRETS, SecretName
from crmgraph.security import Keys

LONGEST = 4096
"""The longest secret, in bytes."""
_VERSION = "1"
_NONCE = 12
"""Bytes of a nonce of GCM: 96 bits, at random; a few secrets are sealed by one key."""


class SecretError(Exception):
    """A secret that cannot be had, in words for people that do not hold it."""


def seal(keys: Keys, which: SecretName, value: str) -> str:
    """What is kept of a secret: version, id of the key, nonce and ciphertext."""
    key_id, key = next(iter(keys.seals.items()))
    nonce = secrets.token_bytes(_NONCE)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    ciphertext = AESGCM(_derived(key)).encrypt(nonce, value.encode(), _bound_to(which))
    return f"{_VERSION}.{key_id}.{base64.urlsafe_b64encode(nonce + ciphertext).decode()}"


def unseal(keys: Keys, which: SecretName, sealed: str) -> str:
    """The secret.

    Raises:
        SecretError: it was sealed under another CRMGRAPH_SECRET_KEY, belongs to another row or is damaged.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    again = f"`crmgraph upstream secret {which.dialect.dialect} {which.name}` takes it anew"
    version, _, rest = sealed.partition(".")
    key_id, _, text = rest.partition(".")
    key = keys.seals.get(key_id)
    if version == _VERSION and key is None:
        raise SecretError(
            f"{which.dialect.dialect}: {which.name} was sealed under another CRMGRAPH_SECRET_KEY: name that one in "
            f"CRMGRAPH_RETIRED_SECRET_KEYS, or {again}."
        )
    try:
        raw = base64.urlsafe_b64decode(text)
        return AESGCM(_derived(key or b"")).decrypt(raw[:_NONCE], raw[_NONCE:], _bound_to(which)).decode()
    except (InvalidTag, ValueError):
        raise SecretError(
            f"{which.dialect.dialect}: {which.name} was changed in the database since it was sealed: {again}."
        ) from None


def _derived(key: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, None, b"crmgraph upstream secret").derive(key)


def _bound_to(which: SecretName) -> bytes:
    return f"{which.dialect.dialect}\0{which.name}".encode()


async def secrets_of(
    session: AsyncSession, keys: Keys, dialect: Door, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The secrets of the upstream of a dialect that are known, by their names.

    Raises:
        SecretError: one that was given cannot be had.
    """
    kept = {row.name: row for row in await rows_of(session, dialect)}
    found: dict[str, str] = {}
    for which in SECRETS.values():
        if which.dialect is not dialect:
            continue
        if (value := environment.get(which.variable)) is not None:
            found[which.name] = value.strip()
        elif which.name in kept:
            found[which.name] = _read(keys, which, kept[which.name], environment)
    return found


def _read(keys: Keys, which: SecretName, row: UpstreamSecret, environment: Mapping[str, str]) -> str:
    of = f"{which.dialect.dialect}: {which.name}"
    if row.sealed is not None:
        return unseal(keys, which, row.sealed)
    if row.variable is not None:
        if (value := environment.get(row.variable)) is None:
            raise SecretError(f"{of} is to stand in the variable {row.variable}, which is not set.")
        return value.strip()
    return read_file(row.file or "", of)


def source_of(which: SecretName, row: UpstreamSecret | None, environment: Mapping[str, str] = os.environ) -> str:
    """Where a secret stands, for people."""
    if which.variable in environment:
        return f"in the variable {which.variable}"
    if row is None:
        return "not given"
    if row.sealed is not None:
        return "sealed in the database"
    return f"in the variable {row.variable}" if row.variable is not None else f"in the file {row.file}"


def read_file(path: str, of: str) -> str:
    """The secret in a file.

    Args:
        of: whose it is, for people.

    Raises:
        SecretError: it cannot be read, or is too long.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise SecretError(f"{of} is to stand in the file {path}: {error.strerror}.") from None
    return checked(data, of)


def checked(data: bytes, of: str) -> str:
    """A secret as it was read.

    Raises:
        SecretError: it is none: empty, too long, of several lines or no text.
    """
    if len(data) > LONGEST:
        raise SecretError(f"{of} has more than {LONGEST} bytes.")
    try:
        value = data.decode().strip()
    except UnicodeDecodeError:
        raise SecretError(f"{of} is no text in UTF-8.") from None
    if not value:
        raise SecretError(f"{of} is empty.")
    if not value.isprintable():
        raise SecretError(f"{of} has more than one line, or control characters.")
    return value


async def rows_of(session: AsyncSession, dialect: Door) -> list[UpstreamSecret]:
    """What is kept of the secrets of a dialect, by their names."""
    query = select(UpstreamSecret).where(UpstreamSecret.dialect == dialect).order_by(UpstreamSecret.name)
    return list(await session.scalars(query))
