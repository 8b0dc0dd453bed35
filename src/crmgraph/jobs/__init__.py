"""Background work: the table of its kinds, and the runner of any number of processes."""

from crmgraph.jobs.kinds import Kind, kinds
from crmgraph.jobs.runner import POLL, Runner

__all__ = ["POLL", "Kind", "Runner", "kinds"]
