"""What a client is told: answers as JSON, with every fault of ours masked and logged once."""

from typing import Any

import structlog
from graphql import GraphQLError

from crmgraph.crm.errors import Refused, Throttled
from crmgraph.db.errors import is_away, log_away
from crmgraph.graph.documents.preparation import MAX_ERRORS
from crmgraph.graph.execution.engine import Answer
from crmgraph.graph.schema.errors import WORDS, message_of
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
        if (more := len(answer.errors) - MAX_ERRORS) > 0:
            body["errors"].append({"message": f"There are {more} more errors.", "extensions": {"code": "MORE_ERRORS"}})
    if answer.ran:
        body["data"] = answer.data
    if show_cost and answer.cost is not None:
        body["extensions"] = {"cost": answer.cost} | executor_of(answer)
    return body


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
        return shown
    if isinstance(cause, Refused):
        first = cause.all[0]
        shown["message"] = message_of(first, ".".join(graph_path(first.path)[1:]))
        shown["extensions"] = {"code": WORDS[type(first)].code.value}
        if isinstance(first, Throttled):
            shown["extensions"]["retryAfterSeconds"] = first.retry_after
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


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause
