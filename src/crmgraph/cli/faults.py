"""What a person is told when a database, a folder or a port does not do what a command needs: one line each."""

import os
import socket
import sqlite3
import ssl
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from crmgraph.db.errors import NOT_MIGRATED, Misaddressed, diagnose
from crmgraph.db.url import sqlite_file, without_secrets

_HINTS = {
    "refuses the login": "look at its user and password",
    "does not exist": "create a database of this name, or name another",
    "starting or stopping": "try again in a moment",
    "too slow": "look at host, port and firewall",
    "read-only": "name the server, or the file, that takes writes",
    "not permitted": "give its user the rights, or name another",
    "without the schema that is asked for": "look at search_path, in its options or of its user",
    "out of connections": "raise max_connections, or lower CRMGRAPH_POOL_SIZE",
    "out of disk space": "make room",
    "busy": "somebody holds it: try again when they are done",
    "damaged": "this is no database, or a damaged one: name another, or restore a backup",
    "shows a certificate that is not trusted": "trust its authority, or look at the host",
}
"""{the reason of a diagnosis: what an operator does about it}."""


def of_database(error: BaseException, url: str | None = None) -> str | None:
    """What is wrong with the database, which setting names it, and what to do; None when it is not to blame.

    Args:
        url: the database, which is told without its password.
    """
    diagnosis = diagnose(error)
    if diagnosis.reason == NOT_MIGRATED:
        return "The database is not migrated: run `crmgraph migrate` first."
    if not diagnosis.is_away:
        return None
    hint = _HINTS.get(diagnosis.reason) or _unreachable(error)
    name = f" ({without_secrets(url)})" if url else ""
    return f"The database does not answer: {diagnosis.reason}; {hint}, see CRMGRAPH_DATABASE_URL{name}"


def of_file(url: str) -> str | None:
    """Why the file of an SQLite database cannot be used; None when it can, and for every other database."""
    try:
        path = sqlite_file(url)
    except ValueError:
        return None
    if path is None:
        return None
    if (fault := of_folder(path.absolute().parent)) is not None:
        return f"CRMGRAPH_DATABASE_URL: {fault}"
    if path.is_dir():
        return f"CRMGRAPH_DATABASE_URL: {path} is a folder: name a file, e.g. sqlite:///{path}/crmgraph.db"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return f"CRMGRAPH_DATABASE_URL: {path} is not ours to read and write: give us the right"
    return None


def of_folder(path: Path) -> str | None:
    """Why nobody could write into this folder, made where it is missing; None when one could."""
    there = next(each for each in (path, *path.parents) if os.access(each, os.F_OK))
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return None
    return f"{there} is no folder that we may write into: name another, or make it ours"


def of_demo(error: OSError | ValueError, folder: Path) -> str:
    """Why the demo in this folder cannot be read, or made."""
    if isinstance(error, OSError):
        return f"CRMGRAPH_DEMO_FOLDER: {error.filename} cannot be written: {error.strerror}"
    return f"CRMGRAPH_DEMO_FOLDER: {folder / 'demo.json'} is damaged: `crmgraph demo reset`"


def of_unique_fields(names: tuple[str, ...]) -> str | None:
    """Which of these are no fields of Zoho's whose values could be unique; None when all are."""
    if not names:
        return None
    # A part of the edges, which the parent of workers does without otherwise.
    from crmgraph.dialects import zoho

    try:
        zoho.unique_fields(names)
    except ValueError as error:
        return f"CRMGRAPH_ZOHO_UNIQUE: {error}"
    return None


def of_documents(path: Path | None, *, trusted: bool) -> str | None:
    """What is wrong with a manifest of documents; None where nothing is.

    Args:
        path: of the manifest, where there is one.
        trusted: whether nothing else is run.
    """
    if path is None:
        if not trusted:
            return None
        return (
            "CRMGRAPH_DOCUMENTS is trusted, and no manifest says which are: set CRMGRAPH_DOCUMENTS_FILE to one, or "
            "CRMGRAPH_DOCUMENTS to open"
        )
    from crmgraph.graph import Documents

    try:
        Documents.load(path)
    except ValueError as error:
        return f"CRMGRAPH_DOCUMENTS_FILE: {error}"
    return None


def _unreachable(error: BaseException) -> str:
    cause = error.orig.__cause__ or error.orig if isinstance(error, DBAPIError) and error.orig else error
    match cause:
        case Misaddressed():
            return str(cause).splitlines()[0]
        case socket.gaierror():
            return "nobody knows its host: look at the name"
        case ssl.SSLError():
            return "its server does not speak TLS as the address asks"
        case ConnectionError() if "SSL" in str(cause):  # the driver's own word, when the server answers "no"
            return "its server does not speak TLS as the address asks"
        case ConnectionRefusedError():
            return "nobody listens there: start the server, or look at host and port"
        case sqlite3.OperationalError():
            return "the file cannot be opened: its folder has to be there, and be ours to write"
    return "look at host, port and network"


def of_port(host: str, port: int) -> str | None:
    """Why nobody can listen there; None when one can."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.create_server(address[:2], family=family):
            return None
    except socket.gaierror:
        return f"--host {host}: no such address, e.g. 127.0.0.1, or 0.0.0.0 for every one of this machine"
    except PermissionError:
        return f"--port {port}: ports below 1024 are not ours to use: take a higher one, e.g. 8000"
    except OSError as error:
        if "in use" in str(error):
            return f"--port {port}: somebody listens there already: end that, or take another, e.g. --port {port + 1}"
        return f"--host {host}: this machine has no such address, e.g. 127.0.0.1"
    except OverflowError:
        return f"--port {port}: there is no such port"
