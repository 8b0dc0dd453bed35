"""Answers of the Rolodex: the card, or what is said where there is none."""

from typing import Any

from crmgraph.dialects.rolodex.errors import Failure
from starlette.responses import JSONResponse, Response


def done(card: dict[str, Any], _: object = None) -> Response:
    """What was done."""
    return JSONResponse(card)


def failed(failure: Failure, _: object = None) -> Response:
    """What was not done."""
    return JSONResponse({"no": failure.text}, failure.status)
