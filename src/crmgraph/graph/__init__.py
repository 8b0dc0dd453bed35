"""The GraphQL edge."""

from crmgraph.graph.http import PATH, busy, mounts
from crmgraph.graph.schema import sdl

__all__ = ["PATH", "busy", "mounts", "sdl"]
