"""GraphiQL in a real browser, driven by `graphiql/check.mjs` against a demo that is served for it."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.program import serving

GRAPHIQL = Path(__file__).parents[2] / "graphiql"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def test_a_person_signs_in_explores_runs_every_sample_and_leaves_nothing_behind(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, "make browser wants Chromium: apt-get install chromium"
    # The schema as production keeps it: for those who are signed in.
    with serving(tmp_path, "--demo", CRMGRAPH_INTROSPECTION="signed-in") as (client, _):
        check = subprocess.run(
            [
                "node",
                "check.mjs",
                str(client.base_url.join("/graphql")),
                str(tmp_path / "shots"),
            ],
            cwd=GRAPHIQL,
            env=os.environ | {"CHROMIUM": browser},
            capture_output=True,
            text=True,
            timeout=480,
        )
    assert check.returncode == 0, check.stdout + check.stderr
