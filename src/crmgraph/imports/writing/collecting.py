"""Garbage: what an import makes lives for a batch, and the collector would walk all of it many times meanwhile."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (100_000, 20, 100)
"""Objects that come before the collector looks at the new ones, at the middle-aged, at all of them.

A batch of a thousand records makes some 50,000. With Python's own 700 a third of the time went into collecting.
"""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Lets the collector run rarely inside the block."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
