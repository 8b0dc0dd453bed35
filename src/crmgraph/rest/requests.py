"""A request to a REST dialect: the operation that it asks for, who makes it, and the end of one that is refused."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused
from crmgraph.crm.models import PartyKind, Way
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.authorization import Lapsed, Standing
from crmgraph.crm.records.optimistic import Work, revise, revise_unverified
from crmgraph.http import reading

T = TypeVar("T")


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
        stands: whether the statement by which its handler reads or writes asks for `Call.standing`.
    """

    method: str
    path: str
    handler: Callable[[Any], Awaitable[Any]]
    summary: str
    stands: bool = field(default=False, kw_only=True)


@dataclass
class Call:
    """A request on its way. A dialect adds how its parameters and bodies are read.

    Attributes:
        actor: who makes it; nobody in particular until the dialect has let somebody in.
        path: that it asks for, below the prefix of the API and in the form of the table.
        operation: what it asks for; not before the front has found it.
        stands: whether the caller may be one who is known from an earlier request.
        standing: what has to hold still of such a caller; None once a statement has asked for it. Whatever is answered
            or refused before is decided anew for the caller as the database knows them.
        params: what the path brought to the variables of its operation.
        let_in: the client whom a login has let in, by its id.
        refused: whether a handler has refused by what it returned.
        named: (kind, field, what for) of the fields that the request names, in the dialect's words.
    """

    core: Core
    request: Request
    actor: Actor
    path: str = field(init=False, default="")
    operation: Operation = field(init=False)
    stands: bool = field(init=False, default=False)
    standing: Standing | None = field(init=False, default=None)
    params: Mapping[str, str] = field(init=False, default_factory=dict)
    let_in: int | None = field(init=False, default=None)
    refused: bool = field(init=False, default=False)
    named: set[tuple[PartyKind, str, Way]] = field(init=False, default_factory=set)
    _data: bytes | None = field(init=False, default=None)

    @property
    def address(self) -> str:
        """The network address that asks."""
        return reading.address(self.request)

    def names(self, kind: PartyKind, way: Way, fields: Iterable[str]) -> None:
        """Note which fields the request names, for the count of who uses what."""
        self.named.update((kind, each, way) for each in fields)

    async def data(self, limit: int) -> bytes:
        """The body, which is read once.

        Args:
            limit: the most bytes that are taken.

        Raises:
            TooLarge, ClientDisconnect, Crowded: see `reading.body`.
        """
        if self._data is None:
            self._data = await reading.body(self.request, limit)
        return self._data

    async def revise(self, work: Work[T]) -> T | Lapsed:
        """Do work that changes one record for the caller, see `optimistic.revise`.

        Returns:
            `Lapsed` where a caller who was known from before (`standing`) may not act like this any more: nothing was
            written, and the call comes again.

        Raises:
            Whatever `work` raises; nothing was written.
        """
        if self.standing is None:
            return await revise(self.core.db, work)
        try:
            done = await revise_unverified(self.core.db, work, self.standing)
        except (Refused, RequestError):
            self.standing = None  # it was asked before a refusal left
            raise
        if not isinstance(done, Lapsed):
            self.standing = None
        return done

    async def close(self) -> None:
        """Let go of what the request holds, e.g. its files; called once, when it is answered."""
