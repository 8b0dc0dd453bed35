"""What the old CRM answers in SHADOW is compared with what this store would have said, to the field."""

import asyncio
import json
import re
import shlex
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmgraph.cli.comparing import comparing
from crmgraph.cli.console import opened
from crmgraph.crm.core import Core
from crmgraph.security import digest
from crmgraph.settings import Settings
from crmgraph.upstream.comparing import Comparer
from crmgraph.upstream.listening import Consumer, Listener
from crmgraph.upstream.tee import PassedCall
from tests.program import crmgraph, serving
from tests.upstream.conftest import DIALECTS, ENVIRONMENT, asked, request
from tests.upstream.reads import COVALENSE, LEAD, Tokens, further, recorded

NETWORKS = {"CRMGRAPH_UPSTREAM_NETWORKS": ENVIRONMENT["CRMGRAPH_UPSTREAM_NETWORKS"]}


@dataclass(frozen=True)
class Twins:
    """Two stores that hold the same: the old CRM of all four APIs, and the one in front of it, which compares.

    Attributes:
        port, folder: of the one in front.
        old, old_folder: of the other.
        credentials: of both.
    """

    port: int
    old: int
    folder: Path
    old_folder: Path
    credentials: dict[str, Any]

    def run(self, *words: str) -> Any:
        """A command on the store in front."""
        return crmgraph(self.folder, *words, "--demo", **NETWORKS)

    def report(self, dialect: str) -> dict[str, Any]:
        """What `crmgraph upstream report` tells."""
        told = self.run("upstream", "report", dialect, "--json")
        assert told.returncode == 0, told.stderr
        found: dict[str, Any] = json.loads(told.stdout)
        return found


@pytest.fixture(scope="module")
def twins(loaded_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    old_folder = shutil.copytree(loaded_demo, tmp_path_factory.mktemp("old") / "demo")
    folder = shutil.copytree(loaded_demo, tmp_path_factory.mktemp("new") / "demo")
    credentials = json.loads(crmgraph(old_folder, "demo", "credentials", "--json").stdout)
    with serving(old_folder, "--demo") as (old, _):
        port = old.base_url.port or 0
        with closing(sqlite3.connect(folder / "var" / "demo.db", isolation_level=None)) as connection:
            for door in map(str.upper, DIALECTS):
                row = (door, f"http://127.0.0.1:{port}", True, "{}", "2026-01-01 00:00:00")
                columns = "(dialect, base_url, insecure, options, created_at)"
                connection.execute(f"INSERT INTO upstream {columns} VALUES (?, ?, ?, ?, ?)", row)
                row = (door, "SHADOW", "2026-01-01 00:00:00", "to see")
                connection.execute("INSERT INTO switch (dialect, mode, at, why) VALUES (?, ?, ?, ?)", row)
        with serving(folder, "--demo", **NETWORKS) as (new, _):
            yield Twins(new.base_url.port or 0, port, folder, old_folder, credentials)


@contextmanager
def as_before(folder: Path) -> Iterator[None]:
    """A block after which a store holds what it held before."""
    with closing(sqlite3.connect(":memory:")) as kept, closing(sqlite3.connect(folder / "var" / "demo.db")) as store:
        store.backup(kept)
        try:
            yield
        finally:
            kept.backup(store)


class Comparison:
    """What compares, in this process, and how many calls it has looked at."""

    def __init__(self, comparer: Comparer, core: Core) -> None:
        self.comparer, self.core = comparer, core
        self.looked = 0

    async def look(self, call: PassedCall) -> None:
        await self.comparer.look(call)
        self.looked += 1

    async def after(self, calls: int) -> None:
        """Wait until so many have been looked at, and store what came of it."""
        async with asyncio.timeout(30):
            while self.looked < calls:
                await asyncio.sleep(0.02)
        await self.comparer.counts.store(self.core.db)


@pytest.fixture
async def comparison(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Comparison]:
    monkeypatch.chdir(twins.folder)
    kept = json.loads((twins.folder / "var" / "demo.json").read_text())
    settings = Settings().for_demo(Path("var"), kept["secret"])
    with as_before(twins.folder):
        async with opened(settings) as core, comparing(core, settings) as comparer:
            found = Comparison(comparer, core)
            listener = Listener(settings.upstream_socket, {"compare": Consumer(found.look, comparer.dropped)})
            await listener.start()
            yield found
            await listener.close()


def ask(port: int, wanted: list[bytes]) -> list[bytes]:
    """The status lines of the answers to these."""
    return [asked(port, each)[0] for each in wanted]


async def test_identical_stores_are_equal_in_every_read(twins: Twins, comparison: Comparison) -> None:
    tokens = await asyncio.to_thread(Tokens, twins.port, twins.credentials)
    wanted = [*recorded(tokens), *further(tokens)]
    await asyncio.to_thread(ask, twins.port, wanted)
    await comparison.after(len(wanted))
    compared = 0
    reasons: set[str] = set()
    for dialect in DIALECTS:
        told = twins.report(dialect)
        assert (told["different"], told["failed"], told["stale"], told["dropped"]) == (0, 0, 0, 0), told
        assert told["percent_equal"] == 100
        assert told["divergences"] == []
        reasons |= told["reasons"].keys()
        compared += told["equal"] + told["skipped"]
    assert compared == len(wanted) > 60
    assert reasons == {
        "skipped: this store has no such operation or module",
        "skipped: the answer is about whoever asks, who is nobody here: set compare_as",
    }


CHANGES = {
    "zoho": ("lead", "job_title", LEAD, "GET /crm/v2/{module}/{id}", "data[].Designation"),
    "crmcom": (
        "contact",
        "description",
        "1F1D2D0DFD164BFA801BE87CA9E33915",
        "GET /crmapi/rest/v2/contact_information/show",
        "data.notes",
    ),
    "valomnia": ("contact", "job_title", "5", "GET /api/{version}/contacts/{id}", "fonction"),
    "covalense": ("contact", "nickname", None, "GET /crm/v1/profile/contact", "response.result.nickname"),
}
"""{dialect: (table, column, id there, operation, field)} of a value that this store alone has otherwise."""


def one_read(dialect: str, tokens: Tokens) -> tuple[bytes, str]:
    """A request for the record of `CHANGES`, and the token in it."""
    if dialect == "covalense":
        token = tokens.covalense["elangog@gmail.com"]
        return request("GET", "/crm/v1/profile/contact", COVALENSE | {"token": token}), token
    if dialect == "zoho":
        headers = {"Authorization": f"Zoho-oauthtoken {tokens.zoho}"}
        return request("GET", f"/crm/v2/Leads/{LEAD}", headers), tokens.zoho
    if dialect == "valomnia":
        headers = {"Cookie": f"JSESSIONID={tokens.valomnia}"}
        return request("GET", "/api/v1.0/contacts/5", headers), tokens.valomnia
    query = f"token={tokens.crmcom}&contact_information_identifier=id={CHANGES[dialect][2]}"
    return request("GET", f"/crmapi/rest/v2/contact_information/show?{query}"), tokens.crmcom


@contextmanager
def changed(twins: Twins, dialect: str, value: str) -> Iterator[None]:
    """A block in which the record of `CHANGES` has another value in the store in front."""
    table, column, home, *_ = CHANGES[dialect]
    named = "SELECT party_id FROM external_id WHERE dialect = ? AND value = ? AND party_id IS NOT NULL"
    told = (dialect, home)
    if home is None:
        named = "SELECT party_id FROM email WHERE address = ? AND party_id IN (SELECT contact_id FROM credential)"
        told = ("elangog@gmail.com",)
    with closing(sqlite3.connect(twins.folder / "var" / "demo.db", isolation_level=None)) as connection:
        ((own, before),) = connection.execute(f"SELECT id, {column} FROM {table} WHERE id = ({named})", told)
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, own))
        try:
            yield
        finally:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (before, own))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_one_field_that_differs_is_one_divergence_with_a_line_that_shows_it(
    twins: Twins, comparison: Comparison, dialect: str
) -> None:
    tokens = await asyncio.to_thread(Tokens, twins.port, twins.credentials)
    wanted, token = one_read(dialect, tokens)
    with changed(twins, dialect, "Otherwise"):
        await asyncio.to_thread(ask, twins.port, [wanted])
        await comparison.after(1)
        told = twins.report(dialect)
    assert (told["different"], told["equal"]) == (1, 0)
    (found,) = told["divergences"]
    operation, field = CHANGES[dialect][3:]
    assert (found["operation"], found["field"], found["sort"], found["times"]) == (operation, field, "value", 1)
    assert (
        found["caller"]
        == {
            "zoho": f"unknown:{digest(tokens.zoho)[:8]}",
            "crmcom": "demo@CRMGRAPH",
            "valomnia": "demo@valomnia.example",
            "covalense": "customers of x",
        }[dialect]
    )
    assert found["control"]["hash"] != found["candidate"]["hash"]
    assert (found["control"]["is"], found["candidate"]["is"]) == (
        f"the old CRM, http://127.0.0.1:{twins.old}",
        "this store",
    )
    assert "Otherwise" not in json.dumps(told) and token not in json.dumps(told)
    # The line asks for the same: sent again, the field differs once more.
    again = shlex.split(found["curl"].replace("$TOKEN", token))
    assert again[:2] == ["curl", "-i"] and again[-1].startswith("http://127.0.0.1:8000/")
    headers = dict(each.split(": ", 1) for each in again[3:-1:2])
    with changed(twins, dialect, "Otherwise"):
        same = request("GET", again[-1][len("http://127.0.0.1:8000") :], headers)
        await asyncio.to_thread(ask, twins.port, [same])
        await comparison.after(2)
    (found,) = twins.report(dialect)["divergences"]
    assert found["times"] == 2


async def test_the_report_ends_as_it_is_asked_to_and_a_field_may_be_accepted(
    twins: Twins, comparison: Comparison
) -> None:
    tokens = await asyncio.to_thread(Tokens, twins.port, twins.credentials)
    wanted, _ = one_read("valomnia", tokens)
    await asyncio.to_thread(ask, twins.port, [wanted])
    await comparison.after(1)
    with changed(twins, "valomnia", "Otherwise"):
        await asyncio.to_thread(ask, twins.port, [wanted])
        await comparison.after(2)
        told = twins.run("upstream", "report", "valomnia", "--fail-under", "99.9")
        assert told.returncode == 1
        assert told.stderr == "valomnia: 50.00 % equal, where 99.9 % is asked for.\n"
        lines = told.stdout.splitlines()
        assert re.fullmatch(r"valomnia since \S+: 50\.00 % equal; 1 equal, 1 different\.", lines[0])
        start = next(n for n, line in enumerate(lines) if line.startswith("fonction: value, "))
        assert lines[start + 1] == "  GET /api/{version}/contacts/{id} of demo@valomnia.example"
        assert re.fullmatch(r"  control \(the old CRM, .+\): hash [0-9a-f]{16}", lines[start + 2])
        assert re.fullmatch(r"  candidate \(this store\): hash [0-9a-f]{16}", lines[start + 3])
        assert lines[start + 4].startswith('  curl -i -H "cookie: JSESSIONID=$TOKEN" "http')
        assert twins.run("upstream", "report", "valomnia", "--fail-under", "1").returncode == 0
        assert (
            twins.run("upstream", "report", "covalense", "--since", "2999-01-01", "--fail-under", "1").returncode == 1
        )
        words = ("accept", "valomnia", "fonction", "--why", "their word for it", "--until")
        assert twins.run("upstream", *words, "2999-12-31").returncode == 0
        wrong = twins.run("upstream", "accept", "valomnia", "fonctio", "--why", "in advance", "--until", "2999-12-31")
        assert wrong.stdout == "valomnia: fonctio may differ until 2999-12-31.\n"
        assert wrong.stderr == "fonctio has not differed so far; is fonction meant?\n"
        assert "over already" in twins.run("upstream", *words, "2001-01-01").stderr
        assert "is no day" in twins.run("upstream", *words, "soon").stderr
        listed = twins.run("upstream", "accepted", "valomnia").stdout
        assert re.fullmatch(
            r"fonction  all operations of everybody  until 2999-12-31, by \w+: their word for it\n"
            r"fonctio  all operations of everybody  until 2999-12-31, by \w+: in advance\n",
            listed,
        )
        await comparison.comparer.read()
        await asyncio.to_thread(ask, twins.port, [wanted])
        await comparison.after(3)
    after = twins.report("valomnia")
    assert [each["accepted_until"] for each in after["divergences"]] == ["2999-12-31"]
    assert "  accepted until 2999-12-31: " in twins.run("upstream", "report", "valomnia").stdout
    assert (after["equal"], after["different"]) == (2, 1)
    assert after["reasons"]["equal: as was accepted"] == 1


async def test_what_was_accepted_is_taken_back(twins: Twins, comparison: Comparison) -> None:
    tokens = await asyncio.to_thread(Tokens, twins.port, twins.credentials)
    wanted, _ = one_read("valomnia", tokens)
    words = ("accept", "valomnia", "fonction", "--why", "a try", "--until", "2999-12-31")
    assert twins.run("upstream", *words).returncode == 0
    told = twins.run("upstream", "withdraw", "valomnia", "fonction")
    assert (told.returncode, told.stdout) == (0, "valomnia: fonction may not differ any more.\n"), told.stderr
    await comparison.comparer.read()
    with changed(twins, "valomnia", "Otherwise"):
        await asyncio.to_thread(ask, twins.port, [wanted])
        await comparison.after(1)
    after = twins.report("valomnia")
    assert (after["equal"], after["different"]) == (0, 1)
    assert [each["accepted_until"] for each in after["divergences"]] == [None]


async def test_a_write_that_passes_by_makes_its_record_stale_and_is_not_rehearsed(
    twins: Twins, comparison: Comparison
) -> None:
    tokens = await asyncio.to_thread(Tokens, twins.port, twins.credentials)
    wanted, token = one_read("zoho", tokens)
    body = json.dumps({"data": [{"Designation": "Written there"}]}).encode()
    write = request("PUT", f"/crm/v2/Leads/{LEAD}", {"Authorization": f"Zoho-oauthtoken {token}"}, body)
    with as_before(twins.old_folder):
        (status, _) = await asyncio.to_thread(ask, twins.port, [write, wanted])
        assert status == b"HTTP/1.1 200 OK"
        await comparison.after(2)
    told = twins.report("zoho")
    assert (told["stale"], told["skipped"], told["different"]) == (1, 1, 0)
    assert told["reasons"]["skipped: writes are not rehearsed yet"] == 1
