"""Reading a large old CRM over a bad network, by processes that are killed, while it is worked on."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmgraph.crm.models import PartyKind
from tests.program import PROGRAM, SECRET, crmgraph, rows, serving
from tests.upstream.faults import FaultPort, Reply, Reset
from tests.upstream.old_crm import CREDENTIALS, OldCrm, Size, build, running
from tests.upstream.reader import LISTS, rows_of

SIZE = Size(
    accounts=int(os.environ.get("PULL_ACCOUNTS", "1000")),
    contacts=int(os.environ.get("PULL_CONTACTS", "3000")),
    leads=int(os.environ.get("PULL_LEADS", "20000")),
    converted=30,
    awaiting=100,
    notes=100,
    photos=20,
    deleted=20,
)
KILLS = 10
UPDATES = 300
POLL = 5
NAMES = ("client_id", "client_secret", "refresh_token")
ENVIRONMENT = {
    "CRMGRAPH_SECRET_KEY": SECRET,
    "CRMGRAPH_UPSTREAM_NETWORKS": "127.0.0.0/8",
    "CRMGRAPH_DUPLICATES_MINUTES": "0",
    **{f"CRMGRAPH_UPSTREAM_ZOHO_{name.upper()}": CREDENTIALS["zoho"][name] for name in NAMES},
}
ALL = ("Accounts", "Contacts", "Leads", "Notes")


@pytest.fixture
def old(tmp_path: Path, sqlite_template: Path) -> Iterator[OldCrm]:
    with running(build(tmp_path / "old", sqlite_template, SIZE)) as crm:
        yield crm


@pytest.fixture
def port(old: OldCrm) -> Iterator[FaultPort]:
    with FaultPort(old.port, seed=7) as port:
        yield port


@pytest.fixture
def folder(tmp_path: Path, port: FaultPort) -> Path:
    """Of a store that has the old CRM behind it, and answers by itself."""
    path = tmp_path / "new"
    path.mkdir()
    for command in (
        ("migrate",),
        ("upstream", "add", "zoho", port.url, "--insecure"),
        ("upstream", "set", "zoho", "pull_every", f"{POLL}s"),
        ("upstream", "switch", "zoho", "OFF", "--why", "a drill"),
    ):
        told = crmgraph(path, *command, **ENVIRONMENT)
        assert told.returncode == 0, told.stderr
    return path


def started(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **ENVIRONMENT}
    with (folder / "said").open("ab") as said:
        return subprocess.Popen([PROGRAM, "upstream", *command], cwd=folder, env=environment, stdout=said, stderr=said)


def listed(client: httpx.Client, path: str, headers: Mapping[str, str], **more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, 1000):
        answer = client.get(f"/crm/v2/{path}", params={**LISTS[path], **more, "page": str(page)}, headers=dict(headers))
        if answer.status_code == 204:
            break
        found += rows_of(answer)
        if not answer.json()["info"]["more_records"]:
            break
    return found


def differing(
    old: OldCrm, here: httpx.Client, token: Mapping[str, str], *, in_order: bool = True
) -> dict[str, list[str]]:
    """{list: the ids of what is not the same, or not on both sides}.

    Args:
        in_order: whether lists have to be in the same order: not where records were deleted while pages were first
            read, since what that hid was found after the others.
    """
    found = {}
    with old.client(timeout=60) as there:
        for path in LISTS:
            theirs, ours = listed(there, path, old.zoho), listed(here, path, token)
            told = {each["id"]: json.dumps(each) for each in theirs}
            own = {each["id"]: json.dumps(each) for each in ours}
            assert len(own) == len(ours), f"{path}: a record twice"
            if bad := sorted(name for name in told.keys() | own.keys() if told.get(name) != own.get(name)):
                found[path] = bad
            elif in_order and list(told) != list(own):
                found[path] = ["another order"]
    return found


def token_of(folder: Path) -> dict[str, str]:
    """The header of a client of the store that acts as the administrator who was read."""
    told = json.loads(crmgraph(folder, "clients", "add", "zoho", "t", "ada@old.example", **ENVIRONMENT).stdout)
    return {"grant_type": "refresh_token", **{name: told[name] for name in NAMES}}


def header(client: httpx.Client, code: Mapping[str, str]) -> dict[str, str]:
    answer = client.post("/oauth/v2/token", data=dict(code)).json()
    return {"Authorization": f"Zoho-oauthtoken {answer['access_token']}"}


def test_a_reading_that_is_killed_over_a_bad_network_goes_on(old: OldCrm, port: FaultPort, folder: Path) -> None:
    port.do(Reset(), share=0.05)
    port.do(Reply(429, {"Retry-After": "1"}), share=0.1)
    dice = random.Random(11)
    for _ in range(KILLS):
        reading = started(folder, "pull", "zoho")
        before = len(port.log)
        while len(port.log) == before and reading.poll() is None:
            time.sleep(0.05)
        time.sleep(dice.uniform(0.2, 6.0))
        reading.send_signal(signal.SIGKILL)
        reading.wait()
    began = time.monotonic()
    last = started(folder, "pull", "zoho")
    assert last.wait(900) == 0, (folder / "said").read_text()[-2000:]
    print(f"{KILLS} kills, the last reading {time.monotonic() - began:.1f} s, {len(port.log):,} calls")  # noqa: T201 - figures, for whoever runs it
    # Whoever was told to wait had not sent the next call by then; one that was on its way already may come.
    busy = [each.at for each in port.log if each.status == 429]
    early = [each for at in busy for each in port.log if at + 0.05 < each.at < at + 1.0]
    assert early == []
    with serving(folder, **ENVIRONMENT) as (client, _):
        client.timeout = httpx.Timeout(60)
        assert differing(old, client, header(client, token_of(folder))) == {}
    port.clear()
    revisions = "SELECT sum(revision) FROM lead"
    before_again = rows(folder, revisions, "var/crmgraph.db")
    again = crmgraph(folder, "upstream", "pull", "zoho", "--full", "--json", **ENVIRONMENT)
    assert again.returncode == 0, again.stderr
    assert rows(folder, revisions, "var/crmgraph.db") == before_again


def test_nothing_falls_between_while_it_is_worked_on(
    old: OldCrm, port: FaultPort, folder: Path, request: pytest.FixtureRequest
) -> None:
    reading = started(folder, "run")
    request.addfinalizer(reading.kill)
    ids = {name: old.ids(kind) for name, kind in (("Leads", PartyKind.LEAD), ("Contacts", PartyKind.CONTACT))}
    while not port.calls("GET /crm/v2/Leads"):
        time.sleep(0.1)
        assert reading.poll() is None, (folder / "said").read_text()[-2000:]
    dice = random.Random(3)
    deleted = dice.sample(ids["Leads"][:8000], 30)
    with old.client(headers=old.zoho, timeout=60) as client, ThreadPoolExecutor(4) as hands:

        def work(number: int) -> None:
            if number < len(deleted):
                client.delete(f"/crm/v2/Leads/{deleted[number]}")
            module = ("Leads", "Contacts")[number % 2]
            row = {"id": str(dice.choice(ids[module])), "Description": f"changed {number}"}
            client.put(f"/crm/v2/{module}", json={"data": [row]})

        list(hands.map(work, range(UPDATES)))
    first = time.monotonic()
    query = "SELECT count(*) FROM pull_mark WHERE source = 'Leads' AND checked_at IS NOT NULL"
    while not rows(folder, query, "var/crmgraph.db")[0][0]:
        time.sleep(0.5)
        assert time.monotonic() - first < 600, (folder / "said").read_text()[-2000:]
    print(f"read whole {time.monotonic() - first:.1f} s after the last change")  # noqa: T201 - figures, for whoever runs it
    with serving(folder, **ENVIRONMENT) as (here, _), old.client(headers=old.zoho, timeout=60) as client:
        here.timeout = httpx.Timeout(60)
        token = header(here, token_of(folder))
        waited = time.monotonic()
        time.sleep(2 * POLL)
        while found := differing(old, here, token, in_order=False):
            assert time.monotonic() - waited < 120, found
        # And now within two polls, several in a second.
        for number in range(60):
            row = {"id": str(dice.choice(ids["Contacts"])), "Description": f"later {number}"}
            client.put("/crm/v2/Contacts", json={"data": [row]})
        gone = [each for each in ids["Leads"] if each not in deleted][-60:-50]
        for each in gone:
            client.delete(f"/crm/v2/Leads/{each}")
        ended = time.monotonic()
        time.sleep(2 * POLL)
        while found := differing(old, here, token, in_order=False):
            assert time.monotonic() - ended < 60, found
        print(f"equal {time.monotonic() - ended:.1f} s after the last change, of which {2 * POLL} were waited for")  # noqa: T201 - figures, for whoever runs it
        assert here.get(f"/crm/v2/Leads/{gone[0]}", headers=token).status_code == 204
        told = here.get("/crm/v2/Leads/deleted", headers=token).json()["data"]
        assert {str(each) for each in gone} <= {each["id"] for each in told}
    reading.terminate()
    assert reading.wait(60) == 0
