"""The processor's cores, of which one is left to everybody else by whatever computes for long."""

import os


def spare_cores(most: int) -> int:
    """How many threads may compute at once: all cores of this process but one, and one at the least.

    Args:
        most: of them that are wanted.
    """
    # Not everywhere does a system tell which cores a process may use.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(most, allowed - 1))
