"""What is set of an old CRM, and the secrets that calling it takes: sealed, and told to nobody."""

import asyncio
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from crmgraph.crm.models import Door
from crmgraph.crm.upstream_settings import BadSettingError, read_value, secret_named, setting_named
from crmgraph.db.database import Database
from crmgraph.security import Keys
from crmgraph.upstream.modes import Current
from crmgraph.upstream.secrets import SecretError, secrets_of
from tests.program import crmgraph, rows
from tests.upstream.conftest import ENVIRONMENT

KEY = ENVIRONMENT["CRMGRAPH_SECRET_KEY"]
OTHER_KEY = "another secret of at least thirty-two characters"
TOKEN = "1000.a-refresh-token-that-nobody-sees"
FILE = "var/crmgraph.db"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store that has Zoho behind it, to copy from."""
    folder = tmp_path_factory.mktemp("settings")
    assert crmgraph(folder, "migrate", **ENVIRONMENT).returncode == 0
    told = crmgraph(folder, "upstream", "add", "zoho", "http://127.0.0.1:1", "--insecure", **ENVIRONMENT)
    assert told.returncode == 0, told.stderr
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Of a store that has Zoho behind it."""
    return shutil.copytree(made, tmp_path / "store")


def shown(folder: Path) -> dict[str, str]:
    told = crmgraph(folder, "upstream", "show", "zoho", **ENVIRONMENT)
    assert told.returncode == 0, told.stderr
    return dict(re.findall(r"^  (\w+)  (.+)$", told.stdout, re.MULTILINE))


def seen(folder: Path, *keys: str) -> dict[str, str]:
    """The secrets of Zoho as a process sees them that has these keys."""

    async def work() -> dict[str, str]:
        db = Database(f"sqlite:///{folder / FILE}")
        try:
            async with db.read() as session:
                return await secrets_of(session, Keys(*keys[:1], keys[1:]), Door.ZOHO, {})
        finally:
            await db.close()

    return asyncio.run(work())


def test_what_may_differ_is_taken_back_as_it_was_said(database: str, tmp_path: Path) -> None:
    environment = ENVIRONMENT | {"CRMGRAPH_DATABASE_URL": database}

    def told(*words: str) -> str:
        told = crmgraph(tmp_path, "upstream", *words, **environment)
        return told.stdout + told.stderr

    told("add", "zoho", "http://127.0.0.1:1", "--insecure")
    of_one = ("--caller", "a client")
    until = ("--why", "a try", "--until", "2999-12-31")
    for words in (("data[].City", *until), ("data[].City", *until, *of_one), ("data[].Fax", *until)):
        assert " may differ until 2999-12-31.\n" in told("accept", "zoho", *words)
    assert told("withdraw", "zoho", "data[].Cty") == (
        "zoho: data[].Cty is not accepted for all operations of everybody. Is data[].City meant?\n"
    )
    assert told("withdraw", "zoho", "data[].Fax", *of_one) == (
        "zoho: data[].Fax is not accepted for all operations of a client. "
        "`crmgraph upstream accepted zoho` tells what is.\n"
    )
    assert told("withdraw", "zoho", "data[].City", *of_one) == "zoho: data[].City may not differ any more.\n"
    left = told("accepted", "zoho").splitlines()
    assert [each.partition("  until")[0] for each in left] == [
        "data[].City  all operations of everybody",
        "data[].Fax  all operations of everybody",
    ]


def test_what_is_set_holds_and_what_is_not_is_marked(folder: Path) -> None:
    assert shown(folder)["pull_every"] == "60  (default)"
    told = crmgraph(folder, "upstream", "set", "zoho", "pull_every", "5m", **ENVIRONMENT)
    assert (told.returncode, told.stdout) == (0, "zoho: pull_every: 300.\n"), told.stderr
    assert shown(folder)["pull_every"] == "300"

    async def held() -> int:
        db = Database(f"sqlite:///{folder / FILE}")
        try:
            current = Current(db)
            await current.read()
            found: int = current.setting(Door.ZOHO, "pull_every")
            return found
        finally:
            await db.close()

    assert asyncio.run(held()) == 300
    assert crmgraph(folder, "upstream", "set", "zoho", "pull_every", "default", **ENVIRONMENT).returncode == 0
    assert shown(folder)["pull_every"] == "60  (default)"
    refused = crmgraph(folder, "upstream", "set", "zoho", "local_change", "allow", **ENVIRONMENT)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("local_change: zoho has no such setting; there are local_changes, harvest, ")
    assert refused.stderr.endswith(" Is local_changes meant?\n")
    nobody = crmgraph(folder, "upstream", "set", "crmcom", "harvest", "on", **ENVIRONMENT)
    assert "crmcom: has no upstream" in nobody.stderr


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        ("pull_every", "2h", 7200),
        ("pull_every", "90", 90),
        ("pull_every", "4", None),
        ("pull_every", "2d", None),
        ("pull_every", "-5m", None),
        ("pull_every", "9" * 5000, None),
        ("max_concurrency", "25", 25),
        ("max_concurrency", "26", None),
        ("max_concurrency", "٣", None),
        ("harvest", "ON", True),
        ("harvest", "yes", None),
        ("local_changes", "allow", "allow"),
    ],
)
def test_a_value_is_read_or_refused(key: str, text: str, wanted: object) -> None:
    setting = setting_named(Door.ZOHO, key)
    if wanted is not None:
        assert read_value(setting, text) == wanted
        return
    with pytest.raises(BadSettingError, match=f"is not {re.escape(setting.form.expected)}"):
        read_value(setting, text)


def test_names_that_a_dialect_has_not_are_refused_with_the_nearest() -> None:
    with pytest.raises(BadSettingError, match=r"refreshtoken: zoho has no such secret; .* Is refresh_token meant?"):
        secret_named(Door.ZOHO, "refreshtoken")
    with pytest.raises(BadSettingError, match=r"covalense: .* takes no secrets"):
        secret_named(Door.COVALENSE, "password")
    with pytest.raises(BadSettingError, match="pull_every: covalense has no such setting"):
        setting_named(Door.COVALENSE, "pull_every")


def test_a_secret_is_sealed_and_told_to_nobody(folder: Path) -> None:
    told = [crmgraph(folder, "upstream", "secret", "zoho", "refresh_token", given=f"{TOKEN}\n", **ENVIRONMENT)]
    assert told[0].stdout == "zoho: refresh_token is kept, sealed.\n", told[0].stderr
    told.append(crmgraph(folder, "upstream", "show", "zoho", **ENVIRONMENT))
    assert shown(folder)["refresh_token"] == "sealed in the database"
    assert seen(folder, KEY) == {"refresh_token": TOKEN}
    assert seen(folder, OTHER_KEY, KEY) == {"refresh_token": TOKEN}  # a retired key opens it still
    with pytest.raises(SecretError, match=r"refresh_token was sealed under another CRMGRAPH_SECRET_KEY: name that one"):
        seen(folder, OTHER_KEY)
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert b"upstream_secret" in b"".join(kept)
    for each in (*kept, *((each.stdout + each.stderr).encode() for each in told)):
        assert TOKEN.encode() not in each

    # No row stands for another one.
    swapping = (
        "INSERT INTO upstream_secret SELECT dialect, 'client_secret', sealed, variable, file, at FROM upstream_secret"
    )
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute(swapping)
    with pytest.raises(SecretError, match="client_secret was changed in the database since it was sealed"):
        seen(folder, KEY)
    assert crmgraph(folder, "upstream", "secret", "zoho", "client_secret", "--forget", **ENVIRONMENT).returncode == 0
    assert seen(folder, KEY) == {"refresh_token": TOKEN}


def test_where_a_secret_stands_is_kept_in_place_of_it(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "id"
    command = ("upstream", "secret", "zoho", "client_id", "--file", str(file))
    refused = crmgraph(folder, *command, **ENVIRONMENT)
    assert refused.stderr == f"zoho: client_id is to stand in the file {file}: No such file or directory.\n"
    file.write_text("1000.ID\n")
    assert crmgraph(folder, *command, **ENVIRONMENT).stdout == f"zoho: client_id is read from the file {file}.\n"
    assert seen(folder, KEY)["client_id"] == "1000.ID"
    file.write_bytes(b"a" * 5000)
    with pytest.raises(SecretError, match="has more than 4096 bytes"):
        seen(folder, KEY)
    command = ("upstream", "secret", "zoho", "client_id", "--env", "ZOHO_ID")
    assert crmgraph(folder, *command, **ENVIRONMENT).stdout == "zoho: client_id is read from the variable ZOHO_ID.\n"
    with pytest.raises(SecretError, match="client_id is to stand in the variable ZOHO_ID, which is not set"):
        seen(folder, KEY)
    # A variable of its own counts first, and is known to be one.
    given = ENVIRONMENT | {"CRMGRAPH_UPSTREAM_ZOHO_CLIENT_ID": "1000.OTHER"}
    told = crmgraph(folder, "upstream", "show", "zoho", **given).stdout
    assert "  client_id  in the variable CRMGRAPH_UPSTREAM_ZOHO_CLIENT_ID\n" in told and "1000.OTHER" not in told
    wrong = crmgraph(folder, "upstream", "list", **ENVIRONMENT, CRMGRAPH_UPSTREAM_ZOHO_TOKEN="x")
    assert "CRMGRAPH_UPSTREAM_ZOHO_TOKEN: there is no such setting" in wrong.stderr
    for given_text, why in ("", "is empty"), ("a\nb", "has more than one line"), ("x" * 5000, "more than 4096 bytes"):
        told = crmgraph(folder, "upstream", "secret", "zoho", "client_id", given=given_text, **ENVIRONMENT).stderr
        assert why in told, told


def test_what_is_taken_away_takes_its_secrets_along(folder: Path) -> None:
    crmgraph(folder, "upstream", "secret", "zoho", "refresh_token", given=f"{TOKEN}\n", **ENVIRONMENT)
    assert len(rows(folder, "SELECT * FROM upstream_secret", FILE)) == 1
    assert crmgraph(folder, "upstream", "remove", "zoho", **ENVIRONMENT).returncode == 0
    assert rows(folder, "SELECT * FROM upstream_secret", FILE) == []
