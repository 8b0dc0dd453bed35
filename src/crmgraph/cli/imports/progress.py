"""How far an import is: on a terminal in one line that changes, with `--json` a line of JSON a second."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crmgraph.cli.console import err
from crmgraph.imports.writing.runs import Progress


@contextmanager
def shown(total: int | None, *, as_json: bool) -> Iterator[Callable[[Progress], None]]:
    """Gives what is told after each batch.

    Args:
        total: how many rows there are, where that is known.
    """
    began = last = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal last
        at = time.monotonic()
        if at - last < 1:
            return
        last = at
        refused = progress.outcomes["REFUSED"]
        rate = progress.done / max(at - began, 0.001)
        if as_json:
            told = {"done": progress.done, "total": total, "rate": round(rate), "refused": refused}
            sys.stderr.write(json.dumps(told) + "\n")
        elif err.is_terminal:
            left = f"  about {(total - progress.done) / rate:.0f} s left" if total else ""
            of = f" / {total:,}" if total else ""
            why = f"  refused {refused}" if refused else ""
            sys.stderr.write(f"\r\x1b[Krows {progress.done:,}{of}  {rate:,.0f}/s{why}{left}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        if err.is_terminal and not as_json:
            sys.stderr.write("\r\x1b[K")
