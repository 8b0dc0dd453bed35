"""Zoho clients that do not live beside our own packages: installed for themselves, from a hash-checked list."""

import subprocess
import sys
from pathlib import Path

import pytest

from crmgraph.demo import Demo
from tests.dialects.zoho import programs

CLIENTS = Path(programs.__file__).with_name("clients")
LEADS = ["Tanaka", "Sweely", "Kidman", "Last_Name"]


@pytest.fixture(scope="session")
def python() -> str:
    """A Python that has the clients and nothing of ours."""
    if sys.version_info >= (3, 12):
        pytest.skip("Airbyte's source installs on Python 3.9 to 3.11 only")
    folder, wanted = CLIENTS / ".venv", CLIENTS / "requirements.txt"
    made, found = folder / ".made", folder / "bin" / "python"
    if not made.exists() or made.stat().st_mtime < wanted.stat().st_mtime:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=120)
        install = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*install, "--require-hashes", "-r", str(wanted)], capture_output=True, text=True, timeout=540
        )
        if done.returncode != 0:
            pytest.skip(f"the clients cannot be installed here: {done.stderr.strip()[-300:]}")
        made.touch()
    return str(found)


def test_airbytes_source_checks_discovers_and_reads_every_stream(
    python: str, demo_database: tuple[str, Demo], tmp_path: Path
) -> None:
    with programs.served(*demo_database, tmp_path) as told:
        done = programs.run([python, str(CLIENTS / "airbyte.py")], told, tmp_path / "airbyte")
    streams = [f"incremental_{module}_zoho_crm_stream" for module in ("leads", "contacts", "accounts", "notes")]
    assert (done["check"], sorted(done["streams"])) == ("SUCCEEDED", sorted(streams))
    assert {"Owner", "Tag", "Modified_Time", "id"} <= set(done["streams"][streams[0]])
    assert {name: len(found) for name, found in done["records"].items()} == dict(
        zip(streams, (4, 12, 6, 1), strict=True)
    )
    assert "738964000002148061" in done["records"][streams[0]]
    # Every record is of the schema that was discovered, but for staff who have no email, as Zoho has none.
    assert {fault.split(": ")[1] for fault in done["faults"]} == {"None is not of type 'string'"}
    assert all(".email: " in fault for fault in done["faults"])
    assert done["again"] == dict.fromkeys(streams, 0)


def test_zohocrm_api_reads_and_revokes(python: str, demo_database: tuple[str, Demo], tmp_path: Path) -> None:
    with programs.served(*demo_database, tmp_path) as told:
        done = programs.run([python, str(CLIENTS / "zohocrm_api.py")], told, tmp_path / "zohocrm_api")
    assert "Patricia Boyle" in done.pop("users")
    assert done == {
        "leads": LEADS,
        "lead": True,
        "contacts": 12,
        "accounts": 6,
        "org": "crmgraph",
        "modules": "INVALID_MODULE",
        "revoked": True,
        "refreshed": False,
    }
