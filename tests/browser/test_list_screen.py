"""The list screen of `examples/list-screen`, as it stands, over the demo in Chromium."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.browser.test_graphiql import BROWSERS
from tests.program import free_port, serving

ROOT = Path(__file__).parents[2]
SCREEN = ROOT / "examples/list-screen"


def test_a_list_screen_needs_nothing_that_the_schema_has_not(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, "make browser wants Chromium: apt-get install chromium"
    port = free_port()
    with serving(tmp_path, "--demo", CRMGRAPH_CORS_ORIGINS=f"http://127.0.0.1:{port}") as (client, _):
        endpoint = str(client.base_url.join("/graphql"))
        printed = (tmp_path / "output").read_text(encoding="utf-8")
        ((email, password),) = re.findall(r"^staff\s+email: (\S+)\s+password: (\S+)", printed, re.MULTILINE)
        with subprocess.Popen(
            ["node", SCREEN / "serve.mjs", endpoint, str(port)], stdout=subprocess.PIPE, text=True
        ) as serves:
            try:
                assert serves.stdout is not None
                url = serves.stdout.readline().strip()
                check = subprocess.run(
                    [
                        "node",
                        Path(__file__).with_name("clients") / "screen.mjs",
                        url,
                        endpoint,
                        tmp_path,
                        email,
                        password,
                    ],
                    env=os.environ | {"CHROMIUM": browser},
                    capture_output=True,
                    text=True,
                    timeout=240,
                )
            finally:
                serves.terminate()
    assert check.returncode == 0, check.stdout + check.stderr
