"""The Rolodex below /rolodex: cards are read, written and made by staff with the token of a session."""

from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from crmgraph import mapping
from crmgraph.crm.core import Core
from crmgraph.crm.errors import Invalid, Missing, NotFound, Refused, Unauthenticated, refuse
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import external_ids, parties
from crmgraph.http import reading
from tests.rolodex.fields import CARD, LAYOUT

PREFIX = "/rolodex"
WORDS: dict[type[Refused], tuple[int, str]] = {
    NotFound: (404, "no such card"),
    Missing: (422, "left blank"),
    Invalid: (422, "illegible"),
    Unauthenticated: (401, "who are you?"),
}
"""{refusal: (status, what is said)}; of anything else that it cannot do."""


class Drawer:
    """Answers everything below the prefix."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request)
        except reading.Malformed:
            response = JSONResponse({"no": "illegible"}, 422)
        except Refused as refused:
            status, said = WORDS.get(type(refused.all[0]), (400, "cannot"))
            response = JSONResponse({"no": said}, status)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        actor = replace(await self._core.identity.actor_of(token), door=Door.OPERATOR)
        name = request.path_params.get("path", "")
        match request.method, name.removeprefix("#"):
            case "POST", "":
                return await self._write(actor, None, await self._body(request))
            case "PUT", number if number.isdecimal():
                return await self._write(actor, int(number), await self._body(request))
            case "GET", number if number.isdecimal():
                async with self._core.db.read() as session:
                    card = await parties.load_one(session, actor, PartyKind.CONTACT, int(number))
                    around = await external_ids.encoding_context(session, actor, "rolodex", [card])
                return JSONResponse(LAYOUT.encode(card, around))
        raise NotFound

    async def _write(self, actor: Actor, number: int | None, body: dict[str, Any]) -> Response:
        async with self._core.db.begin() as session:
            card = None
            if number is not None:
                card = await parties.load_one(session, actor, PartyKind.CONTACT, number, lock=True)
            (decoded,) = await mapping.decode_all(session, CARD, [(body, card)])
            refuse(decoded.faults)
            if card is None:
                card = await parties.create(session, actor, PartyKind.CONTACT, decoded.edit)
            else:
                await parties.update(session, actor, card, decoded.edit)
            around = await external_ids.encoding_context(session, actor, "rolodex", [card])
        return JSONResponse(LAYOUT.encode(card, around))

    async def _body(self, request: Request) -> dict[str, Any]:
        body = reading.json(await reading.body(request, self._core.max_body_bytes))
        if not isinstance(body, dict):
            raise reading.Malformed
        return body


def mounts(core: Core) -> list[BaseRoute]:
    """The routes."""
    drawer = Drawer(core)
    return [Route(PREFIX, drawer), Route(PREFIX + "/{path:path}", drawer)]


def openapi() -> dict[str, Any]:
    """The document."""
    properties = {field.name: {"type": "string"} for field in CARD.fields}
    schema = {"type": "object", "properties": properties}
    content = {"application/json": {"schema": schema}}
    operation = {"requestBody": {"content": content}, "responses": {"200": {"description": "The card."}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rolodex", "version": "1"},
        "paths": {PREFIX: {"post": operation}},
    }
