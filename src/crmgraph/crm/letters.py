"""The letters that identity mails, as (subject, text)."""

Letter = tuple[str, str]


def reset(public_url: str, code: str) -> Letter:
    """How to choose a new password."""
    return (
        "Choose a new password",
        f"Somebody, probably you, asked for a new password at {public_url}\n\n"
        f"Your code, good once and for one hour:\n\n{code}\n\n"
        "If it was not you, there is nothing to do: your password stays as it is.\n",
    )


def confirm(public_url: str, code: str) -> Letter:
    """How to finish a signup."""
    return (
        "Confirm your email address",
        f"Somebody signed up with this email address at {public_url}\n\n"
        f"If it was you, your code, good once and for one day:\n\n{code}\n\n"
        "If it was not you, there is nothing to do, and please give the code to nobody.\n",
    )


def already_known(public_url: str) -> Letter:
    """That a signup was not needed."""
    return (
        "You already have a login",
        f"Somebody, probably you, signed up with this email address at {public_url}\n\n"
        "There is a login for it already. If you no longer know the password, ask for a new one there.\n"
        "If it was not you, there is nothing to do: nothing has changed.\n",
    )
