"""The GraphQL edge."""

from crmgraph.graph.documents.asked import where_of
from crmgraph.graph.documents.trusted import Documents
from crmgraph.graph.edge.endpoint import PATH, busy, mounts
from crmgraph.graph.resolvers.context import LegacyApi
from crmgraph.graph.schema.schema import sdl

__all__ = ["PATH", "Documents", "LegacyApi", "busy", "mounts", "sdl", "where_of"]
