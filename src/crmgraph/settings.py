"""All settings, from the environment. Read by the wiring and the command line only."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from crmgraph.crm.values.countries import country_code_of_name
from crmgraph.db.url import database_url
from crmgraph.mail import open_mail
from crmgraph.suggestions import nearest

Listed = Annotated[tuple[str, ...], NoDecode]
"""Several values in one variable, separated by commas or blanks."""


class Settings(BaseSettings):
    """Every variable is named CRMGRAPH_ and the field in capitals, e.g. CRMGRAPH_DATABASE_URL."""

    model_config = SettingsConfigDict(env_prefix="CRMGRAPH_", extra="ignore", frozen=True)

    demo: bool = Field(False, description="Serve the demo: sample records, and credentials that are shown to anybody.")
    demo_folder: Path = Field(Path("var"), description="Where the demo keeps its records and its secrets.")
    database_url: str = Field(
        "sqlite:///var/crmgraph.db",
        description="sqlite:///path or postgresql://user:password@host/name?sslmode=verify-full.",
    )
    pool_size: int = Field(10, ge=1, le=200, description="Connections to the database, per process.")
    secret_key: str | None = Field(None, description="At least 32 characters; every token is signed by it. Required.")
    retired_secret_keys: Listed = Field((), description="Former secrets whose tokens are still honoured.")
    public_url: str = Field("http://127.0.0.1:8000", description="The address under which clients reach us.")
    photo_url: str = Field("", description="file:///folder or s3://bucket/prefix. By default var/photos.")
    mail_url: str = Field(
        "", description="file:///folder, smtp://user:password@host?starttls=1 or smtps://... Else none is sent."
    )
    mail_from: str = Field("crmgraph@localhost", description="The sender of our mail.")
    cors_origins: Listed = Field((), description="Origins whose pages may call us, e.g. https://app.example.com.")
    compress_from: int = Field(
        1_400,
        ge=0,
        description="From how many bytes on answers are compressed, where the client takes that; 0 for none.",
    )
    trusted_proxies: Listed = Field((), description="Addresses or networks whose X-Forwarded-For is believed.")
    phone_region: str | None = Field(None, description="ISO 3166-1 alpha-2: the region of phones that name none.")
    signup_confirm: bool = Field(True, description="Whether a signup has to be confirmed by mail first.")
    access_token_seconds: int = Field(900, ge=30, description="How long an access token opens the door, in seconds.")
    refresh_token_days: int = Field(30, ge=1, description="How long a session lasts without a login, in days.")
    refresh_grace_seconds: float = Field(
        10, ge=0, le=60, description="How long a spent refresh token gets the same answer again, in seconds."
    )
    throttle_per_account: int = Field(
        10, ge=1, description="Failed tries per account: of strangers in all, of each known device and address."
    )
    throttle_strangers: int = Field(
        100, ge=1, description="Failed tries per account beyond those, of addresses that have not failed yet."
    )
    throttle_per_address: int = Field(100, ge=1, description="Failed tries per address before it has to wait.")
    throttle_emails: int = Field(5, ge=1, description="Emails of each kind to one address within an hour.")
    device_token_days: int = Field(180, ge=1, description="How long a device that came in is known, in days.")
    throttle_window_seconds: int = Field(900, ge=1, description="How long failed tries are remembered, in seconds.")
    password_concurrency: int = Field(
        2, ge=1, description="Passwords hashed at once, per process; a core is left free."
    )
    password_memory_kib: int = Field(19 * 1024, ge=8, description="What argon2id takes per password, in KiB.")
    password_passes: int = Field(2, ge=1, description="How often argon2id goes over that memory.")
    max_body_bytes: int = Field(2 * 1024 * 1024, ge=1024, description="The longest request that is no upload.")
    max_photo_bytes: int = Field(10 * 1024 * 1024, ge=1024, description="The longest photo.")
    max_import_bytes: int = Field(
        256 * 1024 * 1024, ge=1024, description="The longest upload of files that are imported together."
    )
    max_page: int = Field(100, ge=1, le=10_000, description="The longest page of a connection.")
    max_cost: int = Field(20_000, ge=100, description="The most records that one document may cause.")
    compiled_plans: bool = Field(True, description="Whether plain GraphQL queries are compiled to one statement.")
    request_seconds: float = Field(
        30.0, gt=0, description="After how long a request is given up, at every door, in seconds."
    )
    introspection: Literal["open", "signed-in", "closed"] = Field(
        "signed-in", description="Who may read the schema: open, signed-in, closed."
    )
    documents: Literal["open", "trusted"] = Field(
        "open",
        description="open: any GraphQL document is run; trusted: for all but staff, those of the manifest.",
    )
    documents_file: Path | None = Field(
        None, description="A manifest of GraphQL documents that are named by their hash: JSON, {sha256: document}."
    )
    max_concurrency: int = Field(200, ge=1, description="Requests in hand at once, per process; more are answered 503.")
    max_connections: int = Field(
        1_000, ge=1, description="Connections open at once, per process; the one idle longest makes room."
    )
    header_seconds: float = Field(10.0, gt=0, description="How long a connection's first byte, and headers, may take.")
    body_seconds: float = Field(15.0, gt=0, description="How long the next part of a body may take, in seconds.")
    answer_seconds: float = Field(30.0, gt=0, description="How long a client may leave an answer unread, in seconds.")
    idle_seconds: int = Field(30, ge=1, description="How long a connection waits for its next request, in seconds.")
    max_subscribers: int = Field(
        2_000, ge=1, description="WebSockets and event streams open at once, per process; more are answered 503."
    )
    max_subscribers_per_caller: int = Field(
        50, ge=1, description="WebSockets and event streams of one caller, or one address before it signs in."
    )
    feed_poll_seconds: float = Field(
        1.0, gt=0, description="How often the log of changes is looked at while somebody subscribes, in seconds."
    )
    feed_listen: bool = Field(
        True, description="Whether PostgreSQL tells processes of one another's changes; else they look now and then."
    )
    keep_changes_days: int | None = Field(
        None, ge=1, examples=[365], description="How long the history of records is kept, in days. By default for ever."
    )
    keep_sessions_days: int | None = Field(30, ge=1, description="How long ended sessions are kept, in days.")
    keep_tokens_days: int | None = Field(
        7, ge=1, description="How long expired tokens and codes, and signups that nobody confirmed, are kept, in days."
    )
    keep_failed_jobs_days: int | None = Field(
        7, ge=1, description="How long background jobs that failed for good are kept, in days."
    )
    keep_imports_days: int | None = Field(
        90, ge=1, description="How long imports can be undone, in days: what that takes goes then."
    )
    upstream_networks: Listed = Field((), description="Private networks in which upstreams may be, e.g. 10.1.0.0/16.")
    upstream_socket: Path = Field(
        Path("var/upstream.sock"),
        description="Where servers tell `crmgraph upstream run` of calls that were passed on: a Unix domain socket.",
    )
    keep_usage_days: int | None = Field(
        400, ge=1, description="How long it is kept who called which legacy API, in days."
    )
    keep_orphaned_photos_days: int | None = Field(
        1, ge=1, description="How long photos in the store to which no record belongs are kept, in days."
    )
    purge_minutes: int = Field(60, ge=0, description="How often what is not kept is removed, in minutes; 0: never.")
    duplicates_minutes: int = Field(
        5, ge=0, description="How often records that have changed are compared with others, in minutes; 0: never."
    )
    run_jobs: bool = Field(
        True, description="Whether a server runs background jobs itself; else `crmgraph work` has to."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error."
    )
    log_format: Literal["json", "text"] = Field("json", description="json, an object a line, or text for people.")
    metrics: bool = Field(False, description="Whether /metrics tells Prometheus what is counted. Keep it inside.")
    covalense_forgot_sets_password: bool = Field(
        False, description="Restores Covalense's old /profile/password/forgot, which anybody can use. Closed networks."
    )
    zoho_unique: Listed = Field((), description="Fields that are unique at Zoho's door, e.g. Leads.Mobile.")

    @field_validator(
        "upstream_networks", "retired_secret_keys", "cors_origins", "trusted_proxies", "zoho_unique", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator(
        "keep_changes_days",
        "keep_sessions_days",
        "keep_tokens_days",
        "keep_failed_jobs_days",
        "keep_imports_days",
        "keep_usage_days",
        "keep_orphaned_photos_days",
        mode="before",
    )
    @classmethod
    def _for_ever(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: str | None) -> str | None:
        if value is not None and len(value) < 32:
            raise ValueError("has to have at least 32 characters, e.g. from `openssl rand -base64 48`")
        return value

    @field_validator("retired_secret_keys")
    @classmethod
    def _each_long_enough(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(each) < 32 for each in value):
            raise ValueError("each has to have at least 32 characters")
        return value

    @field_validator("database_url")
    @classmethod
    def _a_database(cls, value: str) -> str:
        found = database_url(value)
        # What is in memory would be another database for every connection, and gone with it.
        if found.get_backend_name() == "sqlite" and found.database in (None, "", ":memory:"):
            raise ValueError("a SQLite database is kept in a file, e.g. sqlite:///var/crmgraph.db")
        return value

    @field_validator("public_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("has to start with http:// or https://, e.g. https://crm.example.com")
        if not _is_address(value) or urlsplit(value).query or urlsplit(value).fragment:
            raise ValueError("has to be an address, e.g. https://crm.example.com")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            parts = urlsplit(each if "://" in each else f"https://{each}")
            if "://" not in each and parts.hostname in ("localhost", "127.0.0.1", "::1"):
                parts = parts._replace(scheme="http")  # as servers for development are
            nearest = f"{parts.scheme}://{parts.netloc}"
            if each != "*" and (each != nearest or not _is_address(each)):
                raise ValueError(
                    f"{each!r} is no origin: write {nearest if parts.netloc else 'https://app.example.com'}"
                )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                ip_network(each, strict=False)
            except ValueError:
                if each != "*":
                    raise ValueError(f"{each!r} is no address or network: write e.g. 127.0.0.1 or 10.0.0.0/8") from None
        return value

    @field_validator("phone_region")
    @classmethod
    def _a_region(cls, value: str | None) -> str | None:
        if value is None or value in SUPPORTED_REGIONS:
            return value
        meant = value.upper() if value.upper() in SUPPORTED_REGIONS else country_code_of_name(value)
        raise ValueError(f"{value!r} is no region: write its ISO 3166-1 code in capitals, {meant or 'e.g. DE'}")

    @field_validator("mail_url")
    @classmethod
    def _a_way_to_mail(cls, value: str) -> str:
        if value:
            open_mail(value, "crmgraph@localhost")
        return value

    @field_validator("mail_from")
    @classmethod
    def _a_sender(cls, value: str) -> str:
        try:
            open_mail("smtp://localhost", value)
        except ValueError:
            raise ValueError("has to be one bare address, e.g. crm@example.com") from None
        return value

    @model_validator(mode="after")
    def _photos_by_default(self) -> "Settings":
        if not self.photo_url:
            object.__setattr__(self, "photo_url", Path("var/photos").absolute().as_uri())
        return self

    def for_demo(self, folder: Path, secret: str) -> "Settings":
        """These settings in a demo: those that are given stay, the others suit somebody who tries it out.

        Args:
            folder: where the demo keeps everything.
            secret: what signs its tokens.
        """
        folder = folder.absolute()
        suited = {
            "database_url": f"sqlite:///{folder / 'demo.db'}",
            "secret_key": secret,
            "photo_url": (folder / "demo-photos").as_uri(),
            "upstream_socket": folder / "upstream.sock",
            "mail_url": (folder / "demo-mail").as_uri(),
            "signup_confirm": False,
            "introspection": "open",
            "zoho_unique": ("Leads.Mobile",),
            "log_format": "text",
        }
        suited = {k: v for k, v in suited.items() if k not in self.model_fields_set}
        return self.model_copy(update=suited | {"demo": True})


_PREFIX = "CRMGRAPH_"
ELSEWHERE = ("CRMGRAPH_PASSWORD",)
"""Variables of ours that are no settings: what `staff add` and `staff password` take instead of asking. The secrets of
upstreams are others."""


def unknown(names: Iterable[str]) -> list[str]:
    """A line for each variable that is named like a setting and is none, with the nearest one where one is near.

    Args:
        names: of the environment.
    """
    known = [f"CRMGRAPH_{name.upper()}" for name in Settings.model_fields] + [*ELSEWHERE]
    lines = []
    names = sorted(names)
    if any(name.upper().startswith(f"{_PREFIX}UPSTREAM_") for name in names):
        from crmgraph.crm.upstream_settings import SECRETS  # stands on the tables, for which others need not wait

        known += [each.variable for each in SECRETS.values()]
    for name in names:
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            # What they all begin with would make any two of them alike.
            near = nearest(name.upper().removeprefix(_PREFIX), [each.removeprefix(_PREFIX) for each in known])
            hint = f"is {_PREFIX}{near} meant?" if near else "docs/settings.md has them all"
            lines.append(f"{name}: there is no such setting; {hint}")
    return lines


_EXPECTED = {
    "bool_parsing": "true or false",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
"""{Pydantic's name of a fault: what is expected}; what is not named here is told in the words of the check."""


def told(error: ValidationError) -> Iterator[str]:
    """A line for each setting that does not hold: its name, what is expected, and the nearest where it is a choice."""
    for fault in error.errors():
        name = f"CRMGRAPH_{str(fault['loc'][0]).upper()}" if fault["loc"] else "The settings"
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "literal_error":
            choices = [each.strip("'") for each in fault["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            near = nearest(str(fault["input"]), choices)
            message = f"has to be one of {', '.join(choices)}" + (f"; is {near} meant?" if near else "")
        elif fault["type"] in _EXPECTED:
            # A bound of 60.0 seconds is told as 60.
            bounds = {
                k: int(v) if v == int(v) else v for k, v in fault.get("ctx", {}).items() if isinstance(v, float | int)
            }
            message = "has to be " + _EXPECTED[fault["type"]].format(**bounds)
            field = Settings.model_fields.get(str(fault["loc"][0])) if fault["loc"] else None
            examples = [] if field is None else [each for each in (*(field.examples or ()), field.default) if each]
            if fault["type"] != "bool_parsing" and examples:
                message += f", e.g. {examples[0]}"
        yield f"{name}: {message}"


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and (parts.port or 1) > 0 and "@" not in parts.netloc and " " not in value
    except ValueError:
        return False
