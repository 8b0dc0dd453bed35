"""What can be set of an old CRM, and which secrets calling it takes: one table of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crmgraph.crm.models import Door
from crmgraph.suggestions import nearest

DIALECTS = frozenset(door for door in Door if door.is_dialect)


class BadSettingError(ValueError):
    """A setting or a value that there is none of, in words for people."""


@dataclass(frozen=True, slots=True)
class Form:
    """What values a setting takes.

    Attributes:
        expected: what is told of a value that is none.
        read: the value that a text means, as JSON keeps it; raises ValueError or KeyError where it means none.
        choices: where there are few.
    """

    expected: str
    read: Callable[[str], Any]
    choices: tuple[str, ...] = ()


def _one_of(*choices: str) -> Form:
    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(text)
        return text.lower()

    return Form(" or ".join(choices), read, choices)


def _text(most: int) -> Form:
    def read(text: str) -> str | None:
        if not 0 < len(text) <= most:
            raise ValueError(text)
        return None if text == "none" else text

    return Form(f"a text of at most {most} characters, or none", read)


def _on_or_off() -> Form:
    def read(text: str) -> bool:
        return {"on": True, "off": False}[text.lower()]

    return Form("on or off", read, ("on", "off"))


def _number(least: int, most: int) -> Form:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return Form(f"a whole number from {least} to {most}", read)


_UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}


def _seconds(least: int, most: int) -> Form:
    def read(text: str) -> int:
        number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise ValueError(text)
        seconds = int(number) * _UNITS[unit]
        if not least <= seconds <= most:
            raise ValueError(text)
        return seconds

    return Form(f"a time from {least}s to {most}s, e.g. {least}s, 5m or 2h", read)


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that can be set of an upstream.

    Attributes:
        default: what holds where nobody has set it.
        help: what it does, for people.
        dialects: of which APIs.
    """

    key: str
    form: Form
    default: Any
    help: str
    dialects: frozenset[Door] = DIALECTS


LOCAL_CHANGES, HARVEST = "local_changes", "harvest"
MAX_CONCURRENCY, CALLS_PER_DAY, PULL_EVERY = "max_concurrency", "calls_per_day", "pull_every"
KEEP_VALUES, COMPARE_AS = "keep_values", "compare_as"

SETTINGS = {
    each.key: each
    for each in (
        Setting(
            LOCAL_CHANGES,
            _one_of("refuse", "allow"),
            "refuse",
            "Whether a record that the old CRM holds may be changed here by another door: what is allowed stays here, "
            "and the old CRM does not learn of it.",
        ),
        Setting(
            HARVEST,
            _on_or_off(),
            False,
            "Whether answers that pass by bring the records of this store up to date.",
        ),
        Setting(
            MAX_CONCURRENCY,
            _number(1, 25),
            4,
            "How many calls of ours the old CRM gets at once.",
        ),
        Setting(
            CALLS_PER_DAY,
            _number(1, 10_000_000),
            None,
            "How many calls the old CRM takes in 24 hours: reading stops at half of them. None where it does not say.",
            frozenset({Door.ZOHO, Door.VALOMNIA, Door.CRMCOM}),
        ),
        Setting(
            PULL_EVERY,
            _seconds(5, 86_400),
            60,
            "How long `crmgraph upstream run` waits between two looks at what is new, in seconds.",
            frozenset({Door.ZOHO, Door.VALOMNIA, Door.CRMCOM}),
        ),
        Setting(
            KEEP_VALUES,
            _on_or_off(),
            False,
            "Whether examples of differences keep the values, which may be personal data, for 7 days.",
        ),
        Setting(
            COMPARE_AS,
            _text(200),
            None,
            "The email of one of the staff, in whose place this store answers what is compared. None for whoever has "
            "the caller's name here, else for somebody who may read everything.",
            frozenset({Door.ZOHO, Door.VALOMNIA, Door.CRMCOM}),
        ),
    )
}
"""{key: what can be set}. A row is added by whoever reads it."""


def settings_of(door: Door) -> list[Setting]:
    """What can be set of the upstream of a dialect."""
    return [each for each in SETTINGS.values() if door in each.dialects]


def value_of(options: Mapping[str, Any], key: str) -> Any:
    """What holds: what was set, else the default.

    Args:
        options: of an `Upstream`.
    """
    return options.get(key, SETTINGS[key].default)


def shown(value: Any) -> str:
    """A value of a setting as people write it."""
    if value is None:
        return "none"
    return str(value) if not isinstance(value, bool) else "on" if value else "off"


def setting_named(door: Door, key: str) -> Setting:
    """A setting of a dialect.

    Raises:
        BadSettingError: it has no such setting.
    """
    known = {each.key: each for each in settings_of(door)}
    if key in known:
        return known[key]
    near = nearest(key, list(known))
    meant = f" Is {near} meant?" if near else ""
    raise BadSettingError(f"{key}: {door.dialect} has no such setting; there are {', '.join(known)}.{meant}")


def read_value(setting: Setting, text: str) -> Any:
    """The value that a text means for a setting, as JSON keeps it.

    Raises:
        BadSettingError: it takes no such value.
    """
    try:
        return setting.form.read(text.strip())
    except (ValueError, KeyError):
        near = nearest(text, setting.form.choices)
        meant = f" Is {near} meant?" if near else ""
        raise BadSettingError(f"{setting.key}: {text} is not {setting.form.expected}.{meant}") from None


@dataclass(frozen=True, slots=True)
class SecretName:
    """A secret that calling an old CRM takes.

    Attributes:
        help: what it is there.
    """

    dialect: Door
    name: str
    help: str

    @property
    def variable(self) -> str:
        """The variable of the environment that is read first."""
        return f"CRMGRAPH_UPSTREAM_{self.dialect.value}_{self.name.upper()}"


SECRETS = {
    (each.dialect, each.name): each
    for each in (
        SecretName(Door.ZOHO, "client_id", "The id of a client (Self Client) of the accounts server."),
        SecretName(Door.ZOHO, "client_secret", "Its secret."),
        SecretName(Door.ZOHO, "refresh_token", "A refresh token for the scopes ZohoCRM.modules.READ and users.READ."),
        SecretName(Door.VALOMNIA, "username", "`j_username`, as at `/j_spring_security_check`."),
        SecretName(Door.VALOMNIA, "password", "`j_password`."),
        SecretName(Door.CRMCOM, "username", "As at `authentication/token`."),
        SecretName(Door.CRMCOM, "password", "Its password."),
        SecretName(Door.CRMCOM, "organisation", "The organisation of the user."),
    )
}
"""Covalense has none: its tokens are the customers' own."""


def secret_named(door: Door, name: str) -> SecretName:
    """A secret of a dialect.

    Raises:
        BadSettingError: it has no such secret.
    """
    found = SECRETS.get((door, name.lower()))
    if found is not None:
        return found
    names = [each.name for each in SECRETS.values() if each.dialect is door]
    if not names:
        raise BadSettingError(f"{door.dialect}: nothing is asked there by us, so it takes no secrets.")
    near = nearest(name, names)
    raise BadSettingError(
        f"{name}: {door.dialect} has no such secret; there are {', '.join(names)}."
        + (f" Is {near} meant?" if near else "")
    )
