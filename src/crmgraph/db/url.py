"""The URL of the database, and what it says to the driver: read in one place, for both pools.

A PostgreSQL URL is a connection URI of libpq (PostgreSQL's documentation, "Connection URIs" and "Parameter Key Words"):
several hosts, `sslmode` and the files that go with it, `target_session_attrs`, a password file or a service. What is
not known here is refused by name, since a parameter that is passed over, `sslmode` for one, is worse than none.
"""

import asyncio
import os
import re
import ssl
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as NoConfiguration
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import asyncpg
from sqlalchemy import URL

from crmgraph.db.errors import Misaddressed, diagnose

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
"""The asynchronous driver that we use for each kind of database."""

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SESSIONS = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
READ_ONLY_SESSIONS = ("read-only", "standby", "prefer-standby")
"""Who asks for these wants a connection that cannot write."""

CHOICES: dict[str, tuple[str, ...]] = {
    "sslmode": SSL_MODES,
    "target_session_attrs": SESSIONS,
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "sslnegotiation": ("postgres", "direct"),
    "client_encoding": ("utf8", "UTF8", "auto"),
}
"""Parameters with a few values. The driver has neither channel binding nor GSSAPI encryption, and always UTF-8."""

FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
"""Parameters that name a file, which has to be there when the program starts."""

TEXTS = ("sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version", "service", "krbsrvname", "gsslib")
"""Parameters that the driver reads as they are."""

SERVER = ("application_name", "options")
"""Parameters that are passed to the server."""

ADDRESS = ("host", "port", "user", "password", "dbname")
"""Parameters that may stand before the `?` as well."""

TIMES = ("connect_timeout",)
"""Parameters in whole seconds."""

_URI = re.compile(
    r"postgresql://(?:(?P<user>[^:/@?]*)(?::(?P<password>[^@?]*))?@)?(?P<hosts>[^/?]*)"
    r"(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)

SECRETS = ("password", "sslpassword")
"""Parameters that nobody is shown."""

KNOWN = (*ADDRESS, *CHOICES, *FILES, *TEXTS, *SERVER, *TIMES)


_NO_URL = "this is no URL of a database: write sqlite:///path or postgresql://user:password@host/name"


def database_url(given: str) -> URL:
    """The URL with the asynchronous driver that we use for its database, checked.

    Raises:
        ValueError: it is no URL, names neither SQLite nor PostgreSQL, or has a parameter that is not known. The message
            does not hold the URL, in which a password may stand.
    """
    scheme, separator, rest = given.strip().partition("://")
    kind = scheme.partition("+")[0]
    if not separator or not kind.isalnum():
        raise ValueError(_NO_URL)
    if kind not in DRIVERS:
        raise ValueError(f"crmgraph keeps its data in SQLite or PostgreSQL, not in {kind}")
    if kind == "sqlite":
        path, _, query = rest.partition("?")
        if query:
            raise ValueError("a SQLite database has no parameters: write sqlite:///path")
        if path and not path.startswith("/"):
            raise ValueError("a SQLite database is written sqlite:///path, with three slashes")
        return URL.create(DRIVERS[kind], database=path[1:] or None)
    return _postgresql(f"postgresql://{rest}")


def sqlite_file(given: str) -> Path | None:
    """The file in which a SQLite database is kept; None for one in memory, and for every other database.

    Raises:
        ValueError: as of `database_url`.
    """
    url = database_url(given)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def without_secrets(given: str) -> str:
    """The URL as it was written, with its passwords as `***`: of the user, before the `?` or after it, and of the key.

    "the database" when it is no URL of one.
    """
    scheme, separator, rest = given.strip().partition("://")
    if not separator or scheme.partition("+")[0] not in DRIVERS:
        return "the database"
    if scheme.startswith("sqlite"):
        return given.strip()
    before, question, query = rest.partition("?")
    # To the last @: one that was not escaped stands in the password.
    user, at, place = before.rpartition("@")
    name, colon, _ = user.partition(":")
    pairs = [pair.partition("=") for pair in query.split("&")]
    shown = [f"{key}=***" if unquote(key) in SECRETS else f"{key}{equals}{value}" for key, equals, value in pairs]
    return f"{scheme}://{name}{colon and ':***'}{at}{place}{question}{'&'.join(shown)}"


def _postgresql(given: str) -> URL:
    found = _URI.fullmatch(given)
    if found is None:
        raise ValueError(_NO_URL)
    try:
        pairs = parse_qsl(found["query"] or "", keep_blank_values=True, strict_parsing=bool(found["query"]))
    except ValueError:
        raise ValueError("the parameters of the URL are written name=value, with & between them") from None
    parameters = _checked(pairs)
    # Which of two goes first, libpq and the driver do not agree on.
    before = {"user": found["user"], "password": found["password"], "dbname": found["database"], "host": found["hosts"]}
    for name, value in before.items():
        if value and name in parameters:
            raise ValueError(f"`{name}` stands there twice, before the `?` and after it")
    hosts = _hosts(found["hosts"], parameters)
    outside = {name: parameters.pop(name, None) for name in ("user", "password", "dbname")}
    url = URL.create(
        DRIVERS["postgresql"],
        username=unquote(found["user"] or "") or outside["user"],
        password=unquote(found["password"] or "") or outside["password"],
        database=unquote(found["database"] or "") or outside["dbname"],
        query={**parameters, **({"host": hosts} if hosts else {})},
    )
    for name in FILES:
        value = parameters.get(name)
        if value and not (name == "sslrootcert" and value == "system") and not Path(value).is_file():
            raise ValueError(f"`{name}` names a file that is not there")
    if parameters.get("sslrootcert") == "system" and parameters.get("sslmode") != "verify-full":
        raise ValueError("`sslrootcert=system` goes with `sslmode=verify-full`")
    _require_certificates(parameters)
    if (service := parameters.get("service")) is not None:
        _require_service(service)
    return url


def _require_certificates(parameters: Mapping[str, str]) -> None:
    """The driver's own error about such a file would be taken for one of the server's TLS."""
    root, shown, key = (parameters.get(name) for name in ("sslrootcert", "sslcert", "sslkey"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if root and root != "system":
        try:
            context.load_verify_locations(root)
        except ssl.SSLError:
            raise ValueError("`sslrootcert` names a file in which no certificate stands") from None
    if shown and key:
        try:
            # A password has to be given, else a person would be asked for it.
            context.load_cert_chain(shown, key, parameters.get("sslpassword", ""))
        except ssl.SSLError:
            raise ValueError(
                "`sslcert` and `sslkey` name files that hold no certificate and its key; or `sslpassword` does not fit"
            ) from None


def _require_service(name: str) -> None:
    """The driver passes over a service that stands nowhere; libpq refuses it ("The Connection Service File")."""
    file = Path(os.environ.get("PGSERVICEFILE") or os.path.expanduser("~/.pg_service.conf"))  # noqa: PTH111 - no home is no error
    services = ConfigParser()
    try:
        services.read(file)
    except (NoConfiguration, OSError, UnicodeError):
        raise ValueError(f"`service` stands in {file}, which cannot be read") from None
    if not services.has_section(name):
        raise ValueError(f"`service` names one that does not stand in {file}")


def _checked(pairs: list[tuple[str, str]]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in pairs:
        # As SQLAlchemy's own URLs for this driver name it.
        name = "sslmode" if name == "ssl" else name
        if name not in KNOWN:
            raise ValueError(f"`{name[:40]}` is no parameter that is known here: there are {', '.join(KNOWN)}")
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"`{name}` is one of {', '.join(CHOICES[name])}, not `{value[:40]}`")
        if name in TIMES and not (value.isascii() and value.isdecimal()):
            raise ValueError(f"`{name}` is a whole number of seconds, e.g. {name}=5")
        if name in parameters and name != "host":
            raise ValueError(f"`{name}` stands there twice")
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    for name in ("channel_binding", "gssencmode", "client_encoding"):
        parameters.pop(name, None)
    return parameters


def _hosts(authority: str, parameters: dict[str, str]) -> tuple[str, ...]:
    """Where the servers are, in their order, as host:port; a host is a folder too, with a socket in it."""
    inside = parameters.pop("host", "")
    named = authority or inside
    ports = [port for port in parameters.pop("port", "").split(",") if port]
    hosts = [unquote(host) for host in named.split(",")] if named else []
    if len(ports) > 1 and len(ports) != len(hosts):
        raise ValueError("`port` has one port for all hosts, or one for each")
    placed = []
    for i, host in enumerate(hosts):
        ipv6, closed, after = host.partition("]") if host.startswith("[") else ("", "", "")
        name, _, own = (ipv6 + closed, "", after.removeprefix(":")) if closed else host.partition(":")
        if host.startswith("/"):
            name, own = host, ""
        port = own or (ports[i] if len(ports) > 1 else ports[0] if ports else "5432")
        if not name or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("a host is written host, host:port or [ipv6]:port, several with commas between them")
        placed.append(f"{name}:{port}")
    return tuple(placed)


class Connector:
    """Opens connections of the driver's to one PostgreSQL, for both pools.

    Hosts are tried in their order, one after the other, beginning with the one that answered last; each has
    `connect_timeout` seconds, so that one that swallows what it is sent does not take the time of the others.

    Args:
        url: of `database_url`.
        statement_seconds: after how long the server itself ends a statement, and a transaction in which nothing
            happens; None for commands, which may take their time.
        read_only: whether nothing can be written by its connections.

    Attributes:
        patience: after how many seconds a statement is given up that the server has not ended; None is never.
    """

    def __init__(self, url: URL, *, statement_seconds: float | None, read_only: bool = False) -> None:
        query = {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}
        self._hosts = [place.rpartition(":") for place in query.pop("host", "").split(",") if place]
        self._session = query.pop("target_session_attrs", None)
        self._seconds = float(query.pop("connect_timeout", 5)) or None
        self.patience = None if statement_seconds is None else statement_seconds + GRACE
        server = {name: query.pop(name) for name in SERVER if name in query}
        server.setdefault("application_name", "crmgraph")
        self._options: dict[str, Any] = {
            "user": url.username,
            "password": url.password,
            "database": url.database,
            "server_settings": server,
            "command_timeout": self.patience,
        }
        if query.get("sslrootcert") == "system":
            self._options["ssl"] = ssl.create_default_context()
            query = {name: value for name, value in query.items() if not name.startswith("ssl")}
        # The driver reads files of certificates, a password file and a service from a URL only.
        self._dsn = f"postgresql://?{urlencode(query)}" if query else None
        self._limits = _limits(statement_seconds)
        if read_only:
            self._limits += "; SET default_transaction_read_only = on"
        self._first = 0
        self._keeps_read_only = read_only or self._session in READ_ONLY_SESSIONS

    def is_fit(self, connection: Any) -> bool:
        """Whether a connection that is given back may be lent again: it is open, outside a transaction, and can write
        unless the URL asks for servers that cannot."""
        if connection.is_closed() or connection.is_in_transaction():
            return False
        return self._keeps_read_only or not is_read_only(connection)

    async def connect(self, *, settings: str = "", **options: Any) -> Any:
        """A new connection.

        Args:
            settings: statements that set something for the session.
            options: further arguments of `asyncpg.connect`.

        Raises:
            Misaddressed: see there.
            What else `diagnose` knows: the error of the last host that was tried.
        """
        # Where a standby is preferred, none of the hosts being one is no reason to have none.
        wanted = ["standby", "any"] if self._session == "prefer-standby" else [self._session]
        places: list[tuple[str, str, str] | None] = list(self._hosts) or [None]
        order = [(session, (self._first + i) % len(places)) for session in wanted for i in range(len(places))]
        for i, (session, at) in enumerate(order):
            try:
                connection = await self._open(places[at], session, settings, options)
            except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError, asyncpg.InterfaceError) as error:
                if i == len(order) - 1 or not diagnose(error).next_host:
                    raise
            else:
                self._first = at
                return connection
        raise AssertionError("the last host answers or raises")

    async def _open(
        self, place: tuple[str, str, str] | None, session: str | None, settings: str, options: Mapping[str, Any]
    ) -> Any:
        where = {"host": place[0].strip("[]"), "port": int(place[2])} if place is not None else {}
        try:
            connection = await asyncpg.connect(
                self._dsn, **where, **self._options, **options, target_session_attrs=session, timeout=self._seconds
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            # No statement of ours has been sent yet: what would be our fault later is that of the address now.
            if diagnose(error).is_away:
                raise
            raise Misaddressed(str(error)) from error
        try:
            # Said after the connection stands, for a pooler of sessions refuses what it does not know before.
            async with asyncio.timeout(self._seconds):
                await connection.execute(self._limits + settings)
        except BaseException:
            connection.terminate()
            raise
        return connection


GRACE = 2.0
"""How many seconds the driver waits longer than the server does, which ends a statement itself while it is well."""


def _limits(seconds: float | None) -> str:
    """What a connection is told first, in one message."""
    milliseconds = 0 if seconds is None else max(1, round(seconds * 1000))
    limits = f"SET statement_timeout = {milliseconds}; SET idle_in_transaction_session_timeout = {2 * milliseconds}"
    # Answers hold days as the database prints them, whatever it or the user is set to.
    return f"{limits}; SET datestyle = ISO"


def is_read_only(connection: Any) -> bool:
    """Whether the server has said of this connection of the driver's that it cannot write.

    It reports both settings by itself, when the connection is made and whenever they change (PostgreSQL 14 and later,
    "Asynchronous Operations" of the protocol), so that nothing is asked.
    """
    settings = getattr(connection, "reported", None) or connection.get_settings()
    return (
        getattr(settings, "default_transaction_read_only", "off") == "on"
        or getattr(settings, "in_hot_standby", "off") == "on"
    )
