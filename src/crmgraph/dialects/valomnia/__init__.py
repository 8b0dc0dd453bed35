"""The Valomnia dialect: contacts and customers of a sales force, below /api/{version}, behind a session cookie."""

from crmgraph.dialects.valomnia.api import mounts
from crmgraph.dialects.valomnia.openapi import openapi

__all__ = ["mounts", "openapi"]
