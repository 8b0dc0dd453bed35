"""The front of the REST dialects: what stands before the operations of each, and how their documents are written.

A dialect gives data: the table of its operations, and how it words what is refused. It has no ASGI, no ladder of errors
and no log lines of its own.
"""

from crmgraph.rest.answers import Answer, RawHeaders, raw
from crmgraph.rest.front import Api, Front, Wording, mounts, operation_names, unchecked
from crmgraph.rest.requests import Call, Operation, RequestError
from crmgraph.rest.viewing import RecordView, Shown, Viewing

__all__ = [
    "Answer",
    "Api",
    "Call",
    "Front",
    "Operation",
    "RawHeaders",
    "RecordView",
    "RequestError",
    "Shown",
    "Viewing",
    "Wording",
    "mounts",
    "operation_names",
    "raw",
    "unchecked",
]
