"""What the emails say that identity sends."""

from enum import StrEnum


class EmailTemplate(StrEnum):
    """What an email says; the values stand in stored jobs."""

    RESET = "RESET"
    CONFIRM = "CONFIRM"
    ALREADY_KNOWN = "ALREADY_KNOWN"
    CONFIRM_KNOWN = "CONFIRM_KNOWN"
    """The code of a registration by an email that has a login, which it leaves as it is."""
    CHANGE_EMAIL = "CHANGE_EMAIL"
    EMAIL_CHANGED = "EMAIL_CHANGED"


_WORDS = {
    EmailTemplate.RESET: (
        "Choose a new password",
        "Somebody, probably you, asked for a new password at {url}\n\n"
        "Your code, good once and for one hour:\n\n{code}\n\n"
        "If it was not you, there is nothing to do: your password stays as it is.\n",
    ),
    EmailTemplate.CONFIRM: (
        "Confirm your email address",
        "Somebody signed up with this email address at {url}\n\n"
        "If it was you, your code, good once and for one day:\n\n{code}\n\n"
        "If it was not you, there is nothing to do, and please give the code to nobody.\n",
    ),
    EmailTemplate.ALREADY_KNOWN: (
        "You already have a login",
        "Somebody, probably you, signed up with this email address at {url}\n\n"
        "There is a login for it already. If you no longer know the password, ask for a new one there.\n"
        "If it was not you, there is nothing to do: nothing has changed.\n",
    ),
    EmailTemplate.CONFIRM_KNOWN: (
        "Confirm your registration",
        "Somebody, probably you, registered with this email address at {url}\n\n"
        "There is a login for it already, which stays as it is. If you no longer know the password, ask for a new one "
        "there.\n\n"
        "If it was you who registered, your code, good once and for one day:\n\n{code}\n\n"
        "If it was not you, there is nothing to do, and please give the code to nobody.\n",
    ),
    EmailTemplate.CHANGE_EMAIL: (
        "Confirm your new email address",
        "Somebody wants to sign in with this email address from now on at {url}\n\n"
        "If it was you, your code, good once and for one hour:\n\n{code}\n\n"
        "If it was not you, there is nothing to do, and please give the code to nobody.\n",
    ),
    EmailTemplate.EMAIL_CHANGED: (
        "You sign in with another email address now",
        "This email address does not open your login any more at {url}\n\n"
        "Another one does, whose owner has confirmed it.\n"
        "If it was not you, please tell whoever runs the service.\n",
    ),
}


def written(template: EmailTemplate, public_url: str, code: str) -> tuple[str, str]:
    """The subject and the text of an email.

    Args:
        public_url: where people find the service.
        code: what the email brings, if its template has one.
    """
    subject, text = _WORDS[template]
    return subject, text.format(url=public_url, code=code)
