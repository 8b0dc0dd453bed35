"""Answers as Zoho sends them: compact JSON, a newline after whole-request errors, and the headers of the source.

Four parts of Zoho's servers answer, each with headers of its own: the application, its parser of bodies, the gate of
OAuth, and the gateway that knows no method but its own.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from starlette.responses import Response

from crmgraph.crm.models import now
from crmgraph.dialects.zoho.codecs import moment
from crmgraph.dialects.zoho.errors import Failure
from crmgraph.dialects.zoho.requests import Call
from crmgraph.rest import Answer, RawHeaders, raw

JSON = "application/json;charset=utf-8"
NOTHING = "text/plain;charset=utf-8"
"""The type of what has no body: `zohocrm-python` wants one that is not JSON, the SDKs one that they read as JSON."""
ACCESS_SECONDS = 3600
"""How long an access token is good, in seconds."""

_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
_NO_DOWNLOAD = {"X-Download-Options": "noopen"}
_BUILD = {"clientVersion": "4023320", "clientsubVersion": "4d8b6ee4f7d1d284c930a4e807480c5c"}
_ATTACHED = {"Content-Disposition": "attachment; filename=response.json"}
_ENGLISH = {"Content-Language": "en-US"}
_TRANSPORT = {"Strict-Transport-Security": "max-age=15768000"}


def _guarded(cache: str) -> dict[str, str]:
    return {
        "Referrer-Policy": "strict-origin",
        **_NOSNIFF,
        "X-XSS-Protection": "1; mode=block",
        "Pragma": "no-cache",
        "Cache-Control": cache,
        "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
        "X-Frame-Options": "SAMEORIGIN",
    }


_APPLICATION = _guarded("no-store, no-cache, must-revalidate, private")
_GATE = _guarded("no-cache") | _NO_DOWNLOAD
_GATEWAY = {"X-Frame-Options": "deny", **_NO_DOWNLOAD, **_NOSNIFF}


def failed(failure: Failure, call: Call | None) -> Response:
    """A whole-request failure.

    Args:
        call: what it ends; None where there is no place for one.
    """
    expires_at = None if call is None else call.expires_at
    headers = {
        "application": _APPLICATION | _reset(expires_at) | _BUILD | _ATTACHED | _NO_DOWNLOAD | _ENGLISH,
        "parser": _APPLICATION | _reset(expires_at) | _ATTACHED | _NO_DOWNLOAD | _ENGLISH,
        "gate": _GATE,
        "gateway": _GATEWAY,
    }[failure.part]
    return _json(failure.body(), failure.status, headers, b"\n")


def done(body: Any, call: Call, status: int = 200) -> Response:
    """Anything that went as it was asked."""
    return Answer(orjson.dumps(body), status, (*_FIRST, *_resets(_until(call.expires_at)), *_DONE))


def rows(answers: Iterable[dict[str, Any]], call: Call, status: int = 200) -> Response:
    """The answer to a write, row by row.

    Args:
        status: when every row is a success; 202 otherwise.
    """
    data = list(answers)
    if all(row.get("status") != "error" for row in data):
        return done({"data": data}, call, status)
    return Answer(orjson.dumps({"data": data}), 202, (*_FIRST, *_resets(_until(call.expires_at)), *_PARTLY))


def empty(call: Call, status: int = 204) -> Response:
    """Nothing: 204, or 304 where nothing is new."""
    headers = {"Server": "ZGS", **_APPLICATION, **_reset(call.expires_at), **_BUILD}
    if status == 204:
        headers["Content-Type"] = NOTHING
    return Response(status_code=status, headers=headers)


def file(data: bytes, content_type: str, name: str, call: Call) -> Response:
    """A file to be saved under a name, which is of harmless characters."""
    headers = {"Server": "ZGS", **_APPLICATION, **_reset(call.expires_at), **_BUILD}
    # Zoho's older SDKs know the name in this form only; the newer ones, and browsers, in this form too (RFC 6266).
    headers["Content-Disposition"] = f"attachment;filename*=UTF-8''{quote(name)}"
    return Response(data, headers=headers, media_type=content_type)


def token(body: Any, status: int = 200) -> Response:
    """The answer of the accounts server. What it says of a token that it does not give is 200 too."""
    return _json(body, status, {k: v for k, v in _APPLICATION.items() if k != "Expires"})


def _until(expires_at: dt.datetime | None) -> dt.datetime:
    # A token that never expires is good for as long as a new one would be, at any time.
    return expires_at or now() + dt.timedelta(seconds=ACCESS_SECONDS)


def _reset(expires_at: dt.datetime | None) -> dict[str, str]:
    return {"X-ACCESSTOKEN-RESET": moment(_until(expires_at)) or ""}


@lru_cache(maxsize=1_000)
def _resets(until: dt.datetime) -> RawHeaders:
    """The header of a token that is good until then."""
    return raw(_reset(until))


_FIRST = raw({"Server": "ZGS", **_APPLICATION})
_PARTLY = raw({**_BUILD, **_ATTACHED, **_ENGLISH, "Content-Type": JSON})
_DONE = raw({**_BUILD, **_ATTACHED, **_ENGLISH, **_TRANSPORT, "Content-Type": JSON})
"""What stands before and behind the time at which a token stops being good."""


def _json(body: Any, status: int, headers: Mapping[str, str], end: bytes = b"") -> Answer:
    return Answer(orjson.dumps(body) + end, status, raw({"Server": "ZGS", **headers, "Content-Type": JSON}))
