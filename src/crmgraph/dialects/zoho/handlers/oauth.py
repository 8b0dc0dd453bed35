"""Zoho's accounts server: tokens for a client's refresh token or grant code."""

import secrets
from collections.abc import Mapping
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
from crmgraph.dialects.zoho import answers
from crmgraph.dialects.zoho.answers import ACCESS_SECONDS
from crmgraph.dialects.zoho.requests import Call
from crmgraph.http import reading

MAX_FORM_BYTES = 64 * 1024
"""The longest request for a token."""


class DeniedError(Exception):
    """A token that is not given, with Zoho's word for the reason."""


async def token(call: Call) -> Response:
    """A token for a client's refresh token or grant code."""
    try:
        return answers.token(await _token(call, await _given(call.request)))
    except DeniedError as denied:
        call.refused = True
        return answers.token({"error": str(denied)})


async def revoke(call: Call) -> Response:
    """End a refresh token, with the access tokens that were issued for it, or an access token."""
    try:
        token = (await _given(call.request)).get("token", "")
    except DeniedError:
        token = ""
    if not await clients.revoke(call.core.db, token, dialect=Door.ZOHO, kinds=("refresh", "access")):
        return answers.token({"error": "invalid_token"}, 400)
    return answers.token({"status": "success"})


async def _token(call: Call, given: Mapping[str, str]) -> dict[str, Any]:
    kind = given.get("grant_type", "")
    if kind not in ("refresh_token", "authorization_code"):
        raise DeniedError("unsupported_grant_type")
    core = call.core
    try:
        client = await client_login(
            core.db,
            core.passwords,
            Door.ZOHO,
            given.get("client_id", ""),
            given.get("client_secret", ""),
            "",
            call.address,
            core.identity.throttle,
        )
    except Unauthenticated:
        raise DeniedError("invalid_client") from None
    except Throttled:
        raise DeniedError("access_denied") from None
    call.let_in = client.id
    if kind == "refresh_token":
        refresh = given.get("refresh_token", "")
        actor = await _holder(core, refresh, "refresh", client.id)
        return {"access_token": await _issue(core, actor, "access", ACCESS_SECONDS, refresh), **_shape(core)}
    code = given.get("code", "")
    actor = await _holder(core, code, "code", client.id)
    if not await clients.revoke(core.db, code):
        raise DeniedError("invalid_code")
    refresh = await _issue(core, actor, "refresh", None)
    access = await _issue(core, actor, "access", ACCESS_SECONDS, refresh)
    return {"access_token": access, "refresh_token": refresh, **_shape(core)}


def _shape(core: Core) -> dict[str, Any]:
    return {"api_domain": core.public_url, "token_type": "Bearer", "expires_in": ACCESS_SECONDS}


async def _holder(core: Core, token: str, kind: str, client_id: int) -> Actor:
    """The client in person: a token of another client is no token."""
    try:
        actor = await clients.actor_of_client(core.db, Door.ZOHO, token, kind=kind)
    except Unauthenticated:
        raise DeniedError("invalid_code") from None
    if actor.client_id != client_id:
        raise DeniedError("invalid_code")
    return actor


async def _issue(core: Core, actor: Actor, kind: str, seconds: int | None, issued_by: str | None = None) -> str:
    assert actor.client_id is not None  # noqa: S101 - it came from a client's token
    text = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
    return await clients.issue(
        core.db,
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
        raise DeniedError("invalid_request") from None
    fields = {name: value for name, value in form.multi_items() if not isinstance(value, UploadFile)}
    await form.close()
    return dict(query) | fields
