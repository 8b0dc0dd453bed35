"""`crmgraph export` as people run it."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.program import crmgraph


def test_records_are_printed_or_written(demo_folder: Path) -> None:
    printed = crmgraph(demo_folder, "export", "leads", "--format", "jsonl", "--demo")
    assert printed.returncode == 0, printed.stderr
    assert {json.loads(line)["kind"] for line in printed.stdout.splitlines()} == {"LEAD"}
    done = crmgraph(demo_folder, "export", "all", "--format", "zip", "-o", "all.zip", "--demo")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "Wrote 23 records to all.zip.\n"
    with zipfile.ZipFile(demo_folder / "all.zip") as found:
        assert found.namelist() == [
            "crmgraph.json",
            *(name for kind in ("accounts", "contacts", "leads") for name in (f"{kind}.jsonl", f"tables/{kind}.csv")),
        ]
    assert not list(demo_folder.glob("*.part"))
    read = crmgraph(demo_folder, "import", "all.zip", "--dry-run", "--json", "--demo")
    counts = json.loads(read.stdout)["counts"]
    assert {kind: counts[kind] for kind in ("ACCOUNT", "CONTACT", "LEAD")} == {"ACCOUNT": 6, "CONTACT": 12, "LEAD": 5}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("all", "--format", "zip"), "an archive needs a file: --output"),
        (("all",), "a table has records of one kind"),
        (("leads", "--format", "jsonl", "--for", "excel"), "--for excel: of --format csv only"),
        (("leads", "--dialect", "sap"), "--dialect sap: there is none of this name: covalense, zoho, crmcom, valomnia"),
        (("leads", "--dialect", "valomnia"), "--dialect valomnia: it has no leads"),
        (("leads", "-o", "nowhere/leads.csv"), "nowhere/leads.csv: No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_told(demo_folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = crmgraph(demo_folder, "export", *arguments, "--demo")
    assert done.returncode == 1
    assert said in done.stderr


def test_a_filter_of_the_graph_says_which_records(demo_folder: Path) -> None:
    wanted = json.dumps({"lastName": {"startsWith": "v"}})
    printed = crmgraph(demo_folder, "export", "contacts", "--format", "jsonl", "--filter", wanted, "--demo")
    assert printed.returncode == 0, printed.stderr
    names = [json.loads(line)["input"]["lastName"] for line in printed.stdout.splitlines()]
    assert names
    assert {name[0].lower() for name in names} == {"v"}


@pytest.mark.parametrize(
    "filter_", ["{", '{"nobody": 1}', '{"lastName": {"startsWith": ""}}', "[]", '{"lastName": null}']
)
def test_a_filter_that_is_none_is_told(demo_folder: Path, filter_: str) -> None:
    done = crmgraph(demo_folder, "export", "contacts", "--format", "jsonl", "--filter", filter_, "--demo")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("--filter: ")
