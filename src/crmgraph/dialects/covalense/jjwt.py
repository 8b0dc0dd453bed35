"""What jjwt, the library before the old services, says of a token that does not hold."""

import base64
import binascii
import datetime as dt

import orjson

EMPTY = "JWT String argument cannot be null or empty."
SIGNATURE = (
    "JWT signature does not match locally computed signature. "
    "JWT validity cannot be asserted and should not be trusted."
)
MALFORMED = "Unable to read JSON value."
ENDED = "JWT is no longer valid."
"""Ours: the login behind the token has ended, which jjwt would not know."""


def said_of(token: str, reason: str, now: dt.datetime) -> str:
    """The text.

    Args:
        reason: in the words of `crmgraph.security.BadToken`; empty when only the login has ended.
        now: the present moment.
    """
    if not token.strip():
        return EMPTY
    if reason.startswith("periods:"):
        return f"JWT strings must contain exactly 2 period characters. Found: {reason.partition(':')[2]}"
    if reason == "signature":
        return SIGNATURE
    if reason == "expired" and (expiry := _expiry(token)) is not None:
        late = round((now - expiry) / dt.timedelta(milliseconds=1))
        return (
            f"JWT expired at {expiry:%Y-%m-%dT%H:%M:%SZ}. Current time: {now:%Y-%m-%dT%H:%M:%SZ}, "
            f"a difference of {late} milliseconds.  Allowed clock skew: 0 milliseconds."
        )
    return MALFORMED if reason else ENDED


def _expiry(token: str) -> dt.datetime | None:
    """When a token, whose signature was found good, has expired."""
    claims = token.split(".")[1]
    try:
        expiry = orjson.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return dt.datetime.fromtimestamp(expiry, dt.UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
