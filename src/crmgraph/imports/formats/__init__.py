"""The formats of tables: a file of data for each."""

from crmgraph.imports.formats.dynamics import DYNAMICS
from crmgraph.imports.formats.espocrm import ESPOCRM
from crmgraph.imports.formats.google import GOOGLE
from crmgraph.imports.formats.hubspot import HUBSPOT
from crmgraph.imports.formats.linkedin import LINKEDIN
from crmgraph.imports.formats.model import Format, Layout
from crmgraph.imports.formats.outlook import OUTLOOK
from crmgraph.imports.formats.pipedrive import PIPEDRIVE
from crmgraph.imports.formats.salesforce import EXPORT, REPORT
from crmgraph.imports.formats.suitecrm import SUITECRM
from crmgraph.imports.formats.vtiger import VTIGER
from crmgraph.imports.formats.zoho import BACKUP
from crmgraph.imports.formats.zoho import LIST as ZOHO_LIST

FORMATS: tuple[Format, ...] = (
    BACKUP,
    ZOHO_LIST,
    VTIGER,
    SUITECRM,
    ESPOCRM,
    HUBSPOT,
    EXPORT,
    REPORT,
    PIPEDRIVE,
    DYNAMICS,
    GOOGLE,
    OUTLOOK,
    LINKEDIN,
)
"""In the order in which a table is compared with them."""

__all__ = ["FORMATS", "Format", "Layout"]
