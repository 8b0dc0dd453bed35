"""What the letters say that identity mails."""

from crmgraph.crm.models import LetterKind

_WORDS = {
    LetterKind.RESET: (
        "Choose a new password",
        "Somebody, probably you, asked for a new password at {url}\n\n"
        "Your code, good once and for one hour:\n\n{code}\n\n"
        "If it was not you, there is nothing to do: your password stays as it is.\n",
    ),
    LetterKind.CONFIRM: (
        "Confirm your email address",
        "Somebody signed up with this email address at {url}\n\n"
        "If it was you, your code, good once and for one day:\n\n{code}\n\n"
        "If it was not you, there is nothing to do, and please give the code to nobody.\n",
    ),
    LetterKind.ALREADY_KNOWN: (
        "You already have a login",
        "Somebody, probably you, signed up with this email address at {url}\n\n"
        "There is a login for it already. If you no longer know the password, ask for a new one there.\n"
        "If it was not you, there is nothing to do: nothing has changed.\n",
    ),
    LetterKind.CONFIRM_KNOWN: (
        "Confirm your registration",
        "Somebody, probably you, registered with this email address at {url}\n\n"
        "There is a login for it already, which stays as it is. If you no longer know the password, ask for a new one "
        "there.\n\n"
        "If it was you who registered, your code, good once and for one day:\n\n{code}\n\n"
        "If it was not you, there is nothing to do, and please give the code to nobody.\n",
    ),
    LetterKind.CHANGE_EMAIL: (
        "Confirm your new email address",
        "Somebody wants to sign in with this email address from now on at {url}\n\n"
        "If it was you, your code, good once and for one hour:\n\n{code}\n\n"
        "If it was not you, there is nothing to do, and please give the code to nobody.\n",
    ),
    LetterKind.EMAIL_CHANGED: (
        "You sign in with another email address now",
        "This email address does not open your login any more at {url}\n\n"
        "Another one does, whose owner has confirmed it.\n"
        "If it was not you, please tell whoever runs the service.\n",
    ),
}


def written(kind: LetterKind, public_url: str, code: str) -> tuple[str, str]:
    """The subject and the text of a letter.

    Args:
        public_url: where people find the service.
        code: what the letter brings, if its kind brings any.
    """
    subject, text = _WORDS[kind]
    return subject, text.format(url=public_url, code=code)
