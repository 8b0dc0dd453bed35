"""`crmgraph export` as people run it."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer

from crmgraph.cli.exports import export
from tests.program import SECRET, crmgraph

ADA = "ada@crmgraph.example"
KINDS = ("accounts", "contacts", "leads")


def test_records_are_printed_or_written(demo_folder: Path) -> None:
    printed = crmgraph(demo_folder, "export", "leads", "--format", "jsonl", "--demo")
    assert printed.returncode == 0, printed.stderr
    assert {json.loads(line)["kind"] for line in printed.stdout.splitlines()} == {"LEAD"}
    done = crmgraph(demo_folder, "export", "all", "--format", "zip", "-o", "all.zip", "--demo")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "Wrote 23 records to all.zip.\n"
    with zipfile.ZipFile(demo_folder / "all.zip") as found:
        names = found.namelist()
        photos = [name for name in names if name.startswith("photos/")]
        assert photos
        assert sorted(set(names) - set(photos)) == [
            *(f"{kind}.jsonl" for kind in KINDS[:2]),
            "crmgraph.json",
            *(f"history/{kind}.jsonl" for kind in KINDS),
            "leads.jsonl",
            *(f"tables/{kind}.csv" for kind in KINDS),
        ]
        history = [json.loads(line) for line in found.read("history/leads.jsonl").splitlines()]
    assert {"action", "at", "client", "door", "fields", "record", "revision", "user"} == history[0].keys()
    assert history[0]["action"] == "CREATED"
    assert not list(demo_folder.glob("*.part"))
    done = crmgraph(demo_folder, "export", "all", "--format", "xlsx", "-o", "all.xlsx", "--demo")
    assert (done.returncode, done.stderr) == (0, "Wrote 23 records to all.xlsx.\n")
    read = crmgraph(demo_folder, "import", "all.zip", "--dry-run", "--json", "--demo")
    counts = json.loads(read.stdout)["counts"]
    assert {kind: counts[kind] for kind in ("ACCOUNT", "CONTACT", "LEAD")} == {"ACCOUNT": 6, "CONTACT": 12, "LEAD": 5}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("all", "--format", "zip"), "--format zip: it needs a file: --output"),
        (("leads", "--format", "xlsx"), "--format xlsx: it needs a file: --output"),
        (("all", "--dialect", "zoho", "--format", "xlsx", "-o", "x"), "--dialect: of records of one kind"),
        (("all",), "a table has records of one kind"),
        (("leads", "--format", "jsonl", "--for", "excel"), "--for excel: of --format csv only"),
        (("leads", "--dialect", "sap"), "--dialect sap: there is none of this name: covalense, zoho, crmcom, valomnia"),
        (("leads", "--dialect", "valomnia"), "--dialect valomnia: it has no leads"),
        (("leads", "-o", "nowhere/leads.csv"), "nowhere/leads.csv: No such file or directory"),
        (("leads", "-o", "."), ".: it is there, and no file that can be replaced"),
        (("leads", "-o", "/dev/null"), "/dev/null: it is there, and no file that can be replaced"),
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
    ("filter_", "said"),
    [
        ("{", 'it is no JSON from character 2 on, e.g. {"lastName": {"startsWith": "A"}}'),
        ("[" * 100_000, "it goes too deep"),
        ('{"not": ' * 2000 + "{}" + "}" * 2000, "it goes too deep"),
        ("[]", "`filter` is no object, e.g. {and: ...}."),
        ("null", "`filter` is required."),
        ('{"deleted": true}', "an export has no deleted records: leave `deleted` out"),
        (
            '{"lastNam": 1, "email": {"eq": 1}, "createdAt": {"gt": "x"}}',
            "`filter.email.eq` is no text, e.g. "
            '"ada@example.com". `filter.createdAt.gt` is no point in time, e.g. 2026-03-29T12:00:00Z. '
            "`filter.lastNam` is not known by this name. Did you mean 'lastName'?",
        ),
        (
            '{"lastName": {"startsWith": ""}}',
            "`filter.lastName.startsWith` is blank: give a text to look for. "
            "`isNull: true` finds those that have none.",
        ),
        ('{"lastName": {"in": [' + ",".join(['"x"'] * 1001) + "]}}", "`filter` has more than 1,000 values."),
    ],
)
def test_a_filter_that_is_none_is_told(filter_: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As GraphQL tells it, in one line and before a database is opened."""
    with pytest.raises(typer.Exit) as ended:
        export("contacts", filter_=filter_)
    assert ended.value.exit_code == 1
    assert capsys.readouterr() == ("", f"--filter: {said}\n")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def same(line: dict[str, Any], staff: set[str]) -> dict[str, Any]:
    """A line without what is new in another store: ids of ours, and owners whom it does not have."""
    values = {
        name: {"name": value["name"]} if isinstance(value, dict) and "id" in value else value
        for name, value in line["input"].items()
    }
    if values.get("owner", {}).get("email") not in staff:
        values["owner"] = {"email": ADA, "name": "Ada Agent"}
    elsewhere = [each for each in line.get("externalIds", []) if each["system"] != "crmgraph"]
    return {**line, "id": "", "input": values, "externalIds": elsewhere}


def test_an_export_of_all_makes_the_same_store_of_an_empty_one_and_once_only(demo_folder: Path, tmp_path: Path) -> None:
    for form, name in (("zip", "all.zip"), ("jsonl", "first.jsonl")):
        arguments = ("all", "--format", form, "-o", name, "--identity-documents", "--demo")
        assert crmgraph(demo_folder, "export", *arguments).returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    settings = {"CRMGRAPH_DATABASE_URL": f"sqlite:///{other}/store.db", "CRMGRAPH_SECRET_KEY": SECRET}
    assert crmgraph(other, "migrate", **settings).returncode == 0
    first = lines_of(demo_folder / "first.jsonl")
    owners = {owner["email"]: owner["name"] for line in first if "email" in (owner := line["input"].get("owner", {}))}
    for email, name in ({ADA: "Ada Agent"} | owners).items():
        # An administrator, who may write identity documents.
        added = crmgraph(
            other, "staff", "add", name, email, "--role", "ADMIN", "--password", "of-nobody-else-7781", **settings
        )
        assert added.returncode == 0, added.stderr
    archive = str(demo_folder / "all.zip")
    outcomes = []
    for _ in range(2):
        done = crmgraph(other, "import", archive, "--yes", "--owner", ADA, "--json", **settings)
        assert done.returncode == 0, done.stderr + done.stdout
        outcomes.append(json.loads(done.stdout)["outcomes"])
    assert outcomes[0] == {"ACCOUNT": {"CREATED": 6}, "CONTACT": {"CREATED": 12}, "LEAD": {"CREATED": 5}}
    assert outcomes[1] == {"ACCOUNT": {"UNCHANGED": 6}, "CONTACT": {"UNCHANGED": 12}, "LEAD": {"UNCHANGED": 5}}
    again = ("all", "--format", "jsonl", "-o", "second.jsonl", "--identity-documents")
    assert crmgraph(other, "export", *again, **settings).returncode == 0
    second = lines_of(other / "second.jsonl")
    old = [{each["system"]: each["value"] for each in line["externalIds"]}["crmgraph"] for line in second]
    assert sorted(old) == sorted(line["id"] for line in first)
    by_old = dict(zip(old, second, strict=True))
    for line in first:
        assert same(by_old[line["id"]], {*owners, ADA}) == same(line, {*owners})
