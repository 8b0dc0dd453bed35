"""Mutations by which people sign up, come in, go, and set their passwords."""

from typing import Annotated, Any

import strawberry

from crmgraph.crm.errors import Missing, Unauthenticated
from crmgraph.crm.identity.identity import Login
from crmgraph.crm.models import PartyKind
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.inputs.edits import edit_of
from crmgraph.graph.schema.inputs.identity import (
    ChangeEmailInput,
    ChangePasswordInput,
    ConfirmEmailInput,
    ConfirmSignupInput,
    LoginInput,
    RefreshSessionInput,
    RequestPasswordResetInput,
    ResetPasswordInput,
    SignupInput,
)
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import Input, find
from crmgraph.graph.schema.root_fields import Access, mutation
from crmgraph.graph.schema.scalars import DateTime
from crmgraph.graph.schema.types.people import SignedIn, Viewer


@strawberry.type(description="How coming in went. Nothing is told but in `userErrors` when it was refused.")
class SessionPayload(Payload):
    access_token: str | None = strawberry.field(
        default=None, description="Opens the door: send it as `Authorization: Bearer`."
    )
    refresh_token: str | None = strawberry.field(default=None, description="Gets new tokens, once.")
    expires_at: DateTime | None = strawberry.field(default=None, description="When the access token stops being good.")
    viewer: Viewer | None = strawberry.field(default=None, description="Whoever came in.")


_DEVICE = "By this the device is known again: keep it beyond a logout, and send it with the next login."


@strawberry.type(description="How a signup went. All but `userErrors` is null while it waits to be confirmed by mail.")
class SignupPayload(SessionPayload):
    device_token: str | None = strawberry.field(default=None, description=_DEVICE)


@strawberry.type(description="How a login went.")
class LoginPayload(SessionPayload):
    device_token: str | None = strawberry.field(default=None, description=_DEVICE)


@strawberry.type(description="How getting new tokens went.")
class RefreshSessionPayload(SessionPayload):
    pass


@strawberry.type(description="How logging out went.")
class LogoutPayload(Payload):
    pass


@strawberry.type(description="How setting a password went.")
class PasswordPayload(Payload):
    pass


@strawberry.type(
    description="How it went with another email address. It never tells whether the address is somebody else's."
)
class EmailPayload(Payload):
    pass


@strawberry.type(description="How asking for a reset went. It never tells whether the email address is known.")
class RequestPasswordResetPayload(Payload):
    pass


def _entered(context: Context, login: Login | None) -> dict[str, Any]:
    """The fields of the payload of somebody who has come in, and who acts from here on."""
    if login is None:
        return {}
    context.enter(login.actor)
    return {
        "access_token": login.access_token,
        "refresh_token": login.refresh_token,
        "expires_at": login.expires_at,
        "viewer": SignedIn(login.actor, login.email),
    }


def _welcomed(context: Context, login: Login | None) -> dict[str, Any]:
    """The same of somebody who has come in anew, whose device is known from here on."""
    return _entered(context, login) | ({} if login is None else {"device_token": login.device_token})


async def _signup(context: Context, given: SignupInput) -> dict[str, Any]:
    account = edit_of(given.account) if given.account else None
    login = await context.core.identity.signups.sign_up(
        edit_of(given), account, given.email, given.password, address=context.address
    )
    return _welcomed(context, login)


async def _confirm(context: Context, given: ConfirmSignupInput) -> dict[str, Any]:
    return _welcomed(context, await context.core.identity.signups.confirm(given.code))


async def _login(context: Context, given: LoginInput) -> dict[str, Any]:
    try:
        login = await context.core.identity.login(
            given.email, given.password, address=context.address, device=given.device_token or None
        )
    except Unauthenticated:
        raise Unauthenticated(("password",)) from None
    return _welcomed(context, login)


async def _refresh(context: Context, given: RefreshSessionInput) -> dict[str, Any]:
    try:
        login = await context.core.identity.refresh(given.refresh_token)
    except Unauthenticated:
        raise Unauthenticated(("refresh_token",)) from None
    return _entered(context, login)


async def _change_password(context: Context, given: ChangePasswordInput) -> dict[str, Any]:
    await context.core.identity.passwords.change(
        context.signed_in(), given.current_password, given.new_password, address=context.address
    )
    context.committed()
    return {}


async def _change_email(context: Context, given: ChangeEmailInput) -> dict[str, Any]:
    emails, actor = context.core.identity.emails, context.signed_in()
    if given.contact:
        async with context.read() as session:
            contact = await find(session, context, PartyKind.CONTACT, given.contact, "contact")
        await emails.request_for(actor, contact, given.email, address=context.address)
    elif not given.current_password:
        raise Missing(("current_password",))
    else:
        await emails.request(actor, given.email, given.current_password, address=context.address)
    context.committed()
    return {}


async def _confirm_email(context: Context, given: ConfirmEmailInput) -> dict[str, Any]:
    await context.core.identity.emails.confirm(given.code, address=context.address)
    context.committed()
    return {}


async def _request_reset(context: Context, given: RequestPasswordResetInput) -> dict[str, Any]:
    await context.core.identity.passwords.request_reset(given.email, address=context.address)
    return {}


async def _reset(context: Context, given: ResetPasswordInput) -> dict[str, Any]:
    await context.core.identity.passwords.reset(given.code, given.new_password, address=context.address)
    context.committed()
    return {}


@strawberry.type(description="What people do to come in.")
class IdentityMutations:
    @mutation("Registers a customer: a contact, and a login for it.", access=Access.ANYBODY)
    async def signup(self, info: Info, input: Annotated[SignupInput, Input]) -> SignupPayload:
        return await ended(SignupPayload, _signup(info.context, input))

    @mutation(
        "Finishes a signup by the code that was mailed, and lets the customer in. A registration that came without a "
        "password, or whose email address has a login, lets nobody in: all but `userErrors` is null then too.",
        access=Access.ANYBODY,
    )
    async def confirm_signup(self, info: Info, input: Annotated[ConfirmSignupInput, Input]) -> SignupPayload:
        return await ended(SignupPayload, _confirm(info.context, input))

    @mutation("Lets somebody in by email address and password.", access=Access.ANYBODY)
    async def login(self, info: Info, input: Annotated[LoginInput, Input]) -> LoginPayload:
        return await ended(LoginPayload, _login(info.context, input))

    @mutation(
        "Gives new tokens for a refresh token, for ten seconds the same ones again. Later reuse ends the session.",
        access=Access.ANYBODY,
    )
    async def refresh_session(
        self,
        info: Info,
        input: Annotated[RefreshSessionInput, Input],
    ) -> RefreshSessionPayload:
        return await ended(RefreshSessionPayload, _refresh(info.context, input))

    @mutation("Ends the session: its tokens are good no longer.")
    async def logout(self, info: Info) -> LogoutPayload:
        await info.context.core.identity.logout(info.context.signed_in())
        return LogoutPayload()

    @mutation("Changes one's own password, and ends one's other sessions.")
    async def change_password(self, info: Info, input: Annotated[ChangePasswordInput, Input]) -> PasswordPayload:
        return await ended(PasswordPayload, _change_password(info.context, input))

    @mutation("Mails a code for `confirmEmail` to the email address by which somebody is to sign in from now on.")
    async def change_email(self, info: Info, input: Annotated[ChangeEmailInput, Input]) -> EmailPayload:
        return await ended(EmailPayload, _change_email(info.context, input))

    @mutation(
        "Lets somebody sign in with another email address by the code that was mailed to it.", access=Access.OPTIONAL
    )
    async def confirm_email(self, info: Info, input: Annotated[ConfirmEmailInput, Input]) -> EmailPayload:
        return await ended(EmailPayload, _confirm_email(info.context, input))

    @mutation("Mails a code for `resetPassword`, where the email address is known.", access=Access.ANYBODY)
    async def request_password_reset(
        self,
        info: Info,
        input: Annotated[RequestPasswordResetInput, Input],
    ) -> RequestPasswordResetPayload:
        return await ended(RequestPasswordResetPayload, _request_reset(info.context, input))

    @mutation("Sets a password by the code that was mailed, and ends all sessions.", access=Access.ANYBODY)
    async def reset_password(self, info: Info, input: Annotated[ResetPasswordInput, Input]) -> PasswordPayload:
        return await ended(PasswordPayload, _reset(info.context, input))
