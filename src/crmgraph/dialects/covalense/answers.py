"""Answers as Covalense sends them: everything in an envelope of its own."""

from collections.abc import Mapping
from typing import Any

import orjson

from crmgraph.dialects.covalense.errors import Failure
from crmgraph.rest import Answer, raw

PRIVATE = raw({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
_JSON = raw({"Content-Type": "application/json"})


def done(result: dict[str, Any] | orjson.Fragment, _: object = None) -> Answer:
    """What a service has carried out."""
    return _json({"response": {"success": "true", "result": result}}, 200, {})


def failed(failure: Failure, _: object = None) -> Answer:
    """What was not carried out."""
    return _json(failure.body, failure.status, failure.headers)


def _json(body: dict[str, Any], status: int, headers: Mapping[str, str]) -> Answer:
    return Answer(orjson.dumps(body), status, (*PRIVATE, *raw(headers)) if headers else PRIVATE, _JSON)
