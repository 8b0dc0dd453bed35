"""Coming in: login, and the two services of passwords."""

from contextlib import suppress
from typing import Any, cast

from crmgraph.crm.errors import NotFound, Unauthenticated
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.throttle import Kind, account_of
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.records.told import load_told
from crmgraph.dialects.covalense.errors import WRONG_PASSWORD, bad_request, naming
from crmgraph.dialects.covalense.fields import tables
from crmgraph.dialects.covalense.places import DIALECT
from crmgraph.dialects.covalense.requests import Call
from crmgraph.rest import RequestError

PASSWORD_RESET = {"response": "Password reset successfully"}


async def login(call: Call) -> dict[str, Any]:
    """POST login: a token that opens the other services, and who has come in."""
    attributes = await call.attributes()
    email, password = attributes.required("email"), attributes.required("password")
    try:
        found = await call.core.identity.login(email, password, address=call.address, door=Door.COVALENSE)
    except Unauthenticated:
        raise RequestError(bad_request(WRONG_PASSWORD)) from None
    contact_id = cast(int, found.actor.contact_id)  # only customers come in here
    told = await load_told(call.core.db, found.actor, DIALECT, PartyKind.CONTACT, contact_id)
    if told is None:
        raise NotFound
    contact, around = told
    return {
        "success": "true",
        "accessToken": found.access_token,
        "response": "User logged in correctly",
        **tables(call.core.public_url).login.encode(contact, around),
    }


async def forgot(call: Call) -> dict[str, Any]:
    """POST profile/password/forgot: a code by mail, whoever asks. A `password` that comes with it is ignored, for
    nothing proves that its sender owns the email."""
    attributes = await call.attributes()
    await call.core.identity.passwords.request_reset(attributes.required("email"), address=call.address)
    return PASSWORD_RESET


async def forgot_as_of_old(call: Call) -> dict[str, Any]:
    """The same in a closed network that asks for the old way: the password is set, without a verification code."""
    attributes = await call.attributes()
    email, password = attributes.required("email"), attributes.required("password")
    await call.core.identity.throttle.reserve(Kind.RESET, account_of(email), Source(call.address))
    with naming(lambda path: "password"), suppress(NotFound):  # who is known is not told here either
        await call.core.identity.passwords.set(email, password)
    return PASSWORD_RESET


async def change(call: Call) -> dict[str, Any]:
    """PUT profile/password/change: the password of the token's user; whom the body names is passed over."""
    attributes = await call.attributes()
    old, new = attributes.required("passwordOld"), attributes.required("password")
    with naming(lambda path: "password"):
        try:
            await call.core.identity.passwords.change(call.actor, old, new, address=call.address)
        except Unauthenticated as refused:
            if refused.path:
                raise RequestError(bad_request(WRONG_PASSWORD)) from None
            raise
    return PASSWORD_RESET
