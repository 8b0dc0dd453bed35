"""Zoho's own SDKs and others' clients, as they are published, against a server on the loopback interface."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crmgraph.demo import Demo
from tests.dialects.zoho.conftest import LEAD, OTHER
from tests.dialects.zoho.programs import run

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
NODE = HERE / "node"


def rows(answer: list[Any]) -> list[tuple[str, str]]:
    """The codes and messages of an answer's rows."""
    return [(row["code"], row["message"]) for row in answer[2]["data"]]


ADDED, UPDATED, DELETED = [("SUCCESS", f"record {word}") for word in ("added", "updated", "deleted")]
UNKNOWN = ("INVALID_DATA", "the id given seems to be invalid")
CONVERTED = ("ID_ALREADY_CONVERTED", "id already converted")
BULK = [
    UPDATED,
    ("DUPLICATE_DATA", "duplicate data"),
    ("NOT_APPROVED", "cannot update record that is not approved yet"),
    ("RECORD_LOCKED", "cannot update record that is not approved yet"),
]


def plain(value: Any) -> Any:
    """What both SDKs make of an answer, in one form: ids as text, names of members with underscores."""
    if isinstance(value, dict):
        made = {}
        for key, each in value.items():
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower() if re.fullmatch("[a-z]+[A-Za-z]*", key) else key
            made[name] = str(each) if name == "id" else plain(each)
        return made
    return [plain(each) for each in value] if isinstance(value, list) else value


def check(printed: dict[str, Any], first_name: str, email: str) -> None:
    """Whether an SDK understood every answer."""
    done = {name: plain(answer) for name, answer in printed.items()}
    assert done["create"][0] == 202
    assert rows(done["create"]) == [ADDED, ("INVALID_DATA", "invalid data")]
    assert (done["create_account"][0], rows(done["create_account"])) == (201, [ADDED])
    assert (done["create_contact"][0], rows(done["create_contact"])) == (201, [ADDED])
    lead = done["get_lead"][2]["data"][0]
    expected = {"Last_Name": "Sdk", "First_Name": first_name, "Email": email, "Company": "Sdk Ltd", "Custom": "kept"}
    expected |= {"Annual_Revenue": 1.5, "No_of_Employees": 7, "Email_Opt_Out": False, "Lead_Status": "New"}
    assert {name: lead[name] for name in expected} == expected
    assert (lead["Owner"]["name"], lead["Owner"]["id"]) == ("Patricia Boyle", "738964000000291009")
    contact = done["get_contact"][2]["data"][0]
    assert (contact["Date_of_Birth"][:10], contact["Account_Name"]["name"]) == ("1990-02-28", "Sdk Account")
    assert done["get_account"][2]["data"][0]["Employees"] == 3
    assert done["get_nothing"] == [204, None]
    assert done["list"][2]["info"] == {"per_page": 2, "count": 2, "page": 1, "more_records": True}
    assert [one["Last_Name"] for one in done["list"][2]["data"]] == ["Kidman", "Last_Name"]
    assert done["not_modified"] == [304, None]
    assert rows(done["update"]) == [UPDATED]
    assert (done["update_many"][0], rows(done["update_many"])) == (202, BULK)
    assert done["update_many"][2]["data"][1]["details"] == {"api_name": "Mobile", "id": LEAD}
    assert rows(done["upsert"]) == [UPDATED, ADDED]
    assert [row["action"] for row in done["upsert"][2]["data"]] == ["update", "insert"]
    for way, name in (("criteria", "Sdk"), ("email", "Sdk"), ("phone", "Kidman"), ("word", "Sdk")):
        assert [one["Last_Name"] for one in done[f"search_{way}"][2]["data"]] == [name]
    assert done["search_nothing"] == [204, None]
    assert (done["search_nonsense"][1], done["search_nonsense"][2]["code"]) == ("APIException", "INVALID_QUERY")
    for module in ("Leads", "Contacts", "Accounts"):
        assert done[f"upload_{module}"][2]["message"] == "photo uploaded successfully"
        status, file_name, full = done[f"photo_{module}"]
        assert (status, file_name.strip('"'), full) == (200, "me.jpg", True)
        assert done[f"unphoto_{module}"][2]["message"] == "Photo deleted"
    assert rows(done["note"]) == [ADDED]
    assert done["get_note"][2]["data"][0]["note_content"] == "C"
    assert [one["note_content"] for one in done["notes"][2]["data"]] == ["C", "Asked for the price list."]
    assert rows(done["update_note"]) == rows(done["update_notes"]) == [UPDATED]
    assert (rows(done["delete_note"]), rows(done["delete_notes"])) == ([DELETED], [UNKNOWN])
    (converted,) = done["convert"][2]["data"]
    assert converted["accounts"] == done["create_account"][2]["data"][0]["details"]["id"]
    assert converted["contacts"].isdecimal()
    assert rows(done["convert_again"]) == [CONVERTED]
    assert rows(done["delete"]) == rows(done["delete_many"]) == [DELETED]
    (gone,) = done["deleted"][2]["data"]
    assert (gone["id"], gone["display_name"], gone["deleted_by"]["name"]) == (OTHER, "Carissa Kidman", "Patricia Boyle")
    assert [one["api_name"] for one in done["modules"][2]["modules"]] == ["Leads", "Contacts", "Accounts", "Notes"]
    assert done["module"][2]["modules"][0]["api_name"] == "Leads"
    assert "Account_Name" in {one["api_name"] for one in done["fields"][2]["fields"]}
    assert "Patricia Boyle" in {one["full_name"] for one in done["users"][2]["users"]}
    assert done["user"][2]["users"][0]["full_name"] == "Patricia Boyle"
    assert done["organisation"][2]["org"][0]["company_name"] == "crmgraph"


def test_the_python_sdk_works_unpatched(program: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "python"
    check(run([sys.executable, str(HERE / "python_sdk.py"), str(folder)], program, folder), "Py", "py@example.com")


@pytest.fixture(scope="session")
def node() -> str:
    """The Node that has the SDK of the lock file beside it."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("Zoho's Node SDK needs node and npm, which are not here")
    lock, made = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    if not made.exists() or made.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=NODE, check=True, timeout=300)
    return found


def check_for_node(package: str, node: str, program: dict[str, str], folder: Path) -> None:
    check(run([node, str(NODE / "sdk.cjs"), str(folder), package], program, folder), "Node", "node@example.com")


def test_the_node_sdk_works_unpatched(node: str, program: dict[str, str], tmp_path: Path) -> None:
    check_for_node("@zohocrm/nodejs-sdk-2.0", node, program, tmp_path / "node")


# What the others are told is the same on both databases.
ONE_DATABASE = pytest.mark.parametrize("demo_database", ["sqlite"], indirect=True)


@ONE_DATABASE
@pytest.mark.parametrize("package", ["@zohocrm/typescript-sdk-2.0", "zcrmsdk"])
def test_the_other_sdks_for_node_work_unpatched(
    package: str, node: str, program: dict[str, str], tmp_path: Path
) -> None:
    check_for_node(package, node, program, tmp_path / "node")


@pytest.fixture
def code(program: dict[str, str], demo_database: tuple[str, Demo], tmp_path: Path) -> str:
    """A grant code, as the operator's command prints it."""
    environment = {
        "PATH": os.environ["PATH"],
        "CRMGRAPH_DATABASE_URL": demo_database[0],
        "CRMGRAPH_SECRET_KEY": "k" * 32,
    }
    command = [sys.executable, "-m", "crmgraph.cli", "clients", "code", "zoho", program["client_id"]]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LEADS = ["Tanaka", "Sweely", "Kidman", "Last_Name"]


@ONE_DATABASE
def test_zoho_crm_connector_works_with_zohos_hosts_pointed_here(program: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "connector"
    done = run([sys.executable, str(CLIENTS / "connector.py"), str(folder)], program, folder)
    refused = done.pop("no_contact")
    assert (refused[0], refused[1]["data"][0]["code"]) == (False, "MANDATORY_NOT_FOUND")
    assert {"Account_Name", "Owner", "Tag"} <= set(done.pop("fields"))
    (related,) = done.pop("related")
    assert related.isdecimal()
    assert done == {
        "user": ["Patricia Boyle", "738964000000291009"],
        "nobody": ["Nobody", "0"],
        "leads": LEADS,
        "account": [True, "Connected (Ltd)"],
        "account_again": [True, True],
        "contact": [True, "Connected (Ltd)"],
        "changed": True,
        "record": "Connected",
        "deleted": "record deleted",
        "gone": [True],
        "nothing_new": [],
        "coql": True,
    }


@ONE_DATABASE
def test_zohocrm_python_works_with_zohos_hosts_pointed_here(program: dict[str, str], code: str, tmp_path: Path) -> None:
    done = run([sys.executable, str(CLIENTS / "gearplug.py")], program | {"code": code}, tmp_path / "gearplug")
    assert "Patricia Boyle" in done.pop("users")
    assert done == {
        "modules": ["Leads", "Contacts", "Accounts", "Notes"],
        "fields": ["Last_Name"],
        "leads": LEADS,
        "made": "record added",
        "contact": ["Plug", True],
        "nobody": False,
        "no_row": "InvalidDataError",
        "no_module": "InvalidModuleError",
    }
