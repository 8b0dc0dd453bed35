"""What an import costs, beside `crmgraph seed` and beside a bare COPY of the same rows, all in one run on PostgreSQL.

A Zoho backup of people who do not exist is made, with two phones, two emails, an address, an id and an account each. It
is tried, brought in, brought in again, and undone, each by the program in a process of its own. Then as many records
are seeded into an empty database, and the rows that the import has written are copied by COPY into empty tables with
the same indexes. Seconds say little on a shared machine: the ratios tell. At last somebody reads one contact after the
other from a server beside an import, and how much longer that takes is told.

    python -m bench.imports --contacts 100000
"""

import argparse
import asyncio
import csv
import io
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from bench.bystander import bystander
from bench.cluster import HOME, Cluster

OWNER, PASSWORD = "ada@crmgraph.example", "a long pass phrase of nobody"
TABLES = ("party", "account", "contact", "phone", "email", "address", "external_id", "change", "search_term")
"""What an import writes, in the order in which rows name each other."""
GOALS = {"import": 120, "again": 40, "dry run": 30, "undo": 60}
"""Seconds for 100,000 contacts with 20,000 accounts on two cores that are shared."""
_PEOPLE = ("Ada", "Ben", "Cem", "Dora", "Elif", "Finn")


def backup(path: Path, contacts: int, begin: int = 0) -> None:
    """Write a backup of so many contacts and a fifth as many accounts.

    Args:
        begin: the number of the first one.
    """
    accounts = max(1, contacts // 5)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("Accounts_001.csv", _table(_ACCOUNT, _accounts(range(begin, begin + accounts))))
        file.writestr("Contacts_001.csv", _table(_CONTACT, _contacts(range(begin, begin + contacts), accounts)))


_ACCOUNT = (
    "Record Id,Account Owner.id,Account Name,Phone,Website,Industry,Employees,Billing Street,Billing City,Billing Code,"
    "Billing Country,Created Time,Modified Time"
)
_CONTACT = (
    "Record Id,Contact Owner.id,First Name,Last Name,Account Name.id,Account Name,Email,Secondary Email,Phone,Mobile,"
    "Title,Email Opt Out,Mailing Street,Mailing City,Mailing Zip,Mailing Country,Created Time,Modified Time,Tag"
)
_TIMES = ("2022-02-03 10:00:00", "2026-05-06 11:30:00")


def _table(header: str, rows: Iterator[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue()


def _accounts(numbers: range) -> Iterator[tuple[Any, ...]]:
    for i in numbers:
        place = (f"Street {i}", "Hamburg", "22765", "Germany")
        own = (f"Company {i} GmbH", f"+49 40 {1_000_000 + i}", f"https://c{i}.example.com", "Retail", i % 500)
        yield f"zcrm_53100000000010{i:07}", "", *own, *place, *_TIMES


def _contacts(numbers: range, accounts: int) -> Iterator[tuple[Any, ...]]:
    for i in numbers:
        own = numbers.start + i % accounts
        company = (f"zcrm_53100000000010{own:07}", f"Company {own} GmbH")
        points = (f"p{i}@example.com", f"q{i}@example.org", f"+49 30 {2_000_000 + i}", f"+49 171 {3_000_000 + i}")
        place = (f"Weg {i}", "Berlin", "10115", "Germany")
        name = (_PEOPLE[i % len(_PEOPLE)], f"Name{i}")
        yield f"zcrm_53100000000020{i:07}", "", *name, *company, *points, "CEO", "false", *place, *_TIMES, "key"


def settings(url: str) -> dict[str, str]:
    """What a program over this database is told."""
    secret = "a secret of the benchmark, long enough"
    return {"CRMGRAPH_DATABASE_URL": url, "CRMGRAPH_SECRET_KEY": secret, "CRMGRAPH_PASSWORD": PASSWORD}


def program(url: str, *arguments: str) -> tuple[float, str, int]:
    """(seconds, what it says, its largest size in MB) of a command."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CRMGRAPH_")} | settings(url)
    began = time.monotonic()
    command = [str(Path(sys.executable).with_name("crmgraph")), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr or done.stdout}")
    return seconds, done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


async def copied(source: str, target: str) -> float:
    """Seconds that COPY takes for the rows that an import has written, into empty tables with the same indexes."""
    read, write = await asyncpg.connect(source), await asyncpg.connect(target)
    seconds = 0.0
    try:
        await write.execute("SET session_replication_role = replica")  # no table waits for another
        for table in TABLES:
            text = io.BytesIO()
            await read.copy_from_table(table, output=text, format="binary")
            text.seek(0)
            began = time.monotonic()
            await write.copy_to_table(table, source=text, format="binary")
            seconds += time.monotonic() - began
    finally:
        await read.close()
        await write.close()
    return seconds


async def beside(cluster: Cluster, contacts: int, flags: Sequence[str]) -> tuple[float, float]:
    """The p95 of Q1 in milliseconds, of somebody who reads a store of a fifth as many contacts: alone, and while as
    many again are brought in."""
    few = max(100, contacts // 5)
    first, second = HOME / f"backup-{few}.zip", HOME / f"backup-{few}-others.zip"
    for file, begin in ((first, 0), (second, 10 * few)):
        if not file.exists():
            backup(file, few, begin)
    await cluster.create("imports_beside")
    url = cluster.url("imports_beside")
    program(url, "migrate")
    program(url, "staff", "add", "Ada Agent", OWNER, "--role", "ADMIN")
    program(url, "import", str(first), *flags)
    async with bystander(settings(url), OWNER, PASSWORD) as somebody:
        ended = asyncio.Event()
        ended.set()
        await somebody.p95(ended, 2)  # whatever is made once is made
        alone, _ = await somebody.p95(ended, 10)
        ended.clear()
        asking = asyncio.create_task(somebody.p95(ended, 0))
        await asyncio.to_thread(program, url, "import", str(second), *flags)
        ended.set()
        meanwhile, _ = await asking
    return alone, meanwhile


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000, help="how many; a fifth as many accounts come along")
    given = parser.parse_args()
    cluster = await Cluster.start()
    urls = {}
    for name in ("own", "seeded", "copied"):
        await cluster.create(f"imports_{name}")
        urls[name] = cluster.url(f"imports_{name}")
    file = HOME / f"backup-{given.contacts}.zip"
    if not file.exists():
        backup(file, given.contacts)
    for url in urls.values():
        program(url, "migrate")
    program(urls["own"], "staff", "add", "Ada Agent", OWNER, "--role", "ADMIN")
    taken: dict[str, float] = {}
    flags = ("--timezone", "Europe/Berlin", "--yes", "--json")
    taken["dry run"], _, _ = program(urls["own"], "import", str(file), *flags, "--dry-run")
    taken["import"], told, size = program(urls["own"], "import", str(file), *flags)
    taken["again"], _, _ = program(urls["own"], "import", str(file), *flags)
    alone, meanwhile = await beside(cluster, given.contacts, flags)
    taken["COPY"] = await copied(urls["own"], urls["copied"])
    counts = ("--accounts", str(max(1, given.contacts // 5)), "--contacts", str(given.contacts), "--leads", "0")
    taken["seed"], _, _ = program(urls["seeded"], "seed", *counts)
    import_id = told[told.index('"import":') :].split(":")[1].split(",")[0].strip()
    taken["undo"], _, _ = program(urls["own"], "import", "undo", import_id, "--yes")
    lines = [
        f"{given.contacts:,} contacts, {max(1, given.contacts // 5):,} accounts; the import took {size} MB at most",
        "",
        "| | s | of COPY | of seed | goal for 100,000 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, seconds in taken.items():
        of_copy, of_seed = seconds / taken["COPY"], seconds / taken["seed"]
        lines.append(f"| {name} | {seconds:.1f} | {of_copy:.1f} | {of_seed:.2f} | {GOALS.get(name, '')} |")
    lines += ["", f"Q1 of somebody else: p95 {alone:.1f} ms alone, {meanwhile:.1f} ms beside an import"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
