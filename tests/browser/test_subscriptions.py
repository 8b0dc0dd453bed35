"""Subscriptions by the JavaScript libraries that people use, in Node: `clients/subscribe.mjs`."""

import subprocess
from pathlib import Path

from tests.program import serving

CLIENTS = Path(__file__).with_name("clients")


def test_every_library_is_told_what_happens(tmp_path: Path) -> None:
    with serving(tmp_path, "--demo") as (client, _):
        check = subprocess.run(
            ["node", CLIENTS / "subscribe.mjs", str(client.base_url.join("/graphql"))],
            capture_output=True,
            text=True,
            timeout=180,
        )
    assert check.returncode == 0, check.stdout + check.stderr
    assert check.stdout.endswith("All clients were told.\n")
