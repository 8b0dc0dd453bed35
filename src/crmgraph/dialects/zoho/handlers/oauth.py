"""Zoho's accounts server: tokens for a client's refresh token or grant code."""

import secrets
from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Throttled, Unauthenticated
from crmgraph.crm.identity import clients
from crmgraph.crm.identity.clients import client_login
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.dialects.zoho import answers, errors
from crmgraph.dialects.zoho.answers import ACCESS_SECONDS, Failed
from crmgraph.dialects.zoho.authorization import METHODS, Seen, guarded, scope_path
from crmgraph.http import reading

PREFIX = "/oauth/v2"
"""Where the accounts server is mounted."""
MAX_FORM_BYTES = 64 * 1024
"""The longest request for a token."""

_METHODS = {"/token": ("POST",), "/token/revoke": ("POST", "GET")}


class Denied(Exception):
    """A token that is not given, with Zoho's word for the reason."""


class Accounts:
    """The ASGI application below /oauth/v2."""

    def __init__(self, core: Core) -> None:
        self.core = core

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        response = await guarded(request, self.core.request_seconds, lambda seen: self._answer(request, seen))
        await response(scope, receive, send)

    async def _answer(self, request: Request, _: Seen) -> Response:
        if request.method not in METHODS:
            raise Failed(errors.INVALID_REQUEST_METHOD)
        path = scope_path(request, PREFIX).rstrip("/")
        if path not in _METHODS:
            raise Failed(errors.INVALID_URL_PATTERN)
        if request.method not in _METHODS[path]:
            raise Failed(errors.INVALID_REQUEST_METHOD)
        if path == "/token/revoke":
            return await self._revoke(request)
        try:
            return answers.token(await self._token(await _given(request), reading.address(request)))
        except Denied as denied:
            return answers.token({"error": str(denied)})

    async def _revoke(self, request: Request) -> Response:
        """End a refresh token, with the access tokens that were issued for it, or an access token."""
        try:
            token = (await _given(request)).get("token", "")
        except Denied:
            token = ""
        if not await clients.revoke(self.core.db, token, dialect=Door.ZOHO, kinds=("refresh", "access")):
            return answers.token({"error": "invalid_token"}, 400)
        return answers.token({"status": "success"})

    async def _token(self, given: Mapping[str, str], address: str) -> dict[str, Any]:
        kind = given.get("grant_type", "")
        if kind not in ("refresh_token", "authorization_code"):
            raise Denied("unsupported_grant_type")
        core = self.core
        try:
            client = await client_login(
                core.db,
                core.passwords,
                Door.ZOHO,
                given.get("client_id", ""),
                given.get("client_secret", ""),
                "",
                address,
                core.identity.throttle,
            )
        except Unauthenticated:
            raise Denied("invalid_client") from None
        except Throttled:
            raise Denied("access_denied") from None
        if kind == "refresh_token":
            refresh = given.get("refresh_token", "")
            actor = await self._holder(refresh, "refresh", client.id)
            return {"access_token": await self._issue(actor, "access", ACCESS_SECONDS, refresh), **self._shape()}
        code = given.get("code", "")
        actor = await self._holder(code, "code", client.id)
        if not await clients.revoke(core.db, code):
            raise Denied("invalid_code")
        refresh = await self._issue(actor, "refresh", None)
        access = await self._issue(actor, "access", ACCESS_SECONDS, refresh)
        return {"access_token": access, "refresh_token": refresh, **self._shape()}

    def _shape(self) -> dict[str, Any]:
        return {"api_domain": self.core.public_url, "token_type": "Bearer", "expires_in": ACCESS_SECONDS}

    async def _holder(self, token: str, kind: str, client_id: int) -> Actor:
        """The client in person: a token of another client is no token."""
        try:
            actor = await clients.actor_of_client(self.core.db, Door.ZOHO, token, kind=kind)
        except Unauthenticated:
            raise Denied("invalid_code") from None
        if actor.client_id != client_id:
            raise Denied("invalid_code")
        return actor

    async def _issue(self, actor: Actor, kind: str, seconds: int | None, issued_by: str | None = None) -> str:
        assert actor.client_id is not None  # noqa: S101 - it came from a client's token
        text = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        return await clients.issue(
            self.core.db,
            actor.client_id,
            kind,
            seconds=seconds,
            grants=actor.grants,
            token=text,
            issued_by=issued_by,
        )


async def _given(request: Request) -> dict[str, str]:
    """What the request brings: in the address, in an urlencoded body, or in a multipart one."""
    try:
        query = reading.query(request)
        form = await reading.form(request, MAX_FORM_BYTES)
    except reading.Malformed:
        raise Denied("invalid_request") from None
    fields = {name: value for name, value in form.multi_items() if not isinstance(value, UploadFile)}
    await form.close()
    return dict(query) | fields
