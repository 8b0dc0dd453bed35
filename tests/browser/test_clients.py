"""The guide for clients, `docs/clients.md`, as it stands: its files are written out, bundled, and run in Chromium.

The page is served from another origin than the API, so what it says of other origins is tried as well.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.browser.test_graphiql import BROWSERS
from tests.program import free_port, serving

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).with_name("clients")
FILE = re.compile(r"^```(?:js|ts|graphql)\n(?://|#) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_file_of_the_guide_does_what_it_says_in_two_tabs_of_a_browser(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, "make browser wants Chromium: apt-get install chromium"
    guide = tmp_path / "guide"
    (guide / "src").mkdir(parents=True)
    page = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
    files = FILE.findall(page)
    assert len(files) == len(re.findall(r"^```\w+$", page, re.MULTILINE)), (
        "each block is a file, named in its first line"
    )
    for name, text in files:
        (guide / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "schema.graphql", guide)
    (guide / "node_modules").symlink_to(CLIENTS / "node_modules")
    port = free_port()
    with serving(tmp_path, "--demo", CRMGRAPH_CORS_ORIGINS=f"http://127.0.0.1:{port}") as (client, _):
        check = subprocess.run(
            ["node", CLIENTS / "check.mjs", guide, str(client.base_url.join("/graphql")), str(port)],
            env=os.environ | {"CHROMIUM": browser},
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert check.returncode == 0, check.stdout + check.stderr
