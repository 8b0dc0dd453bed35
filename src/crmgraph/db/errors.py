"""What an error of the database means: one table of SQLSTATEs, one of SQLite's result codes, and the drivers' own.

Both pools, the doors and `/health/ready` ask here. The codes are those of PostgreSQL's Appendix A ("PostgreSQL Error
Codes") and of SQLite's "Result and Error Codes".
"""

import sqlite3
import ssl
from dataclasses import dataclass
from enum import Enum

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

log = structlog.get_logger(__name__)


class Meaning(Enum):
    """What somebody who has met the error can do.

    LOST: the connection is gone, and a new one may do. AWAY: the database does not serve this at present, and may do so
    later. TIMEOUT: it took too long. RETRY: the transaction was given up in favour of another and nothing of it was
    written: once more, from its beginning. FAULT: the program's own, which trying again does not mend.
    """

    LOST = "lost"
    AWAY = "away"
    TIMEOUT = "timeout"
    RETRY = "retry"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one error means.

    Attributes:
        reason: in a few words that may be shown to anybody.
        ends: whether the connection that it came from must not be used again.
        next_host: whether another host of the same URL may do better.
    """

    meaning: Meaning
    reason: str = ""
    ends: bool = True
    next_host: bool = True

    @property
    def is_away(self) -> bool:
        """Whether the database is ill, as opposed to a fault of the program."""
        return self.meaning is not Meaning.FAULT


_LOST = Diagnosis(Meaning.LOST, "unreachable")
_STARTING = Diagnosis(Meaning.LOST, "starting or stopping")
_TIMEOUT = Diagnosis(Meaning.TIMEOUT, "too slow")
_FAULT = Diagnosis(Meaning.FAULT, ends=False)
_BROKEN = Diagnosis(Meaning.FAULT)

BUSY = "busy"
NOT_MIGRATED = "not migrated"
_OTHER_TABLES = Diagnosis(Meaning.FAULT, NOT_MIGRATED, ends=False)

SQLSTATES: dict[str, Diagnosis] = {
    "08": _LOST,  # connection exceptions
    "25006": Diagnosis(Meaning.AWAY, "read-only"),  # a standby, a demoted leader, a full disk at a provider
    "25P03": _LOST,  # ended as idle in a transaction
    "25P04": _TIMEOUT,  # transaction_timeout, which ends the connection
    "28": Diagnosis(Meaning.AWAY, "refuses the login", next_host=False),
    "3D000": Diagnosis(Meaning.AWAY, "does not exist", next_host=False),
    "3F000": Diagnosis(Meaning.AWAY, "without the schema that is asked for", ends=False),  # an empty search_path
    "40001": Diagnosis(Meaning.RETRY, "busy", ends=False),  # could not serialize, or a standby's recovery conflict
    "40003": _LOST,  # statement completion unknown
    "40P01": Diagnosis(Meaning.RETRY, "busy", ends=False),  # deadlock
    "42501": Diagnosis(Meaning.AWAY, "not permitted", ends=False),  # the user was not granted it
    "42703": _OTHER_TABLES,  # undefined column
    "42P01": _OTHER_TABLES,  # undefined table
    "53": Diagnosis(Meaning.AWAY, "out of resources"),
    "53100": Diagnosis(Meaning.AWAY, "out of disk space"),
    "53200": Diagnosis(Meaning.AWAY, "out of memory"),
    "53300": Diagnosis(Meaning.AWAY, "out of connections"),
    "55000": Diagnosis(
        Meaning.AWAY, "closed for connections"
    ),  # ALLOW_CONNECTIONS is false; we ask for nothing else of 55
    "55006": Diagnosis(Meaning.AWAY, "busy", ends=False),  # object in use
    "55P03": Diagnosis(Meaning.AWAY, BUSY, ends=False),  # lock not available in time
    "57": _STARTING,
    "57014": Diagnosis(Meaning.TIMEOUT, "too slow", ends=False),  # query canceled, by statement_timeout or a person
    "57P01": _STARTING,  # admin shutdown, or a backend that was terminated
    "57P02": _STARTING,  # crash shutdown
    "57P03": _STARTING,  # cannot connect now
    "57P04": Diagnosis(Meaning.AWAY, "does not exist", next_host=False),  # dropped
    "57P05": _LOST,  # ended as idle
    "58": Diagnosis(Meaning.AWAY, "out of order"),  # system errors: I/O, a missing file
    "XX": _BROKEN,  # internal errors of the server
}
"""By SQLSTATE, else by its class, which are its first two characters; what is in neither is a fault of ours."""

SQLITE: dict[int, Diagnosis] = {
    sqlite3.SQLITE_PERM: Diagnosis(Meaning.AWAY, "not permitted"),
    sqlite3.SQLITE_BUSY: Diagnosis(Meaning.AWAY, "busy", ends=False),
    sqlite3.SQLITE_LOCKED: Diagnosis(Meaning.AWAY, "busy", ends=False),
    sqlite3.SQLITE_NOMEM: Diagnosis(Meaning.AWAY, "out of memory"),
    sqlite3.SQLITE_READONLY: Diagnosis(Meaning.AWAY, "read-only"),
    sqlite3.SQLITE_INTERRUPT: Diagnosis(Meaning.TIMEOUT, "too slow"),
    sqlite3.SQLITE_IOERR: Diagnosis(Meaning.AWAY, "out of order"),
    sqlite3.SQLITE_CORRUPT: Diagnosis(Meaning.AWAY, "damaged"),
    sqlite3.SQLITE_FULL: Diagnosis(Meaning.AWAY, "out of disk space"),
    sqlite3.SQLITE_CANTOPEN: Diagnosis(Meaning.AWAY, "unreachable"),
    sqlite3.SQLITE_PROTOCOL: Diagnosis(Meaning.AWAY, "busy"),
    sqlite3.SQLITE_NOTADB: Diagnosis(Meaning.AWAY, "damaged"),
}
"""By SQLite's primary result code; what is not in it, `no such table` for one, is a fault of ours."""

_NO_SUCH_SERVER = Diagnosis(Meaning.AWAY, "without a server that target_session_attrs asks for")
_CERTIFICATE = Diagnosis(Meaning.AWAY, "shows a certificate that is not trusted", next_host=False)
_CROWDED = Diagnosis(Meaning.AWAY, "busy", ends=False)
_MISADDRESSED = Diagnosis(Meaning.AWAY, "not to be had as its address asks", next_host=False)


class Misaddressed(Exception):
    """The driver or the server refuses what the URL asks for: a file of certificates that is not there, a parameter of
    `options` that the server does not know. No statement was sent."""


def diagnose(error: BaseException) -> Diagnosis:
    """What an error means that came from a statement, a transaction or the attempt to connect."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        # SQLAlchemy's adapter has put the driver's error into one of its own.
        error = error.orig.__cause__ or error.orig
    match error:
        case asyncpg.PostgresError():
            state = str(error.sqlstate or "")
            return SQLSTATES.get(state) or SQLSTATES.get(state[:2], _FAULT)
        case sqlite3.Error():
            if str(error).startswith(("no such table", "no such column")):
                return _OTHER_TABLES
            return SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _FAULT)
        case PoolTimeout():
            return _CROWDED
        case asyncpg.TargetServerAttributeNotMatched():
            return _NO_SUCH_SERVER
        case Misaddressed():
            return _MISADDRESSED
        case asyncpg.DataError() | asyncpg.ClientConfigurationError() | asyncpg.OutdatedSchemaCacheError():
            # A value that the driver cannot encode, arguments that it does not know: nothing was sent.
            return _FAULT
        case asyncpg.InternalClientError():
            # The driver and the server no longer agree on where they are: nobody knows what comes next.
            return _LOST
        case asyncpg.InterfaceError():
            # What the driver says of a connection that is closed has no type of its own.
            return _LOST if "closed" in str(error) else _BROKEN
        case ssl.SSLCertVerificationError():
            return _CERTIFICATE
        case TimeoutError():
            return _TIMEOUT
        case OSError():
            return _LOST
    return _FAULT


def is_away(error: BaseException) -> bool:
    """Whether this error means that the database is ill: out of reach, too slow, not writable and the like."""
    return diagnose(error).is_away


def log_away(error: BaseException, door: str) -> None:
    """Log that the database is ill, in one line, which is the same for every door.

    Args:
        door: where it was met, e.g. `zoho`; `background` where no request waited for it.
    """
    log.warning("the database is away", door=door, reason=diagnose(error).reason, error=type(error).__name__)


def log_background(error: Exception, work: str) -> None:
    """Log why work that no request waits for was not done; it is tried again.

    Args:
        work: what it is, e.g. `email`.
    """
    if is_away(error):
        log_away(error, "background")
    else:
        log.error("unexpected fault", door="background", work=work, exc_info=error)
