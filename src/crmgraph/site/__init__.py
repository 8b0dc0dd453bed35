"""What is served beside the doors: the front page, health, and photos."""

from crmgraph.site.routes import routes

__all__ = ["routes"]
