"""A request to a REST dialect: the operation that it asks for, who makes it, and the end of one that is refused."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from crmgraph.crm.core import Core
from crmgraph.crm.policy import Actor
from crmgraph.http import reading


class RequestError(Exception):
    """Ends a request with a failure in the words of its dialect.

    Args:
        failure: what is answered, as the `answers.failed` of the dialect takes it.
    """

    def __init__(self, failure: Any) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. A dialect adds what its own checks and its document need.

    Attributes:
        method: of HTTP.
        path: below the prefix of its API; a name in braces is a variable.
        handler: carries it out, of the `Call` of the dialect.
        summary: what it does, for the document.
    """

    method: str
    path: str
    handler: Callable[[Any], Awaitable[Any]]
    summary: str


@dataclass
class Call:
    """A request on its way. A dialect adds how its parameters and bodies are read.

    Attributes:
        actor: who makes it; nobody in particular until the dialect has let somebody in.
        path: that it asks for, below the prefix of the API and in the form of the table.
        operation: what it asks for; not before the front has found it.
        params: what the path brought to the variables of its operation.
    """

    core: Core
    request: Request
    actor: Actor
    path: str = field(init=False, default="")
    operation: Operation = field(init=False)
    params: Mapping[str, str] = field(init=False, default_factory=dict)

    @property
    def address(self) -> str:
        """The network address that asks."""
        return reading.address(self.request)

    async def close(self) -> None:
        """Let go of what the request holds, e.g. its files; called once, when it is answered."""
