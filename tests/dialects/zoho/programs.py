"""Published programs for Zoho, run by themselves against a server on the loopback interface."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from crmgraph.demo import Demo, shown
from tests.conftest import listening


@contextmanager
def served(database: str, kept: Demo, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a program is told: the address of a server with the demo data, its credentials, and a picture."""
    Image.new("RGB", (8, 8), "red").save(tmp_path / "me.png")
    credentials = shown(kept)["zoho"]
    names = ("client_id", "client_secret", "refresh_token")
    with listening(database, tmp_path) as url:
        yield {"url": url, "picture": str(tmp_path / "me.png")} | {name: credentials[name] for name in names}


def run(command: list[str], given: dict[str, str], folder: Path) -> dict[str, Any]:
    """What a program printed. It has nothing of ours but what it is given.

    Args:
        folder: its working directory, made if it is not there.
    """
    folder.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, timeout=120, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-2000:]
    log = folder / "sdk.log"
    assert not log.exists() or log.read_text() == ""
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed
