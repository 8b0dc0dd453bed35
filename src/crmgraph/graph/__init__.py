"""The GraphQL edge."""

from crmgraph.graph.edge.endpoint import PATH, busy, mounts
from crmgraph.graph.schema.asked import where_of
from crmgraph.graph.schema.schema import sdl

__all__ = ["PATH", "busy", "mounts", "sdl", "where_of"]
