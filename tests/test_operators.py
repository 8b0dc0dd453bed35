"""What operators do by commands, and the one line that they are told when something does not hold."""

import asyncio
import datetime as dt
import json
import shutil
import socket
import socketserver
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from crmgraph.crm.models import Job, now
from crmgraph.db.database import Database
from crmgraph.db.url import without_secrets
from crmgraph.migrations import downgrade, fault_of, head
from tests.conftest import Postgres, settings_for
from tests.conftest import serving as serving_here
from tests.program import SECRET, crmgraph, free_port, rows, serving
from tests.smtp import SmtpServer, smtp

__all__ = ["smtp"]


@dataclass(frozen=True)
class Told:
    """How a command ended."""

    code: int
    out: str
    err: str


def batch(
    folder: Path, *commands: Sequence[str] | tuple[Sequence[str], Mapping[str, str | None]], given: str = ""
) -> list[Told]:
    """What each of these commands says, given as its words, or as them and what of the environment differs: None where
    a variable is not set.
    """
    own = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_PASSWORD_MEMORY_KIB": "64"}
    answers = []
    for command in commands:
        words, changed = command if isinstance(command, tuple) and isinstance(command[-1], dict) else (command, {})
        environment = {k: v for k, v in {**own, **changed}.items() if v is not None}
        told = crmgraph(folder, *words, given=given, **environment)
        assert "Traceback" not in told.stderr, told.stderr
        answers.append(Told(told.returncode, told.stdout, told.stderr))
    return answers


WRONG = [
    ({"CRMGRAPH_DATABSE_URL": "x"}, "CRMGRAPH_DATABSE_URL: there is no such setting; is CRMGRAPH_DATABASE_URL meant?"),
    ({"CRMGRAPH_CORS_ORIGIN": "x"}, "CRMGRAPH_CORS_ORIGIN: there is no such setting; is CRMGRAPH_CORS_ORIGINS meant?"),
    ({"CRMGRAPH_ZZZ": "x"}, "CRMGRAPH_ZZZ: there is no such setting; docs/settings.md has them all"),
    (
        {"CRMGRAPH_INTROSPECTION": "opne"},
        "CRMGRAPH_INTROSPECTION: has to be one of open, signed-in, closed; is open meant?",
    ),
    (
        {"CRMGRAPH_CORS_ORIGINS": "https://app.example.com/"},
        "CRMGRAPH_CORS_ORIGINS: 'https://app.example.com/' is no origin: write https://app.example.com",
    ),
    (
        {"CRMGRAPH_CORS_ORIGINS": "app.example.com"},
        "CRMGRAPH_CORS_ORIGINS: 'app.example.com' is no origin: write https://app.example.com",
    ),
    (
        {"CRMGRAPH_CORS_ORIGINS": "localhost:5173/"},
        "CRMGRAPH_CORS_ORIGINS: 'localhost:5173/' is no origin: write http://localhost:5173",
    ),
    (
        {"CRMGRAPH_CORS_ORIGINS": "[::1]:5173"},
        "CRMGRAPH_CORS_ORIGINS: '[::1]:5173' is no origin: write http://[::1]:5173",
    ),
    (
        {"CRMGRAPH_TRUSTED_PROXIES": "10.0.0.0/8 proxy.internal"},
        "CRMGRAPH_TRUSTED_PROXIES: 'proxy.internal' is no address or network: write e.g. 127.0.0.1 or 10.0.0.0/8",
    ),
    (
        {"CRMGRAPH_PHONE_REGION": "de"},
        "CRMGRAPH_PHONE_REGION: 'de' is no region: write its ISO 3166-1 code in capitals, DE",
    ),
    (
        {"CRMGRAPH_PHONE_REGION": "France"},
        "CRMGRAPH_PHONE_REGION: 'France' is no region: write its ISO 3166-1 code in capitals, FR",
    ),
    (
        {"CRMGRAPH_PUBLIC_URL": "crm.example.com"},
        "CRMGRAPH_PUBLIC_URL: has to start with http:// or https://, e.g. https://crm.example.com",
    ),
    (
        {"CRMGRAPH_PUBLIC_URL": "https://crm.example.com:many"},
        "CRMGRAPH_PUBLIC_URL: has to be an address, e.g. https://crm.example.com",
    ),
    (
        {"CRMGRAPH_MAIL_URL": "mail.example.com"},
        "CRMGRAPH_MAIL_URL: mail goes to file:///folder, smtp://user:password@host:port?starttls=1 or smtps://...",
    ),
    (
        {"CRMGRAPH_MAIL_FROM": "CRM <crm@example.com>"},
        "CRMGRAPH_MAIL_FROM: has to be one bare address, e.g. crm@example.com",
    ),
    (
        {"CRMGRAPH_RETIRED_SECRET_KEYS": "short"},
        "CRMGRAPH_RETIRED_SECRET_KEYS: each has to have at least 32 characters",
    ),
    ({"CRMGRAPH_LOG_LEVEL": "verbose"}, "CRMGRAPH_LOG_LEVEL: has to be one of debug, info, warning, error"),
    (
        {"CRMGRAPH_LOG_LEVEL": "warn"},
        "CRMGRAPH_LOG_LEVEL: has to be one of debug, info, warning, error; is warning meant?",
    ),
    ({"CRMGRAPH_KEEP_CHANGES_DAYS": "all"}, "CRMGRAPH_KEEP_CHANGES_DAYS: has to be a whole number, e.g. 365"),
    (
        {"CRMGRAPH_ZOHO_UNIQUE": "Leads.Foo"},
        "CRMGRAPH_ZOHO_UNIQUE: Zoho has no field Leads.Foo whose values could be unique, e.g. Leads.Mobile",
    ),
    ({"CRMGRAPH_METRICS": "maybe"}, "CRMGRAPH_METRICS: has to be true or false"),
    ({"CRMGRAPH_POOL_SIZE": "many"}, "CRMGRAPH_POOL_SIZE: has to be a whole number, e.g. 10"),
    ({"CRMGRAPH_POOL_SIZE": "1.5"}, "CRMGRAPH_POOL_SIZE: has to be a whole number, e.g. 10"),
    ({"CRMGRAPH_REQUEST_SECONDS": "soon"}, "CRMGRAPH_REQUEST_SECONDS: has to be a number, e.g. 30.0"),
    ({"CRMGRAPH_REFRESH_GRACE_SECONDS": "61"}, "CRMGRAPH_REFRESH_GRACE_SECONDS: has to be at most 60, e.g. 10"),
    (
        {"CRMGRAPH_MAIL_URL": "smtp://mail.example.com:many"},
        "CRMGRAPH_MAIL_URL: the port has to be a number from 1 to 65535, e.g. smtp://mail.example.com:587",
    ),
    ({"CRMGRAPH_PHOTO_URL": "ftp://x"}, "CRMGRAPH_PHOTO_URL: photos are kept in file:///folder or s3://bucket/prefix"),
    (
        {"CRMGRAPH_PHOTO_URL": "file:///dev/null/photos"},
        "CRMGRAPH_PHOTO_URL: the folder /dev/null/photos cannot be made: Not a directory",
    ),
    (
        {"CRMGRAPH_ZOHO_UNIQUE": "Leads.Mobil"},
        "CRMGRAPH_ZOHO_UNIQUE: Zoho has no field Leads.Mobil whose values could be unique; is Leads.Mobile meant?",
    ),
    *(
        (
            {"CRMGRAPH_DATABASE_URL": url},
            "CRMGRAPH_DATABASE_URL: a SQLite database is kept in a file, e.g. sqlite:///var/crmgraph.db",
        )
        for url in ("sqlite://", "sqlite:///", "sqlite:///:memory:")
    ),
    (
        {"CRMGRAPH_DATABASE_URL": "sqlite:////dev/null/x.db"},
        "CRMGRAPH_DATABASE_URL: /dev/null is no folder that we may write into: name another, or make it ours",
    ),
]


def test_a_setting_that_does_not_hold_is_told_in_one_line_with_the_nearest_that_does(tmp_path: Path) -> None:
    told = batch(tmp_path, *((["serve", "--port", str(free_port())], changed) for changed, _ in WRONG))
    assert [(each.code, each.out, each.err) for each in told] == [(1, "", f"{line}\n") for _, line in WRONG]


@contextmanager
def without_tls() -> Iterator[int]:
    """The port of a server that answers PostgreSQL's question for TLS with no."""

    class Refusing(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)
            self.request.sendall(b"N")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


ASKING = [
    ["staff", "list"],
    ["staff", "disable", "ada@example.com"],
    ["clients", "list"],
    ["clients", "disable", "zoho", "x"],
    ["throttle", "lift", "--email", "ada@example.com"],
    ["purge"],
    ["repair"],
    ["reindex"],
]
"""Commands that ask the database and serve nobody."""


async def test_a_database_that_is_not_as_its_address_says_is_told_in_one_line(
    tmp_path: Path, postgres: Postgres
) -> None:
    (tmp_path / "text.db").write_text("this is no database" * 100)
    (tmp_path / "folder.db").mkdir()
    away = f"postgresql://me:hush@127.0.0.1:{free_port()}/x"
    here = postgres.url("postgres")
    stranger = here.replace("://postgres:", "://nobody_knows:").replace("://postgres@", "://nobody_knows@")
    wrong = [
        (away, "unreachable; nobody listens there"),
        (away.replace("/x", f",127.0.0.1:{free_port()}/x?target_session_attrs=primary"), "nobody listens there"),
        (away.replace("me:hush@", "") + "?user=me&password=hush", "nobody listens there"),
        ("postgresql://me:hush@no.such.host.invalid/x", "nobody knows its host"),
        (postgres.url("no_such_database"), "does not exist; create a database of this name"),
        (stranger, "look at its user and password" if stranger != here else ""),
        (f"{away}?sslmode=require&ssl_min_protocol_version=TLSv9", "No such TLS version: TLSv9"),
        (f"{here}&options=-c%20nonsense%3D1", 'unrecognized configuration parameter "nonsense"'),
        ("sqlite:///text.db", "damaged; this is no database"),
        ("sqlite:///folder.db", "folder.db is a folder: name a file, e.g. sqlite:///folder.db/crmgraph.db"),
    ]
    port = str(free_port())
    for told, (url, words) in zip(
        batch(
            tmp_path,
            *((["migrate"], {"CRMGRAPH_DATABASE_URL": url}) for url, _ in wrong),
            *((["serve", "--port", port], {"CRMGRAPH_DATABASE_URL": url}) for url, _ in wrong),
            *((words, {"CRMGRAPH_DATABASE_URL": url}) for words in ASKING for url, _ in wrong),
        ),
        [*wrong, *wrong, *(wrong * len(ASKING))],
        strict=True,
    ):
        assert (told.code, told.out, told.err.count("\n")) == (1, "", 1), (url, told)
        assert words in told.err and "CRMGRAPH_DATABASE_URL" in told.err, (url, told.err)
        assert without_secrets(url).removeprefix("sqlite:///") in told.err, (url, told.err)
        assert "hush" not in told.err
    with without_tls() as there:
        url = f"postgresql://me:hush@127.0.0.1:{there}/x?sslmode=require"
        (plain,) = batch(tmp_path, (["migrate"], {"CRMGRAPH_DATABASE_URL": url}))
    assert (plain.code, plain.err.count("\n")) == (1, 1)
    assert "its server does not speak TLS as the address asks" in plain.err and "hush" not in plain.err
    unmigrated, newer = batch(
        tmp_path, (["staff", "list"], {"CRMGRAPH_DATABASE_URL": here}), (["serve", "--port", port], {})
    )
    assert unmigrated.err == "The database is not migrated: run `crmgraph migrate` first.\n"
    assert (newer.code, newer.err) == (1, "The database is not migrated: run `crmgraph migrate` first.\n")


async def test_every_command_of_an_older_program_leaves_newer_tables_alone_and_says_so(
    tmp_path: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "own.db")
    db = Database(f"sqlite:///{tmp_path / 'own.db'}")
    async with db.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await db.close()
    before = (tmp_path / "own.db").read_bytes()
    own = {"CRMGRAPH_DATABASE_URL": "sqlite:///own.db"}
    commands = (
        ["migrate"],
        ["serve", "--port", str(free_port())],
        ["seed", "--accounts", "1", "--contacts", "1", "--leads", "1"],
        ["repair"],
        ["repair", "--dry-run"],
        ["reindex"],
        ["purge"],
        ["purge", "--dry-run"],
        ["staff", "list"],
        ["staff", "add", "Ada", "ada@example.com", "--password", "correct horse 9"],
        ["staff", "password", "ada@example.com", "--password", "correct horse 9"],
        ["staff", "role", "ada@example.com", "admin"],
        ["clients", "list"],
        ["clients", "add", "zoho", "ERP", "ada@example.com"],
        ["throttle", "lift", "--email", "ada@example.com"],
    )
    for told, command in zip(batch(tmp_path, *((each, own) for each in commands)), commands, strict=True):
        assert (told.code, told.out, told.err) == (1, "", f"{fault_of('9999')}\n"), command
    assert (tmp_path / "own.db").read_bytes() == before


def test_where_nobody_can_listen_is_told_before_anything_is_printed_or_written(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = batch(
            tmp_path,
            ["serve", "--demo", "--port", str(port)],
            ["serve", "--demo", "--host", "192.0.2.1"],
            ["serve", "--demo", "--host", "no.such.host.invalid"],
        )
    assert [(each.code, each.out, each.err) for each in told] == [
        (
            1,
            "",
            f"--port {port}: somebody listens there already: end that, or take another, e.g. --port {port + 1}\n",
        ),
        (1, "", "--host 192.0.2.1: this machine has no such address, e.g. 127.0.0.1\n"),
        (
            1,
            "",
            "--host no.such.host.invalid: no such address, e.g. 127.0.0.1, or 0.0.0.0 for every one of this machine\n",
        ),
    ]
    assert not (tmp_path / "var/demo.db").exists()


def test_a_command_that_is_called_wrongly_ends_with_two_and_no_traceback(tmp_path: Path) -> None:
    for told in batch(
        tmp_path,
        ["serve", "--port", "many"],
        ["staff", "role", "ada@example.com", "BOSS"],
        ["staff", "add", "Ada"],
        ["nonsense"],
        ["clients", "code", "zoho", "x", "--minutes", "99"],
    ):
        assert (told.code, told.out) == (2, "")
        assert "Error:" in told.err and "Traceback" not in told.err


def test_the_demo_and_production_never_meet(tmp_path: Path) -> None:
    own, demo = "sqlite:///var/crmgraph.db", "sqlite:///var/demo.db"
    port = str(free_port())
    made, loaded, *refused = batch(
        tmp_path,
        ["migrate"],
        ["demo", "load"],
        (["serve", "--port", port], {"CRMGRAPH_DATABASE_URL": demo}),
        (["serve", "--demo", "--port", port], {"CRMGRAPH_DATABASE_URL": own}),
        (["demo", "load"], {"CRMGRAPH_DATABASE_URL": own}),
        (["migrate", "--demo"], {"CRMGRAPH_DATABASE_URL": own}),
        (["migrate"], {"CRMGRAPH_DATABASE_URL": demo}),
        (["seed", "--demo", "--accounts", "1"], {"CRMGRAPH_DATABASE_URL": own}),
    )
    assert (made.code, loaded.code) == (0, 0)
    theirs = (
        f"CRMGRAPH_DATABASE_URL ({own}): this is no demo's database, and the demo leaves it alone: "
        "unset it, or name an empty one\n"
    )
    ours = (
        f"CRMGRAPH_DATABASE_URL ({demo}): this is a demo's database, whose passwords anybody is shown: "
        "name another, or `crmgraph serve --demo`\n"
    )
    wanted = (ours, theirs, theirs, theirs, ours, theirs)
    assert [(each.code, each.err) for each in refused] == [(1, each) for each in wanted]
    assert rows(tmp_path, "SELECT count(*) FROM staff", "var/crmgraph.db") == [(0,)]
    assert {path.name for path in (tmp_path / "var").iterdir() if not path.name.endswith(("-wal", "-shm"))} == {
        *("crmgraph.db", "demo.db", "demo.json", "demo-photos", "photos")
    }


def test_reset_asks_and_throws_nothing_but_a_demo_away(tmp_path: Path) -> None:
    batch(tmp_path, ["demo", "load"], ["migrate"])
    (tmp_path / "var/photos").mkdir()
    (tmp_path / "var/photos/mine").write_text("a photo")
    before = (tmp_path / "var/demo.json").read_text()
    (elsewhere,) = batch(tmp_path, (["demo", "credentials"], {"CRMGRAPH_DEMO_FOLDER": "other"}))
    told = "There is no demo in other: `crmgraph serve --demo` makes one, CRMGRAPH_DEMO_FOLDER names another folder.\n"
    assert (elsewhere.code, elsewhere.out, elsewhere.err) == (1, "", told)
    assert not (tmp_path / "other").exists()
    (tmp_path / "other").mkdir()
    told = "CRMGRAPH_DEMO_FOLDER: other/demo.json is damaged: `crmgraph demo reset`\n"
    for broken in ("{broken", "[]", "null", '{"secret": 5, "credentials": {}}', '{"secret": "x", "credentials": {}}'):
        (tmp_path / "other/demo.json").write_text(broken)
        (damaged,) = batch(tmp_path, (["demo", "credentials"], {"CRMGRAPH_DEMO_FOLDER": "other"}))
        assert (damaged.code, damaged.out, damaged.err) == (1, "", told), broken
    (silent,) = batch(tmp_path, ["demo", "reset"])
    (no,) = batch(tmp_path, ["demo", "reset"], given="n\n")
    assert [(each.code, each.err.splitlines()[-1]) for each in (silent, no)] == [
        (1, "Nothing was thrown away; scripts say --yes.")
    ] * 2
    assert (tmp_path / "var/demo.json").read_text() == before
    (yes,) = batch(tmp_path, ["demo", "reset"], given="y\n")
    assert yes.code == 0, yes.err
    assert (tmp_path / "var/demo.json").read_text() != before
    assert (tmp_path / "var/photos/mine").exists()
    assert (tmp_path / "var/crmgraph.db").exists()
    (tmp_path / "var/crmgraph.db").rename(tmp_path / "var/demo.db")
    (refused,) = batch(tmp_path, ["demo", "reset", "--yes"])
    assert refused.code == 1 and "is no demo's database: nothing is thrown away" in refused.err


@pytest.mark.parametrize("content", ["demo", "production"])
async def test_a_database_from_before_the_mark_is_told_by_what_it_holds(tmp_path: Path, content: str) -> None:
    here = {"CRMGRAPH_DATABASE_URL": "sqlite:///var/old.db"}
    if content == "demo":
        batch(tmp_path, (["demo", "load"], here))
    else:
        add = ["staff", "add", "Ada", "ada@example.com"]
        batch(tmp_path, (["migrate"], here), (add, here | {"CRMGRAPH_PASSWORD": "a fine long passphrase"}))
    db = Database(f"sqlite:///{tmp_path}/var/old.db")
    await downgrade(db, "0006")
    await db.close()
    flag = ["--demo"] if content == "demo" else []
    other, right = batch(tmp_path, (["migrate", *([] if flag else ["--demo"])], here), (["migrate", *flag], here))
    assert (other.code, right.code) == (1, 0), (other, right)
    assert rows(tmp_path, "SELECT value FROM installation", "var/old.db") == [(content,)]


def test_serve_says_where_on_what_and_in_which_version_and_what_is_missing(tmp_path: Path) -> None:
    crmgraph(tmp_path, "migrate", CRMGRAPH_SECRET_KEY=SECRET)
    with serving(tmp_path, CRMGRAPH_SECRET_KEY=SECRET) as (client, _):
        address = str(client.base_url).rstrip("/")
    output = (tmp_path / "output").read_text()
    version = crmgraph(tmp_path, "--version").stdout.strip()
    assert f"crmgraph {version} serves {address} on sqlite:///var/crmgraph.db." in output
    refused = "signups, which have to be confirmed, and resets of passwords are refused."
    assert f"CRMGRAPH_MAIL_URL is not set: {refused}" in output


LOGIN = "mutation($i: LoginInput!) { login(input: $i) { accessToken userErrors { code } } }"
ME = "{ me { role } }"


async def graphql(client: httpx.AsyncClient, query: str, token: str | None = None, **variables: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return (await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)).json()


def serving_own(folder: Path) -> Any:
    """The application on the database that the commands use by default; no job of its own is in their way."""
    url = f"sqlite:///{folder}/var/crmgraph.db"
    return serving_here(settings_for(url, folder, secret_key=SECRET, run_jobs=False))


async def test_staff_get_another_password_role_and_rights_at_once(tmp_path: Path) -> None:
    word, other = "a fine long passphrase", "quite another passphrase"
    first = {"CRMGRAPH_PASSWORD": word}
    batch(tmp_path, ["migrate"], (["staff", "add", "Ada", "Ada@example.com", "--role", "ADMIN"], first))
    async with serving_own(tmp_path) as (client, _):

        async def login(password: str) -> Any:
            answer = await graphql(client, LOGIN, i={"email": "ada@example.com", "password": password})
            return answer["data"]["login"]

        token = (await login(word))["accessToken"]
        assert (await graphql(client, ME, token))["data"]["me"] == {"role": "ADMIN"}
        role, rights, none, nothing, changed = batch(
            tmp_path,
            ["staff", "role", "ada@EXAMPLE.com", "AGENT"],
            ["staff", "rights", "1000000000", "--sees-identity"],
            ["staff", "rights", "ada@example.com", "--no-sees-identity"],
            ["staff", "rights", "1000000000"],
            (["staff", "password", "1000000000"], {"CRMGRAPH_PASSWORD": other}),
        )
        assert role.out == "ada@EXAMPLE.com is AGENT now.\n", role.err
        assert rights.out == "1000000000 sees identity documents now.\n"
        assert none.out == "ada@example.com sees no identity documents now, unless as an administrator.\n"
        assert (nothing.code, nothing.err) == (1, "Say which right: --sees-identity or --no-sees-identity.\n")
        assert changed.out == "Ada has a new password.\n"
        assert "errors" in (await graphql(client, ME, token)), "every login has ended"
        assert (await login(word))["accessToken"] is None
        token = (await login(other))["accessToken"]
        assert (await graphql(client, ME, token))["data"]["me"] == {"role": "AGENT"}
        for _ in range(12):
            await login("wrong wrong wrong")
        (lifted, again, nobody) = batch(
            tmp_path,
            ["throttle", "lift", "--email", "ada@example.com"],
            ["throttle", "lift", "--email", "ada@example.com"],
            ["throttle", "lift"],
        )
        assert lifted.out == "The failed tries of ada@example.com are forgotten.\n"
        assert again.out == "Nothing was counted against them.\n"
        assert (nobody.code, nobody.err) == (1, "Say who has to wait: --email, --address, or --dialect with --login.\n")
        assert (await login(other))["accessToken"]
        (out,) = batch(tmp_path, ["staff", "disable", "ada@example.com"])
        assert out.out == "ada@example.com is kept out.\n"
        assert (await login(other))["accessToken"] is None


async def test_staff_get_another_email_and_sign_in_with_it(tmp_path: Path) -> None:
    person = {"CRMGRAPH_PASSWORD": "a fine long passphrase"}
    *_, moved, bad, taken, same, listed = batch(
        tmp_path,
        ["migrate"],
        (["staff", "add", "Ada", "ada@example.com"], person),
        (["staff", "add", "Bob", "bob@example.com"], person),
        ["staff", "email", "ada@example.com", "Ada@New.example"],
        ["staff", "email", "ada@new.example", "no email"],
        ["staff", "email", "ada@new.example", "BOB@example.com"],
        ["staff", "email", "1000000000", "ada@new.example"],
        ["staff", "list"],
    )
    assert moved.out == "Ada has the email Ada@New.example now.\n", moved.err
    assert (bad.code, taken.code, same.code) == (1, 1, 0), same.err
    assert bad.err == "Refused: email: is no email address, e.g. ada@example.com\n"
    assert taken.err == "Refused: email: somebody else has this already\n"
    assert "ada@new.example" in listed.out
    async with serving_own(tmp_path) as (client, _):
        for email, heard in (("ada@new.example", True), ("ada@example.com", False)):
            given = {"email": email, "password": person["CRMGRAPH_PASSWORD"]}
            login = (await graphql(client, LOGIN, i=given))["data"]["login"]
            assert (login["accessToken"] is not None) is heard


async def test_a_client_is_granted_less_gets_another_secret_and_a_code_that_is_taken_once(tmp_path: Path) -> None:
    person = {"CRMGRAPH_PASSWORD": "a fine long passphrase"}
    _, _, added = batch(
        tmp_path,
        ["migrate"],
        (["staff", "add", "Ada", "ada@example.com"], person),
        ["clients", "add", "zoho", "Portal", "ada@example.com"],
    )
    client_id = json.loads(added.out)["client_id"]
    first = json.loads(added.out)
    async with serving_own(tmp_path) as (client, _):

        async def token(**given: str) -> Any:
            return (await client.post("/oauth/v2/token", data={"client_id": client_id} | given)).json()

        async def leads(access: str) -> int:
            answer = await client.get("/crm/v2/Leads", headers={"Authorization": f"Zoho-oauthtoken {access}"})
            return answer.status_code

        refreshing = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        access = (await token(client_secret=first["client_secret"], **refreshing))["access_token"]
        assert await leads(access) in (200, 204)
        code, beyond, wrong, less = batch(
            tmp_path,
            ["clients", "code", "zoho", client_id, "--grant", "ZohoCRM.modules.ALL"],
            ["clients", "code", "zoho", client_id, "--grant", "ZohoCRM.modules.leads.READ"],
            ["clients", "grants", "zoho", client_id, "--grant", "ZohoCRM.modules.lead.READ"],
            ["clients", "grants", "zoho", client_id, "--grant", "ZohoCRM.org.READ"],
        )
        assert beyond.err == (
            "--grant ZohoCRM.modules.leads.READ: the client itself may not; see `crmgraph clients grants`.\n"
        )
        assert wrong.err == (
            "--grant ZohoCRM.modules.lead.READ: there is no such grant; is ZohoCRM.modules.leads.READ meant?\n"
        )
        assert less.out == f"{client_id} may ZohoCRM.org.READ.\n"
        assert await leads(access) == 401
        (all_,) = batch(tmp_path, ["clients", "grants", "zoho", client_id, "--all"])
        assert "ZohoCRM.modules.ALL" in all_.out
        asking = {
            "grant_type": "authorization_code",
            "client_secret": first["client_secret"],
            "code": code.out.strip(),
            "redirect_uri": "https://example.com",
        }
        given = await token(**asking)
        assert set(given) >= {"access_token", "refresh_token", "expires_in"}
        assert await leads(given["access_token"]) in (200, 204)
        assert (await token(**asking)) == {"error": "invalid_code"}
        (rotated,) = batch(tmp_path, ["clients", "rotate", "zoho", client_id])
        second = json.loads(rotated.out)
        assert set(second) == {"client_id", "client_secret", "refresh_token"}
        assert await leads(given["access_token"]) == 401
        assert (await token(client_secret=first["client_secret"], **refreshing)) == {"error": "invalid_client"}
        refreshing["refresh_token"] = second["refresh_token"]
        assert await leads((await token(client_secret=second["client_secret"], **refreshing))["access_token"]) in (
            200,
            204,
        )


async def test_a_client_of_crmcom_gets_a_key_another_one_and_none(tmp_path: Path) -> None:
    person = {"CRMGRAPH_PASSWORD": "a fine long passphrase"}
    named = ["crmcom", "pos", "--organisation", "MAIN"]
    *_, first, listed = batch(
        tmp_path,
        ["migrate"],
        (["staff", "add", "Ada", "ada@example.com"], person),
        ["clients", "add", "crmcom", "Till", "ada@example.com", "--login", "pos", "--organisation", "MAIN"],
        ["clients", "add", "crmcom", "Shop", "ada@example.com", "--login", "web", "--organisation", "MAIN"],
        ["clients", "key", *named],
        ["clients", "list"],
    )
    assert listed.out.splitlines() == [
        "crmcom  pos  MAIN  Till  contact_information  (key)",
        "crmcom  web  MAIN  Shop  contact_information",
    ]
    async with serving_own(tmp_path) as (client, _):
        prefix = "/crmapi/rest/v2/"

        async def token(key: str) -> Any:
            answer = await client.post(f"{prefix}authentication/web_api_key/token", auth=(key.strip(), ""))
            return (answer.json()["data"] or {}).get("token")

        async def heard(given: str) -> bool:
            query = {"token": given, "email_address": "nobody@example.com"}
            answer = await client.get(f"{prefix}contact_information/list", params=query)
            return bool(answer.json()["status"]["code"] == "OK")

        (one,) = {await token(first.out)}
        assert await heard(one)
        (second,) = batch(tmp_path, ["clients", "key", *named])
        assert second.out != first.out
        assert (await token(first.out), await heard(one)) == (None, False)
        two = await token(second.out)
        assert await heard(two)
        disabled, shown, *_ = batch(
            tmp_path, ["clients", "disable", *named], ["clients", "list"], ["clients", "enable", *named]
        )
        assert disabled.out == "pos is kept out.\n"
        assert shown.out.splitlines()[0] == "crmcom  pos  MAIN  Till  contact_information  (key)  (disabled)"
        (rotated,) = batch(tmp_path, ["clients", "rotate", *named])
        secrets = json.loads(rotated.out)
        assert list(secrets) == ["username", "password", "organisation", "web_api_key"]
        assert (await token(second.out), await heard(two)) == (None, False)
        three = await token(secrets["web_api_key"])
        assert await heard(three)
        ended, again, other, keyless = batch(
            tmp_path,
            ["clients", "key", *named, "--end"],
            ["clients", "key", *named, "--end"],
            ["clients", "key", "zoho", "pos"],
            ["clients", "rotate", *named],
        )
        assert (ended.out, again.out) == ("pos has no key any more.\n", "pos had no key.\n")
        assert (other.code, other.err) == (
            1,
            "Web API keys are CRM.COM's alone: crmgraph clients key crmcom LOGIN --organisation ORGANISATION.\n",
        )
        assert list(json.loads(keyless.out)) == ["username", "password", "organisation"]
        assert (await token(secrets["web_api_key"]), await heard(three)) == (None, False)


def test_what_a_client_cannot_be_is_told_in_one_line(tmp_path: Path) -> None:
    person = {"CRMGRAPH_PASSWORD": "a fine long passphrase"}
    add = ["clients", "add"]
    _, _, _, *told = batch(
        tmp_path,
        ["migrate"],
        (["staff", "add", "Ada", "ada@example.com"], person),
        ["staff", "disable", "ada@example.com"],
        [*add, "crmcom", "Desk", "ada@example.com"],
        [*add, "zoho", "Desk", "nobody@example.com"],
        [*add, "zoho", "Desk", "ada@example.com"],
        [*add, "zoho", "Desk", "1000000000", "--organisation", "MAIN"],
        [*add, "valomnia", "Desk", "1000000000", "--grant", "everything"],
        [*add, "crmcom", "Desk", "1000000000", "--organisation", "MAIN", "--grant", "contact_informations"],
        [*add, "covalense", "Desk", "1000000000"],
        ["clients", "code", "crmcom", "x"],
        ["clients", "rotate", "valomnia", "nobody"],
        ["clients", "disable", "crmcom", "pos"],
        ["clients", "enable", "crmcom", "pos", "--organisation", "MAIN"],
        ["clients", "code", "zoho", "x"],
        ["clients", "grants", "zoho", "x"],
        ["clients", "grants", "zoho", "x", "--all", "--grant", "ZohoCRM.modules.ALL"],
        ["clients", "grants", "zoho", "x", "--grant", "zohocrm.modules.Lead.read"],
        ["clients", "grants", "zoho", "x", "--grant", "ZohoCRM.modules.deals.ALL"],
        ["clients", "grants", "crmcom", "x", "--grant", "contact"],
        [*add, "zho", "Desk", "1000000000"],
        (["staff", "add", "x" * 1001, "bob@example.com"], person),
    )
    assert [(each.code, each.out, each.err) for each in told] == [
        (1, "", f"{line}\n")
        for line in (
            "A client of CRM.COM signs in to an organisation: say which by --organisation, e.g. --organisation MAIN.",
            "nobody@example.com: nobody of the staff has this id or email; `crmgraph staff list` shows who there is.",
            "ada@example.com is kept out, and so would be a client that acts as them: "
            "`crmgraph staff enable 1000000000`.",
            "--organisation is CRM.COM's alone.",
            "--grant everything: valomnia knows no grants",
            "--grant contact_informations: there is no such grant; is contact_information meant?",
            "covalense: the dialect is zoho, crmcom or valomnia; Covalense's clients sign in as customers.",
            "Grant codes are Zoho's alone: crmgraph clients code zoho CLIENT_ID.",
            "nobody: no client of valomnia has this login; `crmgraph clients list` shows who there is.",
            "pos: no client of crmcom has this login; --organisation says which of CRM.COM's; "
            "`crmgraph clients list` shows who there is.",
            "pos: no client of crmcom has this login in the organisation MAIN; "
            "`crmgraph clients list` shows who there is.",
            "x: no client of zoho has this login; `crmgraph clients list` shows who there is.",
            "x: no client of zoho has this login; `crmgraph clients list` shows who there is.",
            "--all and --grant say two things: what it may do is everything, or what is named.",
            "--grant zohocrm.modules.Lead.read: there is no such grant; is ZohoCRM.modules.leads.READ meant?",
            "--grant ZohoCRM.modules.deals.ALL: there is no such grant, e.g. ZohoCRM.modules.ALL",
            "--grant contact: there is no such grant; there are authentication, authentication/token, "
            "authentication/token/release, authentication/web_api_key/token, contact_information, "
            "contact_information/create, contact_information/list, contact_information/profile_photo/add, "
            "contact_information/profile_photo/remove, contact_information/profile_photo/view, "
            "contact_information/show, contact_information/update",
            "zho: the dialect is zoho, crmcom or valomnia; is zoho meant? Covalense's clients sign in as customers.",
            "Refused: name: has more than 1,000 characters",
        )
    ]


def test_what_staff_cannot_be_is_told_with_what_they_can(tmp_path: Path) -> None:
    person = {"CRMGRAPH_PASSWORD": "a fine long passphrase"}
    _, added, customer, mistyped, missing, small, *told = batch(
        tmp_path,
        ["migrate"],
        (["staff", "add", "Ada", "ada@example.com", "--role", "admin"], person),
        ["staff", "role", "ada@example.com", "CUSTOMER"],
        ["staff", "add", "Bob", "bob@example.com", "--role", "ADMN"],
        ["staff", "role", "ada@example.com"],
        ["staff", "role", "ada@example.com", "agent"],
        ["staff", "add", "Bob", "bob@example.com"],
        ["staff", "password", "ada@example.com"],
        ["staff", "role", "nobody@example.com", "AGENT"],
        ["staff", "rights", "", "--sees-identity"],
        ["throttle", "lift", "--address", "my router"],
    )
    assert (added.out, small.out) == (
        "Added Ada, ADMIN, with id 1000000000.\n",
        "ada@example.com is AGENT now.\n",
    ), added.err
    meant = "Error: Invalid value for '--role': 'ADMN' is not one of AGENT, ADMIN; is ADMIN meant?"
    assert mistyped.err.splitlines()[-1] == meant
    for refused in (customer, mistyped, missing):
        assert (refused.code, refused.out) == (2, "")
    assert customer.err.splitlines()[-1] == "Error: Invalid value for 'role': 'CUSTOMER' is not one of AGENT, ADMIN"
    assert "customer" not in missing.err.lower()
    assert missing.err.lower().split()[-2:] == ["agent,", "admin"]
    # The first two ask for a password first, and the space behind the question stands in the line.
    assert [(each.code, each.err.splitlines()[-1].lstrip()) for each in told] == [
        (1, "No password was given, and nothing was changed; scripts set CRMGRAPH_PASSWORD."),
        (1, "No password was given, and nothing was changed; scripts set CRMGRAPH_PASSWORD."),
        (1, "nobody@example.com: nobody of the staff has this id or email; `crmgraph staff list` shows who there is."),
        (1, "Nothing: nobody of the staff has this id or email; `crmgraph staff list` shows who there is."),
        (1, "--address my router: this is no network address, e.g. 203.0.113.7"),
    ]


async def test_the_doctor_looks_at_everything_and_says_what_to_do(tmp_path: Path, smtp: SmtpServer) -> None:
    good = {
        "CRMGRAPH_MAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
        "CRMGRAPH_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
    }
    bucket = {
        "CRMGRAPH_PHOTO_URL": "s3://photos",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "not to be told",
        "AWS_REGION": "eu",
    }
    (tmp_path / "var/photos").mkdir(parents=True)
    told = await asyncio.to_thread(
        batch,
        tmp_path,
        (["doctor", "--json"], good),
        ["migrate"],
        (["doctor", "--json", "--mail-to", "ravi@example.com"], good),
        (["doctor"], good),
        (["doctor", "--json", "--mail-to", smtp.refused], good | {"CRMGRAPH_SECRET_KEY": "a" * 32}),
        (["doctor", "--json"], {"CRMGRAPH_PUBLIC_URL": "http://192.0.2.1:1/", "CRMGRAPH_TRUSTED_PROXIES": "*"}),
        (["doctor", "--json"], {"CRMGRAPH_MAX_PAGES": "5", "CRMGRAPH_MAX_PAGE": "0"}),
        (["doctor", "--json"], {"CRMGRAPH_DATABASE_URL": f"postgresql://me:hush@127.0.0.1:{free_port()}/x"}),
        (["doctor", "--json"], bucket),
    )
    unmigrated, _, fine, plain, poor, open_, wrong, away, stored = told

    def states(one: Told) -> dict[str, str]:
        return {each["check"]: each["status"] for each in json.loads(one.out)}

    assert (unmigrated.code, states(unmigrated)["database"]) == (1, "fail")
    assert fine.code == 0
    assert f"{good['CRMGRAPH_PUBLIC_URL']} does not answer (Connection refused)" in fine.out
    assert states(fine) == {
        **dict.fromkeys(
            ("settings", "secret", "database", "migrations", "emails", "jobs", "search", "photos", "mail", "proxies"),
            "ok",
        ),
        "public url": "warn",
    }
    assert smtp.recipients() == ["ravi@example.com"]
    assert len(plain.out.splitlines()) == len(json.loads(fine.out))
    assert "ok   photos      written, read and removed\n" in plain.out
    assert (poor.code, states(poor)["mail"], states(poor)["secret"]) == (1, "fail", "warn")
    assert (states(open_)["proxies"], states(open_)["mail"], open_.code) == ("warn", "warn", 0)
    assert [each["message"] for each in json.loads(wrong.out) if each["status"] == "fail"] == [
        "CRMGRAPH_MAX_PAGES: there is no such setting; is CRMGRAPH_MAX_PAGE meant?",
        "CRMGRAPH_MAX_PAGE: has to be at least 1, e.g. 100",
    ]
    assert states(wrong) == {**states(fine), "settings": "fail", "mail": "warn"}
    assert (away.code, states(away)["database"]) == (1, "fail")
    assert "hush" not in away.out
    assert (stored.code, states(stored)["photos"]) == (1, "fail")
    assert bucket["AWS_ENDPOINT_URL"] in stored.out and "not to be told" not in stored.out


UNREACHABLE = {"CRMGRAPH_PUBLIC_URL": "http://127.0.0.1:9"}
"""Nobody listens at the port of `discard`."""


def lines(told: Told) -> list[tuple[str, str, str]]:
    """What the doctor says in the form for programs, but for what it says of the public URL."""
    findings = json.loads(told.out)
    assert [list(each) for each in findings] == [["check", "status", "message", "hint"]] * len(findings)
    assert told.code == (1 if any(each["status"] == "fail" for each in findings) else 0), told
    assert told.err == ""
    return [
        (each["check"], each["status"], each["message"] + (f": {each['hint']}" if each["hint"] else ""))
        for each in findings
        if each["check"] != "public url"
    ]


NO_MAIL = ("mail", "warn", "none is sent: CRMGRAPH_MAIL_URL, or nobody confirms a signup or resets a password")
NO_PROXY = ("proxies", "ok", "none, and none is needed here")


def test_the_doctor_makes_nothing_and_says_what_is_not_there_yet(tmp_path: Path) -> None:
    before = batch(
        tmp_path,
        (["doctor", "--json"], UNREACHABLE),
        (["doctor", "--json", "--demo"], {**UNREACHABLE, "CRMGRAPH_SECRET_KEY": None}),
        (["doctor", "--json"], UNREACHABLE | {"CRMGRAPH_DATABASE_URL": "sqlite:///deep/in/there.db"}),
        (["doctor", "--json"], UNREACHABLE | {"CRMGRAPH_DATABASE_URL": "sqlite:////dev/null/x.db"}),
        (["doctor", "--json"], UNREACHABLE | {"CRMGRAPH_PHOTO_URL": "file:///dev/null/photos"}),
    )
    assert list(tmp_path.iterdir()) == []
    fresh, demo, elsewhere, nowhere, unkept = map(lines, before)
    photos = f"{tmp_path}/var/photos is not there yet: the first start makes it"
    database = "sqlite:///var/crmgraph.db is not there yet: `crmgraph migrate` makes it"
    assert fresh == [
        ("settings", "ok", "3 are set, and all hold"),
        ("secret", "ok", "42 characters"),
        ("database", "fail", database),
        ("photos", "ok", photos),
        NO_MAIL,
        NO_PROXY,
    ]
    assert demo[1:4] == [
        ("database", "fail", f"sqlite:///{tmp_path}/var/demo.db is not there yet: `crmgraph serve --demo` makes it"),
        ("photos", "ok", f"{tmp_path}/var/demo-photos is not there yet: the first start makes it"),
        ("mail", "ok", "set up, and not tried: --mail-to somebody@example.com tries it"),
    ]
    assert elsewhere[2] == ("database", "fail", database.replace("var/crmgraph.db", "deep/in/there.db"))
    folder = "/dev/null is no folder that we may write into: name another, or make it ours"
    assert nowhere[2:4] == [("database", "fail", f"CRMGRAPH_DATABASE_URL: {folder}"), ("photos", "ok", photos)]
    assert unkept[3] == ("photos", "fail", f"CRMGRAPH_PHOTO_URL: {folder}")


def test_the_doctor_leaves_the_file_of_a_database_as_it_is(tmp_path: Path) -> None:
    batch(tmp_path, ["migrate"])
    (tmp_path / "empty.db").touch()
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE mine (id)").connection.close()
    files = [tmp_path / name for name in ("var/crmgraph.db", "empty.db", "other.db")]
    before = [file.read_bytes() for file in files]
    told = batch(
        tmp_path,
        *(
            (["doctor", "--json"], UNREACHABLE | {"CRMGRAPH_DATABASE_URL": f"sqlite:///{file.relative_to(tmp_path)}"})
            for file in files
        ),
    )
    version = f"SQLite {sqlite3.sqlite_version}"
    unmigrated = ("migrations", "fail", "The database is not migrated: run `crmgraph migrate` first.")
    assert [lines(each)[2:4] for each in told] == [
        [("database", "ok", f"sqlite:///var/crmgraph.db, {version}"), ("migrations", "ok", f"version {head()}")],
        [("database", "ok", f"sqlite:///empty.db, {version}"), unmigrated],
        [("database", "ok", f"sqlite:///other.db, {version}"), unmigrated],
    ]
    assert [file.read_bytes() for file in files] == before
    assert {path.name for path in [*tmp_path.iterdir(), *(tmp_path / "var").iterdir()]} == {
        *("var", "crmgraph.db", "empty.db", "other.db")
    }


async def test_the_doctor_goes_on_without_a_secret_and_past_settings_that_do_not_hold(
    tmp_path: Path, database: str
) -> None:
    (tmp_path / "var/photos").mkdir(parents=True)
    here = {**UNREACHABLE, "CRMGRAPH_DATABASE_URL": database, "CRMGRAPH_SECRET_KEY": None}
    ill = {
        "CRMGRAPH_SECRET_KEY": "short",
        "CRMGRAPH_MAIL_FROM": "nobody",
        "CRMGRAPH_ZOHO_UNIQUE": "Leads.Mobil",
        "CRMGRAPH_TRUSTED_PROXIES": "proxy.internal",
    }
    without, plain, wrong, demo = await asyncio.to_thread(
        batch,
        tmp_path,
        (["doctor", "--json"], here),
        (["doctor"], here),
        (["doctor", "--json"], here | ill),
        (["doctor", "--json", "--demo"], here),
    )
    no_secret = (
        "CRMGRAPH_SECRET_KEY is not set: at least 32 characters, e.g. from `openssl rand -base64 48`; "
        "or --demo, for the demo"
    )
    found = lines(without)
    told = [
        found[2],
        ("migrations", "ok", f"version {head()}"),
        *([] if database.startswith("sqlite") else [("clock", "ok", "it agrees with the database's")]),
        ("emails", "ok", "0 wait to be sent"),
        ("jobs", "ok", "none has failed, and none is late"),
        ("search", "ok", "every record is in the index"),
        ("photos", "ok", "written, read and removed"),
    ]
    assert found[2][:2] == ("database", "ok") and found[2][2].startswith(without_secrets(database))
    assert found == [
        ("settings", "ok", "3 are set, and all hold"),
        ("secret", "fail", no_secret),
        *told,
        NO_MAIL,
        NO_PROXY,
    ]
    assert plain.code == 1
    assert plain.out.splitlines()[1] == f"fail secret      {no_secret}"
    assert len(plain.out.splitlines()) == len(json.loads(without.out))
    assert lines(wrong) == [
        (
            "settings",
            "fail",
            "CRMGRAPH_SECRET_KEY: has to have at least 32 characters, e.g. from `openssl rand -base64 48`",
        ),
        ("settings", "fail", "CRMGRAPH_MAIL_FROM: has to be one bare address, e.g. crm@example.com"),
        (
            "settings",
            "fail",
            "CRMGRAPH_TRUSTED_PROXIES: 'proxy.internal' is no address or network: write e.g. 127.0.0.1 or 10.0.0.0/8",
        ),
        (
            "settings",
            "fail",
            "CRMGRAPH_ZOHO_UNIQUE: Zoho has no field Leads.Mobil whose values could be unique; is Leads.Mobile meant?",
        ),
        *told,
    ]
    assert lines(demo)[0] == ("settings", "ok", "3 are set, and all hold")


async def test_the_doctor_tells_of_jobs_that_failed_and_of_those_that_nobody_runs(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'var/crmgraph.db.database'}")
    own = {"CRMGRAPH_DATABASE_URL": f"sqlite:///{tmp_path / 'var/crmgraph.db.database'}"}
    await asyncio.to_thread(batch, tmp_path, (["migrate"], own))
    at = now()
    hour, day = dt.timedelta(hours=1), dt.timedelta(days=1)
    kept: dict[str, Any] = {"payload": {}, "created_at": at - day}
    async with db.begin() as session:
        for minute in (5, 4):
            last = {"failed_at": at.replace(hour=12, minute=minute), "last_error": "SMTPRecipientsRefused 550"}
            session.add(Job(kind="email", run_after=at - day, attempts=3, **last, **kept))
        session.add(Job(kind="email", run_after=at + hour, attempts=2, last_error="MailAway", **kept))
        session.add(Job(kind="purge", run_after=at - 3 * hour, **kept))
        session.add(Job(kind="sweep photos", run_after=at + hour, attempts=4, last_error="it takes too long", **kept))
    await db.close()
    (told,) = await asyncio.to_thread(batch, tmp_path, (["doctor", "--json"], own))
    found = [each for each in json.loads(told.out) if each["check"] in ("emails", "jobs")]
    assert {each["status"] for each in found} == {"warn"}
    assert [each["message"] for each in found] == [
        "1 wait, the oldest for 1440 minutes",
        f"2 of email failed, the last at {at:%Y-%m-%d} 12:05 UTC (SMTPRecipientsRefused 550)",
        f"nobody runs purge, which is due since {at - 3 * hour:%H:%M} UTC",
        "sweep photos has failed 4 times in a row (it takes too long)",
    ]
    assert "CRMGRAPH_RUN_JOBS" in found[2]["hint"]
