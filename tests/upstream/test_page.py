"""The commands that `docs/switch-over.md` shows work as they stand, in its order, on a demo in front of another one."""

import json
import re
import shlex
import shutil
from pathlib import Path

from tests.program import crmgraph, serving

PAGE = (Path(__file__).parents[2] / "docs/switch-over.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^(?:there (?P<given>\w+) \| )?(?P<command>crmgraph (?:upstream|usage) [^#<\n]+)", re.MULTILINE)


def shown(heading: str) -> list[tuple[str | None, str]]:
    """The commands of a section: what is given to each, and the command."""
    section = re.split(r"^#+ ", PAGE.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [(found["given"], found["command"].strip()) for block in blocks for found in COMMAND.finditer(block)]


def test_the_way_of_an_owner_works_as_it_stands(loaded_demo: Path, tmp_path: Path) -> None:
    old, new = (shutil.copytree(loaded_demo, tmp_path / name) for name in ("old", "new"))
    there = json.loads(crmgraph(old, "demo", "credentials", "--json").stdout)["zoho"]
    codes, told = {}, ""
    with serving(old, "--demo") as (client, _):
        networks = {"CRMGRAPH_UPSTREAM_NETWORKS": "127.0.0.0/8"}
        steps = shown("Try it")
        assert len(steps) == 15, steps
        for given, command in [*steps, *shown("From the first day to a green report")[4:]]:
            if " upstream run" in command:
                continue  # goes on until it is ended
            words = shlex.split(command.replace("http://127.0.0.1:8001", str(client.base_url).rstrip("/")))[1:]
            words = words if "--demo" in words else [*words, "--demo"]
            done = crmgraph(new, *words, given=there[given] if given else "", **networks)
            told += done.stdout
            if done.returncode:
                codes[command] = done.returncode, done.stderr
    assert codes == {
        "crmgraph upstream pull zoho --demo": (3, ""),
        "crmgraph upstream pull zoho": (3, ""),
        # Nothing was called.
        "crmgraph upstream report zoho --since 7d --fail-under 99.9": (
            1,
            "zoho: nothing is equal, where 99.9 % is asked for.\n",
        ),
    }
    assert re.search(r"^Leads: \d+ refused, 4 same$", told, re.MULTILINE), told
    assert "Contacts  1000000006  INVALID  id: is in the range from which this store gives out its own" in told
    assert "SHADOW  GET /crm/v2/org of everybody: back" in told
