"""Lists, search, errors and back-links through urql and Apollo Client, in Node: `clients/lists.mjs`."""

import subprocess
from pathlib import Path

from tests.program import serving

CLIENTS = Path(__file__).with_name("clients")


def test_both_clients_go_on_with_whatever_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path, "--demo") as (client, _):
        check = subprocess.run(
            ["node", CLIENTS / "lists.mjs", str(client.base_url.join("/graphql"))],
            capture_output=True,
            text=True,
            timeout=180,
        )
    assert check.returncode == 0, check.stdout + check.stderr
    assert check.stdout == "Both clients found the same.\n"
