"""Answers as Covalense sends them: everything in an envelope of its own."""

from typing import Any

import orjson
from starlette.responses import Response

from crmgraph.dialects.covalense.errors import Failure

PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def done(result: dict[str, Any] | orjson.Fragment, _: object = None) -> Response:
    """What a service has carried out."""
    return _json({"response": {"success": "true", "result": result}}, 200, {})


def failed(failure: Failure, _: object = None) -> Response:
    """What was not carried out."""
    return _json(failure.body, failure.status, failure.headers)


def _json(body: dict[str, Any], status: int, headers: Any) -> Response:
    return Response(orjson.dumps(body), status, {**PRIVATE, **headers}, "application/json")
