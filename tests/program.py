"""The program as people run it: every command is a process, with an environment, a folder and streams of its own.

The processes are forked from one that has imported the package: Python would take seconds to import it for each of
some hundred commands. `test_cli` starts the program from its file too.
"""

import io
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx

PROGRAM = Path(sys.executable).with_name("crmgraph")
SECRET = "a secret of at least thirty-two characters"
SECONDS = 120
"""How long a command may take."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "crmgraph.cli.commands", "crmgraph.app", "crmgraph.http.protocol", "uvloop"])


def crmgraph(folder: Path, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command says, run in a folder.

    Args:
        given: what it can read from its standard input.
        environment: its variables, instead of any of ours that set crmgraph up.
    """
    with tempfile.TemporaryDirectory() as streams:
        stdin, stdout, stderr = (Path(streams, name) for name in ("stdin", "stdout", "stderr"))
        stdin.write_text(given, encoding="utf-8")
        process = _started(folder, arguments, environment, stdin, stdout, stderr)
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        told = (path.read_text(encoding="utf-8") if path.exists() else "" for path in (stdout, stderr))
        return subprocess.CompletedProcess([PROGRAM, *arguments], process.exitcode or 0, *told)


def imported(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `crmgraph import` says, run in this process, whose environment, folder and streams it has for so long: a
    third of the time, since nothing has to be made for the first time."""
    from crmgraph.cli.imports import app

    clean = {name: value for name, value in os.environ.items() if not name.startswith("CRMGRAPH_")}
    before, was_in, code = dict(os.environ), Path.cwd(), 0
    try:
        os.environ.clear()
        os.environ.update(clean | environment)
        os.chdir(folder)
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            try:
                app(list(arguments), prog_name="crmgraph import")
            except SystemExit as ended:
                code = int(ended.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(before)
        os.chdir(was_in)
    return subprocess.CompletedProcess([PROGRAM, "import", *arguments], code, out.getvalue(), err.getvalue())


@contextmanager
def serving(
    folder: Path, *arguments: str, before: Callable[[], None] | None = None, **environment: str
) -> Iterator[tuple[httpx.Client, BaseProcess]]:
    """The program serving on a free port until the block ends, and a client of it; it writes to the file `output`.

    Args:
        before: what its process does before it becomes the program; a function of a module.
    """
    port, output = free_port(), folder / "output"
    command = ("serve", "--port", str(port), *arguments)
    process = _started(folder, command, environment, Path(os.devnull), output, output, before=before)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(1200):
                try:
                    client.get("/health/live")
                    break
                except httpx.TransportError:
                    assert process.is_alive(), output.read_text()
                    time.sleep(0.1)
            yield client, process
    finally:
        process.terminate()
        process.join(30)


def _started(
    folder: Path,
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    *streams: Path,
    before: Callable[[], None] | None = None,
) -> BaseProcess:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CRMGRAPH_")}
    process = _FORKS.Process(target=_run, args=(folder, arguments, clean | environment, streams, before))
    process.start()
    return process


def _run(
    folder: Path,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    streams: tuple[Path, ...],
    before: Callable[[], None] | None,
) -> None:
    """Become the program in this process."""
    from crmgraph.cli import app

    if before is not None:
        before()
    for number, path in enumerate(streams):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY
        os.dup2(os.open(path, flags, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - open until it ends
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(PROGRAM), *arguments]
    app()


def rows(folder: Path, query: str, name: str = "var/demo.db") -> list[tuple[Any, ...]]:
    """What a query finds in a file of SQLite."""
    connection = sqlite3.connect(folder / name)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
