"""What errors mean, and what the URL of a database says."""

import sqlite3
import ssl
from pathlib import Path

import asyncpg
import pytest

from crmgraph.db.errors import SQLSTATES, Meaning, diagnose
from crmgraph.db.url import KNOWN, database_url, without_secrets
from tests.database.proxy import certificate


@pytest.mark.parametrize(
    ("state", "meaning", "ends"),
    [
        ("08000", Meaning.LOST, True),
        ("08003", Meaning.LOST, True),
        ("08006", Meaning.LOST, True),
        ("08P01", Meaning.LOST, True),
        ("22001", Meaning.FAULT, False),
        ("22P02", Meaning.FAULT, False),
        ("23505", Meaning.FAULT, False),
        ("25006", Meaning.AWAY, True),
        ("25P02", Meaning.FAULT, False),
        ("25P03", Meaning.LOST, True),
        ("28000", Meaning.AWAY, True),
        ("28P01", Meaning.AWAY, True),
        ("3D000", Meaning.AWAY, True),
        ("3F000", Meaning.AWAY, False),
        ("40001", Meaning.RETRY, False),
        ("40P01", Meaning.RETRY, False),
        ("42501", Meaning.AWAY, False),
        ("42601", Meaning.FAULT, False),
        ("42P01", Meaning.FAULT, False),
        ("53000", Meaning.AWAY, True),
        ("53100", Meaning.AWAY, True),
        ("53200", Meaning.AWAY, True),
        ("53300", Meaning.AWAY, True),
        ("55000", Meaning.AWAY, True),
        ("55P03", Meaning.AWAY, False),
        ("57014", Meaning.TIMEOUT, False),
        ("57P01", Meaning.LOST, True),
        ("57P02", Meaning.LOST, True),
        ("57P03", Meaning.LOST, True),
        ("57P04", Meaning.AWAY, True),
        ("57P05", Meaning.LOST, True),
        ("58030", Meaning.AWAY, True),
        ("XX000", Meaning.FAULT, True),
        ("XX001", Meaning.FAULT, True),
    ],
)
def test_each_sqlstate_has_a_meaning(state: str, meaning: Meaning, ends: bool) -> None:
    error = asyncpg.PostgresError.new({"C": state, "M": "it says"})
    diagnosis = diagnose(error)
    assert (diagnosis.meaning, diagnosis.ends) == (meaning, ends)


def test_whatever_is_away_says_why_in_a_few_words() -> None:
    for diagnosis in SQLSTATES.values():
        assert diagnosis.reason or not diagnosis.is_away
        assert len(diagnosis.reason) < 60


@pytest.mark.parametrize(
    ("error", "meaning", "ends"),
    [
        (asyncpg.InterfaceError("connection is closed"), Meaning.LOST, True),
        (asyncpg.InterfaceError("the underlying connection is closed"), Meaning.LOST, True),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), Meaning.FAULT, True),
        (asyncpg.DataError("invalid input for query argument $1: 'x'"), Meaning.FAULT, False),
        (asyncpg.ClientConfigurationError("closed"), Meaning.FAULT, False),
        (asyncpg.InternalClientError("got result for unknown protocol state 3"), Meaning.LOST, True),
        (asyncpg.ProtocolError("unexpected"), Meaning.LOST, True),
        (asyncpg.TargetServerAttributeNotMatched("none"), Meaning.AWAY, True),
        (TimeoutError(), Meaning.TIMEOUT, True),
        (ConnectionRefusedError(), Meaning.LOST, True),
        (FileNotFoundError("a socket"), Meaning.LOST, True),
        (ssl.SSLCertVerificationError(), Meaning.AWAY, True),
        (sqlite3.OperationalError("no such table: x"), Meaning.FAULT, False),
        (ValueError("ours"), Meaning.FAULT, False),
    ],
)
def test_each_error_of_a_driver_has_a_meaning(error: Exception, meaning: Meaning, ends: bool) -> None:
    diagnosis = diagnose(error)
    assert (diagnosis.meaning, diagnosis.ends) == (meaning, ends)


@pytest.mark.parametrize(
    ("given", "user", "password", "database", "hosts"),
    [
        ("postgresql://u:p@h/d", "u", "p", "d", ("h:5432",)),
        ("postgres://u:p%40x@h:6543/d", "u", "p@x", "d", ("h:6543",)),
        ("postgresql+asyncpg://u@h/d", "u", None, "d", ("h:5432",)),
        ("postgresql://u:p@a:1,b:2,c/d", "u", "p", "d", ("a:1", "b:2", "c:5432")),
        ("postgresql://u:p@/d?host=a,b&port=1,2", "u", "p", "d", ("a:1", "b:2")),
        ("postgresql://u@/d?host=a&host=b&port=7", "u", None, "d", ("a:7", "b:7")),
        ("postgresql://u@[::1]:6000,[fe80::2]/d", "u", None, "d", ("[::1]:6000", "[fe80::2]:5432")),
        ("postgresql://u:@/d?host=/var/run/pg", "u", None, "d", ("/var/run/pg:5432",)),
        ("postgresql://u@%2Fvar%2Frun/d", "u", None, "d", ("/var/run:5432",)),
        ("postgresql:///d?user=u&password=p&host=h", "u", "p", "d", ("h:5432",)),
        ("postgresql://h:1/d?application_name=me@here", None, None, "d", ("h:1",)),
        ("postgresql://u@h/d?port=7", "u", None, "d", ("h:7",)),
        ("postgresql://u@h/d?password=p", "u", "p", "d", ("h:5432",)),
        ("postgresql://?service=crm", None, None, None, None),
    ],
)
def test_a_url_of_postgresql_is_read_as_libpq_reads_it(
    given: str,
    user: str | None,
    password: str | None,
    database: str | None,
    hosts: tuple[str, ...] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "services").write_text("[crm]\nhost=h\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    url = database_url(given)
    assert (url.username, url.password, url.database, url.query.get("host")) == (user, password, database, hosts)
    assert url.drivername == "postgresql+asyncpg"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hush@db:5433/crm?sslmode=require", "postgresql://me:***@db:5433/crm?sslmode=require"),
        ("postgres://me:hu%40sh@a:1,b:2,[::1]:3/crm", "postgres://me:***@a:1,b:2,[::1]:3/crm"),
        ("postgresql://me:hu@sh@db/crm", "postgresql://me:***@db/crm"),
        ("postgresql://me@db/crm", "postgresql://me@db/crm"),
        ("postgresql:///crm?host=/run/pg&user=me&password=hush", "postgresql:///crm?host=/run/pg&user=me&password=***"),
        ("postgresql://db?p%61ssword=hush&sslpassword=hush", "postgresql://db?p%61ssword=***&sslpassword=***"),
        ("sqlite:///var/crmgraph.db", "sqlite:///var/crmgraph.db"),
        ("mysql://me:hush@db/crm", "the database"),
        ("me:hush@db", "the database"),
    ],
)
def test_a_url_is_told_without_its_passwords(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ("sslmod=require", f"`sslmod` is no parameter that is known here: there are {', '.join(KNOWN)}"),
        (
            "sslmode=no-verify",
            "`sslmode` is one of disable, allow, prefer, require, verify-ca, verify-full, not `no-verify`",
        ),
        (
            "target_session_attrs=master",
            "`target_session_attrs` is one of any, read-write, read-only, primary, standby, prefer-standby, "
            "not `master`",
        ),
        ("channel_binding=require", "`channel_binding` is one of disable, prefer, not `require`"),
        ("connect_timeout=soon", "`connect_timeout` is a whole number of seconds, e.g. connect_timeout=5"),
        ("sslrootcert=/not/there", "`sslrootcert` names a file that is not there"),
        ("sslrootcert=system", "`sslrootcert=system` goes with `sslmode=verify-full`"),
        ("sslmode=require&sslmode=disable", "`sslmode` stands there twice"),
        ("sslmode", "the parameters of the URL are written name=value, with & between them"),
        ("host=a&port=x", "a host is written host, host:port or [ipv6]:port, several with commas between them"),
        ("host=a,b&port=1,2,3", "`port` has one port for all hosts, or one for each"),
    ],
)
def test_what_a_url_says_that_is_not_known_is_refused_by_name(parameters: str, fault: str) -> None:
    with pytest.raises(ValueError) as refused:
        database_url(f"postgresql://me:hush@/d?{parameters}")
    assert str(refused.value) == fault


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("postgresql://me:hush@h/d?user=other", "user"),
        ("postgresql://me:hush@h/d?password=other", "password"),
        ("postgresql://me:hush@h/d?dbname=other", "dbname"),
        ("postgresql://me:hush@h/d?host=other", "host"),
        ("postgresql://me:hush@h/d?host=h", "host"),
    ],
)
def test_what_stands_before_and_after_the_question_mark_is_refused(given: str, name: str) -> None:
    with pytest.raises(ValueError) as refused:
        database_url(given)
    assert str(refused.value) == f"`{name}` stands there twice, before the `?` and after it"


def test_files_that_hold_no_certificate_and_services_that_stand_nowhere_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(parameters: str) -> str:
        with pytest.raises(ValueError) as refused:
            database_url(f"postgresql://me:hush@h/d?{parameters}")
        return str(refused.value)

    certificate(tmp_path, "one")
    certificate(tmp_path, "two")
    (tmp_path / "text").write_text("no certificate")
    assert fault(f"sslrootcert={tmp_path}/text") == "`sslrootcert` names a file in which no certificate stands"
    pair = "`sslcert` and `sslkey` name files that hold no certificate and its key; or `sslpassword` does not fit"
    assert fault(f"sslcert={tmp_path}/text&sslkey={tmp_path}/one.key") == pair
    assert fault(f"sslcert={tmp_path}/one.crt&sslkey={tmp_path}/two.key") == pair
    well = f"sslrootcert={tmp_path}/two.crt&sslcert={tmp_path}/one.crt&sslkey={tmp_path}/one.key"
    assert database_url(f"postgresql://h/d?{well}").query["sslcert"] == f"{tmp_path}/one.crt"
    services = tmp_path / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    assert fault("service=crm") == f"`service` names one that does not stand in {services}"
    services.write_text("[other]\nhost=h\n")
    assert fault("service=crm") == f"`service` names one that does not stand in {services}"
    services.write_text("no service file")
    assert fault("service=crm") == f"`service` stands in {services}, which cannot be read"
    services.write_text("[crm]\nhost=h\n")
    assert database_url("postgresql://?service=crm").query["service"] == "crm"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("sqlite:///var/x.db", "var/x.db"),
        ("sqlite:////srv/x.db", "/srv/x.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_a_url_of_sqlite_is_a_path(given: str, path: str | None) -> None:
    assert database_url(given).database == path


@pytest.mark.parametrize("given", ["sqlite:///x.db?mode=ro", "sqlite://x.db"])
def test_a_url_of_sqlite_has_nothing_else(given: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SQLite database"):
        database_url(given)
