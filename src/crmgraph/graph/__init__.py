"""The GraphQL edge."""

from crmgraph.graph.http import mounts
from crmgraph.graph.schema import sdl

__all__ = ["mounts", "sdl"]
