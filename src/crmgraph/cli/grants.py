"""What a legacy client may be granted, in its dialect's own words, and which word was meant."""

import re

from crmgraph.crm.models import Door
from crmgraph.suggestions import suggestion

_ACTIONS = ("ALL", "READ", "CREATE", "UPDATE", "DELETE", "WRITE")


def fault_of(dialect: Door, grants: list[str]) -> str | None:
    """Why one of the grants cannot be given, with the nearest that can; None when all can."""
    known = _known(dialect)
    for grant in grants:
        if grant not in known:
            if not known:
                return f"--grant {grant}: {dialect.dialect} knows no grants"
            return f"--grant {grant}: there is no such grant" + (suggestion(grant, known) or f", e.g. {known[0]}")
    return None


def _known(dialect: Door) -> list[str]:
    # The edges, which no other command of clients needs.
    match dialect:
        case Door.ZOHO:
            from crmgraph.dialects.zoho.api import OPERATIONS
            from crmgraph.dialects.zoho.fields import MODULES

            places = {each.area for each in OPERATIONS}
            places |= {f"{each.area}.{each.topic}" for each in OPERATIONS if each.topic}
            places |= {f"modules.{name.lower()}" for name in MODULES}
            return sorted(f"ZohoCRM.{place}.{action}" for place in places for action in _ACTIONS)
        case Door.CRMCOM:
            from crmgraph.dialects.crmcom import api

            methods = {each.grant for each in api.OPERATIONS}
            return sorted(methods | {re.split("/", each)[0] for each in methods})
    return []
