"""GraphiQL in a real browser, driven by `graphiql/check.mjs` against a demo that is served for it."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.test_cli import serving

GRAPHIQL = Path(__file__).parents[2] / "graphiql"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def test_a_person_signs_in_explores_uploads_and_signs_out(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, "make browser wants Chromium: apt-get install chromium"
    with serving(tmp_path, "--demo") as (client, _):
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
            timeout=240,
        )
    assert check.returncode == 0, check.stdout + check.stderr
