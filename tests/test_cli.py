"""The program, run as people run it."""

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import crmgraph as package
from crmgraph.app import load_idle
from crmgraph.http.admission import InHand, Places
from tests.program import PROGRAM, SECRET, crmgraph, free_port, rows, serving


def test_the_installed_file_is_the_program(tmp_path: Path) -> None:
    for arguments, code in ((["--version"], 0), (["staff", "lst"], 2)):
        told = subprocess.run([PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        forked = crmgraph(tmp_path, *arguments)
        assert (told.returncode, told.stdout, told.stderr) == (code, forked.stdout, forked.stderr)
        assert (forked.returncode, forked.stdout == f"{package.__version__}\n") == (code, code == 0)


def test_nobody_serves_trusted_documents_without_a_list_of_them(tmp_path: Path) -> None:
    told = crmgraph(tmp_path, "serve", CRMGRAPH_SECRET_KEY=SECRET, CRMGRAPH_DOCUMENTS="trusted")
    wanted = (
        "CRMGRAPH_DOCUMENTS is trusted, and no manifest says which are: set CRMGRAPH_DOCUMENTS_FILE to one, or "
        "CRMGRAPH_DOCUMENTS to open\n"
    )
    assert (told.returncode, told.stdout, told.stderr) == (1, "", wanted)


def test_demo_load_twice_changes_nothing_and_reset_starts_afresh(tmp_path: Path) -> None:
    first = crmgraph(tmp_path, "demo", "load")
    assert (first.returncode, first.stdout.split()[0]) == (0, "Loaded"), first.stderr
    credentials = crmgraph(tmp_path, "demo", "credentials", "--json").stdout
    before = rows(tmp_path, "SELECT id, number, updated_at FROM contact ORDER BY id")
    again = crmgraph(tmp_path, "demo", "load")
    assert (again.returncode, again.stdout) == (0, "The demo data is there already.\n")
    assert rows(tmp_path, "SELECT id, number, updated_at FROM contact ORDER BY id") == before
    assert crmgraph(tmp_path, "demo", "credentials", "--json").stdout == credentials
    assert (tmp_path / "var/demo.json").stat().st_mode & 0o077 == 0
    assert crmgraph(tmp_path, "demo", "reset", "--yes").returncode == 0
    assert crmgraph(tmp_path, "demo", "credentials", "--json").stdout != credentials
    assert len(rows(tmp_path, "SELECT id FROM contact")) == len(before)


def test_the_credentials_have_the_keys_that_scripts_rely_on(demo_folder: Path) -> None:
    printed = crmgraph(demo_folder, "demo", "credentials", "--json")
    credentials = json.loads(printed.stdout)
    assert {name: set(given) for name, given in credentials.items() if name != "covalense_others"} == {
        "staff": {"email", "password"},
        "customer": {"email", "password"},
        "covalense": {"email", "password"},
        "zoho": {"client_id", "client_secret", "refresh_token", "access_token", "unscoped_token"},
        "crmcom": {"username", "password", "organisation", "web_api_key"},
        "valomnia": {"username", "password"},
    }
    assert credentials["covalense"]["email"] == "venkatesh@yopmail.com"
    assert "elangog@gmail.com" in [login["email"] for login in credentials["covalense_others"]]


def test_the_demo_serves_what_it_prints(tmp_path: Path) -> None:
    with serving(tmp_path, "--demo") as (client, _):
        assert client.get("/health/ready").json() == {"status": "ready"}
        page = client.get("/").text
        credentials = json.loads(crmgraph(tmp_path, "demo", "credentials", "--json").stdout)
        assert credentials["staff"]["password"] in page
        login = client.post(
            "/graphql",
            json={
                "query": "mutation($e: EmailAddress!, $p: String!) { login(input: {email: $e, password: $p})"
                " { viewer { role } userErrors { code } } }",
                "variables": {"e": credentials["staff"]["email"], "p": credentials["staff"]["password"]},
            },
        )
        assert login.json()["data"]["login"] == {"viewer": {"role": "ADMIN"}, "userErrors": []}
    output = (tmp_path / "output").read_text()
    assert credentials["staff"]["password"] in output
    assert str(client.base_url) in output


def test_several_workers_serve_one_demo_count_together_and_log_as_they_are_told(demo_folder: Path) -> None:
    environment = {"CRMGRAPH_METRICS": "true", "CRMGRAPH_LOG_FORMAT": "json"}
    with serving(demo_folder, "--demo", "--workers", "2", **environment) as (client, _):
        # A connection of its own each time, so that both workers get some.
        closing = {"Connection": "close"}
        assert {client.get("/health/ready?token=abc", headers=closing).status_code for _ in range(40)} == {200}
        counted = [client.get("/metrics", headers=closing).text for _ in range(10)]
    wanted = 'crmgraph_requests_total{door="site",status="200"} '
    counts = [
        float(line.removeprefix(wanted)) for text in counted for line in text.splitlines() if line.startswith(wanted)
    ]
    # One more asked whether the server is up. Whichever worker answers counts all before it, but perhaps not the last
    # one yet, which the other worker counts when it has been answered.
    assert [count - 41 - i in (0, -1) for i, count in enumerate(counts)] == [True] * 10, counts
    lines = [line for line in (demo_folder / "output").read_text().splitlines() if "/health/ready" in line]
    logged = [json.loads(line) for line in lines]
    assert [(line["query"], line["status"]) for line in logged] == [("token=***", 200)] * 40
    assert len({line["request_id"] for line in logged}) == 40


def test_a_secret_is_required_outside_the_demo(tmp_path: Path) -> None:
    refused = crmgraph(tmp_path, "serve")
    assert refused.returncode == 1
    assert refused.stderr == (
        "CRMGRAPH_SECRET_KEY is not set: at least 32 characters, e.g. from `openssl rand -base64 48`; "
        "or --demo, for the demo\n"
    )
    short = crmgraph(tmp_path, "serve", CRMGRAPH_SECRET_KEY="short")
    assert short.returncode == 1
    assert "CRMGRAPH_SECRET_KEY" in short.stderr and "32" in short.stderr


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "this is no URL of a database: write sqlite:///path or postgresql://user:password@host/name"),
        ("me:hush@db/x", "this is no URL of a database: write sqlite:///path or postgresql://user:password@host/name"),
        ("mysql://me:hush@db/x", "crmgraph keeps its data in SQLite or PostgreSQL, not in mysql"),
    ],
)
def test_a_database_that_cannot_be_is_refused_without_telling_its_password(
    tmp_path: Path, url: str, fault: str
) -> None:
    refused = crmgraph(tmp_path, "migrate", CRMGRAPH_DATABASE_URL=url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"CRMGRAPH_DATABASE_URL: {fault}\n"


def test_a_folder_of_counters_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in ("nowhere", "file"):
        refused = crmgraph(tmp_path, "schema", PROMETHEUS_MULTIPROC_DIR=wrong)
        told = f"PROMETHEUS_MULTIPROC_DIR: {wrong} is no folder that we may write into: make it, or set none\n"
        assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", told)


def test_a_demo_that_was_not_loaded_is_told_with_what_loads_it(tmp_path: Path) -> None:
    refused = crmgraph(tmp_path, "import", "list", "--demo")
    told = "There is no demo here yet: run `crmgraph demo load` first.\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", told)


def test_an_unmigrated_database_is_not_served(tmp_path: Path) -> None:
    settings = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_DATABASE_URL": "sqlite:///own.db"}
    refused = crmgraph(tmp_path, "serve", **settings)
    assert (refused.returncode, refused.stderr) == (
        1,
        "The database is not migrated: run `crmgraph migrate` first.\n",
    )
    assert crmgraph(tmp_path, "migrate", **settings).stdout == "The tables are up to date now.\n"
    assert crmgraph(tmp_path, "migrate", **settings).stdout == "The tables are of this version already.\n"
    with serving(tmp_path, **settings) as (client, _):
        assert client.get("/health/ready").status_code == 200
        assert "Demo credentials" not in client.get("/").text


def test_a_process_that_serves_loads_nothing_that_only_rare_requests_need(tmp_path: Path) -> None:
    settings = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_DATABASE_URL": "sqlite:///own.db"}
    # One of several workers, which is no command.
    commands = {"typer", "crmgraph.cli.commands", "crmgraph.imports.writing", "crmgraph.exports"}
    files = {"openpyxl", "python_calamine", "xlsxwriter", "rapidfuzz", "websockets"}
    worker = "from crmgraph.cli.worker import application; application()"
    dialects = {f"crmgraph.dialects.{name}" for name in ("covalense", "zoho", "crmcom", "valomnia")}
    assert loaded(tmp_path, worker, *commands, *files, *dialects, "crmgraph.rest.pulling", **settings) == set()
    # Nearly all of a start is importing: half of these are libraries that cannot be had by parts.
    assert len(modules_after(tmp_path, worker, **settings)) < 1_600
    # The parent of several workers, and every other command.
    edges = {"fastapi", "strawberry", "graphql", "crmgraph.app", "crmgraph.graph", "crmgraph.dialects"}
    assert loaded(tmp_path, "from crmgraph.cli import commands", *edges, **settings) == set()


async def test_what_the_start_leaves_out_is_loaded_while_no_request_is_in_hand() -> None:
    places, request, done = Places(5), InHand(), list[str]()
    places.enter(request)
    loading = asyncio.create_task(load_idle([partial(done.append, each) for each in "ab"], places, pause=0.001))
    await asyncio.sleep(0.05)
    assert done == []
    places.leave(request)
    await asyncio.wait_for(loading, 30)
    assert done == ["a", "b"]


def test_a_server_that_has_nothing_to_do_loads_its_dialects(tmp_path: Path) -> None:
    statements = (
        "import asyncio; from crmgraph.cli.worker import application; app = application()",
        "run = asyncio.Runner().run; life = app.router.lifespan_context(app); run(life.__aenter__())",
        "there = [each for each in sys.modules if each.startswith('crmgraph.dialects')]; assert there == [], there",
        "import crmgraph.registry as registry; wanted = [f'crmgraph.dialects.{x.name}' for x in registry.DIALECTS]",
        "assert any(run(asyncio.sleep(0.1)) or sys.modules.keys() >= {*wanted} for _ in range(600))",
        "run(life.__aexit__(None, None, None))",
    )
    environment = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_DATABASE_URL": "sqlite:///own.db"}
    assert crmgraph(tmp_path, "migrate", **environment).returncode == 0
    modules_after(tmp_path, "; ".join(statements), **environment, CRMGRAPH_LOG_LEVEL="error")


def loaded(folder: Path, statements: str, *modules: str, **environment: str) -> set[str]:
    """Which modules are there after these statements, of the given ones and of those that serving does without."""
    unwanted = {*modules, "alembic", "jinja2", "PIL", "rich.progress", "crmgraph.seed", "crmgraph.photos.pixels"}
    return unwanted & modules_after(folder, statements, **environment)


def modules_after(folder: Path, statements: str, **environment: str) -> set[str]:
    """The modules that are there after these statements."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; {statements}; print(*sys.modules)"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(told.stdout.split())


def test_what_a_worker_starts_with_is_never_collected_and_what_comes_later_is(tmp_path: Path) -> None:
    statements = (
        "import gc; from crmgraph.cli.worker import application; app = application()",
        "print(gc.isenabled(), gc.get_freeze_count() > 100_000)",
        "print(any(each is app for each in gc.get_objects()))",
    )
    told = subprocess.run(
        [sys.executable, "-c", "; ".join(statements)],
        cwd=tmp_path,
        env=os.environ | {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_LOG_LEVEL": "error"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert told.stdout == "True True\nFalse\n"


def test_a_database_that_is_away_ends_in_one_line(tmp_path: Path) -> None:
    gone = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    refused = crmgraph(tmp_path, "migrate", CRMGRAPH_DATABASE_URL=gone)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("The database does not answer")


def test_reset_never_throws_another_database_away(tmp_path: Path) -> None:
    refused = crmgraph(tmp_path, "demo", "reset", CRMGRAPH_DATABASE_URL="sqlite:///precious.db")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "CRMGRAPH_DATABASE_URL is set" in refused.stderr


def test_staff_and_clients_are_added_and_their_secrets_are_kept_as_hashes(tmp_path: Path) -> None:
    settings = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_DATABASE_URL": "sqlite:///own.db"}
    crmgraph(tmp_path, "migrate", **settings)
    add = ("staff", "add", "Grace Agent", "grace@example.com", "--role", "ADMIN")
    added = crmgraph(tmp_path, *add, CRMGRAPH_PASSWORD="correct horse", **settings)
    assert added.stdout == "Added Grace Agent, ADMIN, with id 1000000000.\n", added.stderr
    weak = crmgraph(tmp_path, *add, CRMGRAPH_PASSWORD="short", **settings)
    assert (weak.returncode, weak.stdout) == (1, "")
    twice = crmgraph(tmp_path, *add, CRMGRAPH_PASSWORD="correct horse", **settings)
    assert (twice.returncode, twice.stderr) == (1, "Refused: email: somebody else has this already\n")
    client = crmgraph(tmp_path, "clients", "add", "zoho", "Portal", "grace@example.com", **settings)
    printed = json.loads(client.stdout)
    assert set(printed) == {"client_id", "client_secret", "refresh_token"}
    ((login, secret_hash),) = rows(tmp_path, "SELECT login, secret_hash FROM legacy_client", "own.db")
    assert login == printed["client_id"]
    assert secret_hash.startswith("$argon2id$")
    dump = (tmp_path / "own.db").read_bytes()
    assert printed["client_secret"].encode() not in dump
    assert printed["refresh_token"].encode() not in dump
    crmgraph(tmp_path, "clients", "add", "crmcom", "Desk", "grace@example.com", "--organisation", "one", **settings)
    granted = rows(tmp_path, "SELECT grants FROM legacy_client WHERE dialect = 'CRMCOM'", "own.db")
    assert granted == [('["contact_information"]',)]
    unknown = crmgraph(tmp_path, "clients", "add", "zoho", "Other", "nobody@example.com", **settings)
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "nobody@example.com: nobody of the staff has this id or email; `crmgraph staff list` shows who there is.\n",
    )


def test_who_is_disabled_is_kept_out_at_once_and_let_in_again(demo_folder: Path) -> None:
    zoho = json.loads(crmgraph(demo_folder, "demo", "credentials", "--json").stdout)["zoho"]
    bearer = {"Authorization": f"Zoho-oauthtoken {zoho['access_token']}"}
    member = "patricia.boyle@crmgraph.example"

    def told(*arguments: str) -> str:
        done = crmgraph(demo_folder, *arguments, "--demo")
        assert done.returncode == 0, done.stderr
        return done.stdout

    with serving(demo_folder, "--demo") as (client, _):
        assert client.get("/crm/v2/Leads", headers=bearer).status_code == 200
        assert told("clients", "disable", "zoho", zoho["client_id"]) == f"{zoho['client_id']} is kept out.\n"
        assert client.get("/crm/v2/Leads", headers=bearer).status_code == 401
        listed = told("clients", "list").splitlines()
        assert len(listed) == 3
        assert [line.endswith("(disabled)") for line in listed] == [line.startswith("zoho  ") for line in listed]
        assert told("clients", "enable", "zoho", zoho["client_id"]) == f"{zoho['client_id']} is let in.\n"
        assert client.get("/crm/v2/Leads", headers=bearer).status_code == 200
        # Whoever a client acts as takes it with them.
        assert told("staff", "disable", "1000000001") == "1000000001 is kept out.\n"
        assert client.get("/crm/v2/Leads", headers=bearer).status_code == 401
        (line,) = [line for line in told("staff", "list").splitlines() if member in line]
        assert line == f"1000000001  {member}  AGENT  Patricia Boyle  (disabled)"
    unknown = crmgraph(demo_folder, "staff", "disable", "1", "--demo")
    assert (unknown.returncode, unknown.stdout, unknown.stderr) == (
        1,
        "",
        "1: nobody of the staff has this id or email; `crmgraph staff list` shows who there is.\n",
    )


def test_the_same_seed_gives_the_same_people(tmp_path: Path) -> None:
    for name in ("one", "two"):
        made = crmgraph(
            tmp_path,
            *("seed", "--accounts", "7", "--contacts", "40", "--leads", "11"),
            CRMGRAPH_DATABASE_URL=f"sqlite:///{name}.db",
        )
        assert made.stdout == "Added 7 accounts, 40 contacts and 11 leads.\n", made.stderr
    for query in (
        "SELECT id, first_name, last_name, account_id, created_at FROM contact ORDER BY id",
        "SELECT party_id, rank, kind, raw, e164 FROM phone ORDER BY id",
        "SELECT party_id, city, city_key, name_key, postal_code FROM address ORDER BY id",
        "SELECT party_id, address FROM email ORDER BY id",
    ):
        assert rows(tmp_path, query, "one.db") == rows(tmp_path, query, "two.db")
    assert rows(tmp_path, "SELECT count(*) FROM contact", "one.db") == [(40,)]


@pytest.mark.parametrize("command", [(), ("demo",), ("staff",), ("clients",)])
def test_every_group_of_commands_explains_itself(tmp_path: Path, command: tuple[str, ...]) -> None:
    shown = crmgraph(tmp_path, *command, "--help")
    assert shown.returncode == 0
    assert "Usage: crmgraph" in shown.stdout
