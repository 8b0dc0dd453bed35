"""What a client is told: answers as JSON, with every fault of ours masked and logged once."""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from graphql import FieldNode, GraphQLError

from crmgraph.crm.errors import Refused
from crmgraph.db.errors import is_away, log_away
from crmgraph.graph.documents.places import variable_at
from crmgraph.graph.documents.rules import MAX_ERRORS
from crmgraph.graph.execution.engine import Answer
from crmgraph.graph.schema.errors import facts_of, message_of, words_of
from crmgraph.graph.schema.vocabulary import graph_path
from crmgraph.logs import request_id

MASKED = "Something went wrong here. It is not your fault, and it has been noted."
"""What is told of a fault of ours."""

log = structlog.get_logger(__name__)


def body_of(answer: Answer, *, show_cost: bool = False) -> dict[str, Any]:
    """The answer as JSON holds it.

    Args:
        show_cost: whether the client asked what its document costs, and which executor answered.
    """
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = [told(error) for error in answer.errors[:MAX_ERRORS]]
        if len(answer.errors) > MAX_ERRORS:  # nobody has counted them
            body["errors"].append({"message": "There are more errors.", "extensions": {"code": "MORE_ERRORS"}})
    if answer.ran:
        body["data"] = orjson.Fragment(answer.data) if isinstance(answer.data, bytes) else answer.data
    if show_cost and answer.cost is not None:
        body["extensions"] = {"cost": answer.cost} | executor_of(answer)
    return body


def content_of(answer: Answer, *, show_cost: bool = False) -> bytes:
    """The answer in bytes; see `body_of`."""
    if isinstance(answer.data, bytes) and not show_cost and not answer.errors:
        return b'{"data":%b}' % answer.data
    return orjson.dumps(body_of(answer, show_cost=show_cost))


def executor_of(answer: Answer) -> dict[str, str]:
    """Which executor answered and, where it was not the compiled one, why not."""
    if answer.reason is None:
        return {"executor": "compiled"} if answer.ran else {"executor": "resolvers"}
    return {"executor": "resolvers", "executorReason": answer.reason}


def told(error: GraphQLError) -> dict[str, Any]:
    """One error, in words that say nothing of our insides."""
    shown: dict[str, Any] = dict(error.formatted)
    cause = _cause(error)
    if "code" in (error.extensions or {}):
        shown["extensions"] = dict(error.extensions or {}) | _variable(error, error.extensions or {})
        return shown
    if isinstance(cause, Refused):
        first = cause.all[0]
        _, *place = graph_path(first.path)
        shown["message"] = message_of(first, ".".join(place))
        told: dict[str, Any] = {"code": words_of(first).code.value} | facts_of(first)
        if place:
            told["inputPath"] = place
        shown["extensions"] = told | _variable(error, told)
    elif cause is not None and is_away(cause):
        log_away(cause, "graphql")
        shown["message"] = "The records are out of reach at the moment: try again later."
        shown["extensions"] = {"code": "UNAVAILABLE"}
    else:
        log.error("a fault while a field was resolved", path=error.path, exc_info=cause or error)
        shown["message"] = MASKED
        shown["extensions"] = {"code": "INTERNAL"}
        if (current := request_id.get()) is not None:
            shown["extensions"]["requestId"] = current
    return shown


def _variable(error: GraphQLError, told: Mapping[str, Any]) -> dict[str, str]:
    """The variable by which the value came that an error is about, where it came by one."""
    path, field = told.get("inputPath"), error.nodes[0] if error.nodes else None
    if not path or "variable" in told or not isinstance(field, FieldNode):
        return {}
    name = variable_at(field, path)
    return {} if name is None else {"variable": name}


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause
