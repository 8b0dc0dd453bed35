"""Answers as Valomnia sends them: JSON, with the status of the operation or of what went wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from crmgraph.dialects.valomnia.errors import Failure
from crmgraph.dialects.valomnia.requests import Call
from crmgraph.rest import Answer, raw

_HEADERS = raw({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
_JSON = raw({"Content-Type": "application/json;charset=UTF-8"})


def done(body: Any, call: Call) -> Response:
    """What an operation has carried out; a photo is an answer already."""
    return body if isinstance(body, Response) else _json(body, call.operation.status, call.headers)


def failed(failure: Failure, _: object = None) -> Response:
    """What was not carried out."""
    return _json(failure.body, failure.status, failure.headers)


def _json(body: Any, status: int, headers: Mapping[str, str]) -> Response:
    """The body as JSON, with the media type that the vendor's framework writes."""
    return Answer(orjson.dumps(body), status, (*_HEADERS, *raw(headers)) if headers else _HEADERS, _JSON)
