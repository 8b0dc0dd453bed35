"""What is served beside the doors: the front page, health, and photos."""

from crmgraph.site.refusals import refused
from crmgraph.site.routes import routes

__all__ = ["refused", "routes"]
