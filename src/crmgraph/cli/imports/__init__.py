"""`crmgraph import`: files are looked at, brought in, listed and undone."""

from crmgraph.cli.imports.commands import app

__all__ = ["app"]
