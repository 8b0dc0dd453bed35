"""Idempotency keys of GraphQL: by the header or the directive, of a mutation with one field."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    StringValueNode,
    VariableNode,
)
from starlette.datastructures import UploadFile
from starlette.requests import Request as HttpRequest

from crmgraph.crm import idempotency
from crmgraph.crm.core import Core
from crmgraph.crm.errors import AlreadyDone, Conflicting, Invalid, Refused
from crmgraph.crm.idempotency import HEADER, Claim, KeptAnswer
from crmgraph.crm.policy import Actor
from crmgraph.graph.documents.preparation import PreparedOperation, Request
from crmgraph.graph.edge.requests import GRAPHQL_JSON, BadRequest
from crmgraph.graph.edge.responses import body_of
from crmgraph.graph.execution.engine import Answer
from crmgraph.http.headers import header_of

DIRECTIVE = "idempotent"
_HEADER = HEADER.lower().encode()
_TOLD: dict[type[Refused], tuple[str, str]] = {
    Conflicting: ("CONFLICTING", "This idempotency key belongs to another request: take a new one."),
    AlreadyDone: (
        "ALREADY_DONE",
        "This was carried out before, under the same idempotency key, and what was answered is not kept.",
    ),
}
"""{refusal: its code, and its words at the top level}."""


def key_of(http: HttpRequest, prepared: PreparedOperation) -> str | None:
    """The key under which an operation is to be carried out once; None where there is none, and of what only reads.

    Raises:
        BadRequest: it is no key, or of more than one field.
    """
    if not prepared.operation.is_mutation:
        return None
    given = [] if header_of(http.scope, _HEADER, None) is None else http.headers.getlist(HEADER)
    directed = [key for field in _fields(prepared) for key in _directed(field, prepared.values.coerced)]
    if not (given or directed):
        return None
    first, *others = prepared.operation.definition.selection_set.selections
    if others or not isinstance(first, FieldNode):
        raise BadRequest("An idempotency key is of a mutation with one field.")
    try:
        header = idempotency.key_of(given)
    except Invalid:
        raise BadRequest(f"`{HEADER}` is one text of 1 to {idempotency.MAX_KEY} printable ASCII characters.") from None
    keys = {*directed, *([] if header is None else [header])}
    if len(keys) > 1:
        raise BadRequest("The idempotency key of the header is another one than that of the field.")
    (key,) = keys
    if not 0 < len(key) <= idempotency.MAX_KEY or not key.isprintable():
        raise BadRequest(f"`key` is a text of 1 to {idempotency.MAX_KEY} printable characters.")
    return key


def _fields(prepared: PreparedOperation) -> list[FieldNode]:
    """What an operation asks for, by fragments too: a key that stands there must not be overlooked."""
    found: list[FieldNode] = []
    spread: set[str] = set()
    open_ones: list[Any] = list(prepared.operation.definition.selection_set.selections)
    while open_ones:
        match open_ones.pop():
            case FieldNode() as field:
                found.append(field)
            case FragmentSpreadNode(name=name) if name.value not in spread:
                spread.add(name.value)
                open_ones += prepared.document.fragments[name.value].selection_set.selections
            case InlineFragmentNode(selection_set=inner):
                open_ones += inner.selections
    return found


def _directed(field: FieldNode, variables: Mapping[str, Any]) -> list[str]:
    found = []
    for directive in field.directives or ():
        if directive.name.value == DIRECTIVE:
            for argument in directive.arguments or ():
                match argument.value:
                    case StringValueNode(value=text):
                        found.append(text)
                    case VariableNode():
                        found.append(str(variables.get(argument.value.name.value, "")))
    return found


def _said(request: Request) -> str:
    """All that a request says, as a text."""
    parts = [request.query, request.operation_name, dict(request.variables)]
    return orjson.dumps(parts, default=_digest_of_file, option=orjson.OPT_SORT_KEYS).decode()


def _digest_of_file(value: Any) -> str:
    if not isinstance(value, UploadFile):
        raise TypeError(type(value).__name__)
    value.file.seek(0)
    digest = hashlib.file_digest(value.file, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads bytes
    value.file.seek(0)
    return digest


async def once(
    core: Core,
    actor: Actor,
    address: str,
    prepared: PreparedOperation,
    key: str,
    run: Callable[[], Awaitable[Answer]],
    *,
    is_secret: bool,
) -> Answer | KeptAnswer:
    """What `run` answers, or what was answered under this key before.

    Args:
        address: where a request comes from that nobody is signed in for.
        is_secret: whether the answer has tokens, so that it is not kept.
    """
    principal = actor.principal
    caller = f"address:{address}" if principal is None else f"{principal[0]}:{principal[1]}"
    # Beside the loop: there may be a thousand items, or files.
    said = await asyncio.to_thread(_said, prepared.request)
    digests = core.keys.marks(f"idempotency\n{said}")
    claim = Claim(core.db, caller[:64], key, digests, "graphql")

    def kept(answer: Answer) -> KeptAnswer | None:
        if is_secret or not answer.ran:
            return None
        return KeptAnswer(200, GRAPHQL_JSON, orjson.dumps(body_of(answer)))

    try:
        return await idempotency.once(claim, run, kept)
    except (Conflicting, AlreadyDone) as refused:
        code, message = _TOLD[type(refused)]
        return Answer(None, [GraphQLError(message, extensions={"code": code})], ran=False)
