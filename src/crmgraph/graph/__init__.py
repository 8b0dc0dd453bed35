"""The GraphQL edge."""

from crmgraph.graph.http import PATH, mounts
from crmgraph.graph.schema import sdl

__all__ = ["PATH", "mounts", "sdl"]
