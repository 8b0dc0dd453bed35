"""Inputs for signing up, coming in, and passwords."""

import strawberry
from strawberry import UNSET

from crmgraph.crm.models import AccountKind
from crmgraph.graph.schema.inputs.contact_points import NewRows
from crmgraph.graph.schema.inputs.edits import described_like, required
from crmgraph.graph.schema.inputs.records import ProfileValues
from crmgraph.graph.schema.refs import ContactRef
from crmgraph.graph.schema.scalars import EmailAddress
from crmgraph.graph.schema.types.account import Account

_EMAIL = "The email address to sign in with."


@described_like(Account, "An account of one's own.")
class SignupAccountInput:
    name: str | None
    kind: AccountKind | None
    industry: str | None
    website: str | None
    registration_number: str | None
    vat_number: str | None
    language: str | None


@strawberry.input(description="Who signs up.")
class SignupInput(ProfileValues, NewRows):
    email: EmailAddress = required(_EMAIL)
    password: str = required("The password to sign in with, of 8 characters at least.")
    account: SignupAccountInput | None = strawberry.field(
        default=UNSET, description="An account to be made, whose primary contact they are; none without it."
    )


@strawberry.input(description="Confirms a signup.")
class ConfirmSignupInput:
    code: str = required("The code from the email.")


@strawberry.input(description="Who comes in.")
class LoginInput:
    email: EmailAddress = required(_EMAIL)
    password: str = required("Their password.")
    device_token: str | None = strawberry.field(
        default=UNSET,
        description="The token that the last login on this device gave: its tries count apart from those of strangers.",
    )


@strawberry.input(description="What new tokens are given for.")
class RefreshSessionInput:
    refresh_token: str = required("The refresh token, which is good once.")


@strawberry.input(description="A change of one's own password.")
class ChangePasswordInput:
    current_password: str = required("The password until now.")
    new_password: str = required("The password from now on.")


@strawberry.input(description="Who wants a new password.")
class RequestPasswordResetInput:
    email: EmailAddress = required(_EMAIL)


@strawberry.input(description="A new password, by a code that was mailed.")
class ResetPasswordInput:
    code: str = required("The code from the email.")
    new_password: str = required("The password from now on.")


@strawberry.input(description="Another email address to sign in with: one's own, or by staff that of a contact.")
class ChangeEmailInput:
    email: EmailAddress = required("The email address from now on, to which a code is mailed.")
    current_password: str | None = strawberry.field(
        default=UNSET, description="One's own password; needed unless a contact is named."
    )
    contact: ContactRef | None = strawberry.field(
        default=UNSET, description="Whose login it is, by staff: a contact that has this email address."
    )


@strawberry.input(description="Confirms another email address to sign in with.")
class ConfirmEmailInput:
    code: str = required("The code from the email.")
