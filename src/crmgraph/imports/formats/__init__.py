"""The formats: a file of data for each."""

from crmgraph.imports.formats import zoho
from crmgraph.imports.formats.model import Format, Layout

FORMATS: tuple[Format, ...] = (zoho.BACKUP,)
"""In the order in which a table is compared with them."""

__all__ = ["FORMATS", "Format", "Layout"]
